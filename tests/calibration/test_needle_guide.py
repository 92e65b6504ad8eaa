"""The axis of a needle in a guide hole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from calibration.needle.axis_guide import guided_axis
from calibration.needle.pivot_verdict import NotCalibrated
from nav.core.errors import InputError
from nav.core.frames import Array

AXIS = np.array([0.1, -0.05, 1.0]) / np.linalg.norm([0.1, -0.05, 1.0])
DOWN = np.array([0.2, 0.1, -2.0])


def held(count: int, wobble: float, rng: np.random.Generator, axis: Array = AXIS) -> Array:
    """Rotations of a needle along DOWN, turned about itself, off by `wobble` rad an axis."""
    along = DOWN / np.linalg.norm(DOWN)
    first, _ = Rotation.align_vectors(along[None], axis[None])
    turns = []
    for k in range(count):
        spin = Rotation.from_rotvec(axis * 2 * np.pi * k / count)
        turns.append((Rotation.from_rotvec(rng.normal(0.0, wobble, 3)) * first * spin).as_matrix())
    return np.array(turns)


@given(st.integers(0, 1000))
def test_a_guide_that_fits_gives_the_axis(seed):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    found = guided_axis(held(12, 0.0, rng, axis), DOWN)
    assert found.axis == pytest.approx(axis, abs=1e-9)
    assert found.wobble == pytest.approx(0.0, abs=1e-7)


def test_a_loose_guide_says_how_well_it_is_known():
    rng, squares = np.random.default_rng(1), []
    for _ in range(200):
        found = guided_axis(held(40, 0.01, rng), DOWN)
        off = found.axis - AXIS
        across = np.linalg.eigh(found.covariance)
        inside = across.eigenvectors[:, 1:].T @ off
        squares.append(float((inside**2 / across.eigenvalues[1:]).sum()))
    assert np.mean(squares) == pytest.approx(2.0, abs=0.6)


def test_what_is_no_guide_is_refused():
    rng = np.random.default_rng(2)
    with pytest.raises(NotCalibrated, match="9 poses, at least 10"):
        guided_axis(held(9, 0.0, rng), DOWN)
    with pytest.raises(NotCalibrated, match="wobbled by"):
        guided_axis(held(20, 0.1, rng), DOWN)
    with pytest.raises(InputError, match="not all 0"):
        guided_axis(held(20, 0.0, rng), np.zeros(3))
    with pytest.raises(InputError, match="finite rotations"):
        guided_axis(np.full((20, 3, 3), np.nan), DOWN)
