"""Lens models to choose from, the simplest first."""

from dataclasses import dataclass

import cv2
import numpy as np

from nav.core.frames import Array

DISTORTION = 8  # k1 k2 p1 p2 k3 k4 k5 k6, OpenCV's order
# indices of each model's parameters
MODELS: dict[str, tuple[int, ...]] = {
    "no distortion": (),
    "k1": (0,),
    "k1 k2": (0, 1),
    "k1 k2 p1 p2": (0, 1, 2, 3),
    "k1 k2 p1 p2 k3": (0, 1, 2, 3, 4),
    "rational": (0, 1, 2, 3, 4, 5, 6, 7),
}


@dataclass(frozen=True)
class Lens:
    """Intrinsics of a camera.

    Attributes
    ----------
    pinhole : ndarray, shape (4,)
        fx, fy, cx, cy, px.
    distortion : ndarray, shape (8,)
        In OpenCV's order: k1, k2, p1, p2, k3, k4, k5, k6.
    """

    pinhole: Array
    distortion: Array

    @property
    def matrix(self) -> Array:
        """Camera matrix (3, 3), px."""
        fx, fy, cx, cy = self.pinhole
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Project points and differentiate.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            In the camera frame, in front of the camera.

        Returns
        -------
        pixels : ndarray, shape (n, 2)
            Projections, px.
        by_point : ndarray, shape (n, 2, 3)
            Derivative by the points.
        by_lens : ndarray, shape (n, 2, 12)
            Derivative by the twelve intrinsics.
        """
        given = np.ascontiguousarray(points.reshape(-1, 1, 3))
        pixels, jacobian = cv2.projectPoints(
            given, np.zeros(3), np.zeros(3), self.matrix, self.distortion
        )
        rows = np.asarray(jacobian).reshape(len(points), 2, -1)
        return np.asarray(pixels).reshape(-1, 2), rows[:, :, 3:6], rows[:, :, 6:18]

    def moved(self, change: Array) -> "Lens":
        """Return the lens after a change (12,) of the intrinsics."""
        return Lens(self.pinhole + change[:4], self.distortion + change[4:])

    def written(self, model: str) -> Array:
        """Return the distortion as written to rig.toml: as many numbers as the model needs."""
        if model == "no distortion":
            return np.zeros(5)
        return self.distortion if model == "rational" else self.distortion[:5]
