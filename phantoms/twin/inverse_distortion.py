"""Rays of the points of an image: the inverse of projection and distortion."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nav.camera.rig import Camera
from nav.core.compiled import njit
from nav.core.frames import Array

GRID_STEP = 12.0  # px; the cubic spline between is accurate to about 1e-9 px for usual lenses
MARGIN = 2.0  # px beyond the picture's edge


def corner_rays(camera: Camera) -> Array:
    """Compute the ideal normalised coordinates of all pixel corners.

    Parameters
    ----------
    camera : Camera
        The camera.

    Returns
    -------
    ndarray, shape (height + 1, width + 1, 2)
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


class DividedRays:
    """Rays of the corners of pixels divided into parts x parts.

    Interpolated cubically between the corners of whole pixels: a lens bends them over hundreds of
    pixels.

    Parameters
    ----------
    rays : ndarray, shape (height + 1, width + 1, 2)
        Of whole pixels' corners, as returned by `corner_rays`.
    parts : int
        Parts per side of a pixel.
    """

    def __init__(self, rays: Array, parts: int) -> None:
        self.rays, self.parts = rays, parts
        rows, columns = (parts * (count - 1) + 1 for count in rays.shape[:2])
        self.down = _cubic(np.arange(rows), parts, rays.shape[0])
        self.across = _cubic(np.arange(columns), parts, rays.shape[1])

    def within(self, window: tuple[int, int, int, int]) -> Array:
        """Return the rays of a window.

        Parameters
        ----------
        window : tuple of 4 ints
            row0, row1, column0, column1, in parts.

        Returns
        -------
        ndarray, shape (rows + 1, columns + 1, 2)
            Rays of the corners.
        """
        rows, columns = slice(window[0], window[1] + 1), slice(window[2], window[3] + 1)
        if self.parts == 1:
            return np.ascontiguousarray(self.rays[rows, columns])
        fine = np.empty((rows.stop - rows.start, columns.stop - columns.start, 2))
        first, weights = (part[rows] for part in self.down)
        across, across_weights = (part[columns] for part in self.across)
        _interpolate(self.rays, first, weights, across, across_weights, fine)
        return fine


def _cubic(corners: NDArray[np.intp], parts: int, count: int) -> tuple[NDArray[np.intp], Array]:
    """Return the first of four neighbours (n,) and Lagrange weights (n, 4) at corners, in parts."""
    place = corners / parts
    nodes = min(count, 4)
    first = np.clip(corners // parts - 1, 0, count - nodes)
    off = place - first
    weights = np.zeros((len(corners), 4))
    for node in range(nodes):
        others = [k for k in range(nodes) if k != node]
        weights[:, node] = np.prod([(off - k) / (node - k) for k in others], axis=0)
    return first, weights


@njit(nogil=True, cache=True, error_model="numpy")
def _interpolate(rays, first, weights, across, across_weights, fine):
    columns = across_weights.shape[0]
    nodes, nodes_across = min(rays.shape[0], 4), min(rays.shape[1], 4)
    row = np.empty((rays.shape[1], 2))
    low, high = across[0], across[-1] + nodes_across
    for i in range(len(first)):
        row[low:high] = 0.0
        for n in range(nodes):
            weight = weights[i, n]
            if weight != 0.0:
                for k in range(low, high):
                    row[k, 0] += weight * rays[first[i] + n, k, 0]
                    row[k, 1] += weight * rays[first[i] + n, k, 1]
        for j in range(columns):
            x = y = 0.0
            for n in range(nodes_across):
                x += across_weights[j, n] * row[across[j] + n, 0]
                y += across_weights[j, n] * row[across[j] + n, 1]
            fine[i, j, 0], fine[i, j, 1] = x, y


def divided(camera: Camera, parts: int) -> Camera:
    """Divide each pixel of a camera into parts x parts smaller ones.

    Parameters
    ----------
    camera : Camera
        The camera.
    parts : int
        Parts per side.

    Returns
    -------
    Camera
        With the same field of view.
    """
    if parts == 1:
        return camera
    matrix = camera.matrix.copy()
    matrix[:2] *= parts
    # the first pixel's centre is 0 in both
    matrix[:2, 2] += (parts - 1) / 2
    width, height = camera.size
    return replace(camera, size=(width * parts, height * parts), matrix=matrix)
