"""Inside and outside: the winding number, and surfaces that overlap, nest or face the wrong way."""

import numpy as np
import open3d as o3d
import pytest
import pyvista
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.meshdata import MeshError
from nav.model.shells import orient_shells, outer_surface, shell_volumes
from nav.model.surface import Surface, load_surface
from nav.model.winding import WindingNumber
from tests.synthetic import rigid_transforms, vectors

Triangles = NDArray[np.int64]
Mesh = tuple[Array, Triangles]


def ball(radius: float, centre: Array | list[float], level: int = 3) -> Mesh:
    mesh = pyvista.Icosphere(radius=radius, nsub=level)
    points, faces = np.asarray(mesh.points, float), mesh.faces.reshape(-1, 4)[:, 1:]
    return points * (radius / np.linalg.norm(points, axis=1).min()) + centre, faces.astype(int)


def box(low: list[float], high: list[float]) -> Mesh:
    mesh = pyvista.Box(np.stack([low, high], axis=1).ravel()).triangulate().clean()
    return np.asarray(mesh.points, float), mesh.faces.reshape(-1, 4)[:, 1:].astype(int)


def together(*meshes: Mesh) -> Mesh:
    """Several shells in one mesh, as they are."""
    counts = np.cumsum([0, *(len(points) for points, _ in meshes)])
    faces = [triangles + first for (_, triangles), first in zip(meshes, counts, strict=False)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(faces)


def reversed_mesh(mesh: Mesh) -> Mesh:
    return mesh[0], mesh[1][:, ::-1]


def solid_angle_number(mesh: Mesh, point: Array) -> float:
    """The winding number as the sum of the triangles' solid angles [van Oosterom 1983]."""
    a, b, c = np.moveaxis(mesh[0][mesh[1]] - point, 1, 0)
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    above = (a * np.cross(b, c)).sum(axis=1)
    dots = ((a * b).sum(1) * lc, (b * c).sum(1) * la, (c * a).sum(1) * lb)
    return float(np.arctan2(above, la * lb * lc + sum(dots)).sum() / (2.0 * np.pi))


def crossing_tube(radius: float = 2.0) -> Mesh:
    """One shell that crosses itself at the origin at right angles: a tube along a figure of eight.

    Directions at the crossing are (1, 1, 0) and (-1, 1, 0), and the curve is straight there.
    """
    t = np.linspace(0.0, 2.0 * np.pi, 240, endpoint=False)
    path = 20.0 * np.stack([np.sin(t), np.sin(t) * np.cos(t), 0 * t], axis=1)
    tangent = np.stack([np.cos(t), np.cos(2 * t), 0 * t], axis=1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross([0.0, 0.0, 1.0], tangent)
    turn = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)[None, :, None]
    rings = side[:, None] * np.cos(turn) + np.array([0.0, 0.0, 1.0]) * np.sin(turn)
    points = path[:, None] + radius * rings
    i, j = np.meshgrid(np.arange(240), np.arange(32), indexing="ij")
    i2, j2 = (i + 1) % 240, (j + 1) % 32
    a, b, c, d = i * 32 + j, i2 * 32 + j, i2 * 32 + j2, i * 32 + j2
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    mesh = points.reshape(-1, 3), faces
    volume = shell_volumes(*mesh, np.zeros(len(faces), int))[0]
    return mesh if volume > 0 else reversed_mesh(mesh)


SHAPES = {
    "ball": ball(20.0, [0.0, 0.0, 0.0]),
    "box": box([-20.0, -8.0, -3.0], [11.0, 25.0, 16.0]),
    "two apart": together(ball(11.0, [-12.0, 0, 0]), ball(11.0, [12.0, 0, 0])),
    "overlap": together(ball(12.0, [-6.0, 0, 0]), ball(12.0, [6.0, 0, 0])),
    "stored twice": together(ball(15.0, [0.0, 0, 0]), ball(15.0, [1e-3, 0, 0])),
    "hollow": together(ball(20.0, [0.0, 0, 0]), reversed_mesh(ball(9.0, [1.0, 0, 0]))),
    "crossing": crossing_tube(),
}


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=15)
@given(point=vectors(22.0), turned=rigid_transforms(30.0))
def test_it_is_the_sum_of_solid_angles(name, point, turned):
    points, faces = SHAPES[name]
    exact = solid_angle_number((points, faces), point)
    if abs(exact - round(exact)) > 1e-6:
        return  # on the surface
    assert WindingNumber(points, faces)(point) == round(exact)
    assert WindingNumber(turned.apply(points), faces)(turned.apply(point)) == round(exact)


@given(st.tuples(*[st.integers(-30, 30)] * 3))
def test_rays_through_edges_and_vertices_are_counted_once(point):
    """All of the box's corners, edges and diagonals are met exactly by whole numbers."""
    low, high = [-20, -8, -3], [11, 25, 16]
    within = all(a < x < b for a, x, b in zip(low, point, high, strict=True))
    on_it = all(a <= x <= b for a, x, b in zip(low, point, high, strict=True)) and not within
    if not on_it:
        assert WindingNumber(*SHAPES["box"])(np.array(point, float)) == int(within)


@pytest.mark.parametrize("name", ["ball", "box", "two apart"])
def test_on_simple_surfaces_it_agrees_with_open3ds_parity(name):
    points, faces = SHAPES[name]
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(points.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    asked = np.random.default_rng(3).uniform(-25.0, 25.0, (500, 3)).astype(np.float32)
    parity = scene.compute_occupancy(asked, nsamples=5).numpy()
    number = WindingNumber(points, faces)
    assert [number(point) for point in asked] == parity.astype(int).tolist()
    assert 0.02 < parity.mean() < 0.9


def outer(*meshes: Mesh) -> Surface:
    return Surface(*outer_surface(*together(*meshes)))


# balls of 5 mm whose centres are 4 mm apart, as a vessel's segments may be
PAIR = (ball(5.0, [20.0, 0, 0], 4), ball(5.0, [24.0, 0, 0], 4))
ROUND = 0.03  # mm: balls of triangles


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_inside_the_overlap_is_inside_and_as_deep_as_the_union_is(turned):
    shells = [reversed_mesh(m) if back else m for m, back in zip(PAIR, turned, strict=True)]
    surface = outer(*shells)
    # the nearest of the union's boundary is the circle in which the balls meet
    assert surface.distance([22.0, 0, 0])[0] == pytest.approx(-np.sqrt(21.0), abs=ROUND)
    assert surface.distance([20.0, 0, 0])[0] == pytest.approx(-5.0, abs=ROUND)
    assert surface.distance([31.0, 0, 0])[0] == pytest.approx(2.0, abs=ROUND)
    assert surface.distance([22.0, 6.0, 0])[0] == pytest.approx(6 - np.sqrt(21.0), abs=0.1)
    assert surface.vertices[:, 0].min() == pytest.approx(15.0, abs=ROUND)
    along = np.linspace(15.5, 28.5, 40)
    assert all(surface.distance([x, 0.1, 0.1])[0] < 0 for x in along)


@pytest.mark.parametrize("gap", [0.0, 1e-6, 1e-3, 0.5])
def test_a_shell_that_is_stored_twice_a_little_apart_is_one(gap):
    surface = outer(ball(5.0, [20.0, 0, 0]), ball(5.0, [20.0 + gap, 0, 0]))
    assert surface.distance([20.0, 0, 0])[0] == pytest.approx(-5.0, abs=0.05 + gap)
    assert surface.distance([20.0, 8.0, 0])[0] == pytest.approx(3.0, abs=0.05 + gap)


@pytest.mark.parametrize("inner_faces_inwards", [True, False])
def test_a_lumen_inside_a_wall_is_inside(inner_faces_inwards):
    lumen = ball(3.0, [20.0, 0, 0])
    surface = outer(ball(5.0, [20.0, 0, 0]), reversed_mesh(lumen) if inner_faces_inwards else lumen)
    assert surface.distance([20.0, 0, 0])[0] == pytest.approx(-5.0, abs=ROUND)
    assert surface.distance([24.0, 0, 0])[0] == pytest.approx(-1.0, abs=ROUND)
    assert surface.distance([27.0, 0, 0])[0] == pytest.approx(2.0, abs=ROUND)


def test_what_plates_enclose_together_is_inside():
    """Six plates that overlap at their ends make a hollow box of which no shell is hollow."""
    plates = []
    for axis in range(3):
        for side in (-10.0, 9.0):
            low, high = [-10.0] * 3, [10.0] * 3
            low[axis], high[axis] = side, side + 1.0
            plates.append(box(low, high))
    surface = outer(*plates)
    assert surface.distance([0.0, 0, 0])[0] == pytest.approx(-10.0, abs=1e-5)
    assert surface.distance([14.0, 0, 0])[0] == pytest.approx(4.0, abs=1e-5)


def test_triangles_that_face_any_way_are_turned_outwards():
    points, faces = together(ball(5.0, [0.0, 0, 0]), ball(3.0, [20.0, 0, 0]))
    turned = np.random.default_rng(4).random(len(faces)) < 0.5
    mixed = np.where(turned[:, None], faces[:, ::-1], faces)
    found = outer_surface(points, mixed)
    assert shell_volumes(*found, np.zeros(len(faces), int))[0] == pytest.approx(
        shell_volumes(points, faces, np.zeros(len(faces), int))[0]
    )
    surface = Surface(*found)
    assert surface.distance([0.0, 0, 0])[0] == pytest.approx(-5.0, abs=ROUND)
    assert surface.distance([20.0, 0, 0])[0] == pytest.approx(-3.0, abs=ROUND)


def test_a_surface_with_one_side_is_refused():
    """A Klein bottle: a torus whose one seam is glued the other way round."""
    n = 12
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    i2, j2 = (i + 1) % n, (j + 1) % n
    mirrored = (-j) % n, (-j2) % n  # where the tube closes
    c_row, d_row = (np.where(i == n - 1, mirrored[k], (j, j2)[k]) for k in (0, 1))
    a, b = i * n + j, i * n + j2
    c, d = i2 * n + c_row, i2 * n + d_row
    faces = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    with pytest.raises(MeshError, match="has no inside"):
        orient_shells(faces)


def test_a_shell_that_crosses_itself_is_inside_where_it_overlaps():
    """At the crossing of two tubes the nearest wall of either may lie in the other."""
    radius = 2.0
    surface = Surface(*outer_surface(*crossing_tube(radius)))
    along, across = np.array([1.0, 1.0, 0.0]) / np.sqrt(2), np.array([-1.0, 1.0, 0.0]) / np.sqrt(2)
    assert surface.distance([0.0, 0, 0])[0] == pytest.approx(-radius, abs=0.02)
    # by hand: on a tube's axis the nearest of the union's boundary is straight above
    for way in (along, across):
        for share in (0.5, 0.7, 0.9):
            depth = surface.distance(share * radius * way)[0]
            assert depth == pytest.approx(-radius, abs=0.1)
    assert surface.distance([0.0, 0.0, 3.0])[0] == pytest.approx(1.0, abs=0.02)
    assert surface.distance([0.0, 6.0, 0.0])[0] > 1.0


@pytest.mark.parametrize("name", ["overlap", "hollow", "stored twice"])
def test_a_file_of_several_shells_is_read_as_their_union(tmp_path, name):
    points, faces = SHAPES[name]
    path = tmp_path / "artery.ply"
    pyvista.PolyData(points, np.insert(faces, 0, 3, axis=1).ravel()).save(path)
    surface = load_surface(path, "mesh")
    assert surface.distance([0.0, 0, 0])[0] < -8.0
    assert len(surface.triangles) < len(faces)


def test_a_flat_file_is_refused(tmp_path):
    points, faces = box([0.0, 0, 0], [5.0, 5.0, 5.0])
    path = tmp_path / "artery.ply"
    pyvista.PolyData(points * [1, 1, 1e-9], np.insert(faces, 0, 3, axis=1).ravel()).save(path)
    with pytest.raises(InputError, match=r"artery\.ply "):
        load_surface(path, "mesh")


def test_a_mesh_in_metres_is_refused_by_its_unit(tmp_path):
    points, faces = box([0.0, 0, 0], [4.0, 4.0, 30.0])
    path = tmp_path / "artery.ply"
    pyvista.PolyData(points / 1000.0, np.insert(faces, 0, 3, axis=1).ravel()).save(path)
    with pytest.raises(InputError, match=r"reaches over 0\.0305 mm: are these metres\? Write mill"):
        load_surface(path, "mesh")
