"""Mesh files that are damaged, too large or no surface are refused in one line."""

import base64
import gzip
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import pyvista

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.surface import load_surface
from nav.model.vtpfile import read_vtp
from tests.model.mesh_writers import (
    FACES,
    POINTS,
    STL,
    array,
    obj,
    ply,
    refusal,
    stl_binary,
    stl_text,
    vtp_text,
)


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
