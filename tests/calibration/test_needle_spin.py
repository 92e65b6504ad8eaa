"""A needle's axis from spinning it, truth known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from calibration.needle.pivot_verdict import NotCalibrated
from calibration.needle.spin import spin_axis
from nav.core.errors import InputError
from nav.core.frames import Array
from tests.synthetic import vectors

AXIS = np.array([0.02, -0.01, 1.0]) / np.linalg.norm([0.02, -0.01, 1.0])


def spun(
    rng: np.random.Generator, count: int, wobble: float = 0.0, turn: float = 3.0, axis: Array = AXIS
) -> Array:
    """Rotations that differ by a spin of up to +-turn / 2 rad and a wobble (sd per axis, rad)."""
    by = Rotation.from_rotvec(np.linspace(-turn / 2, turn / 2, count)[:, None] * axis)
    at = Rotation.from_rotvec([0.4, 2.0, -0.3])
    off = Rotation.from_rotvec(wobble * rng.normal(size=(count, 3)))
    return np.asarray((off * at * by).as_matrix(), float)


@settings(max_examples=50, deadline=None)
@given(vectors(1.0), st.floats(1.2, 6.0), st.integers(0, 2**32 - 1))
def test_an_exact_spin_gives_the_exact_axis(direction, turn, seed):
    length = np.linalg.norm(direction)
    axis = direction / length if length > 0.1 else AXIS
    found = spin_axis(spun(np.random.default_rng(seed), 30, turn=turn, axis=axis), axis)
    assert found.axis == pytest.approx(axis, abs=1e-7)
    assert found.turn == pytest.approx(turn, abs=1e-6)
    assert found.wobble < 1e-7


def test_the_axis_points_where_it_is_told_to():
    rotations = spun(np.random.default_rng(0), 30)
    assert spin_axis(rotations, [0.35, -0.22, 110.0]).axis == pytest.approx(AXIS, abs=1e-7)
    assert spin_axis(rotations, [0.0, 5.0, -50.0]).axis == pytest.approx(-AXIS, abs=1e-7)


def test_its_covariance_agrees_with_the_errors():
    """Two freedoms: mean 2 of 300 normalised squared errors, standard deviation 0.12."""
    rng = np.random.default_rng(1)
    squares = []
    for _ in range(300):
        found = spin_axis(spun(rng, 60, np.radians(0.3)), AXIS)
        squares.append((found.axis - AXIS) @ np.linalg.pinv(found.covariance) @ (found.axis - AXIS))
    assert np.mean(squares) == pytest.approx(2.0, abs=0.4)


def test_a_few_wild_poses_are_left_out():
    rng = np.random.default_rng(2)
    rotations = spun(rng, 100, np.radians(0.1))
    rotations[::10] = Rotation.random(10, rng=rng).as_matrix()
    found = spin_axis(rotations, AXIS)
    assert np.degrees(np.arccos(found.axis @ AXIS)) < 0.1
    assert found.kept.sum() >= 88
    assert np.degrees(found.turn) == pytest.approx(np.degrees(3.0), abs=2.0)


@pytest.mark.parametrize(
    ("rotations", "words"),
    [
        (spun(np.random.default_rng(3), 9), "9 poses, at least 10"),
        (spun(np.random.default_rng(3), 50, turn=0.5), "spun by only 29 degrees"),
        (spun(np.random.default_rng(3), 50, wobble=0.1), "not spun about one axis"),
        (Rotation.random(50, rng=np.random.default_rng(3)).as_matrix(), "not spun about one axis"),
        (np.tile(np.eye(3), (50, 1, 1)), "spun by only 0 degrees"),
    ],
)
def test_what_is_no_spin_is_refused(rotations, words):
    with pytest.raises(NotCalibrated, match=words):
        spin_axis(rotations, AXIS)


def test_a_direction_across_the_axis_cannot_tell_its_sign():
    with pytest.raises(NotCalibrated, match="at right angles"):
        spin_axis(spun(np.random.default_rng(4), 30), [100.0, 3.0, 1.0])


def test_what_are_no_rotations_is_refused():
    for bad in (np.eye(3), np.full((20, 3, 3), np.nan)):
        with pytest.raises(InputError, match="finite rotations"):
            spin_axis(bad)
