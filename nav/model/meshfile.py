"""Meshes in files of any program: read and checked, so that VTK cannot crash on them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.signatures import other_kind
from nav.core.textfile import MEGABYTE, printable, read_bytes
from nav.model.local_sigma import LocalSigma
from nav.model.meshdata import (
    MOST_COORDINATE,
    MeshData,
    MeshError,
    merge_equal,
    triangulate,
)
from nav.model.objfile import read_obj
from nav.model.plyfile import read_ply
from nav.model.stlfile import read_stl
from nav.model.vtpfile import read_vtp

READERS: dict[str, Callable[[bytes], MeshData]] = {
    ".ply": read_ply,
    ".stl": read_stl,
    ".obj": read_obj,
    ".vtp": read_vtp,
}
MOST_MESH_BYTES = 128 * MEGABYTE  # a million triangles of a text STL have more, of a binary one 50


@dataclass(frozen=True)
class LoadedMesh:
    """A mesh of a file, checked.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        LPS, mm.
    triangles : ndarray, shape (m, 3), int
        Vertex indices.
    sigma : LocalSigma, optional
        Where the file says how well its vertices are known.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    sigma: LocalSigma | None = None


def load_mesh(
    path: Path, field: str, reader: Callable[[bytes], MeshData] | None = None
) -> LoadedMesh:
    """Load the mesh of a file.

    A file that says it is RAS (3D Slicer writes SPACE=RAS) is converted to LPS. Equal vertices are
    merged and triangles without area between three vertices left out.

    Parameters
    ----------
    path : Path
        PLY, STL, OBJ or VTP.
    field : str
        What it is, with which messages begin.
    reader : callable, optional
        Of its content; by default that of its suffix.

    Returns
    -------
    LoadedMesh

    Raises
    ------
    InputError
        `field` with the file: missing, of another kind, too large, damaged, empty or not finite.
    """
    reader = reader or READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{field}: {path.name} is not a mesh; expected PLY, STL, OBJ or VTP")
    try:
        content = read_bytes(path, MOST_MESH_BYTES)
    except InputError as error:
        raise InputError(f"{field}: {error}") from None
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            mesh = reader(content)
            triangles = triangulate(mesh)
        check_positions(mesh.vertices)
        vertices = mesh.vertices * [-1.0, -1.0, 1.0] if mesh.is_ras else mesh.vertices
        sigma = None if mesh.sigma is None else LocalSigma(vertices, mesh.sigma)
        vertices, triangles = merge_equal(vertices, triangles)
        if not len(triangles):
            raise MeshError("has no triangles")
    except MeshError as error:
        why = other_kind(content, path.suffix) or printable(str(error))
        raise InputError(f"{field}: {path.name} {why}") from None
    return LoadedMesh(vertices, triangles, sigma)


def check_positions(vertices: Array) -> None:
    """Refuse vertices that are not finite, or implausibly far away.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        In mm.

    Raises
    ------
    MeshError
        Naming one of them.
    """
    if not np.isfinite(vertices).all():
        which = int(np.flatnonzero(~np.isfinite(vertices).all(axis=1))[0])
        raise MeshError(f"has a vertex that is not finite: {vertices[which].tolist()}")
    largest = float(np.abs(vertices).max(initial=0.0))
    if largest > MOST_COORDINATE:
        raise MeshError(
            f"has a vertex at {largest:g} mm; expected millimetres within {MOST_COORDINATE:g}"
        )
