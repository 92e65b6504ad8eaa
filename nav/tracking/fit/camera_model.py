"""One camera with what is the same in all its images."""

import numpy as np

from nav.camera.ray_grid import RayGrid
from nav.camera.rig import Camera
from nav.core.frames import Array


class CameraModel:
    """One camera with what is the same in all its images."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.rays = RayGrid(camera)
        self.place: Array = camera.camera_from_rig.inv().translation

    def ray_slopes(self, pixels: Array) -> Array:
        """Return the derivative (n, 2, 2) of the ray by the pixel at pixels (n, 2)."""
        steps = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
        rays = self.camera.undistort((pixels[:, None] + steps).reshape(-1, 2)).reshape(-1, 4, 2)
        return np.stack([rays[:, 0] - rays[:, 1], rays[:, 2] - rays[:, 3]], axis=-1)
