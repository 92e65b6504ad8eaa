"""Where a stack's parallel slices lie, whatever the stack: from a DICOM series or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.errors import InputError

Array = NDArray[np.float64]

# in a file's own unit, which may be metres or micrometres: beyond them squares and volumes of mm
# would soon be more than numbers hold
LEAST_VOXEL, MOST_VOXEL, MOST_ORIGIN = 1e-7, 1e7, 1e9
FLATTEST = 1e-3  # of a voxel's volume, by that of an upright one with the same edges
STEPS, FARTHEST = (1e-3, 100.0), 1e5  # mm, between voxels; from the origin
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


def refuse_absurd(what: str, steps: ArrayLike, places: ArrayLike) -> None:
    """Refuse steps and places that no scanner has: damaged headers.

    Parameters
    ----------
    what : str
        The file or folder, for the message.
    steps : array_like, shape (3,)
        Between voxels, mm.
    places : array_like
        Coordinates of voxels, mm.

    Raises
    ------
    InputError
    """
    a, b, c = np.asarray(steps, float)
    farthest = float(np.abs(np.asarray(places, float)).max())
    if not (STEPS[0] <= min(a, b, c) and max(a, b, c) <= STEPS[1] and farthest <= FARTHEST):
        raise InputError(
            f"{what}: its header gives voxels of {a:.3g} x {b:.3g} x {c:.3g} mm up to "
            f"{farthest:.3g} mm from the origin, which no scan has; is it damaged?"
        )


def is_placed(matrix: Array) -> bool:
    """Return whether a matrix places voxels: finite, none flat, none beyond any scanner's.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        lps_from_voxel, in the unit of its file.
    """
    if not np.isfinite(matrix).all():
        return False
    with np.errstate(all="ignore"):
        edges = np.linalg.norm(matrix[:3, :3], axis=0)
        if not (edges.min() >= LEAST_VOXEL and edges.max() <= MOST_VOXEL):
            return False
        upright = abs(float(np.linalg.det(matrix[:3, :3] / edges)))
    return bool(upright >= FLATTEST and np.abs(matrix[:3, 3]).max() <= MOST_ORIGIN)
