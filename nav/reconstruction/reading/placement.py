"""Position of a stack's parallel slices, from a DICOM series as well as from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.errors import InputError

Array = NDArray[np.float64]

# in a file's own unit, which may be metres or micrometres: beyond them squares and volumes in mm
# would soon overflow
LEAST_VOXEL, MOST_VOXEL, MOST_ORIGIN = 1e-7, 1e7, 1e9
FLATTEST = 1e-3  # volume of a voxel over that of a cuboid with the same edges
STEPS, FARTHEST = (1e-3, 100.0), 1e5  # mm, between voxels; from the origin
EXACT = 0.02  # mm: slices closer than this to a regular grid's are not resampled


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
        """Return the largest distance between first pixels across the normal, mm."""
        return float(np.ptp(self.offsets, axis=0).max())

    def lean(self) -> tuple[float, float]:
        """Fit the direction from slice to slice.

        Returns
        -------
        tuple of float
            Shift along rows and along columns per mm of height.
        """
        centred = self.heights - self.heights.mean()
        slopes = centred @ (self.offsets - self.offsets.mean(axis=0)) / (centred @ centred)
        return float(slopes[0]), float(slopes[1])

    def lean_residual(self) -> float:
        """Return the largest distance of a slice's first pixel from the fitted slice vector, mm."""
        centred = self.heights - self.heights.mean()
        expected = self.offsets.mean(axis=0) + centred[:, None] * np.array(self.lean())
        return float(np.abs(self.offsets - expected).max())


def slice_axes(orientation: Sequence[float]) -> Array | None:
    """Return the unit axes of an ImageOrientationPatient.

    Parameters
    ----------
    orientation : sequence of float
        6 direction cosines: along a row, down a column, LPS.

    Returns
    -------
    ndarray, shape (3, 3), or None
        Columns along rows, down columns, and the normal, LPS; None where rows and columns are not
        perpendicular or not of about unit length.
    """
    along_row, down_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(down_column)
    if min(lengths) < 0.5 or max(lengths) > 2.0:
        return None
    along_row, down_column = along_row / lengths[0], down_column / lengths[1]
    if abs(along_row @ down_column) > 1e-3:
        return None
    normal = np.cross(along_row, down_column)
    normal /= np.linalg.norm(normal)
    # distribute the remaining skew over both
    middle = along_row + down_column
    middle /= np.linalg.norm(middle)
    across = np.cross(normal, middle)
    return np.column_stack([(middle - across) / np.sqrt(2), (middle + across) / np.sqrt(2), normal])


def place(axes: Array, pixel: tuple[float, float], positions: ArrayLike) -> Placement:
    """Return the placement of slices from the positions of their first pixels.

    Parameters
    ----------
    axes : ndarray, shape (3, 3)
        Columns: along rows, down columns, normal; LPS.
    pixel : tuple of float
        Step from column to column and from row to row, mm.
    positions : array_like, shape (n, 3)
        Of each slice's first pixel, LPS, mm, sorted along the normal.

    Returns
    -------
    Placement
        Of the slices.
    """
    along = np.asarray(positions, float) @ axes
    return Placement(axes, pixel, along[:, 2], along[:, :2])


def refuse_absurd(what: str, steps: ArrayLike, places: ArrayLike) -> None:
    """Refuse steps and positions that no scanner produces: damaged headers.

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
        They are out of range.
    """
    a, b, c = np.asarray(steps, float)
    farthest = float(np.abs(np.asarray(places, float)).max())
    if not (STEPS[0] <= min(a, b, c) and max(a, b, c) <= STEPS[1] and farthest <= FARTHEST):
        raise InputError(
            f"{what}: its header gives voxels of {a:.3g} x {b:.3g} x {c:.3g} mm up to "
            f"{farthest:.3g} mm from the origin, which no scan has; is it damaged?"
        )


def is_upright(matrix: Array) -> bool:
    """Return whether a matrix is finite and no voxel of it flat, whatever its size.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        lps_from_voxel.

    Returns
    -------
    bool
        Whether it can be inverted.
    """
    if not np.isfinite(matrix).all():
        return False
    largest = np.abs(matrix[:3, :3]).max(axis=0)
    if not largest.min() > 0.0:
        return False
    edges = matrix[:3, :3] / largest  # or their squares would overflow
    edges = edges / np.linalg.norm(edges, axis=0)
    return bool(abs(float(np.linalg.det(edges))) >= FLATTEST)


def is_placed(matrix: Array) -> bool:
    """Return whether a matrix places voxels: finite, none flat, none beyond any scanner's.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        lps_from_voxel, in the unit of its file.

    Returns
    -------
    bool
        Whether voxels and places can be computed with.
    """
    if not is_upright(matrix):
        return False
    largest = np.abs(matrix[:3, :3]).max(axis=0)
    return bool(
        largest.min() >= LEAST_VOXEL
        and largest.max() <= MOST_VOXEL
        and np.abs(matrix[:3, 3]).max() <= MOST_ORIGIN
    )
