"""Where a marker's pixels lie on it and how they are blurred there: all of one view, compiled.

A marker's plane is measured in cells: the pattern (border included) spans 0 to n in x and y, as
seen from the front; the white zone goes round it. Blur is a Gaussian in the image, so that it
includes defocus and the pixel's own area; seen through the local scale of the view it becomes one
of (sx, sy) cells with correlation rho (pattern.py). Blur much longer one way than the other is
motion during the exposure: a mean of narrower Gaussians along the way. What the pixels then say is
in pixel_moments.py.
"""

import math

import numpy as np

from nav.camera.ray_grid import ray_at
from nav.core.compiled import njit
from nav.tracking.fit.kernel_arguments import PixelTotals, SplitBlur
from nav.tracking.fit.pattern import RHO, ROWS, SX, SY, X, Y
from nav.tracking.fit.pixel_moments import (
    ALONG_X,
    ALONG_Y,
    COLUMNS,
    MOST_NODES,
    SEEN,
    X_U,
    X_V,
    Y_U,
    Y_V,
    take_in,
)

RIM_LEAST, RIM_MOST = 2.5, 3.2  # sd kept away from the white zone's rim, as its width allows
RHO_MOST = 0.85
LONG = 1.2  # motion by sd of the narrow blur, above which it is drawn as motion
NODE = 1.2  # the same between two nodes of it


@njit(nogil=True, cache=True)
def split_blur(blur):
    """Split a blur into a narrow Gaussian and motion during the exposure.

    Parameters
    ----------
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2.

    Returns
    -------
    SplitBlur
    """
    middle = 0.5 * (blur[0] + blur[2])
    difference = 0.5 * (blur[0] - blur[2])
    radius = math.sqrt(difference * difference + blur[1] * blur[1])
    narrow = max(middle - radius, 0.05)
    length = math.sqrt(12.0 * 2.0 * radius)
    sd = math.sqrt(narrow)
    if length <= max(LONG * sd, 0.8):
        return SplitBlur(blur[0], blur[1], blur[2], 0.0, 0.0, 1)
    angle = 0.5 * math.atan2(blur[1], difference)
    count = min(math.ceil(length / (NODE * sd)) + 1, MOST_NODES)
    return SplitBlur(narrow, 0.0, narrow, length * math.cos(angle), length * math.sin(angle), count)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def accumulate(camera, marker, view, blur, brightness, stride, selection, buffers):
    """Sum the outer products of all pixels' derivative rows, for one marker in one image.

    Parameters
    ----------
    camera : CameraImage
        The image and its camera.
    marker : MarkerPattern
        What is printed.
    view : PlaneView
        How it lies in the image.
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2.
    brightness : ndarray, shape (BRIGHTNESS,)
        Of the last step, for the residuals; zeros at first.
    stride : int
        1 uses every pixel, 2 every other row and column.
    selection : PixelSelection
        Which pixels count.
    buffers : PixelBuffers
        Filled.

    Returns
    -------
    PixelTotals
    """
    sheet, moments, totals = buffers.sheet, buffers.moments, buffers.totals
    image, grid, n, zone = camera.image, camera.grid, marker.cells, marker.zone
    window, plane, ray_per_pixel, drift = view.window, view.plane, view.ray_per_pixel, view.drift
    moments[:] = 0.0
    buffers.histogram[:] = 0
    totals[:] = 0.0
    half = n / 2.0
    parts = split_blur(blur)
    rolling = False
    for a in range(8):
        if drift[a] != 0.0:
            rolling = True
    count = 0
    start, span = float(window[2]), float(max(window[3] - 1 - window[2], 1))
    poly = np.empty((3, 4))
    for v in range(window[0], window[1], stride):
        _row_polynomials(grid, plane, start, span, float(v), poly)
        first, last = _within(poly, zone, n, span)
        if first > last:
            continue
        late = float(v - window[4])
        # the blur in plane coordinates, linear between the row's ends
        left = _spread(poly, 0.0, plane, ray_per_pixel, parts)
        right = _spread(poly, 1.0, plane, ray_per_pixel, parts)
        for u in range(window[2] + (first + stride - 1) // stride * stride,
                       window[2] + last + 1, stride):  # fmt: skip
            t = (u - start) / span
            w = ((poly[2, 3] * t + poly[2, 2]) * t + poly[2, 1]) * t + poly[2, 0]
            x = (((poly[0, 3] * t + poly[0, 2]) * t + poly[0, 1]) * t + poly[0, 0]) / w
            y = (((poly[1, 3] * t + poly[1, 2]) * t + poly[1, 1]) * t + poly[1, 0]) / w
            if rolling:
                cx, cy = (x - half) / half, (y - half) / half
                both = drift[6] * cx + drift[7] * cy
                x += late * (drift[0] + drift[1] * cx + drift[2] * cy + cx * both)
                y += late * (drift[3] + drift[4] * cx + drift[5] * cy + cy * both)
            sx = left[0] + t * (right[0] - left[0])
            sy = left[1] + t * (right[1] - left[1])
            x_u, x_v = left[3] + t * (right[3] - left[3]), left[4] + t * (right[4] - left[4])
            y_u, y_v = left[5] + t * (right[5] - left[5]), left[6] + t * (right[6] - left[6])
            along_x = x_u * parts.motion_u + x_v * parts.motion_v
            along_y = y_u * parts.motion_u + y_v * parts.motion_v
            # light from beyond the white zone is unknown: keep away from its rim
            rim_x = min(max(zone / sx - 0.5, RIM_LEAST), RIM_MOST) * sx + 0.5 * abs(along_x)
            rim_y = min(max(zone / sy - 0.5, RIM_LEAST), RIM_MOST) * sy + 0.5 * abs(along_y)
            if x < -zone + rim_x or x > n + zone - rim_x:
                continue
            if y < -zone + rim_y or y > n + zone - rim_y:
                continue
            sheet[X + count], sheet[Y + count] = x, y
            sheet[SX + count], sheet[SY + count] = sx, sy
            sheet[RHO + count] = left[2] + t * (right[2] - left[2])
            sheet[X_U + count], sheet[X_V + count] = x_u, x_v
            sheet[Y_U + count], sheet[Y_V + count] = y_u, y_v
            sheet[ALONG_X + count], sheet[ALONG_Y + count] = along_x, along_y
            sheet[SEEN + count] = float(image[v, u])
            count += 1
            if count == ROWS:
                take_in(buffers, count, camera, marker, parts.nodes, brightness, selection)
                count = 0
    take_in(buffers, count, camera, marker, parts.nodes, brightness, selection)
    for a in range(COLUMNS + 1):
        for b in range(a):
            moments[a, b] = moments[b, a]
    return PixelTotals(int(totals[0]), int(totals[1]), totals[2], totals[3], totals[4])


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _within(poly, zone, n, span):
    """Find the first and last pixel of a row that may lie on the marker or its white zone, from 0.

    Either side of it is a numerator's sign, a cubic close to its chord.
    """
    low, high = 0.0, 1.0
    for m in range(2):
        for sign, bound in ((1.0, -zone), (-1.0, n + zone)):
            p0 = sign * (poly[m, 0] - bound * poly[2, 0])
            p1 = sign * (poly[m, 1] - bound * poly[2, 1])
            p2 = sign * (poly[m, 2] - bound * poly[2, 2])
            p3 = sign * (poly[m, 3] - bound * poly[2, 3])
            # above the chord by no more than this: t - t^2 <= 1/4, t - t^3 <= 0.385
            start = p0 + 0.25 * abs(p2) + 0.385 * abs(p3)
            slope = p1 + p2 + p3
            if slope > 0.0:
                low = max(low, -start / slope)
            elif slope < 0.0:
                high = min(high, -start / slope)
            elif start < 0.0:
                high = -1.0
    return math.floor(low * span), math.ceil(high * span)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _row_polynomials(grid, plane, start, span, v, poly):
    """Fit cubics along a row to numerators of x and y and their denominator (Lagrange, 4 rays)."""
    nodes = np.empty((3, 4))
    for k in range(4):
        rx, ry = ray_at(grid, start + span * k / 3.0, v)
        for m in range(3):
            nodes[m, k] = plane[m, 0] * rx + plane[m, 1] * ry + plane[m, 2]
    for m in range(3):
        p0, p1, p2, p3 = nodes[m, 0], nodes[m, 1], nodes[m, 2], nodes[m, 3]
        poly[m, 0] = p0
        poly[m, 1] = -5.5 * p0 + 9.0 * p1 - 4.5 * p2 + p3
        poly[m, 2] = 9.0 * p0 - 22.5 * p1 + 18.0 * p2 - 4.5 * p3
        poly[m, 3] = 4.5 * (p3 - p0) + 13.5 * (p1 - p2)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _spread(poly, t, plane, ray_per_pixel, parts):
    """Return blur on the plane (sx, sy, rho) and plane by pixel (x_u, x_v, y_u, y_v) at t."""
    w = ((poly[2, 3] * t + poly[2, 2]) * t + poly[2, 1]) * t + poly[2, 0]
    x = (((poly[0, 3] * t + poly[0, 2]) * t + poly[0, 1]) * t + poly[0, 0]) / w
    y = (((poly[1, 3] * t + poly[1, 2]) * t + poly[1, 1]) * t + poly[1, 0]) / w
    x_rx, x_ry = (plane[0, 0] - x * plane[2, 0]) / w, (plane[0, 1] - x * plane[2, 1]) / w
    y_rx, y_ry = (plane[1, 0] - y * plane[2, 0]) / w, (plane[1, 1] - y * plane[2, 1]) / w
    x_u = x_rx * ray_per_pixel[0, 0] + x_ry * ray_per_pixel[1, 0]
    x_v = x_rx * ray_per_pixel[0, 1] + x_ry * ray_per_pixel[1, 1]
    y_u = y_rx * ray_per_pixel[0, 0] + y_ry * ray_per_pixel[1, 0]
    y_v = y_rx * ray_per_pixel[0, 1] + y_ry * ray_per_pixel[1, 1]
    uu, uv, vv = parts.uu, parts.uv, parts.vv
    xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
    yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
    xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
    sx, sy = math.sqrt(xx), math.sqrt(yy)
    rho = min(max(xy / (sx * sy), -RHO_MOST), RHO_MOST)
    return sx, sy, rho, x_u, x_v, y_u, y_v


def flow(points, parameters):
    """Compute the displacement that flow parameters give points of a marker's plane.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Centred coordinates: the marker spans -1 to 1.
    parameters : ndarray, shape (8,)
        Of a homography to first order.

    Returns
    -------
    ndarray, shape (n, 2)
        In the units of the parameters.
    """
    a, b, c, d, e, f, g, h = parameters
    x, y = points.T
    both = g * x + h * y
    return np.column_stack([a + b * x + c * y + x * both, d + e * x + f * y + y * both])
