"""Area sampling: how much light a patterned rectangle sends into each pixel.

A rectangle lies in its own plane (X to the right, Y down as seen from the front) and is divided
into cells, each of one brightness. A pixel whose four corners fall into one cell is that cell's
exactly (cells are convex and the view of a plane is projective); every other pixel's square is cut
along the cells' borders, which are straight in the picture, and each part counts with its area.
Sampling, however fine, would not do: an edge along the pixels' rows lies alike in all of them, and
16 x 16 samples a pixel would put it up to 1/32 px off.
"""

import numpy as np
from numpy.typing import NDArray

from nav.compiled import njit
from nav.frames import Array


@njit(nogil=True, cache=True)
def _cell(edges, value):
    """Index of the interval that holds value; -1 before the first edge or after the last."""
    count = edges.shape[0]
    if value < edges[0] or value >= edges[count - 1]:
        return -1
    low, high = 0, count - 1
    while high - low > 1:
        middle = (low + high) // 2
        if value < edges[middle]:
            high = middle
        else:
            low = middle
    return low


@njit(nogil=True, cache=True)
def _cut(polygon, count, axis, edge, side, out):
    """Part of a polygon before (side 1) or behind (-1) a cell border; returns its corners' number.

    A corner is u, v in the pixel and x w, y w, w of the plane, all linear along the sides.
    """
    made = 0
    last = count - 1
    before = side * (polygon[last, 2 + axis] - edge * polygon[last, 4])
    for k in range(count):
        now = side * (polygon[k, 2 + axis] - edge * polygon[k, 4])
        if (before < 0.0) != (now < 0.0):
            share = before / (before - now)
            for c in range(5):
                out[made, c] = polygon[last, c] + share * (polygon[k, c] - polygon[last, c])
            made += 1
        if now >= 0.0:
            out[made] = polygon[k]
            made += 1
        last, before = k, now
    return made


@njit(nogil=True, cache=True)
def _area(polygon, count):
    twice = 0.0
    last = count - 1
    for k in range(count):
        twice += polygon[last, 0] * polygon[k, 1] - polygon[k, 0] * polygon[last, 1]
        last = k
    return 0.5 * twice


@njit(nogil=True, cache=True)
def _span(edges, pixel, axis):
    """First and last cell that a pixel's corners reach along one axis; none where last < first."""
    low, high = np.inf, -np.inf
    for k in range(4):
        at = pixel[k, 2 + axis] / pixel[k, 4]
        low, high = min(low, at), max(high, at)
    end = edges.shape[0] - 1
    if high <= edges[0] or low >= edges[end]:
        return 0, -1
    first = 0 if low <= edges[0] else _cell(edges, low)
    last = end - 1 if high >= edges[end] else _cell(edges, high)
    return first, last


@njit(nogil=True, cache=True)
def _covered(x_edges, y_edges, light, g, rays, row, column, work):
    """Mean (premultiplied light, cover) of one pixel, exactly; work (4, 16, 5) is scratch."""
    pixel, strip, part, half = work[0], work[1], work[2], work[3]
    for k in range(4):
        dv = k // 2
        du = (k + dv) % 2
        ray = rays[row + dv, column + du]
        pixel[k, 0], pixel[k, 1] = du, dv
        for c in range(3):
            pixel[k, 2 + c] = g[c, 0] * ray[0] + g[c, 1] * ray[1] + g[c, 2]
        if pixel[k, 4] <= 0.0:
            return 0.0, 0.0
    x_first, x_last = _span(x_edges, pixel, 0)
    y_first, y_last = _span(y_edges, pixel, 1)
    total, cover = 0.0, 0.0
    for i in range(x_first, x_last + 1):
        count = _cut(pixel, 4, 0, x_edges[i], 1.0, half)
        count = _cut(half, count, 0, x_edges[i + 1], -1.0, strip)
        for j in range(y_first, y_last + 1):
            corners = _cut(strip, count, 1, y_edges[j], 1.0, half)
            corners = _cut(half, corners, 1, y_edges[j + 1], -1.0, part)
            area = _area(part, corners)
            total += light[j, i] * area
            cover += area
    return total, cover


@njit(nogil=True, cache=True)
def _corner_cell(x_edges, y_edges, g, ray):
    w = g[2, 0] * ray[0] + g[2, 1] * ray[1] + g[2, 2]
    if w <= 0:
        return -2
    cx = _cell(x_edges, (g[0, 0] * ray[0] + g[0, 1] * ray[1] + g[0, 2]) / w)
    cy = _cell(y_edges, (g[1, 0] * ray[0] + g[1, 1] * ray[1] + g[1, 2]) / w)
    if cx < 0 or cy < 0:
        return -1
    return cy * (x_edges.shape[0] - 1) + cx


def draw_rectangle(
    image: Array,
    rays: Array,
    depth: NDArray[np.float32],
    window: tuple[int, int, int, int],
    origin: tuple[int, int],
    plane_from_ray: Array,
    x_edges: Array,
    y_edges: Array,
    light: Array,
) -> None:
    """Composite a patterned rectangle over `image`, in place.

    Parameters
    ----------
    image : array (h, w) float64: the picture's part that begins at `origin` (row, column).
    rays : array (height + 1, width + 1, 2): rays of all pixel corners of the camera.
    depth : array (height, width) float32: z of what stands still, mm; nearer things hide the
        rectangle. An array of shape (0, 0) hides nothing.
    window : (row0, row1, column0, column1) to draw in, full picture's pixels.
    plane_from_ray : array (steps, rows, 3, 3): for each instant of the exposure and each row of the
        window the homography from a ray (x, y, 1) to the plane; its third entry is 1/z. One row
        serves all where rows == 1.
    x_edges, y_edges : cell borders, mm. light : array (ny, nx).
    """
    _draw(image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges, light)


@njit(nogil=True, cache=True)
def _draw(image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges, light):
    steps, row_count = plane_from_ray.shape[0], plane_from_ray.shape[1]
    row0, row1, column0, column1 = window
    columns_per_row = x_edges.shape[0] - 1
    below = np.empty(column1 - column0 + 1, np.int64)
    above = np.empty(column1 - column0 + 1, np.int64)
    value = np.empty(column1 - column0)
    alpha = np.empty(column1 - column0)
    work = np.empty((4, 16, 5))
    for row in range(row0, row1):
        value[:] = 0.0
        alpha[:] = 0.0
        for step in range(steps):
            g = plane_from_ray[step, row - row0 if row_count > 1 else 0]
            fresh = row == row0 or row_count > 1 or steps > 1
            for k in range(column1 - column0 + 1):
                # the last row's lower corners are this one's upper ones
                above[k] = (
                    below[k]
                    if not fresh
                    else _corner_cell(x_edges, y_edges, g, rays[row, column0 + k])
                )
                below[k] = _corner_cell(x_edges, y_edges, g, rays[row + 1, column0 + k])
            for k in range(column1 - column0):
                column = column0 + k
                cell = above[k]
                if cell == above[k + 1] and cell == below[k] and cell == below[k + 1]:
                    if cell < 0 and not _may_touch(x_edges, y_edges, g, rays, row, column):
                        continue
                    if cell >= 0:
                        value[k] += light[cell // columns_per_row, cell % columns_per_row]
                        alpha[k] += 1.0
                        continue
                v, a = _covered(x_edges, y_edges, light, g, rays, row, column, work)
                value[k] += v
                alpha[k] += a
        for k in range(column1 - column0):
            if alpha[k] <= 0.0:
                continue
            column = column0 + k
            if depth.shape[0] > 0:
                g = plane_from_ray[steps // 2, row - row0 if row_count > 1 else 0]
                ray = rays[row, column]
                w = g[2, 0] * ray[0] + g[2, 1] * ray[1] + g[2, 2]
                if w <= 0 or 1.0 / w > depth[row, column]:
                    continue
            r, c = row - origin[0], column - origin[1]
            image[r, c] = image[r, c] * (1.0 - alpha[k] / steps) + value[k] / steps


@njit(nogil=True, cache=True)
def _may_touch(x_edges, y_edges, g, rays, row, column):
    """Whether a pixel with all corners outside may still hold a part (thin things, corners)."""
    x_low = y_low = np.inf
    x_high = y_high = -np.inf
    for dr in range(2):
        for dc in range(2):
            ray = rays[row + dr, column + dc]
            w = g[2, 0] * ray[0] + g[2, 1] * ray[1] + g[2, 2]
            if w <= 0:
                return False
            x = (g[0, 0] * ray[0] + g[0, 1] * ray[1] + g[0, 2]) / w
            y = (g[1, 0] * ray[0] + g[1, 1] * ray[1] + g[1, 2]) / w
            x_low, x_high = min(x_low, x), max(x_high, x)
            y_low, y_high = min(y_low, y), max(y_high, y)
    return (
        x_high >= x_edges[0]
        and x_low < x_edges[-1]
        and y_high >= y_edges[0]
        and y_low < y_edges[-1]
    )
