"""OpenCV's lens formula up to the thin prism, and its inverse by Newton's method.

Formula: OpenCV's calib3d documentation, "Detailed Description". Coefficients are padded to 12:
k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# coefficients of usual lenses, varied a little from camera to camera by `lens`
LENSES: dict[str, tuple[float, ...]] = {
    "five": (-0.12, 0.09, 5e-4, -4e-4, -0.015),
    "rational": (0.35, -0.12, 3e-4, -5e-4, 0.010, 0.62, -0.06, 0.020),
    "barrel": (-0.38, 0.18, 2e-4, -1e-4, -0.045),
    "prism": (0.30, -0.10, 2e-4, 4e-4, 0.008, 0.55, -0.05, 0.015, 6e-4, -2e-4, -5e-4, 1e-4),
}


def lens(kind: str, rng: np.random.Generator) -> Floats:
    """Coefficients of one lens of a kind, each 10 % off the kind's at random."""
    usual = np.array(LENSES[kind])
    return usual * (1.0 + 0.1 * rng.uniform(-1.0, 1.0, len(usual)))


def padded(distortion: Sequence[float] | Floats) -> Floats:
    """12 coefficients from 0, 4, 5, 8 or 12.

    Raises
    ------
    ValueError
        Another number of coefficients: a tilted sensor (14) is not drawn.
    """
    if len(distortion) not in (0, 4, 5, 8, 12):
        raise ValueError(f"expected 0, 4, 5, 8 or 12 lens coefficients, got {len(distortion)}")
    result = np.zeros(12)
    result[: len(distortion)] = distortion
    return result


@njit(nogil=True, cache=True)
def _distorted(x, y, k):
    """Distorted coordinates of an ideal ray (x, y, 1), and their derivatives by x and y."""
    r2 = x * x + y * y
    above = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
    below = 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
    above_r2 = k[0] + r2 * (2.0 * k[1] + r2 * 3.0 * k[4])
    below_r2 = k[5] + r2 * (2.0 * k[6] + r2 * 3.0 * k[7])
    ratio = above / below
    slope = (above_r2 - ratio * below_r2) / below
    u = x * ratio + 2.0 * k[2] * x * y + k[3] * (r2 + 2.0 * x * x) + r2 * (k[8] + r2 * k[9])
    v = y * ratio + k[2] * (r2 + 2.0 * y * y) + 2.0 * k[3] * x * y + r2 * (k[10] + r2 * k[11])
    prism_u = k[8] + 2.0 * r2 * k[9]
    prism_v = k[10] + 2.0 * r2 * k[11]
    ux = ratio + 2.0 * x * x * slope + 2.0 * k[2] * y + 6.0 * k[3] * x + 2.0 * x * prism_u
    uy = 2.0 * x * y * slope + 2.0 * k[2] * x + 2.0 * k[3] * y + 2.0 * y * prism_u
    vx = 2.0 * x * y * slope + 2.0 * k[2] * x + 2.0 * k[3] * y + 2.0 * x * prism_v
    vy = ratio + 2.0 * y * y * slope + 6.0 * k[2] * y + 2.0 * k[3] * x + 2.0 * y * prism_v
    return u, v, ux, uy, vx, vy


@njit(nogil=True, cache=True)
def _distort_all(rays, k, out):
    for i in range(rays.shape[0]):
        u, v, _, _, _, _ = _distorted(rays[i, 0], rays[i, 1], k)
        out[i, 0], out[i, 1] = u, v


@njit(nogil=True, cache=True)
def _undistort_all(points, k, out):
    worst = 0.0
    for i in range(points.shape[0]):
        x, y = points[i, 0], points[i, 1]
        error = 1.0
        for _ in range(30):
            u, v, ux, uy, vx, vy = _distorted(x, y, k)
            du, dv = points[i, 0] - u, points[i, 1] - v
            error = abs(du) + abs(dv)
            if error < 1e-13:
                break
            det = ux * vy - uy * vx
            x += (vy * du - uy * dv) / det
            y += (ux * dv - vx * du) / det
        worst = max(worst, error)
        out[i, 0], out[i, 1] = x, y
    return worst


def pixels_of(rays: ArrayLike, matrix: Floats, distortion: Floats) -> Floats:
    """Pixels (n, 2) of points (n, 3) in the camera frame."""
    points = np.asarray(rays, float).reshape(-1, 3)
    ideal = np.ascontiguousarray(points[:, :2] / points[:, 2:])
    bent = np.empty_like(ideal)
    _distort_all(ideal, padded(distortion), bent)
    return bent * matrix[[0, 1], [0, 1]] + matrix[[0, 1], [2, 2]]


def rays_of(pixels: ArrayLike, matrix: Floats, distortion: Floats) -> Floats:
    """Ideal coordinates (n, 2) of pixels (n, 2): the ray is (x, y, 1).

    Raises
    ------
    ValueError
        Newton's method finds no ray somewhere: the lens folds the picture there.
    """
    bent = (np.asarray(pixels, float) - matrix[[0, 1], [2, 2]]) / matrix[[0, 1], [0, 1]]
    ideal = np.empty_like(bent)
    worst = _undistort_all(np.ascontiguousarray(bent), padded(distortion), ideal)
    if not worst < 1e-10:
        raise ValueError(f"lens cannot be inverted over the picture (error {worst:.1g})")
    return ideal


def corner_rays(size: tuple[int, int], matrix: Floats, distortion: Floats) -> Floats:
    """Rays through the corners of all pixels, (height + 1, width + 1, 2).

    Entry [j, i] belongs to the picture's point (i - 0.5, j - 0.5): pixel centres are integers.
    """
    width, height = size
    us, vs = np.meshgrid(np.arange(width + 1) - 0.5, np.arange(height + 1) - 0.5)
    pixels = np.stack([us, vs], axis=-1).reshape(-1, 2)
    return rays_of(pixels, matrix, distortion).reshape(height + 1, width + 1, 2)
