"""Area sampling: how much light a patterned rectangle sends into each pixel.

A rectangle lies in its own plane (X to the right, Y down as seen from the front) and is divided
into cells, each of one brightness. A pixel whose four corners are in one cell has exactly that
cell's brightness (cells are convex and the view of a plane is projective); every other pixel's
square is cut along the cells' borders, which are straight in the image, and each part counts with
its area. Where the light varies along one of the plane's axes only, the parts' areas have a closed
form; otherwise the square is clipped, cell by cell. Point sampling, however fine, would not do: an
edge along the pixel rows is at the same position in all of them, and 16 x 16 samples per pixel
would put it up to 1/32 px off.
"""

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array


@njit(nogil=True, cache=True, error_model="numpy")
def _cell(edges, value):
    """Return the index of the interval that holds value; -1 before the first, the count after."""
    count = edges.shape[0]
    if value < edges[0]:
        return -1
    if value >= edges[count - 1]:
        return count - 1
    low, high = 0, count - 1
    while high - low > 1:
        middle = (low + high) // 2
        if value < edges[middle]:
            high = middle
        else:
            low = middle
    return low


@njit(nogil=True, cache=True, error_model="numpy")
def _cut(polygon, count, axis, edge, side, out):
    """Clip a polygon before (side 1) or behind (-1) a cell border; return its number of corners.

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


@njit(nogil=True, cache=True, error_model="numpy")
def _area(polygon, count):
    twice = 0.0
    last = count - 1
    for k in range(count):
        twice += polygon[last, 0] * polygon[k, 1] - polygon[k, 0] * polygon[last, 1]
        last = k
    return 0.5 * twice


@njit(nogil=True, cache=True, error_model="numpy")
def _clipped(x_edges, y_edges, light, corners, spans, work):
    """Return (light times area, area) of a pixel's parts in a span of cells, by clipping.

    corners : (4, 3), x w, y w and w of the pixel's corners on the plane. spans : first and last
    cell along x, then y. work : (4, 16, 5), buffer.
    """
    pixel, strip, part, half = work[0], work[1], work[2], work[3]
    for k in range(4):
        dv = k // 2
        pixel[k, 0], pixel[k, 1] = (k + dv) % 2, dv
        for c in range(3):
            pixel[k, 2 + c] = corners[k, c]
    total, cover = 0.0, 0.0
    for i in range(spans[0], spans[1] + 1):
        count = _cut(pixel, 4, 0, x_edges[i], 1.0, half)
        count = _cut(half, count, 0, x_edges[i + 1], -1.0, strip)
        for j in range(spans[2], spans[3] + 1):
            left = _cut(strip, count, 1, y_edges[j], 1.0, half)
            left = _cut(half, left, 1, y_edges[j + 1], -1.0, part)
            area = _area(part, left)
            total += light[j, i] * area
            cover += area
    return total, cover


@njit(nogil=True, cache=True, error_model="numpy")
def _corner_area(here, one, other):
    """Return the area that a line cuts off a unit square's corner.

    The arguments are the signed distances of the corner and its neighbours, up to a common factor;
    the same holds below.
    """
    return 0.5 * (here / (here - one)) * (here / (here - other))


@njit(nogil=True, cache=True, error_model="numpy")
def _side_area(first, across_first, second, across_second):
    """Return the area that a line cuts off beside a side of the square, whose ends come first."""
    return 0.5 * (first / (first - across_first) + second / (second - across_second))


@njit(nogil=True, cache=True, error_model="numpy")
def _area_before(corners, axis, edge):
    """Return the area of the pixel's square before a cell border across `axis`."""
    a = corners[0, axis] - edge * corners[0, 2]
    b = corners[1, axis] - edge * corners[1, 2]
    c = corners[2, axis] - edge * corners[2, 2]
    d = corners[3, axis] - edge * corners[3, 2]
    before = (a < 0.0) + 2 * (b < 0.0) + 4 * (c < 0.0) + 8 * (d < 0.0)
    if before == 0:
        return 0.0
    if before == 15:
        return 1.0
    if before == 3:
        return _side_area(a, d, b, c)
    if before == 12:
        return _side_area(d, a, c, b)
    if before == 9:
        return _side_area(a, b, d, c)
    if before == 6:
        return _side_area(b, a, c, d)
    if before == 1:
        return _corner_area(a, b, d)
    if before == 2:
        return _corner_area(b, a, c)
    if before == 4:
        return _corner_area(c, b, d)
    if before == 8:
        return _corner_area(d, a, c)
    if before == 14:
        return 1.0 - _corner_area(a, b, d)
    if before == 13:
        return 1.0 - _corner_area(b, a, c)
    if before == 11:
        return 1.0 - _corner_area(c, b, d)
    if before == 7:
        return 1.0 - _corner_area(d, a, c)
    if before == 5:
        return 1.0 - _corner_area(b, a, c) - _corner_area(d, a, c)
    return 1.0 - _corner_area(a, b, d) - _corner_area(c, b, d)


@njit(nogil=True, cache=True, error_model="numpy")
def _along(edges, light, fixed, axis, first, last, begins, ends, corners):
    """Return (light times area, area) where the light varies along one axis only.

    fixed : a cell along the other axis. begins, ends : whether the rectangle does so in the pixel.
    """
    total = 0.0
    start = _area_before(corners, axis, edges[first]) if begins else 0.0
    before = start
    for i in range(first, last + 1):
        after = 1.0
        if i < last or ends:
            after = _area_before(corners, axis, edges[i + 1])
        albedo = light[fixed, i] if axis == 0 else light[i, fixed]
        total += albedo * (after - before)
        before = after
    return total, before - start


@njit(nogil=True, cache=True, error_model="numpy")
def _alike(light, x_first, x_last, y_first, y_last):
    """Return the axes along which a span of cells has constant light: bit 1 is x, bit 2 is y."""
    along = 3
    for j in range(y_first, y_last + 1):
        for i in range(x_first, x_last + 1):
            if light[j, i] != light[j, x_first]:
                along &= 2
            if light[j, i] != light[y_first, i]:
                along &= 1
            if along == 0:
                return 0
    return along


@njit(nogil=True, cache=True, error_model="numpy")
def _covered(x_edges, y_edges, light, corners, x_low, x_high, y_low, y_high, work):
    """Return the mean (premultiplied light, cover) of one pixel, exactly.

    x_low ... y_high : smallest and largest cell of its corners, as `_cell` counts them.
    """
    columns, rows = light.shape[1], light.shape[0]
    x_first, x_last = max(x_low, 0), min(x_high, columns - 1)
    y_first, y_last = max(y_low, 0), min(y_high, rows - 1)
    inside_x, inside_y = x_low >= 0 and x_high < columns, y_low >= 0 and y_high < rows
    if inside_x or inside_y:
        alike = _alike(light, x_first, x_last, y_first, y_last)
        if inside_x and inside_y and alike == 3:
            return light[y_first, x_first], 1.0
        if inside_y and alike & 2:
            return _along(
                x_edges, light, y_first, 0, x_first, x_last, x_low < 0, x_high == columns, corners
            )
        if inside_x and alike & 1:
            return _along(
                y_edges, light, x_first, 1, y_first, y_last, y_low < 0, y_high == rows, corners
            )
    return _clipped(x_edges, y_edges, light, corners, (x_first, x_last, y_first, y_last), work)


def draw_rectangle(
    image: NDArray[np.floating],
    rays: Array,
    depth: NDArray[np.float32],
    window: tuple[int, int, int, int],
    origin: tuple[int, int],
    plane_from_ray: Array,
    x_edges: Array,
    y_edges: Array,
    light: Array,
    parts: int = 1,
) -> None:
    """Composite a patterned rectangle over `image`, in place.

    Parameters
    ----------
    image : ndarray, shape (h, w)
        The part of the image that begins at `origin`.
    rays : ndarray, shape (rows + 1, columns + 1, 2)
        Rays of the window's pixel corners.
    depth : ndarray of float32, shape (height, width)
        z of the static scene, mm; nearer things hide the rectangle. An array of shape (0, 0) hides
        nothing.
    window : tuple of 4 ints
        row0, row1, column0, column1 to draw in, full image's pixels.
    origin : tuple of 2 ints
        Row and column.
    plane_from_ray : ndarray, shape (steps, rows, 3, 3)
        For each instant of the exposure and each row of the window the homography from a ray (x, y,
        1) to the plane; its third entry is 1/z. One row serves all where rows == 1.
    x_edges, y_edges : ndarray, shape (nx + 1,) and (ny + 1,)
        Cell borders, mm.
    light : ndarray, shape (ny, nx)
        Light of the cells.
    parts : int, optional
        How many of the image's pixels a pixel of `depth` holds along each side.
    """
    _draw(image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges, light, parts)


@njit(nogil=True, cache=True, error_model="numpy")
def _to_plane(g, rays, x_edges, y_edges, plane, cells):
    """Map a row of pixel corners to the plane (n, 3), and find the cells (n, 2) that hold them."""
    for k in range(plane.shape[0]):
        u, v = rays[k, 0], rays[k, 1]
        w = g[2, 0] * u + g[2, 1] * v + g[2, 2]
        x, y = g[0, 0] * u + g[0, 1] * v + g[0, 2], g[1, 0] * u + g[1, 1] * v + g[1, 2]
        plane[k, 0], plane[k, 1], plane[k, 2] = x, y, w
        if w > 0.0:
            cells[k, 0], cells[k, 1] = _cell(x_edges, x / w), _cell(y_edges, y / w)


@njit(nogil=True, cache=True, error_model="numpy")
def _draw(image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges, light, parts):
    steps, row_count = plane_from_ray.shape[0], plane_from_ray.shape[1]
    row0, row1, column0, column1 = window
    width = column1 - column0
    columns, rows = x_edges.shape[0] - 1, y_edges.shape[0] - 1
    # the upper and the lower corners of a row of pixels, at each instant
    plane = np.empty((2, steps, width + 1, 3))
    cells = np.empty((2, steps, width + 1, 2), np.int64)
    corners = np.empty((4, 3))
    value = np.empty(width)
    alpha = np.empty(width)
    work = np.empty((4, 16, 5))
    for row in range(row0, row1):
        value[:] = 0.0
        alpha[:] = 0.0
        upper, lower = (row - row0) % 2, (row - row0 + 1) % 2
        for step in range(steps):
            g = plane_from_ray[step, row - row0 if row_count > 1 else 0]
            above, below = plane[upper, step], plane[lower, step]
            above_cells, below_cells = cells[upper, step], cells[lower, step]
            if row == row0 or row_count > 1:
                _to_plane(g, rays[row - row0], x_edges, y_edges, above, above_cells)
            _to_plane(g, rays[row - row0 + 1], x_edges, y_edges, below, below_cells)
            for k in range(width):
                if (
                    above[k, 2] <= 0.0
                    or above[k + 1, 2] <= 0.0
                    or below[k, 2] <= 0.0
                    or below[k + 1, 2] <= 0.0
                ):
                    continue
                a, b = above_cells[k, 0], above_cells[k + 1, 0]
                c, d = below_cells[k + 1, 0], below_cells[k, 0]
                x_low, x_high = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
                if x_high < 0 or x_low >= columns:
                    continue
                a, b = above_cells[k, 1], above_cells[k + 1, 1]
                c, d = below_cells[k + 1, 1], below_cells[k, 1]
                y_low, y_high = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
                if y_high < 0 or y_low >= rows:
                    continue
                if x_low == x_high and y_low == y_high:
                    value[k] += light[y_low, x_low]
                    alpha[k] += 1.0
                    continue
                for i in range(3):
                    corners[0, i], corners[1, i] = above[k, i], above[k + 1, i]
                    corners[2, i], corners[3, i] = below[k + 1, i], below[k, i]
                v, a = _covered(
                    x_edges, y_edges, light, corners, x_low, x_high, y_low, y_high, work
                )
                value[k] += v
                alpha[k] += a
        for k in range(width):
            if alpha[k] <= 0.0:
                continue
            column = column0 + k
            if depth.shape[0] > 0:
                g = plane_from_ray[steps // 2, row - row0 if row_count > 1 else 0]
                ray = rays[row - row0, k]
                w = g[2, 0] * ray[0] + g[2, 1] * ray[1] + g[2, 2]
                if w <= 0 or 1.0 / w > depth[row // parts, column // parts]:
                    continue
            r, c = row - origin[0], column - origin[1]
            image[r, c] = image[r, c] * (1.0 - alpha[k] / steps) + value[k] / steps
