"""Voxel axes in the order and direction of the model frame: left, posterior, superior."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.reading.placement import Array
from nav.reconstruction.volume import Volume


def to_model_axes(
    values: NDArray[np.int16], model_from_voxel: Array
) -> tuple[Volume, tuple[int, int, int], tuple[bool, bool, bool]]:
    """Reorder and flip a volume's axes so that they point left, posterior and superior.

    No value changes, and no voxel changes its position.

    Parameters
    ----------
    values : ndarray, shape (n2, n1, n0)
        HU, int16, indexed by the last voxel axis first.
    model_from_voxel : ndarray, shape (4, 4)
        Maps indices (i0, i1, i2) to the model frame, mm; its columns are perpendicular.

    Returns
    -------
    volume : Volume
        The same voxels in the new order.
    order : tuple of int
        Which of the given axes became x, y and z.
    flipped : tuple of bool
        Whether these run in the opposite direction now.
    """
    steps = model_from_voxel[:3, :3]
    directions = steps / np.linalg.norm(steps, axis=0)
    order = max(
        permutations(range(3)),
        key=lambda axes: sum(abs(directions[row, axis]) for row, axis in enumerate(axes)),
    )
    flipped = tuple(bool(directions[row, axis] < 0) for row, axis in enumerate(order))
    matrix = np.eye(4)
    origin = model_from_voxel[:3, 3].copy()
    counts = values.shape[::-1]
    for row, (axis, turned) in enumerate(zip(order, flipped, strict=True)):
        matrix[:3, row] = -steps[:, axis] if turned else steps[:, axis]
        if turned:
            origin += steps[:, axis] * (counts[axis] - 1)
    matrix[:3, 3] = origin
    reordered = values.transpose([2 - axis for axis in reversed(order)])
    reordered = reordered[tuple(slice(None, None, -1 if f else 1) for f in reversed(flipped))]
    volume = Volume(np.ascontiguousarray(reordered), matrix)
    return volume, (order[0], order[1], order[2]), (flipped[0], flipped[1], flipped[2])
