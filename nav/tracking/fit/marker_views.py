"""Views of a tool's markers by its cameras: where the markers are then, and how they move.

A small motion of a tool is (tx, ty, tz, rx, ry, rz), mm and rad, about a pivot in the tool's
middle, in the rig frame's directions: there its entries hardly depend on one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.photometry import flow
from nav.tracking.fit.tool_shape import Shape, move_point, turn_vector

TILT = 0.5  # how far a misplaced marker's edges are off by its turns, by how far its middle is
CENTRED = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
# corner displacement (8,), cells, by flow parameters (8,)
CORNER_FLOW = np.column_stack([flow(CENTRED, unit).ravel() for unit in np.eye(8)])


def areas(quads: Array) -> Array:
    """Return the signed areas of quadrilaterals.

    Parameters
    ----------
    quads : ndarray, shape (n, 4, 2)
        Corners in order.

    Returns
    -------
    ndarray, shape (n,)
        In squared units of the corners; positive where x turns to y.
    """
    first, second = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


@dataclass(frozen=True)
class MarkerViews:
    """Views of one tool's markers, sorted by camera.

    Parameters
    ----------
    cameras : sequence of CameraModel
        All cameras.
    shape : Shape
        The tool.
    camera : ndarray, shape (n,), int
        Camera of each view.
    marker : ndarray, shape (n,), int
        Index of its marker in the tool.
    late : ndarray, shape (n,)
        When it is seen after the frame set's time, s.
    """

    cameras: Sequence[CameraModel]
    shape: Shape
    camera: NDArray[np.int64]
    marker: NDArray[np.int64]
    late: Array

    def __len__(self) -> int:
        return len(self.camera)

    @cached_property
    def slices(self) -> list[tuple[int, int, int]]:
        """(camera, first, last) of each camera with views, `last` excluded."""
        ranges = []
        for index in range(len(self.cameras)):
            own = np.flatnonzero(self.camera == index)
            if len(own):
                ranges.append((index, int(own[0]), int(own[-1]) + 1))
        return ranges

    @cached_property
    def rotations(self) -> Array:
        """Rotations of camera_from_rig of each view, (n, 3, 3)."""
        return np.stack([camera_model.camera.rotation for camera_model in self.cameras])[
            self.camera
        ]

    @cached_property
    def translations(self) -> Array:
        """Translations of camera_from_rig of each view, (n, 3), mm."""
        return np.stack([camera_model.camera.translation for camera_model in self.cameras])[
            self.camera
        ]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Width and height of the cameras' images, (cameras, 2), px."""
        return np.array([camera_model.camera.size for camera_model in self.cameras])

    @cached_property
    def planes(self) -> Array:
        """Markers' planes in the tool frame, (n, 3, 3), mm."""
        return self.shape.planes[self.marker]

    def subset(self, chosen: NDArray[np.int64]) -> "MarkerViews":
        """Return some of the views."""
        return MarkerViews(
            self.cameras, self.shape, self.camera[chosen], self.marker[chosen], self.late[chosen]
        )

    def pivot(self, pose: Array) -> Array:
        """Return the tool's middle (3,) in the rig frame, mm, for rig_from_tool (4, 4)."""
        return self.shape.middle @ pose[:3, :3].T + pose[:3, 3]

    def poses(self, pose: Array, velocity: Array) -> Array:
        """Return rig_from_tool (n, 4, 4) when each view was taken.

        Parameters
        ----------
        pose : ndarray, shape (4, 4)
            rig_from_tool at the frame set's time.
        velocity : ndarray, shape (6,)
            About the pivot, mm/s and rad/s.

        Returns
        -------
        ndarray, shape (n, 4, 4)
        """
        if not self.late.any() or not velocity.any():
            same = np.empty((len(self), 4, 4))
            same[:] = pose
            return same
        pivot = self.pivot(pose)
        distinct, which = np.unique(self.late, return_inverse=True)
        moved = np.stack([moved_about(pose, velocity * late, pivot) for late in distinct])
        return moved[which]

    def by_camera_turn(self, poses: Array, plane: Array) -> Array:
        """Return flow (n, 8, 3) by a small rotation of each camera, rad, camera frame."""
        in_camera = np.linalg.inv(plane)
        by_turn = np.stack(
            [np.cross(unit, in_camera, axisb=1, axisc=1) for unit in np.eye(3)], axis=1
        )
        return self._flow(plane[:, None] @ by_turn)

    def by_camera_zoom(self, plane: Array) -> Array:
        """Return flow (n, 8, 1) by a small relative growth of each camera's focal length."""
        by_zoom = np.diag([1.0, 1.0, 0.0]) @ np.linalg.inv(plane)
        return self._flow((plane @ by_zoom)[:, None])

    def by_misplacement(self, flow_by_motion: Array, poses: Array, pivot: Array) -> Array:
        """Return flow (n, 8, 6) by each marker's own shift, mm, and turn, mm at its edges."""
        rotation = poses[:, :3, :3]
        centre = np.einsum("nij,nj->ni", rotation, self.shape.centres[self.marker])
        arm = centre + poses[:, :3, 3] - pivot
        half = self.shape.sides[self.marker] / 2 / TILT
        carry = np.zeros((len(self), 6, 6))
        carry[:, :3, :3] = rotation
        # a turn about the marker's centre is one about the pivot, and the way back
        carry[:, :3, 3:] = np.cross(arm[:, :, None], rotation, axisa=1, axisb=1, axisc=1)
        carry[:, :3, 3:] /= half[:, None, None]
        carry[:, 3:, 3:] = rotation / half[:, None, None]
        return flow_by_motion @ carry

    def _flow(self, change: Array) -> Array:
        """Return flow parameters (n, 8, m) of infinitesimal homographies (n, m, 3, 3)."""
        half = self.shape.count / 2.0
        to_cells = np.array([[half, 0.0, half], [0.0, half, half], [0.0, 0.0, 1.0]])
        centred = np.linalg.inv(to_cells) @ change @ to_cells
        h = half
        parameters = [
            -h * centred[..., 0, 2],
            h * (centred[..., 2, 2] - centred[..., 0, 0]),
            -h * centred[..., 0, 1],
            -h * centred[..., 1, 2],
            -h * centred[..., 1, 0],
            h * (centred[..., 2, 2] - centred[..., 1, 1]),
            h * centred[..., 2, 0],
            h * centred[..., 2, 1],
        ]
        return np.stack(parameters, axis=1)

    def ray_slopes(self, pixels: Array) -> Array:
        """Return the derivative (n, 2, 2) of each view's ray by the pixel at pixels (n, 2)."""
        slopes = np.empty((len(self), 2, 2))
        for index, first, last in self.slices:
            slopes[first:last] = self.cameras[index].ray_slopes(pixels[first:last])
        return slopes

    def rolled(self, flow: Array, corners: Array) -> Array:
        """Return flow by the tool's velocity because a marker's own rows are read in turn.

        What moves is sheared and stretched: to first order, by its middle's flow.

        Parameters
        ----------
        flow : ndarray, shape (n, 8, 6)
            By motion about the pivot.
        corners : ndarray, shape (n, 4, 2)
            In px.

        Returns
        -------
        ndarray, shape (n, 8, 6)
        """
        row_times = np.array(
            [
                camera_model.camera.readout / camera_model.camera.size[1]
                for camera_model in self.cameras
            ]
        )
        # s by centred coordinates
        slope = corners[:, :, 1] @ CENTRED / 4 * row_times[self.camera, None]
        within = np.zeros_like(flow)
        within[:, 1:3] = slope[:, :, None] * flow[:, None, 0]
        within[:, 4:6] = slope[:, :, None] * flow[:, None, 3]
        return within

    def project(self, poses: Array) -> tuple[Array, Array]:
        """Project the markers' corners.

        Parameters
        ----------
        poses : ndarray, shape (n, 4, 4)
            rig_from_tool of each view.

        Returns
        -------
        corners : ndarray, shape (n, 4, 2)
            In px.
        by_flow : ndarray, shape (n, 8, 8)
            Derivative of the corners by the flow parameters.
        """
        corners, along = _corners(poses, self.shape.corners[self.marker], self.planes)
        pixels = np.empty((len(self), 4, 2))
        by_point = np.empty((len(self), 4, 2, 3))
        for index, first, last in self.slices:
            camera = self.cameras[index].camera
            at, by = camera.project_with_jacobian(corners[first:last].reshape(-1, 3))
            pixels[first:last] = at.reshape(-1, 4, 2)
            by_point[first:last] = by.reshape(-1, 4, 2, 3)
        return pixels, _by_flow(by_point, along, CORNER_FLOW)


@njit(nogil=True, cache=True)
def _corners(poses, corners, planes):
    """Return corners (n, 4, 3) in the rig frame, and one cell along x and y (n, 3, 2) there, mm."""
    moved, along = np.empty_like(corners), np.empty((len(corners), 3, 2))
    for k in range(len(corners)):
        for c in range(4):
            moved[k, c, 0], moved[k, c, 1], moved[k, c, 2] = move_point(poses[k], corners[k, c])
        for c in range(2):
            cell = turn_vector(poses[k], planes[k, :, c])
            along[k, 0, c], along[k, 1, c], along[k, 2, c] = cell
    return moved, along


@njit(nogil=True, cache=True)
def _by_flow(by_point, along, corner_flow):
    """Return corners, px, by flow (n, 8, 8): the pattern moves against the plane's coordinates."""
    by_flow = np.zeros((len(along), 8, 8))
    for k in range(len(along)):
        for c in range(4):
            for a in range(2):
                for b in range(2):
                    by_cells = 0.0
                    for m in range(3):
                        by_cells -= by_point[k, c, a, m] * along[k, m, b]
                    for j in range(8):
                        by_flow[k, 2 * c + a, j] += by_cells * corner_flow[2 * c + b, j]
    return by_flow


def moved_about(pose: Array, motion: Array, pivot: Array) -> Array:
    """Move a pose by a motion about a pivot.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        rig_from_tool.
    motion : ndarray, shape (6,)
        (tx, ty, tz, rx, ry, rz), rig frame, mm and rad.
    pivot : ndarray, shape (3,)
        Rig frame, mm.

    Returns
    -------
    ndarray, shape (4, 4)
        The moved rig_from_tool.
    """
    rotation, _ = cv2.Rodrigues(motion[3:])
    result = np.eye(4)
    result[:3, :3] = rotation @ pose[:3, :3]
    result[:3, 3] = rotation @ (pose[:3, 3] - pivot) + pivot + motion[:3]
    return result


def about_origin(pivot: Array) -> Array:
    """Return the matrix from a motion about a pivot to the equivalent left perturbation.

    Parameters
    ----------
    pivot : ndarray, shape (3,)
        Rig frame, mm.

    Returns
    -------
    ndarray, shape (6, 6)
        For (tx, ty, tz, rx, ry, rz), mm and rad.
    """
    x, y, z = pivot
    carry = np.eye(6)
    carry[:3, 3:] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
    return carry


def shifted(plane: Array, flow: Array, count: int) -> Array:
    """Apply a flow of the cells to homographies from rays to cells.

    Parameters
    ----------
    plane : ndarray, shape (n, 3, 3)
        From rays to cells.
    flow : ndarray, shape (n, 8)
        Flow parameters, cells, see `photometry.flow`.
    count : int
        Cells along a side of a marker.

    Returns
    -------
    ndarray, shape (n, 3, 3)
        From rays to cells, to first order in the flow.
    """
    half = count / 2.0
    a, b, c, d, e, f, g, h = (flow / half).T
    step = np.zeros((len(flow), 3, 3))
    # to first order the flow is this homography in centred coordinates
    step[:, 0, 0], step[:, 0, 1], step[:, 0, 2] = 1.0 + b, c, a
    step[:, 1, 0], step[:, 1, 1], step[:, 1, 2] = e, 1.0 + f, d
    step[:, 2, 0], step[:, 2, 1], step[:, 2, 2] = -g, -h, 1.0
    to_cells = np.array([[half, 0.0, half], [0.0, half, half], [0.0, 0.0, 1.0]])
    return np.ascontiguousarray(to_cells @ step @ np.linalg.inv(to_cells) @ plane)
