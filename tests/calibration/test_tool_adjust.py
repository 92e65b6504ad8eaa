"""The algebra of a marker body's bundle adjustment."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.tools.body_frame import in_file_frame
from calibration.tools.unknowns import Body, Sightings, derivatives_of, residuals_of
from nav.core.frames import Array
from tests.synthetic import needle_poses


def test_derivatives_are_those_of_the_projection(rig, needle):
    rng = np.random.default_rng(16)
    nominal = np.array([marker.corners for marker in needle.markers])
    poses = np.array([place.as_matrix() for place in needle_poses(2, rng)])
    count = len(nominal)
    turns = Rotation.from_rotvec(rng.normal(0.0, 0.02, (count, 3))).as_matrix()
    body = Body(poses, nominal, rng.normal(0.0, 0.3, (count, 3)), turns, 0.004)
    frame, marker = np.arange(8) % 2, rng.integers(0, count, 8)
    sightings = Sightings(frame, frame, marker, np.zeros((8, 4, 2)), np.tile(np.eye(8), (8, 1, 1)))
    by_pose, by_marker, by_scale, _ = derivatives_of(sightings, body, rig.cameras)

    def change(poses: Array, markers: Array, scale: float) -> Array:
        ends = [
            residuals_of(sightings, body.moved(s * poses, s * markers, s * scale), rig.cameras)[0]
            for s in (1e-5, -1e-5)
        ]
        return (ends[1] - ends[0]) / 2e-5

    none, still = np.zeros((2, 6)), np.zeros((count, 6))
    for axis in range(6):
        step, moved = none.copy(), still.copy()
        step[:, axis], moved[:, axis] = 1.0, 1.0
        assert change(step, still, 0.0) == pytest.approx(by_pose[:, :, axis], rel=1e-5, abs=1e-4)
        assert change(none, moved, 0.0) == pytest.approx(by_marker[:, :, axis], rel=1e-5, abs=1e-4)
    assert change(none, still, 1.0) == pytest.approx(by_scale[:, :, 0], rel=1e-5, abs=1e-4)


def test_the_file_frame_changes_no_picture(rig, needle):
    rng = np.random.default_rng(17)
    nominal = np.array([marker.corners for marker in needle.markers])
    poses = np.array([place.as_matrix() for place in needle_poses(3, rng)])
    turns = Rotation.from_rotvec(rng.normal(0.02, 0.02, (len(nominal), 3))).as_matrix()
    body = Body(poses, nominal, rng.normal(1.0, 0.3, (len(nominal), 3)), turns, 0.004)
    frame, marker = np.repeat(np.arange(3), 16), np.tile(np.arange(16), 3)
    unit = np.tile(np.eye(8), (48, 1, 1))
    sightings = Sightings(frame, np.zeros(48, np.int64), marker, np.zeros((48, 4, 2)), unit)
    before, _ = residuals_of(sightings, body, rig.cameras)
    after, _ = residuals_of(sightings, in_file_frame(body), rig.cameras)
    assert after == pytest.approx(before, abs=1e-8)
