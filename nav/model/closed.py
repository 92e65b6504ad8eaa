"""Whether triangles are a closed surface, and if not, which of the usual reasons it has."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from nav.core.frames import Array
from nav.model.meshdata import MeshError, merge_equal

# mm: corners that near are one corner written twice; no feature of an anatomy is as small
NEAR = 0.01
# mm, tried one after the other: what a surface of triangles without a common corner may need
WELDED = (NEAR, 0.03, 0.1)
MOST_PEELED = 5  # times that triangles with a free edge are taken away


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
    times = _times_each(np.sort(triangles, axis=1))
    if (times > 1).any():
        repeated = int((times > 1).sum())
        which = "each triangle" if repeated == len(times) else f"{repeated} triangles"
        which = "1 triangle" if which == "1 triangles" else which
        appear = "appear" if which.endswith("s") else "appears"
        most = int(times.max())
        often = "twice" if most == 2 else f"{most} times"
        often = often if (times[times > 1] == most).all() else f"up to {often}"
        raise MeshError(f"is not a simple surface: {which} {appear} {often}; remove the copies")
    edges, counts = edge_counts(triangles)
    single, many = edges[counts == 1], edges[counts > 2]
    if len(single) and _are_flaps(triangles, edges, counts):
        raise MeshError(
            f"is not a simple surface: triangles stand out of it, first near "
            f"{_place(vertices, single[0])}; remove those that do not enclose anything"
        )
    if len(single):
        for near in WELDED:
            gap = _gap_that_welding_closes(vertices, triangles, single, near)
            if gap is not None:
                raise MeshError(
                    f"is not closed: corners that should be one are up to {gap:.1g} mm apart; "
                    f"weld them (merge vertices by distance, {near:g} mm)"
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


def _times_each(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count how often each of the different rows (m, 3) appears."""
    base = int(rows.max(initial=0)) + 1
    _, rank = np.unique(rows[:, 0] * base + rows[:, 1], return_inverse=True)
    return np.unique(rank * base + rows[:, 2], return_counts=True)[1]


def _are_flaps(
    triangles: NDArray[np.int64], edges: NDArray[np.int64], counts: NDArray[np.int64]
) -> bool:
    """Whether a closed surface is left where triangles with a free edge are taken away."""
    base = int(triangles.max(initial=0)) + 1
    left = triangles
    free = edges[counts == 1]
    for _ in range(MOST_PEELED):
        corners = np.sort(left[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        keys = (corners[:, 0] * base + corners[:, 1]).reshape(-1, 3)
        left = left[~np.isin(keys, free[:, 0] * base + free[:, 1]).any(axis=1)]
        edges, counts = edge_counts(left)
        free = edges[counts == 1]
        if not len(free):
            return 2 * len(left) > len(triangles) and bool((counts == 2).all())
    return False


def _edges(count: int, one: str, several: str) -> str:
    return f"1 edge {one}" if count == 1 else f"{count} edges {several}"


def _place(vertices: Array, edge: NDArray[np.int64]) -> str:
    x, y, z = vertices[edge].mean(axis=0)
    return f"({x:.2f}, {y:.2f}, {z:.2f})"


def _gap_that_welding_closes(
    vertices: Array, triangles: NDArray[np.int64], single: NDArray[np.int64], near: float
) -> float | None:
    """Return how far apart corners are, mm, whose merging leaves no edge open; None if none are."""
    rim = np.unique(single)
    pairs = cKDTree(vertices[rim]).query_pairs(near, output_type="ndarray")
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
