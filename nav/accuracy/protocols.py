"""The tests on the divot block, in the sense of ASTM F2554-22: figures of each from its samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from nav.accuracy.block_location import BlockLocation
from nav.accuracy.error_statistics import (
    CONFIDENCE,
    ErrorStatistics,
    Estimate,
    chi_square_interval,
    error_statistics,
)
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.registration.dwell_statistics import independent_samples
from nav.registration.touch_source import DwellTouch, TipSeries
from nav.tracking.tool import ToolTip

NEAR = 5.0  # mm: a touch that far from a divot is not in it
FEW = 5  # touches of a divot
RESAMPLES = 2000
IN_DIVOT = 3.0  # mm from the median: frames before and after the tip was in the divot


@dataclass(frozen=True)
class SinglePoint:
    """One divot touched many times, in many orientations.

    Parameters
    ----------
    errors : ndarray, shape (n, 3)
        Measured less nominal position, block frame, mm.
    turns : Rotation
        reference_from_needle of the touches.
    statistics : ErrorStatistics
        Of the errors; `bias` is the length of their mean vector.
    span : float
        Largest distance between two measured positions, mm.
    rms : float
        Rms distance of the positions from their mean, mm.
    location_sd : float
        Of the block's location at the divot, per axis, mm.
    left_out : int
        Rests of the tip that were not in the divot.
    """

    errors: Array
    turns: Rotation
    statistics: ErrorStatistics
    span: float
    rms: float
    location_sd: float
    left_out: int


@dataclass(frozen=True)
class RotationTest:
    """The tool turned about one of its axes while the tip rests in a divot.

    Parameters
    ----------
    angles : ndarray, shape (n,)
        About the axis, from the mean orientation, degrees.
    positions : ndarray, shape (n, 3)
        Of the tip, block frame, mm.
    span : float
        Largest distance between two positions, mm.
    rms : float
        Rms distance from the base position, mm.
    left_out : int
        Frames in which the tip was not in the divot.
    """

    angles: Array
    positions: Array
    span: float
    rms: float
    left_out: int


@dataclass(frozen=True)
class MultiPoint:
    """All divots touched once: distances between them, and their registration.

    Parameters
    ----------
    pairs : tuple of (str, str)
        Of the distances.
    distance_errors : ndarray, shape (pairs,)
        Measured less nominal, mm.
    distances : ErrorStatistics
        Of their absolute values; intervals by a bootstrap over divots, since distances share them.
    scale : Estimate
        Mean relative error of the distances, their interval likewise.
    residuals : ndarray, shape (n, 3)
        After registration, block frame, mm.
    registration : ErrorStatistics
        Of their lengths.
    fre : float
        Fiducial registration error, rms, mm.
    """

    pairs: tuple[tuple[str, str], ...]
    distance_errors: Array
    distances: ErrorStatistics
    scale: Estimate
    residuals: Array
    registration: ErrorStatistics
    fre: float


@dataclass(frozen=True)
class Jitter:
    """A tool at rest.

    Parameters
    ----------
    frames : int
        Number of samples.
    independent : float
        What they are worth.
    sd : ndarray, shape (3,)
        Per axis of the reference frame, mm.
    rms : Estimate
        Rms distance from the mean, mm.
    span : float
        Largest distance between two positions, mm.
    lost : int
        Frames without a position.
    """

    frames: int
    independent: float
    sd: Array
    rms: Estimate
    span: float
    lost: int


def single_point(
    series: TipSeries,
    touches: Sequence[DwellTouch],
    location: BlockLocation,
    divot: Array,
    label: str,
) -> SinglePoint:
    """Evaluate repeated touches of one divot.

    The block is located without this divot, so that it is measured against the others.

    Parameters
    ----------
    series : TipSeries
        The recording.
    touches : sequence of DwellTouch
        In it.
    location : BlockLocation
        At the same place of the working volume.
    divot : ndarray, shape (3,)
        Nominal, block frame, mm.
    label : str
        Its name.

    Returns
    -------
    SinglePoint

    Raises
    ------
    InputError
        Fewer than `FEW` touches in the divot.
    """
    others = location.without(label)
    positions = others.block_from_reference.apply(
        np.array([touch.position for touch in touches]).reshape(-1, 3)
    )
    inside = np.linalg.norm(positions - divot, axis=1) <= NEAR
    if inside.sum() < FEW:
        raise InputError(
            f"{int(inside.sum())} touches of divot {label} ({len(touches)} rests of the tip); "
            f"at least {FEW} are needed, better 20"
        )
    errors = np.asarray(positions[inside] - divot, float)
    used = [touch for touch, use in zip(touches, inside, strict=True) if use]
    return SinglePoint(
        errors,
        Rotation.concatenate([_turn(series, touch) for touch in used]),
        error_statistics(errors),
        float(pdist(errors).max()),
        _deviation(errors, errors.mean(axis=0)),
        others.sd_at(divot),
        int((~inside).sum()),
    )


def _turn(series: TipSeries, touch: DwellTouch) -> Rotation:
    """Return the mean orientation of the tool during a touch."""
    during = (series.times >= touch.start) & (series.times <= touch.end)
    return Rotation.from_matrix(series.rotations[during]).mean()


def rotation_test(
    samples: TipSeries,
    location: BlockLocation,
    shaft: Array,
    about_shaft: bool,
    base: Array | None,
) -> RotationTest:
    """Evaluate a rotation about one axis of the tool with the tip in a divot.

    Parameters
    ----------
    samples : TipSeries
        Of the recording.
    location : BlockLocation
        At the same place.
    shaft : ndarray, shape (3,)
        Unit vector, tool frame.
    about_shaft : bool
        Roll; else the axis is the one across the shaft about which the tool was turned most.
    base : ndarray, shape (3,), optional
        Position that deviations are taken from, block frame, mm: the mean of the single-point
        test at this place; the mean of these samples without it.

    Returns
    -------
    RotationTest

    Raises
    ------
    InputError
        The tip was hardly ever at rest in a divot.
    """
    positions = np.asarray(location.block_from_reference.apply(samples.positions), float)
    inside = np.linalg.norm(positions - np.median(positions, axis=0), axis=1) <= IN_DIVOT
    if inside.sum() < max(FEW, len(samples) / 2):
        raise InputError(
            f"the tip was within {IN_DIVOT:g} mm of one place in {int(inside.sum())} of "
            f"{len(samples)} frames; keep it in the divot while turning the tool"
        )
    turns, positions = Rotation.from_matrix(samples.rotations[inside]), positions[inside]
    relative = turns.mean().inv() * turns
    axis = shaft if about_shaft else _main_axis(relative, shaft)
    quaternions = relative.as_quat()
    # the twist about the axis
    angles = np.degrees(2.0 * np.arctan2(quaternions[:, :3] @ axis, quaternions[:, 3]))
    angles = (angles + 180.0) % 360.0 - 180.0
    origin = positions.mean(axis=0) if base is None else base
    return RotationTest(
        np.asarray(angles, float),
        positions,
        _span(positions),
        _deviation(positions, origin),
        int((~inside).sum()),
    )


def _main_axis(turns: Rotation, shaft: Array) -> Array:
    """Return the axis across the shaft, (3,), about which rotations go most."""
    vectors = turns.as_rotvec()
    across = vectors - np.outer(vectors @ shaft, shaft)
    axis = np.linalg.svd(across, full_matrices=False)[2][0]
    return np.asarray(axis * np.sign(axis[np.argmax(np.abs(axis))]), float)


def shaft_of(tip: ToolTip) -> Array:
    """Return the unit vector along the shaft towards the tip, (3,), tool frame.

    Without a known axis it is the direction from the tool's origin to the tip.

    Parameters
    ----------
    tip : ToolTip
        Of the tool.

    Returns
    -------
    ndarray, shape (3,)
    """
    along = np.asarray(tip.position if tip.axis is None else tip.axis, float)
    return np.asarray(along / np.linalg.norm(along), float)


def multi_point(location: BlockLocation) -> MultiPoint:
    """Evaluate distances and registration of all divots.

    Parameters
    ----------
    location : BlockLocation
        Its touches.

    Returns
    -------
    MultiPoint
    """
    index = list(combinations(range(len(location.labels)), 2))
    measured, nominal = pdist(location.touched), pdist(location.nominal)
    errors = np.asarray(measured - nominal, float)
    residuals = location.in_block - location.nominal
    return MultiPoint(
        tuple((location.labels[i], location.labels[j]) for i, j in index),
        errors,
        *_distance_statistics(errors, nominal, np.array(index)),
        residuals,
        error_statistics(np.linalg.norm(residuals, axis=1)),
        location.registration.fre,
    )


def jitter(samples: TipSeries, lost: int) -> Jitter:
    """Evaluate a tool at rest.

    Parameters
    ----------
    samples : TipSeries
        Of the recording.
    lost : int
        Frames in which the tip had no position.

    Returns
    -------
    Jitter
    """
    off = samples.positions - samples.positions.mean(axis=0)
    independent = independent_samples(off)
    rms = _deviation(samples.positions, samples.positions.mean(axis=0))
    spread = np.cov(off.T)
    axes = np.trace(spread) ** 2 / max(float((spread**2).sum()), np.finfo(float).tiny)
    interval = chi_square_interval(rms, max(axes, 1.0) * max(independent - 1.0, 1.0))
    sd = np.asarray(samples.positions.std(axis=0, ddof=1), float)
    return Jitter(len(samples), independent, sd, interval, _span(samples.positions), lost)


def _span(positions: Array) -> float:
    """Return the largest distance between two of (n, 3) positions, at most 2000 of them."""
    step = -(-len(positions) // 2000)
    return float(pdist(positions[::step]).max())


def _deviation(positions: Array, origin: Array) -> float:
    return float(np.sqrt(((positions - origin) ** 2).sum(axis=1).mean()))


def _distance_statistics(
    errors: Array, nominal: Array, index: Array
) -> tuple[ErrorStatistics, Estimate]:
    """Return statistics of distances with intervals by resampling divots, not distances."""
    count = int(index.max()) + 1
    rng = np.random.default_rng(0)
    square, relative = np.zeros((count, count)), np.zeros((count, count))
    square[index[:, 0], index[:, 1]] = np.abs(errors)
    relative[index[:, 0], index[:, 1]] = errors / nominal
    square, relative = square + square.T, relative + relative.T
    first, second = np.triu_indices(count, 1)
    drawn = rng.integers(0, count, (RESAMPLES, count))
    one, other = drawn[:, first], drawn[:, second]
    # a divot drawn twice has no distance to itself
    apart = one != other
    several = apart.sum(axis=1) >= 2
    one, other, apart = one[several], other[several], apart[several]
    scales = np.where(apart, relative[one, other], 0.0).sum(axis=1) / apart.sum(axis=1)
    figures = np.column_stack([_figures(square[one, other], apart), scales])
    tails = [0.5 - CONFIDENCE / 2.0, 0.5 + CONFIDENCE / 2.0]
    limits = np.quantile(figures, tails, axis=0)
    of_all = _figures(np.abs(errors)[None], np.ones((1, len(errors)), bool))[0]
    values = (*of_all.tolist(), float((errors / nominal).mean()))
    mean, sd, rms, p95, p99, scale = (
        Estimate(value, float(low), float(high))
        for value, (low, high) in zip(values, limits.T, strict=True)
    )
    # a few divots, drawn again and again, are too alike: their distances have 3 n - 6 errors
    freedom = (3.0 * count - 6.0) * (count - 1.0) / (count + 1.0)
    normal = chi_square_interval(rms.value, freedom)
    rms = Estimate(rms.value, min(rms.low, normal.low), max(rms.high, normal.high))
    largest = float(np.abs(errors).max())
    return ErrorStatistics(len(errors), mean, sd, rms, p95, p99, largest), scale


def _figures(distances: Array, chosen: NDArray[np.bool_]) -> Array:
    """Return mean, sd, rms, 95th and 99th percentile (m, 5) of the chosen of (m, n) distances."""
    counts = chosen.sum(axis=1)
    mean = np.where(chosen, distances, 0.0).sum(axis=1) / counts
    squares = np.where(chosen, (distances - mean[:, None]) ** 2, 0.0).sum(axis=1)
    rising = np.sort(np.where(chosen, distances, np.inf), axis=1)
    rows = np.arange(len(distances))
    figures = [mean, np.sqrt(squares / (counts - 1)), np.sqrt(squares / counts + mean**2)]
    for share in (0.95, 0.99):  # between neighbours, as numpy.percentile
        place = share * (counts - 1)
        below = np.floor(place).astype(int)
        low, high = rising[rows, below], rising[rows, np.minimum(below + 1, counts - 1)]
        figures.append(low + (place - below) * (high - low))
    return np.column_stack(figures)
