"""Lens models that a camera may turn out to have, from the simplest on."""

from dataclasses import dataclass

import cv2
import numpy as np

from nav.frames import Array

DISTORTION = 8  # k1 k2 p1 p2 k3 k4 k5 k6, OpenCV's order
# numbers of each model among them
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
    """Intrinsics: fx, fy, cx, cy, px, (4,); distortion (8,), OpenCV's order."""

    pinhole: Array
    distortion: Array

    @property
    def matrix(self) -> Array:
        """(3, 3)."""
        fx, fy, cx, cy = self.pinhole
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Pixels (n, 2) of points (n, 3) in the camera frame, and their derivatives.

        By the points, (n, 2, 3), and by the twelve intrinsics, (n, 2, 12).
        """
        given = np.ascontiguousarray(points.reshape(-1, 1, 3))
        pixels, jacobian = cv2.projectPoints(
            given, np.zeros(3), np.zeros(3), self.matrix, self.distortion
        )
        rows = np.asarray(jacobian).reshape(len(points), 2, -1)
        return np.asarray(pixels).reshape(-1, 2), rows[:, :, 3:6], rows[:, :, 6:18]

    def moved(self, change: Array) -> "Lens":
        """After a change (12,) of the intrinsics."""
        return Lens(self.pinhole + change[:4], self.distortion + change[4:])

    def written(self, model: str) -> Array:
        """The distortion as rig.toml has it: as many numbers as the model needs."""
        if model == "no distortion":
            return np.zeros(5)
        return self.distortion if model == "rational" else self.distortion[:5]
