"""Pivot calibration: the tip of a tool that was turned about a point while the tip stayed there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.needle.algebra import (
    Fit,
    Noise,
    algebraic_pivot,
    misses,
    weighted_fit,
)
from calibration.needle.pivot_coverage import cone_angles, turning
from calibration.needle.pivot_verdict import (
    LEAST_POSES,
    LEAST_SPREAD,
    MOST_RMS,
    NotCalibrated,
    check_fit,
    check_left_out,
    check_turning,
    verdict_in_words,
)
from calibration.needle.robust_pivot import belonging
from calibration.needle.serial import repetition
from calibration.needle.systematic import systematic_covariance
from nav.core.errors import InputError
from nav.core.frames import Array

NOT_ROTATION = 1e-4
MOVED = 0.5  # mm: a second tip that far away is a different one


@dataclass(frozen=True)
class PivotCalibration:
    """A tip found by pivot calibration.

    Attributes
    ----------
    tip : ndarray, shape (3,)
        Tool frame, mm.
    covariance : ndarray, shape (3, 3)
        Of the tip, mm^2.
    pivot : ndarray, shape (3,)
        The divot in the poses' frame, mm.
    pivot_covariance : ndarray, shape (3, 3)
        Of the pivot, mm^2.
    residuals : ndarray, shape (n, 3)
        How far each pose's tip is off the pivot, the poses' frame, mm.
    kept : ndarray of bool, shape (n,)
        Whether a pose was used.
    rms : float
        Of the residuals' lengths over the poses used, mm.
    expected : float or None
        The rms that the poses' covariances predict, mm; None where there are none.
    play : float
        Standard deviation per axis of what those covariances do not explain, mm.
    independent : float
        How many independent poses the used ones are worth.
    spread : float
        Smallest spread of the turning (see `Turning`).
    weakest : ndarray, shape (3,)
        Unit vector of the tool frame along which the tip is therefore known least.
    cone : tuple of 2 floats
        Full spread of the axis's directions in two perpendicular directions, degrees.
    verdict : str
        'good', or 'usable: ' and what would make it better.
    """

    tip: Array
    covariance: Array
    pivot: Array
    pivot_covariance: Array
    residuals: Array
    kept: NDArray[np.bool_]
    rms: float
    expected: float | None
    play: float
    independent: float
    spread: float
    weakest: Array
    cone: tuple[float, float]
    verdict: str

    @property
    def tip_sd(self) -> float:
        """Standard deviation of the tip in the worst direction, mm."""
        return _worst(self.covariance)


def pivot_calibration(
    rotations: ArrayLike,
    translations: ArrayLike,
    covariances: ArrayLike | None = None,
    systematic: ArrayLike | None = None,
    axis: ArrayLike | None = None,
) -> PivotCalibration:
    """Estimate the tip of a tool from poses in which the tip stayed in one place.

    Each pose k gives ``R_k tip + t_k = pivot``. The initial estimate is by linear least squares
    (the algebraic one-step variant compared in [1]_) on small samples, and poses that do not fit
    are left out (`belonging`). Then follows least squares with the covariance of each pose's tip, J
    C J' with J = [I, -[p]x], plus the same play on all axes: as much as explains the size of the
    residuals, or none. The covariance is the inverse normal matrix times the number of poses that
    tell as much as one independent pose (`repetition`): errors that persist from pose to pose do
    not average out. Errors that depend smoothly on the orientation of the tool are
    indistinguishable from another tip: residuals do not show them, and they are taken into account
    only as far as `systematic` contains them.

    Parameters
    ----------
    rotations, translations : array_like, shape (n, 3, 3) and (n, 3)
        Poses a_from_tool in the order of time, mm; a is any frame in which the divot rests.
    covariances : array_like, shape (n, 6, 6), optional
        Of the poses, mm and rad, left perturbation in a (translation first); only their random
        part. Equal weights without.
    systematic : array_like, shape (n, 3, 3), optional
        Covariance of each pose's tip due to errors that persist from pose to pose, frame a, mm^2.
        No number of poses removes them: see `systematic_covariance`.
    axis : array_like, shape (3,), optional
        Of the needle, tool frame: the axis whose directions `cone` describes; the tip's direction
        without.

    Returns
    -------
    PivotCalibration
        Tip, pivot, their covariances, the residuals and a verdict.

    Raises
    ------
    NotCalibrated
        Fewer than ten poses, no turning or about one axis only, more than 30 % of the poses off one
        pivot, more than 1 mm rms, another tip in the poses left out, or a tip known worse than 0.3
        mm (1 sd).
    InputError
        Shapes that do not match, numbers that are not finite, or matrices that are not rotations.

    References
    ----------
    .. [1] Yaniv, Which pivot calibration?, Proc. SPIE 9415, 2015.
    """
    turns, places, noise = _checked(rotations, translations, covariances)
    check_turning(turning(turns))
    start, kept = belonging(turns, places, noise)
    left_out, turned = float(1.0 - kept.mean()), turning(turns[kept])
    check_left_out(left_out)
    check_turning(turned)
    fit, repeated = _fitted(turns, places, noise, start, kept)
    total = _total(fit, repeated, turns, systematic, kept)
    residuals = misses(turns, places, fit.tip, fit.pivot)
    rms = float(np.sqrt((residuals[kept] ** 2).sum(axis=1).mean()))
    sd, independent = _worst(total[:3, :3]), float(kept.sum() / repeated)
    check_fit(rms, sd, independent)
    _check_one_tip(turns[~kept], places[~kept], fit.tip)
    return PivotCalibration(
        tip=fit.tip,
        covariance=total[:3, :3],
        pivot=fit.pivot,
        pivot_covariance=total[3:, 3:],
        residuals=residuals,
        kept=kept,
        rms=rms,
        expected=_expected(residuals[kept] + fit.pivot, noise, kept),
        play=fit.play,
        independent=independent,
        spread=float(turned.spread[0]),
        weakest=turned.weakest,
        cone=cone_angles(turns[kept], _direction(axis, fit.tip)),
        verdict=verdict_in_words(turned, left_out, fit.play, sd, independent),
    )


def _fitted(
    turns: Array, places: Array, noise: Array | None, start: Array, kept: NDArray[np.bool_]
) -> tuple[Fit, float]:
    """Fit the poses kept, and return their repetition, which the play takes into account."""
    own = None if noise is None else noise[kept]
    fit = weighted_fit(turns[kept], places[kept], own, start)
    points = turns @ fit.tip + places
    white = Noise.of(points, noise).white(points - fit.pivot, fit.play)
    repeated = repetition(white, kept)
    return weighted_fit(turns[kept], places[kept], own, fit.tip, repeated), repeated


def _total(
    fit: Fit,
    repeated: float,
    turns: Array,
    systematic: ArrayLike | None,
    kept: NDArray[np.bool_],
) -> Array:
    """Return the covariance of tip and pivot, (6, 6)."""
    total = np.asarray(np.linalg.inv(fit.information) * repeated, float)
    if systematic is None:
        return total
    numbers = np.asarray(systematic, float)
    if numbers.shape != (len(kept), 3, 3) or not np.isfinite(numbers).all():
        raise InputError(
            f"pivot: expected finite systematic covariances ({len(kept)}, 3, 3), "
            f"got {numbers.shape}"
        )
    return total + systematic_covariance(turns[kept], numbers[kept])


def _expected(points: Array, noise: Array | None, kept: NDArray[np.bool_]) -> float | None:
    """Predict the rms of the residuals' lengths at points (k, 3), mm."""
    if noise is None:
        return None
    return float(np.sqrt(Noise.of(points, noise[kept]).values.sum(axis=1).mean()))


def _checked(
    rotations: ArrayLike, translations: ArrayLike, covariances: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    turns, places = np.asarray(rotations, float), np.asarray(translations, float)
    noise = None if covariances is None else np.asarray(covariances, float)
    count = len(places)
    if turns.shape != (count, 3, 3) or places.shape != (count, 3):
        raise InputError(
            f"pivot: expected rotations (n, 3, 3) and translations (n, 3), got {turns.shape} and "
            f"{places.shape}"
        )
    if noise is not None and noise.shape != (count, 6, 6):
        raise InputError(f"pivot: expected covariances ({count}, 6, 6), got {noise.shape}")
    for numbers in (turns, places, noise):
        if numbers is not None and not np.isfinite(numbers).all():
            raise InputError("pivot: a pose has a number that is not finite")
    if count < LEAST_POSES:
        raise NotCalibrated(
            f"repeat: {count} poses, at least {LEAST_POSES} are needed (better 200, turned in all "
            "directions)"
        )
    off = np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max()
    if off > NOT_ROTATION or np.linalg.det(turns).min() < 0.0:
        raise InputError("pivot: not a rotation: its rows are not orthonormal and right-handed")
    return turns, places, noise


def _check_one_tip(turns: Array, places: Array, found: Array) -> None:
    """Refuse poses of which those left out pivot about another point of the tool."""
    if len(turns) < LEAST_POSES:
        return
    spread = float(turning(turns).spread[0])
    if spread < LEAST_SPREAD:
        return
    tip, pivot = algebraic_pivot(turns, places)
    off = misses(turns, places, tip, pivot)
    rms = float(np.sqrt((off**2).sum(axis=1).mean()))
    apart = float(np.linalg.norm(tip - found))
    # as far as a single pose could be off by its errors, it may be the same tip
    if rms < MOST_RMS / 2 and apart > max(MOVED, 4 * rms / spread):
        raise NotCalibrated(
            f"repeat: {len(turns)} poses pivot about another point of the tool, {apart:.1f} mm "
            "away: the needle has moved in its carrier; fasten it"
        )


def _direction(axis: ArrayLike | None, tip: Array) -> Array:
    direction = tip if axis is None else np.asarray(axis, float)
    # a tip at the tool's origin has no direction: use any
    return direction if np.linalg.norm(direction) > 1e-6 else np.array([0.0, 0.0, 1.0])


def _worst(covariance: Array) -> float:
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance)[-1], 0.0)))
