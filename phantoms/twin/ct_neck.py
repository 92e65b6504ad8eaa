"""Soft tissue of the neck in a CT: skin, fat, muscles with fat between, vessels, airway.

What the case does not contain is sketched, so that a slice looks real: nothing is measured on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from nav.openthreed import import_open3d
from phantoms.twin.ct_fill import Fraction, Grid
from phantoms.twin.scene_grain import grain

Values = NDArray[np.float32]  # (z, y, x)
Window = tuple[slice, slice, slice]

AIR, MUSCLE, FAT, SKIN = -1000.0, 58.0, -95.0, 45.0
ARTERY, VEIN = 380.0, 170.0
SKIN_DEPTH, FAT_DEPTH = 1.6, 4.5  # mm under the surface
SEAM = 0.55  # mm, of the fat between muscles
COARSE = 4  # voxels: step of the coarse grid for smooth fields
# On the left, mirrored on the right: x, y, radius, mm (behind the angle of the jaw), HU.
VESSELS = ((27.0, -33.0, 2.7, ARTERY), (25.0, -43.0, 2.1, ARTERY), (33.5, -27.0, 5.0, VEIN))
# Muscles and other tissue, on the left and mirrored: x, y, radii along x and y, mm; HU. Longus,
# parapharyngeal fat, parotid, tongue, sternocleidomastoid, levator, longissimus, obliquus inferior,
# rectus, semispinalis, splenius, trapezius; and what fills the canal around the dura.
TISSUES = (
    (0.0, -8.0, 13.0, 11.0, -60.0),
    (8.0, -38.0, 8.0, 4.0, MUSCLE),
    (21.0, -46.0, 6.0, 6.0, -60.0),
    (41.0, -42.0, 12.0, 13.0, 10.0),
    (9.0, -62.0, 14.0, 9.0, MUSCLE),
    (46.0, -12.0, 5.5, 17.0, MUSCLE),
    (33.0, -10.0, 7.0, 9.0, MUSCLE),
    (36.0, 6.0, 6.0, 5.0, MUSCLE),
    (19.0, 9.0, 13.0, 5.5, MUSCLE),
    (6.0, 17.0, 6.0, 5.0, MUSCLE),
    (12.0, 26.0, 11.0, 5.0, MUSCLE),
    (31.0, 20.0, 13.0, 6.0, MUSCLE),
    (15.0, 36.0, 20.0, 4.5, MUSCLE),
)
AIRWAY = (0.0, -48.0, 10.0, 5.0)  # mm: x, y, half width, half depth


def neck(s: Any, share: Fraction, grid: Grid, window: Window) -> Values:
    """Paint the inside of the neck.

    Parameters
    ----------
    s : Closed
        The skin.
    share : ndarray of float32, shape (z, y, x)
        Share of each voxel of the window inside the skin.
    grid : Grid
        The grid.
    window : tuple of 3 slices
        z, y, x.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    z, y, x = (
        (grid.origin[k] + grid.spacing[k] * np.arange(w.start, w.stop)).astype(np.float32)
        for k, w in zip((2, 1, 0), window, strict=True)
    )
    x, y, z = x[None, None, :], y[None, :, None], z[:, None, None]
    points = _coarse_points(grid, window)
    depth = _fine(_distance(s, points), share.shape)
    slow, slower = (_fine(_noise(points, size), share.shape) for size in (16.0, 38.0))
    values = _muscles(x, y, z, slow, slower)
    # more fat under the nape than at the sides
    under = SKIN_DEPTH + FAT_DEPTH * (1.0 + 0.35 * slower + 0.9 * np.clip(y / 40.0, 0.0, 1.0))
    values += _step(under - depth) * (FAT + 25.0 * slow - values)
    values += _step(SKIN_DEPTH - depth) * (SKIN - values)
    for side in (-1.0, 1.0):
        for vx, vy, radius, hu in VESSELS:
            away = np.hypot(x - side * vx - 2.0 * slower, y - vy - 0.12 * z)
            values += _step(radius - away) * (hu - values)
    ax, ay, wide, deep = AIRWAY
    off = (1.0 - np.hypot((x - ax) / (wide + 2.0 * slow), (y - ay) / deep)) * deep
    values += _step(off) * (AIR - values)
    return values


def _muscles(x: Values, y: Values, z: Values, slow: Values, slower: Values) -> Values:
    """Assign each place to the tissue nearest in its radii, with thin seams of fat between."""
    # they run nearly along the neck: a slice in COARSE is enough
    some = slice(None, None, COARSE)
    bend, bow = slower[some], slow[some]
    u = np.abs(x + 2.0 * bend) + 0.06 * z[some] + 2.5 * bow
    v = y + 4.0 * bend - 1.5 * bow
    nearest = np.full(bend.shape, np.inf, np.float32)
    second, value, size = nearest.copy(), np.zeros_like(nearest), np.ones_like(nearest)
    for sx, sy, wide, deep, hu in TISSUES:
        away = np.hypot((u - sx) / wide, (v - sy) / deep)
        won = away < nearest
        second = np.where(won, nearest, np.minimum(second, away))
        nearest = np.where(won, away, nearest)
        value = np.where(won, hu, value)
        size = np.where(won, min(wide, deep), size)
    off = (second - nearest) * size / 2.0
    fat = np.exp(-((off / (SEAM * (1.0 + 0.6 * bow))) ** 2))
    # the two sides meet in the nape's ligament
    fat = np.maximum(fat, 0.7 * np.exp(-((x / 1.2) ** 2)) * np.clip((y - 12.0) / 4.0, 0.0, 1.0))
    value = value + 9.0 * bow + fat * (FAT - value)
    return zoom(value.astype(np.float32), (len(slow) / len(value), 1, 1), order=1, mode="nearest")


def _step(inside: Values) -> Values:
    """Return 1 well inside, 0 outside, with a ramp over half a millimetre."""
    return np.clip(inside / 0.5 + 0.5, 0.0, 1.0)


def _coarse_points(grid: Grid, window: Window) -> NDArray[np.float32]:
    """Return points (z, y, x, 3), mm, for smooth fields: from first to last voxel."""
    z, y, x = (
        np.linspace(
            grid.origin[k] + grid.spacing[k] * w.start,
            grid.origin[k] + grid.spacing[k] * (w.stop - 1),
            (w.stop - w.start) // COARSE + 2,
        )
        for k, w in zip((2, 1, 0), window, strict=True)
    )
    points = np.empty((len(z), len(y), len(x), 3), np.float32)
    points[..., 0], points[..., 1], points[..., 2] = x, y[:, None], z[:, None, None]
    return points


def _fine(coarse: Values, shape: tuple[int, ...]) -> Values:
    factors = np.array(shape) / coarse.shape
    return zoom(coarse, factors, order=1, mode="nearest", grid_mode=False)


def _distance(s: Any, points: NDArray[np.float32]) -> Values:
    """Return the depth below the skin, negative outside, mm; the neck's cut ends are not skin."""
    o3d = import_open3d()

    ends = s.vertices[s.triangles][..., 2]
    wall = np.ptp(ends, axis=1) > 1e-3
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(s.vertices.astype(np.float32)),
        o3d.core.Tensor(s.triangles[wall].astype(np.uint32)),
    )
    return scene.compute_distance(o3d.core.Tensor(points)).numpy()


def _noise(points: NDArray[np.float32], size: float) -> Values:
    flat = points.reshape(-1, 3)
    return grain(flat, np.full(flat.shape, size, np.float32)).reshape(points.shape[:3])
