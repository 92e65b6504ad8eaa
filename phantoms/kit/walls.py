"""Wall thickness of parts, measured through them from their surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.openthreed import import_open3d
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.sdf import Array

EDGE = 45.0  # degrees
_STEP = 3.0  # mm, spacing of the points at which larger triangles are measured


@dataclass(frozen=True)
class Walls:
    """Thickness perpendicular to the surface at points on it; infinite beside a blunt edge.

    A wall has two sides that face away from each other: where their normals deviate from that by
    more than EDGE, an edge was measured.

    Attributes
    ----------
    points : ndarray, shape (n, 3)
        On the surface, mm.
    thickness : ndarray, shape (n,)
        mm.
    area : ndarray, shape (n,)
        Of the surface that a point stands for, mm^2.
    """

    points: Array
    thickness: Array
    area: Array

    def thin(self, least: float) -> float:
        """Return the area of the surface under which the wall is thinner than `least` mm, mm^2."""
        return float(self.area[self.thickness < least].sum())


def walls(mesh: Mesh) -> Walls:
    """Measure the walls by a ray inwards from each triangle, from several points of a large one.

    Parameters
    ----------
    mesh : Mesh
        Closed, mm.

    Returns
    -------
    Walls
        In the mesh's frame.
    """
    points, normals, area = _samples(mesh)
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))
    start = points - 1e-3 * normals
    rays = o3d.core.Tensor(np.concatenate([start, -normals], axis=1).astype(np.float32))
    found = scene.cast_rays(rays)
    thickness = np.asarray(found["t_hit"].numpy(), float) + 1e-3
    facing = (found["primitive_normals"].numpy() * normals).sum(axis=1)
    thickness[facing > -np.cos(np.radians(EDGE))] = np.inf
    return Walls(points, thickness, area)


def _samples(mesh: Mesh) -> tuple[Array, Array, Array]:
    """Return points, unit normals and areas of even pieces of all triangles."""
    corners = mesh.vertices[mesh.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(cross, axis=1)
    kept = double > 1e-6
    corners, cross, double = corners[kept], cross[kept], double[kept]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    parts = np.clip(np.ceil(longest / _STEP), 1, 40).astype(int)
    points, normals, area = [], [], []
    for n in np.unique(parts):
        chosen = parts == n
        weights = _centres(n)
        points.append(np.einsum("kc,tcd->tkd", weights, corners[chosen]).reshape(-1, 3))
        normals.append(np.repeat(cross[chosen] / double[chosen, None], len(weights), axis=0))
        area.append(np.repeat(double[chosen] / 2 / len(weights), len(weights)))
    return np.concatenate(points), np.concatenate(normals), np.concatenate(area)


def _centres(n: int) -> Array:
    """Return barycentric middles of the n^2 equal triangles that a triangle is cut into."""
    upright = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    turned = [(i + 2 / 3, j + 2 / 3) for i in range(n - 1) for j in range(n - 1 - i)]
    u, v = np.array(upright + turned).T / n
    return np.column_stack([1.0 - u - v, u, v])
