"""Where a stack's parallel slices lie, whatever the stack: from a DICOM series or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

EXACT = 0.02  # mm: slices closer than this to where a regular grid has them are taken as they are


@dataclass(frozen=True)
class Placement:
    """Parallel slices of equal size, sorted along their normal.

    Parameters
    ----------
    axes : ndarray, shape (3, 3)
        Columns: unit vectors along rows (growing column number), down the columns, and the normal;
        right-handed, LPS.
    pixel : tuple of float
        Step from column to column and from row to row, mm.
    heights : ndarray, shape (n,)
        Of the slices along the normal, ascending, mm.
    offsets : ndarray, shape (n, 2)
        Of each slice's first pixel along the first two axes, mm.
    """

    axes: Array
    pixel: tuple[float, float]
    heights: Array
    offsets: Array

    @property
    def steps(self) -> Array:
        """Return the distances between neighbouring slices, shape (n - 1,), mm."""
        return np.diff(self.heights)

    @property
    def drift(self) -> float:
        """Return how far the first pixels lie apart across the normal, mm."""
        return float(np.ptp(self.offsets, axis=0).max())

    def lean(self) -> tuple[float, float]:
        """Fit the slice vector: how far the slices shift along rows and columns per mm upwards."""
        centred = self.heights - self.heights.mean()
        slopes = centred @ (self.offsets - self.offsets.mean(axis=0)) / (centred @ centred)
        return float(slopes[0]), float(slopes[1])

    def lean_residual(self) -> float:
        """Return the largest distance of a slice's first pixel from the fitted slice vector, mm."""
        centred = self.heights - self.heights.mean()
        expected = self.offsets.mean(axis=0) + centred[:, None] * np.array(self.lean())
        return float(np.abs(self.offsets - expected).max())


def slice_axes(orientation: Sequence[float]) -> Array | None:
    """Return unit axes (3, 3) of an ImageOrientationPatient; None where it is not perpendicular."""
    along_row, down_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(down_column)
    if min(lengths) < 0.5 or max(lengths) > 2.0:
        return None
    along_row, down_column = along_row / lengths[0], down_column / lengths[1]
    if abs(along_row @ down_column) > 1e-3:
        return None
    normal = np.cross(along_row, down_column)
    normal /= np.linalg.norm(normal)
    # spread what is left of the skew over both
    middle = along_row + down_column
    middle /= np.linalg.norm(middle)
    across = np.cross(normal, middle)
    return np.column_stack([(middle - across) / np.sqrt(2), (middle + across) / np.sqrt(2), normal])


def place(axes: Array, pixel: tuple[float, float], positions: ArrayLike) -> Placement:
    """Return the placement of slices whose first pixels are at positions (n, 3), sorted upwards."""
    along = np.asarray(positions, float) @ axes
    return Placement(axes, pixel, along[:, 2], along[:, :2])
