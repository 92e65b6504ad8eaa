"""What a marker should look like: its blurred pattern, pixel by pixel, with derivatives.

A marker's plane is measured in cells: the pattern (border included) spans 0 to n in x and y, as
seen from the front; the white zone goes round it. Blur is a Gaussian in the picture, of any shape,
so that it takes in defocus, motion and the pixel's own area; seen through the local scale of the
view it becomes one of (sx, sy) cells with correlation rho. The share of a cell is then the product
of two one-dimensional ones, exact along straight edges, and at cell corners the tetrachoric series
in rho (Pearson 1900), to the third term.
"""

import math

import numpy as np

from nav.camera.rays import ray_at
from nav.compiled import njit

GEOMETRY = 8  # flow of the plane: see `flow`
PHOTOMETRY = 4  # pattern, 1, pattern * x, pattern * y
BLUR = 3  # its covariance: uu, uv, vv, px^2
COLUMNS = GEOMETRY + PHOTOMETRY + BLUR
REACH = 3.5  # sd at which a Gaussian counts as zero
RIM_LEAST, RIM_MOST = 2.0, 3.0  # sd kept away from the white zone's rim, as its width allows
RHO_MOST = 0.85


@njit(nogil=True, cache=True, fastmath=True)
def _weights(position, spread, count, terms):
    """Share of each cell (index 0: white zone before, count + 1: after) under a Gaussian.

    Fills terms[0] with it, terms[1] and terms[2] with its derivatives by the position and by the
    spread, terms[3] with the third Hermite term; returns the range of cells.
    """
    first = min(max(math.floor(position - REACH * spread), -1), count)
    last = min(max(math.floor(position + REACH * spread), -1), count)
    weight, slope, widen, third = terms[0], terms[1], terms[2], terms[3]
    below_cdf, below_pdf, below_z = 0.0, 0.0, 0.0
    for cell in range(first, last + 1):
        if cell == last:
            above_cdf, above_pdf, above_z = 1.0, 0.0, 0.0
        else:
            above_z = (cell + 1 - position) / spread
            above_cdf = 0.5 * (1.0 + math.erf(above_z * 0.7071067811865476))
            above_pdf = 0.3989422804014327 * math.exp(-0.5 * above_z * above_z)
        weight[cell + 1] = above_cdf - below_cdf
        slope[cell + 1] = -(above_pdf - below_pdf) / spread
        widen[cell + 1] = -(above_pdf * above_z - below_pdf * below_z) / spread
        third[cell + 1] = (above_z * above_z - 1) * above_pdf - (below_z * below_z - 1) * below_pdf
        below_cdf, below_pdf, below_z = above_cdf, above_pdf, above_z
    return first, last


@njit(nogil=True, cache=True, fastmath=True)
def accumulate(
    image, grid, window, plane, ray_per_pixel, cells, zone, blur, guess, cut, moments, scratch
):
    """Sum of outer products of all pixels' derivative rows, for one marker in one picture.

    Parameters
    ----------
    image : (height, width) uint8. grid : the camera's RayGrid.grid.
    window : (row0, row1, column0, column1).
    plane : (3, 3) homography from a ray (x, y, 1) to the marker's plane, cells.
    ray_per_pixel : (2, 2) derivative of the ray by the pixel, at the marker.
    cells : (n, n) uint8, 1 white. zone : width of the white zone, cells.
    blur : (3,) covariance uu, uv, vv, px^2. guess : (PHOTOMETRY,) brightness of the last step, for
        the residuals.
    cut : residual, grey levels, from which a pixel is weighted down (Huber); 0: none is.
    moments : (COLUMNS + 1, COLUMNS + 1), out: the last row and column are the grey levels.
    scratch : (8, n + 2).

    Returns
    -------
    tuple
        Number of pixels used and sum of their weights.
    """
    moments[:] = 0.0
    n = cells.shape[0]
    half = n / 2.0
    row = np.empty(COLUMNS + 1)
    used, total_weight = 0, 0.0
    for v in range(window[0], window[1]):
        for u in range(window[2], window[3]):
            rx, ry = ray_at(grid, float(u), float(v))
            w = plane[2, 0] * rx + plane[2, 1] * ry + plane[2, 2]
            x = (plane[0, 0] * rx + plane[0, 1] * ry + plane[0, 2]) / w
            y = (plane[1, 0] * rx + plane[1, 1] * ry + plane[1, 2]) / w
            if x < -zone or y < -zone or x > n + zone or y > n + zone:
                continue
            x_rx, x_ry = (plane[0, 0] - x * plane[2, 0]) / w, (plane[0, 1] - x * plane[2, 1]) / w
            y_rx, y_ry = (plane[1, 0] - y * plane[2, 0]) / w, (plane[1, 1] - y * plane[2, 1]) / w
            x_u = x_rx * ray_per_pixel[0, 0] + x_ry * ray_per_pixel[1, 0]
            x_v = x_rx * ray_per_pixel[0, 1] + x_ry * ray_per_pixel[1, 1]
            y_u = y_rx * ray_per_pixel[0, 0] + y_ry * ray_per_pixel[1, 0]
            y_v = y_rx * ray_per_pixel[0, 1] + y_ry * ray_per_pixel[1, 1]
            # covariance of the blur in plane coordinates
            xx = x_u * x_u * blur[0] + 2 * x_u * x_v * blur[1] + x_v * x_v * blur[2]
            yy = y_u * y_u * blur[0] + 2 * y_u * y_v * blur[1] + y_v * y_v * blur[2]
            xy = x_u * y_u * blur[0] + (x_u * y_v + x_v * y_u) * blur[1] + x_v * y_v * blur[2]
            sx, sy = math.sqrt(xx), math.sqrt(yy)
            # light from beyond the white zone is unknown: keep away from its rim
            rim_x = min(max(zone / sx - 0.5, RIM_LEAST), RIM_MOST) * sx
            rim_y = min(max(zone / sy - 0.5, RIM_LEAST), RIM_MOST) * sy
            if x < -zone + rim_x or x > n + zone - rim_x:
                continue
            if y < -zone + rim_y or y > n + zone - rim_y:
                continue
            x0, x1 = _weights(x, sx, n, scratch[:4])
            y0, y1 = _weights(y, sy, n, scratch[4:])
            rho = min(max(xy / (sx * sy), -RHO_MOST), RHO_MOST)
            first = rho * sx * sy
            second = 0.5 * rho * first
            third = rho * rho * rho / 6.0
            value, by_x, by_y, by_sx, by_sy, by_xy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(y0, y1 + 1):
                for i in range(x0, x1 + 1):
                    if 0 <= i < n and 0 <= j < n and cells[j, i] == 0:
                        continue
                    value += (
                        scratch[0, i + 1] * scratch[4, j + 1]
                        + first * scratch[1, i + 1] * scratch[5, j + 1]
                        + second * scratch[2, i + 1] * scratch[6, j + 1]
                        + third * scratch[3, i + 1] * scratch[7, j + 1]
                    )
                    by_x += scratch[1, i + 1] * scratch[4, j + 1]
                    by_y += scratch[0, i + 1] * scratch[5, j + 1]
                    by_sx += scratch[2, i + 1] * scratch[4, j + 1]
                    by_sy += scratch[0, i + 1] * scratch[6, j + 1]
                    by_xy += scratch[1, i + 1] * scratch[5, j + 1]
            # flow in plane coordinates centred and scaled to the marker
            cx, cy = (x - half) / half, (y - half) / half
            both = cx * by_x + cy * by_y
            row[0], row[1], row[2] = by_x, by_x * cx, by_x * cy
            row[3], row[4], row[5] = by_y, by_y * cx, by_y * cy
            row[6], row[7] = both * cx, both * cy
            row[8], row[9], row[10], row[11] = value, 1.0, value * cx, value * cy
            by_xx, by_yy = by_sx / (2 * sx), by_sy / (2 * sy)
            row[12] = by_xx * x_u * x_u + by_yy * y_u * y_u + by_xy * x_u * y_u
            row[13] = 2 * by_xx * x_u * x_v + 2 * by_yy * y_u * y_v
            row[13] += by_xy * (x_u * y_v + x_v * y_u)
            row[14] = by_xx * x_v * x_v + by_yy * y_v * y_v + by_xy * x_v * y_v
            row[15] = image[v, u]
            residual = row[15] - guess[0] * value - guess[1]
            residual -= guess[2] * row[10] + guess[3] * row[11]
            weight = 1.0
            if cut > 0.0 and abs(residual) > cut:
                weight = cut / abs(residual)
            used += 1
            total_weight += weight
            for a in range(COLUMNS + 1):
                scaled = weight * row[a]
                for b in range(a, COLUMNS + 1):
                    moments[a, b] += scaled * row[b]
    for a in range(COLUMNS + 1):
        for b in range(a):
            moments[a, b] = moments[b, a]
    return used, total_weight


def flow(points, parameters):
    """Displacement (n, 2) that flow parameters (8,) give points (n, 2) in centred coordinates."""
    a, b, c, d, e, f, g, h = parameters
    x, y = points.T
    both = g * x + h * y
    return np.column_stack([a + b * x + c * y + x * both, d + e * x + f * y + y * both])
