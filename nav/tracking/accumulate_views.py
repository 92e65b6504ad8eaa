"""One look at the pixels of many markers in one picture, compiled: what each says of its flow."""

import math

import numpy as np

from nav.compiled import njit
from nav.tracking.photometry import accumulate
from nav.tracking.pixel_moments import BLUR, BRIGHTNESS, COLUMNS, HISTOGRAM, SHEET
from nav.tracking.view_solver import MIN_PIXELS, PLACE, median_residual, near_odd, solve_view

# columns of `stats`
NOISE, EXPLAINED, SPREAD, LOOKED, USED, GOOD, CHANCE, CORRELATED = range(8)
STATS = 8


@njit(nogil=True, cache=True)
def look(
    image, grid, curve, power, first, last, window, plane, slopes, changes, count, zone, blur,
    prior, brightness, drift, stride, extra, cut, unknown, odd, free, information, gradient, follow,
    rest, stats,
):  # fmt: skip
    """Sums, own unknowns eliminated, for views first to last; see `accumulate`, `solve_view`.

    All arrays have a row a view. odd : (n, cells) pixels beyond the cut, in and out.
    extra : px^2 of blur added; free : (n,) whether blur may change.
    unknown : see `accumulate`, of the whole picture.
    Filled: information (n, PLACE, PLACE), gradient (n, PLACE), follow (n, 9, PLACE), rest (n, 9),
    stats (n, STATS).
    """
    moments = np.empty((COLUMNS + 1, COLUMNS + 1))
    histogram = np.zeros(HISTOGRAM, np.int64)
    sheet = np.empty(SHEET)
    wide = np.empty(3)
    buffers = np.zeros(odd.shape[1], np.bool_)
    for k in range(first, last):
        beside = near_odd(odd[k], stats[k, LOOKED], count + 2, stride, buffers)
        odd[k] = 0
        wide[:] = blur[k]
        wide[0] += extra
        wide[2] += extra
        if not (np.isfinite(plane[k]).all() and np.isfinite(wide).all()):
            stats[k], information[k], gradient[k] = 0.0, 0.0, 0.0
            continue
        looked, used, weight, grey, square, together = accumulate(
            image, grid, window[k], plane[k], slopes[k], changes[k], count, zone[k], wide, curve,
            power, brightness[k], drift[k], stride, cut[k], unknown, beside, odd[k], moments,
            histogram, sheet,
        )  # fmt: skip
        stats[k, LOOKED], stats[k, USED], stats[k, GOOD] = looked, used, 0.0
        information[k] = 0.0
        gradient[k] = 0.0
        if min(used, weight) * stride * stride < MIN_PIXELS:
            continue
        own_information, own_gradient, own_follow, own_rest, noise, explained, chance, good = (
            solve_view(
                moments,
                weight,
                grey,
                square,
                brightness[k],
                blur[k],
                prior[k],
                free[k],
                stride == 1,
            )
        )
        if not good:
            continue
        information[k], gradient[k] = own_information, own_gradient
        follow[k], rest[k] = own_follow, own_rest
        stats[k, NOISE], stats[k, EXPLAINED], stats[k, CHANCE] = noise, explained, chance
        stats[k, SPREAD] = 1.4826 * median_residual(histogram, looked)
        stats[k, CORRELATED] = together / max(moments[COLUMNS, COLUMNS], 1e-9)
        stats[k, GOOD] = 1.0


@njit(nogil=True, cache=True)
def windows(corners, zones, count, camera, sizes, reach):
    """Rows and columns of the pictures in which markers and their white zones lie, middle row last.

    Parameters
    ----------
    corners : (n, 4, 2) px. zones : (n,) widths of the white zones, cells. count : cells of a side.
    camera : (n,) index into sizes (cameras, 2), width and height. reach : px around.

    Returns
    -------
    ndarray
        (n, 5) row0, row1, column0, column1, middle row.
    """
    result = np.empty((len(corners), 5), np.int64)
    for k in range(len(corners)):
        for axis in range(2):
            low, high = corners[k, :, axis].min(), corners[k, :, axis].max()
            margin = zones[k] / count * 1.5 * (high - low) + reach
            most = sizes[camera[k], axis]
            result[k, 2 - 2 * axis] = min(max(math.floor(low - margin), 0), most)
            result[k, 3 - 2 * axis] = min(max(math.ceil(high + margin) + 1, 0), most)
        result[k, 4] = round(corners[k, :, 1].mean())
    return result


def buffers(count: int) -> tuple[np.ndarray, ...]:
    """Arrays for `look` to fill: information, gradient, follow, rest, stats."""
    return (
        np.zeros((count, PLACE, PLACE)),
        np.zeros((count, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR)),
        np.zeros((count, STATS)),
    )
