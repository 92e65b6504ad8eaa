"""Smooth displacement that carries a surface onto its edges, and its remaining uncertainty.

Neighbouring vertices move alike: the displacement is a random walk along the mesh's edges, in all
three directions, so that a tube that lies off its course is moved as a whole although each vertex
only observes its offset along its normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import cg

from nav.reconstruction.mesh_fields import adjacency, vertex_areas
from nav.reconstruction.printed.edges import Edges
from nav.reconstruction.volume import Array

SAMPLES = 12  # samples of the posterior, for its spread
ROBUST = 3.0  # sd, beyond which a vertex is weighted down
ROUNDS = 3
PRIOR_REACH = 15.0  # mm, over which deviations from the design correlate


@dataclass(frozen=True)
class Displacement:
    """Displacement of a surface's vertices.

    Parameters
    ----------
    by : ndarray, shape (n, 3)
        Scan frame, mm.
    sd : ndarray, shape (n,)
        Standard deviation of the displacement along the normal, mm.
    """

    by: Array
    sd: Array


def smooth_displacement(
    edges: Edges, prior_sd: float, roughness: float, correlation: float, floor: float
) -> Displacement:
    """Combine edges along a surface, maximum a posteriori.

    Parameters
    ----------
    edges : Edges
        Along the normals of the surface.
    prior_sd : float
        Standard deviation of a vertex from its present position, mm.
    roughness : float
        mm per square root of mm along the surface.
    correlation : float
        Vertices nearer to each other than this, mm, see the same noise.
    floor : float
        Lower bound of an edge's standard deviation, mm (added in quadrature).

    Returns
    -------
    Displacement
        Of all vertices.
    """
    probe = edges.probe
    count = len(probe.vertices)
    graph = adjacency(count, probe.triangles).tocoo()
    length = np.linalg.norm(probe.vertices[graph.row] - probe.vertices[graph.col], axis=1)
    weight = 1.0 / (roughness**2 * np.maximum(length, 0.1))
    between = sparse.coo_array((weight, (graph.row, graph.col)), shape=graph.shape).tocsr()
    walk = sparse.diags_array(np.asarray(between.sum(axis=1)).ravel()) - between
    smooth = sparse.kron(walk, sparse.eye_array(3)).tocsr()
    # as many independent terms as there are patches of that size, not vertices
    areas = vertex_areas(probe.vertices, probe.triangles)
    prior = np.maximum(areas, 1e-3) / (PRIOR_REACH * prior_sd) ** 2
    smooth = smooth + sparse.diags_array(np.repeat(prior, 3))
    sharing = np.maximum(1.0, correlation**2 / np.maximum(areas, 1e-3))
    seen = edges.seen
    sd = np.where(seen, np.hypot(np.where(seen, edges.sd, 1.0), floor) * np.sqrt(sharing), np.inf)
    offset = np.where(seen, edges.offset, 0.0)
    information = 1.0 / sd**2
    normals = probe.normals
    rows = sparse.coo_array(
        (
            normals.ravel(),
            (np.repeat(np.arange(count), 3), np.arange(3 * count)),
        ),
        shape=(count, 3 * count),
    ).tocsr()
    found = np.zeros(3 * count)
    matrix = smooth
    for _ in range(ROUNDS):
        matrix = (smooth + rows.T @ sparse.diags_array(information) @ rows).tocsr()
        found = _solved(matrix, rows.T @ (information * offset), found)
        off = np.where(seen, (offset - rows @ found) / np.where(seen, sd, 1.0), 0.0)
        information = 1.0 / sd**2 / (1.0 + (off * np.sqrt(sharing) / ROBUST) ** 2)
    return Displacement(found.reshape(-1, 3), _spread(matrix, walk, rows, information, prior))


def _spread(
    matrix: sparse.csr_array,
    walk: sparse.csr_array,
    rows: sparse.csr_array,
    information: Array,
    prior: Array,
) -> Array:
    """Return the posterior's sd along the normals (n,), from samples of it."""
    rng = np.random.default_rng(11)
    count = len(information)
    edges = sparse.triu(walk, 1).tocoo()
    strength = np.sqrt(np.maximum(-edges.data, 0.0))
    total = np.zeros(count)
    for _ in range(SAMPLES):
        # noise whose covariance is the matrix: one term for each of its parts
        draw = rng.standard_normal((count, 3)) * np.sqrt(prior)[:, None]
        jump = strength[:, None] * rng.standard_normal((len(strength), 3))
        np.add.at(draw, edges.row, jump)
        np.add.at(draw, edges.col, -jump)
        right = draw.ravel() + rows.T @ (np.sqrt(information) * rng.standard_normal(count))
        total += (rows @ _solved(matrix, right, np.zeros(3 * count))) ** 2
    mean = total / SAMPLES
    # few samples, but neighbours are similar
    graph = abs(walk)
    return np.sqrt((graph @ mean) / np.maximum(graph @ np.ones(count), 1e-12))


def _solved(matrix: sparse.csr_array, right: Array, start: Array) -> Array:
    scale = sparse.diags_array(1.0 / matrix.diagonal())
    found, _ = cg(matrix, right, x0=start, rtol=1e-4, maxiter=400, M=scale)
    return np.asarray(found)
