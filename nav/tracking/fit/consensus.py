"""Estimate one pose, with an honest covariance, from the pixels of all markers.

All is linear here: each view says how its marker's plane lies (eight numbers, with their
information), a common motion of the tool explains what they share, and what is left over is judged.
Noise explains little of it where markers are misaligned or a camera has moved or refocused. Then
each marker has a misplacement of its own, the same in all cameras, and each camera a small turn and
a small growth of its image, the same for all markers, and each corner in each image is seen off
a little: random effects whose sizes are estimated by expectation and maximisation (Dempster, Laird
and Rubin 1977), and the pose's covariance grows with them.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from nav.core.frames import Array
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.linear import Linear
from nav.tracking.fit.pixel_moments import GEOMETRY, RESPONSE
from nav.tracking.fit.printed_size import SizeEstimate, estimate_size
from nav.tracking.fit.random_effects import SIGNIFICANCE, Effects, Sizes, solve_doubtful

ODD = 1.6  # chi-square of a view by its usual value, above which it has less weight
AGREEING = 3.0  # chi-square by its degrees of freedom of the usual view, below which most agree
NO_WEIGHT = 0.1  # of its own weight
REWEIGHTINGS = 3
MIN_KEPT = 0.6  # share of the views that must agree for the others to be left out
COHERENT, LEFT_OUT = 2, 0.5  # views of a camera, and share of them: not left out without doubt
SURE_PIXELS = 2.0  # px of residual at which a marker is left out regardless of the others


@dataclass(frozen=True)
class Consensus:
    """The motion about the pivot that all views share, with its covariance.

    Parameters
    ----------
    motion : ndarray, shape (6,)
        About the pivot, mm and rad.
    velocity : ndarray, shape (6,)
        About the pivot, mm/s and rad/s; zeros where the views are of one time.
    covariance : ndarray, shape (6, 6)
        Of the motion, from the pixels' noise, times the growth of their variance where the geometry
        does not fit.
    systematic : ndarray, shape (6, 6)
        Of the motion, from the misplaced geometry; much the same in the next frame. Without that
        of the tool's size.
    used : ndarray, shape (n,), bool
        Views that contribute.
    chi2 : float
        Their chi-square.
    left : ndarray, shape (n, 8)
        Flow by which each view is off from the consensus.
    fits : bool
        Whether noise explains what is left.
    sizes : Sizes or None
        Of the random effects; None where noise explains what is left.
    turns : ndarray, shape (cameras, 3)
        Estimated camera turns, rad; zeros where noise explains what is left.
    zooms : ndarray, shape (cameras,)
        Estimated relative growth of focal lengths; zeros where noise explains what is left.
    responses : ndarray, shape (cameras, RESPONSE)
        Changes of the cameras' response parameters.
    size : SizeEstimate
        What the views say of the tool's size, and how it acts on the motion.
    """

    motion: Array
    velocity: Array
    covariance: Array
    systematic: Array
    used: NDArray[np.bool_]
    chi2: float
    left: Array
    fits: bool
    sizes: Sizes | None
    turns: Array
    zooms: Array
    responses: Array
    size: SizeEstimate


def estimate_consensus(
    fit_result: FitResult,
    velocity_information: Array | None,
    before: Sizes | None,
    scale_sd: float,
) -> Consensus:
    """Estimate the motion that the good views of a fit agree on.

    Parameters
    ----------
    fit_result : FitResult
        What each view's pixels say.
    velocity_information : ndarray, shape (6, 6), or None
        Prior information of the tool's velocity, where views are of different times.
    before : Sizes or None
        Sizes of random effects found in an earlier frame, to begin with.
    scale_sd : float
        Standard deviation of the scale at which the tool was printed, relative to its file.

    Returns
    -------
    Consensus
        With views that disagree left out, if most of the others agree.

    References
    ----------
    Dempster, Laird and Rubin, Journal of the Royal Statistical Society B 39(1), 1977.
    """
    full = Linear(fit_result, velocity_information)
    linear = _with_less_of_the_odd(full)
    used, fits = _consistent(linear, linear.fit_result.quality.good.copy())
    if not _scattered(fit_result, used):
        # what a whole camera says is no outlier, however well the others agree without it
        linear, used, fits = full, fit_result.quality.good.copy(), False
    elif fits and _in_one_camera(fit_result, used):
        everyone = fit_result.quality.good.copy()
        if Effects(full, everyone, scale_sd).moved_cameras_explain():
            linear, used, fits = full, everyone, False
    unknowns, normal = linear.solve(used)
    chi2, freedom = float(linear.chi2(unknowns)[used].sum()), _freedom(used)
    size = estimate_size(linear, used, (unknowns, normal), (chi2, freedom), scale_sd)
    fits = fits and not size.wrong
    sizes, turns, zooms = None, np.zeros((linear.cameras, 3)), np.zeros(linear.cameras)
    systematic = np.zeros((6, 6))
    if fits:
        covariance = np.linalg.inv(normal) * max(1.0, chi2 / max(freedom, 1))
    else:
        doubtful = solve_doubtful(linear, used, before, scale_sd, size)
        sizes, unknowns, systematic, covariance, turns, zooms, size = doubtful
        covariance = covariance * linear.growth(unknowns, used)
    first = linear.first
    left, chi_squares = linear.left_over(unknowns)
    return Consensus(
        unknowns[:6],
        unknowns[6:12] if linear.timed else np.zeros(6),
        (covariance[:6, :6] + covariance[:6, :6].T) / 2,
        systematic,
        used,
        float(chi_squares[used].sum()),
        np.einsum("nab,nb->na", linear.flow_covariance, left),
        fits,
        sizes,
        turns,
        zooms,
        unknowns[first : first + RESPONSE * linear.cameras].reshape(-1, RESPONSE),
        size,
    )


def _with_less_of_the_odd(linear: Linear) -> Linear:
    """Weight down views that disagree more than chance (Huber's weights), if most do agree.

    A finger's edge on a marker moves it by more than its noise, and not by enough to be left out. A
    view that would have next to no weight is left out.
    """
    fit_result, good = linear.fit_result, linear.fit_result.quality.good
    weights = np.ones(len(good))
    for _ in range(REWEIGHTINGS if good.sum() > 2 else 0):
        chi2 = linear.chi2(linear.solve(good, weights)[0]) / GEOMETRY
        usual = float(np.sort(chi2[good])[good.sum() // 2])
        if usual > AGREEING:
            return linear
        before, weights = weights, np.minimum(1.0, ODD * max(usual, 1.0) / np.maximum(chi2, 1e-9))
        if np.abs(weights - before)[good].max() < 0.05:
            break
    if weights[good].min(initial=1.0) > 0.95:
        return linear
    weighted = replace(
        fit_result,
        quality=replace(fit_result.quality, good=good & (weights > NO_WEIGHT)),
        information=fit_result.information * weights[:, None, None],
        gradient=fit_result.gradient * weights[:, None],
    )
    return Linear(weighted, linear.velocity_information)


def _freedom(used: NDArray[np.bool_]) -> int:
    return GEOMETRY * int(used.sum()) - 6


def _consistent(linear: Linear, everyone: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], bool]:
    """Return the views that agree within their noise, and whether they do.

    A few that do not (a finger, glare, a bent corner) are left out, at each step the one that
    spoils the fit most, if then all the others agree. Where that does not help, the fault is in all
    of them and all are kept, except those that are grossly wrong.
    """
    kept = everyone.copy()
    least = max(3, int(np.ceil(everyone.sum() * MIN_KEPT)))
    while True:
        unknowns, normal = linear.solve(kept)
        chi2 = linear.chi2(unknowns)
        if chi2[kept].sum() <= chdtri(max(_freedom(kept), 1), SIGNIFICANCE):
            return kept, True
        if kept.sum() <= least:
            return _without_gross(linear, everyone), False
        kept[int(np.argmax(linear.gains(unknowns, normal, kept)))] = False


def _scattered(fit_result: FitResult, used: NDArray[np.bool_]) -> bool:
    """Return whether the views left out are single ones, not most of what one camera sees."""
    camera = fit_result.marker_views.camera
    for index in np.unique(camera[fit_result.quality.good]):
        own = fit_result.quality.good & (camera == index)
        out = int((own & ~used).sum())
        if out >= COHERENT and out > LEFT_OUT * own.sum():
            return False
    return True


def _in_one_camera(fit_result: FitResult, used: NDArray[np.bool_]) -> bool:
    """Return whether one camera alone has views left out, several of them."""
    cameras = fit_result.marker_views.camera[fit_result.quality.good & ~used]
    return len(cameras) >= COHERENT and len(np.unique(cameras)) == 1


def _without_gross(linear: Linear, everyone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return all views but those whose corners are off by pixels while most are not."""
    kept = everyone.copy()
    while kept.sum() > 3:
        unknowns, normal = linear.solve(kept)
        residual = _pixel_residuals(linear, unknowns)
        usual = float(np.median(residual[kept]))
        worst = int(np.argmax(linear.gains(unknowns, normal, kept)))
        if residual[worst] < max(SURE_PIXELS, 6.0 * usual):
            return kept
        kept[worst] = False
    return kept


def _pixel_residuals(linear: Linear, unknowns: Array) -> Array:
    """Return (n,) about how far each view is from the consensus, px."""
    fit_result = linear.fit_result
    flow = np.einsum("nab,nb->na", linear.flow_covariance, linear.left_over(unknowns)[0])
    moved = np.einsum("nab,nb->na", fit_result.projection.by_flow, flow)
    return np.sqrt((moved**2).mean(axis=1))
