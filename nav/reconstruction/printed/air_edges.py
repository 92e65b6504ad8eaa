"""Edges between air and material in a scan, to which a surface in air is aligned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.sampling import Field, as_field, coarser, smoothed
from nav.reconstruction.volume import Array, Volume

EDGE_GRID = 2.0  # mm
EDGE_LEVEL = -500.0  # HU, between air and anything else
LOWEST, HIGHEST = -1000.0, 0.0  # HU, range of grey values that determines the direction of an edge
FACING = 0.3  # cosine between an edge's normal and a direction to which it is assigned
# mm, wide first: initial rotations are up to 20 degrees off, 30 mm at the phantom's ends
REACHES = (25.0,) * 8 + (20.0,) * 8 + (14.0,) * 9 + (12.0, 10.0, 8.0, 8.0, 6.0, 6.0, 5.0) + (
    4.0, 4.0, 3.0, 3.0, 2.5, 2.5, 2.0, 2.0,
)  # fmt: skip
LEAST_POINTS = 30  # fewest for a step
SUPPORTED = 1.2  # mm: closer edges support a point
INSIDE, OUTSIDE = 1.0, 1.5  # mm, where an edge must be brighter and darker
LEAST_STEP = 250.0  # HU, from one to the other


def edge_near(field: Field, points: Array, normals: Array, within: float) -> NDArray[np.bool_]:
    """Return where a surface has an edge to air: bright just inside, dark just outside.

    Parameters
    ----------
    field : Field
        The scan, HU.
    points : ndarray, shape (n, 3)
        Of the surface, scan frame, mm.
    normals : ndarray, shape (n, 3)
        Unit vectors, outwards.
    within : float
        Largest offset of the edge along the normal, mm.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether there is an edge.
    """
    best = np.full(len(points), -np.inf)
    for off in np.linspace(-within, within, 7):
        inner = field.at(points + (off - INSIDE) * normals)
        step = inner - field.at(points + (off + OUTSIDE) * normals)
        best = np.fmax(best, np.nan_to_num(step, nan=-np.inf))
    return np.asarray(best > LEAST_STEP)


class AirEdges:
    """Edges between air and material in a scan, by the direction they face, for nearest search.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = smoothed(coarser(volume, EDGE_GRID), 0.4 * EDGE_GRID)
        self.field = as_field(self.volume)
        values = np.asarray(self.volume.values, np.float32)
        border, outwards = _border(values > EDGE_LEVEL), self._outwards(values)
        self.directions = np.vstack([np.eye(3), -np.eye(3)])
        self.nearest = []
        for direction in self.directions:
            facing = border & (outwards @ direction > FACING)
            if not facing.any():
                facing = border
            indices = distance_transform_edt(
                ~facing,
                sampling=self.volume.spacing[::-1],
                return_distances=False,
                return_indices=True,
            )
            self.nearest.append(np.asarray(indices, np.int16))

    def _outwards(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the unit direction in which it gets darker, at each voxel."""
        steps = np.gradient(np.clip(values, LOWEST, HIGHEST))
        spacing = self.volume.spacing
        axes = (self.volume.model_from_voxel[:3, :3] / spacing).astype(np.float32)
        along = np.stack([-steps[2 - k] / np.float32(spacing[k]) for k in range(3)], axis=-1)
        found = along @ axes.T
        size = np.linalg.norm(found, axis=-1, keepdims=True)
        return np.asarray(found / np.maximum(size, 1e-6))

    def refined(self, points: Array, normals: Array, pose: RigidTransform) -> RigidTransform:
        """Return a pose refined so that points lie on edges that face as their normals do.

        Parameters
        ----------
        points, normals : ndarray, shape (n, 3)
            Of a surface in air, model frame, mm, and its unit normals, outwards.
        pose : RigidTransform
            scan_from_model, to start from.

        Returns
        -------
        RigidTransform
            scan_from_model.
        """
        for reach in REACHES:
            p, n = pose.apply(points), pose.rotation.apply(normals)
            index, inside = self._index(p)
            way = (n @ self.directions.T).argmax(axis=1)
            near = np.empty((len(p), 3))
            for k, nearest in enumerate(self.nearest):
                x, y, z = index[way == k].T
                near[way == k] = nearest[:, z, y, x].T[:, ::-1]
            target = self.volume.to_model(near)
            use = inside & (np.linalg.norm(target - p, axis=1) < reach)
            if use.sum() < LEAST_POINTS:
                return pose
            pose = _aligned(p[use], target[use]) * pose
        return pose

    def support(self, points: Array, normals: Array, pose: RigidTransform) -> tuple[float, float]:
        """Return the shares of points that have an edge, and that lie in the scan.

        Parameters
        ----------
        points, normals : ndarray, shape (n, 3)
            Of a surface in air, model frame, mm, and its unit normals, outwards.
        pose : RigidTransform
            scan_from_model.

        Returns
        -------
        supported : float
            Share of the points in the scan that have an edge.
        in_view : float
            Share of all points that lie in the scan.
        """
        p, n = pose.apply(points), pose.rotation.apply(normals)
        _, inside = self._index(p)
        if not inside.any():
            return 0.0, 0.0
        found = edge_near(self.field, p, n, SUPPORTED)
        return float(found[inside].mean()), float(inside.mean())

    def _index(self, p: Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        index = np.rint(self.volume.to_voxel(p)).astype(np.int64)
        last = np.array(self.volume.values.shape[::-1]) - 1
        inside = np.asarray(((index >= 0) & (index <= last)).all(axis=1))
        return np.clip(index, 0, last), inside


def _border(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels that have a neighbour on the other side."""
    border = np.zeros(solid.shape, bool)
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        change = solid[tuple(low)] != solid[tuple(high)]
        border[tuple(low)] |= change
        border[tuple(high)] |= change
    return border


def _aligned(source: Array, target: Array) -> RigidTransform:
    """Return the rigid motion that best maps points onto points [Arun 1987]."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    turn = vt.T @ np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    return RigidTransform.from_components(b - turn @ a, Rotation.from_matrix(turn))
