"""The running mean of poses: what it is of, how late it is, and that what is lost stays lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Array, Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.tracking.follow.smooth import Smoother, mean_pose
from tests.synthetic import covariances, rigid_transforms

FPS = 30.0
COVARIANCE = np.diag([4e-4, 1e-4, 9e-4, 1e-8, 4e-8, 2e-8])
SYSTEMATIC = np.diag([1e-2, 2e-2, 3e-2, 1e-6, 1e-6, 1e-6])


def tool(place: RigidTransform, covariance: Array = COVARIANCE) -> TrackedTool:
    return TrackedTool(Pose(place, covariance), (10, 11), 0.02, {}, (), SYSTEMATIC)


def frame(number: int, time: float | None = None, **tools: TrackedTool | Lost) -> TrackedFrame:
    at = number / FPS if time is None else time
    return TrackedFrame(number, at, tools, {}, 0.001, "follow")


def pose(tracked: TrackedFrame, name: str = "needle") -> Pose:
    found = tracked.tools[name]
    assert not isinstance(found, Lost)
    return found.rig_from_tool


def straight(number: float) -> RigidTransform:
    """A needle that moves by 2 mm and turns by 0.03 rad about x a frame."""
    turned = Rotation.from_rotvec([0.03 * number, 0.0, 0.0])
    return RigidTransform.from_components([2.0 * number, -5.0, 570.0], turned)


@given(rigid_transforms(), covariances(6, 0.01), st.integers(2, 12))
def test_the_mean_of_equal_poses_is_the_pose_with_less_error(place, covariance, count):
    mean = mean_pose([Pose(place, covariance)] * count)
    assert mean.transform.as_matrix() == pytest.approx(place.as_matrix(), abs=1e-9)
    assert mean.covariance == pytest.approx(covariance / count)


def test_of_independent_errors_as_much_is_left_as_said():
    """Poses with the errors that their covariance says: the mean's are those of its own."""
    rng = np.random.default_rng(2)
    roots = np.sqrt(np.diag(COVARIANCE))
    squares = []
    for _ in range(300):
        poses = []
        for off in rng.normal(size=(5, 6)) * roots:
            poses.append(Pose(rigid(off[3:], off[:3]), COVARIANCE))
        mean = mean_pose(poses)
        off = np.concatenate([mean.transform.translation, mean.transform.rotation.as_rotvec()])
        squares.append(off @ np.linalg.solve(mean.covariance, off) / 6)
    assert np.mean(squares) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_moving_tool_is_shown_where_it_was_the_delay_ago(count):
    smoother = Smoother(count)
    for number in range(3 * count):
        shown = pose(smoother.smooth(frame(number, needle=tool(straight(number)))))
        before = (min(number + 1, count) - 1) / 2
        expected = straight(number - before)
        assert shown.transform.as_matrix() == pytest.approx(expected.as_matrix(), abs=1e-9)
    assert smoother.delay == pytest.approx((count - 1) / 2 / FPS)
    assert shown.covariance == pytest.approx(COVARIANCE / count)


def test_the_delay_is_that_of_the_pictures_own_times():
    """A picture that comes late makes what it is averaged with older."""
    smoother = Smoother(2)
    for number, time in enumerate([0.0, 0.03, 0.23, 0.26]):
        smoother.smooth(frame(number, time, needle=tool(straight(number))))
    assert smoother.delay == pytest.approx(0.1)


def test_a_lost_tool_is_lost_at_once_and_begins_anew():
    smoother = Smoother(4)
    for number in range(6):
        smoother.smooth(frame(number, needle=tool(straight(number))))
    lost = Lost("hidden", {"cameras": ["left", "right"]})
    assert smoother.smooth(frame(6, needle=lost)).tools["needle"] == lost
    again = pose(smoother.smooth(frame(7, needle=tool(straight(7)))))
    assert again.transform.as_matrix() == pytest.approx(straight(7).as_matrix(), abs=1e-9)
    assert again.covariance == pytest.approx(COVARIANCE)


def test_one_tools_loss_is_not_anothers():
    smoother = Smoother(3)
    for number in range(4):
        needle = Lost("hidden", {"cameras": ["left"]}) if number == 2 else tool(straight(number))
        reference = tool(straight(-number))
        shown = smoother.smooth(frame(number, needle=needle, reference=reference))
    assert pose(shown).covariance == pytest.approx(COVARIANCE)
    assert pose(shown, "reference").covariance == pytest.approx(COVARIANCE / 3)
    expected = straight(-2).as_matrix()
    assert pose(shown, "reference").transform.as_matrix() == pytest.approx(expected, abs=1e-9)


def test_nothing_but_the_pose_is_changed():
    """Errors that last do not average out; which markers were used is this frame's."""
    smoother = Smoother(2)
    smoother.smooth(frame(0, needle=tool(straight(0))))
    given_now = frame(1, needle=tool(straight(1)))
    shown = smoother.smooth(given_now)
    found = shown.tools["needle"]
    assert not isinstance(found, Lost)
    assert found.systematic == pytest.approx(SYSTEMATIC)
    assert (found.marker_ids, found.rms_px) == ((10, 11), 0.02)
    assert (shown.number, shown.time, shown.mode) == (1, given_now.time, "follow")
    # and what was given is still what it was
    assert pose(given_now).transform.as_matrix() == pytest.approx(straight(1).as_matrix())


@pytest.mark.parametrize("frames", [1, 0, -3])
def test_a_mean_of_fewer_than_two_is_refused(frames):
    with pytest.raises(InputError, match=f"--smooth: expected 2 frame sets or more, got {frames}"):
        Smoother(frames)
