"""STL and 3MF: what was written is read back, the same parts give the same bytes."""

from dataclasses import replace

import lib3mf
import numpy as np
import pytest
import pyvista as pv

from nav.core.errors import InputError
from phantoms.anatomy.mesh import Mesh, signed_volume
from phantoms.kit.needle_carrier import nut
from phantoms.kit.part import BED, Part
from phantoms.kit.part_export import Placed, plates, read_stl, write_3mf, write_stl
from phantoms.kit.solid import box, mesh_of
from phantoms.kit.tools_inserts import adaptor
from phantoms.kit.tools_standards import LUER


@pytest.fixture(scope="module")
def part():
    return adaptor(LUER)


@pytest.fixture(scope="module")
def the_nut():
    return nut()


def brick(name, width, depth, count=1):
    mesh = mesh_of(box((-width / 2, -depth / 2, 0.0), (width / 2, depth / 2, 3.0)))
    return Part(name, name, mesh, None, "PLA", (1.0, 0.5, 0.0), "", count)


def read_3mf(path):
    model = lib3mf.get_wrapper().CreateModel()
    model.QueryReader("3mf").ReadFromFile(str(path))
    return model


def objects_of(model):
    found, iterator = {}, model.GetMeshObjects()
    while iterator.MoveNext():
        item = iterator.GetCurrentMeshObject()
        found[item.GetName()] = item
    return found


def items_of(model):
    items, iterator = [], model.GetBuildItems()
    while iterator.MoveNext():
        items.append(iterator.GetCurrent())
    return items


def test_stl_is_read_back_to_the_bit(tmp_path, part):
    write_stl(tmp_path / "a.stl", part.mesh)
    again = read_stl(tmp_path / "a.stl")
    corners = part.mesh.vertices[part.mesh.triangles]
    assert (again.vertices[again.triangles] == corners).all()
    assert len(again.vertices) == len(part.mesh.vertices)


def test_stl_is_closed_and_outside_out_for_others_too(tmp_path, part):
    write_stl(tmp_path / "a.stl", part.mesh)
    surface = pv.read(tmp_path / "a.stl").clean()
    assert surface.n_open_edges == 0
    assert surface.is_manifold
    assert surface.volume == pytest.approx(signed_volume(part.mesh), rel=1e-5)
    facets = np.frombuffer((tmp_path / "a.stl").read_bytes()[84:], np.uint8).reshape(-1, 50)
    normals = np.ascontiguousarray(facets[:, :12]).view("<f4")
    outwards = surface.compute_normals(auto_orient_normals=True, split_vertices=False)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert len(outwards.faces) == 4 * len(normals)


def test_same_part_same_bytes(tmp_path, part, the_nut):
    for name in ("a", "b"):
        folder = tmp_path / name
        write_stl(folder / "part.stl", part.mesh)
        write_3mf(folder / "part.3mf", [Placed(part), Placed(the_nut, 50.0, 20.0)])
    for file in ("part.stl", "part.3mf"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_3mf_is_read_back(tmp_path, part, the_nut):
    write_3mf(tmp_path / "a.3mf", [Placed(part), Placed(the_nut, 50.0, 20.0)])
    model = read_3mf(tmp_path / "a.3mf")
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    found = objects_of(model)
    assert list(found) == [part.title, the_nut.title]
    for written in (part, the_nut):
        item = found[written.title]
        assert item.IsManifoldAndOriented()
        vertices = np.array([list(v.Coordinates) for v in item.GetVertices()])
        assert vertices == pytest.approx(written.mesh.vertices, abs=2e-6)
        triangles = np.array([list(t.Indices) for t in item.GetTriangleIndices()])
        assert (triangles == written.mesh.triangles).all()
    shifts = [list(i.GetObjectTransform().Fields[3]) for i in items_of(model)]
    assert shifts == [[0.0, 0.0, 0.0], [50.0, 20.0, 0.0]]


def test_3mf_has_material_and_colour(tmp_path, part):
    write_3mf(tmp_path / "a.3mf", [Placed(part)])
    model = read_3mf(tmp_path / "a.3mf")
    resource, index, has = objects_of(model)[part.title].GetObjectLevelProperty()
    assert has
    group = model.GetBaseMaterialGroupByID(resource)
    assert group.GetName(index) == part.material
    colour = group.GetDisplayColor(index)
    shown = [colour.Red / 255, colour.Green / 255, colour.Blue / 255]
    assert shown == pytest.approx(part.colour, abs=1 / 255)


def test_open_mesh_is_no_part(tmp_path, part):
    torn = replace(part, mesh=Mesh(part.mesh.vertices, part.mesh.triangles[1:]))
    with pytest.raises(InputError, match="needle-adaptor-luer: expected a closed mesh"):
        write_3mf(tmp_path / "a.3mf", [Placed(torn)])
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_stl_is_refused(tmp_path):
    (tmp_path / "a.stl").write_text("solid a\nendsolid a\n")
    with pytest.raises(InputError, match="expected a binary STL"):
        read_stl(tmp_path / "a.stl")
    with pytest.raises(InputError, match=r"b\.stl: no such file"):
        read_stl(tmp_path / "b.stl")


def test_plates_hold_every_copy_within_the_bed_none_on_another():
    parts = [brick("a", 120, 90), brick("b", 60, 40, 5), brick("c", 200, 200), brick("d", 9, 9, 30)]
    laid = plates(parts)
    assert sorted(p.part.name for plate in laid for p in plate) == sorted(
        p.name for p in parts for _ in range(p.count)
    )
    assert len(laid) <= 3
    for plate in laid:
        boxes = []
        for placed in plate:
            low, high = placed.part.mesh.vertices.min(axis=0), placed.part.mesh.vertices.max(axis=0)
            move = np.array([placed.x, placed.y])
            boxes.append((low[:2] + move, high[:2] + move))
            assert (boxes[-1][0] >= 0.0).all()
            assert (boxes[-1][1] <= BED[:2]).all()
        for k, (low, high) in enumerate(boxes):
            for other_low, other_high in boxes[:k]:
                assert ((low >= other_high + 5.0) | (other_low >= high + 5.0)).any()


def test_part_wider_than_the_bed_is_refused():
    with pytest.raises(InputError, match=r"a: is 201.0 x 10.0 mm, the bed 200 x 200 mm"):
        plates([brick("a", 201, 10)])
