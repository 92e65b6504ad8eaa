"""Whether triangles are a closed surface, and if not, which of the usual reasons it has."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from nav.frames import Array
from nav.model.meshdata import MeshError, merge_equal

# mm: corners that near are one corner written twice; no feature of an anatomy is as small
NEAR = 0.01


def edge_counts(triangles: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count how many triangles each edge joins.

    Parameters
    ----------
    triangles : array_like, shape (m, 3), int
        Vertex indices.

    Returns
    -------
    edges : ndarray, shape (e, 2), int
        Each once, lower index first.
    counts : ndarray, shape (e,), int
        Number of triangles.
    """
    corners = np.asarray(triangles, np.int64).reshape(-1, 3)
    edges = np.sort(corners[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    base = int(corners.max(initial=0)) + 1
    keys, counts = np.unique(edges[:, 0] * base + edges[:, 1], return_counts=True)
    return np.stack([keys // base, keys % base], axis=1), counts


def count_open_edges(triangles: ArrayLike) -> int:
    """Count the edges that do not join exactly two triangles.

    Parameters
    ----------
    triangles : array_like, shape (m, 3), int
        Vertex indices.

    Returns
    -------
    int
        0 for a closed surface.
    """
    _, counts = edge_counts(triangles)
    return int((counts != 2).sum())


def check_closed(vertices: Array, triangles: NDArray[np.int64]) -> None:
    """Refuse triangles that are not a closed surface.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Each once, mm.
    triangles : ndarray, shape (m, 3), int
        Vertex indices.

    Raises
    ------
    MeshError
        Triangles that appear twice, edges of one triangle or of more than two, or corners that are
        written twice, a little apart.
    """
    distinct = _count_distinct(np.sort(triangles, axis=1))
    if distinct < len(triangles):
        repeated = len(triangles) - distinct
        which = "each triangle" if 2 * distinct == len(triangles) else f"{repeated} triangles"
        appear = "appears" if which == "each triangle" or repeated == 1 else "appear"
        which = "1 triangle" if which == "1 triangles" else which
        raise MeshError(f"is not a simple surface: {which} {appear} twice; remove the copies")
    edges, counts = edge_counts(triangles)
    single, many = edges[counts == 1], edges[counts > 2]
    if len(single):
        gap = _gap_that_welding_closes(vertices, triangles, single)
        if gap is not None:
            raise MeshError(
                f"is not closed: corners that should be one are up to {gap:.1g} mm apart; "
                f"weld them (merge vertices by distance, {NEAR:g} mm)"
            )
        raise MeshError(
            f"is not closed: {_edges(len(single), 'belongs', 'belong')} to one triangle only, near "
            f"{_place(vertices, single[0])}; fill its holes"
        )
    if len(many):
        joined = ", ".join(map(str, np.unique(counts[counts > 2]).tolist()))
        raise MeshError(
            f"is not a simple surface: {_edges(len(many), 'joins', 'join')} {joined} triangles, "
            f"first near {_place(vertices, many[0])}; separate the parts that touch there, "
            "or join them to one"
        )


def _count_distinct(rows: NDArray[np.int64]) -> int:
    """Count how many of the rows (m, 3) are different."""
    base = int(rows.max(initial=0)) + 1
    _, rank = np.unique(rows[:, 0] * base + rows[:, 1], return_inverse=True)
    return len(np.unique(rank * base + rows[:, 2]))


def _edges(count: int, one: str, several: str) -> str:
    return f"1 edge {one}" if count == 1 else f"{count} edges {several}"


def _place(vertices: Array, edge: NDArray[np.int64]) -> str:
    x, y, z = vertices[edge].mean(axis=0)
    return f"({x:.2f}, {y:.2f}, {z:.2f})"


def _gap_that_welding_closes(
    vertices: Array, triangles: NDArray[np.int64], single: NDArray[np.int64]
) -> float | None:
    """Return how far apart corners are, mm, whose merging leaves no edge open; None if none are."""
    rim = np.unique(single)
    pairs = cKDTree(vertices[rim]).query_pairs(NEAR, output_type="ndarray")
    if not len(pairs):
        return None
    links = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(rim), len(rim)))
    _, groups = connected_components(links, directed=False)
    welded = vertices.copy()
    _, first = np.unique(groups, return_index=True)
    welded[rim] = vertices[rim[first[groups]]]
    _, joined = merge_equal(welded, triangles)
    if count_open_edges(joined):
        return None
    return float(
        np.linalg.norm(vertices[rim[pairs[:, 0]]] - vertices[rim[pairs[:, 1]]], axis=1).max()
    )
