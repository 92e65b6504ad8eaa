"""Regular grid of parallel slices: planned from the slices' positions, then resampled.

The grid keeps the slices' own directions, so that only what is irregular is interpolated: sheared
stacks (gantry tilt) by a shift of each slice within its plane, uneven stacks along the normal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.memory import available_memory
from nav.reconstruction.reading.placement import EXACT, Array, Placement

Values = NDArray[np.int16]  # (slices, rows, columns)

AIR = -1024  # HU of what lies outside every slice
GAP = 1.5  # times the usual step: slices are missing
NEIGHBOURS = 5  # steps round a step, whose median is the usual one
ROUNDED = 0.1  # mm, to which some scanners round positions
FINE_SHARE = 0.1  # of the steps may be finer than the grid's
MOST_GROWTH = 6.0  # most slices of the grid per measured slice
OVERSHOOT = 0.15  # of the range of the four nearest slices, that the spline may exceed it by
NEGLIGIBLE = 1e-4  # weight below which a slice is left out
MOST_BYTES = 4e9
# bytes that reading and reconstructing take for each voxel, with copies; what is always tried
BYTES_PER_VOXEL, ALWAYS_TRIED = 10, 2e9


@dataclass(frozen=True)
class Gap:
    """Slices that are missing.

    Parameters
    ----------
    after : int
        Number of the slice before the gap, counted from 1.
    missing : int
        How many slices are missing.
    low, high : float
        Heights between which nothing was measured, mm.
    """

    after: int
    missing: int
    low: float
    high: float


@dataclass(frozen=True)
class GridPlan:
    """A regular grid for a stack.

    Parameters
    ----------
    placement : Placement
        Of the stack's slices.
    start : tuple of float
        First voxel's centre along the placement's axes: rows, columns, normal; mm.
    steps : tuple of float
        Along the same axes, mm.
    size : tuple of int
        Along the same axes.
    shifted, stepped : bool
        Whether slices are shifted within their plane, and interpolated along the normal.
    uneven : bool
        Whether the steps are not multiples of a common one.
    rounded : bool
        Whether they would be but for positions rounded to 0.1 mm.
    gaps : tuple of Gap
        Where slices are missing.
    """

    placement: Placement
    start: tuple[float, float, float]
    steps: tuple[float, float, float]
    size: tuple[int, int, int]
    shifted: bool
    stepped: bool
    uneven: bool
    rounded: bool
    gaps: tuple[Gap, ...]

    @property
    def model_from_voxel(self) -> Array:
        """Return the grid's 4 x 4 matrix from indices (column, row, slice) to LPS, mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.placement.axes * np.array(self.steps)
        matrix[:3, 3] = self.placement.axes @ np.array(self.start)
        return matrix

    @property
    def heights(self) -> Array:
        """Return the heights of the grid's slices, mm."""
        return np.asarray(self.start[2] + self.steps[2] * np.arange(self.size[2]), np.float64)


def plan_grid(placement: Placement, columns: int, rows: int) -> GridPlan:
    """Plan the regular grid of a stack.

    Parameters
    ----------
    placement : Placement
        Of the slices.
    columns, rows : int
        Of each slice.

    Returns
    -------
    GridPlan
        The grid, and what has to be interpolated.

    Raises
    ------
    InputError
        The grid would need more memory than is reasonable.
    """
    heights = placement.heights
    gaps = find_gaps(heights)
    step, multiples = _step(heights)
    start, count = float(heights[0]), int(multiples.sum()) + 1
    expected = start + step * np.append(0, np.cumsum(multiples))
    rounded = _is_rounding(heights, multiples)
    if rounded:  # the line through all positions is more accurate than each of them
        index = np.append(0, np.cumsum(multiples))
        step, start = (float(c) for c in np.polyfit(index, heights, 1))
    uneven = not rounded and bool(np.abs(heights - expected).max() > EXACT)
    if uneven:
        fine = float(np.quantile(placement.steps, FINE_SHARE, method="lower"))
        step = max(fine, float(np.ptp(heights)) / (MOST_GROWTH * len(heights)))
        start = _phase(heights, step)
        count = int(np.floor((heights[-1] - start) / step + 1e-6)) + 1
    stepped = uneven or count != len(heights)
    uneven = uneven or int(np.count_nonzero(multiples > 1)) > len(gaps)
    low = placement.offsets.min(axis=0)
    shifted = placement.drift > EXACT
    size = [columns, rows, count]
    if shifted:
        for axis in (0, 1):
            reach = np.ptp(placement.offsets[:, axis]) / placement.pixel[axis]
            size[axis] += int(np.ceil(reach - 1e-3))
    else:
        low = placement.offsets.mean(axis=0)
    refuse_huge(size[0] * size[1] * size[2], "its regular grid")
    return GridPlan(
        placement,
        (float(low[0]), float(low[1]), float(start)),
        (*placement.pixel, float(step)),
        (size[0], size[1], size[2]),
        shifted,
        stepped,
        uneven,
        rounded,
        gaps,
    )


def refuse_huge(voxels: int, what: str, bytes_each: int = 2) -> None:
    """Refuse a volume of more than 4 GB, or a large one for which there is not enough memory.

    Parameters
    ----------
    voxels : int
        Of the volume.
    what : str
        Its name, for the message.
    bytes_each : int
        Per voxel.

    Raises
    ------
    InputError
        It is larger, or the computer has less memory than reading and reconstructing it need.
    """
    if voxels * bytes_each > MOST_BYTES:
        raise InputError(
            f"{what} has {voxels / 1e6:.0f} million voxels, {voxels * bytes_each / 1e9:.1f} GB; "
            f"expected at most {MOST_BYTES / 1e9:.0f} GB: crop it to the neck, or take every "
            "second slice"
        )
    needed, free = voxels * BYTES_PER_VOXEL, available_memory()
    if free is not None and needed > max(ALWAYS_TRIED, free):
        raise InputError(
            f"{what} has {voxels / 1e6:.0f} million voxels, which need about {needed / 1e9:.0f} GB "
            f"of memory, and {free / 1e9:.1f} GB are available; close other programs, or crop it "
            "to the neck"
        )


def find_gaps(heights: Array) -> tuple[Gap, ...]:
    """Find steps much larger than the usual one around them.

    Parameters
    ----------
    heights : ndarray, shape (n,)
        Of the slices, ascending, mm.

    Returns
    -------
    tuple of Gap
        Empty for fewer than four slices.
    """
    steps = np.diff(heights)
    if len(steps) < 3:
        return ()
    found = []
    for i, step in enumerate(steps):
        low = int(np.clip(i - NEIGHBOURS // 2, 0, max(len(steps) - NEIGHBOURS, 0)))
        usual = float(np.median(steps[low : low + NEIGHBOURS]))
        if step > GAP * usual:
            missing = max(round(step / usual) - 1, 1)
            half = usual / 2
            found.append(Gap(i + 1, missing, heights[i] + half, heights[i + 1] - half))
    return tuple(found)


def _step(heights: Array) -> tuple[float, NDArray[np.int_]]:
    """Return the step that fits best, mm, and each step as a multiple of it, shape (n - 1,)."""
    steps = np.diff(heights)
    ones = np.ones(len(steps), int)
    mean = float(np.ptp(heights)) / len(steps)
    if np.abs(heights - heights[0] - mean * np.arange(len(heights))).max() <= EXACT:
        return mean, ones
    fine = float(np.quantile(steps, FINE_SHARE, method="lower"))
    multiples = np.maximum(np.round(steps / fine), 1).astype(int)
    if multiples.sum() > MOST_GROWTH * len(heights):
        return mean, ones
    return float(np.ptp(heights)) / int(multiples.sum()), multiples


def _is_rounding(heights: Array, multiples: NDArray[np.int_]) -> bool:
    """Return whether heights are even ones that were only rounded to 0.1 mm."""
    tenths = heights / ROUNDED
    if np.abs(tenths - np.round(tenths)).max() > 1e-3:
        return False
    index = np.append(0, np.cumsum(multiples))
    residuals = np.abs(heights - np.polyval(np.polyfit(index, heights, 1), index))
    return bool(EXACT < residuals.max() <= ROUNDED / 2 + 1e-3)


def _phase(heights: Array, step: float) -> float:
    """Return the lowest grid height for which most slices lie on the grid, and are kept exactly."""
    alike = np.abs(np.diff(heights) - step) < EXACT
    best, length, begin = 0, 0, 0
    for i, same in enumerate(alike):
        begin = begin if same else i + 1
        if same and i + 1 - begin > length:
            best, length = begin, i + 1 - begin
    below = np.floor((heights[best] - heights[0]) / step + 1e-6)
    return float(heights[best] - below * step)


def resample(
    values: Values, plan: GridPlan, advance: Callable[[float], None] = lambda share: None
) -> Values:
    """Resample a stack onto its regular grid.

    Parameters
    ----------
    values : ndarray, shape (slices, rows, columns)
        HU of the stack, int16.
    plan : GridPlan
        Of the grid.
    advance : callable, optional
        Called with the fraction that is done.

    Returns
    -------
    ndarray, shape (slices, rows, columns)
        HU on the grid, int16.
    """
    if plan.shifted:
        values = _shift_slices(values, plan, lambda share: advance(0.5 * share))
    if plan.stepped:
        values = _interpolate_slices(values, plan, lambda share: advance(0.5 + 0.5 * share))
    return values


def _shift_slices(values: Values, plan: GridPlan, advance: Callable[[float], None]) -> Values:
    columns, rows, _ = plan.size
    shifted = np.empty((len(values), rows, columns), np.int16)
    low = plan.placement.offsets.min(axis=0)
    pairs = zip(values, shifted, plan.placement.offsets, strict=True)
    for done, (image, target, offset) in enumerate(pairs):
        advance(done / len(values))
        along = (offset - low) / np.array(plan.placement.pixel)
        moved = image.astype(np.float32) - AIR
        moved = shift_pixels(moved, float(along[1]), rows, axis=0)
        moved = shift_pixels(moved, float(along[0]), columns, axis=1)
        # a spline overshoots at edges: values beyond the slice's range are clipped
        np.clip(moved, min(int(image.min()) - AIR, 0), int(image.max()) - AIR, out=moved)
        np.rint(moved + AIR, out=target, casting="unsafe")
    return shifted


def shift_pixels(
    image: NDArray[np.float32], shift: float, size: int, axis: int
) -> NDArray[np.float32]:
    """Shift an image towards higher indices by a fraction of pixels, with a cubic B-spline.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        float32.
    shift : float
        Pixels, at least 0.
    size : int
        Of the result along the axis; outside the image it is 0.
    axis : {0, 1}
        Along which the image is shifted.

    Returns
    -------
    ndarray
        float32, of `size` along the axis.
    """
    from scipy.ndimage import spline_filter1d  # slow to load, and needed by few scans

    image = np.moveaxis(image, axis, 0)
    count = len(image)
    whole = int(np.ceil(shift - 1e-3))
    f = whole - shift
    result = np.zeros((size, *image.shape[1:]), np.float32)
    if abs(f) < 2e-3:
        result[whole : whole + count] = image[: size - whole]
        return np.moveaxis(result, 0, axis)
    pieces = spline_filter1d(image, 3, axis=0, output=np.float32, mode="mirror")
    pieces = np.pad(pieces, ((1, 1), (0, 0)), mode="reflect")
    weights = (
        (1 - f) ** 3 / 6,
        (4 - 6 * f**2 + 3 * f**3) / 6,
        (1 + 3 * f + 3 * f**2 - 3 * f**3) / 6,
        f**3 / 6,
    )
    inside = result[whole : whole + count - 1]  # pixels that lie between two of the image
    for k, weight in enumerate(weights):
        inside += np.float32(weight) * pieces[k : k + len(inside)]
    return np.moveaxis(result, 0, axis)


def _interpolate_slices(values: Values, plan: GridPlan, advance: Callable[[float], None]) -> Values:
    from scipy.interpolate import CubicSpline  # slow to load, and needed by few scans

    heights = plan.placement.heights
    weights = CubicSpline(heights, np.eye(len(heights)))(plan.heights)
    result = np.empty((plan.size[2], *values.shape[1:]), np.int16)
    for done, (height, row) in enumerate(zip(plan.heights, weights, strict=True)):
        advance(done / len(result))
        target = result[done]
        nearest = int(np.abs(heights - height).argmin())
        if abs(heights[nearest] - height) <= (ROUNDED if plan.rounded else EXACT):
            target[:] = values[nearest]
            continue
        used = np.flatnonzero(np.abs(row) > NEGLIGIBLE)
        row = (row[used] / row[used].sum()).astype(np.float32)
        total = np.zeros(values.shape[1:], np.float32)
        for weight, k in zip(row, used, strict=True):
            total += weight * values[k]
        below = int(np.searchsorted(heights, height)) - 1
        near = values[max(below - 1, 0) : below + 3]
        low, high = near.min(axis=0).astype(np.float32), near.max(axis=0).astype(np.float32)
        room = OVERSHOOT * (high - low)
        np.clip(total, low - room, high + room, out=total)
        np.rint(np.clip(total, AIR, 32767, out=total), out=target, casting="unsafe")
    return result
