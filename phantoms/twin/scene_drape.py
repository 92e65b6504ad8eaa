"""A surgical drape over the phantom, with a hole for the needle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter, maximum_filter

from nav.core.frames import Array
from phantoms.twin.scene_grain import grain
from phantoms.twin.scene_rays import RayScene
from phantoms.twin.scene_shapes import sheet
from phantoms.twin.simulated_room import SceneItem

STEP = 2.5  # mm, grid of the cloth
REACH_X, CAUDAL, CRANIAL = 150.0, -190.0, 62.0  # mm: it ends before the reference body
STEEP = 1.6  # steepest slope that the cloth hangs with
OVER = 1.0  # mm above what it lies on
COLOUR = 0.26  # albedo of a green drape
SOFT = 3.0  # grid steps, sd of its roundness


def drape_item(
    items: Sequence[SceneItem], holes: Sequence[tuple[ArrayLike, float]], table: float
) -> SceneItem:
    """Lay a cloth over items, as seen from +y.

    Parameters
    ----------
    items : sequence of SceneItem
        What is under it, model frame.
    holes : sequence of (array_like, float)
        Centre (3,) and radius of each, mm: at a plan's entry.
    table : float
        y of the table, mm.

    Returns
    -------
    SceneItem
        The drape, model frame.
    """
    x = np.arange(-REACH_X, REACH_X + STEP, STEP)
    z = np.arange(CAUDAL, CRANIAL + STEP, STEP)
    # edges lie between the grid's points
    below = maximum_filter(np.maximum(_tops(items, x, z), table), 3) + OVER
    cloth = _hung(below)
    for _ in range(3):
        cloth = np.maximum(gaussian_filter(cloth, SOFT, mode="nearest"), below)
    cloth = gaussian_filter(cloth, 0.8, mode="nearest")
    cloth = np.maximum(cloth + _creases(cloth, x, z), below)
    vertices, triangles = sheet(cloth, x, z)
    for centre, radius in holes:
        open_at = np.linalg.norm(vertices - np.asarray(centre, float), axis=1) < radius
        triangles = triangles[~open_at[triangles].any(axis=1)]
    return SceneItem("drape", vertices, triangles, COLOUR, "cloth")


def _tops(items: Sequence[SceneItem], x: Array, z: Array) -> Array:
    """Return the highest y of items over a grid (x, z); -inf where there is nothing."""
    rays = np.zeros((len(x), len(z), 6), np.float32)
    rays[..., 0], rays[..., 1], rays[..., 2] = x[:, None], 500.0, z[None, :]
    rays[..., 4] = -1.0
    way = RayScene(items).first(rays.reshape(-1, 6)).way
    return 500.0 - way.reshape(len(x), len(z)).astype(float)


def _hung(below: Array) -> Array:
    """Return a cloth over a height field that falls off from every height no steeper than STEEP."""
    cloth, drop = below.copy(), STEEP * STEP
    for axis in (0, 1):
        lines = np.moveaxis(cloth, axis, 0)
        for order in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
            back = 1 if order.step == 1 else -1
            for k in order:
                np.maximum(lines[k], lines[k - back] - drop, out=lines[k])
    return cloth


def _creases(cloth: Array, x: Array, z: Array) -> Array:
    """Return folds that run down the slopes, and some unevenness everywhere."""
    points = np.zeros((len(x), len(z), 3), np.float32)
    points[..., 0], points[..., 1], points[..., 2] = x[:, None], cloth, z[None, :]
    flat = points.reshape(-1, 3)

    def folds(size: float) -> Array:
        noise = grain(flat, np.full(flat.shape, size, np.float32)).reshape(cloth.shape)
        return 1.0 - 2.0 * np.abs(noise.astype(float))

    slope = np.hypot(*np.gradient(cloth, STEP))
    return (1.2 + 2.2 * np.clip(slope, 0.0, 1.2)) * folds(45.0) + 0.6 * folds(17.0)
