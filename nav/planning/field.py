"""Interpolate distances to all obstacles on one grid; walk along shafts through them (compiled)."""

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array

STEP = 0.25  # mm: the finest along a straight shaft; a wall of 2 mm radius is met to 0.003 mm
BENT_STEP = 0.8  # mm: the same along a displaced one, where a parabola is laid through three
COARSE_STEP = 4.0  # mm
# mm: interpolated straight, a distance is too large by less than this near a vessel
STRAIGHT_ERROR = 0.2

Stack = NDArray[np.float32]  # (obstacles, nx, ny, nz), mm


@njit(cache=True, nogil=True)
def linear(grid: NDArray[np.float32], x: float, y: float, z: float) -> float:  # pragma: no cover
    """Interpolate a grid trilinearly; beyond its border, at the border.

    Parameters
    ----------
    grid : ndarray of float32, shape (nx, ny, nz)
        Values at the nodes.
    x, y, z : float
        Fractional indices.

    Returns
    -------
    float
        In the unit of the grid's values.
    """
    nx, ny, nz = grid.shape
    x, y, z = (
        min(max(x, 0.0), nx - 1.001),
        min(max(y, 0.0), ny - 1.001),
        min(max(z, 0.0), nz - 1.001),
    )
    i, j, k = int(x), int(y), int(z)
    u, v, w = x - i, y - j, z - k
    a = (grid[i, j, k] * (1 - w) + grid[i, j, k + 1] * w) * (1 - v)
    a += (grid[i, j + 1, k] * (1 - w) + grid[i, j + 1, k + 1] * w) * v
    b = (grid[i + 1, j, k] * (1 - w) + grid[i + 1, j, k + 1] * w) * (1 - v)
    b += (grid[i + 1, j + 1, k] * (1 - w) + grid[i + 1, j + 1, k + 1] * w) * v
    return a * (1 - u) + b * u


@njit(cache=True, nogil=True)
def _weights(t: float) -> tuple[float, float, float, float]:  # pragma: no cover - compiled
    """Return the Catmull-Rom weights of the four nodes around a place."""
    return (
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )


@njit(cache=True, nogil=True)
def cubic(grid: NDArray[np.float32], x: float, y: float, z: float) -> float:  # pragma: no cover
    """Interpolate a grid with Catmull-Rom cubics; trilinearly within a node of its border.

    Parameters
    ----------
    grid : ndarray of float32, shape (nx, ny, nz)
        Values at the nodes.
    x, y, z : float
        Fractional indices.

    Returns
    -------
    float
        In the unit of the grid's values.
    """
    nx, ny, nz = grid.shape
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    if i < 1 or j < 1 or k < 1 or i > nx - 3 or j > ny - 3 or k > nz - 3:
        return linear(grid, x, y, z)
    p, q, r = _weights(x - i), _weights(y - j), _weights(z - k)
    total = 0.0
    for a in range(4):
        for b in range(4):
            row = 0.0
            for c in range(4):
                row += r[c] * grid[i - 1 + a, j - 1 + b, k - 1 + c]
            total += p[a] * q[b] * row
    return total


@njit(cache=True, nogil=True)
def walk_straight(
    stack: Stack,
    origin: Array,
    spacing: float,
    starts: Array,
    ends: Array,
    enough: float = 1e9,
    step: float = STEP,
) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Return the least distance of straight lines to each obstacle, and how far along it is.

    Parameters
    ----------
    stack : ndarray of float32, shape (obstacles, nx, ny, nz)
        Signed distances, mm.
    origin : ndarray, shape (3,)
        The grid's first node, model frame, mm.
    spacing : float
        Between nodes, mm.
    starts, ends : ndarray, shape (n, 3)
        Of the lines, model frame, mm.
    enough : float
        An obstacle that is further away than this, mm, is sampled every COARSE_STEP only.
    step : float
        The finest step, mm.

    Returns
    -------
    least : ndarray, shape (n, obstacles)
        Least distance, mm.
    place : ndarray, shape (n, obstacles)
        Where that is, mm from the start.
    """
    count = len(stack)
    least, place = np.empty((len(starts), count)), np.empty((len(starts), count))
    for n in range(len(starts)):
        sx, sy, sz = (ends[n] - starts[n]) / spacing
        length = np.sqrt(((ends[n] - starts[n]) ** 2).sum())
        sx, sy, sz = sx / length, sy / length, sz / length
        bx, by, bz = (starts[n] - origin) / spacing
        for s in range(count):
            best, at, t = 1e9, 0.0, 0.0
            # a first look, so that the walk can take long steps where nothing is near
            while t < length + COARSE_STEP:
                u = min(t, length)
                d = linear(stack[s], bx + u * sx, by + u * sy, bz + u * sz)
                if d < best:
                    best, at = d, u
                t += COARSE_STEP
            least[n, s], place[n, s] = best, at
            if best - COARSE_STEP / 2.0 > enough:
                continue
            best = cubic(stack[s], bx + at * sx, by + at * sy, bz + at * sz)
            t = 0.0
            while True:
                x, y, z = bx + t * sx, by + t * sy, bz + t * sz
                d = linear(stack[s], x, y, z)
                if d < best + STRAIGHT_ERROR:
                    d = cubic(stack[s], x, y, z)
                    if d < best:
                        best, at = d, t
                if t >= length:
                    break
                t = min(t + max(d - best - STRAIGHT_ERROR, step), length)
            least[n, s], place[n, s] = best, at
    return least, place


@njit(cache=True, nogil=True)
def displaced(
    start: Array, direction: Array, length: float, knee: float, m: Array, t: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Return where the point at depth t of a path is in a sample `m`.

    Parameters
    ----------
    start, direction : ndarray, shape (3,)
        The path's entry, mm, and unit vector, model frame.
    length : float
        Of the path, mm.
    knee : float
        Depth beyond which the bend is parabolic, mm.
    m : ndarray, shape (12,)
        The sample, as a row of `moved` of `walk_bent`, which has the equation.
    t : float
        Depth of the point, mm.

    Returns
    -------
    x, y, z : float
        Model frame, mm.
    """
    px, py, pz = (
        start[0] + t * direction[0],
        start[1] + t * direction[1],
        start[2] + t * direction[2],
    )
    far = length - t
    bend = t * max(1.0, t / knee) / (length * max(1.0, length / knee))
    return (
        px + m[0] + far * m[3] + bend * m[6] + m[10] * pz - m[11] * py,
        py + m[1] + far * m[4] + bend * m[7] + m[11] * px - m[9] * pz,
        pz + m[2] + far * m[5] + bend * m[8] + m[9] * py - m[10] * px,
    )


@njit(cache=True, nogil=True)
def walk_bent(
    stack: Stack,
    origin: Array,
    spacing: float,
    start: Array,
    end: Array,
    moved: Array,
    knee: float,
    which: NDArray[np.int64],
    hints: Array,
) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Return the least distance to each obstacle of one path, displaced differently in each sample.

    A point x at depth t of a path of length L goes to x + offset + (L - t) tilt + b(t) bend +
    rotation x (x): b is t / L, and parabolic beyond `knee`.

    Parameters
    ----------
    stack : ndarray of float32, shape (obstacles, nx, ny, nz)
        Signed distances, mm.
    origin : ndarray, shape (3,)
        The grid's first node, model frame, mm.
    spacing : float
        Between nodes, mm.
    start, end : ndarray, shape (3,)
        Of the path, model frame, mm.
    moved : ndarray, shape (samples, 12)
        Offset, mm; tilt; bend, mm; rotation, rad.
    knee : float
        Depth, mm.
    which : ndarray of int64, shape (k,)
        The obstacles of the stack that are examined.
    hints : ndarray, shape (k,)
        Depths, mm, that are likely to be the nearest to each: they only save time.

    Returns
    -------
    least : ndarray, shape (samples, k)
        Least distance, mm.
    place : ndarray, shape (samples, k)
        Its depth, mm.
    """
    count = len(which)
    least, place = np.empty((len(moved), count)), np.empty((len(moved), count))
    length = np.sqrt(((end - start) ** 2).sum())
    direction = (end - start) / length
    for n in range(len(moved)):
        m = moved[n]
        for s in range(count):
            grid = stack[which[s]]
            at = min(max(hints[s], 0.0), length)
            x, y, z = displaced(start, direction, length, knee, m, at)
            best = linear(
                grid,
                (x - origin[0]) / spacing,
                (y - origin[1]) / spacing,
                (z - origin[2]) / spacing,
            )
            t = 0.0
            while True:
                x, y, z = displaced(start, direction, length, knee, m, t)
                d = linear(
                    grid,
                    (x - origin[0]) / spacing,
                    (y - origin[1]) / spacing,
                    (z - origin[2]) / spacing,
                )
                if d < best:
                    best, at = d, t
                if t >= length:
                    break
                # the displaced path is hardly longer than the straight one
                t = min(t + max(0.95 * (d - best), BENT_STEP), length)
            least[n, s], place[n, s] = _lowest(
                grid, origin, spacing, start, direction, length, knee, m, at
            )
    return least, place


@njit(cache=True, nogil=True)
def _lowest(
    grid: NDArray[np.float32],
    origin: Array,
    spacing: float,
    start: Array,
    direction: Array,
    length: float,
    knee: float,
    m: Array,
    at: float,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return the least distance near a depth, by cubics and a parabola through three places."""
    middle = min(max(at, BENT_STEP), length - BENT_STEP)
    best, where = 1e9, at
    values = np.empty(3)
    for k in range(4):
        t = middle + (k - 1) * BENT_STEP
        if k == 3:
            bow = values[0] - 2.0 * values[1] + values[2]
            if bow <= 0.0:
                break
            shift = 0.5 * (values[0] - values[2]) / bow
            if abs(shift) > 1.0:
                break
            t = middle + shift * BENT_STEP
        x, y, z = displaced(start, direction, length, knee, m, t)
        d = cubic(
            grid, (x - origin[0]) / spacing, (y - origin[1]) / spacing, (z - origin[2]) / spacing
        )
        if k < 3:
            values[k] = d
        if d < best:
            best, where = d, t
    return best, where


@njit(cache=True, nogil=True)
def gradients(
    grid: NDArray[np.float32], origin: Array, spacing: float, points: Array
) -> Array:  # pragma: no cover - compiled
    """Return unit gradients of a grid of distances: away from the surface.

    Parameters
    ----------
    grid : ndarray of float32, shape (nx, ny, nz)
        Signed distances, mm.
    origin : ndarray, shape (3,)
        Its first node, model frame, mm.
    spacing : float
        Between nodes, mm.
    points : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Zero where the grid is constant.
    """
    result = np.zeros((len(points), 3))
    for n in range(len(points)):
        x, y, z = (points[n] - origin) / spacing
        result[n, 0] = cubic(grid, x + 0.5, y, z) - cubic(grid, x - 0.5, y, z)
        result[n, 1] = cubic(grid, x, y + 0.5, z) - cubic(grid, x, y - 0.5, z)
        result[n, 2] = cubic(grid, x, y, z + 0.5) - cubic(grid, x, y, z - 0.5)
        size = np.sqrt((result[n] ** 2).sum())
        if size > 0.0:
            result[n] /= size
    return result


@njit(cache=True, nogil=True)
def distances_at(
    grid: NDArray[np.float32], origin: Array, spacing: float, points: Array
) -> Array:  # pragma: no cover - compiled
    """Return the distances at points of a grid.

    Parameters
    ----------
    grid : ndarray of float32, shape (nx, ny, nz)
        Signed distances, mm.
    origin : ndarray, shape (3,)
        Its first node, model frame, mm.
    spacing : float
        Between nodes, mm.
    points : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray, shape (n,)
        mm.
    """
    result = np.empty(len(points))
    for n in range(len(points)):
        x, y, z = (points[n] - origin) / spacing
        result[n] = cubic(grid, x, y, z)
    return result
