"""What single pixels of an image should look like by a marker's fit; compiled."""

import math

import numpy as np

from nav.camera.ray_grid import ray_at
from nav.core.compiled import njit
from nav.tracking.fit.kernel_arguments import MarkerPattern, PixelSelection, PlaneView
from nav.tracking.fit.pattern import RHO, ROWS, SX, SY, X, Y
from nav.tracking.fit.photometry import RHO_MOST, split_blur
from nav.tracking.fit.pixel_moments import (
    ALONG_X,
    ALONG_Y,
    RESIDUAL,
    SEEN,
    X_U,
    X_V,
    Y_U,
    Y_V,
    compare,
    draw,
    pixel_buffers,
)

PAPER = 1.0  # cells beyond the white zone that are taken for paper where they are white


@njit(nogil=True, cache=True)
def expected_greys(pixels, bright, camera, between, patterns, planes, appearance):
    """Compute the grey levels that a camera's views have at some pixels, before sharpening.

    Parameters
    ----------
    pixels : ndarray, shape (m, 2), int
        Rows and columns.
    bright : ndarray, shape (m,), bool
        Whether they are white.
    camera, between, patterns, planes, appearance
        See `accumulate_views`.

    Returns
    -------
    expected : ndarray, shape (m,)
        Grey levels.
    known : ndarray, shape (m,), bool
        Whether a marker or its white zone is there.
    """
    expected, known = np.zeros(len(pixels)), np.zeros(len(pixels), np.bool_)
    buffers, which, n = pixel_buffers(), np.empty(ROWS, np.int64), patterns.cells
    for k in range(between[0], between[1]):
        brightness = appearance.brightness[k]
        if not brightness[0] > 0.0:
            continue
        marker = MarkerPattern(patterns.changes[k], n, patterns.zones[k])
        view = PlaneView(
            planes.window[k], planes.plane[k], planes.ray_per_pixel[k], planes.drift[k]
        )
        parts = split_blur(appearance.blur[k])
        count = 0
        for m in range(len(pixels)):
            v, u = pixels[m, 0], pixels[m, 1]
            if v < view.window[0] or v >= view.window[1]:
                continue
            if u < view.window[2] or u >= view.window[3]:
                continue
            x, y = lay_pixel(buffers.sheet, count, camera.grid, u, v, view, n, parts)
            most = marker.zone + PAPER if bright[m] else marker.zone
            if not (-most < x < n + most and -most < y < n + most):
                continue
            which[count] = m
            count += 1
            if count == ROWS:
                _render(buffers, count, camera, marker, parts.nodes, brightness)
                _scatter(buffers.sheet, which[:count], expected, known)
                count = 0
        if count > 0:
            _render(buffers, count, camera, marker, parts.nodes, brightness)
            _scatter(buffers.sheet, which[:count], expected, known)
    return expected, known


@njit(nogil=True, cache=True)
def lay_pixel(sheet, place, grid, u, v, view, n, parts):
    """Write where a pixel lies on a marker's plane, and its blur there, into the sheet.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Rows of quantities, see pattern.py; changed in place.
    place : int
        Of the pixel in the sheet.
    grid : ndarray
        The camera's `RayGrid.grid`.
    u, v : int
        Column and row of the pixel.
    view : PlaneView
        How the marker lies in the image.
    n : int
        Cells along a side of the marker.
    parts : SplitBlur
        The view's blur.

    Returns
    -------
    tuple of float
        Position x, y in cells.
    """
    half, plane, slope, drift = n / 2.0, view.plane, view.ray_per_pixel, view.drift
    late = float(v - view.window[4])
    uu, uv, vv = parts.uu, parts.uv, parts.vv
    rx, ry = ray_at(grid, float(u), float(v))
    w = plane[2, 0] * rx + plane[2, 1] * ry + plane[2, 2]
    x = (plane[0, 0] * rx + plane[0, 1] * ry + plane[0, 2]) / w
    y = (plane[1, 0] * rx + plane[1, 1] * ry + plane[1, 2]) / w
    cx, cy = (x - half) / half, (y - half) / half
    both = drift[6] * cx + drift[7] * cy
    x += late * (drift[0] + drift[1] * cx + drift[2] * cy + cx * both)
    y += late * (drift[3] + drift[4] * cx + drift[5] * cy + cy * both)
    x_rx, x_ry = (plane[0, 0] - x * plane[2, 0]) / w, (plane[0, 1] - x * plane[2, 1]) / w
    y_rx, y_ry = (plane[1, 0] - y * plane[2, 0]) / w, (plane[1, 1] - y * plane[2, 1]) / w
    x_u = x_rx * slope[0, 0] + x_ry * slope[1, 0]
    x_v = x_rx * slope[0, 1] + x_ry * slope[1, 1]
    y_u = y_rx * slope[0, 0] + y_ry * slope[1, 0]
    y_v = y_rx * slope[0, 1] + y_ry * slope[1, 1]
    xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
    yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
    xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
    sx, sy = math.sqrt(xx), math.sqrt(yy)
    sheet[X + place], sheet[Y + place] = x, y
    sheet[SX + place], sheet[SY + place] = sx, sy
    sheet[RHO + place] = min(max(xy / (sx * sy), -RHO_MOST), RHO_MOST)
    sheet[X_U + place], sheet[X_V + place] = x_u, x_v
    sheet[Y_U + place], sheet[Y_V + place] = y_u, y_v
    sheet[ALONG_X + place] = x_u * parts.motion_u + x_v * parts.motion_v
    sheet[ALONG_Y + place] = y_u * parts.motion_u + y_v * parts.motion_v
    return x, y


@njit(nogil=True, cache=True)
def _render(buffers, count, camera, marker, nodes, brightness):
    """Leave minus the expected grey levels as the sheet's residuals."""
    for i in range(count):
        buffers.sheet[SEEN + i] = 0.0
    draw(buffers.sheet, count, camera, marker, nodes, brightness)
    none, odd = np.zeros(0, np.bool_), np.zeros((marker.cells + 2) ** 2, np.int64)
    compare(buffers, count, marker.cells, brightness, -1.0, PixelSelection(0.0, none, odd))


@njit(nogil=True, cache=True)
def _scatter(sheet, which, expected, known):
    for i in range(len(which)):
        expected[which[i]] = -sheet[RESIDUAL + i]
        known[which[i]] = True
