"""Ends at which a scan cut a structure: beyond them it goes on unseen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nav.model.continuation import Continuation
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.surfaces import CAP_SIGMA
from nav.reconstruction.volume import Array

ROLES = ("cord", "dura", "artery")  # those whose nearest part matters
BEYOND = 5.0  # mm beyond the middles of C1 and C4: an artery that ends between was lost to sight
WITHIN = 1.0  # mm: a branch begins within its trunk, or so little beside it


def open_ends(
    surface: ReconstructedSurface, all_surfaces: Sequence[ReconstructedSurface]
) -> tuple[Continuation, ...]:
    """Return the ends at which a structure was cut.

    Cord and dura are cut where the bones' or the scan's extent ends; an artery where it ends above
    C1 or below C4. Where contrast fades between, its course is unknown, which a remark says.

    Parameters
    ----------
    surface : ReconstructedSurface
        With CAP_SIGMA at its ends.
    all_surfaces : sequence of ReconstructedSurface
        Of the case.

    Returns
    -------
    tuple of Continuation
        None for roles whose ends do not matter.
    """
    if surface.role not in ROLES:
        return ()
    centre = surface.vertices.mean(axis=0)
    ends = [_end(surface, piece, centre) for piece in _caps(surface)]
    if surface.role != "artery":
        return tuple(ends)
    others = [s for s in all_surfaces if s.role == "artery" and s is not surface]
    return tuple(
        end
        for end in ends
        if _is_beyond(all_surfaces, end.point) and not any(_near(other, end) for other in others)
    )


def _caps(surface: ReconstructedSurface) -> list[NDArray[np.intp]]:
    """Return the vertices of each end."""
    at_end = surface.sigma >= CAP_SIGMA
    inner = surface.triangles[at_end[surface.triangles].all(axis=1)]
    if not len(inner):
        return []
    pairs = np.concatenate([inner[:, [0, 1]], inner[:, [1, 2]]])
    size = len(surface.vertices)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, piece = connected_components(graph, directed=False)
    used = np.unique(inner)
    return [used[piece[used] == one] for one in np.unique(piece[used])]


def _end(surface: ReconstructedSurface, piece: NDArray[np.intp], centre: Array) -> Continuation:
    points = surface.vertices[piece]
    inner = surface.triangles[np.isin(surface.triangles, piece).all(axis=1)]
    a, b, c = (surface.vertices[inner[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a).sum(axis=0)  # of the closed rim, whatever the cap's shape
    middle = points.mean(axis=0)
    direction = normal / max(float(np.linalg.norm(normal)), 1e-12)
    if direction @ (middle - centre) < 0.0:
        direction = -direction
    off = points - middle
    beside = np.linalg.norm(off - np.outer(off @ direction, direction), axis=1)
    return Continuation(middle, direction, float(beside.max()))


def _is_beyond(surfaces: Sequence[ReconstructedSurface], point: Array) -> bool:
    """Return whether a point is above the middle of C1 or below that of C4."""
    middles = {s.name: s.vertices.mean(axis=0) for s in surfaces if s.name in ("C1", "C4")}
    if len(middles) < 2:
        return True  # one of them is not in the scan
    along = middles["C1"] - middles["C4"]
    length = float(np.linalg.norm(along))
    height = float((point - middles["C4"]) @ along) / length
    return not -BEYOND <= height <= length + BEYOND


def _near(other: ReconstructedSurface, end: Continuation) -> bool:
    """Return whether an end lies in or at another vessel."""
    nearest = float(np.linalg.norm(other.vertices - end.point, axis=1).min())
    return nearest <= end.radius + WITHIN
