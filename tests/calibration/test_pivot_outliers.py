"""Pivot calibration from poses that are not all of one pivot, or say too little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from calibration.needle.pivot import pivot_calibration
from calibration.needle.pivot_coverage import cone_angles, turning
from calibration.needle.pivot_verdict import NotCalibrated
from nav.core.errors import InputError
from tests.calibration.test_pivot import PIVOT, TIP, exact, poses, swung, turned


@pytest.mark.parametrize("share", [0.1, 0.2])
@pytest.mark.parametrize("far", [1.0, 3.0, 20.0])
def test_slips_are_left_out(share, far):
    """Some poses with the tip out of its divot by `far` mm (sd per axis)."""
    rng = np.random.default_rng(17)
    for _ in range(10):
        slipped = rng.random(200) < share
        seats = np.where(slipped[:, None], far * rng.normal(size=(200, 3)), 0.0)
        found = pivot_calibration(*poses(rng, turned(rng, 200), seats).arrays)
        assert np.linalg.norm(found.tip - TIP) < 0.05
        gross = np.linalg.norm(seats, axis=1) > 0.5
        assert not found.kept[gross].any()
        assert (~found.kept[~slipped]).sum() <= 3


def test_a_tip_that_rests_elsewhere_for_a_while_is_left_out_as_a_block():
    rng = np.random.default_rng(19)
    seats = np.zeros((300, 3))
    seats[240:] = [4.0, 0.0, -1.0]
    found = pivot_calibration(*poses(rng, swung(300), seats).arrays)
    assert np.linalg.norm(found.tip - TIP) < 0.05
    assert found.kept[:240].mean() > 0.99
    assert not found.kept[240:].any()
    assert found.verdict.startswith("usable: keep the tip in the divot (20 % of poses left out)")


def test_a_needle_at_rest_most_of_the_time_is_no_reason_to_leave_out_the_rest():
    rng = np.random.default_rng(23)
    turns = Rotation.concatenate([turned(rng, 1)] * 180 + [turned(rng, 120)])
    found = pivot_calibration(*poses(rng, turns).arrays)
    assert np.linalg.norm(found.tip - TIP) < 0.05
    assert found.kept.mean() > 0.98


def test_poor_seating_of_all_poses_makes_none_an_outlier():
    rng = np.random.default_rng(29)
    seen = poses(rng, turned(rng, 300), 0.4 * rng.normal(size=(300, 3)))
    found = pivot_calibration(*seen.arrays)
    assert found.kept.mean() > 0.98
    assert "hold the tip still in a divot that fits" in found.verdict


def test_the_same_poses_give_the_same_answer():
    rng = np.random.default_rng(31)
    seats = np.where(rng.random((100, 1)) < 0.2, 5.0 * rng.normal(size=(100, 3)), 0.0)
    seen = poses(rng, turned(rng, 100), seats)
    first, second = pivot_calibration(*seen.arrays), pivot_calibration(*seen.arrays)
    assert (first.tip == second.tip).all()
    assert (first.kept == second.kept).all()


def repeats(pattern, *arrays):
    with pytest.raises(NotCalibrated, match=pattern) as refused:
        pivot_calibration(*arrays)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("repeat: ")


def test_two_divots_half_and_half_are_refused():
    rng = np.random.default_rng(37)
    seats = np.zeros((200, 3))
    seats[110:] = [0.0, 6.0, 0.0]
    repeats("45 % of the poses do not fit one pivot", *poses(rng, swung(200), seats).arrays)


def test_a_tip_that_moves_about_is_refused():
    rng = np.random.default_rng(41)
    seen = poses(rng, turned(rng, 200), 1.5 * rng.normal(size=(200, 3)))
    repeats("off one point|do not fit one pivot", *seen.arrays)


def test_a_needle_that_has_moved_in_its_carrier_is_refused():
    rng = np.random.default_rng(43)
    before, after = (
        poses(rng, turned(rng, 160)),
        poses(rng, turned(rng, 40), tip=TIP - np.array([0.0, 0.0, 3.0])),
    )
    both = [np.concatenate(pair) for pair in zip(before.arrays, after.arrays, strict=True)]
    repeats(r"another point of the tool, 3\.0 mm away: the needle has moved", *both)


def test_too_few_poses_are_refused():
    rng = np.random.default_rng(47)
    repeats("9 poses, at least 10 are needed", *poses(rng, turned(rng, 9)).arrays)
    repeats("0 poses", np.zeros((0, 3, 3)), np.zeros((0, 3)))


def test_no_turning_is_refused():
    rng = np.random.default_rng(53)
    still = turned(rng, 100, half=2.0, spin=0.02)
    repeats("turned by only 2.0 degrees|turned by only 1.9", *poses(rng, still).arrays)
    at_rest = Rotation.concatenate([turned(rng, 1)] * 100)
    repeats("turned by only 0.. degrees", *poses(rng, at_rest).arrays)


@pytest.mark.parametrize("axis", [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.6, 0.0, -0.8]])
@pytest.mark.parametrize("noisy", [False, True])
def test_turning_about_one_axis_only_is_refused_and_says_which(axis, noisy):
    rng = np.random.default_rng(59)
    turns = Rotation.from_rotvec([2.0, 0.3, 0.2]) * Rotation.from_rotvec(
        rng.uniform(-1.0, 1.0, (100, 1)) * np.array(axis)
    )
    shown = np.array(axis) * np.sign(axis[int(np.argmax(np.abs(axis)))])
    words = rf"one axis only, \[{shown[0]:.2f} {shown[1]:.2f} {shown[2]:.2f}\] in its frame"
    words = words.replace("-0.00", "-?0.00").replace(" 0.00", " -?0.00").replace("[0.00", "[-?0.00")
    repeats(words, *(poses(rng, turns).arrays if noisy else exact(turns, TIP, PIVOT)))


def test_one_axis_but_for_outliers_is_still_one_axis():
    """Poses that are wild in rotation, too, must not pass for a turn about all axes."""
    rng = np.random.default_rng(61)
    spun = Rotation.from_rotvec(rng.uniform(-1.0, 1.0, (90, 1)) * np.array([0.0, 0.0, 1.0]))
    wild = Rotation.random(10, rng=rng)
    turns = Rotation.concatenate([spun, wild])
    seats = np.zeros((100, 3))
    seats[90:] = 40.0 * rng.normal(size=(10, 3))
    repeats("one axis only|known to", *poses(rng, turns, seats).arrays)


def test_a_small_cone_is_usable_or_refused_never_good():
    rng = np.random.default_rng(67)
    verdict = pivot_calibration(*poses(rng, turned(rng, 200, half=10.0)).arrays).verdict
    assert verdict.startswith("usable: tilt more and in all directions (least known along")
    repeats("tilted too little", *poses(rng, turned(rng, 200, half=5.5, spin=0.01)).arrays)


def test_spinning_makes_up_for_tilting_in_one_plane():
    rng = np.random.default_rng(71)
    tilt = np.column_stack([rng.uniform(-0.5, 0.5, 200), np.zeros(200), np.zeros(200)])
    spun = np.column_stack([np.zeros(200), np.zeros(200), rng.uniform(-1.5, 1.5, 200)])
    turns = Rotation.from_rotvec(tilt) * Rotation.from_rotvec(spun)
    found = pivot_calibration(*poses(rng, turns).arrays)
    assert found.verdict == "good"
    assert np.linalg.norm(found.tip - TIP) < 0.05
    assert found.cone[0] > 50.0
    assert found.cone[1] < 1.0


def test_few_poses_are_said_to_be_few():
    rng = np.random.default_rng(73)
    verdict = pivot_calibration(*poses(rng, turned(rng, 12)).arrays).verdict
    assert verdict.startswith("usable: more poses (worth 12 independent ones)")


def test_the_cone_is_as_wide_as_it_was_made():
    angle = np.radians(25.0)
    tilt = np.array([[angle, 0, 0], [-angle, 0, 0], [0, angle / 2, 0], [0, -angle / 2, 0]])
    turns = Rotation.from_rotvec([1.0, -2.0, 0.4]) * Rotation.from_rotvec(tilt)
    assert cone_angles(turns.as_matrix(), np.array([0.0, 0.0, 2.0])) == pytest.approx((50.0, 25.0))


def test_the_spread_tells_how_well_the_tip_is_known():
    """For equal errors of a point, its sd over root n is the tip's times the spread."""
    rng = np.random.default_rng(79)
    turns = turned(rng, 200, half=15.0, spin=0.2).as_matrix()
    design = np.concatenate([turns, np.tile(-np.eye(3), (200, 1, 1))], axis=2).reshape(-1, 6)
    covariance = np.linalg.inv(design.T @ design)[:3, :3]
    seen = turning(turns)
    for spread, direction in zip(seen.spread, seen.directions, strict=True):
        assert direction @ covariance @ direction == pytest.approx(1 / (200 * spread**2), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r, t, c: (r[:-1], t, c), "expected rotations"),
        (lambda r, t, c: (r, t[:, :2], c), "expected rotations"),
        (lambda r, t, c: (r, t, c[:-1]), "expected covariances"),
        (lambda r, t, c: (r, t * np.nan, c), "not finite"),
        (lambda r, t, c: (r, t, c + np.inf), "not finite"),
        (lambda r, t, c: (1.01 * r, t, c), "not orthonormal"),
        (lambda r, t, c: (-r, t, c), "not orthonormal"),
    ],
)
def test_arrays_that_are_no_poses_are_refused(change, words):
    rng = np.random.default_rng(83)
    with pytest.raises(InputError, match=words):
        pivot_calibration(*change(*poses(rng, turned(rng, 20)).arrays))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(10, 40),
    st.floats(0.0, 60.0),
    st.sampled_from([0.0, 0.02, 0.5, 5.0, 300.0]),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_any_poses_give_a_tip_or_one_line(seed, count, half, far, share, noisy):
    """Poses at rest, wild, in blocks: a tip to rely on or a reason, and nothing else."""
    rng = np.random.default_rng(seed)
    turns = turned(rng, count, half, spin=half / 60)
    wild = rng.random(count) < share
    seats = far * rng.normal(size=(count, 3)) * wild[:, None]
    seen = poses(rng, turns, seats)
    arrays = seen.arrays if noisy else exact(turns, TIP, PIVOT + seats)
    try:
        found = pivot_calibration(*arrays)
    except NotCalibrated:
        return
    assert found.verdict.startswith(("good", "usable: "))
    assert np.linalg.norm(found.tip - TIP) < max(6 * found.tip_sd, 1e-3)


def test_poses_at_rest_with_wild_ones_among_them_are_refused():
    rng = np.random.default_rng(89)
    turns = Rotation.concatenate([turned(rng, 1)] * 60 + [Rotation.random(40, rng=rng)])
    seats = np.zeros((100, 3))
    seats[60:] = 50.0 * rng.normal(size=(40, 3))
    repeats("do not fit one pivot|turned by only", *poses(rng, turns, seats).arrays)
    rotations, places, _ = poses(rng, turns).arrays
    rotations[:60], places[:60] = rotations[0], places[0]
    places[60:] += seats[60:]
    repeats("do not fit one pivot|turned by only", rotations, places)
