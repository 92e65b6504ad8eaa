"""Shells of a closed surface: each made to face outwards, and those that overlap united.

What a shell encloses is inside, whichever way its triangles face: a lumen inside a wall is inside,
and so is the overlap of two shells. Only the outermost surface is left.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nav.core.frames import Array
from nav.model.closed import count_open_edges
from nav.model.meshdata import MeshError

Triangles = NDArray[np.int64]
# of the volume: what uniting may lose or gain by rounding
SLACK = 1e-6
MANY_SHELLS = 3000  # beyond, all are united at once: comparing pairs of bounds takes their square
MOST_SHELLS = 20_000  # uniting so many takes seconds; a bone's islands are some hundred
LEAST_VOLUME = 1e-6  # mm^3: less is no structure but a flat remainder
# of the cube of the extent: a vessel fills 1e-3 of it, rounding in a flat remainder some 1e-16
LEAST_FILLED = 1e-7


def outer_surface(vertices: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Return the outer boundary of everything that the shells of a closed surface enclose.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        In mm.
    triangles : ndarray, shape (m, 3), int
        Each edge joins two of them.

    Returns
    -------
    vertices, triangles : ndarray
        The same ones where there is one shell, or all are apart; facing outwards.

    Raises
    ------
    MeshError
        A shell that has no inside (it cannot be oriented), or none with a volume.
    """
    triangles, labels = orient_shells(triangles)
    volumes = shell_volumes(vertices, triangles, labels)
    triangles = np.where((volumes < 0)[labels, None], triangles[:, ::-1], triangles)
    volumes = np.abs(volumes)
    if volumes.max(initial=0.0) < LEAST_VOLUME:
        extent = float(np.linalg.norm(np.ptp(vertices[np.unique(triangles)], axis=0)))
        if volumes.max(initial=0.0) > LEAST_FILLED * extent**3:
            raise MeshError(f"reaches over {extent:.3g} mm: are these metres? Write millimetres")
        raise MeshError("encloses no volume: its triangles lie on each other")
    if len(volumes) > MOST_SHELLS:
        raise MeshError(
            f"has {len(volumes)} separate shells, at most {MOST_SHELLS} are read; remove islands"
        )
    groups = _overlapping(vertices, triangles, labels, len(volumes))
    sizes = np.bincount(groups)
    if (sizes == 1).all():
        return vertices, triangles
    by_shell = np.split(
        triangles[np.argsort(labels, kind="stable")], np.cumsum(np.bincount(labels))[:-1]
    )
    points, faces = [vertices], [triangles[(sizes == 1)[groups[labels]]]]
    count = len(vertices)
    for group in np.flatnonzero(sizes > 1):
        members = np.flatnonzero(groups == group)
        shells = [by_shell[member] for member in members]
        united = _unite(vertices, shells, volumes[members])
        if united is None:
            faces += shells
            continue
        points.append(united[0])
        faces.append(united[1] + count)
        count += len(united[0])
    return _used(np.concatenate(points), np.concatenate(faces))


def _used(vertices: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Remove the vertices that no triangle names."""
    used, faces = np.unique(triangles, return_inverse=True)
    return vertices[used], faces.reshape(-1, 3)


def orient_shells(triangles: Triangles) -> tuple[Triangles, NDArray[np.int64]]:
    """Reverse triangles so that neighbours face the same way, and label the shells.

    Shells are joined by edges only; two that touch at a corner are two.

    Parameters
    ----------
    triangles : ndarray, shape (m, 3), int
        Each edge joins two of them.

    Returns
    -------
    triangles : ndarray, shape (m, 3), int
        Consistently oriented within each shell.
    labels : ndarray, shape (m,), int
        The shell of each triangle, from 0.

    Raises
    ------
    MeshError
        A shell that has but one side, as a Klein bottle has.
    """
    count = len(triangles)
    starts, ends = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    owner = np.repeat(np.arange(count), 3)
    base = int(triangles.max(initial=0)) + 1
    order = np.argsort(np.minimum(starts, ends) * base + np.maximum(starts, ends), kind="stable")
    first, second = order[0::2], order[1::2]
    a, b = owner[first], owner[second]
    # two that face the same way run along their edge in opposite directions
    turned = (starts[first] == starts[second]).astype(np.int64)
    # each triangle and its reverse are nodes; a shell and its reverse must stay apart
    rows = np.concatenate([2 * a, 2 * a + 1])
    columns = np.concatenate([2 * b + turned, 2 * b + 1 - turned])
    links = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(2 * count, 2 * count))
    _, sides = connected_components(links, directed=False)
    front, back = sides[0::2], sides[1::2]
    if (front == back).any():
        raise MeshError("has no inside: its triangles cannot all face outwards; repair it")
    _, labels = np.unique(np.minimum(front, back), return_inverse=True)
    reverse = (front > back)[:, None]
    return np.where(reverse, triangles[:, ::-1], triangles), labels


def shell_volumes(
    vertices: Array, triangles: Triangles, labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute the signed volume of each shell.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        In mm.
    triangles : ndarray, shape (m, 3), int
        Vertex indices.
    labels : ndarray, shape (m,), int
        The shell of each triangle, from 0.

    Returns
    -------
    ndarray, shape (shells,)
        In mm^3; positive where the shell faces outwards.
    """
    a, b, c = np.moveaxis(vertices[triangles] - vertices.mean(axis=0), 1, 0)
    sixths = (a * np.cross(b, c)).sum(axis=1)
    return np.asarray(np.bincount(labels, sixths), float) / 6.0


def _overlapping(
    vertices: Array, triangles: Triangles, labels: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Group shells: those whose bounding boxes meet, if only by others, share a group."""
    if count == 1:
        return np.zeros(1, np.int64)
    if count > MANY_SHELLS:
        return np.zeros(count, np.int64)
    corners = vertices[triangles]
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, labels, corners.min(axis=1))
    np.maximum.at(high, labels, corners.max(axis=1))
    meet = (low[:, None] <= high[None]).all(axis=2) & (low[None] <= high[:, None]).all(axis=2)
    _, groups = connected_components(coo_array(meet), directed=False)
    return groups.astype(np.int64)


def _unite(
    vertices: Array, shells: list[Triangles], volumes: NDArray[np.float64]
) -> tuple[Array, Triangles] | None:
    """Return the outer boundary of shells that face outwards; None if it cannot be trusted."""
    import manifold3d  # only where shells meet

    solids = []
    for shell in shells:
        own, faces = _used(vertices, shell)
        mesh = manifold3d.Mesh64(np.ascontiguousarray(own), faces.astype(np.uint64))
        solids.append(manifold3d.Manifold(mesh))
        if solids[-1].status() != manifold3d.Error.NoError:
            return None
    united = manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)
    if united.status() != manifold3d.Error.NoError or united.is_empty():
        return None
    mesh = united.to_mesh64()
    points = np.asarray(mesh.vert_properties, float)[:, :3]
    faces = np.asarray(mesh.tri_verts).astype(np.int64)
    if not len(faces) or count_open_edges(faces):
        return None
    _, labels = orient_shells(faces)
    parts = shell_volumes(points, faces, labels)
    if parts.sum() > volumes.sum() * (1.0 + SLACK):
        return None
    # what is hollow between shells is enclosed too
    filled = parts > 0
    if parts[filled].sum() < volumes.max() * (1.0 - SLACK):
        return None
    return points, faces[filled[labels]]
