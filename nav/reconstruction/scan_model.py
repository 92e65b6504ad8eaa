"""What a scan's own bone says of the scanner: its blur along and across the slices, the grey value
of cortex, marrow and soft tissue, and the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.cortex_model import (
    CORTEX,
    COUNT,
    GAP,
    LOG_BLUR,
    LOG_THICKNESS,
    MARROW,
    OTHER,
    PLACE,
    SOFT,
    WIDER,
    ProfileFit,
    fit_profiles,
)
from nav.reconstruction.surface_probe import STEP, Probe, profile_places
from nav.reconstruction.volume import Array

USUAL_THICKNESS = 1.0  # mm, of cortex: median of the prior
THICKNESS_SPREAD = 0.5  # sd of its logarithm
PLACE_SD = 0.7  # mm, of the surface from where it was
CORTEX_SPREAD = 0.12  # sd of a bone's cortex from place to place, of its height over soft tissue
UNKNOWN_CORTEX = 0.25  # the same before the scan's level is known
SOFT_SD = 60.0  # HU, of soft tissue from place to place: muscle, fat
SUBSET = 3000  # profiles that the scanner is judged from
CLEAR = 4.0  # mm that no other surface is near, and that the bone is thick, there
FLAT = 0.12  # 1/mm, mean curvature there at most
THICK = 1.7  # times the blur: cortex that shows its own grey value
LEAST = 60  # profiles that such an estimate needs
ENHANCEMENTS = (0.0, 0.25, 0.5, 1.0, 1.5)  # of edges, that are tried
ROUNDS = 3


@dataclass(frozen=True)
class ScanModel:
    """How a scan shows bone.

    cortex, marrow, soft : usual grey values, HU. cortex_sd, marrow_sd : of one place's, HU.
    blur_xy, blur_z : sd of the point spread in the slices and across, mm. enhancement : of edges.
    noise : sd of a sample, HU. correlation : mm of a profile that count as one sample.
    """

    cortex: float
    cortex_sd: float
    marrow: float
    marrow_sd: float
    soft: float
    blur_xy: float
    blur_z: float
    enhancement: float
    noise: float
    correlation: float

    def blur(self, across: Array) -> Array:
        """Return the blur along normals, mm; `across`: their share along the z axis."""
        part = np.asarray(across) ** 2
        return np.sqrt(self.blur_xy**2 * (1.0 - part) + self.blur_z**2 * part)

    def wider(self, across: Array) -> Array:
        """Return how much wider along normals is what enhancement takes away: it acts in slices."""
        part = np.asarray(across) ** 2
        wide = (WIDER * self.blur_xy) ** 2 * (1.0 - part) + self.blur_z**2 * part
        return np.sqrt(wide) / self.blur(across)

    @property
    def sample_noise(self) -> float:
        """Return the noise of a profile's sample as if samples were independent, HU."""
        return self.noise * max(1.0, self.correlation / STEP) ** 0.5


def estimate_scan(probes: Sequence[Probe], levels: Levels, spacing: Array) -> ScanModel:
    """Estimate how a scan shows bone, from places where cortex has no neighbour and is flat.

    Parameters
    ----------
    probes : of the scan's bones. levels : rough. spacing : of the voxels, x, y, z, mm.
    """
    clean = [(p.gap > CLEAR) & (p.thickness > CLEAR) & (np.abs(p.curvature) < FLAT) for p in probes]
    profiles = np.vstack([p.profiles[c] for p, c in zip(probes, clean, strict=True)])
    across = np.concatenate([p.across[c] for p, c in zip(probes, clean, strict=True)])
    take = np.linspace(0, len(profiles) - 1, min(SUBSET, len(profiles))).astype(int)
    profiles, across = profiles[take], across[take]
    scan = _first_guess(probes, levels, spacing)
    if len(profiles) < LEAST:
        return scan
    for turn in range(ROUNDS):
        spread = UNKNOWN_CORTEX if turn == 0 else CORTEX_SPREAD
        tried = ENHANCEMENTS if turn == 1 else (scan.enhancement,)
        fits = [_fit_clean(profiles, across, scan, spread, e) for e in tried]
        best = int(np.argmin([_trimmed(fit.cost) for fit in fits]))
        scan = _updated(scan, fits[best], across, tried[best], turn)
    return scan


def clear_priors(scan: ScanModel, across: Array, cortex_sd: float, blur_sd: float) -> tuple:
    """Return prior means and sd (n, 7) of profiles with no neighbour."""
    count = len(across)
    mean, sd = np.empty((count, COUNT)), np.empty((count, COUNT))
    for place, m, s in (
        (PLACE, 0.0, PLACE_SD),
        (LOG_THICKNESS, np.log(USUAL_THICKNESS), THICKNESS_SPREAD),
        (CORTEX, scan.cortex, cortex_sd),
        (MARROW, scan.marrow, scan.marrow_sd),
        (SOFT, scan.soft, SOFT_SD),
        (GAP, 1.0, 1.0),
        (LOG_BLUR, np.log(scan.blur(across)), blur_sd),
        (OTHER, scan.cortex, cortex_sd),
    ):
        mean[:, place], sd[:, place] = m, s
    return mean, sd


def _first_guess(probes: Sequence[Probe], levels: Levels, spacing: Array) -> ScanModel:
    deep = np.concatenate([p.profiles[p.thickness > 6.0, 0] for p in probes])
    marrow = float(np.median(deep)) if len(deep) else 0.5 * (levels.soft + levels.cortex)
    spread = 1.48 * float(np.median(np.abs(deep - marrow))) if len(deep) else 150.0
    peaks = np.concatenate([p.profiles.max(axis=1) for p in probes])
    cortex = max(levels.cortex, float(np.quantile(peaks, 0.8)))
    rough = 0.3 + 0.45 * spacing
    return ScanModel(
        cortex,
        UNKNOWN_CORTEX * (cortex - levels.soft),
        marrow,
        spread + 60.0,
        levels.soft,
        float(rough[:2].mean()),
        float(rough[2]),
        0.0,
        30.0,
        float(rough.mean()),
    )


def _fit_clean(
    profiles: Array, across: Array, scan: ScanModel, spread: float, enhancement: float
) -> ProfileFit:
    count = len(profiles)
    mean, sd = clear_priors(scan, across, spread * (scan.cortex - scan.soft), 0.25)
    return fit_profiles(
        profile_places(), profiles, np.zeros(count, np.int64),
        np.full(count, profiles.shape[1], np.int64), mean, sd, np.zeros(count, bool),
        np.full(count, scan.sample_noise), enhancement,
        scan.wider(across),
    )  # fmt: skip


def _trimmed(cost: Array) -> float:
    """Return the mean of the better three quarters."""
    return float(np.sort(cost)[: max(1, 3 * len(cost) // 4)].mean())


def _updated(
    scan: ScanModel, fit: ProfileFit, across: Array, enhancement: float, turn: int
) -> ScanModel:
    values, sd = fit.values, fit.sd
    good = fit.cost <= np.quantile(fit.cost, 0.75)
    blur = np.exp(values[:, LOG_BLUR])
    ratio = np.exp(values[:, LOG_THICKNESS]) / blur
    thick = good & (ratio > THICK)
    if thick.sum() < LEAST:  # the thickest that there are
        thick = good & (ratio >= np.sort(ratio[good])[-min(LEAST, good.sum())])
    cortex = float(np.median(values[thick, CORTEX]))
    spread = 1.48 * float(np.median(np.abs(values[thick, CORTEX] - cortex)))
    level = max(spread, CORTEX_SPREAD / 2 * (cortex - scan.soft))
    level = float(np.hypot(level, np.median(sd[thick, CORTEX])))
    # blur^2 = xy^2 (1 - z^2) + z^2 z^2, robust by weights from the posterior and medians of groups
    part = across[thick] ** 2
    squared = blur[thick] ** 2
    weight = 1.0 / np.maximum(2 * squared * sd[thick, LOG_BLUR], 1e-3)
    for _ in range(4):
        rows = np.stack([1 - part, part], axis=1)
        solution, _ = nnls(rows * weight[:, None], squared * weight)
        off = np.abs(squared - rows @ solution)
        scale = 1.48 * np.median(off) + 1e-6
        weight = weight / np.maximum(1.0, off / (1.5 * scale))
    least = 0.15
    blur_xy, blur_z = np.sqrt(np.maximum(solution, least**2))
    r = fit.residuals[good]
    dof = r.shape[1] / max(1, r.shape[1] - 5)
    noise = 1.48 * float(np.median(np.abs(r))) * dof**0.5
    lags = [float(np.mean(r[:, k:] * r[:, : r.shape[1] - k])) for k in range(1, 9)]
    rho = np.array(lags) / max(float(np.mean(r**2)), 1e-9)
    until = int(np.argmax(rho < 0.0)) if (rho < 0.0).any() else len(rho)
    correlation = STEP * (1.0 + 2.0 * float(rho[:until].sum()))
    correlation = max(correlation, float(min(blur_xy, blur_z)))
    return ScanModel(
        cortex, level, float(np.median(values[good, MARROW])), scan.marrow_sd,
        float(np.median(values[good, SOFT])), float(blur_xy), float(blur_z), enhancement,
        max(noise, 5.0), correlation,
    )  # fmt: skip
