"""Encode surfaces as binary PLY and STL files."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nav.core.filekinds import PLY_COMMENT
from nav.core.frames import Array
from nav.model.stlfile import RECORD

DECIMALS_3MF = 6  # of a 3MF's coordinates, which it holds as text, mm
Column = tuple[str, Array | NDArray[np.uint8]]


def binary_ply(
    vertices: Array,
    triangles: NDArray[np.int32],
    columns: Sequence[Column] = (),
    comments: Sequence[str] = (),
) -> bytes:
    """Encode a surface as binary PLY, little endian.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Model frame, mm; written in single precision.
    triangles : ndarray, shape (m, 3)
        Indices of the vertices.
    columns : sequence of (str, ndarray)
        Further properties of the vertices: name, and n values. Those of type uint8 are written as
        they are, all others in single precision.
    comments : sequence of str
        Further comments of the header.

    Returns
    -------
    bytes
        The whole file.
    """
    named: list[Column] = [*zip("xyz", np.asarray(vertices).T, strict=True), *columns]
    types = [
        ("uchar", "u1") if values.dtype == np.uint8 else ("float", "<f4") for _, values in named
    ]
    rows = np.empty(
        len(vertices), [(name, t) for (name, _), (_, t) in zip(named, types, strict=True)]
    )
    for name, values in named:
        rows[name] = values
    faces = np.empty(len(triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, triangles
    header = [
        "ply",
        "format binary_little_endian 1.0",
        PLY_COMMENT.decode(),
        *(f"comment {comment}" for comment in comments),
        f"element vertex {len(vertices)}",
        *(f"property {t} {name}" for (name, _), (t, _) in zip(named, types, strict=True)),
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    return "\n".join(header).encode() + rows.tobytes() + faces.tobytes()


def binary_stl(vertices: Array, triangles: NDArray[np.int32], title: bytes) -> bytes:
    """Encode a surface as binary STL.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm; written in single precision.
    triangles : ndarray, shape (m, 3)
        Indices of the vertices.
    title : bytes
        First bytes of the file, 80 at most.

    Returns
    -------
    bytes
        The whole file.
    """
    facets = np.zeros(len(triangles), RECORD)
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    facets["normal"] = normals / np.where(lengths > 0.0, lengths, 1.0)
    facets["corners"] = corners
    return title.ljust(80) + struct.pack("<I", len(facets)) + facets.tobytes()
