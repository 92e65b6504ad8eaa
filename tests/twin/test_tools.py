"""The standard tools: printed where their files say, visible where they are used."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.tracking.marker_dictionaries import marker_dictionary
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed, marker_rectangle, shaft_rectangle
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_tools import TUOHY_17G, needle_body, needle_tool, reference_body
from tests.synthetic import camera, needle_poses


def test_the_needle_points_from_hub_to_tip(needle):
    tip = needle.tip
    assert np.linalg.norm(tip.axis) == pytest.approx(1.0)
    assert tip.axis[2] > 0.99
    assert tip.position[2] > max(marker.centre[2] for marker in needle.markers)


def test_another_tip_may_be_given():
    tip = needle_tool(np.array([1.0, 2.0, 100.0])).tip
    assert tip is not None
    assert tip.position.tolist() == [1.0, 2.0, 100.0]


def test_no_marker_id_is_used_twice(needle, reference):
    ids = [marker.id for tool in (needle, reference) for marker in tool.markers]
    assert len(ids) == len(set(ids))


def test_the_needle_shows_markers_to_every_side(needle):
    """Whichever way the carrier is rolled, at least four markers are within 50 degrees."""
    normals = np.array([marker.normal for marker in needle.markers])
    for angle in np.linspace(0, 2 * np.pi, 73):
        towards = np.array([np.cos(angle), np.sin(angle), 0.0])
        assert (normals @ towards > np.cos(np.radians(50))).sum() >= 4


@pytest.mark.parametrize("quiet", [None, 0.0, 2.0])
def test_the_black_square_is_printed_on_the_files_corners(needle, reference, quiet):
    for tool in (needle, reference):
        for marker in tool.markers:
            printed = marker_rectangle(marker, tool.dictionary, quiet)
            zone = 0 if quiet == 0.0 else 1
            cells = printed.albedo.shape[0] - 2 * zone
            low, high = printed.x_edges[zone], printed.x_edges[zone + cells]
            flat = [[low, low, 0], [high, low, 0], [high, high, 0], [low, high, 0]]
            corners = printed.body_from_plane.apply(np.array(flat))
            assert corners == pytest.approx(marker.corners, abs=1e-9)
            width = printed.x_edges[zone] - printed.x_edges[0]
            expected = marker.side / cells / 2 if quiet is None else quiet
            assert width == pytest.approx(expected)


def test_opencv_finds_the_needles_markers_where_the_rig_projects_them(needle, rig):
    """Nothing of our own tracker: the pictures suit any."""
    left = rig["left"]
    room = SimulatedCamera(left, Optics(blur=0.8), np.random.default_rng(2))
    detector = cv2.aruco.ArucoDetector(marker_dictionary(needle.dictionary))
    found = 0
    for place in needle_poses(12, np.random.default_rng(3)):
        corners, ids, _ = detector.detectMarkers(room.picture([Placed(needle_body(needle), place)]))
        for marker_id, seen in zip(np.ravel(ids), corners, strict=True):
            expected = left.project(place.apply(needle.by_id[int(marker_id)].corners))
            # OpenCV's corners are no better than this
            assert np.reshape(seen, (4, 2)) == pytest.approx(expected, abs=2.5)
            found += 1
    assert found >= 12 * 4


def test_the_reference_body_shows_all_its_markers_from_above(reference):
    """Eight markers, right way round, on one picture."""
    seen = camera("left", (360, 240), 1600.0)
    room = SimulatedCamera(seen, Optics(blur=0.8), np.random.default_rng(2))
    up = Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]))
    place = RigidTransform.from_components([0.0, 0.0, 580.0], up)
    detector = cv2.aruco.ArucoDetector(marker_dictionary(reference.dictionary))
    corners, ids, _ = detector.detectMarkers(
        room.picture([Placed(reference_body(reference), place)])
    )
    assert sorted(np.ravel(ids).tolist()) == sorted(reference.by_id)
    for marker_id, quad in zip(np.ravel(ids), corners, strict=True):
        expected = seen.project(place.apply(reference.by_id[int(marker_id)].corners))
        assert np.reshape(quad, (4, 2)) == pytest.approx(expected, abs=2.5)


def test_the_shafts_strip_is_as_wide_as_the_shaft_and_faces_the_eye():
    start, end, eye = np.zeros(3), np.array([0.0, 0.0, 90.0]), np.array([0.0, -500.0, 45.0])
    strip = shaft_rectangle(start, end, TUOHY_17G, eye)
    outline = strip.outline
    assert np.ptp(outline[:, 0]) == pytest.approx(TUOHY_17G)
    assert np.ptp(outline[:, 2]) == pytest.approx(90.0)
    front = -strip.matrix[:3, 2]
    assert front == pytest.approx([0.0, -1.0, 0.0], abs=1e-9)
