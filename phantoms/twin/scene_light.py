"""Visibility of lamps and sky from a surface: soft shadows and dark corners, by casting rays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from phantoms.twin.scene_rays import BAND, Hits, RayScene
from phantoms.twin.simulated_room import BOUNCE, FILL, KEY, REACH, Lamp

Floats = NDArray[np.float32]

OFF = 0.05  # mm that a ray starts above its surface
# Steps of a sequence that fills the square evenly (Roberts 2018, plastic number).
STEPS = (0.7548776662466927, 0.5698402909980532)
ALIKE = 0.9  # cosine between normals of neighbours whose light is averaged
APART = 0.6  # mm off each other's plane, likewise


def reaching(scene: RayScene, hits: Hits, lots: Floats, samples: tuple[int, int, int]) -> Floats:
    """Compute the shares of lamps and sky that reach the hits of rays.

    A lamp's share depends on what hides it, not on the surface's angle to it; the sky's share
    contains both, and the light reflected from surroundings.

    Parameters
    ----------
    scene : RayScene
        The scene.
    hits : Hits
        The hits, n of them.
    lots : ndarray of float32, shape (n, 2)
        0 to 1: decorrelates the samples of neighbours.
    samples : tuple of 3 ints
        Rays to key lamp, fill lamp and sky.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        Shares of key lamp, fill lamp and sky.
    """
    shares = np.zeros((len(lots), 3), np.float32)
    for start in range(0, len(lots), BAND):
        band = slice(start, min(start + BAND, len(lots)))
        points, flat, spread = hits.points[band], hits.flat[band], lots[band]
        rays = np.empty((len(points), 6), np.float32)
        for light, (lamp, count) in enumerate(zip((KEY, FILL), samples[:2], strict=True)):
            centre, across = np.array(lamp.centre), _across(lamp)
            for k in range(count):
                _to_lamp(points, flat, spread, k, light, centre, across, rays)
                shares[band, light] += scene.free(rays) / count
        for k in range(samples[2]):
            _to_sky(points, flat, spread, k, rays)
            shares[band, 2] += scene.free(rays) / samples[2]
    shares[:, 2] = BOUNCE + (1.0 - BOUNCE) * shares[:, 2]
    return shares


def evened(shares: Floats, points: Floats, normals: Floats, step: int) -> Floats:
    """Average shares over 5 x 5 pixels on one smooth surface.

    Edge-avoiding, after [1]_.

    Parameters
    ----------
    shares : ndarray of float32, shape (h, w, 3)
        As from `reaching`.
    points, normals : ndarray of float32, shape (h, w, 3)
        Of the surface.
    step : int
        Distance of the pixels.

    Returns
    -------
    ndarray of float32, shape (h, w, 3)
        The averages.

    References
    ----------
    .. [1] Dammertz et al., 2010.
    """
    out = np.empty_like(shares)
    _even(shares, points, normals, step, out)
    return out


def lots_of(count: int) -> Floats:
    """Return two numbers for each of many places, the same at every call.

    Parameters
    ----------
    count : int
        Number of places.

    Returns
    -------
    ndarray of float32, shape (count, 2)
        From 0 to 1.
    """
    return np.random.default_rng(0).random((count, 2), dtype=np.float32)


def _across(lamp: Lamp) -> Array:
    """Return two half axes (2, 3), mm, of a lamp's disc, which faces the origin."""
    towards = np.asarray(lamp.centre) / np.linalg.norm(lamp.centre)
    first = np.cross(towards, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    return lamp.radius * np.array([first, np.cross(towards, first)])


@njit(nogil=True, cache=True)
def _lot(spread, n, k, light):
    u = spread[n, 0] + STEPS[0] * (k + 1) + 0.37 * light
    v = spread[n, 1] + STEPS[1] * (k + 1) + 0.71 * light
    return u - np.floor(u), v - np.floor(v)


@njit(nogil=True, cache=True)
def _to_lamp(points, flat, spread, k, light, centre, across, rays):
    for n in range(len(points)):
        u, v = _lot(spread, n, k, light)
        radius, angle = np.sqrt(u), 2.0 * np.pi * v
        a, b = radius * np.cos(angle), radius * np.sin(angle)
        for c in range(3):
            origin = points[n, c] + OFF * flat[n, c]
            rays[n, c] = origin
            rays[n, 3 + c] = centre[c] + a * across[0, c] + b * across[1, c] - origin


@njit(nogil=True, cache=True)
def _to_sky(points, flat, spread, k, rays):
    """Sample directions with the weights of a matt surface."""
    for n in range(len(points)):
        u, v = _lot(spread, n, k, 2)
        x, y, z = flat[n, 0], flat[n, 1], flat[n, 2]
        # two directions across the normal (Duff et al. 2017)
        sign = 1.0 if z >= 0.0 else -1.0
        a = -1.0 / (sign + z)
        b = x * y * a
        radius, angle = np.sqrt(u), 2.0 * np.pi * v
        p, q, up = radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1.0 - u)
        rays[n, 3] = REACH * (p * (1.0 + sign * x * x * a) + q * b + up * x)
        rays[n, 4] = REACH * (p * sign * b + q * (sign + y * y * a) + up * y)
        rays[n, 5] = REACH * (-p * sign * x - q * y + up * z)
        for c in range(3):
            rays[n, c] = points[n, c] + OFF * flat[n, c]


@njit(nogil=True, cache=True)
def _even(shares, points, normals, step, out):
    height, width = shares.shape[0], shares.shape[1]
    kernel = (0.375, 0.25, 0.0625)
    for row in range(height):
        for column in range(width):
            total = 0.0
            key = fill = sky = 0.0
            nx, ny, nz = normals[row, column]
            px, py, pz = points[row, column]
            for i in range(-2, 3):
                r = row + i * step
                if r < 0 or r >= height:
                    continue
                for j in range(-2, 3):
                    c = column + j * step
                    if c < 0 or c >= width:
                        continue
                    m = normals[r, c]
                    if nx * m[0] + ny * m[1] + nz * m[2] < ALIKE:
                        continue
                    q = points[r, c]
                    off = nx * (q[0] - px) + ny * (q[1] - py) + nz * (q[2] - pz)
                    if abs(off) > APART * step:
                        continue
                    weight = kernel[abs(i)] * kernel[abs(j)]
                    total += weight
                    key += weight * shares[r, c, 0]
                    fill += weight * shares[r, c, 1]
                    sky += weight * shares[r, c, 2]
            out[row, column, 0] = key / total
            out[row, column, 1] = fill / total
            out[row, column, 2] = sky / total
