"""Load surfaces of a source's models and label maps, in the model frame, checked to be closed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.exchange.import_sources import SourceFile
from nav.exchange.vtkfile import read_vtk_mesh
from nav.model.closed import check_closed
from nav.model.local_sigma import LocalSigma
from nav.model.meshdata import MOST_TRIANGLES, MeshError, merge_equal
from nav.model.meshfile import LoadedMesh, check_positions, load_mesh
from nav.model.shells import outer_surface
from nav.model.surface import Surface
from nav.reconstruction.label_surfaces import LabelSurface

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS to LPS and back
HEAD = 4096  # bytes at the start in which a file may state its coordinate system
LEAST_SIGMA = 0.02  # mm
MANY_TRIANGLES = 200_000  # distances to more slow the display down
MOST_REDUCTION = 0.75  # beyond, the volume shrinks by more than a per cent


def load_model(source: SourceFile, is_ras: bool | None) -> Surface:
    """Return a model as a closed surface in the model frame.

    Parameters
    ----------
    source : SourceFile
        The file, and its place in a scene.
    is_ras : bool, optional
        Whether files that do not state their coordinate system are in RAS; None: as the scene
        states, else LPS.

    Returns
    -------
    Surface
        mm, LPS.

    Raises
    ------
    InputError
        It cannot be read, or is not closed.
    """
    field = f"model {source.name}"
    if source.path.suffix.lower() == ".vtk":
        mesh = read_vtk_mesh(source.path, field)
    else:
        mesh = load_mesh(source.path, field)
    stated = _states_space(source.path)
    turned = source.is_ras if is_ras is None else is_ras
    matrix = source.lps_from_file @ (FLIP if turned and not stated else np.eye(4))
    return closed_surface(_moved(mesh, matrix), field, source.path.name)


def closed_surface(mesh: LoadedMesh, field: str, file: str) -> Surface:
    """Return the outer surface of a mesh.

    Parameters
    ----------
    mesh : LoadedMesh
        mm.
    field : str
        What it is called in messages.
    file : str
        Its file, in messages.

    Returns
    -------
    Surface
        Closed, with the mesh's sigma.

    Raises
    ------
    InputError
        It is not closed.
    """
    try:
        if not len(mesh.triangles):
            raise MeshError("has no triangles")
        check_positions(mesh.vertices)
        check_closed(mesh.vertices, mesh.triangles)
        return Surface(*outer_surface(mesh.vertices, mesh.triangles), mesh.sigma)
    except MeshError as error:
        raise InputError(f"{field}: {file} {error}") from None


def surface_of_label(found: LabelSurface) -> Surface:
    """Return the surface of a label, with its own sigma.

    Parameters
    ----------
    found : LabelSurface
        Model frame, mm. Very many triangles are decimated.

    Returns
    -------
    Surface
        Closed.

    Raises
    ------
    InputError
        It is not closed (its voxels touch along edges only), or has too many triangles.
    """
    sigma = LocalSigma(found.vertices, np.maximum(found.sigma, LEAST_SIGMA))
    vertices, triangles = merge_equal(found.vertices, found.triangles)
    field = f"label {found.name}"
    if len(triangles) > MANY_TRIANGLES:
        fewer = LoadedMesh(*_decimated(vertices, triangles), sigma)
        with suppress(InputError):  # decimation may have joined parts
            return closed_surface(fewer, field, "its boundary")
    if len(triangles) > MOST_TRIANGLES:
        raise InputError(
            f"{field}: has {len(triangles)} triangles, at most {MOST_TRIANGLES} are read; "
            "give a label map of larger voxels"
        )
    return closed_surface(LoadedMesh(vertices, triangles, sigma), field, "its boundary")


def _decimated(vertices: Array, triangles: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Return fewer triangles, by quadric decimation: at least a quarter of them."""
    import fast_simplification

    reduction = min(1.0 - MANY_TRIANGLES / len(triangles), MOST_REDUCTION)
    points, faces = fast_simplification.simplify(
        vertices.astype(np.float32), triangles.astype(np.int32), reduction
    )
    return merge_equal(points, faces)


def usual_sigma(surface: Surface) -> float | None:
    """Return the rms of a surface's own sigma.

    Parameters
    ----------
    surface : Surface
        With or without sigma at its vertices.

    Returns
    -------
    float or None
        mm; None where it has none.
    """
    if surface.sigma is None:
        return None
    return float(max(np.sqrt((surface.sigma.values**2).mean()), LEAST_SIGMA))


def _states_space(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    return b"SPACE=" in head or b'"SPACE"' in head


def _moved(mesh: LoadedMesh, matrix: Array) -> LoadedMesh:
    if np.array_equal(matrix, np.eye(4)):
        return mesh
    vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    sigma = mesh.sigma
    if sigma is not None:
        points = sigma.points @ matrix[:3, :3].T + matrix[:3, 3]
        sigma = LocalSigma(points, sigma.values)
    return LoadedMesh(vertices, mesh.triangles, sigma)
