"""Where a tool should be next: exact for steady motion, silent where nothing is known."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, perturbed
from nav.tracking.fit.marker_views import about_origin, moved_about
from nav.tracking.follow.motion_prediction import Motion
from tests.synthetic import floats, rigid_transforms, vectors

MIDDLE = np.array([2.0, -1.0, 5.0])  # of the tool, in its frame, mm
FRAME = 1 / 30  # s


def steadily(start: RigidTransform, velocity: Array, seconds: float) -> Array:
    """(4, 4) of a tool whose middle moves straight while it turns evenly about it."""
    middle = start.apply(MIDDLE) + velocity[:3] * seconds
    turned = Rotation.from_rotvec(velocity[3:] * seconds) * start.rotation
    at = middle - turned.apply(MIDDLE)
    return np.asarray(RigidTransform.from_components(at, turned).as_matrix(), float)


# rad/s; a turn by less than 0.6 degrees a second is none
turns = vectors(5.0).map(lambda turn: turn if np.linalg.norm(turn) > 0.01 else np.zeros(3))


@st.composite
def hands(draw: st.DrawFn) -> Array:
    """(6,) velocities up to 500 mm/s and 5 rad/s per axis."""
    return np.concatenate([draw(vectors(500.0)), draw(turns)])


# s from one picture to the next: dropped ones, and cameras that do not keep their rate
gaps = st.lists(floats(0.005, 0.1), min_size=1, max_size=5)


def watched(start: RigidTransform, velocity: Array, times: Array) -> Motion:
    motion = Motion(MIDDLE)
    for time in times:
        motion.see(float(time), steadily(start, velocity, float(time)))
    return motion


@given(rigid_transforms(), hands(), gaps, floats(0.005, 0.2))
def test_steady_motion_is_predicted_exactly(start, velocity, gaps, ahead):
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    predicted = watched(start, velocity, times).predict(times[-1] + ahead)
    assert predicted == pytest.approx(steadily(start, velocity, float(times[-1] + ahead)), abs=1e-6)


@given(rigid_transforms(), hands(), gaps, floats(-0.05, 0.1))
def test_a_steady_velocity_is_known_at_any_time(start, velocity, gaps, ahead):
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    found = watched(start, velocity, times).velocity(times[-1] + ahead)
    assert found == pytest.approx(velocity, abs=1e-5)


@given(rigid_transforms(), hands(), floats(-0.1, 0.1), floats(-0.1, 0.1))
def test_motion_about_the_middle_composes(start, velocity, first, second):
    """Moved for one time and on for another is moved for both, and is the steady motion."""
    pose = np.asarray(start.as_matrix(), float)
    middle = start.apply(MIDDLE)
    once = moved_about(pose, velocity * first, middle)
    twice = moved_about(once, velocity * second, once[:3, :3] @ MIDDLE + once[:3, 3])
    whole = moved_about(pose, velocity * (first + second), middle)
    assert twice == pytest.approx(whole, abs=1e-9)
    assert whole == pytest.approx(steadily(start, velocity, first + second), abs=1e-9)


@given(rigid_transforms(), vectors(1.0, 6))
def test_a_small_motion_about_the_middle_is_a_perturbation_about_the_origin(start, motion):
    small = motion * np.repeat([1e-4, 1e-6], 3)
    middle = start.apply(MIDDLE)
    about = moved_about(np.asarray(start.as_matrix(), float), small, middle)
    same = perturbed(start, about_origin(middle) @ small)
    assert about == pytest.approx(same.as_matrix(), abs=1e-8)


@given(rigid_transforms(), floats(0.001, 0.4))
def test_a_tool_seen_once_is_expected_where_it_was(start, ahead):
    motion = watched(start, np.zeros(6), np.zeros(1))
    assert motion.expects(ahead)
    assert motion.predict(ahead) == pytest.approx(start.as_matrix(), abs=1e-9)
    assert not motion.velocity(ahead).any()


@given(rigid_transforms(), rigid_transforms(), hands(), st.sampled_from([-1.0, 0.0, 2.0]))
def test_after_a_pause_and_when_time_runs_back_what_was_before_does_not_count(
    start, later, velocity, pause
):
    motion = watched(start, velocity, np.array([0.0, FRAME, 2 * FRAME]))
    at = 2 * FRAME + pause
    motion.see(at, np.asarray(later.as_matrix(), float))
    assert not motion.velocity(at).any()
    assert motion.predict(at + FRAME) == pytest.approx(later.as_matrix(), abs=1e-9)


def test_a_tool_is_expected_only_soon_after_it_was_seen():
    start = RigidTransform.identity()
    assert not Motion(MIDDLE).expects(1.0)
    motion = watched(start, np.zeros(6), np.array([1.0]))
    assert motion.expects(1.1)
    assert not motion.expects(1.0)
    assert not motion.expects(0.9)
    assert not motion.expects(3.0)


@given(floats(-150.0, 150.0), floats(0.0, 0.1))
def test_a_velocity_that_changes_is_as_far_off_as_said(acceleration, ahead):
    """A hand that quickens by up to 150 mm/s each second, seen twice and three times."""
    motion = Motion(MIDDLE)
    for count in range(3):
        time = count * FRAME
        pose = np.eye(4)
        pose[0, 3] = acceleration * time**2 / 2
        motion.see(time, pose)
        off = motion.velocity(time + ahead)[0] - acceleration * (time + ahead)
        assert abs(off) < 3 * motion.velocity_sd(time + ahead)[0]


@given(hands(), st.integers(1, 3), floats(0.0, FRAME))
def test_after_a_jump_to_rest_the_velocity_is_as_far_off_as_said(jump, rests, ahead):
    """At rest, elsewhere in the next frame set, and at rest there: nothing ever moved on.

    By more than a hand's change of velocity, that is: which may be where a movement begins.
    """
    assume(np.linalg.norm(jump[:3]) > 60.0)
    assume(np.linalg.norm(jump[3:]) > 1.5 or not jump[3:].any())
    motion, places = Motion(MIDDLE), [np.eye(4), np.eye(4), np.eye(4)]
    places += [steadily(RigidTransform.identity(), jump, FRAME)] * rests
    for number, place in enumerate(places):
        motion.see(number * FRAME, place)
    time = (len(places) - 1) * FRAME + ahead
    assert (np.abs(motion.velocity(time)) < 3.0 * motion.velocity_sd(time)).all()
    assert motion.steady == (rests == 3)


def test_the_longer_ago_the_less_is_known_of_a_velocity():
    start, velocity = RigidTransform.identity(), np.array([40.0, 0.0, 0.0, 0.0, 0.5, 0.0])
    once = watched(start, velocity, np.zeros(1)).velocity_sd(FRAME)
    motion = watched(start, velocity, np.array([0.0, FRAME]))
    soon, late = motion.velocity_sd(2 * FRAME), motion.velocity_sd(8 * FRAME)
    assert (soon > 0.0).all()
    assert (late > soon).all()
    assert (once > late).all()


@given(rigid_transforms(), hands(), hands(), gaps)
def test_acceleration_is_that_of_the_last_three_poses(start, velocity, change, times):
    """Exact for a middle that falls; poses of one moment ago say nothing of a jump in time."""
    change[3:] = 0.0  # turns that change do not add up as vectors
    velocity[3:] = 0.0
    at = np.concatenate([[0.0], np.cumsum([*times, 0.02, 0.03])])
    motion = Motion(MIDDLE)
    poses = [steadily(start, velocity + change * t / 2, t) for t in at]
    for t, pose in zip(at[:-1], poses[:-1], strict=True):
        motion.see(t, pose)
    assert motion.acceleration(at[-1], poses[-1]) == pytest.approx(change, abs=1e-5 + 1e-6)
    assert not motion.acceleration(at[-1] + 10.0, poses[-1]).any()
    assert not Motion(MIDDLE).acceleration(1.0, poses[-1]).any()
