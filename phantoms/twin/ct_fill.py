"""How much of each voxel lies within a closed surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.openthreed import import_open3d

Fraction = NDArray[np.float32]  # (z, y, x), 0 to 1
ROWS = 2  # rays along x through each voxel's side, each way
AWAY = np.array([1.37e-3, 0.71e-3])  # offset of rays from their centres, share: misses edges


@dataclass(frozen=True)
class Grid:
    """A grid of voxels.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Centre of the first voxel, mm.
    spacing : ndarray, shape (3,)
        Of the voxels, x, y, z, mm.
    size : tuple of 3 ints
        Number of voxels, x, y, z.
    """

    origin: Array
    spacing: Array
    size: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of arrays: z, y, x."""
        return self.size[2], self.size[1], self.size[0]

    def around(self, vertices: Array, margin: int = 2) -> tuple[slice, slice, slice]:
        """Return the window (z, y, x) of the voxels that contain points (n, 3), with a margin.

        Parameters
        ----------
        vertices : ndarray, shape (n, 3)
            Points, mm.
        margin : int, optional
            Voxels to add on each side.

        Returns
        -------
        tuple of 3 slices
            z, y, x, within the grid.
        """
        low = np.floor((vertices.min(axis=0) - self.origin) / self.spacing).astype(int) - margin
        high = np.ceil((vertices.max(axis=0) - self.origin) / self.spacing).astype(int) + margin
        low, high = np.maximum(low, 0), np.minimum(high + 1, self.size)
        return tuple(slice(int(low[k]), int(high[k])) for k in (2, 1, 0))  # type: ignore[return-value]

    def points(self, window: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        """Return the centres (z, y, x, 3) of a window's voxels, mm."""
        z, y, x = (
            self.origin[k] + self.spacing[k] * np.arange(w.start, w.stop)
            for k, w in zip((2, 1, 0), window, strict=True)
        )
        grid = np.empty((len(z), len(y), len(x), 3), np.float32)
        grid[..., 0], grid[..., 1], grid[..., 2] = x, y[:, None], z[:, None, None]
        return grid


def filled(
    vertices: Array, triangles: NDArray[np.int32], grid: Grid, window: tuple[slice, slice, slice]
) -> Fraction:
    """Compute the share of each voxel of a window that is inside a closed surface.

    Exact along x; the mean over ROWS x ROWS rays across.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Of the surface, mm.
    triangles : ndarray of int, shape (m, 3)
        Of the surface.
    grid : Grid
        The grid.
    window : tuple of 3 slices
        z, y, x.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        0 to 1.
    """
    o3d = import_open3d()

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)),
        o3d.core.Tensor(triangles.astype(np.uint32)),
    )
    shape = tuple(w.stop - w.start for w in window)
    step = np.zeros((shape[0] * shape[1], shape[2] + 2))
    for k in range(ROWS * ROWS):
        rays, start = _rays(grid, window, k, float(vertices[:, 0].min()))
        found = scene.list_intersections(o3d.core.Tensor(rays))
        row = found["ray_ids"].numpy().astype(np.int64)
        x = rays[row, 0] + found["t_hit"].numpy()
        normals = _across(vertices, triangles)[found["primitive_ids"].numpy().astype(np.int64)]
        at = np.clip((x - start) / grid.spacing[0], 0.0, shape[2] - 1e-6)
        voxel = at.astype(np.int64)
        inside = np.where(normals < 0, 1.0, -1.0) / ROWS**2  # the ray enters or leaves
        rest = at - voxel
        flat = row * step.shape[1] + voxel
        step += (
            np.bincount(flat, inside * (1 - rest), step.size)
            + np.bincount(flat + 1, inside * rest, step.size)
        ).reshape(step.shape)
    share = np.cumsum(step, axis=1)[:, : shape[2]]
    return np.clip(share, 0.0, 1.0).astype(np.float32).reshape(shape)


def _rays(
    grid: Grid, window: tuple[slice, slice, slice], k: int, lowest: float
) -> tuple[NDArray[np.float32], float]:
    """Return one ray (n, 6) per row of voxels, and the x at which the first voxel begins.

    Rays begin before the surface's lowest x: what the grid cuts off counts.
    """
    part = (np.array(divmod(k, ROWS)) + 0.5 + AWAY) / ROWS - 0.5
    z, y = (
        grid.origin[axis] + grid.spacing[axis] * (np.arange(w.start, w.stop) + off)
        for axis, w, off in zip((2, 1), window[:2], part, strict=True)
    )
    start = float(grid.origin[0] + grid.spacing[0] * (window[2].start - 0.5))
    rays = np.zeros((len(z) * len(y), 6), np.float32)
    rays[:, 0], rays[:, 3] = min(start, lowest) - 1.0, 1.0
    rays[:, 1], rays[:, 2] = np.tile(y, len(z)), np.repeat(z, len(y))
    return rays, start


def _across(vertices: Array, triangles: NDArray[np.int32]) -> Array:
    """Return x of the triangles' normals, not normalised."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    return u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
