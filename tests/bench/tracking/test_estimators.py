"""From corners to a pose: exact corners give the pose, one wrong marker does not spoil it."""

import numpy as np
import pytest

from tests.bench.tracking.estimators import joint, pnp, triangulated
from tests.synthetic import needle_poses, small_rig


def seen(rig, tool, pose):
    """True corners of the markers that face each camera."""
    corners = {}
    for camera in rig.cameras:
        eye = pose.inv().apply(camera.camera_from_rig.inv().translation)
        corners[camera.name] = {
            m.id: camera.project(pose.apply(m.corners))
            for m in tool.markers
            if m.normal @ (eye - m.centre) > 0.3 * np.linalg.norm(eye - m.centre)
        }
    return corners


@pytest.fixture(params=range(3))
def pose(request):
    return list(needle_poses(3, np.random.default_rng(7)))[request.param]


def test_exact_corners_give_the_exact_pose(needle, pose):
    rig = small_rig(2)
    corners, true = seen(rig, needle, pose), pose.as_matrix()
    alone = pnp(rig, needle, corners)
    assert set(alone) == {"left", "right"}
    for found in (*alone.values(), triangulated(rig, needle, corners), joint(rig, needle, corners)):
        assert found == pytest.approx(true, abs=1e-3)


def test_one_misread_marker_is_left_out(needle, pose):
    rig = small_rig(2)
    corners, true = seen(rig, needle, pose), pose.as_matrix()
    both = sorted(set(corners["left"]) & set(corners["right"]))
    for quads in corners.values():
        quads[both[0]] = quads[both[0]] + [25.0, -15.0]
    found = [*pnp(rig, needle, corners).values(), triangulated(rig, needle, corners)]
    for pose_found in found:
        assert pose_found == pytest.approx(true, abs=0.01)
    # it weighs less there, but is not left out
    assert joint(rig, needle, corners) == pytest.approx(true, abs=0.5)


def test_one_marker_is_enough_for_a_camera_but_not_to_triangulate(needle, pose):
    rig = small_rig(2)
    corners = seen(rig, needle, pose)
    first = min(corners["left"])
    only = {"left": {first: corners["left"][first]}}
    assert pnp(rig, needle, only)["left"] == pytest.approx(pose.as_matrix(), abs=0.02)
    assert triangulated(rig, needle, only) is None


def test_markers_of_nobody_are_no_pose(needle):
    rig = small_rig(2)
    corners = {"left": {999: np.zeros((4, 2))}}
    assert pnp(rig, needle, corners) == {}
    assert triangulated(rig, needle, corners) is None
    assert joint(rig, needle, corners) is None
