"""Distances and rays against closed forms, and what is no closed surface."""

import struct
from pathlib import Path

import numpy as np
import pytest
import pyvista
from hypothesis import assume, given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.closed import count_open_edges
from nav.model.surface import Surface, load_surface
from tests.solids import box, box_mesh, surface_of
from tests.synthetic import floats, rigid_transforms, vectors

# float32 at 100 mm resolves 8e-6 mm; a distance has three coordinates of point and surface
SINGLE = 3e-5
LOW, HIGH = np.array([-30.0, -8.0, 5.0]), np.array([12.0, 25.0, 60.0])
BOX = box(LOW, HIGH)
CENTRE, RADIUS = np.array([15.0, -20.0, 40.0]), 22.0


def ball() -> tuple[Surface, float]:
    """A polyhedron with all vertices on the sphere, and the radius of the ball inside it."""
    mesh = pyvista.Icosphere(radius=RADIUS, center=CENTRE, nsub=4)
    surface = surface_of(mesh)
    a, b, c = np.moveaxis(surface.vertices[surface.triangles], 1, 0)
    normals = np.cross(b - a, c - a)
    heights = ((a - CENTRE) * normals).sum(axis=1) / np.linalg.norm(normals, axis=1)
    return surface, float(np.abs(heights).min())


BALL, INNER = ball()
points = vectors(90.0)
directions = vectors(1.0).filter(lambda v: bool(np.linalg.norm(v) > 0.1))


def box_distance(point: Array) -> float:
    """Signed distance to the box between LOW and HIGH."""
    beyond = np.maximum(LOW - point, point - HIGH)
    outside = float(np.linalg.norm(np.maximum(beyond, 0.0)))
    return outside if outside > 0.0 else float(beyond.max())


@given(points)
def test_distance_to_a_box_is_the_closed_form(point):
    distance, nearest = BOX.distance(point)
    assert distance == pytest.approx(box_distance(point), abs=SINGLE)
    assert box_distance(nearest) == pytest.approx(0.0, abs=SINGLE)
    assert np.linalg.norm(point - nearest) == pytest.approx(abs(distance), abs=SINGLE)


@given(st.tuples(*(floats(low + 0.01, high - 0.01) for low, high in zip(LOW, HIGH, strict=True))))
def test_inside_is_negative(point):
    distance, _ = BOX.distance(point)
    assert distance < 0.0
    assert distance == pytest.approx(box_distance(np.array(point)), abs=SINGLE)


@given(points, rigid_transforms(50.0))
def test_a_surface_that_is_moved_with_the_point_is_as_far(point, place):
    moved = Surface(place.apply(BOX.vertices), BOX.triangles)
    assert moved.distance(place.apply(point))[0] == pytest.approx(box_distance(point), abs=SINGLE)


@given(points)
def test_distance_to_a_ball_is_between_those_to_the_spheres_that_hold_it(point):
    distance, nearest = BALL.distance(point)
    from_centre = float(np.linalg.norm(point - CENTRE))
    assert from_centre - RADIUS - SINGLE <= distance <= from_centre - INNER + SINGLE
    assert INNER - SINGLE <= np.linalg.norm(nearest - CENTRE) <= RADIUS + SINGLE
    assert np.linalg.norm(point - nearest) == pytest.approx(abs(distance), abs=SINGLE)


def test_the_ball_is_round_enough_to_tell():
    assert RADIUS - INNER < 0.03


def box_hit(origin: Array, direction: Array) -> tuple[float, float]:
    """Ways to where the line enters and leaves the box; enters later than it leaves: a miss."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.array([(LOW - origin) / direction, (HIGH - origin) / direction])
    return float(np.min(ways, axis=0).max()), float(np.max(ways, axis=0).min())


@given(points, directions)
def test_first_hit_of_a_box_is_the_closed_form(origin, direction):
    direction = direction / np.linalg.norm(direction)
    assume(np.abs(direction).min() > 1e-3)
    enters, leaves = box_hit(origin, direction)
    # a ray along an edge, or one that starts on the surface, may go either way
    assume(abs(leaves - enters) > 0.05 and abs(enters) > 0.01 and abs(leaves) > 0.01)
    hit = BOX.first_hit(origin, direction)
    if enters > leaves or leaves < 0.0:
        assert hit is None
    else:
        expected = enters if enters > 0.0 else leaves
        # one component of 1e-3 lengthens the error of the surface a thousandfold
        slack = SINGLE / np.abs(direction).min() + SINGLE
        assert hit == pytest.approx(expected, abs=slack)


@given(vectors(1.0).filter(lambda v: bool(np.linalg.norm(v) > 0.1)), directions, floats(0.0, 1.5))
def test_first_hit_of_a_ball_is_between_those_of_the_spheres(side, direction, miss):
    """A ray that passes the centre at `miss` radii, begun 100 mm before it."""
    direction = direction / np.linalg.norm(direction)
    across = np.cross(side, direction)
    assume(np.linalg.norm(across) > 0.01)
    passes = miss * RADIUS
    origin = CENTRE + passes * across / np.linalg.norm(across) - 100.0 * direction
    hit = BALL.first_hit(origin, direction)
    if passes > RADIUS + SINGLE:
        assert hit is None
    elif passes < INNER - SINGLE:
        assert hit is not None
        outer = 100.0 - np.sqrt(RADIUS**2 - passes**2)
        inner = 100.0 - np.sqrt(INNER**2 - passes**2)
        assert outer - 0.001 <= hit <= inner + 0.001


def test_from_inside_the_first_hit_is_the_way_out():
    assert BALL.first_hit(CENTRE, [0.0, 0.6, 0.8]) == pytest.approx(RADIUS, abs=0.03)


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".obj", ".vtp", ".STL"])
def test_all_kinds_of_mesh_read_the_same(tmp_path, suffix):
    path = tmp_path / f"mesh{suffix}"
    mesh = box_mesh(LOW, HIGH)
    writers = {".obj": write_obj, ".STL": lambda m, p: p.write_bytes(stl_bytes(m, p))}
    writers.get(suffix, lambda m, p: m.save(p))(mesh, path)
    surface = load_surface(path, "mesh")
    corners = {tuple(v) for v in np.round(surface.vertices, 5).tolist()}
    assert corners == {tuple(v) for v in np.round(BOX.vertices, 5).tolist()}
    assert len(surface.vertices) == 8
    assert len(surface.triangles) == 12
    for point in np.random.default_rng(1).uniform(-80.0, 80.0, (30, 3)):
        assert surface.distance(point)[0] == pytest.approx(box_distance(point), abs=SINGLE)


def write_obj(mesh: pyvista.PolyData, path: Path) -> None:
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.points]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in mesh.faces.reshape(-1, 4)[:, 1:]]
    path.write_text("\n".join(lines) + "\n")


def stl_bytes(mesh: pyvista.PolyData, path: Path) -> bytes:
    beside = path.with_name("other.stl")
    mesh.save(beside)
    return beside.read_bytes()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_surface(path, "case.toml: structure cord: mesh")
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("case.toml: structure cord: mesh: ")
    assert path.name in said
    return said


def test_a_mesh_that_is_missing_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "cord.ply")


def test_a_mesh_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "cord.glb"
    path.write_bytes(b"")
    assert "expected PLY, STL, OBJ or VTP" in refusal(path)


def test_a_mesh_without_triangles_is_refused(tmp_path):
    path = tmp_path / "cord.ply"
    path.write_text(
        "ply\nformat ascii 1.0\nelement vertex 0\n"
        "property float x\nproperty float y\nproperty float z\n"
        "element face 0\nproperty list uchar int vertex_indices\nend_header\n"
    )
    refusal(path)


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".obj", ".vtp"])
@pytest.mark.parametrize("content", [b"", b"no mesh at all\n", b"\x00\xff\x80" * 100])
def test_a_file_that_only_has_the_name_of_a_mesh_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"cord{suffix}"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".obj", ".vtp"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_file_that_is_cut_short_is_refused_without_a_word_more(
    tmp_path, suffix, share, capfd, caplog
):
    path = tmp_path / f"cord{suffix}"
    mesh = pyvista.Icosphere(radius=RADIUS, center=CENTRE, nsub=2)
    writer = write_obj if suffix == ".obj" else pyvista.PolyData.save
    writer(mesh, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_a_ply_of_quadrangles_with_empty_lists_is_whole(tmp_path):
    """Other lists than a face's corners may be empty: that is not cut short."""
    quads = pyvista.Box(np.stack([LOW, HIGH], axis=1).ravel()).clean()
    faces = b"".join(
        struct.pack("<B4iB", 4, *corners, 0) for corners in quads.faces.reshape(-1, 5)[:, 1:]
    )
    header = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 8\n"
        "property float x\nproperty float y\nproperty float z\n"
        "element face 6\nproperty list uchar int vertex_indices\n"
        "property list uchar float texcoord\nend_header\n"
    )
    path = tmp_path / "cord.ply"
    path.write_bytes(header.encode() + quads.points.astype("<f4").tobytes() + faces)
    assert len(load_surface(path, "mesh").triangles) == 12
    path.write_bytes(path.read_bytes()[:-40])
    assert "cut short" in refusal(path)


@pytest.mark.parametrize("removed", [1, 2])
def test_a_hole_is_refused_with_its_edges_counted(tmp_path, removed):
    mesh = box_mesh(LOW, HIGH)
    faces = mesh.faces.reshape(-1, 4)[removed:]
    path = tmp_path / "cord.ply"
    pyvista.PolyData(mesh.points, faces.ravel()).save(path)
    # two triangles of one side of the box share an edge
    assert f"not closed: {2 + removed} edges" in refusal(path)


def test_a_triangle_on_three_others_is_refused(tmp_path):
    """An inner wall gives edges that join three triangles: inside is not defined."""
    mesh = box_mesh(LOW, HIGH)
    triangle = mesh.faces.reshape(-1, 4)[0]
    points = np.vstack([mesh.points, (LOW + HIGH) / 2])
    faces = np.vstack([mesh.faces.reshape(-1, 4), [3, triangle[1], triangle[2], 8]])
    path = tmp_path / "cord.ply"
    pyvista.PolyData(points, faces.ravel()).save(path)
    assert "is not a simple surface: triangles stand out of it" in refusal(path)


@pytest.mark.parametrize("suffix", [".ply", ".vtp", ".stl"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_vertex_that_is_not_finite_is_refused(tmp_path, suffix, number):
    mesh = box_mesh(LOW, HIGH)
    mesh.points[3, 1] = number
    path = tmp_path / f"cord{suffix}"
    mesh.save(path)
    refusal(path)


def test_open_edges_of_a_closed_surface_are_none():
    assert count_open_edges(BOX.triangles) == 0
    assert count_open_edges(BALL.triangles) == 0
    assert count_open_edges(BOX.triangles[1:]) == 3
