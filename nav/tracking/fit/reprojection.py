"""Measured minus projected corners of many marker views, with derivatives by the tool's pose.

The hot loop of pose fitting: poses are plain 4 x 4 arrays here.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from nav.core.frames import Array, point_jacobian
from nav.tracking.detect.marker_view import MarkerView


class ViewStack:
    """All views of one tool, sorted by camera, as arrays.

    Residuals have shape (n, 8): u0, v0, u1, ... of each view, px.
    """

    def __init__(self, views: Sequence[MarkerView]) -> None:
        names = list(dict.fromkeys(view.camera.name for view in views))
        self.views = sorted(views, key=lambda view: names.index(view.camera.name))
        self.corners = np.array([view.marker.corners for view in self.views])
        self.measured = np.array([view.corners for view in self.views]).reshape(-1, 8)
        self.noise = np.array([view.covariance for view in self.views])
        self.cameras = []
        for name in names:
            own = [k for k, view in enumerate(self.views) if view.camera.name == name]
            self.cameras.append((self.views[own[0]].camera, slice(own[0], own[-1] + 1)))
        self._weights: dict[float, Array] = {}

    def weights(self, geometric: float) -> Array:
        """Return inverse covariances (n, 8, 8), with a geometric error, px, added."""
        if geometric not in self._weights:
            total = self.noise + np.eye(8) * max(geometric, 1e-6) ** 2
            self._weights[geometric] = np.asarray(np.linalg.inv(total), float)
        return self._weights[geometric]

    def residuals(self, pose: Array) -> Array:
        """Return measured minus projected corners (n, 8), px, for rig_from_tool (4, 4)."""
        return self.linearised(pose)[0]

    def linearised(self, pose: Array) -> tuple[Array, Array]:
        """Return residuals (n, 8), and the projections' derivative by a perturbation (n, 8, 6)."""
        points = self.corners.reshape(-1, 3) @ pose[:3, :3].T + pose[:3, 3]
        by_pose = point_jacobian(points).reshape(-1, 4, 3, 6)
        points = points.reshape(-1, 4, 3)
        projected = np.empty((len(points), 8))
        jacobian = np.empty((len(points), 8, 6))
        for camera, own in self.cameras:
            pixels, by_point = camera.project_with_jacobian(points[own].reshape(-1, 3))
            projected[own] = pixels.reshape(-1, 8)
            by_point = by_point.reshape(-1, 4, 2, 3)
            jacobian[own] = (by_point @ by_pose[own]).reshape(-1, 8, 6)
        return self.measured - projected, jacobian

    def in_front(self, pose: Array) -> bool:
        """Return whether every marker lies before the camera that sees it and faces it."""
        for camera, own in self.cameras:
            points = self.corners[own] @ pose[:3, :3].T + pose[:3, 3]
            c0, c1, _, c3 = camera.from_rig(points.reshape(-1, 3)).reshape(-1, 4, 3).swapaxes(0, 1)
            facing = np.einsum("ni,ni->n", np.cross(c3 - c0, c1 - c0), c0)
            if (c0[:, 2] < 1.0).any() or (facing > 0).all():
                return False
        return True

    @staticmethod
    def moved(pose: Array, step: Array) -> Array:
        """Return a pose (4, 4) after a left perturbation (tx, ty, tz, rx, ry, rz)."""
        rotation, _ = cv2.Rodrigues(step[3:])
        result = np.eye(4)
        result[:3, :3] = rotation @ pose[:3, :3]
        result[:3, 3] = rotation @ pose[:3, 3] + step[:3]
        return result
