"""Apex of a divot below the voxel: the part round it, blurred as in the scan, is fitted to it.

The cone is as narrow as the blur, so its edges shift each other; a model of the whole surroundings
has no such bias. Levels of wall and infill are free, the point spread is the print's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from nav.core.errors import Lost
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.fine_pose import FoundPart
from nav.reconstruction.printed.kit import KitDivot
from nav.reconstruction.printed.kit_location import signed_distance
from nav.reconstruction.volume import Array, Volume

RADIUS = 5.0  # mm round the divot's middle, where model and scan are compared
STEP = 0.3  # mm, of the model's grid
ROOM = 2.5  # mm, of the model beyond RADIUS
ITERATIONS = 12
MOST_SHIFT = 1.5  # mm, from its position in the part's pose
MOST_RESIDUAL = 0.22  # of the step from air to wall: more is not a divot
MOST_FILLED = 0.2  # of the same step, within the cone: more means no hole, or a filled one
LEAST_STEP = 300.0  # HU, from air to wall
FLOOR, SYSTEMATIC = 0.02, 0.05  # mm; of the voxel: errors of assumed levels and point spread


@dataclass(frozen=True)
class FoundDivot:
    """A divot in a scan.

    Parameters
    ----------
    divot : KitDivot
        As designed.
    apex : ndarray, shape (3,)
        Scan frame, mm.
    covariance : ndarray, shape (3, 3)
        Of the apex, scan frame, mm^2.
    residual : float
        Rms, as a share of the step from air to wall.
    """

    divot: KitDivot
    apex: Array
    covariance: Array
    residual: float


def find_divot(volume: Volume, divot: KitDivot, found: FoundPart) -> FoundDivot | Lost:
    """Find a divot in a scan.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    divot : KitDivot
        As designed.
    found : FoundPart
        The part that holds it, in the scan.

    Returns
    -------
    FoundDivot or Lost
        Lost where it lies outside, or the scan shows no such cone.
    """
    look, pose = found.look, found.scan_from_model
    apex = pose.apply(divot.apex)
    middle = apex + 0.5 * divot.depth * pose.rotation.apply(divot.axis)
    inner, values = _voxels(volume, middle)
    if not len(values):
        return Lost("divot_outside")
    axes = volume.model_from_voxel[:3, :3] / volume.spacing
    local = (inner - middle) @ axes  # along the scan's axes
    shell, core = _model(found, middle, axes)
    count = shell.shape[0]
    shift: Array = np.zeros(3)
    residual: Array = np.zeros(len(values))
    solution: Array = np.zeros(3)
    noise = 0.0
    left = np.eye(6)
    for _ in range(ITERATIONS):
        at = ((local - shift) / STEP + 0.5 * (count - 1)).T
        columns = [np.ones(len(local)), _at(shell, at), _at(core, at)]
        basis = np.column_stack(columns)
        solution = np.asarray(np.linalg.lstsq(basis, values, rcond=None)[0], float)
        residual = np.asarray(values - basis @ solution, float)
        slopes = []
        for axis in range(3):
            ahead, behind = at.copy(), at.copy()
            ahead[axis] += 0.5
            behind[axis] -= 0.5
            step = [
                solution[1] * _at(shell, p) + solution[2] * _at(core, p) for p in (ahead, behind)
            ]
            slopes.append(-(step[0] - step[1]) / STEP)
        rows = np.column_stack([*slopes, basis])
        left = rows.T @ rows
        move = np.linalg.solve(left + 1e-9 * np.trace(left) * np.eye(6), rows.T @ residual)[:3]
        shift = shift + np.clip(move, -0.5, 0.5)
        noise = float(np.sqrt(np.mean(residual**2)))
        if np.linalg.norm(shift) > 2 * MOST_SHIFT or np.linalg.norm(move) < 1e-4:
            break
    high = float(solution[1])
    share = noise / max(abs(high), 1.0)
    off = (local - shift) @ axes.T + middle - apex
    filled = abs(_mean_in_cone(off, residual, pose.rotation.apply(divot.axis), divot.depth))
    unlike = share > MOST_RESIDUAL or filled > MOST_FILLED * abs(high)
    if unlike or np.linalg.norm(shift) > MOST_SHIFT or high < LEAST_STEP:
        return Lost("divot_unlike")
    # voxels within one point spread see the same noise
    cell = (3.5 * look.blur_xy) ** 2 * 3.5 * look.blur_z
    together = max(1.0, cell / float(np.prod(volume.spacing)))
    covariance = noise**2 * together * np.linalg.inv(left)[:3, :3]
    covariance += (FLOOR**2 + (SYSTEMATIC * float(volume.spacing.mean())) ** 2) * np.eye(3)
    return FoundDivot(divot, apex + axes @ shift, axes @ covariance @ axes.T, share)


def _mean_in_cone(off: Array, residual: Array, axis: Array, depth: float) -> float:
    """Return the mean residual well within a cone; `off` are offsets (n, 3) from its apex."""
    along = off @ axis
    aside = np.linalg.norm(off - along[:, None] * axis, axis=1)
    within = (along > 0.4 * depth) & (along < depth) & (aside < 0.7 * along)
    return float(residual[within].mean()) if within.any() else 0.0


def _voxels(volume: Volume, middle: Array) -> tuple[Array, Array]:
    """Return positions (n, 3) and values (n,) of the voxels round a point; none where it is cut."""
    at = volume.to_voxel(middle[None])[0]
    reach = RADIUS / volume.spacing
    low, high = np.floor(at - reach).astype(int), np.ceil(at + reach).astype(int) + 1
    if (low < 0).any() or (high > np.array(volume.values.shape[::-1])).any():
        return np.zeros((0, 3)), np.zeros(0)
    z, y, x = np.mgrid[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    places = volume.to_model(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    near = np.linalg.norm(places - middle, axis=1) < RADIUS
    values = volume.values[low[2] : high[2], low[1] : high[1], low[0] : high[0]].reshape(-1)
    return places[near], values[near].astype(float)


def _model(
    found: FoundPart, middle: Array, axes: Array
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return blurred walls and infill (x, y, z) on a grid round a point, along the scan's axes."""
    look = found.look
    count = 2 * int(np.ceil((RADIUS + ROOM) / STEP)) + 1
    ticks = STEP * (np.arange(count) - 0.5 * (count - 1))
    local = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    part = found.part.placed
    mesh = Mesh(found.scan_from_model.apply(part.vertices), part.triangles)
    depth = -signed_distance(mesh, middle + local @ axes.T)
    inside = np.clip(depth / STEP + 0.5, 0.0, 1.0)
    core = np.clip((depth - look.thickness) / STEP + 0.5, 0.0, 1.0)
    # the clipped steps above are already blurred by a box of width STEP
    blur = np.sqrt(
        np.maximum(np.array([look.blur_xy, look.blur_xy, look.blur_z]) ** 2 - STEP**2 / 12, 1e-4)
    )
    fields = []
    for part_of in (inside - core, core):
        field = gaussian_filter(part_of.reshape(count, count, count), blur / STEP, mode="nearest")
        fields.append(np.asarray(spline_filter(field, order=3), np.float32))
    return fields[0], fields[1]


def _at(field: NDArray[np.float32], at: Array) -> Array:
    return np.asarray(map_coordinates(field, at, order=3, mode="nearest", prefilter=False), float)
