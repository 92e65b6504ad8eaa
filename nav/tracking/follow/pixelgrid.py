"""Whether pixels are a sensor's own: enlarged, (de)interlaced, and black and white images.

Pixels that were copied or interpolated from their neighbours repeat with the period of the
enlargement (Popescu and Farid 2005, Gallagher 2005): differences of neighbours, of first to third
order, are small at some places of the period and large at others. Two fields of an interlaced
image lie apart where something moves: rows alternate, columns do not. Deinterlaced images are made
of one field: in them only rows were interpolated. A thresholded image has no grey between black
and white, a posterised one few grey levels, far apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.pixel_moments import GEOMETRY
from nav.tracking.follow.grid_evidence import NO_EVIDENCE, GridEvidence

# px: enlarged 2, 1.5 and 3, 4/3, 5/4 and 5/3 times; mixtures are told by the first ones only
PERIODS, MIXED_PERIODS = (2, 3, 4, 5), 2
MOST_PERIOD = PERIODS[-1]
FAR_COPIES = 3  # px: longer periods, of pictures enlarged less, place pixels no worse
# Mean square of a difference at its best place by that at others. Five simulated pictures of
# markers, also noisy and compressed, had no less than 0.5 in both directions; their enlarged copies
# at most 0.05 (copies) and 0.2 (interpolated).
COPIED, INTERPOLATED = 0.1, 0.25
# The same where rows or columns alone were interpolated, by that of the other direction. Forty
# frame sets of two simulators, also compressed, had no less than 0.80 (second differences), 0.76
# (third, none counted as more than MOST_THIRD) and 0.44 (third, of differences across: of noise and
# of corners); interpolated ones no more than 0.67, 0.80 and 0.40, by the way of interpolation
HALVED, HALVED_THIRD, HALVED_ACROSS = 0.72, 0.72, 0.42
MOST_THIRD = 30.0  # grey levels
# What the logarithm of that quotient has to be below in one image as well, by the root of its
# pixels: its sd is up to 9 (second and third differences) and 12 (across) by that root, where
# images are compressed
CHANCE, CHANCE_ACROSS = 25.0, 40.0
# differences: first, second, third, third within MOST_THIRD, third of differences across
FIRST, SECOND, THIRD, SMALL_THIRD, ACROSS = range(5)
ORDERS = 5
BLOCK, WITHIN_BLOCK = 8, 5  # px: side of JPEG's blocks; places from which differences end within
LEAST_SQUARE = 4.0  # grey levels^2: less is noise
COMB = 6.0  # of the noise, that rows of a comb stand out on either side
COMBED, LEAST_COMBED = 0.05, 20  # pixels that stand out so, by those near edges; at least
OTHERWISE = 4.0  # times as many along columns as along rows
GREYLESS = 0.2  # grey pixels by pixels at edges, below which there is no grey
STEEP, BETWEEN = 0.4, 0.15  # of the contrast: near edges; from black and white, where grey begins
# of the pixels, in how many grey levels they are: at most so many, so far apart. Images of markers
# have 40 and more of them, 1 to 3 apart
MOST_PIXELS, FEW_LEVELS, LEVEL_STEP = 0.98, 20, 7.0
LEAST_PIXELS = 400
LEAST_EDGES = 40
AROUND = 0.1  # of a marker's box, that is looked at too
# px, one sd, that a marker's corners are off beyond what noise explains: by period, where pixels
# are copies, where they are mixtures; without grey. Chosen on the safe side of simulated pictures
ROUGH_COPIES, ROUGH_MIXED, ROUGH_TONES = 0.25, 0.02, 0.2
ROUGH_LEVELS = 0.5  # of a step between grey levels by the contrast, px


@dataclass(frozen=True)
class PixelGrid:
    """What is odd about one camera's pixels.

    Parameters
    ----------
    enlarged : tuple of two ints
        Period in px in which pixels repeat along columns and rows; 0 where they do not.
    copied : bool
        Whether they are copies, not interpolated.
    between : tuple of two bools
        Whether every second row, or column, is interpolated between its neighbours.
    interlaced : bool
        Whether every second row lies apart.
    two_tone : bool
        Whether there is no grey.
    levels : int
        How many grey levels there are; 0 where they are many.
    """

    enlarged: tuple[int, int] = (0, 0)
    copied: bool = False
    between: tuple[bool, bool] = (False, False)
    interlaced: bool = False
    two_tone: bool = False
    levels: int = 0

    @property
    def sound(self) -> bool:
        """Whether every pixel is one of its own."""
        return self == SOUND

    @property
    def shift(self) -> tuple[float, float]:
        """Px along columns and rows by which the image may lie off.

        Copies are ambiguous; and which of two fields was enlarged is not known.
        """
        rows, columns = np.minimum(self.enlarged, FAR_COPIES)
        if not self.copied and rows == columns:
            return 0.0, 0.0
        return max(rows - 1, 0) / 2.0, max(columns - 1, 0) / 2.0

    @property
    def rough(self) -> float:
        """Px, one sd, that a marker's corners are off beyond what noise explains."""
        period = min(max(self.enlarged), FAR_COPIES)
        copies = period * (ROUGH_COPIES if self.copied else ROUGH_MIXED)
        few = ROUGH_LEVELS / (self.levels - 1) if self.levels > 1 else 0.0
        return float(np.hypot(copies, max(few, ROUGH_TONES if self.two_tone else 0.0)))


SOUND = PixelGrid()


def pixel_grid(picture: Picture, boxes: NDArray[np.int64], spread: float) -> PixelGrid:
    """Detect what is odd about the pixels of one camera's markers in one image alone.

    Parameters
    ----------
    picture, boxes, spread
        As in `look_at_grid`.

    Returns
    -------
    PixelGrid
        SOUND where nothing is odd, or too few pixels are in the boxes.
    """
    return look_at_grid(picture, boxes, spread, NO_EVIDENCE)[0]


def look_at_grid(
    picture: Picture, boxes: NDArray[np.int64], spread: float, evidence: GridEvidence
) -> tuple[PixelGrid, GridEvidence]:
    """Detect what is odd about the pixels of one camera's markers.

    Parameters
    ----------
    picture : ndarray, shape (height, width), uint8
        Grey levels.
    boxes : ndarray, shape (n, 4), int
        First row, row after the last, first column, column after the last of each marker.
    spread : float
        Noise, grey levels.
    evidence : GridEvidence
        Of earlier images.

    Returns
    -------
    grid : PixelGrid
        SOUND where nothing is odd, or too few pixels are in the boxes.
    evidence : GridEvidence
        With this image.

    References
    ----------
    Popescu and Farid, IEEE Transactions on Signal Processing 53(2), 2005.
    Gallagher, Canadian Conference on Computer and Robot Vision, 2005.
    """
    squares, counts, combs, edges, grey, histogram = _sums(picture, boxes, COMB * max(spread, 1.0))
    if counts[0, 0, 0].sum() < LEAST_PIXELS:
        return SOUND, evidence
    copied = _period(squares, counts, FIRST, COPIED)
    both = _period(squares, counts, THIRD, INTERPOLATED)
    interpolated, between = both if both[0] == both[1] else (0, 0), (0, 0)
    if not any(copied) and not any(interpolated):
        pixels, (x, y) = float(counts[0, 0, 0].sum()), boxes.mean(axis=0).reshape(2, 2).mean(axis=1)
        if evidence.is_new((float(x), float(y))):
            logarithms = [
                _down_by_across(squares, counts, order) for order in (SECOND, THIRD, SMALL_THIRD)
            ]
            evidence = evidence.after(logarithms, pixels, (float(x), float(y)))
        chance, chance_across = np.exp(np.divide((-CHANCE, -CHANCE_ACROSS), pixels**0.5))
        between = _halved(squares, counts, SECOND, min(HALVED, chance))
        if not any(between):
            interpolated = _halved(squares, counts, SMALL_THIRD, min(HALVED_THIRD, chance))
        if not any(between) and not any(interpolated):
            interpolated = _halved(squares, counts, ACROSS, min(HALVED_ACROSS, chance_across))
        if not any(between) and not any(interpolated):
            between, interpolated = evidence.between, evidence.interpolated
    combed = combs[0] > max(COMBED * edges, LEAST_COMBED, OTHERWISE * combs[1])
    two_tone = bool(edges > LEAST_EDGES and grey < GREYLESS * edges)
    grid = PixelGrid(
        copied if any(copied) else interpolated,
        any(copied),
        (between[0] > 0, between[1] > 0),
        bool(combed and not copied[0] and not between[0]),
        two_tone,
        0 if two_tone else few_levels(histogram),
    )
    return grid, evidence


def few_levels(histogram: Array) -> int:
    """Return how many grey levels an image has; 0 where they are many or close together.

    Parameters
    ----------
    histogram : ndarray, shape (256,)
        Number of pixels by grey level.

    Returns
    -------
    int
    """
    order = np.argsort(histogram)[::-1]
    most = np.searchsorted(np.cumsum(histogram[order]), MOST_PIXELS * histogram.sum())
    used = order[: int(most) + 1]
    count = len(used)
    far = count > 1 and used.max() - used.min() > LEVEL_STEP * (count - 1)
    return count if far and count <= FEW_LEVELS else 0


def _down_by_across(squares: Array, counts: Array, order: int) -> float:
    """Return the logarithm of how far differences vanish down the rows by along them."""
    rows, columns = (
        _ratio(squares[axis, order, 0, :2], counts[axis, order, 0, :2]) for axis in range(2)
    )
    return float(np.log(max(rows, 1e-6) / max(columns, 1e-6)))


def _period(squares: Array, counts: Array, order: int, least: float) -> tuple[int, int]:
    """Return the periods (px) in which differences vanish along columns and rows, 0 if in none."""
    periods = [0, 0]
    for axis in range(2):
        for index, period in enumerate(PERIODS if order == FIRST else PERIODS[:MIXED_PERIODS]):
            places = axis, order, index, slice(period)
            if not periods[axis] and _ratio(squares[places], counts[places]) < least:
                periods[axis] = period
    return periods[0], periods[1]


def _halved(squares: Array, counts: Array, order: int, least: float) -> tuple[int, int]:
    """Return period 2 for the direction in which differences vanish, if they do in one alone."""
    rows, columns = (
        _ratio(squares[axis, order, 0, :2], counts[axis, order, 0, :2]) for axis in range(2)
    )
    if rows < least * columns:
        return 2, 0
    return (0, 2) if columns < least * rows else (0, 0)


def _ratio(squares: Array, counts: Array) -> float:
    mean = squares / np.maximum(counts, 1.0)
    if mean.max() < LEAST_SQUARE:
        return 1.0
    return float(mean.min() / mean.max())


@njit(nogil=True, cache=True)
def _sums(image, boxes, comb):
    """Sum squares of differences (axis, order, period, place), their number, what stands out.

    Axis 0 is down the rows. Then pixels of a comb along both; pixels whose neighbours differ by
    much; how many of these are neither black nor white; and pixels by grey level.
    """
    shape = (2, ORDERS, len(PERIODS), MOST_PERIOD)
    squares, counts = np.zeros(shape), np.zeros(shape)
    combs, edges, grey, histogram = np.zeros(2), 0.0, 0.0, np.zeros(256)
    for k in range(len(boxes)):
        row0, row1, column0, column1 = boxes[k]
        if row1 - row0 < 8 or column1 - column0 < 8:
            continue
        low, high = 255.0, 0.0
        for v in range(row0, row1):
            for u in range(column0, column1):
                low, high = min(low, float(image[v, u])), max(high, float(image[v, u]))
                histogram[image[v, u]] += 1.0
        steep, black = STEEP * (high - low), low + BETWEEN * (high - low)
        white = high - BETWEEN * (high - low)
        for axis in range(2):
            stride_v, stride_u = (1, 0) if axis == 0 else (0, 1)
            for v in range(row0, row1 - 4 * stride_v - stride_u):
                for u in range(column0, column1 - 4 * stride_u - stride_v):
                    p0 = float(image[v, u])
                    p1 = float(image[v + stride_v, u + stride_u])
                    p2 = float(image[v + 2 * stride_v, u + 2 * stride_u])
                    p3 = float(image[v + 3 * stride_v, u + 3 * stride_u])
                    p4 = float(image[v + 4 * stride_v, u + 4 * stride_u])
                    first, second = p1 - p0, p2 - 2.0 * p1 + p0
                    third = p3 - 3.0 * p2 + 3.0 * p1 - p0
                    small = min(max(third, -MOST_THIRD), MOST_THIRD)
                    beside = float(image[v + 3 * stride_v + stride_u, u + 3 * stride_u + stride_v])
                    beside -= 3.0 * image[v + 2 * stride_v + stride_u, u + 2 * stride_u + stride_v]
                    beside += 3.0 * image[v + stride_v + stride_u, u + stride_u + stride_v]
                    beside -= image[v + stride_u, u + stride_v]
                    place = v if axis == 0 else u
                    for index in range(len(PERIODS)):
                        at = place % PERIODS[index]
                        squares[axis, FIRST, index, at] += first * first
                        counts[axis, FIRST, index, at] += 1.0
                    for index in range(MIXED_PERIODS if place % BLOCK < WITHIN_BLOCK else 0):
                        at = place % PERIODS[index]
                        squares[axis, SECOND, index, at] += second * second
                        squares[axis, THIRD, index, at] += third * third
                        squares[axis, SMALL_THIRD, index, at] += small * small
                        squares[axis, ACROSS, index, at] += (third - beside) ** 2
                        for order in range(SECOND, ORDERS):
                            counts[axis, order, index, at] += 1.0
                    a, b, c = p1 - 0.5 * (p0 + p2), p2 - 0.5 * (p1 + p3), p3 - 0.5 * (p2 + p4)
                    if min(a, -b, c) > comb or min(-a, b, -c) > comb:
                        combs[axis] += 1.0
                    if abs(p2 - p0) > steep:
                        edges += 1.0
                        grey += black < p1 < white
    return squares, counts, combs, edges, grey, histogram


def shift_covariance(
    fit_result: FitResult,
    used: NDArray[np.bool_],
    covariance: Array,
    grids: Sequence[PixelGrid],
) -> Array:
    """Compute the covariance of a motion by unknown shifts of whole images.

    Parameters
    ----------
    fit_result : FitResult
        Of all views.
    used : ndarray, shape (n,), bool
        Views that contribute.
    covariance : ndarray, shape (6, 6)
        Of the motion about the pivot by the pixels, mm^2 and rad^2.
    grids : sequence of PixelGrid
        Of each camera.

    Returns
    -------
    ndarray, shape (6, 6)
        To be added to it.
    """
    total = np.zeros((6, 6))
    for index, grid in enumerate(grids):
        own = np.flatnonzero(used & (fit_result.marker_views.camera == index))
        down, right = grid.shift
        for size, axis in ((right, 0), (down, 1)):
            if size == 0.0 or not len(own):
                continue
            pixels = np.zeros(8)
            pixels[axis::2] = size
            flow = np.linalg.solve(
                fit_result.projection.by_flow[own],
                np.broadcast_to(pixels, (len(own), 8))[..., None],
            )
            said = np.einsum(
                "nam,nab,nb->m",
                fit_result.projection.flow[own],
                fit_result.information[own, :GEOMETRY, :GEOMETRY],
                flow[..., 0],
            )
            shift = covariance @ said
            total += np.outer(shift, shift)
    return total


def boxes_of(corners: Array, size: tuple[int, int]) -> NDArray[np.int64]:
    """Return boxes around markers, as `pixel_grid` takes them.

    Parameters
    ----------
    corners : ndarray, shape (n, 4, 2)
        In px.
    size : tuple of int
        Width and height of the image, px.

    Returns
    -------
    ndarray, shape (n, 4), int
        First row, row after the last, first column, column after the last; with a margin.
    """
    low, high = corners.min(axis=1), corners.max(axis=1)
    margin = AROUND * (high - low)
    low = np.clip(np.floor(low - margin), 0, size).astype(np.int64)
    high = np.clip(np.ceil(high + margin), 0, size).astype(np.int64)
    return np.ascontiguousarray(np.column_stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]]))
