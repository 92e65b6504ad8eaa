"""Limits on moves of a surface's vertices, so that surfaces do not meet or cross themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.mesh_fields import adjacency
from nav.reconstruction.surface_probe import Probe
from nav.reconstruction.volume import Array

APART = 0.05  # mm, kept between surfaces
ROUNDS = 6
LEAST_TURN = 0.2  # cosine between a triangle's normal before and after: less means folded


def untangled(probe: Probe, offset: Array) -> Array:
    """Shorten moves until the moved surface does not cross itself.

    Parameters
    ----------
    probe : Probe
        The surface; unmoved, it does not cross itself.
    offset : ndarray, shape (n,)
        Along the normals, mm.

    Returns
    -------
    ndarray, shape (n,)
        Shortened offsets, mm.
    """
    graph = adjacency(len(offset), probe.triangles)
    for turn in range(ROUNDS):
        bad = _crossing(probe, moved(probe, offset))
        if not bad.any():
            return offset
        for _ in range(1 + turn):
            bad = bad | (graph @ bad.astype(float) > 0.0)
        around = graph @ offset / np.maximum(graph.sum(axis=1), 1.0)
        offset = np.where(bad, 0.5 * (offset + around) * (0.5 if turn else 0.8), offset)
    return np.where(bad, 0.0, offset)


def kept_apart(probes: Mapping[str, Probe], offsets: Mapping[str, Array]) -> dict[str, Array]:
    """Draw moves back until no vertex lies in another surface, or closer to it than APART.

    Parameters
    ----------
    probes : mapping of str to Probe
        Of the surfaces.
    offsets : mapping of str to ndarray, shape (n,)
        Along the normals, mm.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Reduced offsets, mm.
    """
    kept = {name: offset.copy() for name, offset in offsets.items()}
    for _ in range(ROUNDS):
        surfaces = {name: moved(probes[name], kept[name]) for name in probes}
        clear = True
        for name, probe in probes.items():
            depth = np.full(len(probe.gap), -np.inf)
            for other in probes:
                if other == name:
                    continue
                low, high = surfaces[other].min(axis=0), surfaces[other].max(axis=0)
                inside = (surfaces[name] > low - APART) & (surfaces[name] < high + APART)
                near = np.flatnonzero(inside.all(axis=1))
                if len(near):
                    found = -_signed_distance(
                        surfaces[other], probes[other].triangles, surfaces[name][near]
                    )
                    depth[near] = np.maximum(depth[near], found)
            close = depth > -APART
            back = np.where(close, np.maximum(depth, 0.0) + APART, 0.0)
            clear &= not close.any()
            kept[name] = kept[name] - back
        if clear:
            break
    return kept


def moved(probe: Probe, offset: Array) -> Array:
    """Return the vertices moved along their normals.

    Parameters
    ----------
    probe : Probe
        The surface.
    offset : ndarray, shape (n,)
        Along the normals, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame, mm.
    """
    return probe.vertices + offset[:, None] * probe.normals


def crossing_edges(vertices: Array, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the edges that pass through a triangle: where a surface crosses itself.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray of int32, shape (m, 3)
        Of the surface.

    Returns
    -------
    ndarray of int32, shape (k, 2)
        Indices of the edges' vertices.
    """
    import open3d as o3d  # over a second to import

    edges = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[edges[:, 0] < edges[:, 1]]
    start, way = vertices[edges[:, 0]], vertices[edges[:, 1]] - vertices[edges[:, 0]]
    rays = np.hstack([start, way]).astype(np.float32)
    found = _scene(vertices, triangles).list_intersections(o3d.core.Tensor(rays))
    edge = edges[found["ray_ids"].numpy()]
    met = triangles[found["primitive_ids"].numpy()]
    within = found["t_hit"].numpy() < 1.0
    apart = (edge[:, :, None] != met[:, None, :]).all(axis=(1, 2))  # share no vertex
    return np.asarray(edge[within & apart])


def _crossing(probe: Probe, vertices: Array) -> NDArray[np.bool_]:
    """Return the vertices (n,) of triangles that fold over, or of edges that cross triangles."""
    triangles = probe.triangles
    before, after = _normals(probe.vertices, triangles), _normals(vertices, triangles)
    bad = np.zeros(len(vertices), bool)
    bad[triangles[np.einsum("ij,ij->i", before, after) < LEAST_TURN]] = True
    bad[crossing_edges(vertices, triangles)] = True
    return bad


def _normals(vertices: Array, triangles: NDArray[np.int32]) -> Array:
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    return np.asarray(across / np.maximum(np.linalg.norm(across, axis=1), 1e-12)[:, None])


def _signed_distance(vertices: Array, triangles: NDArray[np.int32], points: Array) -> Array:
    import open3d as o3d  # over a second to import

    query = o3d.core.Tensor(points.astype(np.float32))
    found = _scene(vertices, triangles).compute_signed_distance(query)
    return np.asarray(found.numpy(), float)


def _scene(vertices: Array, triangles: NDArray[np.int32]) -> Any:
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(triangles).astype(np.uint32)),
    )
    return scene
