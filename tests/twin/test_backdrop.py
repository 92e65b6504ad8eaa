"""Backdrops: depth and light along the camera's own lens."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.tracking.marker_dictionaries import marker_dictionary
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.kit_layout import layout
from phantoms.kit.seat import seat_solid
from phantoms.kit.solid import mesh_of
from phantoms.twin.backdrop import FAR, render_backdrop
from phantoms.twin.scene_light import evened
from phantoms.twin.scene_shapes import box
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_room import FILL, KEY, SKY, SceneItem
from phantoms.twin.simulated_tools import reference_body
from tests.synthetic import camera

SMALL = camera("left", (96, 80), 220.0)
HEIGHT = 500.0
# looks down along -y from over the model's origin, x to the right, z downwards
LOOKING_DOWN = Rotation.from_matrix([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
DOWN = RigidTransform.from_components([0.0, 0.0, HEIGHT], LOOKING_DOWN)
TABLE = SceneItem("table", *box((-400, -10, -400), (400, 0, 400)), 0.5, "paper")
LIFTED = SceneItem("plate", *box((-25, 40, -25), (25, 44, 25)), 0.5, "paper")
SHARP = Optics(blur=0.0, noise=0.0, exposure=0.0, gradient=(0.0, 0.0))


def pixel(x: float, y: float, z: float) -> tuple[int, int]:
    """Row and column that a model point is seen at."""
    u, v = SMALL.project(DOWN.apply(np.array([[x, y, z]])))[0]
    return round(v), round(u)


@pytest.fixture(scope="module")
def shaded():
    return render_backdrop(SMALL, DOWN, [TABLE, LIFTED])


def test_depth_is_where_the_lens_sees_the_surface(shaded):
    """Each pixel's middle, undistorted, met with the planes by hand."""
    v, u = (k.ravel() for k in np.mgrid[:80, :96])
    x, z = SMALL.undistort(np.column_stack([u, v]).astype(float)).T
    upper = HEIGHT - 44.0
    on_plate = np.maximum(np.abs(x), np.abs(z)) * upper < 25.0
    expected = np.where(on_plate, upper, HEIGHT)
    # the plate's sides are seen from nowhere here; rays within a hair of its edge may go either way
    clear = np.abs(np.maximum(np.abs(x), np.abs(z)) * upper - 25.0) > 1e-3
    assert shaded.depth.dtype == np.float32
    assert shaded.depth.ravel()[clear] == pytest.approx(expected[clear], abs=1e-3)


def test_a_tilted_plane_has_exact_depth():
    turn = RigidTransform.from_rotation(Rotation.from_rotvec([0.3, 0.1, 0.4]))
    depth = render_backdrop(SMALL, DOWN, [TABLE.moved(turn)]).depth
    normal, point = turn.rotation.apply([0.0, 1.0, 0.0]), np.zeros(3)
    normal = DOWN.rotation.apply(normal)
    v, u = (k.ravel() for k in np.mgrid[:80, :96])
    rays = np.column_stack(
        [SMALL.undistort(np.column_stack([u, v]).astype(float)), np.ones(len(u))]
    )
    expected = normal @ DOWN.apply(point) / (rays @ normal)
    assert depth.ravel() == pytest.approx(expected, abs=2e-3)


def test_what_is_not_there_is_far_away():
    plate = render_backdrop(SMALL, DOWN, [LIFTED])
    assert plate.depth[0, 0] == FAR
    assert plate.depth[pixel(0, 44, 0)] < HEIGHT


def test_an_open_table_is_about_as_bright_as_its_albedo(shaded):
    open_table = shaded.light[pixel(-75, 0, -60)]
    assert open_table == pytest.approx(0.5 * (KEY.power + FILL.power + SKY), rel=0.15)


def test_things_cast_soft_shadows_away_from_the_lamp(shaded):
    """The key lamp stands at negative x: darkness lies on the other side, and fades out."""
    line = np.array([shaded.light[pixel(x, 0, -12.0)] for x in range(-60, 66, 4)])
    left, right = line[:8], line[-9:]
    bright = np.median(left[:4])
    assert right.min() < 0.75 * bright
    assert left.min() > 0.85 * bright
    # no step from full shadow to full light: some pixels lie between
    between = (right > right.min() + 0.1 * bright) & (right < 0.9 * bright)
    assert between.sum() >= 2


def test_corners_are_darker_than_open_places():
    """Beside a high wall on the lamps' far side."""
    wall = SceneItem("wall", *box((30, 0, -200), (34, 120, 200)), 0.5, "paper")
    light = render_backdrop(SMALL, DOWN, [TABLE, wall]).light
    assert light[pixel(26, 0, 0)] < 0.9 * light[pixel(-60, 0, 0)]


def test_the_same_scene_gives_the_same_bits(shaded):
    again = render_backdrop(SMALL, DOWN, [TABLE, LIFTED])
    assert np.array_equal(again.light, shaded.light)
    assert np.array_equal(again.depth, shaded.depth)


def test_edges_are_smooth():
    """An edge at a slight angle takes levels between both sides'."""
    turn = RigidTransform.from_rotation(Rotation.from_rotvec([0.0, 0.12, 0.0]))
    white = replace(LIFTED, albedo=0.9).moved(turn)
    light = render_backdrop(SMALL, DOWN, [replace(TABLE, albedo=0.1), white]).light
    row, column = pixel(25, 44, 0)
    levels = light[row - 8 : row + 9, column - 2 : column + 3]
    between = (levels > 0.25) & (levels < 0.75)
    assert len(np.unique(levels[between].round(2))) >= 4


def test_evening_keeps_edges_and_takes_noise():
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (40, 40, 3)).astype(np.float32)
    noisy[:, 20:] += 0.4
    points = np.zeros((40, 40, 3), np.float32)
    points[..., 0], points[..., 1] = np.meshgrid(np.arange(40), np.arange(40))
    points[:, 20:, 2] = 30.0  # a step: another surface
    normals = np.zeros_like(points)
    normals[..., 2] = 1.0
    even = evened(evened(noisy, points, normals, 1), points, normals, 2)
    assert even[:, :20].std() < 0.035
    assert even[:, 19].mean() == pytest.approx(0.5, abs=0.03)
    assert even[:, 20].mean() == pytest.approx(0.9, abs=0.03)


# gel


GEL = SceneItem("gel", *box((-40, 0, -40), (40, 60, 40)), 0.5, "gel")


def bone_at(depth: float) -> SceneItem:
    return SceneItem("bone", *box((-12, 20, -12), (12, 60 - depth, 12)), 0.75)


def contrast(depth: float) -> float:
    light = render_backdrop(SMALL, DOWN, [TABLE, GEL, bone_at(depth)]).light
    bare = render_backdrop(SMALL, DOWN, [TABLE, GEL]).light
    return float(abs(light[pixel(0, 60, 0)] - bare[pixel(0, 60, 0)]))


def test_bones_are_seen_faintly_through_gel_and_less_the_deeper():
    shallow, deep = contrast(5.0), contrast(30.0)
    assert shallow > 0.05
    assert 0.003 < deep < 0.5 * shallow


def test_gel_hides_a_shaft_where_it_has_gone_in():
    """Depth is the gel's surface, whatever can be seen through it."""
    backdrop = render_backdrop(SMALL, DOWN, [TABLE, GEL, bone_at(10.0)])
    assert backdrop.depth[pixel(0, 60, 0)] == pytest.approx(HEIGHT - 60.0, abs=1e-3)
    room = SimulatedCamera(SMALL, SHARP, np.random.default_rng(0), (), backdrop)
    start, end = np.array([90.0, 30.0, 0.0]), np.array([0.0, 30.0, 0.0])
    body = Body("needle", (), ((start, end, 4.0),))
    shaft = [Placed(replace(body, rectangles=(_hidden_face(),)), DOWN)]
    drawn, empty = room.light(shaft), room.light([])
    assert drawn[pixel(25, 30, 0)] == empty[pixel(25, 30, 0)]
    assert drawn[pixel(70, 30, 0)] != empty[pixel(70, 30, 0)]


def _hidden_face():
    """A body needs a face; this one is under the table."""
    from phantoms.twin.simulated_bodies import plate

    return plate([90.0, -50.0, 0.0], [1.0, 0, 0], [0, 0, 1.0], 0.5)


# the reference body's seat


def test_paper_on_the_seat_is_seen_whole():
    """Drawn a paper's thickness over the seat: OpenCV finds all eight markers."""
    placed = layout(AnatomyParameters())
    mesh = mesh_of(seat_solid(placed))
    seat = SceneItem("seat", mesh.vertices, mesh.triangles, 0.3, set_back=1.0)
    seen = camera("left", (300, 220), 1300.0)
    x, y, z = placed.model_from_reference.translation
    over = RigidTransform.from_components([-x + 8.0, -z, 560.0 + y], LOOKING_DOWN)
    backdrop = render_backdrop(seen, over, [seat])
    reference = Placed(_reference(), over * placed.model_from_reference)
    room = SimulatedCamera(seen, Optics(blur=0.8), np.random.default_rng(2), [reference], backdrop)
    dictionary = marker_dictionary("DICT_APRILTAG_36h11")
    _, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(room.picture())
    assert sorted(np.ravel(ids).tolist()) == list(range(40, 48))
    # and no pixel of the paper is the seat's: without the seat it looks the same there
    alone = SimulatedCamera(seen, SHARP, np.random.default_rng(2), [reference]).light()
    both = SimulatedCamera(seen, SHARP, np.random.default_rng(2), [reference], backdrop).light()
    middle = np.s_[90:130, 120:160]
    assert np.array_equal(alone[middle], both[middle])


def _reference():
    from phantoms.twin.simulated_tools import reference_tool

    return reference_body(reference_tool())
