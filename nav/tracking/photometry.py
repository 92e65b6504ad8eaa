"""What a marker should look like: its blurred pattern, pixel by pixel, with derivatives.

A marker's plane is measured in cells: the pattern (border included) spans 0 to n in x and y, as
seen from the front; the white zone goes round it. Blur is a Gaussian in the picture, so that it
takes in defocus and the pixel's own area; seen through the local scale of the view it becomes one
of (sx, sy) cells with correlation rho. The share of a cell is then the product of two
one-dimensional ones, exact along straight edges, and at cell corners the tetrachoric series in rho
(Pearson 1900), to the third term. Blur much longer one way than the other is motion during the
exposure: a mean of narrower Gaussians along the way. The light becomes grey levels by the camera's
response (response.py).
"""

import math

import numpy as np

from nav.camera.rays import ray_at
from nav.compiled import njit

GEOMETRY = 8  # flow of the plane: see `flow`
BRIGHTNESS = 6  # pattern, 1, pattern * x, pattern * y, x, y
BLUR = 3  # its covariance: uu, uv, vv, px^2
RESPONSE = 2  # of the camera: see response.py
AT_BRIGHTNESS = GEOMETRY
AT_BLUR = AT_BRIGHTNESS + BRIGHTNESS
AT_RESPONSE = AT_BLUR + BLUR
COLUMNS = AT_RESPONSE + RESPONSE
ROWS = 128  # pixels whose derivatives are summed at once

REACH = 3.5  # sd at which a Gaussian counts as zero
RIM_LEAST, RIM_MOST = 2.5, 3.2  # sd kept away from the white zone's rim, as its width allows
RHO_MOST = 0.85
LONG = 1.2  # motion by sd of the narrow blur, above which it is drawn as motion
NODE = 1.2  # the same between two nodes of it
MOST_NODES = 6
HISTOGRAM = 64  # bins of a grey level each, of absolute residuals
CLIPPED = 254.0  # grey level from which a pixel says no more than 'at least'
LEAST_USED = 1.5  # a pixel further off than so many cuts is not used at all

STEPS = 32  # table entries a unit of z
_z = np.arange(-4 * STEPS, 4 * STEPS + 1) / STEPS
DENSITY = np.exp(-0.5 * _z * _z) / math.sqrt(2 * math.pi)
SHARE = np.array([0.5 * (1.0 + math.erf(z / math.sqrt(2))) for z in _z])

# Gauss-Legendre nodes and weights on -1/2 to 1/2, a row for each number of nodes
NODES = np.zeros((MOST_NODES + 1, MOST_NODES))
NODE_WEIGHTS = np.zeros((MOST_NODES + 1, MOST_NODES))
for _count in range(1, MOST_NODES + 1):
    _at, _weight = np.polynomial.legendre.leggauss(_count)
    NODES[_count, :_count] = _at / 2
    NODE_WEIGHTS[_count, :_count] = _weight / 2


@njit(nogil=True, cache=True, fastmath=True)
def _weights(position, spread, count, terms):
    """Share of each cell (index 0: white zone before, count + 1: after) under a Gaussian.

    Fills terms[0] with it, terms[1] and terms[2] with its derivatives by the position and by the
    spread, terms[3] with the third Hermite term; returns the range of cells.
    """
    first = min(max(math.floor(position - REACH * spread), -1), count)
    last = min(max(math.floor(position + REACH * spread), -1), count)
    one = 1.0 / spread
    below_cdf, below_pdf, below_z = 0.0, 0.0, 0.0
    for cell in range(first, last + 1):
        if cell == last:
            above_cdf, above_pdf, above_z = 1.0, 0.0, 0.0
        else:
            above_z = (cell + 1 - position) * one
            # table and Taylor series from its nearest entry
            place = min(max(int(above_z * STEPS + 4 * STEPS + 0.5), 0), 8 * STEPS)
            z = place / STEPS - 4.0
            d = above_z - z
            density = DENSITY[place]
            above_cdf = SHARE[place] + density * d * (
                1.0 - 0.5 * z * d + (z * z - 1.0) * d * d * (1.0 / 6.0)
            )
            above_pdf = density * (
                1.0 - z * d + (z * z - 1.0) * d * d * 0.5 - z * (z * z - 3.0) * d * d * d / 6.0
            )
        terms[0, cell + 1] = above_cdf - below_cdf
        terms[1, cell + 1] = (below_pdf - above_pdf) * one
        terms[2, cell + 1] = (below_pdf * below_z - above_pdf * above_z) * one
        terms[3, cell + 1] = (above_z * above_z - 1) * above_pdf - (
            below_z * below_z - 1
        ) * below_pdf
        below_cdf, below_pdf, below_z = above_cdf, above_pdf, above_z
    return first, last


@njit(nogil=True, cache=True, fastmath=True)
def _pattern(x, y, sx, sy, rho, cells, n, terms, value):
    """Blurred pattern at (x, y) into value: itself, by x, by y, by sx, by sy, by xy."""
    x0, x1 = _weights(x, sx, n, terms[:4])
    y0, y1 = _weights(y, sy, n, terms[4:])
    first = rho * sx * sy
    second = 0.5 * rho * first
    third = rho * rho * rho / 6.0
    first_x, first_y = rho * sy, rho * sx
    second_x, second_y = second / (sx * sx), second / (sy * sy)
    third_x, third_y = rho * sy / sx, rho * sx / sy
    light, by_x, by_y, by_sx, by_sy, by_xy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(y0 + 1, y1 + 2):
        plain, slope, widen, hermite = 0.0, 0.0, 0.0, 0.0
        for i in range(x0 + 1, x1 + 2):
            if cells[j, i] != 0:
                plain += terms[0, i]
                slope += terms[1, i]
                widen += terms[2, i]
                hermite += terms[3, i]
        light += plain * terms[4, j] + first * slope * terms[5, j]
        light += second * widen * terms[6, j] + third * hermite * terms[7, j]
        # widen is sx times the second derivative by x, hermite -sx^3 times the third
        by_x += slope * terms[4, j] + first_x * widen * terms[5, j]
        by_x -= second_x * hermite * terms[6, j]
        by_y += plain * terms[5, j] + first_y * slope * terms[6, j]
        by_y -= second_y * widen * terms[7, j]
        by_sx += widen * terms[4, j] - third_x * hermite * terms[5, j]
        by_sy += plain * terms[6, j] - third_y * slope * terms[7, j]
        by_xy += slope * terms[5, j] + rho * widen * terms[6, j]
    value[0], value[1], value[2] = light, by_x, by_y
    value[3], value[4], value[5] = by_sx, by_sy, by_xy


@njit(nogil=True, cache=True)
def split_blur(blur):
    """Narrow Gaussian (3,), motion (2,) px and number of nodes that make a blur of covariance."""
    middle = 0.5 * (blur[0] + blur[2])
    difference = 0.5 * (blur[0] - blur[2])
    radius = math.sqrt(difference * difference + blur[1] * blur[1])
    narrow = max(middle - radius, 0.05)
    length = math.sqrt(12.0 * 2.0 * radius)
    sd = math.sqrt(narrow)
    if length <= max(LONG * sd, 0.8):
        return blur[0], blur[1], blur[2], 0.0, 0.0, 1
    angle = 0.5 * math.atan2(blur[1], difference)
    count = min(math.ceil(length / (NODE * sd)) + 1, MOST_NODES)
    return narrow, 0.0, narrow, length * math.cos(angle), length * math.sin(angle), count


@njit(nogil=True, cache=True, fastmath=True)
def _flush(block, count, moments):
    """Add the outer products of so many derivative rows (COLUMNS + 1, ROWS) to the sums."""
    for a in range(COLUMNS + 1):
        for b in range(a, COLUMNS + 1):
            total = 0.0
            for i in range(count):
                total += block[a, i] * block[b, i]
            moments[a, b] += total


@njit(nogil=True, cache=True, fastmath=True)
def accumulate(
    image, grid, window, plane, ray_per_pixel, cells, n, zone, blur, curve, brightness, drift,
    stride, cut, moments, histogram, block,
):  # fmt: skip
    """Sums of outer products of all pixels' derivative rows, for one marker in one picture.

    Parameters
    ----------
    image : (height, width) uint8. grid : the camera's RayGrid.grid.
    window : (row0, row1, column0, column1), the middle row last: (5,).
    plane : (3, 3) homography from a ray (x, y, 1) to the marker's plane, cells.
    ray_per_pixel : (2, 2) derivative of the ray by the pixel, at the marker.
    cells : (n + 2, n + 2 or more) uint8, 1 white, the white zone included. n : cells of a side.
    zone : width of the white zone, cells.
    blur : (3,) covariance uu, uv, vv, px^2.
    curve : (4, entries) the camera's response from 0 to 1: grey, its slope, by its two parameters.
    brightness : (BRIGHTNESS,) of the last step, for the residuals; zeros at first.
    drift : (8,) flow of the plane a row of the picture (rolling shutter).
    stride : 1 uses every pixel, 2 every other row and column.
    cut : residual, grey levels, from which a pixel is weighted down (Huber), and from LEAST_USED
        times that it is not used; 0: all are.
    moments : (COLUMNS + 1, COLUMNS + 1), out: the last row and column are the residuals.
    histogram : (HISTOGRAM,), out: of the absolute residuals, all pixels.
    block : (COLUMNS + 1, ROWS), scratch; cells' terms in a (8, n + 2) of their own.

    Returns
    -------
    tuple
        Pixels looked at, pixels used, sum of weights, of weighted grey levels and their squares.
    """
    moments[:] = 0.0
    histogram[:] = 0
    terms = np.empty((8, n + 2))
    value = np.empty(6)
    half = n / 2.0
    uu, uv, vv, motion_u, motion_v, nodes = split_blur(blur)
    rolling = False
    for a in range(8):
        if drift[a] != 0.0:
            rolling = True
    entries = curve.shape[1] - 1
    gain = brightness[0]
    tilt_x, tilt_y = 0.0, 0.0
    if gain > 0.0:
        tilt_x, tilt_y = brightness[2] / gain, brightness[3] / gain
    looked, used, count = 0, 0, 0
    total_weight, total_grey, total_square = 0.0, 0.0, 0.0
    start, span = float(window[2]), float(max(window[3] - 1 - window[2], 1))
    poly = np.empty((3, 4))
    for v in range(window[0], window[1], stride):
        _row_polynomials(grid, plane, start, span, float(v), poly)
        late = float(v - window[4])
        # the blur in plane coordinates, linear between the row's ends
        left = _spread(poly, 0.0, plane, ray_per_pixel, uu, uv, vv)
        right = _spread(poly, 1.0, plane, ray_per_pixel, uu, uv, vv)
        for u in range(window[2], window[3], stride):
            t = (u - start) / span
            w = ((poly[2, 3] * t + poly[2, 2]) * t + poly[2, 1]) * t + poly[2, 0]
            x = (((poly[0, 3] * t + poly[0, 2]) * t + poly[0, 1]) * t + poly[0, 0]) / w
            y = (((poly[1, 3] * t + poly[1, 2]) * t + poly[1, 1]) * t + poly[1, 0]) / w
            if x < -zone or y < -zone or x > n + zone or y > n + zone:
                continue
            if rolling:
                cx, cy = (x - half) / half, (y - half) / half
                both = drift[6] * cx + drift[7] * cy
                x += late * (drift[0] + drift[1] * cx + drift[2] * cy + cx * both)
                y += late * (drift[3] + drift[4] * cx + drift[5] * cy + cy * both)
            sx = left[0] + t * (right[0] - left[0])
            sy = left[1] + t * (right[1] - left[1])
            rho = left[2] + t * (right[2] - left[2])
            x_u, x_v = left[3] + t * (right[3] - left[3]), left[4] + t * (right[4] - left[4])
            y_u, y_v = left[5] + t * (right[5] - left[5]), left[6] + t * (right[6] - left[6])
            along_x = x_u * motion_u + x_v * motion_v
            along_y = y_u * motion_u + y_v * motion_v
            # light from beyond the white zone is unknown: keep away from its rim
            rim_x = min(max(zone / sx - 0.5, RIM_LEAST), RIM_MOST) * sx + 0.5 * abs(along_x)
            rim_y = min(max(zone / sy - 0.5, RIM_LEAST), RIM_MOST) * sy + 0.5 * abs(along_y)
            if x < -zone + rim_x or x > n + zone - rim_x:
                continue
            if y < -zone + rim_y or y > n + zone - rim_y:
                continue
            light, by_x, by_y, by_sx, by_sy, by_xy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            if nodes == 1:
                _pattern(x, y, sx, sy, rho, cells, n, terms, value)
                light, by_x, by_y = value[0], value[1], value[2]
                by_sx, by_sy, by_xy = value[3], value[4], value[5]
            else:
                for k in range(nodes):
                    at, weight = NODES[nodes, k], NODE_WEIGHTS[nodes, k]
                    _pattern(
                        x + at * along_x, y + at * along_y, sx, sy, rho, cells, n, terms, value
                    )
                    light += weight * value[0]
                    by_x += weight * value[1]
                    by_y += weight * value[2]
                    by_sx += weight * value[3]
                    by_sy += weight * value[4]
                    by_xy += weight * value[5]
            place = min(max(light, 0.0), 1.0) * entries
            entry = min(int(place), entries - 1)
            part = place - entry
            grey = curve[0, entry] + part * (curve[0, entry + 1] - curve[0, entry])
            slope = curve[1, entry] + part * (curve[1, entry + 1] - curve[1, entry])
            cx, cy = (x - half) / half, (y - half) / half
            seen = float(image[v, u])
            expected = brightness[1] + brightness[4] * cx + brightness[5] * cy
            expected += gain * grey + (brightness[2] * cx + brightness[3] * cy) * grey
            if seen >= CLIPPED and expected >= CLIPPED:
                continue
            residual = seen - expected
            looked += 1
            histogram[min(int(abs(residual)), HISTOGRAM - 1)] += 1
            root = 1.0
            if cut > 0.0 and abs(residual) > cut:
                if abs(residual) > LEAST_USED * cut:
                    continue
                root = math.sqrt(cut / abs(residual))
            used += 1
            total_weight += root * root
            total_grey += root * root * seen
            total_square += root * root * seen * seen
            # relative to the gain at the marker's middle
            local = root * (1.0 + tilt_x * cx + tilt_y * cy)
            steep = local * slope
            by_x *= steep
            by_y *= steep
            both = cx * by_x + cy * by_y
            block[0, count], block[1, count], block[2, count] = by_x, by_x * cx, by_x * cy
            block[3, count], block[4, count], block[5, count] = by_y, by_y * cx, by_y * cy
            block[6, count], block[7, count] = both * cx, both * cy
            block[8, count], block[9, count] = root * grey, root
            block[10, count], block[11, count] = root * grey * cx, root * grey * cy
            block[12, count], block[13, count] = root * cx, root * cy
            by_xx, by_yy = steep * by_sx / (2 * sx), steep * by_sy / (2 * sy)
            by_xy *= steep
            block[14, count] = by_xx * x_u * x_u + by_yy * y_u * y_u + by_xy * x_u * y_u
            block[15, count] = (
                2 * by_xx * x_u * x_v + 2 * by_yy * y_u * y_v + by_xy * (x_u * y_v + x_v * y_u)
            )
            block[16, count] = by_xx * x_v * x_v + by_yy * y_v * y_v + by_xy * x_v * y_v
            for a in range(RESPONSE):
                change = curve[2 + a, entry]
                change += part * (curve[2 + a, entry + 1] - curve[2 + a, entry])
                block[AT_RESPONSE + a, count] = local * change
            block[COLUMNS, count] = root * residual
            count += 1
            if count == ROWS:
                _flush(block, count, moments)
                count = 0
    _flush(block, count, moments)
    for a in range(COLUMNS + 1):
        for b in range(a):
            moments[a, b] = moments[b, a]
    return looked, used, total_weight, total_grey, total_square


@njit(nogil=True, cache=True, fastmath=True)
def _row_polynomials(grid, plane, start, span, v, poly):
    """Numerators of x and y, and their denominator, as cubics along a row (Lagrange, 4 rays)."""
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


@njit(nogil=True, cache=True, fastmath=True)
def _spread(poly, t, plane, ray_per_pixel, uu, uv, vv):
    """Blur in plane coordinates (sx, sy, rho) and plane by pixel (x_u, x_v, y_u, y_v) at t."""
    w = ((poly[2, 3] * t + poly[2, 2]) * t + poly[2, 1]) * t + poly[2, 0]
    x = (((poly[0, 3] * t + poly[0, 2]) * t + poly[0, 1]) * t + poly[0, 0]) / w
    y = (((poly[1, 3] * t + poly[1, 2]) * t + poly[1, 1]) * t + poly[1, 0]) / w
    x_rx, x_ry = (plane[0, 0] - x * plane[2, 0]) / w, (plane[0, 1] - x * plane[2, 1]) / w
    y_rx, y_ry = (plane[1, 0] - y * plane[2, 0]) / w, (plane[1, 1] - y * plane[2, 1]) / w
    x_u = x_rx * ray_per_pixel[0, 0] + x_ry * ray_per_pixel[1, 0]
    x_v = x_rx * ray_per_pixel[0, 1] + x_ry * ray_per_pixel[1, 1]
    y_u = y_rx * ray_per_pixel[0, 0] + y_ry * ray_per_pixel[1, 0]
    y_v = y_rx * ray_per_pixel[0, 1] + y_ry * ray_per_pixel[1, 1]
    xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
    yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
    xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
    sx, sy = math.sqrt(xx), math.sqrt(yy)
    rho = min(max(xy / (sx * sy), -RHO_MOST), RHO_MOST)
    return sx, sy, rho, x_u, x_v, y_u, y_v


def flow(points, parameters):
    """Displacement (n, 2) that flow parameters (8,) give points (n, 2) in centred coordinates."""
    a, b, c, d, e, f, g, h = parameters
    x, y = points.T
    both = g * x + h * y
    return np.column_stack([a + b * x + c * y + x * both, d + e * x + f * y + y * both])
