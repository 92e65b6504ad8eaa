"""Rays into the static scene: first hits and occlusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.openthreed import import_open3d
from phantoms.twin.simulated_room import SceneItem

BAND = 200_000  # rays at once, to keep memory low
CREASE = float(np.cos(np.radians(38.0)))  # faces that meet more sharply are not shaded as one
Rays = NDArray[np.float32]  # (n, 6): origin and direction
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """First hits of n rays.

    Attributes
    ----------
    way : ndarray of float32, shape (n,)
        Distance in lengths of the ray's direction, inf for a miss.
    item : ndarray of int32, shape (n,)
        Index of the item, -1 for a miss.
    points : ndarray of float32, shape (n, 3)
        In mm.
    normals : ndarray of float32, shape (n, 3)
        Unit, smoothed, towards the ray's origin.
    flat : ndarray of float32, shape (n, 3)
        The same of the triangle itself.
    """

    way: Floats
    item: NDArray[np.int32]
    points: Floats
    normals: Floats
    flat: Floats

    def of(self, chosen: slice | NDArray[np.intp]) -> Hits:
        """Return some of the hits."""
        return Hits(*(getattr(self, f.name)[chosen] for f in fields(self)))


class RayScene:
    """Items prepared for rays; all in one frame.

    Parameters
    ----------
    items : sequence of SceneItem
        The items.
    """

    def __init__(self, items: Sequence[SceneItem]) -> None:
        o3d = import_open3d()  # only where a scene is drawn

        self.tensor: Any = o3d.core.Tensor
        self.scene: Any = o3d.t.geometry.RaycastingScene()
        starts = np.cumsum([0, *(len(item.vertices) for item in items)])
        vertices = np.concatenate([item.vertices for item in items]).astype(np.float32)
        triangles = np.concatenate(
            [item.triangles + start for item, start in zip(items, starts, strict=False)]
        )
        self.of_face = np.repeat(
            np.arange(len(items), dtype=np.int32), [len(item.triangles) for item in items]
        )
        self.flat, self.corners = corner_normals(vertices, triangles)
        self.scene.add_triangles(self.tensor(vertices), self.tensor(triangles.astype(np.uint32)))

    def first(self, rays: Rays) -> Hits:
        """Return the first hits of rays (n, 6)."""
        parts = [self._first(rays[k : k + BAND]) for k in range(0, max(len(rays), 1), BAND)]
        return Hits(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Hits)))

    def _first(self, rays: Rays) -> Hits:
        answer = self.scene.cast_rays(self.tensor(rays))
        way = answer["t_hit"].numpy()
        hit = np.isfinite(way)
        face = np.where(hit, answer["primitive_ids"].numpy().astype(np.int64), 0)
        u, v = answer["primitive_uvs"].numpy().T[..., None]
        corners = self.corners[face]
        normals = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
        flat = self.flat[face]
        back = np.einsum("ij,ij->i", flat, rays[:, 3:]) > 0
        for kind in (normals, flat):
            kind[back] *= -1
        points = rays[:, :3] + rays[:, 3:] * np.where(hit, way, 0.0)[:, None]
        return Hits(way, np.where(hit, self.of_face[face], -1), points, normals, flat)

    def free(self, rays: Rays) -> Floats:
        """Return 1 where nothing obstructs rays (n, 6) along their whole direction, else 0."""
        hidden = self.scene.test_occlusions(self.tensor(rays), tnear=0.0, tfar=1.0)
        return 1.0 - hidden.numpy().astype(np.float32)


def corner_normals(vertices: Floats, triangles: NDArray[Any]) -> tuple[Floats, Floats]:
    """Compute normals of faces and of their corners, smoothed except across creases.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Of the mesh.
    triangles : ndarray of int, shape (m, 3)
        Vertex indices.

    Returns
    -------
    flat : ndarray of float32, shape (m, 3)
        Unit normals of the faces.
    corners : ndarray of float32, shape (m, 3, 3)
        Unit normals of each face's corners.
    """
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    twice = np.cross(b - a, c - a)
    area = np.linalg.norm(twice, axis=1)
    flat = twice / np.maximum(area, 1e-12)[:, None]
    order = np.argsort(triangles.ravel(), kind="stable")
    counts = np.bincount(triangles.ravel(), minlength=len(vertices))
    starts = np.concatenate([[0], np.cumsum(counts)])
    corners = np.empty((3 * len(triangles), 3))
    _smooth(order, starts, flat, area, CREASE, corners)
    return flat.astype(np.float32), corners.reshape(-1, 3, 3).astype(np.float32)


@njit(nogil=True, cache=True)
def _smooth(order, starts, flat, area, crease, corners):
    for vertex in range(len(starts) - 1):
        for i in range(starts[vertex], starts[vertex + 1]):
            face = order[i] // 3
            x = y = z = 0.0
            for j in range(starts[vertex], starts[vertex + 1]):
                other = order[j] // 3
                together = (
                    flat[face, 0] * flat[other, 0]
                    + flat[face, 1] * flat[other, 1]
                    + flat[face, 2] * flat[other, 2]
                )
                if together >= crease or other == face:
                    x += area[other] * flat[other, 0]
                    y += area[other] * flat[other, 1]
                    z += area[other] * flat[other, 2]
            length = max(np.sqrt(x * x + y * y + z * z), 1e-12)
            corners[order[i], 0] = x / length
            corners[order[i], 1] = y / length
            corners[order[i], 2] = z / length
