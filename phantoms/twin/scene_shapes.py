"""Simple shapes for the scene: boxes, solids of revolution, cloth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.frames import Array

Shape = tuple[Array, NDArray[np.int32]]  # vertices (n, 3), mm, triangles (m, 3)


def box(low: ArrayLike, high: ArrayLike) -> Shape:
    """Build a box between two corners.

    Parameters
    ----------
    low, high : array_like, shape (3,)
        Corners, mm.

    Returns
    -------
    Shape
        Vertices (n, 3), mm, and triangles (m, 3).
    """
    x0, y0, z0 = np.asarray(low, float)
    x1, y1, z1 = np.asarray(high, float)
    ring = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return loft(np.array([np.column_stack([ring, np.full(4, z)]) for z in (z0, z1)]))


def turned(axis: ArrayLike, corners: int = 64) -> Shape:
    """Build a solid of revolution about y.

    Parameters
    ----------
    axis : array_like, shape (n, 2)
        Radius and y of the outline, from the lower centre to the upper one, mm.
    corners : int, optional
        Corners around the axis.

    Returns
    -------
    Shape
        Vertices (n, 3), mm, and triangles (m, 3).
    """
    turn = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    # counter-clockwise seen from +y
    circle = np.column_stack([np.sin(turn), np.zeros(corners), np.cos(turn)])
    return loft(np.array([radius * circle + (0.0, y, 0.0) for radius, y in np.asarray(axis)]))


def loft(rings: Array) -> Shape:
    """Build a closed surface through rings, with convex ends.

    Parameters
    ----------
    rings : ndarray, shape (n, k, 3)
        Counter-clockwise seen from the last, mm.

    Returns
    -------
    Shape
        Vertices (n k, 3), mm, and triangles (m, 3).
    """
    n, k = rings.shape[:2]
    here = np.arange(k)
    there = (here + 1) % k
    faces = []
    for i in range(n - 1):
        a, b, c, d = i * k + here, i * k + there, (i + 1) * k + there, (i + 1) * k + here
        faces += [np.column_stack([a, b, c]), np.column_stack([a, c, d])]
    first = np.zeros(k - 2, int)
    second, third = np.arange(1, k - 1), np.arange(2, k)
    faces.append(np.column_stack([first, third, second]))
    faces.append((n - 1) * k + np.column_stack([first, second, third]))
    return rings.reshape(-1, 3), np.concatenate(faces).astype(np.int32)


def sheet(heights: Array, x: Array, z: Array) -> Shape:
    """Build an open height field that faces +y.

    Parameters
    ----------
    heights : ndarray, shape (n, m)
        y, mm.
    x : ndarray, shape (n,)
        In mm.
    z : ndarray, shape (m,)
        In mm.

    Returns
    -------
    Shape
        Vertices (n m, 3), mm, and triangles.
    """
    n, m = heights.shape
    grid = np.empty((n, m, 3))
    grid[..., 0], grid[..., 1], grid[..., 2] = x[:, None], heights, z[None, :]
    i, j = (k.ravel() for k in np.meshgrid(np.arange(n - 1), np.arange(m - 1), indexing="ij"))
    a = i * m + j
    b, c, d = a + m, a + m + 1, a + 1
    faces = np.concatenate([np.column_stack([a, d, c]), np.column_stack([a, c, b])])
    return grid.reshape(-1, 3), faces.astype(np.int32)
