"""Voxelise closed surfaces: which voxel centres of a grid lie inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.surface import Surface

Mask = NDArray[np.bool_]
MARGIN = 1  # empty voxels around all structures
MOST_VOXELS = 400_000_000  # of a whole grid: 0.4 GB per layer


@dataclass(frozen=True)
class VoxelGrid:
    """The positions of voxels.

    Parameters
    ----------
    size : tuple of three int
        Number of voxels along x, y and z.
    model_from_voxel : ndarray, shape (4, 4)
        Maps indices (x, y, z, 1) of voxel centres to the model frame, mm.
    """

    size: tuple[int, int, int]
    model_from_voxel: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of arrays over the grid: (nz, ny, nx)."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def spacing(self) -> Array:
        """Steps along x, y and z, shape (3,), mm."""
        return np.asarray(np.linalg.norm(self.model_from_voxel[:3, :3], axis=0), float)

    def to_voxel(self, points: Array) -> Array:
        """Map points (n, 3) of the model frame, mm, to voxel indices (n, 3): x, y, z."""
        matrix = self.model_from_voxel
        return np.asarray(np.linalg.solve(matrix[:3, :3], (points - matrix[:3, 3]).T).T, float)


@dataclass(frozen=True)
class Block:
    """A part of a grid.

    Parameters
    ----------
    first : tuple of three int
        Index of its first voxel along x, y and z.
    values : ndarray of bool, shape (dz, dy, dx)
        Of the voxels from there.
    """

    first: tuple[int, int, int]
    values: Mask

    @property
    def window(self) -> tuple[slice, slice, slice]:
        """Slices of the block in an array (nz, ny, nx)."""
        x, y, z = self.first
        dz, dy, dx = self.values.shape
        return slice(z, z + dz), slice(y, y + dy), slice(x, x + dx)


def grid_over(low: Array, high: Array, spacing: float) -> VoxelGrid:
    """Return a grid along the axes of the model frame that holds a box, with a margin.

    Parameters
    ----------
    low, high : ndarray, shape (3,)
        Corners of the box, model frame, mm.
    spacing : float
        Of the voxels, mm.

    Returns
    -------
    VoxelGrid
        With nodes at multiples of the spacing.

    Raises
    ------
    InputError
        It would have too many voxels.
    """
    first = np.floor(low / spacing) - MARGIN
    count = (np.ceil(high / spacing) + MARGIN - first + 1).astype(int)
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = first * spacing
    grid = VoxelGrid((int(count[0]), int(count[1]), int(count[2])), matrix)
    refuse_too_fine(grid)
    return grid


def extended(grid: VoxelGrid, points: Array) -> tuple[VoxelGrid, tuple[int, int, int]]:
    """Return a grid that is longer by whole voxels, so that points lie within.

    Parameters
    ----------
    grid : VoxelGrid
        Kept as a part of the result.
    points : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    longer : VoxelGrid
        The grid, or a longer one.
    before : tuple of three int
        How many voxels were added before the first one, along x, y and z.

    Raises
    ------
    InputError
        It would have too many voxels.
    """
    index = grid.to_voxel(points)
    size = np.array(grid.size)
    low = np.floor(index.min(axis=0) + 1e-6).astype(int)
    high = np.ceil(index.max(axis=0) - 1e-6).astype(int)
    before = np.where(low < 0, MARGIN - low, 0)
    after = np.where(high > size - 1, high - size + 1 + MARGIN, 0)
    matrix = grid.model_from_voxel.copy()
    matrix[:3, 3] -= matrix[:3, :3] @ before
    x, y, z = (size + before + after).tolist()
    longer = VoxelGrid((x, y, z), matrix)
    refuse_too_fine(longer)
    bx, by, bz = before.tolist()
    return longer, (bx, by, bz)


def refuse_too_fine(grid: VoxelGrid) -> None:
    """Refuse a grid that no program would open.

    Parameters
    ----------
    grid : VoxelGrid
        Of a label map.

    Raises
    ------
    InputError
        It has too many voxels.
    """
    if math.prod(grid.size) > MOST_VOXELS:
        size, step = " x ".join(map(str, grid.size)), grid.spacing.min()
        raise InputError(
            f"a label map of {size} voxels of {step:.2g} mm would be too large; "
            f"give --spacing {2 * step:.2g}"
        )


def voxelise(surface: Surface, grid: VoxelGrid) -> Block:
    """Return which voxel centres of a grid lie inside a surface.

    Along each line of voxels the surface's signed crossings are added up, so that overlapping
    parts count as inside. Whether a line passes left or right of an edge is computed from the
    edge's ends in the same order for both of its triangles; a line that meets an edge passes it on
    a fixed side. So no crossing is lost or counted twice.

    Parameters
    ----------
    surface : Surface
        Closed, model frame.
    grid : VoxelGrid
        What lies outside of it is left out.

    Returns
    -------
    Block
        As large as the surface needs within the grid.
    """
    index = grid.to_voxel(surface.vertices)
    size = np.array(grid.size)
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, size)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, low, size)
    dx, dy, dz = (high - low).tolist()
    steps = np.zeros((dy, dx, dz + 1), np.int16)
    if steps.size and len(surface.triangles):
        _add_crossings(steps, index - low, np.ascontiguousarray(surface.triangles, np.int64))
    inside = np.cumsum(steps, axis=2, dtype=np.int16)[:, :, :dz] != 0
    x, y, z = low.tolist()
    return Block((x, y, z), np.ascontiguousarray(inside.transpose(2, 0, 1)))


@njit(cache=True, nogil=True)
def _add_crossings(
    steps: NDArray[np.int16], vertices: Array, triangles: NDArray[np.int64]
) -> None:  # pragma: no cover - compiled
    """Add 1 or -1 at the first voxel above each crossing of each line along z.

    steps : (ny, nx, nz + 1). vertices : (n, 3) in voxels. triangles : (m, 3).
    """
    ny, nx, nz = steps.shape[0], steps.shape[1], steps.shape[2] - 1
    area = np.empty(3)
    for n in range(len(triangles)):
        x, y = vertices[triangles[n], 0], vertices[triangles[n], 1]
        z = vertices[triangles[n], 2]
        for row in range(max(0, int(np.ceil(y.min()))), min(ny - 1, int(np.floor(y.max()))) + 1):
            for column in range(
                max(0, int(np.ceil(x.min()))), min(nx - 1, int(np.floor(x.max()))) + 1
            ):
                left = 0
                for j in range(3):
                    a, b = j, (j + 1) % 3
                    way = 1
                    if triangles[n, a] > triangles[n, b]:
                        a, b = b, a
                        way = -1
                    x0, y0, x1, y1 = x[a] - column, y[a] - row, x[b] - column, y[b] - row
                    area[j] = x0 * y1 - y0 * x1
                    side = 0
                    if area[j] > 0.0:
                        side = 1
                    elif area[j] < 0.0:
                        side = -1
                    elif y[a] != y[b]:  # as if the line ran slightly beside the edge
                        side = 1 if y[a] > y[b] else -1
                    elif x[a] != x[b]:
                        side = 1 if x[b] > x[a] else -1
                    left += side * way
                if abs(left) != 3:
                    continue
                total = abs(area[0]) + abs(area[1]) + abs(area[2])
                at = (z[0] + z[1] + z[2]) / 3.0
                if total > 0.0:
                    at = (abs(area[1]) * z[0] + abs(area[2]) * z[1] + abs(area[0]) * z[2]) / total
                steps[row, column, min(max(int(np.ceil(at)), 0), nz)] += left // 3
