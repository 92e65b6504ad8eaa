"""What single pixels of an image should look like by a marker's fit; compiled."""

import math

import numpy as np

from nav.camera.ray_grid import ray_at
from nav.compiled import njit
from nav.tracking.fit.pattern import RHO, ROWS, SX, SY, X, Y
from nav.tracking.fit.photometry import RHO_MOST, split_blur
from nav.tracking.fit.pixel_moments import (
    ALONG_X,
    ALONG_Y,
    HISTOGRAM,
    RESIDUAL,
    SEEN,
    SHEET,
    X_U,
    X_V,
    Y_U,
    Y_V,
    compare,
    draw,
)

PAPER = 1.0  # cells beyond the white zone that are taken for paper where they are white


@njit(nogil=True, cache=True)
def expected_greys(
    pixels, bright, grid, curve, power, first, last, plane, slopes, window, changes, n, zone, blur,
    brightness, drift,
):  # fmt: skip
    """Compute the grey levels that a camera's views have at some pixels, before sharpening.

    Parameters
    ----------
    pixels : ndarray, shape (m, 2), int
        Rows and columns.
    bright : ndarray, shape (m,), bool
        Whether they are white.
    grid, curve, power
        The camera's rays and response, see `accumulate`.
    first, last : int
        Range of views, `last` excluded.
    plane, slopes, window, changes, zone, blur, brightness, drift : ndarray, shape (n, ...)
        As `look` takes them.
    n : int
        Cells along a side of a marker.

    Returns
    -------
    expected : ndarray, shape (m,)
        Grey levels.
    known : ndarray, shape (m,), bool
        Whether a marker or its white zone is there.
    """
    expected, known = np.zeros(len(pixels)), np.zeros(len(pixels), np.bool_)
    sheet, which = np.empty(SHEET), np.empty(ROWS, np.int64)
    for k in range(first, last):
        if not brightness[k, 0] > 0.0:
            continue
        uu, uv, vv, motion_u, motion_v, nodes = split_blur(blur[k])
        count = 0
        for m in range(len(pixels)):
            v, u = pixels[m, 0], pixels[m, 1]
            if v < window[k, 0] or v >= window[k, 1] or u < window[k, 2] or u >= window[k, 3]:
                continue
            late = float(v - window[k, 4])
            x, y = lay_pixel(
                sheet, count, grid, u, v, plane[k], slopes[k], n, uu, uv, vv, motion_u, motion_v,
                drift[k], late,
            )  # fmt: skip
            most = zone[k] + PAPER if bright[m] else zone[k]
            if not (-most < x < n + most and -most < y < n + most):
                continue
            which[count] = m
            count += 1
            if count == ROWS:
                _take(sheet, count, which, changes[k], n, nodes, curve, power, brightness[k],
                      expected, known)  # fmt: skip
                count = 0
        _take(sheet, count, which, changes[k], n, nodes, curve, power, brightness[k], expected,
              known)  # fmt: skip
    return expected, known


@njit(nogil=True, cache=True)
def lay_pixel(
    sheet, place, grid, u, v, plane, slope, n, uu, uv, vv, motion_u, motion_v, drift, late
):  # fmt: skip
    """Write where a pixel lies on a marker's plane, and its blur there, into the sheet.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Rows of quantities, see pattern.py; changed in place.
    place : int
        Of the pixel in the sheet.
    grid : ndarray
        The camera's `RayGrid.grid`.
    u, v : float
        Column and row of the pixel.
    plane, slope, drift : ndarray
        Of its view, as `look` has them.
    n : int
        Cells along a side of the marker.
    uu, uv, vv, motion_u, motion_v : float
        The view's blur, as `split_blur` gives it.
    late : float
        Rows after the view's middle row.

    Returns
    -------
    tuple of float
        Position x, y in cells.
    """
    half = n / 2.0
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
    sheet[ALONG_X + place] = x_u * motion_u + x_v * motion_v
    sheet[ALONG_Y + place] = y_u * motion_u + y_v * motion_v
    return x, y


@njit(nogil=True, cache=True)
def _take(sheet, count, which, changes, n, nodes, curve, power, brightness, expected, known):
    if count == 0:
        return
    for i in range(count):
        sheet[SEEN + i] = 0.0
    draw(sheet, count, changes, n, nodes, curve, power, brightness)
    histogram, totals = np.zeros(HISTOGRAM, np.int64), np.zeros(6)
    none, odd = np.zeros(0, np.bool_), np.zeros((n + 2) ** 2, np.int64)
    compare(sheet, count, n, brightness, 0.0, -1.0, none, odd, histogram, totals)
    for i in range(count):
        expected[which[i]] = -sheet[RESIDUAL + i]
        known[which[i]] = True
