"""The effect on a pivot calibration of errors that depend on the tool's orientation."""

import numpy as np

from calibration.needle.algebra import normal_equations
from nav.core.frames import Array

OTHER_VIEW = 0.3  # rad of turning after which 61 % of such an error remains, as in tracking
MOST_POSES = 400  # evenly chosen: more do not change the result


def systematic_covariance(rotations: Array, systematic: Array) -> Array:
    """Compute the covariance of tip and pivot due to systematic errors.

    Each pose's tip has an error that is fixed in the tool's frame except for its dependence on
    orientation: two poses an angle apart share exp(-(angle / 0.3 rad)^2 / 2) of it. That is
    propagated through the equal-weight fit. More poses do not reduce it; a wide cone does.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        a_from_tool.
    systematic : ndarray, shape (n, 3, 3)
        Covariance of each pose's tip, frame a, mm^2.

    Returns
    -------
    ndarray, shape (6, 6)
        Of tip (tool frame) and pivot (frame a), mm^2.
    """
    chosen = np.unique(np.linspace(0, len(rotations) - 1, MOST_POSES).round().astype(int))
    turns, spread = rotations[chosen], systematic[chosen]
    values, vectors = np.linalg.eigh(turns.transpose(0, 2, 1) @ spread @ turns)
    roots = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ vectors.transpose(0, 2, 1)
    matrix = normal_equations(turns, np.zeros((len(turns), 3)))[0].sum(axis=0)
    # derivative of tip and pivot by an error of the tip in the tool's frame: design' = [R, -I]'
    design = np.concatenate([np.tile(np.eye(3), (len(turns), 1, 1)), -turns], axis=1)
    shares = np.linalg.solve(matrix, design @ roots)
    total = np.einsum("kia,kl,lja->ij", shares, _shared(turns), shares, optimize=True)
    return np.asarray((total + total.T) / 2, float)


def _shared(turns: Array) -> Array:
    """Return, (n, n), how much of its systematic error each pose shares with each other."""
    traces = np.einsum("kij,lij->kl", turns, turns)
    angles = np.arccos(np.clip((traces - 1.0) / 2.0, -1.0, 1.0))
    return np.asarray(np.exp(-0.5 * (angles / OTHER_VIEW) ** 2), float)
