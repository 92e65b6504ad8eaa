"""One pass over the pixels of many markers in one image, compiled: what each says of its flow."""

import math

import numpy as np

from nav.compiled import njit
from nav.tracking.fit.photometry import accumulate
from nav.tracking.fit.pixel_moments import BLUR, BRIGHTNESS, COLUMNS, HISTOGRAM, SHEET
from nav.tracking.fit.view_solver import MIN_PIXELS, PLACE, median_residual, near_odd, solve_view

# columns of `stats`
NOISE, EXPLAINED, SPREAD, LOOKED, USED, GOOD, CHANCE, CORRELATED = range(8)
STATS = 8


@njit(nogil=True, cache=True)
def look(
    image, grid, curve, power, first, last, window, plane, slopes, changes, count, zone, blur,
    prior, brightness, drift, stride, extra, cut, unknown, odd, free, information, gradient, follow,
    rest, stats,
):  # fmt: skip
    """Compute the normal equations of a range of views from their pixels.

    What only one view has (brightness, blur) is eliminated; see `accumulate` and `solve_view`. All
    arrays of views have one row per view; those of the last line are filled.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Image of one camera.
    grid, curve, power
        The camera's rays and response, see `accumulate`.
    first, last : int
        Range of views, `last` excluded.
    window, plane, slopes, changes, zone : ndarray, shape (n, ...)
        One row for each view of what `accumulate` takes; `slopes` is its `ray_per_pixel`.
    count : int
        Cells along a side of a marker.
    blur : ndarray, shape (n, 3)
        Covariance uu, uv, vv, px^2.
    prior : ndarray, shape (n, 3)
        Expected blur, px^2.
    brightness : ndarray, shape (n, BRIGHTNESS)
        Of the last step; changed in place.
    drift : ndarray, shape (n, 8)
        Flow per image row (rolling shutter).
    stride : int
        1 uses every pixel, 2 every other row and column.
    extra : float
        Blur added to every view, px^2.
    cut : ndarray, shape (n,)
        Residual, grey levels, from which a pixel is weighted down; 0: none.
    unknown : float
        Grey level of pixels that are not known, see `accumulate`.
    odd : ndarray, shape (n, cells)
        Number of pixels beyond the cut in each cell: of the last pass, replaced by those of this
        one.
    free : ndarray, shape (n,), bool
        Whether the view's blur may change.
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        Of flow and response, per grey level^2; filled.
    follow, rest : ndarray, shape (n, BRIGHTNESS + BLUR, PLACE) and (n, BRIGHTNESS + BLUR)
        How what was eliminated follows; filled.
    stats : ndarray, shape (n, STATS)
        Columns NOISE to CORRELATED; filled.
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
    """Return the rows and columns of the images in which markers and their white zones lie.

    Parameters
    ----------
    corners : ndarray, shape (n, 4, 2)
        In px.
    zones : ndarray, shape (n,)
        Widths of the white zones, cells.
    count : int
        Cells along a side of a marker.
    camera : ndarray, shape (n,), int
        Index into `sizes`.
    sizes : ndarray, shape (cameras, 2), int
        Width and height of the images, px.
    reach : float
        Margin around, px.

    Returns
    -------
    ndarray, shape (n, 5), int
        row0, row1, column0, column1, middle row; row1 and column1 are excluded.
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
    """Allocate the arrays that `look` fills.

    Parameters
    ----------
    count : int
        Number of views.

    Returns
    -------
    tuple of ndarray
        information, gradient, follow, rest, stats, all zeros.
    """
    return (
        np.zeros((count, PLACE, PLACE)),
        np.zeros((count, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR)),
        np.zeros((count, STATS)),
    )
