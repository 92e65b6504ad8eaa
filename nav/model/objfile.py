"""Wavefront OBJ files: vertices and faces; everything else in them is left out."""

import re

import numpy as np
from numpy.typing import NDArray

from nav.model.meshdata import (
    MOST_TRIANGLES,
    MOST_VERTICES,
    MeshData,
    MeshError,
    parse_numbers,
    polygons,
)

READ = (b"v", b"v ", b"v\t", b"f", b"f ", b"f\t", b"fo")  # what a line that counts begins with
# a million triangles with normals and textures of their own have ten
MOST_LINES = 12_000_000


def read_obj(content: bytes) -> MeshData:
    """Read the mesh of an OBJ file; negative indices count back from the newest vertex.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    MeshData

    Raises
    ------
    MeshError
        A line that cannot be read, or no faces.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in text:
        raise MeshError("is not OBJ: it is not text")
    if text.count(b"\n") > MOST_LINES:
        raise MeshError(f"has more than {MOST_LINES} lines; reduce it")
    vertices: list[bytes] = []
    faces: list[NDArray[np.int64]] = []
    for number, line in enumerate(re.sub(rb"\\[ \t]*\n", b" ", text).split(b"\n"), start=1):
        if line.lstrip()[:2] not in READ:
            continue
        words = line.partition(b"#")[0].split()
        if words[:1] == [b"v"]:
            if len(words) < 4:
                raise MeshError(f"has a vertex of {len(words) - 1} numbers in line {number}")
            # more numbers than three are a weight or a colour
            vertices.append(b" ".join(words[1:4]))
        elif words[:1] in ([b"f"], [b"fo"]):
            faces.append(_face(words[1:], len(vertices), number))
        if len(faces) > MOST_TRIANGLES or len(vertices) > MOST_VERTICES:
            raise MeshError(f"has more than {MOST_TRIANGLES} triangles; reduce it")
    if not faces:
        raise MeshError("has no triangles")
    positions = parse_numbers(b"\n".join(vertices))
    if len(positions) != 3 * len(vertices):
        raise MeshError("has a vertex that cannot be read")
    corners, sizes = polygons(faces)
    return MeshData(
        positions.reshape(-1, 3), corners, sizes, b"SPACE=RAS" in content[:2048], first_index=1
    )


def _face(words: list[bytes], vertices: int, number: int) -> NDArray[np.int64]:
    """Return vertex indices from 0 of ``1``, ``1/2``, ``1//3`` or ``1/2/3``."""
    try:
        indices = [int(word.partition(b"/")[0]) for word in words]
        corners = np.array([i - 1 if i > 0 else vertices + i for i in indices], np.int64)
    except (ValueError, OverflowError):
        raise MeshError(f"has a face that cannot be read in line {number}") from None
    if 0 in indices:
        raise MeshError(f"has a face that names vertex 0 in line {number}; they count from 1")
    if len(indices) < 3:
        raise MeshError(f"has a face of {len(indices)} corners in line {number}")
    return corners
