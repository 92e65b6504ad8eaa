"""Model of how a scan shows bone, estimated from its own bone.

Blur along and across the slices, grey values of cortex, marrow and soft tissue, and the noise.

References
----------
.. [1] Treece et al., High resolution cortical bone thickness measurement from clinical CT data,
   Medical Image Analysis 14, 2010: one level of cortex for a whole scan, from where it is thick.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import nnls
from scipy.special import ndtr

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

USUAL_THICKNESS = 1.0  # mm, of cortex: median of the prior, before the scan's is known
THICKNESS_SPREAD = 0.5  # sd of its logarithm
PLACE_SD = 0.7  # mm, of the surface from its present position
CORTEX_SPREAD = 0.12  # sd of a bone's cortex from place to place, of its height over soft tissue
CORTEX_TRIED = np.geomspace(420.0, 1900.0, 11)  # HU, levels that are tried for the scan
# HU, of patients' scans: matters where all cortex is thinner than the blur, and a scan hardly
# distinguishes a thick dark one from a thin bright one
USUAL_CORTEX, USUAL_CORTEX_SD = 1050.0, 250.0
TRIED_SPREAD = 0.06  # CORTEX_SPREAD while levels are compared
INDEPENDENT = 80.0  # number of independent profiles of a surface: errors of neighbours correlate
SOFT_SD = 60.0  # HU, of soft tissue from place to place: muscle, fat
CLEAR = 4.0  # mm to the next surface, and of bone thickness, at least
FLAT = 0.12  # 1/mm, largest mean curvature
LEAST = 60  # profiles, fewest for an estimate
NARROW = 1.2  # times the blur: least width of what edge enhancement subtracts
# enhancement of edges and width of what it subtracts that are tried: kernels differ in both. None
# overshoots by more than 19 %: dark tissue beside bone passes for the rest
KERNELS = (
    *((e, WIDER) for e in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)),
    *((e, NARROW) for e in (2.0, 4.0, 6.5)),
)
# mm^2, values that are tried of the variance by which the cortex's inner edge is wider than the
# outer one: bone becomes porous towards the marrow; negative where only the outer edge is averaged
# over voxels, as some simulators do
INNER_EDGES = (-0.04, -0.02, 0.0, 0.02, 0.05, 0.09)
INNER_EDGE_SD = 0.04  # of its prior about 0
# profiles in each round of the search for enhancement, inner edge and cortex in turn
SUBSETS = (400, 600)
SETTLING = 2  # fits until the blur is consistent with the cortex
GOOD = 0.75  # share of the profiles that is used: the best fits
LEAST_NOISE = 5.0  # HU
THREADS = 2
BLUR_SPREAD = 0.15  # sd of its logarithm while the model is estimated
LEAST_BLUR = 0.15  # mm


def blur_along(across: Array, blur_xy: float, blur_z: float) -> Array:
    """Return the blur of a scan along directions.

    Parameters
    ----------
    across : ndarray, shape (n,)
        Share of each direction along the z axis.
    blur_xy, blur_z : float
        Standard deviation of the point spread in the slices and across them, mm.

    Returns
    -------
    ndarray, shape (n,)
        Standard deviation, mm.
    """
    part = np.asarray(across) ** 2
    return np.sqrt(blur_xy**2 * (1.0 - part) + blur_z**2 * part)


@dataclass(frozen=True)
class ScanModel:
    """How a scan shows bone.

    Parameters
    ----------
    cortex, marrow, soft : float
        Usual grey values, HU.
    cortex_sd, marrow_sd : float
        Standard deviations from place to place, HU.
    blur_xy, blur_z : float
        Standard deviation of the point spread in the slices and across them, mm.
    enhancement : float
        Of edges, from 0.
    thickness : float
        Usual one of the cortex, mm.
    noise : float
        Standard deviation of a sample, HU.
    correlation : float
        mm of a profile that count as one sample.
    inner_edge : float
        Variance by which the cortex's inner edge is wider than the outer one, mm^2.
    broad : float
        Width of what edge enhancement subtracts, times the blur in the slices.
    """

    cortex: float
    cortex_sd: float
    marrow: float
    marrow_sd: float
    soft: float
    blur_xy: float
    blur_z: float
    enhancement: float
    thickness: float
    noise: float
    correlation: float
    inner_edge: float = 0.0
    broad: float = WIDER

    def blur(self, across: Array) -> Array:
        """Return the blur along normals.

        Parameters
        ----------
        across : ndarray, shape (n,)
            Share of each normal along the z axis.

        Returns
        -------
        ndarray, shape (n,)
            Standard deviation, mm.
        """
        return blur_along(across, self.blur_xy, self.blur_z)

    def wider(self, across: Array) -> Array:
        """Return the width of what edge enhancement subtracts, relative to the blur.

        It acts in the slices.

        Parameters
        ----------
        across : ndarray, shape (n,)
            Share of each normal along the z axis.

        Returns
        -------
        ndarray, shape (n,)
            As a multiple of the blur along the normals.
        """
        part = np.asarray(across) ** 2
        wide = (self.broad * self.blur_xy) ** 2 * (1.0 - part) + self.blur_z**2 * part
        return np.sqrt(wide) / self.blur(across)

    @property
    def overshoot(self) -> float:
        """Return by how much an enhanced edge rises above its plateau, of its height."""
        away = np.linspace(0.0, 4.0 * self.broad, 200)  # times the blur
        e = self.enhancement
        return float(np.max((1.0 + e) * ndtr(away) - e * ndtr(away / self.broad)) - 1.0)

    @property
    def sample_noise(self) -> float:
        """Return the noise of a profile's sample as if samples were independent, HU."""
        return self.noise * max(1.0, self.correlation / STEP) ** 0.5


def estimate_scan(probes: Sequence[Probe], levels: Levels, spacing: Array) -> ScanModel:
    """Estimate how a scan shows bone, from places where the cortex is flat and has no neighbour.

    Parameters
    ----------
    probes : sequence of Probe
        Of the scan's bones.
    levels : Levels
        Rough grey values, HU.
    spacing : ndarray, shape (3,)
        Of the voxels along x, y, z, mm.

    Returns
    -------
    ScanModel
        A rough one where there are too few such places.
    """
    clean = [(p.gap > CLEAR) & (p.thickness > CLEAR) & (np.abs(p.curvature) < FLAT) for p in probes]
    profiles = np.vstack([p.profiles[c] for p, c in zip(probes, clean, strict=True)])
    across = np.concatenate([p.across[c] for p, c in zip(probes, clean, strict=True)])
    scan = _first_guess(probes, levels, spacing)
    if len(profiles) < LEAST:
        return scan
    for count in SUBSETS:
        take = np.linspace(0, len(profiles) - 1, min(count, len(profiles))).astype(int)
        some = profiles[take], across[take]
        scan = _best_kernel(*some, scan)
        scan = _best_inner_edge(*some, scan)
        scan = _best_cortex(*some, scan)
    return scan


@dataclass(frozen=True)
class _Settled:
    """A scan model whose blur suits its cortex, and the cost of profiles under it."""

    scan: ScanModel
    cost: float


def _best_kernel(profiles: Array, across: Array, scan: ScanModel) -> ScanModel:
    """Return the model with the most probable enhancement of edges."""
    tried = [replace(scan, enhancement=e, broad=b) for e, b in KERNELS]
    return min(_all_settled(profiles, across, tried), key=lambda found: found.cost).scan


def _best_inner_edge(profiles: Array, across: Array, scan: ScanModel) -> ScanModel:
    """Return the model with the most probable width of the cortex's inner edge."""
    edges = [replace(scan, inner_edge=e) for e in INNER_EDGES]
    costs = [found.cost for found in _all_settled(profiles, across, edges)]
    fine = np.linspace(INNER_EDGES[0], INNER_EDGES[-1], 131)
    cost = INDEPENDENT * CubicSpline(INNER_EDGES, costs)(fine) + 0.5 * (fine / INNER_EDGE_SD) ** 2
    return _settled(profiles, across, replace(scan, inner_edge=float(fine[cost.argmin()]))).scan


def _best_cortex(profiles: Array, across: Array, scan: ScanModel) -> ScanModel:
    """Return the model with the posterior mean level of the cortex, and one place's sd."""
    levels = [replace(scan, cortex=float(c)) for c in CORTEX_TRIED]
    tried = _all_settled(profiles, across, levels)
    fine = np.geomspace(CORTEX_TRIED[0], CORTEX_TRIED[-1], 20 * len(CORTEX_TRIED))  # equal steps
    costs = CubicSpline(np.log(CORTEX_TRIED), [t.cost for t in tried])(np.log(fine))
    costs = INDEPENDENT * costs + 0.5 * ((fine - USUAL_CORTEX) / USUAL_CORTEX_SD) ** 2
    share = np.exp(costs.min() - costs)
    share /= share.sum()
    cortex = float(share @ fine)
    spread = float(np.sqrt(share @ (fine - cortex) ** 2))
    found = _settled(profiles, across, replace(scan, cortex=cortex)).scan
    place = CORTEX_SPREAD / 2 * (cortex - found.soft)
    return replace(found, cortex_sd=float(np.hypot(place, spread)))


def clear_priors(scan: ScanModel, across: Array, cortex_sd: float, blur_sd: float) -> tuple:
    """Return the prior of profiles without a neighbour.

    Parameters
    ----------
    scan : ScanModel
        How the scan shows bone.
    across : ndarray, shape (n,)
        Share of each normal along the z axis.
    cortex_sd : float
        Prior sd of the cortex's grey value, HU.
    blur_sd : float
        Prior sd of the logarithm of the blur.

    Returns
    -------
    mean, sd : ndarray, shape (n, 8)
        Of the parameters of `cortex_model`.
    """
    count = len(across)
    mean, sd = np.empty((count, COUNT)), np.empty((count, COUNT))
    for place, m, s in (
        (PLACE, 0.0, PLACE_SD),
        (LOG_THICKNESS, np.log(scan.thickness), THICKNESS_SPREAD),
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
    cortex = max(levels.cortex, float(np.quantile(peaks, 0.9)))
    rough = 0.3 + 0.45 * spacing
    return ScanModel(
        cortex,
        USUAL_CORTEX_SD,
        marrow,
        spread + 60.0,
        levels.soft,
        float(rough[:2].mean()),
        float(rough[2]),
        0.0,
        USUAL_THICKNESS,
        30.0,
        float(rough.mean()),
    )


def _all_settled(profiles: Array, across: Array, scans: Sequence[ScanModel]) -> list[_Settled]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda scan: _settled(profiles, across, scan), scans))


def _settled(profiles: Array, across: Array, scan: ScanModel) -> _Settled:
    """Fit profiles, and let all but cortex and enhancement follow from the fits."""
    count = len(profiles)
    noise = scan.sample_noise  # the same for all models that are compared
    for _ in range(SETTLING + 1):
        level = TRIED_SPREAD * (scan.cortex - scan.soft)
        mean, sd = clear_priors(scan, across, level, BLUR_SPREAD)
        fit = fit_profiles(
            profile_places(), profiles, np.zeros(count, np.int64),
            np.full(count, profiles.shape[1], np.int64), mean, sd, np.zeros(count, bool),
            np.full(count, noise), scan.enhancement, scan.wider(across), scan.inner_edge,
        )  # fmt: skip
        good = fit.cost <= np.quantile(fit.cost, GOOD)
        scan = _updated(scan, fit, across, good)
    return _Settled(scan, float(fit.cost[good].mean()))


def _updated(scan: ScanModel, fit: ProfileFit, across: Array, good: NDArray[np.bool_]) -> ScanModel:
    values = fit.values[good]
    blur_xy, blur_z = blur_by_direction(
        np.exp(values[:, LOG_BLUR]), fit.sd[good, LOG_BLUR], across[good]
    )
    r = fit.residuals[good]
    freedom = r.shape[1] / max(1, r.shape[1] - 5)  # profiles determine five parameters
    noise = 1.48 * float(np.median(np.abs(r))) * freedom**0.5
    lags = [float(np.mean(r[:, k:] * r[:, : r.shape[1] - k])) for k in range(1, 9)]
    rho = np.array(lags) / max(float(np.mean(r**2)), 1e-9)
    until = int(np.argmax(rho < 0.0)) if (rho < 0.0).any() else len(rho)
    correlation = STEP * (1.0 + 2.0 * float(rho[:until].sum()))
    return replace(
        scan,
        marrow=float(np.median(values[:, MARROW])),
        soft=float(np.median(values[:, SOFT])),
        blur_xy=blur_xy,
        blur_z=blur_z,
        thickness=float(np.exp(np.median(values[:, LOG_THICKNESS]))),
        noise=max(noise, LEAST_NOISE),
        correlation=max(correlation, min(blur_xy, blur_z)),
    )


def blur_by_direction(blur: Array, sd: Array, across: Array) -> tuple[float, float]:
    """Fit the blur in the slices and across them.

    The square of the blur along a normal is the mean of their squares, weighted by direction.

    Parameters
    ----------
    blur : ndarray, shape (n,)
        Along normals, mm.
    sd : ndarray, shape (n,)
        Of the logarithm of each.
    across : ndarray, shape (n,)
        Share of each normal along the z axis.

    Returns
    -------
    blur_xy, blur_z : float
        Standard deviations of the point spread, mm.
    """
    part, squared = across**2, blur**2
    rows = np.stack([1 - part, part], axis=1)
    weight = 1.0 / np.maximum(2 * squared * sd, 1e-3)
    for _ in range(4):  # robust
        solution, _ = nnls(rows * weight[:, None], squared * weight)
        off = np.abs(squared - rows @ solution)
        scale = 1.48 * np.median(off) + 1e-6
        weight = weight / np.maximum(1.0, off / (1.5 * scale))
    blur_xy, blur_z = np.sqrt(np.maximum(solution, LEAST_BLUR**2))
    return float(blur_xy), float(blur_z)
