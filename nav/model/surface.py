"""A closed triangle surface, with distances and ray casting."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.boundary import STEP, boundary_corners
from nav.model.closed import check_closed
from nav.model.local_sigma import LocalSigma
from nav.model.meshdata import MeshError
from nav.model.meshfile import load_mesh
from nav.model.shells import outer_surface
from nav.openthreed import import_open3d

if TYPE_CHECKING:
    from nav.model.winding import WindingNumber


class Surface:
    """A closed triangle surface.

    A point is inside where the winding number is not 0, so also where the surface overlaps itself.
    Distances are exact to float32 (about 1e-5 mm at 100 mm).

    Parameters
    ----------
    vertices : array_like, shape (n, 3)
        In mm.
    triangles : array_like, shape (m, 3), int
        Vertex indices; facing outwards.
    sigma : LocalSigma, optional
        How well each place of it is known, where its file says so.
    """

    def __init__(
        self, vertices: ArrayLike, triangles: ArrayLike, sigma: LocalSigma | None = None
    ) -> None:
        self.sigma = sigma
        self.vertices: Array = np.asarray(vertices, float)
        self.triangles: NDArray[np.int32] = np.asarray(triangles, np.int32)

    @cached_property
    def _scene(self) -> Any:
        return self._scene_of(self.vertices, self.triangles)

    @cached_property
    def _centre(self) -> Array:
        """What is subtracted before coordinates become single precision."""
        return (self.vertices.min(axis=0) + self.vertices.max(axis=0)) / 2.0

    @cached_property
    def winding(self) -> "WindingNumber":
        """Winding number of the surface round points."""
        from nav.model.winding import WindingNumber  # loads the compiler, as Open3D heavy

        return WindingNumber(self.vertices, self.triangles)

    @cached_property
    def _boundary_scene(self) -> Any:
        """Scene without walls that have the inside on both sides."""
        corners = boundary_corners(
            self.vertices, self.triangles, self._scene, self._centre, self.winding
        )
        if len(corners) == len(self.triangles):
            return self._scene
        return self._scene_of(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))

    def _scene_of(self, vertices: Array, triangles: NDArray[Any]) -> Any:
        o3d = import_open3d()  # only where distances are asked for
        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        scene.add_triangles(
            o3d.core.Tensor((vertices - self._centre).astype(np.float32)),
            o3d.core.Tensor(triangles.astype(np.uint32)),
        )
        return scene

    def distance(self, point: ArrayLike) -> tuple[float, Array]:
        """Return the signed distance of a point and the nearest surface point.

        Parameters
        ----------
        point : array_like, shape (3,)
            Frame of the surface, mm.

        Returns
        -------
        distance : float
            In mm, negative inside.
        nearest : ndarray, shape (3,)
            Of the boundary between inside and outside, to 0.1 mm where the surface crosses itself:
            walls that have the inside on both sides are left out.
        """
        query = np.asarray(point, float)
        nearest, distance = self._nearest(self._scene, query)
        if not self.winding(query):
            return distance, nearest
        if distance > 0 and self.winding(nearest + (nearest - query) * (STEP / distance)):
            nearest, distance = self._nearest(self._boundary_scene, query)
        return -distance, nearest

    def distances(self, points: ArrayLike) -> tuple[Array, Array]:
        """Return the signed distances of points and the nearest surface points.

        The same as `distance` of each, and many times as fast.

        Parameters
        ----------
        points : array_like, shape (k, 3)
            Frame of the surface, mm.

        Returns
        -------
        distances : ndarray, shape (k,)
            In mm, negative inside.
        nearest : ndarray, shape (k, 3)
            As of `distance`.
        """
        queries = np.asarray(points, float).reshape(-1, 3)
        asked = (queries - self._centre).astype(np.float32)
        closest = self._scene.compute_closest_points(asked)["points"].numpy()
        nearest = closest + self._centre
        distances: Array = np.linalg.norm(queries - nearest, axis=1)
        inside = np.flatnonzero(self.winding.of_many(queries))
        ways = nearest[inside] - queries[inside]
        steps = STEP / np.maximum(distances[inside], STEP)
        beyond = self.winding.of_many(nearest[inside] + ways * steps[:, None]) != 0
        distances[inside] *= -1.0
        # the nearest wall has the inside on both sides, or is too near to tell
        for k in inside[beyond]:
            distances[k], nearest[k] = self.distance(queries[k])
        return distances, nearest

    def first_hits(self, origins: ArrayLike, directions: ArrayLike) -> Array:
        """Cast rays to the surface.

        Parameters
        ----------
        origins : array_like, shape (k, 3)
            Frame of the surface, mm.
        directions : array_like, shape (k, 3) or (3,)
            Unit vectors.

        Returns
        -------
        ndarray, shape (k,)
            Distance along each ray, mm; inf: a miss.
        """
        starts = np.asarray(origins, float) - self._centre
        rays = np.hstack([starts, np.broadcast_to(directions, starts.shape)]).astype(np.float32)
        ways: Array = self._scene.cast_rays(rays)["t_hit"].numpy().astype(float)
        return ways

    def _nearest(self, scene: Any, query: Array) -> tuple[Array, float]:
        asked = (query - self._centre).astype(np.float32)[None]
        nearest = scene.compute_closest_points(asked)["points"].numpy()[0] + self._centre
        return nearest, float(np.linalg.norm(query - nearest))

    def first_hit(self, origin: ArrayLike, direction: ArrayLike) -> float | None:
        """Cast one ray to the surface.

        Parameters
        ----------
        origin : array_like, shape (3,)
            Frame of the surface, mm.
        direction : array_like, shape (3,)
            Unit vector.

        Returns
        -------
        float or None
            Distance along the ray, mm; None: a miss.
        """
        start = np.asarray(origin, float) - self._centre
        ray = np.concatenate([start, np.asarray(direction)]).astype(np.float32)
        hit = float(self._scene.cast_rays(ray[None])["t_hit"].numpy()[0])
        return hit if np.isfinite(hit) else None


def load_surface(path: Path, field: str) -> Surface:
    """Load a closed surface from PLY, STL, OBJ or VTP.

    A file that says it is RAS (3D Slicer writes SPACE=RAS) is converted to LPS. What a shell of the
    surface encloses is inside, whichever way its triangles face: shells that overlap are united,
    one inside another is left out (see `nav.model.shells`).

    Parameters
    ----------
    path : Path
        The mesh.
    field : str
        What it is, with which messages begin.

    Returns
    -------
    Surface
        Model frame (LPS), mm.

    Raises
    ------
    InputError
        `field` with the file: missing, of another kind, damaged, empty, not finite, not closed, or
        without inside.
    """
    mesh = load_mesh(path, field)
    try:
        check_closed(mesh.vertices, mesh.triangles)
        return Surface(*outer_surface(mesh.vertices, mesh.triangles), mesh.sigma)
    except MeshError as error:
        raise InputError(f"{field}: {path.name} {error}") from None
