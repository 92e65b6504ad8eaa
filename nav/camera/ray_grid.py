"""Ideal rays of a camera on a coarse grid, for quick cubic interpolation between."""

import numpy as np

from nav.camera.rig import Camera
from nav.core.compiled import njit
from nav.core.frames import Array

STEP = 16.0  # px


class RayGrid:
    """Undistorted normalised coordinates of a camera's pixels, on a coarse grid.

    Parameters
    ----------
    camera : Camera
        The camera.

    Attributes
    ----------
    grid : ndarray, shape (rows, columns, 2)
        Entry [j, i] belongs to pixel (i - 1, j - 1) * STEP. Cubic interpolation between is right to
        1e-4 px for usual lenses.
    """

    def __init__(self, camera: Camera) -> None:
        width, height = camera.size
        columns, rows = int(np.ceil(width / STEP)) + 4, int(np.ceil(height / STEP)) + 4
        us, vs = np.meshgrid((np.arange(columns) - 1) * STEP, (np.arange(rows) - 1) * STEP)
        pixels = np.stack([us, vs], axis=-1).reshape(-1, 2)
        self.grid: Array = camera.undistort(pixels).reshape(rows, columns, 2)


@njit(nogil=True, cache=True, inline="always")
def ray_at(grid: Array, u: float, v: float) -> tuple[float, float]:
    """Interpolate the ray of a pixel by cubic Lagrange interpolation.

    Parameters
    ----------
    grid : ndarray, shape (rows, columns, 2)
        Of `RayGrid`.
    u, v : float
        Pixel coordinates: column and row.

    Returns
    -------
    x, y : float
        Undistorted normalised coordinates.
    """
    fu, fv = u / STEP + 1.0, v / STEP + 1.0
    i = min(max(int(np.floor(fu)), 1), grid.shape[1] - 3)
    j = min(max(int(np.floor(fv)), 1), grid.shape[0] - 3)
    a, b = fu - i, fv - j
    au = (-a * (a - 1) * (a - 2) / 6, (a + 1) * (a - 1) * (a - 2) / 2)
    av = (-(a + 1) * a * (a - 2) / 2, (a + 1) * a * (a - 1) / 6)
    bu = (-b * (b - 1) * (b - 2) / 6, (b + 1) * (b - 1) * (b - 2) / 2)
    bv = (-(b + 1) * b * (b - 2) / 2, (b + 1) * b * (b - 1) / 6)
    weights_u = (au[0], au[1], av[0], av[1])
    weights_v = (bu[0], bu[1], bv[0], bv[1])
    x, y = 0.0, 0.0
    for m in range(4):
        for k in range(4):
            weight = weights_v[m] * weights_u[k]
            x += weight * grid[j - 1 + m, i - 1 + k, 0]
            y += weight * grid[j - 1 + m, i - 1 + k, 1]
    return x, y
