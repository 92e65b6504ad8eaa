"""Measurements of closed meshes by ray casting and signed distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform

from nav.openthreed import import_open3d
from phantoms.anatomy.mesh import Mesh, Triangles
from phantoms.anatomy.sdf import Array

INSIDE_RAYS = 5  # a vote: one ray that slips through an edge would put a point on the wrong side
CELL = 4.0  # mm, of points of which one is measured first
ROUNDING = 1e-3  # mm, by which single precision may be off


class Gauge:
    """A closed surface that can be measured, in a frame of choice; all lengths in mm.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        The mesh's frame, mm.
    triangles : ndarray, shape (m, 3)
        Vertex indices.
    frame_from_mesh : RigidTransform, optional
        Pose of the mesh in the frame that is measured in; the mesh's own frame by default.
    """

    def __init__(
        self,
        vertices: Array,
        triangles: Triangles,
        frame_from_mesh: RigidTransform | None = None,
    ) -> None:
        moved = vertices if frame_from_mesh is None else frame_from_mesh.apply(vertices)
        self.vertices, self.triangles = np.asarray(moved, float), triangles
        self._tensor: Any = import_open3d().core.Tensor
        self._scene: Any = import_open3d().t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(moved.astype(np.float32), triangles.astype(np.uint32))

    @classmethod
    def of(cls, mesh: Mesh) -> Gauge:
        """Make the gauge of a mesh in the mesh's own frame."""
        return cls(mesh.vertices, mesh.triangles)

    def reach(self, point: ArrayLike, direction: ArrayLike) -> float:
        """Measure from a point to the first surface in a direction; infinite where there is none.

        Parameters
        ----------
        point : array_like, shape (3,)
            Start of the ray, mm.
        direction : array_like, shape (3,)
            Of any length.

        Returns
        -------
        float
            mm.
        """
        return float(self.reaches(np.asarray(point, float)[None], direction)[0])

    def reaches(self, points: Array, directions: ArrayLike) -> Array:
        """Measure from each of many points to the first surface, as `reach` does.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            Starts of the rays, mm.
        directions : array_like, shape (n, 3) or (3,)
            Of any length.

        Returns
        -------
        ndarray, shape (n,)
            mm.
        """
        way = np.asarray(directions, float)
        way = way / np.linalg.norm(way, axis=-1, keepdims=True)
        rays = np.hstack([points, np.broadcast_to(way, points.shape)])
        found = self._scene.cast_rays(self._tensor(rays.astype(np.float32)))
        return np.asarray(found["t_hit"].numpy(), float)

    def across(self, point: ArrayLike, direction: ArrayLike) -> float:
        """Measure through a point, from surface to surface along a direction.

        Parameters
        ----------
        point : array_like, shape (3,)
            mm.
        direction : array_like, shape (3,)
            Of any length.

        Returns
        -------
        float
            mm; infinite where a side has no surface.
        """
        return self.reach(point, direction) + self.reach(point, -np.asarray(direction, float))

    def signed_distance(self, points: ArrayLike) -> Array:
        """Return the signed distances of points (n, 3), mm, (n,); negative inside."""
        found = self._scene.compute_signed_distance(
            self._tensor(np.asarray(points, np.float32)), nsamples=INSIDE_RAYS
        )
        return np.asarray(found.numpy(), float)

    def distance(self, points: ArrayLike) -> Array:
        """Return the distances of points (n, 3) to the surface's triangles, exact, mm, (n,)."""
        found = self._scene.compute_distance(self._tensor(np.asarray(points, np.float32)))
        return np.asarray(found.numpy(), float)

    def surface_points(self) -> Array:
        """Return the vertices and the middles of the triangles, (n + m, 3), mm."""
        return np.concatenate([self.vertices, self.vertices[self.triangles].mean(axis=1)])

    def smallest_distance(self, points: Array) -> float:
        """Return the smallest signed distance of points (n, 3), mm; negative inside."""
        return self._smallest(points, 1.0)

    def smallest_depth(self, points: Array) -> float:
        """Return how deep inside the least deep of points (n, 3) lies, mm; negative outside."""
        return self._smallest(points, -1.0)

    def _smallest(self, points: Array, sign: float) -> float:
        """Measure one point of each cell, then those that may be less by their way from there."""
        index = np.floor((points - points.min(axis=0)) / CELL).astype(np.int64)
        number = np.ravel_multi_index(tuple(index.T), tuple(index.max(axis=0) + 1))
        _, first, cell = np.unique(number, return_index=True, return_inverse=True)
        coarse = sign * self.signed_distance(points[first])
        apart = np.linalg.norm(points - points[first][cell], axis=1)
        maybe = coarse[cell] - apart < coarse.min() + ROUNDING
        return float((sign * self.signed_distance(points[maybe])).min())

    def gap(self, other: Gauge) -> float:
        """Return the smallest distance to another surface's points, mm; negative on overlap."""
        one = other.smallest_distance(self.surface_points())
        return min(one, self.smallest_distance(other.surface_points()))
