"""What a mesh file holds before it is a surface: vertices and polygons, checked."""

import re
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.frames import Array

# a vessel has some ten thousand; at two million, distances would need over 2 GB
MOST_TRIANGLES = 1_000_000
MOST_VERTICES = 3 * MOST_TRIANGLES  # of triangles that share no corner
MOST_CORNERS = 5_000  # of one polygon: cutting it takes the square of that
# mm: a hundred metres; single precision, which distances are computed in, has 0.01 mm there
MOST_COORDINATE = 1e5
MOST_SHOWN = 30  # characters of a text that is not a number


class MeshError(Exception):
    """What is wrong with a mesh, as the rest of a sentence that begins with the file's name."""


@dataclass(frozen=True)
class MeshData:
    """A mesh as its file has it.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        In mm.
    corners : ndarray, shape (k,), int
        Vertex indices of all polygons, one after the other.
    sizes : ndarray, shape (m,), int
        Number of corners of each polygon.
    is_ras : bool
        Whether the file says that it is in RAS.
    first_index : int
        What the file counts vertices from, for messages.
    sigma : ndarray, shape (n,), optional
        One standard deviation of the surface's own error at each vertex, mm, where the file has it.
    """

    vertices: Array
    corners: NDArray[np.int64]
    sizes: NDArray[np.int64]
    is_ras: bool = False
    first_index: int = 0
    sigma: Array | None = None


def polygons(lists: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join polygons that are given as lists of corners.

    Parameters
    ----------
    lists : list of ndarray of int
        Vertex indices of each polygon.

    Returns
    -------
    corners : ndarray, shape (k,), int
        All vertex indices, one after the other.
    sizes : ndarray, shape (m,), int
        Number of corners of each polygon.
    """
    sizes = np.array([len(entry) for entry in lists], np.int64)
    return np.concatenate([*lists, np.zeros(0, np.int64)]).astype(np.int64), sizes


def parse_numbers(text: bytes) -> Array:
    """Parse numbers separated by white space; nan and inf are numbers too.

    Parameters
    ----------
    text : bytes
        Of a file.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    MeshError
        Something else is among them.
    """
    text = text.strip()  # numpy reads blanks alone as a number
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # before numpy 2.3 only a warning
            return np.fromstring(text, sep=" ") if text else np.zeros(0)
    except (ValueError, DeprecationWarning):
        raise MeshError(_no_number(text)) from None


def _no_number(text: bytes) -> str:
    """Return what is among numbers that is not a number, and what to do."""
    for match in re.finditer(rb"\S+", text):
        token = match[0]
        try:
            float(token)
        except ValueError:
            advice = "write decimal points" if b"," in token else "export it again"
            shown = token[:MOST_SHOWN].decode(errors="replace")
            return f"has {shown!r} where a number is expected; {advice}"
    return "has something that is not a number where a number is expected; export it again"


def triangulate(mesh: MeshData) -> NDArray[np.int64]:
    """Cut a mesh's polygons into triangles; those of fewer than three corners are left out.

    Parameters
    ----------
    mesh : MeshData
        As its file has it.

    Returns
    -------
    ndarray, shape (m, 3), int
        Vertex indices.

    Raises
    ------
    MeshError
        A polygon names a vertex that does not exist, has too many corners, or there are too many.
    """
    wrong = (mesh.corners < 0) | (mesh.corners >= len(mesh.vertices))
    if wrong.any():
        index = int(mesh.corners[wrong][0]) + mesh.first_index
        raise MeshError(f"has a face that names vertex {index}, there are {len(mesh.vertices)}")
    if mesh.sizes.max(initial=0) > MOST_CORNERS:
        raise MeshError(
            f"has a face of {mesh.sizes.max()} corners; at most {MOST_CORNERS} are read"
        )
    if int(np.maximum(mesh.sizes - 2, 0).sum()) > MOST_TRIANGLES:
        raise MeshError(f"has more than {MOST_TRIANGLES} triangles; reduce it")
    starts = np.cumsum(mesh.sizes) - mesh.sizes
    parts = [mesh.corners[starts[mesh.sizes == 3][:, None] + np.arange(3)]]
    parts.append(
        _cut_quads(mesh.vertices, mesh.corners[starts[mesh.sizes == 4][:, None] + range(4)])
    )
    large = np.flatnonzero(mesh.sizes > 4)
    if len(large):
        parts.append(_cut_polygons(mesh, starts, large))
    return np.concatenate(parts)


def _cut_quads(vertices: Array, quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut each into two triangles, along the diagonal that leaves both facing the same way."""
    a, b, c, d = (vertices[quads[:, k]] for k in range(4))
    with np.errstate(all="ignore"):
        facing = (np.cross(b - a, c - a) * np.cross(c - a, d - a)).sum(axis=1)
    along_ac = (facing >= 0)[:, None]
    first = np.where(along_ac, quads[:, [0, 1, 2]], quads[:, [0, 1, 3]])
    second = np.where(along_ac, quads[:, [0, 2, 3]], quads[:, [1, 2, 3]])
    return np.concatenate([first, second])


def _cut_polygons(
    mesh: MeshData, starts: NDArray[np.int64], which: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Cut polygons of five corners and more, which may be concave, into triangles."""
    import pyvista  # heavy: only where a mesh has such

    if not np.isfinite(mesh.vertices).all():
        raise MeshError("has a vertex that is not finite")
    faces = [
        np.insert(mesh.corners[starts[k] : starts[k] + mesh.sizes[k]], 0, mesh.sizes[k])
        for k in which
    ]
    with pyvista.vtk_verbosity("off"), pyvista.VtkErrorCatcher(send_to_logging=False):
        cut = pyvista.PolyData(mesh.vertices, faces=np.concatenate(faces)).triangulate()
    return np.asarray(cut.faces, np.int64).reshape(-1, 4)[:, 1:]


def merge_equal(vertices: ArrayLike, triangles: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Merge equal vertices; leave out unused ones and triangles without three different vertices.

    Parameters
    ----------
    vertices : array_like, shape (n, 3)
        In mm.
    triangles : array_like, shape (m, 3), int
        Vertex indices.

    Returns
    -------
    vertices : ndarray, shape (k, 3)
        Each once.
    triangles : ndarray, shape (l, 3), int
        Indices of these.
    """
    points, faces = np.asarray(vertices, float), np.asarray(triangles, np.int64)
    key = np.zeros(len(points), np.int64)
    for axis in range(3):
        # ranks of two columns at a time stay whole numbers
        _, rank = np.unique(points[:, axis] + 0.0, return_inverse=True)
        _, key = np.unique(key * (rank.max(initial=0) + 1) + rank, return_inverse=True)
    faces = key[faces]
    distinct = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    faces = faces[distinct]
    merged = np.empty((key.max(initial=-1) + 1, 3))
    merged[key] = points
    used, faces = np.unique(faces, return_inverse=True)
    return merged[used], faces.reshape(-1, 3)
