"""Closed surface of a label at half the height of the grey values, before it is refined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.bone_labels import BoneLabels
from nav.reconstruction.volume import Array, Volume

FILLED = 2.5  # times the threshold's height over soft tissue: the inside
PIT = 0.5  # mm under the model's surface, below which a dark voxel of the label is not a hole
LEAST_PIECE = 5.0  # mm^3, of a separate piece: less is a stray voxel
PAD = 2  # voxels round a label


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Usually in the model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
    """

    vertices: Array
    triangles: NDArray[np.int32]


def bone_surface(volume: Volume, found: BoneLabels, name: str) -> Mesh | None:
    """Return the closed surface of one labelled bone.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    found : BoneLabels
        On the scan's grid.
    name : str
        Of the bone.

    Returns
    -------
    Mesh or None
        Model frame, mm; None where the bone has no voxels.
    """
    number = found.names.index(name) + 1
    window, distance = found.distances[name]
    label = found.labels[window]
    own = label == number
    if not own.any():
        return None
    own = _one_piece(own)
    filled = ndimage.binary_fill_holes(own) & ((label == 0) | (label == number))
    soft, threshold = found.levels.soft, found.levels.threshold
    height = threshold - soft
    grey = volume.values[window].astype(np.float32)
    inside = filled & ((distance < -PIT) | (filled & ~own) | ndimage.binary_erosion(filled))
    grey[inside] = np.maximum(grey[inside], soft + FILLED * height)
    other = (label != 0) & (label != number)
    grey[other] = np.minimum(grey[other], 2 * soft - threshold + height)  # soft tissue
    grey[other] = soft
    near = ndimage.binary_dilation(own, iterations=PAD)
    grey[~near] = soft
    # a voxel that is bright but not in the label is not part of it
    stray = near & ~filled & (grey > threshold)
    grey[stray] = threshold - 0.1 * height
    return iso_surface(grey, threshold, volume, window)


def iso_surface(
    grey: NDArray[np.float32], level: float, volume: Volume, window: tuple[slice, slice, slice]
) -> Mesh:
    """Return the isosurface of a window's grey values, closed at its border.

    Parameters
    ----------
    grey : ndarray of float32, shape (nz, ny, nx)
        Of the window.
    level : float
        Of the isosurface, in the unit of `grey`.
    volume : Volume
        With the grid.
    window : tuple of slice
        Of the grid, z, y, x.

    Returns
    -------
    Mesh
        Model frame, mm; values above the level are inside.
    """
    import pyvista as pv

    padded = np.pad(grey, 1, constant_values=float(grey.min()) - 1.0)
    grid = pv.ImageData(dimensions=padded.shape[::-1])
    grid.point_data["grey"] = padded.ravel()
    surface = grid.contour([level], scalars="grey", method="flying_edges", compute_normals=False)
    index = np.asarray(surface.points, float) - 1.0
    index += [window[2].start, window[1].start, window[0].start]
    triangles = np.asarray(surface.faces, np.int32).reshape(-1, 4)[:, 1:].copy()
    vertices = volume.to_model(index)
    if signed_volume(vertices, triangles) < 0.0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    return Mesh(vertices, triangles)


def without_fins(
    triangles: NDArray[np.int32],
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Remove pairs of triangles that lie on each other, as decimation leaves them.

    Parameters
    ----------
    triangles : ndarray, shape (m, 3)
        Of the mesh.

    Returns
    -------
    kept : ndarray of int, shape (k,)
        Indices of the vertices that are still used.
    triangles : ndarray of int32, shape (l, 3)
        Indices into `kept`.
    """
    corners = np.sort(triangles, axis=1)
    _, which, count = np.unique(corners, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    first = np.zeros(len(triangles), bool)
    first[np.unique(which, return_index=True)[1]] = True
    left = triangles[first & (count[which] % 2 == 1)]
    kept, renumbered = np.unique(left, return_inverse=True)
    return kept, renumbered.reshape(-1, 3).astype(np.int32)


def signed_volume(vertices: Array, triangles: NDArray[np.int32]) -> float:
    """Return a closed surface's volume.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Of the surface.

    Returns
    -------
    float
        mm^3; negative where the triangles face inwards.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def _one_piece(own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece: a bone is one."""
    pieces, count = ndimage.label(own)
    if count < 2:
        return own
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return pieces == int(sizes.argmax())
