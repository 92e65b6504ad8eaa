"""A single printed block in air: its pose, wall, scale and divot, as a scan shows them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.divots import find_divot
from nav.reconstruction.printed.fine_pose import find_part, touching
from nav.reconstruction.printed.kit import KitDivot, KitPart
from nav.reconstruction.printed.print_deviation import Deviation, csv_text, signed_field
from nav.reconstruction.volume import Volume
from phantoms.kit.solid import box, divot, mesh_of, without
from phantoms.twin.ct_fill import Grid
from phantoms.twin.kit_paint import KitMaterials, LyingPart, painted_kit
from phantoms.twin.scan_kernel import blurred
from phantoms.twin.scan_parameters import Kernel

DEPTH = 2.2  # mm
APEX = np.array([6.0, 1.0, 14.0 - DEPTH])
STRETCHED = np.array([1.004, 1.0, 1.0])
PLASTIC, WALL = 180.0, 1.5
POSE = RigidTransform.from_components(
    [3.0, -2.0, 5.0], Rotation.from_rotvec(np.radians([20.0, -35.0, 60.0]))
)
NUDGE = RigidTransform.from_components([0.5, -0.4, 0.3], Rotation.from_rotvec([0.01, 0.0, -0.01]))


def block(with_divot=True):
    solid = box((-25.0, -12.0, 0.0), (25.0, 12.0, 14.0))
    if with_divot:
        solid = without(solid, [divot(APEX, (0.0, 0.0, 1.0), DEPTH)])
    made = mesh_of(solid)
    return Mesh(made.vertices, made.triangles)


def scanned(mesh, spacing=0.7, noise=12.0):
    """A scan of a block that is printed a little too long."""
    vertices = POSE.apply(mesh.vertices * STRETCHED)
    low, high = vertices.min(axis=0) - 10.0, vertices.max(axis=0) + 10.0
    size = np.ceil((high - low) / spacing).astype(int)
    grid = Grid(low, np.full(3, spacing), (int(size[0]), int(size[1]), int(size[2])))
    part = LyingPart("block", Mesh(vertices, mesh.triangles), POSE)
    materials = KitMaterials(plastic=PLASTIC, wall_mm=WALL, infill=0.2)
    values = painted_kit([], [part], materials, grid, 0, False, 0)
    values = blurred(values, grid.spacing, Kernel("soft", 0.5, 0.0, 0.9))
    values += np.random.default_rng(3).normal(0.0, noise, values.shape).astype(np.float32)
    model_from_voxel = np.diag([spacing, spacing, spacing, 1.0])
    model_from_voxel[:3, 3] = grid.origin
    return Volume(values, model_from_voxel)


def as_part(mesh):
    return KitPart("block", "block", mesh, RigidTransform.identity(), (0.5, 0.5, 0.5))


CONE = KitDivot("R1", "register", APEX, np.array([0.0, 0.0, 1.0]), DEPTH, "block")


@pytest.fixture(scope="module")
def volume():
    return scanned(block())


@pytest.fixture(scope="module")
def found(volume):
    return find_part(volume, as_part(block()), NUDGE * POSE, [], None)


def test_the_pose_is_found_below_the_voxel(found):
    off = found.scan_from_model * POSE.inv()
    middle = POSE.apply([0.0, 0.0, 7.0])
    assert np.linalg.norm(off.apply(middle) - middle) < 0.05
    assert np.degrees(off.rotation.magnitude()) < 0.1


def test_wall_and_plastic_are_measured_from_the_scan(found):
    assert found.look.wall == pytest.approx(PLASTIC, abs=25.0)
    assert found.look.thickness == pytest.approx(WALL, abs=0.15)


def test_a_stretched_print_shows_along_its_axis_only(found):
    assert found.fit is not None
    assert found.fit.scale[0] == pytest.approx(0.004, abs=0.0015)
    assert abs(found.fit.scale[1]) < 0.003


def test_the_deviation_is_the_stretch(found):
    field = signed_field(found.edges)
    ends = np.abs(found.edges.probe.normals @ POSE.rotation.apply([1.0, 0.0, 0.0])) > 0.99
    shown = field[ends & np.isfinite(field)]
    assert len(shown) > 20
    # 0.4 % of half the length, less what the rigid pose takes of it
    assert np.mean(shown) == pytest.approx(0.1, abs=0.04)


def test_sharp_edges_say_nothing(found):
    at = found.design.vertices
    on_edge = (np.abs(np.abs(at[:, 0]) - 25.0) < 1e-6) & (np.abs(np.abs(at[:, 1]) - 12.0) < 1e-6)
    assert on_edge.any()
    assert not found.edges.seen[on_edge].any()


def test_what_one_part_touches_no_other_part_near_it_makes_free():
    floor = mesh_of(box((-20.0, -20.0, -5.0), (20.0, 20.0, 0.0)))
    post = mesh_of(box((5.0, 5.0, 0.0), (9.0, 9.0, 30.0)))
    frame = mesh_of(
        without(
            box((-30.0, -30.0, -9.0), (30.0, 30.0, 9.0)),
            [box((-25.0, -25.0, -20.0), (25.0, 25.0, 20.0))],
        )
    )
    points = np.array([[0.0, 0.0, 0.0], [7.0, 7.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, -3.0]])
    for parts in ([floor, post, frame], [frame, post, floor]):
        near = [Mesh(part.vertices, part.triangles) for part in parts]
        assert touching(points, near).tolist() == [True, True, False, True]


def test_a_divot_is_found_within_its_sigma(volume, found):
    divot_found = find_divot(volume, CONE, found)
    assert not isinstance(divot_found, Lost)
    off = divot_found.apex - POSE.apply(APEX * STRETCHED)
    assert np.linalg.norm(off) < 0.12
    assert off @ np.linalg.inv(divot_found.covariance) @ off < 16.0
    assert np.linalg.eigvalsh(divot_found.covariance).min() > 0.0


def test_no_divot_is_made_up_where_none_was_printed(found):
    plain = scanned(block(with_divot=False))
    assert isinstance(find_divot(plain, CONE, found), Lost)


def test_a_divot_outside_the_scan_is_lost(volume, found):
    far = replace(CONE, apex=np.add(APEX, (200.0, 0.0, 0.0)))
    assert isinstance(find_divot(volume, far, found), Lost)


def test_what_is_not_measured_is_empty_in_the_table():
    nan = float("nan")
    row = Deviation("bar", "part", 0, 10, *[nan] * 11, 0.1, nan, 0.2, nan)
    head, line = csv_text([row]).splitlines()
    assert head.startswith("name,kind,seen,count,mean_mm,")
    values = dict(zip(head.split(","), line.split(","), strict=True))
    assert values["mean_mm"] == ""
    assert values["moved_mm"] == "0.1000"
