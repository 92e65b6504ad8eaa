"""Signed distances of a surface on a regular grid, from the nearest triangle of each node [1]_.

Triangles are drawn into the nodes near them with exact distances; nodes further away try their
neighbours' nearest triangles, sweep by sweep (fast sweeping).

References
----------
.. [1] Bridson, Fluid Simulation for Computer Graphics, 2015; Tsai, J. Comput. Phys. 178, 2002.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.surface import Surface

BAND = 1  # nodes around a triangle's box that are given its exact distance
REACH = 12.0  # mm: further away a node only knows that it is further


@dataclass(frozen=True)
class Box:
    """Nodes of a regular grid along the axes of the model frame.

    Parameters
    ----------
    origin : ndarray, shape (3,)
        The first node, model frame, mm.
    spacing : float
        Between nodes along each axis, mm.
    shape : tuple of three int
        Number of nodes along x, y and z.
    """

    origin: Array
    spacing: float
    shape: tuple[int, int, int]

    @staticmethod
    def around(points: Array, margin: float, spacing: float) -> "Box":
        """Return the box around points with a margin.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            Model frame, mm.
        margin, spacing : float
            mm.

        Returns
        -------
        Box
            The smallest one whose nodes reach as far as the margin.
        """
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        shape = np.ceil((high - low) / spacing).astype(int) + 1
        return Box(low, spacing, (int(shape[0]), int(shape[1]), int(shape[2])))

    def holds(self, points: Array, margin: float = 0.0) -> bool:
        """Return whether points (n, 3), mm, all lie within the box by a margin, mm."""
        high = self.origin + self.spacing * (np.array(self.shape) - 1)
        return bool(((points >= self.origin + margin) & (points <= high - margin)).all())

    def nodes(self, indices: NDArray[np.int64]) -> Array:
        """Return the positions (k, 3) of nodes with indices (k, 3), mm."""
        at: Array = self.origin + self.spacing * indices
        return at


def distance_grid(surface: Surface, box: Box) -> NDArray[np.float32]:
    """Return the signed distances of a surface at a box's nodes, negative inside.

    Parameters
    ----------
    surface : Surface
        A closed surface, model frame, mm.
    box : Box
        The nodes.

    Returns
    -------
    ndarray of float32, shape box.shape
        mm, at most REACH outside. Exact near the surface; further away the triangle taken for the
        nearest may rarely be its neighbour.
    """
    return distance_and_triangle_grid(surface, box)[0]


def distance_and_triangle_grid(
    surface: Surface, box: Box
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return what `distance_grid` does, and the nearest triangle of each node.

    Parameters
    ----------
    surface : Surface
        A closed surface, model frame, mm.
    box : Box
        The nodes.

    Returns
    -------
    distances : ndarray of float32, shape box.shape
        As of `distance_grid`.
    which : ndarray of int32, shape box.shape
        Index of the nearest triangle; -1 where none is within REACH.
    """
    corners = (surface.vertices - box.origin)[surface.triangles]
    extent = box.spacing * (np.array(box.shape) - 1)
    low, high = corners.min(axis=1), corners.max(axis=1)
    near = ((low < extent + REACH) & (high > -REACH)).all(axis=1)
    distances, which = nearest_triangles(
        np.ascontiguousarray(corners[near]), box.shape[0], box.shape[1], box.shape[2], box.spacing
    )
    index = np.append(np.flatnonzero(near), -1).astype(np.int32)
    return _signed(distances, surface, box), index[which]


def _signed(distances: NDArray[np.float32], surface: Surface, box: Box) -> NDArray[np.float32]:
    """Return distances with their sign: beyond a step from the surface neighbours share it."""
    winding = surface.winding
    near = distances <= 1.01 * box.spacing
    at = np.argwhere(near)
    inside = np.zeros(box.shape, bool)
    inside[near] = winding.of_many(box.nodes(at)) != 0
    labels, count = ndimage.label(~near)
    if count:
        _, first = np.unique(labels, return_index=True)
        first = first[1:] if near.any() else first
        places = np.stack(np.unravel_index(first, box.shape), axis=1)
        is_inside = np.concatenate([[False], winding.of_many(box.nodes(places)) != 0])
        inside |= is_inside[labels]
    return np.where(inside, -distances, distances)


@njit(cache=True, nogil=True)
def closest_in_triangle(
    px: float, py: float, pz: float, t: Array
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return where in a triangle the closest point to a point is [1]_.

    Parameters
    ----------
    px, py, pz : float
        The point, mm.
    t : ndarray, shape (3, 3)
        The triangle's corners as rows, mm.

    Returns
    -------
    v, w : float
        Weights of the second and the third corner.

    References
    ----------
    .. [1] Ericson, Real-Time Collision Detection.
    """
    abx, aby, abz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    acx, acy, acz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    apx, apy, apz = px - t[0, 0], py - t[0, 1], pz - t[0, 2]
    d1 = abx * apx + aby * apy + abz * apz
    d2 = acx * apx + acy * apy + acz * apz
    v, w = 0.0, 0.0
    if d1 > 0.0 or d2 > 0.0:
        aa = abx * abx + aby * aby + abz * abz
        ab = abx * acx + aby * acy + abz * acz
        cc = acx * acx + acy * acy + acz * acz
        d3, d4 = d1 - aa, d2 - ab
        d5, d6 = d1 - ab, d2 - cc
        va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
        if d3 >= 0.0 and d4 <= d3:
            v = 1.0
        elif d6 >= 0.0 and d5 <= d6:
            w = 1.0
        elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
            v = d1 / (d1 - d3)
        elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
            w = d2 / (d2 - d6)
        elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
            w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
            v = 1.0 - w
        else:
            total = va + vb + vc
            if total > 0.0:
                v, w = vb / total, vc / total
    return v, w


@njit(cache=True, nogil=True)
def squared_distance(
    px: float, py: float, pz: float, t: Array
) -> float:  # pragma: no cover - compiled
    """Return the squared distance of a point to a triangle.

    Parameters
    ----------
    px, py, pz : float
        The point, mm.
    t : ndarray, shape (3, 3)
        The triangle's corners as rows, mm.

    Returns
    -------
    float
        mm².
    """
    v, w = closest_in_triangle(px, py, pz, t)
    u = 1.0 - v - w
    x = px - u * t[0, 0] - v * t[1, 0] - w * t[2, 0]
    y = py - u * t[0, 1] - v * t[1, 1] - w * t[2, 1]
    z = pz - u * t[0, 2] - v * t[1, 2] - w * t[2, 2]
    return x * x + y * y + z * z


@njit(cache=True, nogil=True)
def nearest_triangles(
    corners: Array, nx: int, ny: int, nz: int, spacing: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:  # pragma: no cover - compiled
    """Return the distance of each node of a grid to the nearest triangle, and which one that is.

    Parameters
    ----------
    corners : ndarray, shape (m, 3, 3)
        Triangles, mm from the first node.
    nx, ny, nz : int
        Nodes along each axis.
    spacing : float
        Between nodes, mm.

    Returns
    -------
    distances : ndarray of float32, shape (nx, ny, nz)
        Unsigned, mm, at most REACH.
    which : ndarray of int32, shape (nx, ny, nz)
        Index of the triangle; -1 where none is within REACH.
    """
    best = np.full((nx, ny, nz), REACH * REACH)
    which = np.full((nx, ny, nz), -1, np.int32)
    for m in range(len(corners)):
        t = corners[m]
        first, last = np.empty(3, np.int64), np.empty(3, np.int64)
        for k in range(3):
            first[k] = int(np.floor(min(t[0, k], t[1, k], t[2, k]) / spacing)) - BAND + 1
            last[k] = int(np.floor(max(t[0, k], t[1, k], t[2, k]) / spacing)) + BAND
        # a triangle beside the grid is drawn at its border
        for i in range(min(max(first[0], 0), nx - 1), max(min(last[0], nx - 1), 0) + 1):
            for j in range(min(max(first[1], 0), ny - 1), max(min(last[1], ny - 1), 0) + 1):
                for k in range(min(max(first[2], 0), nz - 1), max(min(last[2], nz - 1), 0) + 1):
                    d = squared_distance(i * spacing, j * spacing, k * spacing, t)
                    if d < best[i, j, k]:
                        best[i, j, k], which[i, j, k] = d, m
    for sweep in range(8):
        sx = 1 if sweep & 1 else -1
        sy = 1 if sweep & 2 else -1
        sz = 1 if sweep & 4 else -1
        for a in range(nx):
            i = a if sx > 0 else nx - 1 - a
            for b in range(ny):
                j = b if sy > 0 else ny - 1 - b
                for c in range(nz):
                    k = c if sz > 0 else nz - 1 - c
                    for n in range(1, 8):
                        p = i - sx if n & 1 else i
                        q = j - sy if n & 2 else j
                        r = k - sz if n & 4 else k
                        if p < 0 or q < 0 or r < 0 or p >= nx or q >= ny or r >= nz:
                            continue
                        m = which[p, q, r]
                        if m < 0 or m == which[i, j, k]:
                            continue
                        d = squared_distance(i * spacing, j * spacing, k * spacing, corners[m])
                        if d < best[i, j, k]:
                            best[i, j, k], which[i, j, k] = d, m
    return np.sqrt(best).astype(np.float32), which
