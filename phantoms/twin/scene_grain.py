"""Grain of surfaces: smooth noise in space, the same at the same place from every side."""

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit

OCTAVES = 3


@njit(nogil=True, cache=True)
def _hashed(x, y, z):
    """Return a value from 0 to 1 for a grid point."""
    h = (x * 374761393 + y * 668265263 + z * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1103515245) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((h ^ (h >> 15)) & 0xFFFFFF) / 16777216.0


@njit(nogil=True, cache=True)
def _value(x, y, z):
    """Return noise of grid step 1: hashed at the grid's points, smooth between."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for c in range(8):
        di, dj, dk = c & 1, (c >> 1) & 1, c >> 2
        share = (u if di else 1 - u) * (v if dj else 1 - v) * (w if dk else 1 - w)
        total += share * _hashed(i + di, j + dj, k + dk)
    return total


@njit(nogil=True, cache=True)
def grain_at(x, y, z, sx, sy, sz):
    """Return noise at a point: three octaves.

    Parameters
    ----------
    x, y, z : float
        The point, mm.
    sx, sy, sz : float
        Sizes of the grains, mm.

    Returns
    -------
    float
        From -1 to 1.
    """
    total, weight, sum_of_weights = 0.0, 1.0, 0.0
    for octave in range(OCTAVES):
        scale = 2.0**octave
        total += weight * _value(x * scale / sx + 7.3 * octave, y * scale / sy, z * scale / sz)
        sum_of_weights += weight
        weight *= 0.6
    return 2.0 * total / sum_of_weights - 1.0


@njit(nogil=True, cache=True)
def _grain(points, scales, out):
    for n in range(len(points)):
        s = scales[n]
        out[n] = grain_at(points[n, 0], points[n, 1], points[n, 2], s[0], s[1], s[2])


def grain(points: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute noise at points.

    Parameters
    ----------
    points : ndarray of float32, shape (n, 3)
        The points, mm.
    scales : ndarray of float32, shape (n, 3)
        Sizes of the grains at each point, mm.

    Returns
    -------
    ndarray of float32, shape (n,)
        From about -1 to 1.
    """
    out = np.empty(len(points), np.float32)
    _grain(points, scales, out)
    return out
