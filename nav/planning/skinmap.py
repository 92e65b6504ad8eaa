"""The risk of entering at each place of the skin, as a coloured surface."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from nav.core.frames import Array
from nav.model.mesh_bytes import binary_ply
from nav.planning.plan_result import SkinRisk

LONGEST_EDGE = 8.0  # mm: longer ones bridge places that were not sampled


def patch(risk: SkinRisk) -> tuple[Array, NDArray[np.int64]]:
    """Return a triangulation of the places of the skin.

    Parameters
    ----------
    risk : SkinRisk
        n places.

    Returns
    -------
    vertices : ndarray, shape (n, 3)
        The entries, model frame, mm.
    triangles : ndarray of int64, shape (m, 3)
        Between neighbours; none where the places are too few or lie on a line.
    """
    entries = risk.entries
    if len(entries) < 4:
        return entries, np.zeros((0, 3), np.int64)
    middle = entries.mean(axis=0)
    _, _, axes = np.linalg.svd(entries - middle, full_matrices=False)
    try:
        triangles = np.asarray(Delaunay((entries - middle) @ axes[:2].T).simplices, np.int64)
    except QhullError:
        return entries, np.zeros((0, 3), np.int64)
    corners = entries[triangles]
    edges = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    return entries, triangles[edges.max(axis=1) < LONGEST_EDGE]


def ply_of(risks: tuple[SkinRisk, ...], colours: tuple[NDArray[np.uint8], ...]) -> bytes:
    """Return a binary PLY of all sides: colour, probability and reserve (mm) at each vertex.

    Parameters
    ----------
    risks : tuple of SkinRisk
        One for each side.
    colours : tuple of ndarray of uint8, shape (n, 3)
        RGB of their places.

    Returns
    -------
    bytes
        The file's contents; model frame, mm.
    """
    patches = [patch(risk) for risk in risks]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in patches[:-1])])
    vertices = np.concatenate([v for v, _ in patches])
    triangles = np.concatenate([t + start for (_, t), start in zip(patches, starts, strict=True)])
    red, green, blue = np.concatenate(colours).T
    columns = [
        ("red", red),
        ("green", green),
        ("blue", blue),
        ("probability", np.concatenate([risk.probability for risk in risks])),
        ("reserve", np.concatenate([risk.reserve for risk in risks])),
    ]
    return binary_ply(vertices, triangles, columns)
