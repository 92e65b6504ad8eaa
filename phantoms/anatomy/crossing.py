"""Exact self-intersection tests of meshes.

Open3D finds pairs of triangles that cross, but in floating point: coplanar neighbours on a flat
face sometimes look crossed to it. So its pairs are tested again in rational numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from nav.openthreed import import_open3d
from phantoms.anatomy.mesh import Mesh

Point = tuple[Fraction, Fraction, Fraction]
Triangle = tuple[Point, Point, Point]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

FEW = 250  # triangles, of which all pairs are looked at
SMALLER = 0.8  # of its triangles: what a half of a part has at most, else it stays whole
MOST_ROUNDS = 12  # the last is within a thousandth of the way


def suspect_pairs(mesh: Mesh) -> list[tuple[int, int]]:
    """Find triangles without a common vertex that cross, or seem to in floating point.

    Open3D looks at all pairs of triangles, which takes seconds for the meshes of a kit; so it gets
    a mesh in parts, none of which parts two triangles whose boxes overlap.

    Parameters
    ----------
    mesh : Mesh
        Any units.

    Returns
    -------
    list of tuple of int
        Pairs of triangle indices, as Open3D reports them.
    """
    corners = mesh.vertices[mesh.triangles]
    low, high = corners.min(axis=1), corners.max(axis=1)
    found = {pair for part in _parts(low, high) for pair in _pairs_within(mesh, part)}
    return sorted(found)


def _parts(low: Array, high: Array) -> Iterator[Indices]:
    """Yield sets of triangles, given their boxes; two that overlap are together in one of them."""
    waiting = [np.arange(len(low))]
    while waiting:
        part = waiting.pop()
        halves = [part]
        if len(part) > FEW:
            middles = (low[part] + high[part]) / 2.0
            axis = int(np.ptp(middles, axis=0).argmax())
            cut = np.median(middles[:, axis])
            halves = [part[low[part, axis] <= cut], part[high[part, axis] >= cut]]
        if max(map(len, halves)) < SMALLER * len(part):
            waiting += halves
        else:
            yield part


def _pairs_within(mesh: Mesh, part: Indices) -> list[tuple[int, int]]:
    o3d = import_open3d()
    used, triangles = np.unique(mesh.triangles[part], return_inverse=True)
    found = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices[used]),
        o3d.utility.Vector3iVector(triangles.reshape(-1, 3).astype(np.int32)),
    ).get_self_intersecting_triangles()
    return [(int(i), int(j)) for i, j in part[np.asarray(found).reshape(-1, 2)]]


def crosses_itself(mesh: Mesh) -> bool:
    """Return whether two triangles without a common vertex have a point in common.

    Parameters
    ----------
    mesh : Mesh
        Any units.

    Returns
    -------
    bool
        True for a self-intersecting mesh; exact, in rational arithmetic.
    """
    return any(True for _ in _crossing(mesh))


def _crossing(mesh: Mesh) -> Iterator[tuple[int, int]]:
    """Yield pairs of triangles that cross."""
    for i, j in suspect_pairs(mesh):
        apart = not set(mesh.triangles[i]) & set(mesh.triangles[j])
        if apart and _meet(_exact(mesh, i), _exact(mesh, j)):
            yield i, j


def uncrossed(rough: Mesh, even: Mesh) -> Mesh | None:
    """Move vertices of the even mesh half way back to the rough one's wherever triangles cross.

    The vertices of the triangles that cross and of their neighbours are moved, up to MOST_ROUNDS
    times.

    Parameters
    ----------
    rough, even : Mesh
        The same triangles with different vertices; the rough one does not cross itself.

    Returns
    -------
    Mesh or None
        A mesh that does not cross itself, None where none was found.
    """
    vertices, triangles = even.vertices.copy(), even.triangles
    for _ in range(MOST_ROUNDS):
        crossing = list(_crossing(Mesh(vertices, triangles)))
        if not crossing:
            return Mesh(vertices, triangles)
        moved = np.unique(triangles[np.unique(crossing)])
        around = np.unique(triangles[np.isin(triangles, moved).any(axis=1)])
        vertices[around] = (vertices[around] + rough.vertices[around]) / 2
    return None


def _exact(mesh: Mesh, triangle: int) -> Triangle:
    a, b, c = (
        tuple(Fraction(float(x)) for x in mesh.vertices[k]) for k in mesh.triangles[triangle]
    )
    return a, b, c  # type: ignore[return-value]


def _meet(one: Triangle, other: Triangle) -> bool:
    if all(_side(*one, point) == 0 for point in other):
        return _overlap(one, other)
    return any(
        _pierces(start, end, t)
        for edges_of, t in ((one, other), (other, one))
        for start, end in zip(edges_of, (*edges_of[1:], edges_of[0]), strict=True)
    )


def _side(a: Point, b: Point, c: Point, d: Point) -> int:
    """Return on which side of the plane through a, b, c the point d lies: -1, 0 or 1."""
    u, v, w = ([p[k] - a[k] for k in range(3)] for p in (b, c, d))
    volume = (
        u[0] * (v[1] * w[2] - v[2] * w[1])
        - u[1] * (v[0] * w[2] - v[2] * w[0])
        + u[2] * (v[0] * w[1] - v[1] * w[0])
    )
    return (volume > 0) - (volume < 0)


def _pierces(start: Point, end: Point, t: Triangle) -> bool:
    a, b, c = t
    first, last = _side(a, b, c, start), _side(a, b, c, end)
    if first == last:
        return False  # both on one side, or the edge lies in the plane: other edges decide
    turns = {_side(start, end, p, q) for p, q in ((a, b), (b, c), (c, a))}
    return not {-1, 1} <= turns


def _overlap(one: Triangle, other: Triangle) -> bool:
    """Return whether two triangles in one plane overlap: no edge of either separates them."""
    u, v = ([one[k][i] - one[0][i] for i in range(3)] for k in (1, 2))
    normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    drop = max(range(3), key=lambda k: abs(normal[k]))
    flat = [[[p[k] for k in range(3) if k != drop] for p in t] for t in (one, other)]
    for t, rest in (flat, flat[::-1]):
        for k in range(3):
            a, b, c = t[k], t[(k + 1) % 3], t[(k + 2) % 3]
            inner = _turn(a, b, c)
            if all(_turn(a, b, p) * inner < 0 for p in rest):
                return False
    return True


def _turn(a: list[Fraction], b: list[Fraction], c: list[Fraction]) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
