"""Local deformation of a fitted bone: each vertex to its own edge, smoothly along the bone.

The chain's shape modes leave errors of a few tenths of a millimetre to a millimetre. Here each
vertex moves along its normal to where the grey values fall most strongly outwards, however thin the
cortex and dark the marrow; a random walk along the edges of the mesh is the prior on these offsets,
and edges that their neighbours contradict are weighted down [1]_.

References
----------
.. [1] Huber, Robust estimation of a location parameter, 1964: by iteratively reweighted least
   squares, here with a redescending weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from nav.reconstruction.chain import vertex_normals
from nav.reconstruction.mesh_fields import adjacency
from nav.reconstruction.sampling import Field
from nav.reconstruction.volume import Array

STEP = 0.25  # mm, between samples of a profile
SIDES = (0.75, 1.0)  # mm, over which means inside and outside an edge are taken
REACHES = (2.0, 1.5, 1.0, 0.75)  # mm, about the smoothed offset, of each round
DISTANCE_COST = 0.5  # of the strongest edge of a profile, for one at the end of the reach
LEAST_CONTRAST = 50.0  # HU
FULL_CONTRAST = 300.0  # HU, above which a steeper edge is not better
MODEL_SD = 0.7  # mm, of the chain's model
EDGE_SD = 0.25  # mm, of a vertex from its edge
ROUGHNESS = 0.25  # mm per root of mm: sd of the offset's change along the surface
OUTLIER = 0.8  # mm from the smooth offset, beyond which an edge is ignored


def deformed(field: Field, vertices: Array, triangles: NDArray[np.int32]) -> Array:
    """Return a model's vertices moved to the edges near them.

    Parameters
    ----------
    field : Field
        CT, HU.
    vertices : ndarray, shape (n, 3)
        Of a fitted model, model frame, mm.
    triangles : ndarray, shape (m, 3)
        Of the model.

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame, mm. Where there is no edge, or the scan ends, vertices follow their neighbours.
    """
    normals = vertex_normals(vertices, triangles)
    places, contrast = _contrasts(field, vertices, normals)
    between, degree = _walk(vertices, triangles)
    smooth = np.zeros(len(vertices))
    for reach in REACHES:
        offset, weight = _edges(places, contrast, smooth, reach)
        for _ in range(3):
            off = np.clip(np.abs(offset - smooth) / max(OUTLIER, reach), 0.0, 1.0)
            information = weight * (1.0 - off**2) ** 2 / EDGE_SD**2
            diagonal = information + degree + MODEL_SD**-2
            matrix = (sparse.diags_array(diagonal) - between).tocsr()
            scale = sparse.diags_array(1.0 / diagonal)
            smooth, _ = cg(matrix, information * offset, x0=smooth, rtol=1e-3, M=scale)
    return np.asarray(vertices + smooth[:, None] * normals)


def _contrasts(field: Field, vertices: Array, normals: Array) -> tuple[Array, Array]:
    """Return positions (k,) along the normals, mm, and the grey values' fall there (n, k), HU."""
    inner, outer = (round(side / STEP) for side in SIDES)
    most = round((max(REACHES) + MODEL_SD) / STEP)
    at = STEP * np.arange(-most - inner, most + outer + 1)
    profile = field.at(vertices[:, None] + at[:, None] * normals[:, None]).astype(float)
    total = np.concatenate([np.zeros((len(profile), 1)), np.cumsum(profile, axis=1)], axis=1)
    middle = np.arange(inner, len(at) - outer)  # the sample at an edge counts half to each side
    half = 0.5 * profile[:, middle]
    within = total[:, middle] - total[:, middle - inner] + half
    beyond = total[:, middle + outer + 1] - total[:, middle + 1] + half
    fall = within / (inner + 0.5) - beyond / (outer + 0.5)
    return np.asarray(at[middle], float), np.asarray(fall, float)


def _edges(places: Array, contrast: Array, about: Array, reach: float) -> tuple[Array, Array]:
    """Return each profile's best edge near an offset (n,), mm, and its weight, 0 where none is."""
    away = (places - about[:, None]) / reach
    fall = np.maximum(np.nan_to_num(contrast, nan=0.0), 0.0)
    strongest = np.where(np.abs(away) <= 1.0, fall, 0.0).max(axis=1, keepdims=True)
    score = np.where(np.abs(away) <= 1.0, fall - DISTANCE_COST * strongest * away**2, -np.inf)
    best = np.argmax(score, axis=1)
    rows = np.arange(len(about))
    found = np.isfinite(score[rows, best]) & (fall[rows, best] > LEAST_CONTRAST)
    weight = np.where(found, np.minimum(fall[rows, best] / FULL_CONTRAST, 1.0), 0.0)
    return np.where(found, places[best], 0.0), weight


def _walk(vertices: Array, triangles: NDArray[np.int32]) -> tuple[sparse.csr_array, Array]:
    """Return the random walk's coupling between vertices (n, n), and its row sums (n,)."""
    graph = adjacency(len(vertices), triangles).tocoo()
    length = np.linalg.norm(vertices[graph.row] - vertices[graph.col], axis=1)
    weight = 1.0 / (ROUGHNESS**2 * np.maximum(length, 0.1))
    between = sparse.coo_array((weight, (graph.row, graph.col)), shape=graph.shape).tocsr()
    return between, np.asarray(between.sum(axis=1)).ravel()
