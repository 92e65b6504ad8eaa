"""Whether a tube's sections hold what the vessel's lumen holds.

Contrast decays along a vessel, so the lumen's grey values are a line over height, fitted to most
of the sections. Where the line through a vessel leaves it (through bone, a vein or a gap), the grey
values in the middle of the sections are others, and nothing is known of the wall but that the
vessel runs on from one end of the stretch to the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.sampling import Field
from nav.reconstruction.tube import SECTION, Tube, frames_along
from nav.reconstruction.volume import Array, Volume

MOST_OFF = 0.35  # of the contrast, that the middle of a section may differ from the lumen
LEAST_CONTRAST = 40.0  # HU, of the contrast that is compared
SLOPE = (-2.5, 1.0)  # HU per mm of height, within which contrast changes
SCATTER = 0.12  # of the contrast, of a lumen's grey values about the line
OVER = 7  # sections whose median counts as one, against noise and calcium
CORNERS = 8
SPREADS = 2.0  # mm to either side of what is not lumen, where the fit is drawn along
BEND = 0.15  # 1/mm, of a vessel that nobody sees
UNKNOWN = 5.0  # mm, of a wall of which nothing is known


@dataclass(frozen=True)
class LumenProfile:
    """Grey values of a lumen over height. level : HU at height 0. slope : HU per mm."""

    level: float
    slope: float

    def at(self, heights: Array) -> Array:
        """Return the lumen's grey values at heights (n,), mm."""
        return np.asarray(self.level + self.slope * heights)

    def on_grid(self, volume: Volume) -> NDArray[np.float32]:
        """Return them at each voxel (nz, ny, nx)."""
        nz, ny, nx = volume.values.shape
        up = volume.model_from_voxel[2]
        z, y, x = np.ogrid[:nz, :ny, :nx]
        return np.asarray(self.at(up[0] * x + up[1] * y + up[2] * z + up[3]), np.float32)


def core_levels(field: Field, tube: Tube) -> Array:
    """Return the median grey value in the middle of each section.

    Parameters
    ----------
    field : Field
        HU.
    tube : Tube
        Of n sections.

    Returns
    -------
    ndarray, shape (n,)
        Within less than half the radius, HU.
    """
    _, u, v = frames_along(tube.centres)
    angle = 2 * np.pi * np.arange(CORNERS) / CORNERS
    ring = np.cos(angle)[:, None] * u[:, None] + np.sin(angle)[:, None] * v[:, None]
    near = 0.4 * tube.radii[:, None, None]
    points = np.concatenate([tube.centres[:, None], tube.centres[:, None] + near * ring], axis=1)
    values = field.at(points).astype(float)
    values[~np.isfinite(values).any(axis=1)] = np.inf
    return np.asarray(ndimage.median_filter(np.nanmedian(values, axis=1), OVER, mode="nearest"))


def lumen_profile(field: Field, tube: Tube, soft: float) -> LumenProfile:
    """Fit the lumen's grey values over height, robustly.

    Parameters
    ----------
    field : Field
        HU.
    tube : Tube
        Of the vessel.
    soft : float
        HU of soft tissue.

    Returns
    -------
    LumenProfile
        A straight line over height.
    """
    core = core_levels(field, tube)
    good = np.isfinite(core)
    core, height = core[good], tube.centres[good, 2]
    if len(core) < 4:
        return LumenProfile(float(np.median(tube.lumen)), 0.0)
    level, slope = float(np.median(core)), 0.0
    middle = float(np.median(height))
    scale = max(SCATTER * (level - soft), 10.0)
    for k in range(8):
        off = core - level - slope * (height - middle)
        width = scale * (6.0 if k < 4 else 3.0)
        weight = np.maximum(1.0 - (off / width) ** 2, 0.0) ** 2
        total = max(float(weight.sum()), 1e-9)
        mean_h = float(weight @ height) / total
        mean_c = float(weight @ core) / total
        spread = float(weight @ (height - mean_h) ** 2)
        if spread > 1e-6:
            slope = float(weight @ ((height - mean_h) * (core - mean_c))) / spread
        slope = float(np.clip(slope, *SLOPE))
        level = mean_c + slope * (middle - mean_h)
    return LumenProfile(level - slope * middle, slope)


def unlike(field: Field, tube: Tube, profile: LumenProfile, soft: float) -> NDArray[np.bool_]:
    """Return the sections whose middle is not as bright as the lumen.

    Parameters
    ----------
    field : Field
        HU.
    tube : Tube
        Of n sections.
    profile : LumenProfile
        What is expected.
    soft : float
        HU of soft tissue.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the grey value is off by more than a share of the contrast.
    """
    expected = profile.at(tube.centres[:, 2])
    contrast = np.maximum(expected - soft, LEAST_CONTRAST)
    return np.abs(core_levels(field, tube) - expected) > MOST_OFF * contrast


def with_doubt(tube: Tube, doubtful: NDArray[np.bool_]) -> Tube:
    """Return a tube whose sd grows where no lumen is seen.

    Parameters
    ----------
    tube : Tube
        Of n sections.
    doubtful : ndarray of bool, shape (n,)
        Sections without a lumen.

    Returns
    -------
    Tube
        Its sd says how far a vessel may bend away between sections with a lumen.
    """
    if not doubtful.any():
        return tube
    wide = ndimage.binary_dilation(doubtful, iterations=round(SPREADS / SECTION))
    away = ndimage.distance_transform_edt(np.pad(wide, 1, constant_values=False))[1:-1] * SECTION
    if wide.all():
        away = np.full(len(wide), np.inf)
    sd = np.minimum(np.hypot(tube.sd, 0.5 * BEND * away**2), UNKNOWN)
    return replace(tube, sd=sd)
