"""Trackers are shown the same pictures in turn, and their errors are against the truth."""

import numpy as np
import pytest

from nav.core.frameset import Frame, FrameSet
from tests.bench.tracking.crew import OURS, Look, Member
from tests.bench.tracking.measure import ALL, ITSELF, ONE, THREE, measured
from tests.bench.tracking.pictures import Shot, Stage
from tests.synthetic import needle_poses, small_rig

OFF = np.array([0.3, -0.4, 0.0])  # mm, of every pose that the stand-in of ours gives


class Standin(Member):
    """Knows the truth: gives poses that are off by OFF, or exact corners."""

    def __init__(self, name, shots, stage, asked):
        super().__init__(name, name)
        self.stage, self.asked = stage, asked
        self.truth = {shot.frames.number: shot.truth[stage.tool.name] for shot in shots}

    def setup(self, rig, tools, tool):
        return "does not know it" if self.name == "ignorant" else ""

    def look(self, frames, tool):
        self.asked.append((frames.number, self.name))
        truth = self.truth[frames.number]
        if self.name == OURS:
            pose = truth.as_matrix()
            pose[:3, 3] += OFF
            covariance = np.diag([0.01] * 3 + [0.0] * 3) + 1e-12 * np.eye(6)
            return Look(0.5, 100.0, {}, None, pose, covariance, "follow")
        corners = {
            camera.name: {
                marker.id: camera.project(truth.apply(marker.corners)) + 0.01
                for marker in tool.markers
                if _faces(camera, truth, marker)
            }
            for camera in self.stage.rig.cameras
        }
        return Look(1.0, 50.0, corners)


def _faces(camera, pose, marker):
    eye = pose.inv().apply(camera.camera_from_rig.inv().translation) - marker.centre
    return marker.normal @ eye > 0.3 * np.linalg.norm(eye)


@pytest.fixture
def found(needle):
    rig = small_rig(2)
    stage = Stage(rig, (needle,), needle, None)
    blank = np.zeros((4, 4), np.uint8)
    shots = [
        Shot(
            FrameSet(i, float(i), {c.name: Frame(c.name, float(i), blank) for c in rig.cameras}),
            {needle.name: pose},
        )
        for i, pose in enumerate(needle_poses(4, np.random.default_rng(3)))
    ]
    asked = []
    names = (OURS, "yardstick", "other", "ignorant")
    members = [Standin(name, shots, stage, asked) for name in names]
    return measured(stage, shots, members, exact=True, every=2), asked


def test_errors_are_against_the_truth(found):
    records, _ = found
    assert set(records[OURS].tips) == {ITSELF}
    for error in records[OURS].tips[ITSELF]:
        assert error == pytest.approx(OFF, abs=1e-9)
    assert records[OURS].squares == pytest.approx([25.0] * 4, rel=1e-3)
    assert set(records["other"].tips) == {ONE, THREE, ALL}
    for errors in records["other"].tips.values():
        assert max(np.linalg.norm(error) for error in errors) < 0.05
    assert np.concatenate(records["other"].corners) == pytest.approx(0.01, abs=1e-9)


def test_nobody_is_always_first_and_some_are_shown_fewer(found):
    records, asked = found
    assert [len(records[name].seconds) for name in (OURS, "yardstick", "other")] == [4, 4, 2]
    first = [next(name for number, name in asked if number == n) for n in range(4)]
    assert len(set(first)) > 1


def test_a_tracker_that_cannot_says_why(found):
    records, asked = found
    assert records["ignorant"].missing == "does not know it"
    assert "ignorant" not in {name for _, name in asked}
