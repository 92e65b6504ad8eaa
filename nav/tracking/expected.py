"""What single pixels of a picture should look like by a marker's fit; compiled."""

import math

import numpy as np

from nav.camera.rays import ray_at
from nav.compiled import njit
from nav.tracking.pattern import RHO, ROWS, SX, SY, X, Y
from nav.tracking.photometry import RHO_MOST, split_blur
from nav.tracking.sums import (
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
    """Grey levels that a camera's views have at some pixels, before sharpening.

    Parameters
    ----------
    pixels : (m, 2) rows and columns. bright : (m,) whether they are white.
    first, last : the views; all else as `look` has it.

    Returns
    -------
    tuple
        (m,) grey levels; (m,) whether a marker or its white zone is there.
    """
    expected, known = np.zeros(len(pixels)), np.zeros(len(pixels), np.bool_)
    sheet, which = np.empty(SHEET), np.empty(ROWS, np.int64)
    for k in range(first, last):
        if not brightness[k, 0] > 0.0:
            continue
        half = n / 2.0
        uu, uv, vv, motion_u, motion_v, nodes = split_blur(blur[k])
        count = 0
        for m in range(len(pixels)):
            v, u = pixels[m, 0], pixels[m, 1]
            if v < window[k, 0] or v >= window[k, 1] or u < window[k, 2] or u >= window[k, 3]:
                continue
            rx, ry = ray_at(grid, float(u), float(v))
            p = plane[k]
            w = p[2, 0] * rx + p[2, 1] * ry + p[2, 2]
            x = (p[0, 0] * rx + p[0, 1] * ry + p[0, 2]) / w
            y = (p[1, 0] * rx + p[1, 1] * ry + p[1, 2]) / w
            cx, cy = (x - half) / half, (y - half) / half
            both, late = drift[k, 6] * cx + drift[k, 7] * cy, float(v - window[k, 4])
            x += late * (drift[k, 0] + drift[k, 1] * cx + drift[k, 2] * cy + cx * both)
            y += late * (drift[k, 3] + drift[k, 4] * cx + drift[k, 5] * cy + cy * both)
            most = zone[k] + PAPER if bright[m] else zone[k]
            if not (-most < x < n + most and -most < y < n + most):
                continue
            x_rx, x_ry = (p[0, 0] - x * p[2, 0]) / w, (p[0, 1] - x * p[2, 1]) / w
            y_rx, y_ry = (p[1, 0] - y * p[2, 0]) / w, (p[1, 1] - y * p[2, 1]) / w
            x_u = x_rx * slopes[k, 0, 0] + x_ry * slopes[k, 1, 0]
            x_v = x_rx * slopes[k, 0, 1] + x_ry * slopes[k, 1, 1]
            y_u = y_rx * slopes[k, 0, 0] + y_ry * slopes[k, 1, 0]
            y_v = y_rx * slopes[k, 0, 1] + y_ry * slopes[k, 1, 1]
            xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
            yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
            xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
            sx, sy = math.sqrt(xx), math.sqrt(yy)
            sheet[X + count], sheet[Y + count] = x, y
            sheet[SX + count], sheet[SY + count] = sx, sy
            sheet[RHO + count] = min(max(xy / (sx * sy), -RHO_MOST), RHO_MOST)
            sheet[X_U + count], sheet[X_V + count] = x_u, x_v
            sheet[Y_U + count], sheet[Y_V + count] = y_u, y_v
            sheet[ALONG_X + count] = x_u * motion_u + x_v * motion_v
            sheet[ALONG_Y + count] = y_u * motion_u + y_v * motion_v
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
