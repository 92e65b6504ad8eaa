"""How often a closed surface winds round a point: exact, and fast enough for every frame."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.compiled import njit
from nav.core.frames import Array

MOST_CELLS = 512  # along a side of the grid
# cells that all triangles together may be entered in, per triangle
MOST_ENTRIES = 24


class TriangleEdges(NamedTuple):
    """The three edges of each triangle as a ray along an axis sees them.

    Parameters
    ----------
    lower, upper : ndarray, shape (m, 3, 2)
        Ends across the axis, that of the lower vertex index first.
    way : ndarray, shape (m, 3)
        1 where the triangle runs from lower to upper, else -1.
    tie : ndarray, shape (m, 3)
        The side on which a ray that meets the edge passes it, 1 or -1.
    heights : ndarray, shape (m, 3)
        Of the corner opposite each edge, along the axis.
    """

    lower: Array
    upper: Array
    way: Array
    tie: Array
    heights: Array


class TriangleGrid(NamedTuple):
    """Which triangles lie over each cell of a grid across the ray.

    Parameters
    ----------
    origin, per_mm : ndarray, shape (2,)
        A point's column and row are (point - origin) * per_mm.
    side : int
        Number of columns, and of rows.
    entries : ndarray of int
        Triangles, cell by cell.
    begins : ndarray, shape (side^2 + 1,), int
        Where each cell's entries begin.
    """

    origin: Array
    per_mm: Array
    side: int
    entries: NDArray[np.int64]
    begins: NDArray[np.int64]


class WindingNumber:
    """The winding number of a closed surface, from the signed crossings of a ray to infinity [1]_.

    The ray is along the axis in which the surface is shortest; triangles are looked up in a grid
    across it. Whether the ray passes left or right of an edge is computed from the edge's two ends
    in the same order for both of its triangles, and a ray that meets an edge or a vertex is taken
    to pass it on a fixed side (simulation of simplicity [2]_). So no crossing is lost or counted
    twice, and no second ray is needed.

    Parameters
    ----------
    vertices : array_like, shape (n, 3)
        In mm.
    triangles : array_like, shape (m, 3), int
        Of closed shells that face outwards: then the number is 1 inside, 0 outside, and 2 or more
        where shells overlap.

    References
    ----------
    .. [1] Jacobson et al., ACM Trans. Graphics 32(4), 2013.
    .. [2] Edelsbrunner and Mücke, ACM Trans. Graphics 9(1), 1990.
    """

    def __init__(self, vertices: ArrayLike, triangles: ArrayLike) -> None:
        points, faces = np.asarray(vertices, float), np.asarray(triangles, np.int64)
        ray = int(np.argmin(np.ptp(points, axis=0)))
        # a cyclic order keeps the handedness
        self._axes = ((ray + 1) % 3, (ray + 2) % 3, ray)
        flat, heights = points[:, self._axes[:2]], points[:, ray]
        starts, ends = faces, np.roll(faces, -1, axis=1)
        lower, upper = np.minimum(starts, ends), np.maximum(starts, ends)
        along = flat[upper] - flat[lower]
        # the side of a point moved by (e, e^2), e small, from the line through an edge
        tie = np.where(along[..., 1] != 0, -np.sign(along[..., 1]), np.sign(along[..., 0]))
        self._edges = TriangleEdges(
            flat[lower],
            flat[upper],
            np.where(starts < ends, 1.0, -1.0),
            np.where(tie == 0, 1.0, tie),
            heights[np.roll(faces, 1, axis=1)],
        )
        self._grid = _grid_over(flat[faces])

    def __call__(self, point: ArrayLike) -> int:
        """Return the winding number of the surface round a point (3,)."""
        return int(self.of_many(np.asarray(point, float)[None])[0])

    def of_many(self, points: ArrayLike) -> NDArray[np.int64]:
        """Return the winding number of the surface round each of points (k, 3)."""
        queries = np.ascontiguousarray(np.asarray(points, float)[:, self._axes])
        return signed_crossings(self._edges, self._grid, queries)


def _grid_over(corners: Array) -> TriangleGrid:
    """Make a grid of cells with the triangles (m, 3, 2) whose bounds meet each."""
    low, high = corners.min(axis=1), corners.max(axis=1)
    origin, extent = low.min(axis=0), np.ptp(corners.reshape(-1, 2), axis=0)
    extent = np.maximum(extent, np.finfo(float).tiny)
    side = int(np.clip(np.sqrt(len(corners)), 1, MOST_CELLS))
    while True:
        per_mm = side / extent
        first, last = (
            np.clip(((flat - origin) * per_mm).astype(np.int64), 0, side - 1)
            for flat in (low, high)
        )
        widths = last - first + 1
        counts = widths.prod(axis=1)
        if side == 1 or counts.sum() <= MOST_ENTRIES * len(corners):
            break
        side = max(side // 2, 1)
    owner = np.repeat(np.arange(len(corners)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    across = widths[owner, 1]
    cell = (first[owner, 0] + place // across) * side + first[owner, 1] + place % across
    order = np.argsort(cell, kind="stable")
    begins = np.searchsorted(cell[order], np.arange(side * side + 1))
    return TriangleGrid(origin, per_mm, side, owner[order], begins)


@njit(cache=True, nogil=True)
def signed_crossings(
    edges: TriangleEdges, grid: TriangleGrid, queries: Array
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Compute for each query how often a ray upwards leaves the surface more than it enters.

    Parameters
    ----------
    edges : TriangleEdges
        Of the surface.
    grid : TriangleGrid
        Of the same triangles.
    queries : ndarray, shape (k, 3)
        Points, mm, the ray's axis last.

    Returns
    -------
    ndarray, shape (k,), int
    """
    result = np.zeros(len(queries), np.int64)
    area = np.empty(3)
    for n in range(len(queries)):
        across, along, height = queries[n]
        column = (across - grid.origin[0]) * grid.per_mm[0]
        row = (along - grid.origin[1]) * grid.per_mm[1]
        if not (0.0 <= column <= grid.side and 0.0 <= row <= grid.side):
            continue
        cell = min(int(column), grid.side - 1) * grid.side + min(int(row), grid.side - 1)
        for k in grid.entries[grid.begins[cell] : grid.begins[cell + 1]]:
            left = 0
            for j in range(3):
                x0, y0 = edges.lower[k, j, 0] - across, edges.lower[k, j, 1] - along
                x1, y1 = edges.upper[k, j, 0] - across, edges.upper[k, j, 1] - along
                area[j] = x0 * y1 - y0 * x1
                side = edges.tie[k, j]
                if area[j] > 0.0:
                    side = 1.0
                elif area[j] < 0.0:
                    side = -1.0
                left += int(side * edges.way[k, j])
            if abs(left) != 3:
                continue
            total = abs(area[0]) + abs(area[1]) + abs(area[2])
            at = 0.0
            for j in range(3):
                weight = abs(area[j]) / total if total > 0.0 else 1.0 / 3.0
                at += weight * edges.heights[k, j]
            if at > height:
                result[n] += left // 3
    return result
