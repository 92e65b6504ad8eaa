"""CT numbers of bone: cortex of varying thickness, spongy bone with a grain, teeth, air cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array
from nav.openthreed import import_open3d
from phantoms.twin.ct_fill import Fraction, Grid
from phantoms.twin.scan_parameters import BoneLook
from phantoms.twin.scene_grain import grain

Values = NDArray[np.float32]
Window = tuple[slice, slice, slice]
PATCH_MM = 9.0  # over which the cortex's thickness changes
AIR_CELLS = 900.0  # HU that a mastoid's air cells are below marrow
GRAIN_SD = 0.23  # of the grain that textures are made of, measured


def bone_values(
    surfaces: Sequence[Any],
    share: Fraction,
    grid: Grid,
    window: Window,
    look: BoneLook,
    anatomy_from_scan: RigidTransform,
    cells: float = 0.0,
    open_at: Array | None = None,
) -> Values:
    """Compute the CT numbers inside bone, in the voxels that have a share of it.

    Parameters
    ----------
    surfaces : sequence
        The bone's, or those of several that have fused, scan frame, mm.
    share : ndarray of float32, shape (z, y, x)
        Share of each voxel of the window inside bone.
    grid : Grid
        The grid.
    window : tuple of 3 slices
        z, y, x.
    look : BoneLook
        Cortex and marrow.
    anatomy_from_scan : RigidTransform
        For the texture, which moves with the anatomy.
    cells : float, optional
        Amount of air cells in the marrow, 0 to 1.
    open_at : ndarray, shape (n, 4), optional
        Centres and radii, mm, of places where two bones have fused: there is no cortex between
        them.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    values = np.zeros(share.shape, np.float32)
    inside = share > 0
    if not inside.any():
        return values
    points = grid.points(window)[inside]
    here = anatomy_from_scan.apply(points).astype(np.float32)
    cortex = look.cortex_mm * (1.0 + look.cortex_variation * spread(here, (PATCH_MM,) * 3))
    depth = _depth(surfaces, share, inside, points, grid, float(cortex.max()) + 1.5)
    if open_at is not None:
        for x, y, z, radius in open_at:
            near = np.linalg.norm(points - (x, y, z), axis=1) < radius
            depth[near] = np.maximum(depth[near], cortex[near] + 2.0)
    grains = grain(here, _sizes(here, look.texture_mm))
    marrow = look.trabecular_hu + look.texture_hu / GRAIN_SD * grains
    if cells:
        marrow = marrow - cells * AIR_CELLS * np.clip(2.5 * spread(here, (2.4,) * 3) + 0.6, 0, 1)
    # How much of the part of a voxel that is bone is cortex: the voxel as a slab across the depth.
    half = 0.5 * float(np.cbrt(np.prod(grid.spacing)))
    top, bottom = np.maximum(depth - half, 0.0), np.maximum(depth + half, 1e-3)
    shell = np.clip((np.minimum(cortex, bottom) - top) / (bottom - top), 0.0, 1.0)
    values[inside] = marrow + shell * (look.cortex_hu - marrow)
    return values


def spread(points: NDArray[np.float32], size: tuple[float, float, float]) -> Values:
    """Compute smooth noise from -1 to 1, well spread between.

    Parameters
    ----------
    points : ndarray of float32, shape (n, 3)
        Where, mm.
    size : tuple of 3 floats
        Size of the grains, mm.

    Returns
    -------
    ndarray of float32, shape (n,)
        The noise.
    """
    return np.clip(grain(points, _sizes(points, size)) / (2.0 * GRAIN_SD), -1.0, 1.0)


def _sizes(points: NDArray[np.float32], size: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.broadcast_to(np.asarray(size, np.float32), points.shape).copy()


def _depth(
    surfaces: Sequence[Any],
    share: Fraction,
    inside: NDArray[np.bool_],
    points: NDArray[np.float32],
    grid: Grid,
    most: float,
) -> Values:
    """Return the depth below the surface, exact up to about `most` mm; negative outside."""
    o3d = import_open3d()

    padded = np.pad(share > 0.5, 1)
    rough = distance_transform_edt(padded, grid.spacing[::-1])[1:-1, 1:-1, 1:-1][inside]
    scene = o3d.t.geometry.RaycastingScene()
    for s in surfaces:
        scene.add_triangles(
            o3d.core.Tensor(s.vertices.astype(np.float32)),
            o3d.core.Tensor(s.triangles.astype(np.uint32)),
        )
    depth = rough.astype(np.float32)
    near = rough < most + float(grid.spacing.max())
    depth[near] = scene.compute_distance(o3d.core.Tensor(points[near])).numpy()
    return np.where(share[inside] < 0.5, -depth, depth)
