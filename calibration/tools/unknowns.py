"""The unknowns of a marker body and its poses, and the derivatives of its corners in the images."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nav.camera.rig import Camera
from nav.core.frames import Array

CORNERS = 8  # numbers in a view


@dataclass(frozen=True)
class Sightings:
    """All views as arrays.

    Attributes
    ----------
    frame, camera, marker : ndarray of int, shape (v,)
        Indices of frame, camera and marker.
    corners : ndarray, shape (v, 4, 2)
        Observed corners, px.
    whitener : ndarray, shape (v, 8, 8)
        Makes residuals of unit variance.
    """

    frame: NDArray[np.int64]
    camera: NDArray[np.int64]
    marker: NDArray[np.int64]
    corners: Array
    whitener: Array

    def chosen(self, which: NDArray[np.bool_]) -> "Sightings":
        """Return the views that a mask (v,) selects."""
        return Sightings(
            self.frame[which],
            self.camera[which],
            self.marker[which],
            self.corners[which],
            self.whitener[which],
        )

    def scaled(self, spread: Array) -> "Sightings":
        """Return views with residuals divided by the spread (cameras,) of their camera."""
        return replace(self, whitener=self.whitener / spread[self.camera, None, None])


@dataclass(frozen=True)
class Body:
    """The unknowns.

    Attributes
    ----------
    poses : ndarray, shape (f, 4, 4)
        rig_from_tool, mm.
    nominal : ndarray, shape (m, 4, 3)
        Corners by the file, tool frame, mm.
    shifts : ndarray, shape (m, 3)
        Of each marker's centre, tool frame, mm.
    turns : ndarray, shape (m, 3, 3)
        Rotations about each nominal centre, tool frame.
    scale : float
        Logarithm of true over printed size.
    """

    poses: Array
    nominal: Array
    shifts: Array
    turns: Array
    scale: float = 0.0

    @cached_property
    def corners(self) -> Array:
        """Corners (m, 4, 3) at printed size, tool frame, mm."""
        centre = self.nominal.mean(axis=1, keepdims=True)
        local = np.einsum("mij,mkj->mki", self.turns, self.nominal - centre)
        return np.asarray(local + centre + self.shifts[:, None], float)

    @property
    def displacements(self) -> Array:
        """Shift, mm, and rotation vector, rad, of each marker, (m, 6)."""
        return np.hstack([self.shifts, Rotation.from_matrix(self.turns).as_rotvec()])

    def moved(self, poses: Array, markers: Array, scale: float) -> "Body":
        """Return the body after small steps.

        Parameters
        ----------
        poses : ndarray, shape (f, 6)
            Steps of the poses in the tool's frame: translation (mm), rotation (rad).
        markers : ndarray, shape (m, 6)
            Steps of the markers: shift (mm), rotation (rad).
        scale : float
            Step of the logarithmic scale.

        Returns
        -------
        Body
            The moved body.
        """
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
    """Return the corners (v, 4, 3) of each view's marker at true size, tool frame, mm."""
    return np.asarray(np.exp(body.scale) * body.corners[sightings.marker], float)


def _projected(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...], points: Array
) -> tuple[Array, Array]:
    """Project points: (v, 4, 2) px, and (v, 4, 2, 3) their derivative by the point, tool frame."""
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
    """Compute the residuals of all views: observed minus predicted corners.

    Parameters
    ----------
    sightings : Sightings
        All views.
    body : Body
        Body and poses.
    cameras : tuple of Camera
        Of the rig.

    Returns
    -------
    whitened : ndarray, shape (v, 8)
        Of unit variance.
    residuals : ndarray, shape (v, 4, 2)
        In px.
    """
    pixels, _ = _projected(sightings, body, cameras, _points(sightings, body))
    off = sightings.corners - pixels
    return _whitened(sightings, off)[..., 0], off


def derivatives_of(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...]
) -> tuple[Array, Array, Array, Array]:
    """Compute the whitened derivatives of all views' corners, and the residuals.

    Parameters
    ----------
    sightings : Sightings
        All views.
    body : Body
        Body and poses.
    cameras : tuple of Camera
        Of the rig.

    Returns
    -------
    by_pose : ndarray, shape (v, 8, 6)
        By the pose of the frame.
    by_marker : ndarray, shape (v, 8, 6)
        By the displacement of the marker.
    by_scale : ndarray, shape (v, 8, 1)
        By the logarithmic scale.
    residuals : ndarray, shape (v, 8)
        Whitened.
    """
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
    """Whiten values (v, 4, 2) or (v, 4, 2, n), px, to (v, 8, n)."""
    flat = values.reshape(len(values), CORNERS, -1)
    return np.asarray(sightings.whitener @ flat, float)
