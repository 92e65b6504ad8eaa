"""A closed triangle surface that answers distances and rays."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.errors import InputError
from nav.frames import Array
from nav.model.plyfile import ply_is_whole

MESH_SUFFIXES = (".ply", ".stl", ".obj", ".vtp")


class Surface:
    """Closed triangle surface: vertices (n, 3), mm, and triangles (m, 3).

    Distances are exact to float32 (about 1e-5 mm at 100 mm).
    """

    def __init__(self, vertices: ArrayLike, triangles: ArrayLike) -> None:
        self.vertices: Array = np.asarray(vertices, float)
        self.triangles: NDArray[np.int32] = np.asarray(triangles, np.int32)

    @cached_property
    def _scene(self) -> Any:
        import open3d as o3d  # over a second to import: only where distances are asked

        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        scene.add_triangles(
            o3d.core.Tensor(self.vertices.astype(np.float32)),
            o3d.core.Tensor(self.triangles.astype(np.uint32)),
        )
        return scene

    def distance(self, point: ArrayLike) -> tuple[float, Array]:
        """Signed distance of a point (3,), mm, negative inside, and the nearest surface point."""
        query = np.asarray(point, np.float32)[None]
        nearest = self._scene.compute_closest_points(query)["points"].numpy()[0].astype(float)
        distance = float(np.linalg.norm(np.asarray(point, float) - nearest))
        # one ray may graze an edge: the majority of five decides
        inside = bool(self._scene.compute_occupancy(query, nsamples=5).numpy()[0] > 0.5)
        return (-distance if inside else distance), nearest

    def first_hit(self, origin: ArrayLike, direction: ArrayLike) -> float | None:
        """Way from origin (3,) along a unit direction (3,) to the surface, mm; None: a miss."""
        ray = np.concatenate([np.asarray(origin), np.asarray(direction)]).astype(np.float32)
        hit = float(self._scene.cast_rays(ray[None])["t_hit"].numpy()[0])
        return hit if np.isfinite(hit) else None


def load_surface(path: Path, field: str) -> Surface:
    """A closed surface from PLY, STL, OBJ or VTP, model frame (LPS).

    A file that says it is RAS (3D Slicer writes SPACE=RAS) is turned.

    Raises
    ------
    InputError
        `field` with the file: missing, of another kind, empty, not finite or not closed.
    """
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise InputError(f"{field}: {path.name} is no mesh; expected PLY, STL, OBJ or VTP")
    if not path.is_file():
        raise InputError(f"{field}: no such file: {path}")
    if path.suffix.lower() == ".ply" and not ply_is_whole(path):
        raise InputError(f"{field}: {path.name} is cut short; copy or export it again")
    try:
        mesh = _read(path)
    except Exception as error:
        raise InputError(f"{field}: {path.name} cannot be read: {error}".splitlines()[0]) from None
    if mesh.n_cells == 0:
        raise InputError(f"{field}: {path.name} has no triangles")
    vertices = np.asarray(mesh.points, float)
    if _is_ras(path, mesh):
        vertices = vertices * [-1.0, -1.0, 1.0]
    if not np.isfinite(vertices).all():
        raise InputError(f"{field}: {path.name} has a vertex that is not finite")
    triangles = mesh.faces.reshape(-1, 4)[:, 1:]
    open_edges = count_open_edges(triangles)
    if open_edges:
        raise InputError(
            f"{field}: {path.name} is not closed: {open_edges} edges do not join two triangles; "
            "fill its holes"
        )
    return Surface(vertices, triangles)


def _is_ras(path: Path, mesh: Any) -> bool:
    """Whether the file says that its coordinates are RAS, as 3D Slicer notes it; else LPS."""
    with open(path, "rb") as file:
        if b"SPACE=RAS" in file.read(2048):
            return True
    return "SPACE" in mesh.field_data and str(mesh.field_data["SPACE"][0]).upper() == "RAS"


def _read(path: Path) -> Any:
    import pyvista  # heavy: only where meshes are read

    # VTK tells the terminal a page about a bad file; our one line replaces it
    with pyvista.vtk_verbosity("off"), pyvista.VtkErrorCatcher(send_to_logging=False):
        reader = pyvista.get_reader(path).reader
        reader.Update()
    return pyvista.wrap(reader.GetOutput()).extract_surface(algorithm=None).triangulate().clean()


def count_open_edges(triangles: ArrayLike) -> int:
    """Edges of triangles (m, 3) that do not join exactly two of them; 0 for a closed surface."""
    triangles = np.asarray(triangles)
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return sum(number for count, number in Counter(counts.tolist()).items() if count != 2)
