"""CT volume: Hounsfield units on a regular grid whose place in the model frame is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Volume:
    """Hounsfield units on a regular, rectangular, right-handed grid.

    Parameters
    ----------
    values : ndarray, shape (nz, ny, nx)
        HU, int16 or float32.
    model_from_voxel : ndarray, shape (4, 4)
        Maps voxel indices (x, y, z, 1) of voxel centres to the model frame (LPS), mm. Its columns
        are the grid's steps: mutually perpendicular, x mostly to the left, y mostly to posterior,
        z mostly to superior.
    """

    values: NDArray[np.int16] | NDArray[np.float32]
    model_from_voxel: Array

    @property
    def spacing(self) -> Array:
        """Return the grid's steps along x, y and z, shape (3,), mm."""
        return np.linalg.norm(self.model_from_voxel[:3, :3], axis=0)

    @property
    def origin(self) -> Array:
        """Return the centre of the first voxel, shape (3,), model frame, mm."""
        return self.model_from_voxel[:3, 3].copy()

    def to_model(self, indices: ArrayLike) -> Array:
        """Map voxel indices to the model frame.

        Parameters
        ----------
        indices : array_like, shape (n, 3) or (3,)
            In the order x, y, z.

        Returns
        -------
        ndarray, shape (n, 3) or (3,)
            Model frame, mm.
        """
        return np.asarray(indices, float) @ self.model_from_voxel[:3, :3].T + self.origin

    def to_voxel(self, points: ArrayLike) -> Array:
        """Map points of the model frame to voxel indices.

        Parameters
        ----------
        points : array_like, shape (n, 3)
            Model frame, mm.

        Returns
        -------
        ndarray, shape (n, 3)
            In the order x, y, z, not rounded.
        """
        steps = self.model_from_voxel[:3, :3]
        return np.asarray(
            np.linalg.solve(steps, (np.asarray(points, float) - self.origin).T).T, float
        )
