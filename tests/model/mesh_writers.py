"""One ball as a mesh file of every kind, and what is read of it or refused."""

import struct
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
