"""Which poses share one pivot: found from small samples, then by distance."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from calibration.needle.algebra import (
    Noise,
    algebraic_pivot,
    normal_equations,
    solved,
    weighted_fit,
)
from nav.core.frames import Array

SEAT = 0.2  # mm, sd per axis: play in the divot that is assumed while searching
LEAST_PLAY = 0.03  # mm, sd per axis: least play that is assumed for leaving poses out
OFF = 16.27  # squared distance beyond which a pose is left out: 99.9 % of chi-square, 3 dof
MEDIAN = 2.366  # its median
SAMPLES, SAMPLE, BEST = 300, 4, 5
MAX_ROUNDS = 20

Kept = NDArray[np.bool_]


def belonging(
    rotations: Array, translations: Array, covariances: Array | None
) -> tuple[Array, Kept]:
    """Find the tip approximately and the poses that share its pivot; deterministic.

    Initial estimate: of `SAMPLES` small samples (random numbers of a fixed seed) and the fit to
    all, the one with the least sum of squared distances, each truncated at `OFF` (RANSAC with the
    score of [1]_), after refitting the best few to the poses that they keep. Then, until nothing
    changes, a weighted fit to the poses kept and a new choice among all: a pose is left out if its
    squared Mahalanobis distance is above `OFF`. The play in it is that of the median pose, so that
    poor seating of all poses makes none of them an outlier.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses a_from_tool.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    covariances : ndarray, shape (n, 6, 6), or None
        Of the poses, mm and rad; None if there are none.

    Returns
    -------
    tip : ndarray, shape (3,)
        Tool frame, mm.
    kept : ndarray of bool, shape (n,)
        Whether a pose belongs to the tip's pivot.

    References
    ----------
    .. [1] Torr and Zisserman, MLESAC, Computer Vision and Image Understanding 78, 2000.
    """
    tip, kept = _start(rotations, translations, covariances)
    for _ in range(MAX_ROUNDS):
        own = None if covariances is None else covariances[kept]
        fit = weighted_fit(rotations[kept], translations[kept], own, tip)
        tip = fit.tip
        points = rotations @ tip + translations
        distances = _distances(Noise.of(points, covariances), points - fit.pivot)
        now = distances <= OFF
        if now.sum() < SAMPLE or (now == kept).all():
            break
        kept = now
    return tip, kept


def _start(rotations: Array, translations: Array, covariances: Array | None) -> tuple[Array, Kept]:
    tip, pivot = algebraic_pivot(rotations, translations)
    noise = Noise.of(rotations @ tip + translations, covariances)
    variance = noise.values.mean(axis=1) + SEAT**2
    matrix, right = normal_equations(rotations, translations)

    def distances(candidates: Array) -> Array:
        off = rotations @ candidates[:, :3].T + translations[:, :, None] - candidates[:, 3:].T
        return np.asarray((off**2).sum(axis=1).T / variance, float)

    def ranked(candidates: Array) -> Array:
        scores = np.minimum(distances(candidates), OFF).sum(axis=1)
        return candidates[np.argsort(scores, kind="stable")]

    rng = np.random.default_rng(0)
    samples = rng.random((SAMPLES, len(rotations))).argpartition(SAMPLE, axis=1)[:, :SAMPLE]
    found = solved(matrix[samples].sum(axis=1), right[samples].sum(axis=1))
    candidates = ranked(np.vstack([np.concatenate([tip, pivot]), found]))[:BEST]
    masks = np.zeros((len(candidates), len(rotations)), bool)
    for _ in range(MAX_ROUNDS):
        before, masks = masks, distances(candidates) <= OFF
        if (masks == before).all():
            break
        for k, mask in enumerate(masks):
            if mask.any():
                candidates[k] = solved(matrix[mask].sum(axis=0), right[mask].sum(axis=0))
    best = ranked(candidates)[:1]
    kept = distances(best)[0] <= OFF
    return best[0, :3], kept if kept.sum() >= SAMPLE else np.ones(len(rotations), bool)


def _distances(noise: Noise, residuals: Array) -> Array:
    """Return squared distances with the play that puts their median where chi-square has it."""

    def excess(variance: float) -> float:
        return float(np.median(noise.squared(residuals, np.sqrt(variance)))) - MEDIAN

    play = LEAST_PLAY
    if excess(LEAST_PLAY**2) > 0.0:
        most = float((residuals**2).sum(axis=1).max()) + LEAST_PLAY**2
        play = float(np.sqrt(brentq(excess, LEAST_PLAY**2, most)))
    return noise.squared(residuals, play)
