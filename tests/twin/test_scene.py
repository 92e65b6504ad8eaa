"""The still scene: where rays meet it, how it is lit, what hides what."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.model.closed import count_open_edges
from phantoms.anatomy.mesh import Mesh, signed_volume
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import Anatomy, AnatomyStructure
from phantoms.kit.part import Part
from phantoms.twin.scene_drape import drape_item
from phantoms.twin.scene_grain import grain
from phantoms.twin.scene_parts import kit_items, quick_items
from phantoms.twin.scene_props import table_items
from phantoms.twin.scene_rays import RayScene, corner_normals
from phantoms.twin.scene_shapes import box, sheet, turned
from phantoms.twin.simulated_room import SceneItem, grey
from phantoms.twin.world import make_world
from tests.solids import surface_of

BONE = AnatomyStructure("C2", "bone", *box((-10, -20, -10), (10, 0, 10)))
SKIN = AnatomyStructure("skin", "skin", *box((-40, -60, -40), (40, 30, 40)))
DURA = AnatomyStructure("dura", "dura", *box((-8, 0, -40), (8, 8, 40)))


def anatomy(*structures: AnatomyStructure) -> Anatomy:
    return Anatomy("plain", AnatomyParameters(), structures, (), ())


@pytest.fixture(scope="module")
def plain_items():
    return quick_items(anatomy(BONE))


def ball(radius: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    import pyvista

    surface = surface_of(pyvista.Icosphere(radius=radius, nsub=4))
    return surface.vertices, surface.triangles


# rays


def test_rays_meet_the_first_surface_where_it_is():
    items = [
        SceneItem("near", *box((-5, -5, 10), (5, 5, 12)), 0.5),
        SceneItem("far", *box((-50, -50, 20), (50, 50, 30)), 0.5),
    ]
    rays = np.array([[0, 0, 0, 0, 0, 2.0], [20, 3, 0, 0, 0, 1], [90, 0, 0, 0, 0, 1]], np.float32)
    hits = RayScene(items).first(rays)
    assert hits.item.tolist() == [0, 1, -1]
    assert hits.way[:2] == pytest.approx([5.0, 20.0])
    assert np.isinf(hits.way[2])
    assert hits.points[:2] == pytest.approx(np.array([[0, 0, 10], [20, 3, 20]]))
    assert hits.normals[:2] == pytest.approx(np.array([[0, 0, -1.0], [0, 0, -1.0]]))


def test_a_ray_is_free_only_as_far_as_nothing_is_in_its_way():
    scene = RayScene([SceneItem("wall", *box((-5, -5, 10), (5, 5, 12)), 0.5)])
    rays = np.array([[0, 0, 0, 0, 0, 9.0], [0, 0, 0, 0, 0, 11], [6, 0, 0, 0, 0, 50]], np.float32)
    assert scene.free(rays).tolist() == [1.0, 0.0, 1.0]


def test_round_surfaces_are_shaded_round_and_edges_sharp():
    vertices, triangles = ball()
    _, corners = corner_normals(vertices.astype(np.float32), triangles)
    assert corners == pytest.approx(vertices[triangles] / 10.0, abs=0.01)
    vertices, triangles = box((0, 0, 0), (10, 20, 30))
    flat, corners = corner_normals(vertices.astype(np.float32), triangles)
    assert corners == pytest.approx(np.repeat(flat[:, None], 3, axis=1), abs=1e-6)


# shapes and surfaces


@pytest.mark.parametrize(
    ("shape", "volume"),
    [
        (box((0, 0, 0), (1, 2, 3)), 6.0),
        (turned([(0.001, 0), (5, 0), (5, 10), (0.001, 10)], 256), np.pi * 250),
    ],
    ids=["box", "turned"],
)
def test_shapes_are_closed_and_face_outwards(shape, volume):
    vertices, triangles = shape
    assert count_open_edges(triangles) == 0
    assert signed_volume(Mesh(vertices, triangles)) == pytest.approx(volume, rel=1e-3)


def test_a_sheet_faces_up():
    vertices, triangles = sheet(np.zeros((3, 4)), np.arange(3.0), np.arange(4.0))
    flat, _ = corner_normals(vertices.astype(np.float32), triangles)
    assert flat == pytest.approx(np.tile([0.0, 1.0, 0.0], (len(triangles), 1)))


def test_what_lies_on_the_table_lies_on_the_lowest_that_stands(plain_items):
    lowest = min(item.vertices[:, 1].min() for item in plain_items)
    table, *things = table_items(plain_items)
    assert table.vertices[:, 1].max() == pytest.approx(lowest)
    for item in things:
        assert lowest - 4.1 < item.vertices[:, 1].min() < lowest + 15.0
        assert item.vertices[:, 1].max() > lowest + 5.0


def test_grain_is_the_same_at_the_same_place_and_smooth():
    points = np.random.default_rng(1).uniform(-50, 50, (500, 3)).astype(np.float32)
    size = np.full((500, 3), 10.0, np.float32)
    here = grain(points, size)
    assert np.array_equal(here, grain(points[::-1].copy(), size)[::-1])
    assert np.abs(here - grain(points + np.float32(0.01), size)).max() < 0.02
    assert np.abs(here).max() <= 1.0
    assert here.std() > 0.1


def test_grey_of_white_black_and_middle_grey():
    assert grey((1.0, 1.0, 1.0)) == pytest.approx(1.0)
    assert grey((0.0, 0.0, 0.0)) == 0.0
    # sRGB 0.735 is linear 0.5, to three digits
    assert grey((0.735, 0.735, 0.735)) == pytest.approx(0.5, abs=1e-3)


# the phantom's items


def test_a_quick_phantom_stands_on_the_kits_base_with_its_frame(plain_items):
    names = {item.name for item in plain_items}
    assert {"base", "arch_cranial", "arch_caudal", "bar", "reference_seat", "C2"} == names
    (seat,) = (item for item in plain_items if item.with_reference)
    assert seat.name == "reference_seat"
    assert seat.set_back > 0


def test_a_kits_parts_stand_where_the_kit_says_and_casting_is_over():
    vertices, triangles = box((0, 0, 0), (10, 20, 5))
    mesh = Mesh(vertices, triangles)
    place = RigidTransform.from_components([1, 2, 3], Rotation.from_rotvec([0, 0, np.pi / 2]))
    white = (1.0, 1.0, 1.0)
    parts = [
        Part(name, name, mesh, where, "PLA", white, "")
        for name, where in (
            ("base", place),
            ("column", place),
            ("mould_left", place),
            ("sac_core", place),
            ("carrier", None),
        )
    ]
    items = {item.name: item for item in kit_items(parts, anatomy(BONE, SKIN, DURA))}
    # the bones are in the column, the dura is in the gel
    assert set(items) == {"base", "column", "skin"}
    assert items["base"].vertices == pytest.approx(place.apply(vertices))
    assert items["base"].albedo == pytest.approx(1.0)
    assert items["skin"].finish == "gel"


def test_the_seat_goes_with_the_reference_body_and_the_base_with_the_phantom(plain_items):
    world = make_world(anatomy(BONE), 3, items=plain_items)
    off = world.model_from_reference * world.seat.inv()
    assert np.linalg.norm(off.translation) > 0.1
    for before, after in zip(plain_items, world.standing, strict=False):
        expected = off.apply(before.vertices) if before.with_reference else before.vertices
        assert after.vertices == pytest.approx(expected)


# the drape


def test_a_drape_covers_all_but_its_hole():
    thing = SceneItem("thing", *box((-40, -60, -40), (40, 30, 40)), 0.5)
    entry = np.array([60.0, 0.0, 0.0])
    drape = drape_item([thing], [(entry, 30.0)], -60.0)
    x, z = (k.ravel() for k in np.meshgrid(np.linspace(-60, 60, 61), np.linspace(-60, 58, 61)))
    down = np.zeros((len(x), 6), np.float32)
    down[:, 0], down[:, 1], down[:, 2], down[:, 4] = x, 500.0, z, -1.0
    first = RayScene([thing, drape]).first(down)
    over = np.abs(x) < 40
    assert (first.item[over & (np.abs(z) < 40)] == 1).all()
    used = drape.vertices[np.unique(drape.triangles)]
    assert np.linalg.norm(used - entry, axis=1).min() >= 30.0
    # without the hole it would be there
    whole = drape_item([thing], [], -60.0)
    assert np.linalg.norm(whole.vertices - entry, axis=1).min() < 25.0
