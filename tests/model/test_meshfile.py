"""Mesh files of every kind are read alike."""

import numpy as np
import pytest
import pyvista

from tests.model.mesh_writers import (
    FACES,
    POINTS,
    STL,
    assert_ball,
    obj,
    ply,
    read,
    refusal,
    stl_binary,
    stl_text,
    vtp,
    vtp_text,
)

HEAD_WITH_SOLID = b"solid made by a program that begins so"
GOOD: dict[str, tuple[str, bytes | str]] = {
    "text": ("a.stl", STL),
    "capitals": ("a.stl", STL.upper()),
    "mark": ("a.stl", b"\xef\xbb\xbf" + STL.encode()),
    "mark and capitals": ("a.stl", b"\xef\xbb\xbf" + STL.upper().encode()),
    "windows lines": ("a.stl", STL.replace("\n", "\r\n")),
    "old lines": ("a.stl", STL.replace("\n", "\r")),
    "indented": ("a.stl", STL.replace("vertex", "\t   vertex")),
    "no name": ("a.stl", STL.replace(" artery", "")),
    "facet in its name": ("a.stl", STL.replace("artery", "facet vertex loop")),
    "two solids": (
        "a.stl",
        stl_text(POINTS[FACES[:30]]) + stl_text(POINTS[FACES[30:]]),
    ),
    "normals that are none": ("a.stl", STL.replace("normal 0 0 0", "normal nan -nan 0")),
    "binary": ("a.stl", stl_binary()),
    "binary that begins with solid": ("a.stl", stl_binary(head=HEAD_WITH_SOLID)),
    "bytes after it": ("a.stl", stl_binary() + b"appended by a program of 37 bytes ..."),
    "bytes after it, solid": ("a.stl", stl_binary(head=HEAD_WITH_SOLID) + b"\0" * 7),
    "capital suffix": ("a.STL", stl_binary()),
    "ply": ("a.ply", ply()),
    "ply little": ("a.ply", ply("binary_little_endian")),
    "ply big": ("a.ply", ply("binary_big_endian")),
    "ply mark": ("a.ply", b"\xef\xbb\xbf" + ply()),
    "ply windows": ("a.ply", ply().replace(b"\n", b"\r\n")),
    "ply windows binary": (
        "a.ply",
        ply("binary_little_endian").replace(b"\n", b"\r\n", 10),
    ),
    "ply bytes after it": ("a.ply", ply("binary_little_endian") + b"more"),
    "obj": ("a.obj", obj()),
    "obj windows": ("a.obj", obj().replace(b"\n", b"\r\n")),
    "obj with much else": (
        "a.obj",
        b"# comment\nmtllib a.mtl\no artery\ng one\nusemtl red\ns off\n"
        + obj().replace(b"\nf ", b"\nvn 0 0 1\nvt 0 0\nf ").replace(b"v 2", b"v  2"),
    ),
    "vtp": ("a.vtp", vtp_text()),
    "vtp mark": ("a.vtp", b"\xef\xbb\xbf" + vtp_text()),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_whole_is_read(tmp_path, name):
    assert_ball(read(tmp_path, *GOOD[name]))


def test_properties_that_are_not_needed_are_left_out(tmp_path):
    rows = [f"7 {x:.9g} {y:.9g} 2 1 2 {z:.9g}" for x, y, z in POINTS]
    rows += [
        f"{n % 5} {' '.join('0' * (n % 5))} 255 3 {a} {b} {c}" for n, (a, b, c) in enumerate(FACES)
    ]
    head = (
        "ply\nformat ascii 1.0\nelement camera 1\nproperty float view\nproperty list uchar int at\n"
        f"element vertex {len(POINTS)}\nproperty uchar red\nproperty float x\nproperty double y\n"
        "property list uchar float uv\nproperty float z\n"
        f"element face {len(FACES)}\nproperty list uchar short neighbours\nproperty uchar red\n"
        "property list uchar uint vertex_index\nend_header\n1.5 2 8 9\n"
    )
    assert_ball(read(tmp_path, "a.ply", head + "\n".join(rows)))


def test_obj_indices_of_textures_and_from_the_end(tmp_path):
    faces = FACES + 1
    lines = [f"v {x:.9g} {y:.9g} {z:.9g} 0.5 0.5 0.5" for x, y, z in POINTS]
    for k, face in enumerate(faces):
        form = ("{0}", "{0}/1", "{0}//1", "{0}/1/1")[k % 4]
        lines.append("f " + " ".join(form.format(i) for i in face))
    assert_ball(read(tmp_path, "a.obj", "\n".join(lines)))
    from_end = faces - len(POINTS) - 1
    lines = lines[: len(POINTS)] + [f"f {a} {b} \\\n {c}" for a, b, c in from_end]
    assert_ball(read(tmp_path, "a.obj", "\n".join(lines)))


MODES = {
    "text": lambda w: w.SetDataModeToAscii(),
    "base64": lambda w: (w.SetDataModeToBinary(), w.SetCompressorTypeToNone()),
    "base64 zlib": lambda w: w.SetDataModeToBinary(),
    "appended": lambda w: w.SetCompressorTypeToNone(),
    "appended zlib": lambda w: None,
    "appended zlib, small blocks": lambda w: w.SetBlockSize(64 * 3),
    "appended raw": lambda w: (w.EncodeAppendedDataOff(), w.SetCompressorTypeToNone()),
    "appended raw zlib": lambda w: w.EncodeAppendedDataOff(),
    "lzma": lambda w: w.SetCompressorTypeToLZMA(),
    "long headers": lambda w: w.SetHeaderTypeToUInt64(),
    "long headers, plain": lambda w: (w.SetHeaderTypeToUInt64(), w.SetCompressorTypeToNone()),
    "big endian": lambda w: w.SetByteOrderToBigEndian(),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_way_in_which_vtk_writes_is_read(tmp_path, mode):
    assert_ball(read(tmp_path, "a.vtp", vtp(tmp_path, MODES[mode])))


def test_strips_and_pieces_are_read(tmp_path):
    stripped = pyvista.Box((0, 3, 0, 4, 0, 5)).triangulate().clean().strip()
    assert stripped.n_strips
    content = vtp(tmp_path, MODES["text"], stripped)
    surface = read(tmp_path, "a.vtp", content)
    assert surface.distance([1.0, 2.0, 2.5])[0] == pytest.approx(-1.0)
    piece = vtp_text().partition(b"<PolyData>")[2].rpartition(b"</PolyData>")[0]
    moved = piece.replace(b'NumberOfPoints="42"', b'NumberOfPoints="42" x="1"')
    twice = vtp_text().replace(piece, piece + moved)
    assert "appears twice" in refusal(tmp_path, "a.vtp", twice)


def test_a_compressor_that_is_not_known_is_named(tmp_path):
    content = vtp(tmp_path, lambda w: w.SetCompressorTypeToLZ4())
    assert "compressed by vtkLZ4DataCompressor; save it with zlib" in refusal(
        tmp_path, "a.vtp", content
    )


@pytest.mark.parametrize("name", ["a.ply", "a.obj", "a.vtp"])
def test_polygons_are_cut_into_triangles_also_concave_ones(tmp_path, name):
    """An L of 3 squares of 10 mm, 10 mm high: two hexagons and six quadrangles."""
    flat = [(0, 0), (20, 0), (20, 10), (10, 10), (10, 20), (0, 20)]
    points = np.array([(x, y, z) for z in (0.0, 10.0) for x, y in flat])
    faces = [[5, 4, 3, 2, 1, 0], [6, 7, 8, 9, 10, 11]]
    faces += [[k, (k + 1) % 6, (k + 1) % 6 + 6, k + 6] for k in range(6)]
    writers = {
        "a.ply": lambda: ply("binary_big_endian", faces, points),
        "a.obj": lambda: obj(faces, points),
        "a.vtp": lambda: vtp(
            tmp_path,
            MODES["appended zlib"],
            pyvista.PolyData(points, np.concatenate([[len(f), *f] for f in faces])),
        ),
    }
    surface = read(tmp_path, name, writers[name]())
    assert len(surface.triangles) == 4 + 4 + 12
    assert surface.distance([15.0, 15.0, 5.0])[0] == pytest.approx(5.0)
    assert surface.distance([5.0, 5.0, 4.0])[0] == pytest.approx(-4.0)


SPACE = '<FieldData><Array type="String" Name="SPACE" NumberOfTuples="1" format="ascii">82 65 83 0'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ply", ply().replace(b"made by hand", b"SPACE=RAS")),
        ("a.stl", stl_binary(head=b"3D Slicer output. SPACE=RAS")),
        ("a.stl", STL.replace("solid artery\n", "solid artery SPACE=RAS\n", 1)),
        ("a.obj", b"# 3D Slicer output. SPACE=RAS\n" + obj()),
        ("a.vtp", vtp_text(extra=SPACE + "</Array></FieldData>")),
    ],
)
def test_a_file_that_says_it_is_ras_is_turned(tmp_path, name, content):
    assert_ball(read(tmp_path, name, content), (-1, -1, 1))
