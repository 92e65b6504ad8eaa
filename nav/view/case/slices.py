"""Resample slices of the scan across a model axis, for any orientation of the scan's grid."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from nav.core.frames import Array
from nav.reconstruction.volume import Volume
from nav.view.case.planes import Plane

OUTSIDE = -32768  # where there is no scan
CACHED = 48  # slices
ROUNDED = 1e-3  # mm: positions nearer than that are one slice


@dataclass(frozen=True, eq=False)
class Slice:
    """A slice of the scan.

    Parameters
    ----------
    values : ndarray of int16, shape (rows, columns)
        HU; OUTSIDE where there is no scan. Rows run down the picture, columns to its right.
    low, high : tuple of two float
        Model coordinates along the plane's axes of the upper left and the lower right corner of
        the picture (edges of pixels, not their centres), mm.
    """

    values: NDArray[np.int16]
    low: tuple[float, float]
    high: tuple[float, float]


def box(volume: Volume) -> tuple[Array, Array]:
    """Return the corners of the box along the model axes around a volume's voxels.

    Parameters
    ----------
    volume : Volume
        The scan.

    Returns
    -------
    low, high : ndarray, shape (3,)
        Model frame, mm.
    """
    last = np.array(volume.values.shape[::-1]) - 0.5
    corners = np.array(np.meshgrid(*((-0.5, n) for n in last), indexing="ij")).reshape(3, -1).T
    points = volume.to_model(corners)
    return points.min(axis=0), points.max(axis=0)


def contains(volume: Volume, point: Array) -> bool:
    """Return whether a point lies within the scan.

    Parameters
    ----------
    volume : Volume
        The scan.
    point : ndarray, shape (3,)
        Model frame, mm.

    Returns
    -------
    bool
        Voxels reach half a step beyond their centres.
    """
    index = volume.to_voxel(point[None])[0]
    return bool(
        (index >= -0.5).all() and (index <= np.array(volume.values.shape[::-1]) - 0.5).all()
    )


def extract(volume: Volume, plane: Plane, position: float) -> Slice:
    """Interpolate a slice linearly.

    Its pixels are as large as the scan's finest step.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    plane : Plane
        Of the slice.
    position : float
        Along the plane's normal, mm.

    Returns
    -------
    Slice
        Of the whole scan.
    """
    low, high = box(volume)
    step = float(volume.spacing.min())
    starts, counts, moves = [], [], []
    for axis, sign in zip((plane.down, plane.across), plane.signs[::-1], strict=True):
        count = max(1, round((high[axis] - low[axis]) / step))
        counts.append(count)
        middle = (low[axis] + high[axis]) / 2.0
        starts.append(middle - sign * step * (count - 1) / 2.0)
        moves.append(sign * step)
    first = np.zeros(3)
    first[plane.normal] = position
    first[[plane.down, plane.across]] = starts
    steps = np.zeros((3, 2))
    steps[plane.down, 0], steps[plane.across, 1] = moves
    voxel_from_model = np.linalg.inv(volume.model_from_voxel[:3, :3])
    origin = voxel_from_model @ (first - volume.origin)
    values = _sampled(volume.values, origin[::-1], (voxel_from_model @ steps)[::-1], counts)
    ends = [s + m * (n - 0.5) for s, m, n in zip(starts, moves, counts, strict=True)]
    begins = [s - 0.5 * m for s, m in zip(starts, moves, strict=True)]
    return Slice(values, (begins[1], begins[0]), (ends[1], ends[0]))


def _sampled(values: NDArray, origin: Array, steps: Array, counts: list[int]) -> NDArray[np.int16]:
    """Interpolate values (z, y, x) linearly on a grid: index = origin + steps @ (row, column).

    Voxels reach half a step beyond their centres, where the border's value is kept.
    """
    rows, columns = (np.arange(n, dtype=float) for n in counts)
    sizes = np.array(values.shape)
    # only the slab of the volume that the slice passes through is converted and filtered
    corners = origin[:, None] + steps @ np.array(
        [[0, 0, counts[0] - 1, counts[0] - 1], [0, counts[1] - 1, 0, counts[1] - 1]], float
    )
    first = np.clip(np.floor(corners.min(axis=1)).astype(int), 0, sizes - 1)
    last = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 1, first + 1, sizes)
    part = values[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    moved = origin - first
    matrix = np.zeros((3, 3))
    matrix[:, 1:] = steps
    sampled = affine_transform(
        part.astype(np.float32),
        matrix,
        offset=moved,
        output_shape=(1, *counts),
        order=1,
        mode="nearest",
    )[0]
    result = np.rint(sampled).astype(np.int16)
    outside = np.zeros(result.shape, bool)
    for axis in range(3):
        index = origin[axis] + steps[axis, 0] * rows[:, None] + steps[axis, 1] * columns[None, :]
        outside |= (index < -0.5) | (index > sizes[axis] - 0.5)
    result[outside] = OUTSIDE
    return result


class SliceCache:
    """The most recent slices of a scan.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._kept: OrderedDict[tuple[str, int], Slice] = OrderedDict()

    def slice(self, plane: Plane, position: float) -> Slice:
        """Return a slice, from memory if it is there; see `extract`."""
        key = (plane.name, round(position / ROUNDED))
        if key not in self._kept:
            self._kept[key] = extract(self.volume, plane, position)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return self._kept[key]


def value_at(volume: Volume, point: Array) -> float | None:
    """Return the HU of the voxel that holds a point.

    Parameters
    ----------
    volume : Volume
        The scan.
    point : ndarray, shape (3,)
        Model frame, mm.

    Returns
    -------
    float or None
        None outside the scan.
    """
    if not contains(volume, point):
        return None
    index = np.rint(volume.to_voxel(point[None])[0]).astype(int)
    x, y, z = np.clip(index, 0, np.array(volume.values.shape[::-1]) - 1)
    return float(volume.values[z, y, x])
