"""Closed surfaces of label maps: an isosurface of the voxels, smoothed, with its own error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from nav.reconstruction.grey_surface import LEAST_PIECE, signed_volume
from nav.reconstruction.labelmap import LabelMask
from nav.reconstruction.volume import Array

ITERATIONS, PASS_BAND = 20, 0.1  # of the windowed sinc filter
LEAST_VOXELS = 8
# Of the smoothed boundary of a correct label map (a voxel belongs where its centre is inside):
# standard deviation along the normal, in steps of the grid, by the angle from the normal to the
# nearest axis of the grid, degrees. Where a surface is nearly parallel to the grid its voxels form
# terraces that are too wide to be smoothed away, 1/sqrt(12) where it is exactly parallel. Walls
# along an axis have the same steps in every layer, which smoothing cannot average: their normals
# lie in a plane of the grid, within FLAT degrees. Last, how it grows with the ratio of the longest
# to the shortest step. Measured on balls and rods, see tests/reconstruction/test_label_surfaces.py.
ANGLES = (0.0, 4.0, 10.0, 15.0, 20.0, 30.0, 45.0, 55.0)
STEPS_SIGMA = (0.289, 0.21, 0.195, 0.165, 0.135, 0.11, 0.11, 0.11)
WALL_SIGMA = (0.298, 0.284, 0.22, 0.18, 0.155, 0.14, 0.18, 0.18)
FLAT = 8.0  # degrees
PER_ANISOTROPY = 0.25
AVERAGED = 8  # times that normals are averaged over neighbours, against those of single terraces


@dataclass(frozen=True, eq=False)
class LabelSurface:
    """A closed surface of a label.

    Parameters
    ----------
    name : str
        Of the label.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Facing outwards.
    sigma : ndarray, shape (n,)
        One standard deviation of the surface's error along the normal, mm, if the labels are right.
    dropped : int
        Number of stray pieces that were left out.
    touches_border : bool
        Whether the label map ends within it.
    """

    name: str
    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    dropped: int = 0
    touches_border: bool = False


def surface_from_label(mask: LabelMask) -> LabelSurface | None:
    """Return the smoothed surface of a mask.

    The boundary of the voxels is smoothed by a windowed sinc filter [1]_, which hardly shrinks.
    Its sigma is the grid's step along the normal times a measured factor, combined with the volume
    that the smoothing has removed: thin structures lose most.

    Parameters
    ----------
    mask : LabelMask
        Of the structure.

    Returns
    -------
    LabelSurface or None
        None where it has no piece that is large enough.

    References
    ----------
    .. [1] Taubin, Zhang and Golub, Optimal surface smoothing as filter design, ECCV 1996.
    """
    import pyvista as pv

    values, dropped = _without_strays(mask)
    if not values.any():
        return None
    grid = pv.ImageData(dimensions=values.shape[::-1])
    grid.point_data["label"] = values.astype(np.uint8).ravel()
    boundary = grid.contour([0.5], scalars="label", method="flying_edges", compute_normals=False)
    smooth = boundary.smooth_taubin(
        n_iter=ITERATIONS, pass_band=PASS_BAND, normalize_coordinates=True, feature_smoothing=False
    )
    triangles = np.asarray(boundary.faces, np.int32).reshape(-1, 4)[:, 1:].copy()
    matrix = mask.model_from_voxel
    vertices = np.asarray(smooth.points, float) @ matrix[:3, :3].T + matrix[:3, 3]
    enclosed = signed_volume(vertices, triangles)
    if enclosed < 0.0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    normals, area = _normals(vertices, triangles)
    voxel = abs(float(np.linalg.det(matrix[:3, :3])))
    lost = abs(np.count_nonzero(values) * voxel - abs(enclosed)) / max(area, 1e-9)
    sigma = np.hypot(voxel_sigma(_averaged(normals, triangles), matrix), lost)
    return LabelSurface(mask.name, vertices, triangles, sigma, dropped, mask.touches_border)


def voxel_sigma(normals: Array, matrix: Array) -> Array:
    """Return the error of a smoothed boundary that results from its voxels.

    Parameters
    ----------
    normals : ndarray, shape (n, 3)
        Unit vectors, model frame.
    matrix : ndarray, shape (4, 4)
        model_from_voxel.

    Returns
    -------
    ndarray, shape (n,)
        One standard deviation along the normal, mm.
    """
    axes = matrix[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    share = (normals @ (axes / lengths)) ** 2
    step = np.sqrt(share @ lengths**2 / np.maximum(share.sum(axis=1), 1e-12))
    nearest = np.degrees(np.arccos(np.sqrt(np.minimum(share.max(axis=1), 1.0))))
    out_of_plane = np.degrees(np.arcsin(np.sqrt(np.minimum(share.min(axis=1), 1.0))))
    wall = np.clip(1.0 - out_of_plane / FLAT, 0.0, 1.0)
    free = np.interp(nearest, ANGLES, STEPS_SIGMA)
    steps = free + wall * (np.interp(nearest, ANGLES, WALL_SIGMA) - free)
    ratio = lengths.max() / lengths.min()
    return np.asarray(steps * (1.0 + PER_ANISOTROPY * (ratio - 1.0)) * step, float)


def _normals(vertices: Array, triangles: NDArray[np.int32]) -> tuple[Array, float]:
    """Return unit normals at vertices, shape (n, 3), and the area, mm^2."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, triangles[:, k], cross)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    area = float(np.linalg.norm(cross, axis=1).sum() / 2.0)
    return normals / np.maximum(length, 1e-12), area


def _averaged(normals: Array, triangles: NDArray[np.int32]) -> Array:
    """Return normals averaged over neighbours, unit vectors."""
    starts, ends = triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()
    ones = np.ones(len(starts))
    size = len(normals)
    neighbours = sparse.csr_array((ones, (starts, ends)), shape=(size, size))
    for _ in range(AVERAGED):
        normals = normals + neighbours @ normals
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return normals


def _without_strays(mask: LabelMask) -> tuple[NDArray[np.bool_], int]:
    """Return the mask without pieces that are too small, and how many there were."""
    labels, count = ndimage.label(mask.values)
    voxel = abs(float(np.linalg.det(mask.model_from_voxel[:3, :3])))
    sizes = np.bincount(labels.ravel())[1:]
    large = (sizes * voxel >= LEAST_PIECE) & (sizes >= LEAST_VOXELS)
    kept = np.concatenate([[False], large])
    return kept[labels], int(count - large.sum())
