"""The covariance of an estimate by the curvature of its likelihood, which may have edges."""

from collections.abc import Callable

import numpy as np

from nav.core.frames import Array

DROP = 2.0  # of the log-likelihood, at which its curvature is taken
STEPS = 30  # at most, to find where it drops so far
LEAST_CURVED = 1e-3  # of the log-likelihood, over such a change: less is none


def curvature_covariance(cost: Callable[[Array], float], best: Array, widths: Array) -> Array:
    """Return the covariance of the most likely unknowns by the curvature of the likelihood.

    It is taken over changes by which the likelihood drops clearly, so that it may have edges.

    Parameters
    ----------
    cost : callable
        Minus the log-likelihood of unknowns, shape (n,).
    best : ndarray, shape (n,)
        Where it is least.
    widths : ndarray, shape (n,)
        Standard deviations of unknowns of which the likelihood says nothing.

    Returns
    -------
    ndarray, shape (n, n)
    """
    size, at = len(best), cost(best)
    steps = np.array([_step(cost, best, at, k, widths[k]) for k in range(size)])
    moves = np.diag(np.where(np.isfinite(steps), steps, 0.0))
    curvature = np.eye(size)
    for i in range(size):
        for j in range(i + 1):
            if np.isfinite(steps[i]) and np.isfinite(steps[j]):
                both, apart = (moves[i] + moves[j]) / 2, (moves[i] - moves[j]) / 2
                curvature[i, j] = curvature[j, i] = (
                    cost(best + both) + cost(best - both)
                    - cost(best + apart) - cost(best - apart)
                )  # fmt: skip
    values, vectors = np.linalg.eigh(curvature)
    inverse = (vectors / np.maximum(values, LEAST_CURVED)) @ vectors.T
    return np.asarray(inverse * np.outer(*[np.where(np.isfinite(steps), steps, widths)] * 2))


def _step(cost: Callable[[Array], float], best: Array, at: float, k: int, width: float) -> float:
    """Return a change of one unknown by which the log-likelihood drops by about DROP."""
    step, moved = 0.05, np.zeros(len(best))
    for _ in range(STEPS):
        moved[k] = step
        drop = (cost(best + moved) + cost(best - moved)) / 2 - at
        if drop > 2.0 * DROP:
            step /= 2
        elif drop < DROP / 2:
            step *= 1.6
        else:
            break
        if step > width:
            return np.inf
    return step
