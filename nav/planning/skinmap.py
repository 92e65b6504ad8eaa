"""The risk of entering at each place of the skin, as a coloured surface."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from nav.frames import Array
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
    parts, faces, start = [], [], 0
    for risk, colour in zip(risks, colours, strict=True):
        vertices, triangles = patch(risk)
        table = np.empty(len(vertices), VERTEX)
        table["at"], table["colour"] = vertices, colour
        table["risk"] = np.stack([risk.probability, risk.reserve], axis=1)
        face = np.empty(len(triangles), [("count", "u1"), ("corners", "<i4", 3)])
        face["count"], face["corners"] = 3, triangles + start
        parts.append(table)
        faces.append(face)
        start += len(vertices)
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment millimetres, model frame LPS\n"
        f"element vertex {start}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "property float probability\nproperty float reserve\n"
        f"element face {sum(len(f) for f in faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    return (
        header.encode()
        + b"".join(p.tobytes() for p in parts)
        + b"".join(f.tobytes() for f in faces)
    )


VERTEX = [("at", "<f4", 3), ("colour", "u1", 3), ("risk", "<f4", 2)]
