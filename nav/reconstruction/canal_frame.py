"""Canal coordinates: the spinal canal of a posed chain, unbent to the mean chain's.

Each bone's pose against its mean pose is a rigid motion; between the bones' heights the motions are
blended (linear blend skinning). In the unbent canal a surface is a radius by height and angle about
a fixed axis, which makes necks comparable however they are flexed or turned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform

from nav.reconstruction.volume import Array

BONES = ("occiput", "C1", "C2", "C3", "C4")
INVERSE_ROUNDS = 12


@dataclass(frozen=True)
class CanalFrame:
    """Map from the unbent canal to the posed chain.

    Parameters
    ----------
    stations : ndarray, shape (5,)
        Heights in the unbent canal at which a point moves with one bone alone, in the order of
        BONES, falling, mm.
    motions : ndarray, shape (5, 3, 4)
        model_from_unbent of each bone.
    """

    stations: Array
    motions: Array

    def to_model(self, points: ArrayLike) -> Array:
        """Map points of the unbent canal to the model frame.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            Unbent frame, mm.

        Returns
        -------
        ndarray, shape (..., 3)
            Model frame, mm.
        """
        p = np.asarray(points, float)
        motion = self._motion(p[..., 2])
        return np.asarray(np.einsum("...ij,...j->...i", motion[..., :3], p) + motion[..., 3])

    def to_unbent(self, points: ArrayLike) -> Array:
        """Map points of the model frame to the unbent canal, by fixed-point iteration.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            Model frame, mm.

        Returns
        -------
        ndarray, shape (..., 3)
            Unbent frame, mm.
        """
        p = np.asarray(points, float)
        found = p @ self.motions[2, :, :3] - self.motions[2, :, 3] @ self.motions[2, :, :3]
        for _ in range(INVERSE_ROUNDS):
            motion = self._motion(found[..., 2])
            rest = p - motion[..., 3]
            found = np.asarray(np.linalg.solve(motion[..., :3], rest[..., None])[..., 0], float)
        return found

    def _motion(self, heights: Array) -> Array:
        """Return the blended motion at heights (...), shape (..., 3, 4)."""
        rising = self.stations[::-1]
        at = np.clip(heights, rising[0], rising[-1])
        lower = np.clip(np.searchsorted(rising, at, side="right") - 1, 0, len(rising) - 2)
        share = (at - rising[lower]) / (rising[lower + 1] - rising[lower])
        share = (share * share * (3.0 - 2.0 * share))[..., None, None]
        motions = self.motions[::-1]
        return np.asarray(motions[lower] * (1.0 - share) + motions[lower + 1] * share)


def canal_frame(
    poses: Mapping[str, RigidTransform], unbent: Mapping[str, RigidTransform], stations: Array
) -> CanalFrame:
    """Return the canal frame of a chain.

    Parameters
    ----------
    poses : mapping of str to RigidTransform
        model_from_bone of the posed chain.
    unbent : mapping of str to RigidTransform
        unbent_from_bone of the mean chain.
    stations : ndarray, shape (5,)
        Heights at which a point moves with one bone alone, in the order of BONES, mm.

    Returns
    -------
    CanalFrame
        Of the posed chain.
    """
    motions = [(poses[name] * unbent[name].inv()).as_matrix()[:3] for name in BONES]
    return CanalFrame(np.asarray(stations, float), np.array(motions))


@dataclass(frozen=True)
class PolarGrid:
    """Nodes at which a surface round the canal's axis has a radius.

    Parameters
    ----------
    heights : ndarray, shape (k,)
        Of the rings, rising, mm.
    axis : ndarray, shape (k,)
        y of the axis at these heights, mm; its x is 0.
    count : int
        Number of angles, evenly from the left (+x) over posterior (+y).
    """

    heights: Array
    axis: Array
    count: int

    @property
    def angles(self) -> Array:
        """Return the angles (count,), radians."""
        return np.linspace(0.0, 2.0 * np.pi, self.count, endpoint=False)

    def points(self, radii: ArrayLike) -> Array:
        """Return the points at radii.

        Parameters
        ----------
        radii : array_like, shape (k, count, ...)
            Distances from the axis, mm.

        Returns
        -------
        ndarray, shape (k, count, ..., 3)
            Unbent frame, mm.
        """
        radii = np.asarray(radii, float)
        more = (1,) * (radii.ndim - 2)
        angles = self.angles.reshape(1, -1, *more)
        heights, axis = (v.reshape(-1, 1, *more) for v in (self.heights, self.axis))
        x, y = radii * np.cos(angles), axis + radii * np.sin(angles)
        return np.stack([x, y, np.broadcast_to(heights, x.shape)], axis=-1)

    def rays(self) -> tuple[Array, Array]:
        """Return the grid's rays from the axis outwards.

        Returns
        -------
        starts, directions : ndarray, shape (k, count, 3)
            Points on the axis, mm, and unit vectors; unbent frame.
        """
        starts = self.points(np.zeros((len(self.heights), self.count)))
        return starts, self.points(np.ones((len(self.heights), self.count))) - starts


def hits(vertices: Array, triangles: NDArray[np.int32], starts: Array, directions: Array) -> Array:
    """Return the lengths of rays until they meet a surface.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Of the surface, mm.
    triangles : ndarray, shape (m, 3)
        int32.
    starts, directions : ndarray, shape (..., 3)
        Of the rays, in the frame of the surface, mm, and unit vectors.

    Returns
    -------
    ndarray, shape (...)
        mm; inf where a ray meets nothing.
    """
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(np.ascontiguousarray(vertices, dtype=np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(triangles).astype(np.uint32)),
    )
    rays = np.concatenate([starts, directions], axis=-1).astype(np.float32)
    return np.asarray(scene.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy(), float)


def ring_triangles(rings: int, count: int) -> NDArray[np.int32]:
    """Return the triangles of stacked rings, closed by the two vertices after them: foot and top.

    Parameters
    ----------
    rings : int
        How many.
    count : int
        Vertices per ring.

    Returns
    -------
    ndarray of int32, shape (m, 3)
        The last 2 * `count` are those of foot and top.
    """
    k, j = np.meshgrid(np.arange(rings - 1), np.arange(count), indexing="ij")
    a, b = k * count + j, k * count + (j + 1) % count
    side = np.stack([a, b, b + count, a, b + count, a + count], axis=-1).reshape(-1, 3)
    one = np.arange(count)
    after, last, end = (one + 1) % count, (rings - 1) * count, rings * count
    foot = np.column_stack([after, one, np.full(count, end)])
    top = np.column_stack([last + one, last + after, np.full(count, end + 1)])
    return np.vstack([side, foot, top]).astype(np.int32)
