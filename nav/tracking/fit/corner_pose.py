"""A tool's pose from all its markers in all cameras at once, with an honest covariance.

Gauss-Newton on the corners' reprojection, each marker weighted by its full corner covariance. Where
the corners disagree by more than their noise, a common geometric error (misaligned markers, rig
moved) is estimated from the residuals so that their chi-square is what it should be, and the
covariance grows with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.gauss_newton import gauss_newton
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.initial_pose import APART, angle_between, find_start
from nav.tracking.fit.reprojection import ViewStack

MAX_STEPS = 30
CONVERGED = 1e-8  # mm and rad
OUTLIER_PIXELS = 2.0  # least corner residual, rms, of a marker that is left out
OUTLIER_FACTOR = 6.0  # times the markers' median
MIN_KEPT = 0.6  # share of the markers' views that must agree for the others to be left out
SIGNIFICANCE = 1e-4  # of the chi-square test that finds geometry doubtful
DECISIVE = 13.8  # chi-square by which a rival pose must be worse: a likelihood ratio of 1000
AMBIGUOUS = Lost("ambiguous")  # two poses look the same
WORTH_SAYING = 0.05  # px of geometric error below which there is no warning


@dataclass(frozen=True)
class PoseFit:
    """A tool's pose fitted to the corners of its markers.

    Parameters
    ----------
    rig_from_tool : Pose
        With covariance.
    used, left_out : tuple of MarkerView
        Views that contribute, and outliers.
    rms_px : float
        Of the residuals, px per axis.
    geometric_px : float
        Common corner error beyond the pixels' noise, one standard deviation, px per axis.
    doubtful : bool
        Whether there is such an error.
    """

    rig_from_tool: Pose
    used: tuple[MarkerView, ...]
    left_out: tuple[MarkerView, ...]
    rms_px: float
    geometric_px: float
    doubtful: bool


def fit_pose(views: Sequence[MarkerView], guess: Array | None = None) -> PoseFit | Lost:
    """Fit a tool's pose to the corners of its markers in all cameras.

    Gauss-Newton on the reprojection error, each marker weighted by its full corner covariance.

    Parameters
    ----------
    views : sequence of MarkerView
        Of one tool.
    guess : ndarray, shape (4, 4), optional
        rig_from_tool to start from too, for example the last one.

    Returns
    -------
    PoseFit or Lost
        The pose that best explains the views, or why there is none.
    """
    start = find_start(views, guess)
    if start is None:
        return _misfit(views)
    used, left_out = _without_gross(views, start.pose)
    used, pose = _consistent(used, start.pose)
    left_out += [view for view in views if all(view is not v for v in (*used, *left_out))]
    stack = ViewStack(used)
    residuals = stack.residuals(pose)
    geometric = 0.0
    if not _fits(residuals, stack):
        freedom = _freedom(stack)
        geometric = _geometric_error(residuals, stack, freedom)
        pose, residuals = _refine(pose, stack, geometric)
        geometric = _geometric_error(residuals, stack, freedom)
    if start.rival is not None and _rivalled(pose, start.rival, stack, geometric):
        return AMBIGUOUS
    # never smaller than the residuals show, even if their excess is not significant
    excess = max(1.0, _chi2(residuals, stack, geometric) / _freedom(stack))
    covariance = np.linalg.inv(_normal(pose, stack, geometric)[0]) * excess
    return PoseFit(
        Pose.from_matrix(pose, (covariance + covariance.T) / 2),
        tuple(used),
        tuple(left_out),
        float(np.sqrt(np.mean(residuals**2))),
        geometric,
        geometric > WORTH_SAYING,
    )


def _misfit(views: Sequence[MarkerView]) -> Lost:
    ids = sorted({view.marker.id for view in views})
    return Lost("markers_misfit", {"ids": ids})


def starting_poses(views: Sequence[MarkerView]) -> list[Array] | Lost:
    """Return poses from which to fit the pixels.

    Parameters
    ----------
    views : sequence of MarkerView
        Of one tool.

    Returns
    -------
    list of ndarray, shape (4, 4), or Lost
        rig_from_tool: one, or both that may look the same; or why there is none.
    """
    try:
        fit = fit_pose(views)
    except np.linalg.LinAlgError:  # squares that were no markers may lie anywhere
        fit = _misfit(views)
    if not isinstance(fit, Lost):
        return [np.asarray(fit.rig_from_tool.transform.as_matrix(), float)]
    start = find_start(views, None)
    if start is None:
        return fit
    return [start.pose] if start.rival is None else [start.pose, start.rival]


def _without_gross(
    views: Sequence[MarkerView], pose: Array
) -> tuple[list[MarkerView], list[MarkerView]]:
    if len(views) < 3:
        return list(views), []
    rms = np.sqrt((ViewStack(views).residuals(pose) ** 2).mean(axis=1))
    limit = max(OUTLIER_PIXELS, OUTLIER_FACTOR * float(np.median(rms)))
    used = [view for view, residual in zip(views, rms, strict=True) if residual <= limit]
    left_out = [view for view, residual in zip(views, rms, strict=True) if residual > limit]
    return used, left_out


def _consistent(views: Sequence[MarkerView], start: Array) -> tuple[list[MarkerView], Array]:
    """Return the views that agree within their noise, and their pose.

    A few that do not fit (a finger, glare, a bent corner) are left out, at each step the one that
    spoils the fit most, if then all the others agree. Where that does not help, the fault is in all
    of them and all are kept.
    """
    pose, _ = _refine(start, ViewStack(views), 0.0)
    kept, trial = list(views), pose
    least = max(3, int(np.ceil(len(views) * MIN_KEPT)))
    while True:
        stack = ViewStack(kept)
        residuals = stack.residuals(trial)
        if _fits(residuals, stack):
            return kept, trial
        if len(kept) <= least:
            return list(views), pose
        worst = stack.views[int(np.argmax(_gains(trial, stack)))]
        kept = [view for view in kept if view is not worst]
        trial, _ = _refine(trial, ViewStack(kept), 0.0)


def _gains(pose: Array, stack: ViewStack) -> Array:
    """Return by how much chi-square falls without each view, (n,), at the pose of all of them.

    Not their residuals: a view that pulls the pose to itself has a small one.
    """
    residuals, jacobian = stack.linearised(pose)
    weighted = stack.weights(0.0) @ jacobian
    own = np.einsum("nia,nib->nab", jacobian, weighted)
    pull = np.einsum("nia,ni->na", weighted, residuals)
    moved = np.linalg.solve(own.sum(axis=0) - own, pull[..., None])[..., 0]
    squares = np.einsum("ni,nij,nj->n", residuals, stack.weights(0.0), residuals)
    return squares + np.einsum("na,na->n", pull, moved)


def _rivalled(pose: Array, rival: Array, stack: ViewStack, geometric: float) -> bool:
    """Return whether another pose explains the same views nearly as well."""
    other, residuals = _refine(rival, stack, geometric)
    if angle_between(pose, other) < APART:
        return False  # it was on its way to the same pose
    worse = _chi2(residuals, stack, geometric)
    worse -= _chi2(stack.residuals(pose), stack, geometric)
    return worse < DECISIVE


def _fits(residuals: Array, stack: ViewStack) -> bool:
    """Return whether the residuals are no larger than the pixels' noise explains."""
    return _chi2(residuals, stack, 0.0) <= chdtri(_freedom(stack), SIGNIFICANCE)


def _freedom(stack: ViewStack) -> int:
    return 8 * len(stack.views) - 6


def _refine(pose: Array, stack: ViewStack, geometric: float) -> tuple[Array, Array]:
    """Refine a pose by weighted Gauss-Newton; return it (4, 4) and its residuals (n, 8)."""
    refined = gauss_newton(
        pose, lambda at: _normal(at, stack, geometric), stack.moved,
        steps=MAX_STEPS, converged=CONVERGED,
    )  # fmt: skip
    return refined, stack.residuals(refined)


def _normal(pose: Array, stack: ViewStack, geometric: float) -> tuple[Array, Array]:
    residuals, jacobian = stack.linearised(pose)
    weighted = stack.weights(geometric) @ jacobian
    return (
        np.einsum("nia,nib->ab", jacobian, weighted),
        np.einsum("nia,ni->a", weighted, residuals),
    )


def _chi2(residuals: Array, stack: ViewStack, geometric: float) -> float:
    return float(np.einsum("ni,nij,nj->", residuals, stack.weights(geometric), residuals))


def _geometric_error(residuals: Array, stack: ViewStack, freedom: int) -> float:
    """Find the common corner error, sd, px, that makes chi-square as expected (bisection)."""
    low, high = 0.0, max(2.0 * float(np.sqrt(np.sum(residuals**2) / freedom)), 1e-3)
    for _ in range(24):
        middle = (low + high) / 2
        if _chi2(residuals, stack, middle) > freedom:
            low = middle
        else:
            high = middle
    return high
