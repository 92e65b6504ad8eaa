"""Strokes of a brush on surfaces other than bones, whose strokes act on voxels and grey values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from nav.reconstruction.bone_edits import stroke_distance
from nav.reconstruction.bone_labels import signed_distance
from nav.reconstruction.grey_surface import LEAST_PIECE, iso_surface, without_fins
from nav.reconstruction.guidance import HAND_SIGMA, ROLES, Stroke
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.volume import Array, Volume

GRID = 0.5  # mm, of the voxels on which a painted surface is remeshed
MARGIN = 3.0  # mm round all of it
BAND = 1.6  # mm from the surface, within which distances are computed exactly
BY_HAND = 0.15  # mm: a vertex farther from the old surface was painted


def sculpted(
    surface: ReconstructedSurface | None, name: str, strokes: Sequence[Stroke]
) -> ReconstructedSurface | None:
    """Add strokes to a structure's surface, or remove them from it.

    Parameters
    ----------
    surface : ReconstructedSurface or None
        Before; None where the structure was not found.
    name : str
        Of the structure.
    strokes : sequence of Stroke
        On it, in order.

    Returns
    -------
    ReconstructedSurface or None
        None where nothing is left.
    """
    if not strokes:
        return surface
    grid = _grid(surface, strokes)
    distance = _surface_distance(grid, surface)
    for stroke in strokes:
        window, own = stroke_distance(grid, stroke)
        part = distance[window]
        distance[window] = np.maximum(part, -own) if stroke.erase else np.minimum(part, own)
    distance = _without_crumbs(distance)
    if distance.min() >= 0.0:
        return None
    whole = (slice(0, distance.shape[0]), slice(0, distance.shape[1]), slice(0, distance.shape[2]))
    mesh = iso_surface(-distance, 0.0, grid, whole)
    kept, triangles = without_fins(mesh.triangles)
    vertices = mesh.vertices[kept]
    return ReconstructedSurface(
        name,
        ROLES[name],
        vertices,
        triangles,
        _sigma(vertices, surface),
        f"{surface.source}, painted" if surface is not None else "painted",
    )


def _grid(surface: ReconstructedSurface | None, strokes: Sequence[Stroke]) -> Volume:
    corners = [corner for stroke in strokes if not stroke.erase for corner in stroke.bounds]
    if surface is not None:
        corners += [surface.vertices.min(axis=0), surface.vertices.max(axis=0)]
    if not corners:  # nothing there, and nothing added
        corners = [np.zeros(3), np.ones(3)]
    low, high = np.min(corners, axis=0) - MARGIN, np.max(corners, axis=0) + MARGIN
    counts = np.ceil((high - low) / GRID).astype(int) + 1
    model_from_voxel = np.diag([GRID, GRID, GRID, 1.0])
    model_from_voxel[:3, 3] = low
    return Volume(np.zeros(counts[::-1], np.float32), model_from_voxel)


def _surface_distance(grid: Volume, surface: ReconstructedSurface | None) -> NDArray[np.float32]:
    """Return the signed distances of the grid's voxels, exact in a band round the surface."""
    distance = np.full(grid.values.shape, MARGIN, np.float32)
    if surface is None:
        return distance
    window, rough = signed_distance(grid, surface.vertices, surface.triangles, MARGIN)
    distance[window] = rough
    near = np.argwhere(np.abs(distance) < BAND)
    distance[tuple(near.T)] = distances_to(surface, grid.to_model(near[:, ::-1]))
    return distance


def distances_to(surface: ReconstructedSurface, points: Array) -> NDArray[np.float32]:
    """Return the signed distances of points to a closed surface.

    Parameters
    ----------
    surface : ReconstructedSurface
        Model frame.
    points : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray of float32, shape (n,)
        mm, negative inside.
    """
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(surface.vertices.astype(np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(surface.triangles).astype(np.uint32)),
    )
    query = o3d.core.Tensor(np.ascontiguousarray(points, np.float32))
    return np.asarray(scene.compute_signed_distance(query).numpy(), np.float32)


def _without_crumbs(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return distances in which very small pieces are outside."""
    pieces, count = ndimage.label(distance < 0.0)
    if not count:
        return distance
    sizes = np.bincount(pieces.ravel())
    small = sizes * GRID**3 < LEAST_PIECE
    small[0] = False
    return np.where(small[pieces], np.float32(GRID), distance)


def _sigma(vertices: Array, surface: ReconstructedSurface | None) -> Array:
    """Return the old surface's sigma where that is unchanged, else that of a painted surface."""
    if surface is None:
        return np.full(len(vertices), HAND_SIGMA)
    nearest = cKDTree(surface.vertices).query(vertices)[1]
    off = np.abs(distances_to(surface, vertices))
    sigma = surface.sigma[nearest]
    return np.where(off > BY_HAND, np.maximum(sigma, HAND_SIGMA), sigma)
