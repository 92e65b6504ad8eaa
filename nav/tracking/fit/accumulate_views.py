"""One pass over the pixels of many markers in one image, compiled: what each says of its flow."""

import math

import numpy as np

from nav.core.compiled import njit
from nav.tracking.fit.kernel_arguments import (
    MarkerPattern,
    PixelSelection,
    PlaneView,
    ViewEquations,
)
from nav.tracking.fit.photometry import accumulate
from nav.tracking.fit.pixel_moments import BLUR, BRIGHTNESS, pixel_buffers
from nav.tracking.fit.view_solver import MIN_PIXELS, PLACE, median_residual, near_odd, solve_view

# columns of `stats`
NOISE, EXPLAINED, SPREAD, LOOKED, USED, GOOD, CHANCE = range(7)
STATS = 7


@njit(nogil=True, cache=True)
def accumulate_views(camera, between, patterns, planes, appearance, stride, extra, equations):
    """Compute the normal equations of a range of views from their pixels.

    What only one view has (brightness, blur) is eliminated; see `accumulate` and `solve_view`.

    Parameters
    ----------
    camera : CameraImage
        The image that the views are in.
    between : tuple of 2 ints
        First view, and the one after the last.
    patterns : MarkerPatterns
        What is printed.
    planes : PlaneViews
        How it lies in the image.
    appearance : Appearance
        How it looks; brightness and odd are changed in place.
    stride : int
        1 uses every pixel, 2 every other row and column.
    extra : float
        Blur added to every view, px^2.
    equations : ViewEquations
        Rows of the range are filled.
    """
    buffers, wide, count = pixel_buffers(), np.empty(3), patterns.cells
    stats, odd, brightness = equations.stats, appearance.odd, appearance.brightness
    excluded = np.zeros(odd.shape[1], np.bool_)
    for k in range(between[0], between[1]):
        beside = near_odd(odd[k], stats[k, LOOKED], count + 2, stride, excluded)
        odd[k] = 0
        wide[:] = appearance.blur[k]
        wide[0] += extra
        wide[2] += extra
        if not (np.isfinite(planes.plane[k]).all() and np.isfinite(wide).all()):
            stats[k], equations.information[k], equations.gradient[k] = 0.0, 0.0, 0.0
            continue
        marker = MarkerPattern(patterns.changes[k], count, patterns.zones[k])
        view = PlaneView(
            planes.window[k], planes.plane[k], planes.ray_per_pixel[k], planes.drift[k]
        )
        selection = PixelSelection(appearance.cut[k], beside, odd[k])
        totals = accumulate(camera, marker, view, wide, brightness[k], stride, selection, buffers)
        stats[k, LOOKED], stats[k, USED], stats[k, GOOD] = totals.looked, totals.used, 0.0
        equations.information[k] = 0.0
        equations.gradient[k] = 0.0
        if min(totals.used, totals.weight) * stride * stride < MIN_PIXELS:
            continue
        solved = solve_view(
            buffers.moments, totals, brightness[k], appearance.blur[k], appearance.prior_blur[k],
            appearance.free[k], stride == 1,
        )  # fmt: skip
        if not solved.good:
            continue
        equations.information[k], equations.gradient[k] = solved.information, solved.gradient
        equations.follow[k], equations.rest[k] = solved.follow, solved.rest
        stats[k, NOISE], stats[k, EXPLAINED] = solved.noise, solved.explained
        stats[k, CHANCE] = solved.chance
        stats[k, SPREAD] = 1.4826 * median_residual(buffers.histogram, totals.looked)
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


def view_equations(count: int) -> ViewEquations:
    """Allocate what `accumulate_views` fills.

    Parameters
    ----------
    count : int
        Number of views.

    Returns
    -------
    ViewEquations
        All zeros.
    """
    return ViewEquations(
        np.zeros((count, PLACE, PLACE)),
        np.zeros((count, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR, PLACE)),
        np.zeros((count, BRIGHTNESS + BLUR)),
        np.zeros((count, STATS)),
    )
