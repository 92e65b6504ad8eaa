"""Soft tissue of neck and lower head: skin, fat, muscles, glands, tongue, airway, large vessels.

Sketched in the anatomy's frame, so that a slice looks real: nothing is measured on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom
from scipy.spatial.transform import RigidTransform

from nav.openthreed import import_open3d
from phantoms.twin.ct_fill import Grid
from phantoms.twin.scene_grain import grain

Values = NDArray[np.float32]  # (z, y, x)
Window = tuple[slice, slice, slice]

AIR, MUSCLE, FAT, SKIN, GLAND, BLOOD = -1000.0, 58.0, -95.0, 45.0, 20.0, 45.0
SKIN_DEPTH, FAT_DEPTH = 1.6, 4.0  # mm under the surface
SEAM = 0.5  # mm, of the fat between muscles
COARSE_MM = 1.6  # along z: tissue runs nearly along the neck
# On the left and mirrored: x, y, z of the middle; radii; mm; HU. The nearest in its radii wins.
TISSUES = (
    # longus colli and capitis; fat and cellular tissue before them
    (8.0, -31.0, -20.0, 7.0, 3.6, 60.0, MUSCLE),
    (22.0, -40.0, 10.0, 7.0, 9.0, 40.0, FAT),
    # nape: trapezius, splenius, semispinalis, rectus and obliquus, levator
    (15.0, 40.0, -20.0, 22.0, 4.5, 80.0, MUSCLE),
    (31.0, 24.0, -10.0, 14.0, 6.0, 70.0, MUSCLE),
    (12.0, 29.0, -10.0, 11.0, 5.5, 70.0, MUSCLE),
    (8.0, 19.0, 5.0, 7.0, 5.0, 30.0, MUSCLE),
    (21.0, 12.0, 8.0, 13.0, 5.5, 26.0, MUSCLE),
    (22.0, 11.0, -45.0, 12.0, 6.0, 34.0, MUSCLE),
    (36.0, 7.0, -25.0, 6.5, 6.0, 45.0, MUSCLE),
    (31.0, -7.0, -45.0, 7.0, 9.0, 34.0, MUSCLE),
    # sternocleidomastoid
    (48.0, -8.0, -5.0, 6.0, 15.0, 36.0, MUSCLE),
    (40.0, -26.0, -50.0, 8.0, 12.0, 30.0, MUSCLE),
    # parotid, masseter, pterygoids, submandibular gland
    (49.0, -22.0, 5.0, 9.0, 10.0, 22.0, GLAND),
    (54.0, -42.0, 4.0, 5.0, 13.0, 26.0, MUSCLE),
    (37.0, -44.0, 6.0, 7.0, 9.0, 26.0, MUSCLE),
    (31.0, -58.0, -30.0, 8.0, 10.0, 10.0, GLAND),
    # tongue and floor of the mouth, cheek fat
    (8.0, -72.0, -6.0, 17.0, 17.0, 20.0, MUSCLE),
    (10.0, -70.0, -34.0, 16.0, 20.0, 10.0, MUSCLE),
    (46.0, -68.0, 10.0, 10.0, 12.0, 20.0, FAT),
    # larynx and thyroid below the hyoid
    (0.0, -58.0, -70.0, 15.0, 12.0, 24.0, MUSCLE),
    (20.0, -46.0, -78.0, 9.0, 9.0, 16.0, 110.0),
)
# Air along the midline: heights, and there y, half width, half depth, mm.
AIRWAY = (
    (-112.0, -84.0, -66.0, -50.0, -34.0, -16.0, 2.0, 16.0, 26.0, 40.0, 48.0),
    (-48.0, -50.0, -54.0, -52.0, -46.0, -43.0, -43.0, -43.0, -46.0, -50.0, -52.0),
    (8.0, 7.5, 4.0, 9.0, 12.0, 13.0, 12.0, 12.0, 13.0, 12.0, 6.0),
    (8.0, 8.0, 9.0, 5.0, 6.0, 5.0, 4.0, 6.0, 9.0, 10.0, 4.0),
)
# Nose: from z to z; y from to; half width of each side's way; mm.
NOSE = (20.0, 52.0, -98.0, -48.0, 12.0)
Course = tuple[tuple[float, ...], ...]
# Carotids, their branches, jugular veins; left and mirrored: heights, x, y, radius, mm.
CAROTIDS: tuple[Course, ...] = (
    ((-112.0, -50.0, -38.0, 0.0, 30.0, 60.0), (22.0, 24.0, 25.0, 27.0, 26.0, 22.0),
     (-40.0, -40.0, -39.0, -33.0, -31.0, -34.0), (3.3, 3.4, 3.8, 2.5, 2.4, 2.4)),
    ((-40.0, -36.0, -10.0, 20.0), (26.0, 26.0, 28.0, 38.0),
     (-42.0, -46.0, -45.0, -30.0), (0.5, 2.2, 2.0, 1.6)),
)  # fmt: skip
JUGULARS: tuple[Course, ...] = (
    ((-112.0, -40.0, 0.0, 30.0, 50.0), (30.0, 32.0, 32.5, 30.0, 29.0),
     (-36.0, -32.0, -24.0, -21.0, -22.0), (6.0, 5.5, 4.8, 4.2, 4.5)),
    ((-112.0, -60.0, -20.0, 0.0), (48.0, 50.0, 55.0, 55.0),
     (-20.0, -16.0, -14.0, -18.0), (2.5, 2.2, 1.8, 0.4)),
)  # fmt: skip


@dataclass(frozen=True)
class Blood:
    """CT numbers of the neck's other vessels.

    Attributes
    ----------
    arteries : tuple of 2 floats
        Of the left and right, HU.
    veins : float
        HU.
    """

    arteries: tuple[float, float]
    veins: float


def soft_tissue(
    skin: Any, grid: Grid, window: Window, anatomy_from_scan: RigidTransform, blood: Blood
) -> Values:
    """Paint what is inside the skin besides the anatomy.

    Parameters
    ----------
    skin : Closed
        Closed surface, scan frame, mm.
    grid : Grid
        The grid, scan frame.
    window : tuple of 3 slices
        z, y, x.
    anatomy_from_scan : RigidTransform
        The tissue is defined in the anatomy's frame.
    blood : Blood
        CT numbers of vessels.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    shape = tuple(w.stop - w.start for w in window)
    points = _points(grid, window, shape)
    here = anatomy_from_scan.apply(points.reshape(-1, 3)).astype(np.float32)
    x, y, z = (here[:, k].reshape(points.shape[:3]) for k in range(3))
    slow, slower = (_noise(x, y, z, size) for size in (16.0, 38.0))
    values = _muscles(x, y, z, slow, slower)
    depth = _depth(skin, points)
    under = SKIN_DEPTH + FAT_DEPTH * (1.0 + 0.35 * slower + 0.9 * np.clip(y / 40.0, 0.0, 1.0))
    _blend(values, under - depth, FAT + 25.0 * slow)
    _blend(values, SKIN_DEPTH - depth, SKIN)
    for k, side in enumerate((1.0, -1.0)):
        for course in CAROTIDS:
            _blend(values, _within(course, side * x, y, z, slower), blood.arteries[k])
        for course in JUGULARS:
            _blend(values, _within(course, side * x, y, z, slower), blood.veins)
    _blend(values, _airway(x, y, z, slow), AIR)
    factors = np.array(shape) / values.shape
    return zoom(values, factors, order=1, mode="nearest", grid_mode=False)


def _points(grid: Grid, window: Window, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return points (z, y, x, 3), coarse along z, and in plane where voxels are fine."""
    counts = []
    for k, axis in zip((2, 1, 0), range(3), strict=True):
        step = COARSE_MM if k == 2 else 0.6
        counts.append(max(2, int(np.ceil(shape[axis] * grid.spacing[k] / step)) + 1))
        counts[-1] = min(counts[-1], max(shape[axis], 2))
    z, y, x = (
        np.linspace(
            grid.origin[k] + grid.spacing[k] * w.start,
            grid.origin[k] + grid.spacing[k] * (w.stop - 1),
            count,
        )
        for k, w, count in zip((2, 1, 0), window, counts, strict=True)
    )
    points = np.empty((len(z), len(y), len(x), 3), np.float32)
    points[..., 0], points[..., 1], points[..., 2] = x, y[:, None], z[:, None, None]
    return points


def _muscles(x: Values, y: Values, z: Values, bow: Values, bend: Values) -> Values:
    """Assign each place to the tissue nearest in its radii, with thin seams of fat between."""
    u, v = np.abs(x + 2.0 * bend) + 2.0 * bow, y + 3.0 * bend - 1.5 * bow
    nearest = np.full(x.shape, np.inf, np.float32)
    second, value, size = nearest.copy(), np.zeros_like(nearest), np.ones_like(nearest)
    for sx, sy, sz, wide, deep, tall, hu in TISSUES:
        away = ((u - sx) / np.float32(wide)) ** 2
        away += ((v - sy) / np.float32(deep)) ** 2
        away += ((z - sz) / np.float32(tall)) ** 2
        np.sqrt(away, out=away)
        won = away < nearest
        second = np.where(won, nearest, np.minimum(second, away))
        np.copyto(nearest, away, where=won)
        value[won], size[won] = hu, min(wide, deep)
    off = (second - nearest) * size / 2.0
    fat = np.exp(-((off / (SEAM * (1.0 + 0.6 * bow))) ** 2))
    # the two sides meet in the nape's ligament
    nape = np.exp(-((x / 1.2) ** 2)) * np.clip((y - 12.0) / 4.0, 0.0, 1.0)
    fat = np.maximum(fat, 0.7 * nape)
    # far from every tissue there is fat
    fat = np.maximum(fat, np.clip((nearest - 1.5) / 0.6, 0.0, 0.85))
    value = value + 9.0 * bow
    return np.asarray(value + fat * (FAT - value), np.float32)


def _within(course: Course, x: Values, y: Values, z: Values, bend: Values) -> Values:
    """Return the depth inside a vessel, mm."""
    heights, xs, ys, radii = course
    away = np.hypot(x - np.interp(z, heights, xs) - 1.5 * bend, y - np.interp(z, heights, ys))
    deep = np.interp(z, heights, radii) - away
    deep[(z < heights[0]) | (z > heights[-1])] = -5.0
    return np.asarray(deep, np.float32)


def _airway(x: Values, y: Values, z: Values, slow: Values) -> Values:
    """Return the depth inside air, mm."""
    heights, ys, wide, deep = AIRWAY
    half = np.interp(z, heights, deep)
    off = np.hypot(
        x / (np.interp(z, heights, wide) + 1.5 * slow), (y - np.interp(z, heights, ys)) / half
    )
    pharynx = (1.0 - off) * half
    pharynx[z > heights[-1]] = -5.0
    low, high, front, back, side = NOSE
    # two ways beside the septum, with shells that hang into them
    shells = 1.6 + 2.2 * np.abs(np.sin(z / 4.3 + 0.4 * slow))
    nose = np.minimum(side - np.abs(x), np.abs(x) - 1.0)
    nose = np.minimum(nose, np.abs(np.abs(x) - 6.0) - shells * 0.9)
    nose = np.minimum(nose, np.minimum(z - low, high - z))
    nose = np.minimum(nose, np.minimum(y - front, back - y))
    return np.asarray(np.maximum(pharynx, nose), np.float32)


def _blend(values: Values, inside: Values, hu: float | Values) -> None:
    """Put a tissue where `inside` is above 0, with an edge half a millimetre soft."""
    share = np.clip(inside / np.float32(0.5) + np.float32(0.5), 0.0, 1.0)
    values += share * (hu - values)


def _depth(skin: Any, points: NDArray[np.float32]) -> Values:
    """Return the depth below the skin, mm, negative outside; exact as deep as the fat reaches."""
    o3d = import_open3d()

    thin = points[::2, ::5, ::5]
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(skin.vertices.astype(np.float32)),
        o3d.core.Tensor(skin.triangles.astype(np.uint32)),
    )
    found = scene.compute_distance(o3d.core.Tensor(np.ascontiguousarray(thin))).numpy()
    factors = np.array(points.shape[:3]) / found.shape
    return zoom(found, factors, order=1, mode="nearest", grid_mode=False)


def _noise(x: Values, y: Values, z: Values, size: float) -> Values:
    """Return smooth noise, made on a coarser grid."""
    parts = [np.ascontiguousarray(a[::2, ::4, ::4]).ravel() for a in (x, y, z)]
    flat = np.column_stack(parts).astype(np.float32)
    made = grain(flat, np.full(flat.shape, size, np.float32)).reshape(x[::2, ::4, ::4].shape)
    return zoom(made, np.array(x.shape) / made.shape, order=1, mode="nearest", grid_mode=False)
