"""Mesh files of every kind: read alike, and refused in one line where they are damaged."""

import base64
import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista
import vtk

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.surface import Surface, load_surface
from nav.model.vtpfile import read_vtp

BALL = pyvista.Icosphere(radius=5.0, center=(20.0, 0.0, 3.0), nsub=1)
POINTS: Array = np.asarray(BALL.points, np.float32).astype(float)
FACES = BALL.faces.reshape(-1, 4)[:, 1:].astype(int)
PLY_HEAD = (
    "ply\nformat {order} 1.0\ncomment made by hand\nelement vertex {vertices}\nproperty float x\n"
    "property float y\nproperty float z\nelement face {faces}\n"
    "property list uchar int vertex_indices\nend_header\n"
)


def ply(order: str = "ascii", faces: Any = FACES, points: Any = POINTS, **said: int) -> bytes:
    head = PLY_HEAD.format(
        order=order,
        vertices=said.get("vertices", len(points)),
        faces=said.get("faces", len(faces)),
    ).encode()
    if order == "ascii":
        rows = [" ".join(f"{x:.9g}" for x in point) for point in points]
        rows += [" ".join(map(str, [len(face), *face])) for face in faces]
        return head + "\n".join(rows).encode() + b"\n"
    sign = "<" if order == "binary_little_endian" else ">"
    body = np.asarray(points).astype(sign + "f4").tobytes()
    return head + body + b"".join(struct.pack(f"{sign}B{len(f)}i", len(f), *f) for f in faces)


def obj(faces: Any = FACES, points: Any = POINTS) -> bytes:
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points]
    return "\n".join([*lines, *("f " + " ".join(str(i + 1) for i in f) for f in faces)]).encode()


def stl_text(corners: Any = None) -> str:
    corners = POINTS[FACES] if corners is None else corners
    facets = [
        "facet normal 0 0 0\nouter loop\n"
        + "".join(f"vertex {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in triangle)
        + "endloop\nendfacet\n"
        for triangle in corners
    ]
    return "solid artery\n" + "".join(facets) + "endsolid artery\n"


def stl_binary(corners: Any = None, head: bytes = b"made by hand") -> bytes:
    corners = POINTS[FACES] if corners is None else corners
    rows = b"".join(struct.pack("<12fH", 0, 0, 0, *t.ravel(), 0) for t in np.asarray(corners))
    return head.ljust(80, b"\0") + struct.pack("<I", len(corners)) + rows


def vtp(tmp_path: Path, setting: Callable[[Any], None], mesh: Any = BALL) -> bytes:
    writer = vtk.vtkXMLPolyDataWriter()
    writer.SetFileName(str(tmp_path / "written.vtp"))
    writer.SetInputData(mesh)
    setting(writer)
    writer.Write()
    return (tmp_path / "written.vtp").read_bytes()


def array(name: str, kind: str, numbers: Any, components: int = 1) -> str:
    text = " ".join(f"{n:.9g}" for n in np.ravel(numbers))
    return (
        f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{components}" '
        f'format="ascii">{text}</DataArray>'
    )


def vtp_text(faces: Any = FACES, count: int | None = None, extra: str = "") -> bytes:
    offsets = np.cumsum([len(f) for f in faces])
    return (
        '<?xml version="1.0"?><VTKFile type="PolyData" version="1.0"><PolyData>'
        + extra
        + f'<Piece NumberOfPoints="{len(POINTS)}" NumberOfPolys="{count or len(faces)}">'
        f"<Points>{array('Points', 'Float32', POINTS, 3)}</Points><Polys>"
        f"{array('connectivity', 'Int64', np.concatenate(faces))}"
        f"{array('offsets', 'Int64', offsets)}</Polys></Piece></PolyData></VTKFile>"
    ).encode()


def read(tmp_path: Path, name: str, content: bytes | str) -> Surface:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_surface(path, "case.toml: structure cord: mesh")


def refusal(tmp_path: Path, name: str, content: bytes | str) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, content)
    said = str(caught.value)
    assert "\n" not in said
    assert said.isprintable()
    assert said.startswith(f"case.toml: structure cord: mesh: {name} ")
    return said.removeprefix(f"case.toml: structure cord: mesh: {name} ")


def assert_ball(surface: Surface, sign: tuple[float, float, float] = (1, 1, 1)) -> None:
    assert len(surface.vertices) == len(POINTS)
    assert len(surface.triangles) == len(FACES)
    expected = np.array(sorted((POINTS * sign).tolist()))
    found = np.array(sorted(surface.vertices.tolist()))
    assert found == pytest.approx(expected, abs=2e-6)


STL = stl_text()
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


def changed_face(index: int) -> list[list[int]]:
    return [[0, 1, index], *FACES[1:].tolist()]


def one_corner(x: float) -> Array:
    corners = POINTS[FACES].copy()
    corners[7, 1, 0] = x
    return corners


APART = POINTS[FACES] + 1e-5 * np.random.default_rng(1).uniform(-1, 1, (80, 3, 3))
BOX = np.asarray(pyvista.Box((0, 4, 0, 4, 0, 4)).triangulate().clean().points)
BAD: list[tuple[str, bytes | str, str]] = [
    ("a.stl", STL[: int(0.6 * len(STL))], "is cut short: it does not end with 'endsolid'"),
    ("a.stl", STL.replace("endloop\n", "", 1), "is damaged: a facet lacks"),
    ("a.stl", STL.replace("vertex", "vertex 1", 1), "is damaged: a facet lacks"),
    ("a.stl", STL.replace("vertex 2", "vertex two", 1), "has 'two"),
    ("a.stl", "solid x\nendsolid x\n", "has no triangles"),
    ("a.stl", stl_binary()[:2001], "is cut short, or not STL: its header says 80 triangles"),
    (
        "a.stl",
        stl_binary()[:84],
        "is cut short, or not STL: its header says 80 triangles, it has 0",
    ),
    ("a.stl", stl_binary()[:60], "is not STL: it has neither"),
    ("a.stl", stl_binary() + bytes(100), "is damaged: its header says 80 triangles, it has 82"),
    ("a.stl", stl_binary(one_corner(np.nan)), "has a vertex that is not finite"),
    ("a.stl", stl_text(one_corner(np.inf)), "has a vertex that is not finite"),
    ("a.stl", stl_binary(one_corner(1e30)), "has a vertex at 1e+30 mm; expected millimetres"),
    ("a.stl", stl_binary(np.repeat(POINTS[FACES], 2, axis=0)), "is not a simple surface: each tri"),
    ("a.stl", stl_text(POINTS[[*FACES, *FACES[:3]]]), "is not a simple surface: 3 triangles app"),
    ("a.stl", stl_binary(APART), "is not closed: corners that should be one are up to "),
    (
        "a.stl",
        stl_binary(np.repeat(POINTS[FACES], 3, axis=0)),
        "is not a simple surface: each triangle appears 3 times; remove the copies",
    ),
    (
        "a.stl",
        stl_binary(POINTS[[*FACES, *FACES[:3], FACES[0]]]),
        "is not a simple surface: 3 triangles appear up to 3 times",
    ),
    (
        "a.stl",
        stl_binary(POINTS[FACES] + 2000.0 * (APART - POINTS[FACES])),
        "is not closed: corners that should be one are up to 0.05 mm apart; weld them (merge "
        "vertices by distance, 0.1 mm)",
    ),
    (
        "a.stl",
        stl_binary(POINTS[[*FACES, [*FACES[0][:2], FACES[-1][-1]]]]),
        "is not a simple surface: triangles stand out of it, first near",
    ),
    ("a.stl", ply(), "is a PLY file; name it .ply"),
    ("a.obj", ply(), "is a PLY file; name it .ply"),
    ("a.ply", stl_text(), "is a text STL; name it .stl"),
    ("a.stl", gzip.compress(stl_binary()), "is compressed by gzip; unpack it"),
    ("a.stl", b"PK\x03\x04" + bytes(200), "is a ZIP archive or spreadsheet; save what is in it"),
    ("a.stl", stl_text().encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    ("a.ply", b"<!DOCTYPE html><html>" + bytes(99), "is a web page; download the file itself"),
    ("a.ply", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer; fetch"),
    ("a.stl", stl_binary(POINTS[FACES[1:]]), "is not closed: 3 edges belong to one triangle only"),
    ("a.ply", ply(faces=changed_face(99999)), "has a face that names vertex 99999, there are 42"),
    ("a.ply", ply(faces=changed_face(-1)), "has a face that names vertex -1, there are 42"),
    (
        "a.ply",
        ply("binary_little_endian", changed_face(42)),
        "has a face that names vertex 42, the",
    ),
    ("a.ply", ply(faces=FACES[:0]), "has no triangles"),
    ("a.ply", ply().replace(b"face 80", b"face 2000000000"), "is cut short: its header says 20"),
    ("a.ply", ply().replace(b"vertex 42", b"vertex 4294967295"), "is cut short: its header says 4"),
    ("a.ply", ply().replace(b"vertex 42", b"vertex -42"), "has a header line that cannot be read"),
    ("a.ply", ply().replace(b"face 80", b"face " + b"9" * 5000), "has a header line that cannot"),
    (
        "a.ply",
        ply().replace(b"float x", b"string x"),
        "has a header line that cannot be read: prop",
    ),
    ("a.ply", ply().replace(b"float x", b"float w"), "has no property x of its vertices"),
    ("a.ply", ply().replace(b"ascii", b"binary_mixed"), "has a header line that cannot be read"),
    ("a.ply", ply().replace(b"format ascii 1.0\n", b""), "has no line 'format'"),
    ("a.ply", ply().replace(b"end_header", b"end"), "is cut short, or not PLY"),
    ("a.ply", ply()[:-200], "is cut short"),
    ("a.ply", ply("binary_little_endian")[:-200], "is cut short"),
    ("a.ply", ply().replace(b"\n3 ", b"\n300000000 ", 1), "is cut short"),
    ("a.ply", ply().replace(b"\n3 ", b"\n-3 ", 1), "has a list of -3 entries in face"),
    ("a.ply", ply().replace(b"\n3 ", b"\nnan ", 1), "has a list of nan entries in face"),
    ("a.ply", ply().replace(b"\n3 ", b"\n3.5 ", 1), "has a list of 3.5 entries in face"),
    ("a.obj", obj(changed_face(999998)), "has a face that names vertex 999999, there are 42"),
    ("a.obj", obj() + b"\nf 0 1 2", "has a face that names vertex 0 in line 123; they count fr"),
    ("a.obj", obj() + b"\nf -99 1 2", "has a face that names vertex -56, there are 42"),
    ("a.obj", obj() + b"\nf 1 2", "has a face of 2 corners in line 123"),
    ("a.obj", obj() + b"\nf 1 2 x", "has a face that cannot be read in line 123"),
    ("a.obj", obj() + b"\nf 1 2 " + b"9" * 5000, "has a face that cannot be read in line 123"),
    ("a.obj", obj() + b"\nv 1 2", "has a vertex of 2 numbers in line 123"),
    ("a.obj", obj() + b"\nv 1 2 x", "has 'x' where a number is expected; export it again"),
    ("a.obj", obj() + b"\nv 1,5 2 3", "has '1,5' where a number is expected; write decimal points"),
    ("a.vtp", vtp_text(changed_face(999999)), "has a face that names vertex 999999, there are 42"),
    ("a.vtp", vtp_text(count=4294967295), "is damaged: it says 4294967295 Polys, has 80 offsets"),
    ("a.vtp", vtp_text().replace(b'Points="42"', b'Points="4294967295"'), "is damaged: it says 42"),
    ("a.vtp", vtp_text().replace(b'Points="42"', b'Points="-1"'), "is damaged: NumberOfPoints is"),
    ("a.vtp", vtp_text().replace(b"Float32", b"Complex"), "has an array of type Complex"),
    ("a.vtp", vtp_text().replace(b'"PolyData"', b'"ImageData"'), "is not VTP: its type is ImageD"),
    ("a.vtp", vtp_text()[:-30], "is not XML, or cut short"),
    (
        "a.vtp",
        vtp_text().replace(b"<VTKFile", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><VTKFile'),
        "has a document type",
    ),
    (
        "a.vtp",
        vtp_text().replace(b'version="1.0"><', b'version="1.0" header_type="x"><'),
        "is damaged: 'x' is not a byte order or header type",
    ),
]


@pytest.mark.parametrize(("name", "content", "says"), BAD)
def test_what_is_damaged_is_refused_with_the_reason(tmp_path, name, content, says):
    assert refusal(tmp_path, name, content).startswith(says)


def test_blocks_that_are_not_what_they_say_are_refused(tmp_path):
    """Compressed arrays: a bomb, blocks without end, and lengths beyond the file."""
    bomb = zlib.compress(bytes(10**7))
    for header, says in (
        ((1, 504, 504, len(bomb)), "it says 42 points and has 126 numbers"),
        ((1, 2**31, 504, len(bomb)), "is damaged, or too large"),
        ((2**31, 504, 504, len(bomb)), "is damaged, or too large"),
        ((3, 504, 504, len(bomb)), "is cut short or damaged"),
        ((1, 504, 600, len(bomb)), "is damaged, or too large"),
        ((1, 504, 504, 2**31), "is cut short or damaged"),
    ):
        data = base64.b64encode(struct.pack("<4I", *header)) + base64.b64encode(bomb)
        text = vtp_text().decode()
        inside = array("Points", "Float32", POINTS, 3)
        packed = (
            f'<DataArray type="Float32" Name="Points" NumberOfComponents="3" format="binary">'
            f"{data.decode()}</DataArray>"
        )
        text = text.replace("<VTKFile ", '<VTKFile compressor="vtkZLibDataCompressor" ')
        content = text.replace(inside, packed)
        assert content != text
        if header[1:3] == (504, 504) and header[0] == 1 and header[3] == len(bomb):
            # the right length of zeros: read, and no surface
            assert "has no triangles" in refusal(tmp_path, "a.vtp", content)
        else:
            assert says in refusal(tmp_path, "a.vtp", content)


def packed_array(name: str, kind: str, data: bytes, components: int = 1) -> str:
    block = zlib.compress(data)
    head = base64.b64encode(struct.pack("<4I", 1, len(data), len(data), len(block))).decode()
    return (
        f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{components}" '
        f'format="binary">{head}{base64.b64encode(block).decode()}</DataArray>'
    )


def strip_file(strip: Any) -> bytes:
    """One triangle strip."""
    return (
        '<VTKFile type="PolyData" compressor="vtkZLibDataCompressor"><PolyData>'
        f'<Piece NumberOfPoints="{len(POINTS)}" NumberOfStrips="1"><Points>'
        f"{packed_array('Points', 'Float32', POINTS.astype('<f4').tobytes(), 3)}</Points><Strips>"
        f"{packed_array('connectivity', 'UInt8', bytes(strip))}"
        f"{packed_array('offsets', 'Int64', struct.pack('<q', len(strip)))}"
        "</Strips></Piece></PolyData></VTKFile>"
    ).encode()


def test_a_strip_is_read_with_every_second_triangle_turned():
    mesh = read_vtp(strip_file([3, 1, 4, 0, 5]))
    assert mesh.corners.reshape(-1, 3).tolist() == [[3, 1, 4], [4, 1, 0], [4, 0, 5]]


@pytest.mark.parametrize(
    ("count", "says"),
    [(1_000_003, "has more than 1000000 triangles"), (2**25, "is damaged, or too large")],
)
def test_a_small_file_that_unpacks_to_millions_of_triangles_is_refused(tmp_path, count, says):
    content = strip_file(bytes(count))
    assert len(content) < 100_000
    assert says in refusal(tmp_path, "a.vtp", content)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            b"property float y",
            b"property float x\nproperty float y",
            "has the property x of vertex tw",
        ),
        (b"element face", b"element vertex 3\nelement face", "has the element vertex twice"),
    ],
)
def test_a_ply_that_names_something_twice_is_refused(tmp_path, old, new, says):
    whole = ply()
    assert old in whole
    assert refusal(tmp_path, "a.ply", whole.replace(old, new, 1)).startswith(says)


def test_more_faces_than_are_read_are_refused_before_they_are(tmp_path):
    """A megabyte of empty faces took a quarter of a minute, a hundred half an hour."""
    head = ply("binary_little_endian", faces=[]).replace(b"element face 0", b"element face 1000001")
    assert b"1000001" in head
    said = refusal(tmp_path, "a.ply", head + bytes(1_000_001))
    assert said.startswith("has more than 1000000 of face")


@pytest.mark.parametrize(
    ("bound", "says"),
    [("MOST_TRIANGLES", "has more than 30 triangles"), ("MOST_LINES", "has more than 30 lines")],
)
def test_an_obj_that_is_too_large_is_refused_while_it_is_read(tmp_path, monkeypatch, bound, says):
    monkeypatch.setattr(f"nav.model.objfile.{bound}", 30)
    assert refusal(tmp_path, "a.obj", obj()).startswith(says)


def test_a_mesh_of_too_many_shells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("nav.model.shells.MOST_SHELLS", 2)
    balls = [POINTS + np.array([100.0 * k, 0.0, 0.0]) for k in range(3)]
    faces = np.concatenate([FACES + k * len(POINTS) for k in range(3)])
    said = refusal(tmp_path, "a.ply", ply(faces=faces, points=np.concatenate(balls)))
    assert said.startswith("has 3 separate shells")


def test_two_blocks_that_share_an_edge_are_named(tmp_path):
    corner = BOX + np.array([4.0, 4.0, 0.0])
    faces = pyvista.Box((0, 4, 0, 4, 0, 4)).triangulate().clean().faces.reshape(-1, 4)[:, 1:]
    both = np.concatenate([faces, faces + len(BOX)])
    said = refusal(tmp_path, "a.ply", ply(faces=both, points=np.concatenate([BOX, corner])))
    assert said.startswith("is not a simple surface: 1 edge joins 4 triangles, first near (4.00, 4")


WHOLE: dict[str, bytes] = {
    "text.ply": ply(),
    "little.ply": ply("binary_little_endian"),
    "text.stl": STL.encode(),
    "binary.stl": stl_binary(),
    "a.obj": obj(),
    "a.vtp": vtp_text(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whatever_is_changed_in_a_file_it_is_read_or_refused_in_one_line(tmp_path, name, capfd):
    """Bytes turned, taken out, doubled or put for counts: never a crash, never a word more."""
    random = np.random.default_rng(15)
    whole = WHOLE[name]
    for _ in range(120):
        content = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(len(content)))
            kind = random.integers(4)
            if kind == 0:
                content[at] = int(random.integers(256))
            elif kind == 1:
                del content[at : at + int(random.integers(1, 60))]
            elif kind == 2:
                content[at:at] = content[at : at + int(random.integers(1, 60))]
            else:
                content[at : at + 4] = random.choice([b"\xff\xff\xff\x7f", b"9999", b"-1 -"])
        (tmp_path / name).write_bytes(bytes(content))
        said = ""
        try:
            load_surface(tmp_path / name, "mesh")
        except InputError as error:
            said = str(error)
        assert said == "" or (said.startswith(f"mesh: {name} ") and said.isprintable())
    assert capfd.readouterr() == ("", "")
