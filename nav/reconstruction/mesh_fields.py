"""Fields on a triangle mesh: smoothed normals, curvature, and means over neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nav.reconstruction.chain import vertex_normals
from nav.reconstruction.volume import Array

Triangles = NDArray[np.int32]
TAUBIN = (0.5, -0.53)  # steps that smooth without shrinking [1]


def adjacency(count: int, triangles: Triangles) -> sparse.csr_array:
    """Return the adjacency matrix of a mesh's vertices.

    Parameters
    ----------
    count : int
        Number of vertices, n.
    triangles : ndarray, shape (m, 3)
        Of the mesh.

    Returns
    -------
    scipy.sparse.csr_array, shape (n, n)
        Symmetric; 1 where an edge joins two vertices.
    """
    pairs = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.vstack([pairs, pairs[:, ::-1]])
    graph = sparse.coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)
    ).tocsr()
    graph.data[:] = 1.0
    return graph


def vertex_areas(vertices: Array, triangles: Triangles) -> Array:
    """Return a third of the area of the triangles round each vertex.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Of the mesh.

    Returns
    -------
    ndarray, shape (n,)
        mm^2.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    areas = np.bincount(triangles.ravel(), np.repeat(area, 3), minlength=len(vertices))
    return np.asarray(areas, float)


def neighbour_mean(graph: sparse.csr_array, areas: Array, field: Array, times: int = 1) -> Array:
    """Replace a field by its mean over each vertex and its neighbours, weighted by area.

    Parameters
    ----------
    graph : scipy.sparse.csr_array, shape (n, n)
        See `adjacency`.
    areas : ndarray, shape (n,)
        See `vertex_areas`, mm^2.
    field : ndarray, shape (n,) or (n, d)
        At the vertices.
    times : int
        How often.

    Returns
    -------
    ndarray, of the shape of `field`
        The means.
    """
    areas = np.maximum(areas, 1e-9)
    total = graph @ areas + areas
    weight = areas if field.ndim == 1 else areas[:, None]
    total = total if field.ndim == 1 else total[:, None]
    for _ in range(times):
        part = weight * field
        field = (graph @ part + part) / total
    return field


def taubin_smoothed(vertices: Array, triangles: Triangles, times: int) -> Array:
    """Smooth a mesh without shrinking it [1]_.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Of the mesh.
    times : int
        How often.

    Returns
    -------
    ndarray, shape (n, 3)
        Smoothed vertices, mm.

    References
    ----------
    .. [1] Taubin, A signal processing approach to fair surface design, SIGGRAPH 1995.
    """
    graph = adjacency(len(vertices), triangles)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1.0)[:, None]
    for _ in range(times):
        for step in TAUBIN:
            vertices = vertices + step * (graph @ vertices / degree - vertices)
    return vertices


def smooth_normals(vertices: Array, triangles: Triangles, times: int) -> Array:
    """Return normals at vertices, averaged over the neighbours.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Counter-clockwise from outside.
    times : int
        How often they are averaged.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors, outwards.
    """
    graph = adjacency(len(vertices), triangles)
    normals = vertex_normals(vertices, triangles)
    normals = neighbour_mean(graph, vertex_areas(vertices, triangles), normals, times)
    return normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]


def mean_curvature(vertices: Array, triangles: Triangles, normals: Array) -> Array:
    """Return the mean curvature at vertices: half the divergence of the normals.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Counter-clockwise from outside.
    normals : ndarray, shape (n, 3)
        Unit vectors, outwards.

    Returns
    -------
    ndarray, shape (n,)
        1/mm, positive where the surface is convex.
    """
    corners = [vertices[triangles[:, k]] for k in range(3)]
    across = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    length = np.linalg.norm(across, axis=1)
    unit = across / np.maximum(length, 1e-12)[:, None]
    divergence = np.zeros(len(triangles))  # times the area
    for k in range(3):
        edge = corners[(k + 2) % 3] - corners[(k + 1) % 3]
        divergence += 0.5 * np.einsum("ij,ij->i", np.cross(unit, edge), normals[triangles[:, k]])
    total = np.bincount(triangles.ravel(), np.repeat(divergence, 3), minlength=len(vertices))
    area = np.bincount(triangles.ravel(), np.repeat(length / 2.0, 3), minlength=len(vertices))
    return 0.5 * total / np.maximum(area, 1e-9)
