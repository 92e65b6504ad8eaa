"""A covariance passes the one check unchanged; what is none is refused by its reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from nav.core.covariance import MOST_REGISTRATION_SD, CovarianceError, checked_covariance
from tests.synthetic import covariances

MOST = np.repeat(MOST_REGISTRATION_SD, 3)
ROOT = np.random.default_rng(1).normal(size=(6, 6)) * np.repeat([0.1, 1e-3], 3)[:, None]
GOOD = ROOT @ ROOT.T


def changed(place: tuple[int, int], value: float) -> np.ndarray:
    matrix = GOOD.copy()
    matrix[place] = value
    return matrix


def refusal(matrix: ArrayLike) -> str:
    with pytest.raises(CovarianceError) as caught:
        checked_covariance(matrix, MOST)
    return str(caught.value)


@given(covariances(6, 0.05))
def test_a_covariance_passes_unchanged(matrix):
    assert checked_covariance(matrix, MOST) == pytest.approx(matrix, rel=1e-9, abs=1e-18)


def test_zero_and_singular_matrices_are_covariances():
    line = np.outer([1.0, 2.0, 3.0, 0.01, 0.0, 0.0], [1.0, 2.0, 3.0, 0.01, 0.0, 0.0])
    for matrix in (np.zeros((6, 6)), line, GOOD.round(10)):
        assert checked_covariance(matrix, MOST) == pytest.approx(matrix, rel=1e-6, abs=1e-9)


@given(st.integers(3, 8), covariances(6, 0.05))
def test_rounding_leaves_no_negative_eigenvalue(digits, matrix):
    """Digits of a file; a singular matrix becomes a little indefinite by them."""
    thin = matrix.copy()
    thin[5] = thin[4]
    thin[:, 5] = thin[:, 4]
    rounded = np.array([[float(f"{x:.{digits}g}") for x in row] for row in thin])
    checked = checked_covariance(rounded, MOST)
    scale = np.sqrt(np.outer(np.diag(rounded), np.diag(rounded)))
    assert np.linalg.eigvalsh(checked / scale).min() > -1e-12
    assert np.abs(checked - rounded).max() <= 2e-3 * scale.max()


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (changed((2, 2), np.nan), "not finite"),
        (changed((1, 4), np.inf), "not finite"),
        (-GOOD, "a variance (on the diagonal) is below zero"),
        (changed((3, 3), -1e-9), "a variance (on the diagonal) is below zero"),
        (changed((0, 5), 5.0), "not symmetric"),
        (changed((0, 5), GOOD[0, 5] * 1.001), "not symmetric"),
        (1e8 * GOOD, "not plausible"),
        (changed((0, 0), 1e300), "not plausible"),
        (np.diag([0.01] * 6), None),
        (np.diag([0.01, 0.01, 0.01, 10.0, 1.0, 1.0]), "not plausible"),
        (np.array([[0.01, 0.02], [0.02, 0.01]]), "larger than its two variances allow"),
        (np.array([[0.0, 0.02], [0.02, 0.01]]), "larger than its two variances allow"),
        (0.01 * (1.6 * np.eye(3) - 0.6 * np.ones((3, 3))), "negative eigenvalue"),
    ],
)
def test_what_is_no_covariance_is_refused_by_its_reason(matrix, says):
    padded = np.zeros((6, 6))
    padded[: len(matrix), : len(matrix)] = matrix
    if says is None:
        checked_covariance(padded, MOST)
    else:
        assert says in refusal(padded)


def test_the_wrong_one_of_several_is_named():
    with pytest.raises(CovarianceError) as caught:
        checked_covariance([GOOD, GOOD, -GOOD, GOOD], MOST)
    assert caught.value.index == 2
