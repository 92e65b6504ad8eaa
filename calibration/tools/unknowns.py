"""What is unknown of a marker body and its poses, and how its corners in the pictures follow."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nav.camera.rig import Camera
from nav.frames import Array

CORNERS = 8  # numbers in a view


@dataclass(frozen=True)
class Sightings:
    """All views as arrays (v,): index of frame, camera and marker.

    corners : (v, 4, 2) px. whitener : (v, 8, 8) that makes residuals of unit variance.
    """

    frame: NDArray[np.int64]
    camera: NDArray[np.int64]
    marker: NDArray[np.int64]
    corners: Array
    whitener: Array

    def chosen(self, which: NDArray[np.bool_]) -> "Sightings":
        """Some of the views."""
        return Sightings(
            self.frame[which],
            self.camera[which],
            self.marker[which],
            self.corners[which],
            self.whitener[which],
        )

    def scaled(self, spread: Array) -> "Sightings":
        """Residuals less by (cameras,) what they exceed their covariances, sd."""
        return replace(self, whitener=self.whitener / spread[self.camera, None, None])


@dataclass(frozen=True)
class Body:
    """The unknowns.

    poses : (f, 4, 4) rig_from_tool. nominal : (m, 4, 3) corners by the file, tool frame, mm.
    shifts : (m, 3) mm, turns : (m, 3, 3) about each nominal centre, tool frame.
    scale : logarithm of true by printed size.
    """

    poses: Array
    nominal: Array
    shifts: Array
    turns: Array
    scale: float = 0.0

    @cached_property
    def corners(self) -> Array:
        """(m, 4, 3) corners at printed size, tool frame, mm."""
        centre = self.nominal.mean(axis=1, keepdims=True)
        local = np.einsum("mij,mkj->mki", self.turns, self.nominal - centre)
        return np.asarray(local + centre + self.shifts[:, None], float)

    @property
    def displacements(self) -> Array:
        """(m, 6) shift, mm, and rotation vector, rad, of each marker."""
        return np.hstack([self.shifts, Rotation.from_matrix(self.turns).as_rotvec()])

    def moved(self, poses: Array, markers: Array, scale: float) -> "Body":
        """After small steps: (f, 6) in the tool's frame, (m, 6), scale."""
        moved = np.tile(np.eye(4), (len(poses), 1, 1))
        moved[:, :3, :3] = Rotation.from_rotvec(poses[:, 3:]).as_matrix()
        moved[:, :3, 3] = poses[:, :3]
        return Body(
            self.poses @ moved,
            self.nominal,
            self.shifts + markers[:, :3],
            Rotation.from_rotvec(markers[:, 3:]).as_matrix() @ self.turns,
            self.scale + scale,
        )


def _points(sightings: Sightings, body: Body) -> Array:
    """(v, 4, 3) corners of each view's marker at true size, tool frame, mm."""
    return np.asarray(np.exp(body.scale) * body.corners[sightings.marker], float)


def _projected(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...], points: Array
) -> tuple[Array, Array]:
    """(v, 4, 2) px and (v, 4, 2, 3) their derivative by the point in the tool's frame."""
    poses = body.poses[sightings.frame]
    in_rig = np.einsum("vij,vkj->vki", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    pixels, by_point = np.empty((len(points), 4, 2)), np.empty((len(points), 4, 2, 3))
    for index, camera in enumerate(cameras):
        own = sightings.camera == index
        if own.any():
            at, by = camera.project_with_jacobian(in_rig[own].reshape(-1, 3))
            pixels[own], by_point[own] = at.reshape(-1, 4, 2), by.reshape(-1, 4, 2, 3)
    return pixels, by_point @ poses[:, None, :3, :3]


def residuals_of(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...]
) -> tuple[Array, Array]:
    """(v, 8) whitened, (v, 4, 2) px: seen less expected."""
    pixels, _ = _projected(sightings, body, cameras, _points(sightings, body))
    off = sightings.corners - pixels
    return _whitened(sightings, off)[..., 0], off


def derivatives_of(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...]
) -> tuple[Array, Array, Array, Array]:
    """Whitened (v, 8, 6) by pose, (v, 8, 6) by marker, (v, 8, 1) by scale; (v, 8) residuals."""
    points = _points(sightings, body)
    pixels, by_point = _projected(sightings, body, cameras, points)
    centres = (body.nominal.mean(axis=1) + body.shifts)[sightings.marker]
    size = np.exp(body.scale)
    arms = points - size * centres[:, None]
    by_turn = np.cross(points[:, :, None], by_point)
    by_pose = np.concatenate([by_point, by_turn], axis=-1)
    by_own_turn = np.cross(arms[:, :, None], by_point)
    by_marker = np.concatenate([size * by_point, by_own_turn], axis=-1)
    by_scale = np.einsum("vkij,vkj->vki", by_point, points)
    return (
        _whitened(sightings, by_pose),
        _whitened(sightings, by_marker),
        _whitened(sightings, by_scale),
        _whitened(sightings, sightings.corners - pixels)[..., 0],
    )


def _whitened(sightings: Sightings, values: Array) -> Array:
    """(v, 8, n) of values (v, 4, 2) or (v, 4, 2, n), px."""
    flat = values.reshape(len(values), CORNERS, -1)
    return np.asarray(sightings.whitener @ flat, float)
