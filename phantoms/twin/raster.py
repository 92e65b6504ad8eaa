"""Area sampling: how much light a patterned rectangle sends into each pixel.

A rectangle lies in its own plane (X to the right, Y down as seen from the front) and is divided
into cells, each of one brightness. A pixel whose four corners fall into one cell is that cell's
exactly (cells are convex and the view of a plane is projective); every other pixel is sampled on a
regular grid of sub-pixels.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nav.frames import Array

SAMPLES = 16  # per pixel side


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
def _sampled(x_edges, y_edges, light, g, r00, r01, r10, r11, samples, shift_u, shift_v):
    """Mean (premultiplied light, cover) of one pixel; r.. are its corners' rays.

    The grid of samples is shifted within its own step (0.5: centred).
    """
    total, cover = 0.0, 0.0
    for j in range(samples):
        fv = (j + shift_v) / samples
        for i in range(samples):
            fu = (i + shift_u) / samples
            x = (r00[0] * (1 - fu) + r01[0] * fu) * (1 - fv) + (
                r10[0] * (1 - fu) + r11[0] * fu
            ) * fv
            y = (r00[1] * (1 - fu) + r01[1] * fu) * (1 - fv) + (
                r10[1] * (1 - fu) + r11[1] * fu
            ) * fv
            w = g[2, 0] * x + g[2, 1] * y + g[2, 2]
            if w <= 0:
                continue
            cx = _cell(x_edges, (g[0, 0] * x + g[0, 1] * y + g[0, 2]) / w)
            cy = _cell(y_edges, (g[1, 0] * x + g[1, 1] * y + g[1, 2]) / w)
            if cx >= 0 and cy >= 0:
                total += light[cy, cx]
                cover += 1.0
    count = samples * samples
    return total / count, cover / count


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
    samples: int = SAMPLES,
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
    samples : sub-pixels a pixel side.
    """
    _draw(
        image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges,
        light, samples, sample_shifts(len(plane_from_ray)),
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _draw(
    image, rays, depth, window, origin, plane_from_ray, x_edges, y_edges, light,
    samples, shifts,
):  # fmt: skip
    steps, row_count = plane_from_ray.shape[0], plane_from_ray.shape[1]
    row0, row1, column0, column1 = window
    columns_per_row = x_edges.shape[0] - 1
    below = np.empty(column1 - column0 + 1, np.int64)
    above = np.empty(column1 - column0 + 1, np.int64)
    value = np.empty(column1 - column0)
    alpha = np.empty(column1 - column0)
    # an exposure of many instants shares its samples among them: never fewer in total
    per_step = max(4, int(np.ceil(samples / np.sqrt(steps))))
    for row in range(row0, row1):
        value[:] = 0.0
        alpha[:] = 0.0
        for step in range(steps):
            g = plane_from_ray[step, row - row0 if row_count > 1 else 0]
            shift_u, shift_v = shifts[step]
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
                v, a = _sampled(
                    x_edges,
                    y_edges,
                    light,
                    g,
                    rays[row, column],
                    rays[row, column + 1],
                    rays[row + 1, column],
                    rays[row + 1, column + 1],
                    per_step,
                    shift_u,
                    shift_v,
                )
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


def sample_shifts(steps: int) -> Array:
    """Where in its step each instant's grid of samples lies, (steps, 2); the mean is the middle.

    The instants' grids fall between each other (golden ratio order), so that together they sample
    as finely as one dense grid.
    """
    order = np.arange(steps)[:, None] * [0.7548776662, 0.5698402910] % 1.0
    return (np.argsort(np.argsort(order, axis=0), axis=0) + 0.5) / steps


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
