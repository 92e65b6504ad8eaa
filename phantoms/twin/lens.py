"""Which way each point of a picture looks: the inverse of projection and distortion."""

from dataclasses import replace

import numpy as np
from scipy.interpolate import RectBivariateSpline

from nav.camera.rig import Camera
from nav.frames import Array

GRID_STEP = 12.0  # px; the cubic spline between is right to about 1e-9 px for usual lenses
MARGIN = 2.0  # px beyond the picture's edge


def corner_rays(camera: Camera) -> Array:
    """Ideal normalised coordinates of all pixel corners, (height + 1, width + 1, 2).

    Entry [v, u] is the corner at pixel coordinates (u - 0.5, v - 0.5).
    """
    width, height = camera.size
    us = np.linspace(-0.5 - MARGIN, width - 0.5 + MARGIN, int(width / GRID_STEP) + 5)
    vs = np.linspace(-0.5 - MARGIN, height - 0.5 + MARGIN, int(height / GRID_STEP) + 5)
    grid = np.stack(np.meshgrid(us, vs), axis=-1).reshape(-1, 2)
    ideal = camera.undistort(grid).reshape(len(vs), len(us), 2)
    rows, columns = np.arange(height + 1) - 0.5, np.arange(width + 1) - 0.5
    rays = np.empty((height + 1, width + 1, 2))
    for axis in (0, 1):
        rays[..., axis] = RectBivariateSpline(vs, us, ideal[..., axis])(rows, columns)
    return rays


def divided(camera: Camera, parts: int) -> Camera:
    """The same camera with each pixel divided into parts x parts smaller ones."""
    if parts == 1:
        return camera
    matrix = camera.matrix.copy()
    matrix[:2] *= parts
    # the first pixel's centre is 0 in both
    matrix[:2, 2] += (parts - 1) / 2
    width, height = camera.size
    return replace(camera, size=(width * parts, height * parts), matrix=matrix)
