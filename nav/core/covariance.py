"""The one check of every covariance that is read from a file."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.frames import Array

# Shares of the standard deviations' product: two entries that must be equal are written from one
# number, so only the last digits may differ; entries rounded to three digits can make a correlation
# matrix's least eigenvalue a little negative.
ASYMMETRY = 1e-6
ROUNDING = 1e-3
# Largest plausible standard deviations: beyond them the unit is wrong or nothing is known.
MOST_TIP_SD = 10.0  # mm; calibration refuses a tip that is known worse than to 0.3 mm
MOST_REGISTRATION_SD = (100.0, np.pi)  # mm at the model's origin, which may lie far off, and rad
MOST_POSE_SD = (1000.0, 10.0)  # mm, rad: vague poses are legitimate, they are weighted little


class CovarianceError(ValueError):
    """A matrix is not a covariance.

    Parameters
    ----------
    problem : str
        What is wrong with it.
    index : int
        Which of several matrices it is.
    """

    def __init__(self, problem: str, index: int) -> None:
        super().__init__(problem)
        self.index = index


def checked_covariance(matrix: ArrayLike, most_sd: ArrayLike) -> Array:
    """Check that a matrix is a covariance of plausible size.

    Parameters
    ----------
    matrix : array_like, shape (n, n) or (count, n, n)
        One or several covariances; units are products of those of `most_sd`.
    most_sd : array_like, shape (n,)
        Largest plausible standard deviations.

    Returns
    -------
    ndarray
        The same, exactly symmetric, without the negative eigenvalues that rounding can cause.

    Raises
    ------
    CovarianceError
        Not finite, not symmetric, a negative variance or eigenvalue, or too large.
    """
    given = np.asarray(matrix, float)
    stack = given.reshape(-1, *given.shape[-2:])
    most = np.broadcast_to(np.asarray(most_sd, float), stack.shape[-1:])
    _refuse(np.array([not np.isfinite(m).all() for m in stack], bool), "a number is not finite")
    variances = np.diagonal(stack, axis1=1, axis2=2)
    _refuse(variances.min(axis=1) < 0.0, "a variance (on the diagonal) is below zero")
    large = (variances > most**2).any(axis=1)
    if large.any():
        index = int(np.argmax(large))
        place = int(np.argmax(variances[index] - most**2))
        raise CovarianceError(
            f"a standard deviation of {np.sqrt(variances[index, place]):.3g} (the square root of "
            f"entry {place + 1} on the diagonal) is not plausible, at most {most[place]:.3g}; "
            "check its unit: mm^2 and rad^2",
            index,
        )
    product = np.sqrt(variances[:, :, None]) * np.sqrt(variances[:, None, :])
    half = stack / 2  # sums of the largest numbers overflow
    other = np.swapaxes(half, 1, 2)
    _refuse(
        (np.abs(half - other) > ASYMMETRY / 2 * product).any(axis=(1, 2)), "it is not symmetric"
    )
    stack = half + other
    _refuse(
        (np.abs(stack) > (1.0 + ROUNDING) * product).any(axis=(1, 2)),
        "a covariance is larger than its two variances allow (a negative eigenvalue)",
    )
    scale = np.where(product > 0.0, product, 1.0)
    values, vectors = np.linalg.eigh(stack / scale)
    _refuse(values[:, 0] < -ROUNDING, "it has a negative eigenvalue")
    rounded = values[:, 0] < 0.0
    if rounded.any():
        kept = np.maximum(values[rounded], 0.0)
        turned = vectors[rounded]
        stack[rounded] = (turned * kept[:, None, :]) @ np.swapaxes(turned, 1, 2) * product[rounded]
    return np.asarray(stack.reshape(given.shape), float)


def _refuse(bad: NDArray[np.bool_], problem: str) -> None:
    if bad.any():
        raise CovarianceError(problem, int(np.argmax(bad)))


def covariance_root(covariance: Array) -> Array:
    """Return columns whose outer products add up to a covariance.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        Positive semi-definite.

    Returns
    -------
    ndarray, shape (n, n)
        Column k is one standard deviation along the k-th principal axis.
    """
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.0)))
