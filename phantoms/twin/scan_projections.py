"""Effects of the projections on a scan: noise where little came through, streaks, dark bands.

The whole body is sampled on a coarse grid, slice by slice: its projections tell how many quanta
came through each ray. From these follow the noise's level for each direction, and the error of the
line integrals measured behind bone, metal and shoulders; filtered and projected back it is added to
the CT numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from nav.core.frames import Array
from phantoms.twin.ct_fill import Grid
from phantoms.twin.scan_parameters import Artefacts

Values = NDArray[np.float32]  # (z, y, x)
WATER = 0.0195  # 1/mm at about 70 keV
PIXEL, SLICE = 2.5, 5.0  # mm, of the coarse grid
ANGLES, WEDGES, LEVELS = 90, 6, 40
QUANTA = 0.9  # share of the attenuation that current modulation and bow-tie filter leave
MOST_LEVEL = 8.0  # times the noise in the middle
BONE_FROM = 150.0  # HU, above which tissue counts as bone
SECOND_ORDER = 0.02  # of the bone's line integral, squared, that is lost at a hardening of 1
CUP_RADIUS = 70.0  # mm, at which cupping ends
# Shoulders: centres from the midline and backwards, radii, mm; complete below, absent above, mm.
SHOULDER, SHOULDER_RADII, SHOULDER_HEIGHTS = (140.0, 18.0), (70.0, 52.0), (-88.0, -32.0)
# Metal: 1/mm; pixel and slice, mm; quanta of an unattenuated ray; stray light, share.
METAL_ATTENUATION, METAL_PIXEL, METAL_SLICE = 0.8, 1.25, 1.5
FILLING, FILLING_TALL, QUANTA_FREE, STRAY = 2.6, 5.0, 4e5, 4e-4
Paint = Callable[[Grid], Values]


@dataclass(frozen=True)
class Projected:
    """Effects of the projections.

    Attributes
    ----------
    error : ndarray of float32, shape (z, y, x)
        To add, HU.
    level : ndarray of float32, shape (WEDGES, z, y, x)
        Standard deviation of the noise, HU, on a coarse grid of the same volume; see
        `scan_noise.noise`.
    """

    error: Values
    level: Values


def projected(
    paint: Paint, low: Array, high: Array, centre: Array, grid: Grid, a: Artefacts, metal: Array,
    seed: int,
) -> Projected:  # fmt: skip
    """Compute errors and noise level of a scan.

    Parameters
    ----------
    paint : callable
        Makes CT numbers, HU, on any grid.
    low, high : ndarray, shape (3,)
        Corners of a box that contains the body in x and y, mm.
    centre : ndarray, shape (3,)
        The anatomy's origin, scan frame, mm; the noise there is `Artefacts.noise_hu`.
    grid : Grid
        The scan's grid.
    a : Artefacts
        What to simulate.
    metal : ndarray, shape (n, 3)
        Centres of fillings, mm.
    seed : int
        Of the quanta behind metal.

    Returns
    -------
    Projected
        Errors and noise level.
    """
    if a.noise_hu == 0.0 and a.hardening == 0.0 and not len(metal):
        flat = np.broadcast_to(-_cup(grid, centre, a.cupping_hu), grid.shape)
        return Projected(flat, np.zeros((WEDGES, 1, 1, 1), np.float32))
    body = _body_grid(low, high, grid, centre)
    theta = np.arange(ANGLES) * 180.0 / ANGLES
    heights = body.origin[2] + body.spacing[2] * np.arange(body.size[2])
    all_lines, errors, variances = [], [], []
    for plane, z in zip(paint(body), heights, strict=True):
        lines, bone = _lines(plane, theta), _bone_lines(plane, theta)
        lines = lines + _shoulders(theta, lines.shape[0], body, centre, float(z), a.shoulders)
        all_lines.append(lines)
        lost = -SECOND_ORDER * a.hardening * bone**2
        errors.append(_back(lost, theta, plane.shape[0], PIXEL))
        variances.append(_variances(lines, theta, plane.shape[0]))
    x, y, z = (grid.origin[k] + grid.spacing[k] * np.arange(grid.size[k]) for k in range(3))
    error = _at(np.array(errors), body, z, y, x) - _cup(grid, centre, a.cupping_hu)
    if len(metal):
        error += _metal_error(np.array(all_lines), body, grid, metal, seed)
    middle = int(np.argmin(np.abs(heights - centre[2])))
    coarse = (np.linspace(c[0], c[-1], LEVELS) for c in (z, y, x))
    at = tuple(coarse)
    level = [
        _at(wedge, body, *at) for wedge in _levels(np.array(variances), middle, body, centre, a)
    ]
    return Projected(error, np.array(level, np.float32))


def _body_grid(low: Array, high: Array, grid: Grid, centre: Array) -> Grid:
    """Return a coarse grid of the whole body at the scan's heights and the anatomy's origin."""
    size = int(np.ceil(float(np.hypot(*(high - low)[:2])) / PIXEL)) + 4
    middle = 0.5 * (low + high)[:2]
    first = min(float(grid.origin[2]), float(centre[2]))
    last = max(float(grid.origin[2] + grid.spacing[2] * grid.size[2]), float(centre[2]))
    count = max(2, int(np.ceil((last - first) / SLICE)) + 1)
    origin = np.append(middle - 0.5 * (size - 1) * PIXEL, first)
    return Grid(origin, np.array([PIXEL, PIXEL, SLICE]), (size, size, count))


def _lines(plane: Values, theta: Array) -> Array:
    """Return line integrals (detector, angles) of a slice's attenuation."""
    from skimage.transform import radon

    image = WATER * np.maximum(plane.astype(float) + 1000.0, 0.0) / 1000.0
    return np.asarray(radon(_round(image), theta, circle=True) * PIXEL)


def _bone_lines(plane: Values, theta: Array) -> Array:
    from skimage.transform import radon

    image = WATER * np.clip(plane.astype(float) - BONE_FROM, 0.0, 2500.0) / 1000.0
    return np.asarray(radon(_round(image), theta, circle=True) * PIXEL)


def _round(image: Array) -> Array:
    """Clear everything outside the circle that the projections see."""
    half = image.shape[0] // 2
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    return np.where(np.hypot(y - half, x - half) <= half - 1, image, 0.0)


def _back(lines: Array, theta: Array, size: int, pixel: float) -> Array:
    """Return the image, HU, whose line integrals these are."""
    from skimage.transform import iradon

    image = iradon(lines, theta, output_size=size, filter_name="hann", circle=True)
    return np.asarray(image) / pixel / WATER * 1000.0


def _variances(lines: Array, theta: Array, size: int) -> Array:
    """Return the mean of 1 / quanta over each wedge's projections, (WEDGES, y, x).

    Detector positions run along x cos - y sin of the angle; the noise's frequency does too. Wedge k
    is about k pi / WEDGES from x to y, so the angle is minus that.
    """
    from skimage.transform import iradon

    starved = np.exp(QUANTA * lines)
    found = []
    for k in range(WEDGES):
        off = np.mod(theta + k * 180.0 / WEDGES + 90.0, 180.0) - 90.0
        mine = np.abs(off) <= 90.0 / WEDGES
        image = iradon(
            starved[:, mine], theta[mine], output_size=size, filter_name=None, circle=False
        )
        found.append(image * (2.0 / np.pi))
    return np.maximum(np.array(found), 1e-6)


def _levels(variances: Array, at: int, body: Grid, centre: Array, a: Artefacts) -> Array:
    """Return the standard deviation (WEDGES, z, y, x), HU."""
    j, i = (
        int(np.clip(round((centre[k] - body.origin[k]) / PIXEL), 0, body.size[k] - 1))
        for k in (1, 0)
    )
    middle = variances[at][:, j, i].mean()
    relative = np.minimum(np.sqrt(variances / middle), MOST_LEVEL)
    return np.asarray(a.noise_hu * relative.transpose(1, 0, 2, 3))


def _shoulders(
    theta: Array, count: int, body: Grid, centre: Array, z: float, share: float
) -> Array:
    """Return line integrals (detector, angles) of two ellipses of water beside the neck."""
    low, high = SHOULDER_HEIGHTS
    there = share * float(np.clip((high - (z - centre[2])) / (high - low), 0.0, 1.0))
    if there == 0.0:
        return np.zeros((count, len(theta)))
    s = (np.arange(count) - count // 2)[:, None] * PIXEL
    angle = np.radians(theta)[None]
    middle = body.origin[:2] + PIXEL * (body.size[0] // 2)
    a, b = SHOULDER_RADII
    half = np.hypot(a * np.cos(angle), b * np.sin(angle))
    total = np.zeros((count, len(theta)))
    for side in (-1.0, 1.0):
        cx, cy = centre[0] + side * SHOULDER[0] - middle[0], centre[1] + SHOULDER[1] - middle[1]
        off = s - (cx * np.cos(angle) - cy * np.sin(angle))
        total += 2.0 * a * b * np.sqrt(np.maximum(half**2 - off**2, 0.0)) / half**2
    return there * WATER * total


def _cup(grid: Grid, centre: Array, depth: float) -> Values:
    x, y = (grid.origin[k] + grid.spacing[k] * np.arange(grid.size[k]) - centre[k] for k in (0, 1))
    radius = np.hypot(x[None, :], y[:, None] + 10.0) / CUP_RADIUS
    return np.asarray(depth * np.clip(1.0 - radius**2, 0.0, 1.0), np.float32)[None]


def _metal_error(lines: Array, body: Grid, grid: Grid, metal: Array, seed: int) -> Values:
    """Return what fillings add, HU: rays that hardly come through, beam hardening, stray light."""
    rng = np.random.default_rng([seed, 77])
    total = np.zeros(grid.shape, np.float32)
    z_first, z_last = metal[:, 2].min() - FILLING_TALL, metal[:, 2].max() + FILLING_TALL
    heights = np.arange(z_first, z_last + METAL_SLICE, METAL_SLICE)
    shown = grid.origin[2] + grid.spacing[2] * np.arange(grid.size[2])
    near = np.flatnonzero((shown > z_first - METAL_SLICE) & (shown < z_last + METAL_SLICE))
    if len(near) == 0:
        return total
    fine = np.arange(240) * 180.0 / 240
    size = round(body.size[0] * PIXEL / METAL_PIXEL)
    fine_body = Grid(
        np.append(body.origin[:2], heights[0]),
        np.array([METAL_PIXEL, METAL_PIXEL, METAL_SLICE]),
        (size, size, len(heights)),
    )
    s = (np.arange(size) - size // 2)[:, None] * METAL_PIXEL
    middle = body.origin[:2] + METAL_PIXEL * (size // 2)
    angle = np.radians(fine)[None]
    errors = []
    for z in heights:
        k = int(np.clip(round((z - body.origin[2]) / SLICE), 0, len(lines) - 1))
        rows = (s / PIXEL + lines.shape[1] // 2) + 0.0 * angle
        columns = np.broadcast_to(fine[None] / 180.0 * ANGLES, rows.shape)
        water = map_coordinates(lines[k], [rows, columns], order=1, mode="nearest")
        path = np.zeros_like(water)
        for x, y, height in metal:
            tall = 1.0 - ((z - height) / FILLING_TALL) ** 2
            if tall > 0.0:
                at = (x - middle[0]) * np.cos(angle) - (y - middle[1]) * np.sin(angle)
                path += 2.0 * np.sqrt(np.maximum(FILLING**2 * tall - (s - at) ** 2, 0.0))
        dense = METAL_ATTENUATION * path
        came = QUANTA_FREE * (np.exp(-water - dense) + STRAY * np.exp(-0.5 * water))
        came = np.maximum(rng.poisson(came), 0.5)
        metal_lines = np.where(path > 0.0, -np.log(came / QUANTA_FREE) - water, 0.0)
        # the metal itself is painted: what remains is not explained by any attenuation of it
        explained = float((metal_lines * path).sum()) / max(float((path**2).sum()), 1e-9)
        error = metal_lines - explained * path
        errors.append(_back(error, fine, size, METAL_PIXEL))
    y, x = (grid.origin[k] + grid.spacing[k] * np.arange(grid.size[k]) for k in (1, 0))
    total[near] = _at(np.array(errors), fine_body, shown[near], y, x)
    return total


def _at(values: Array, body: Grid, z: Array, y: Array, x: Array) -> Values:
    """Interpolate values of a coarse grid (z, y, x) on a finer one."""
    at = [(c - body.origin[k]) / body.spacing[k] for k, c in ((2, z), (1, y), (0, x))]
    flat = np.meshgrid(at[1], at[2], indexing="ij")
    out = np.empty((len(z), len(y), len(x)), np.float32)
    for k, height in enumerate(np.clip(at[0], 0.0, len(values) - 1.0)):
        low = min(int(height), len(values) - 1)
        high = min(low + 1, len(values) - 1)
        plane = values[low] + (height - low) * (values[high] - values[low])
        out[k] = map_coordinates(plane, flat, order=1, mode="nearest")
    return out
