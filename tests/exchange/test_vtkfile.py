"""Legacy VTK files as VTK itself reads them, and damaged ones, over which VTK would end us."""

import numpy as np
import pytest
import pyvista
import vtk

from nav.core.errors import InputError
from nav.exchange.vtkfile import read_vtk_mesh
from nav.model.meshdata import merge_equal


def ball():
    mesh = pyvista.Sphere(radius=5.0, theta_resolution=9, phi_resolution=8)
    mesh.point_data["colour"] = np.arange(mesh.n_points, dtype=np.uint8)
    mesh.cell_data["number"] = np.arange(mesh.n_cells, dtype=float)
    return mesh


def stripped():
    stripper = vtk.vtkStripper()
    stripper.SetInputData(ball())
    stripper.Update()
    return pyvista.wrap(stripper.GetOutput())


def quads():
    return pyvista.Box((0, 1, 0, 2, 0, 3))


def write(path, mesh, binary, version, title="vtk output"):
    writer = vtk.vtkPolyDataWriter()
    writer.SetInputData(mesh)
    writer.SetFileName(str(path))
    writer.SetHeader(title)
    (writer.SetFileTypeToBinary if binary else writer.SetFileTypeToASCII)()
    writer.SetFileVersion(version)
    writer.Write()
    return path


def corners(vertices, triangles):
    """Corner points of all triangles, each turned to begin with its least, in a fixed order."""
    found = np.round(np.asarray(vertices, float)[triangles], 4)
    turned = []
    for triangle in found.tolist():
        k = triangle.index(min(triangle))
        turned.append(triangle[k:] + triangle[:k])
    return sorted(turned)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("version", [42, 51])
@pytest.mark.parametrize("make", [ball, stripped])
def test_read_as_vtk_reads_it(tmp_path, binary, version, make):
    path = write(tmp_path / "x.vtk", make(), binary, version)
    reader = vtk.vtkPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    expected = pyvista.wrap(reader.GetOutput()).triangulate()
    faces = expected.faces.reshape(-1, 4)[:, 1:]
    found = read_vtk_mesh(path, "model x")
    assert corners(found.vertices, found.triangles) == corners(*merge_equal(expected.points, faces))


def test_quadrangles_become_triangles(tmp_path):
    found = read_vtk_mesh(write(tmp_path / "x.vtk", quads(), True, 51), "model x")
    assert len(found.triangles) == 12
    assert found.vertices.max(axis=0) == pytest.approx([1.0, 2.0, 3.0])


def test_a_title_in_ras_turns_it(tmp_path):
    told = write(tmp_path / "ras.vtk", quads(), False, 42, "3D Slicer output. SPACE=RAS")
    assert read_vtk_mesh(told, "model x").vertices.min(axis=0) == pytest.approx([-1.0, -2.0, 0.0])


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (b"POINTS 8", b"POINTS 99999999", "is cut short"),
        (b"POINTS 8", b"POINTS x", "where the number of POINTS"),
        (b"POLYGONS 6 30", b"POLYGONS 6 29", "longer than declared"),
        (b"POLYGONS 6 30", b"POLYGONS 4000000000 30", "longer than declared"),
        (b"\n4 ", b"\n-4 ", "longer than declared"),
        (b"\n4 ", b"\n4000 ", "longer than declared"),
        (b"POLYDATA", b"UNSTRUCTURED_GRID", "not a VTK file of polygons"),
        (b"float", b"string", "which is not known"),
        (b"POLYGONS", b"LINES", "no triangles"),
    ],
)
def test_damaged_ones_are_refused(tmp_path, old, new, match):
    path = write(tmp_path / "x.vtk", quads(), False, 42)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(InputError, match=match) as caught:
        read_vtk_mesh(path, "model x")
    assert "\n" not in str(caught.value)


def test_corners_that_are_not_there(tmp_path):
    path = write(tmp_path / "x.vtk", ball(), True, 51)
    data = path.read_bytes()
    at = data.index(b"CONNECTIVITY vtktypeint64\n") + 26
    path.write_bytes(data[:at] + b"\x7f" * 8 + data[at + 8 :])
    with pytest.raises(InputError, match="names vertex"):
        read_vtk_mesh(path, "model x")
