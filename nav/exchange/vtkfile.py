"""Legacy VTK files, in which 3D Slicer keeps models unless told otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nav.errors import InputError
from nav.model.meshdata import MOST_COORDINATE, MOST_TRIANGLES, merge_equal
from nav.model.meshfile import MOST_MESH_BYTES, LoadedMesh
from nav.textfile import read_bytes

START = b"# vtk DataFile"
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def read_vtk_mesh(path: Path, field: str) -> LoadedMesh:
    """Return the triangles of a legacy VTK file, LPS; RAS is turned where its title says it.

    Raises
    ------
    InputError
        It cannot be read, holds no polygons, or places that cannot be.
    """
    import pyvista
    import vtk

    try:
        content = read_bytes(path, MOST_MESH_BYTES)
    except InputError as error:
        raise InputError(f"{field}: {error}") from None
    lines = content[:2048].split(b"\n", 4)
    if not content.startswith(START) or len(lines) < 4 or b"POLYDATA" not in lines[3].upper():
        raise InputError(f"{field}: {path.name} is no VTK file of polygons")
    reader = vtk.vtkPolyDataReader()
    reader.SetFileName(str(path))
    with pyvista.vtk_verbosity("off"), pyvista.VtkErrorCatcher(send_to_logging=False):
        reader.Update()
        mesh = pyvista.wrap(reader.GetOutput()).triangulate()
    faces = np.asarray(mesh.faces, np.int64)
    if not len(faces) or len(faces) % 4 or len(faces) // 4 > MOST_TRIANGLES:
        raise InputError(
            f"{field}: {path.name} has {len(faces) // 4} triangles; expected 1 to {MOST_TRIANGLES}"
        )
    vertices, triangles = np.asarray(mesh.points, float), faces.reshape(-1, 4)[:, 1:]
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise InputError(f"{field}: {path.name} is damaged: it names vertices that it has not")
    if not np.isfinite(vertices).all() or np.abs(vertices).max() > MOST_COORDINATE:
        raise InputError(f"{field}: {path.name} has a vertex that is nowhere; is it damaged?")
    if b"SPACE=RAS" in lines[1]:
        vertices = vertices * RAS_TO_LPS
    return LoadedMesh(*merge_equal(vertices, triangles))
