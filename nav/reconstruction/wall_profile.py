"""Where a vessel's wall may be along a ray, when something nearly as bright lies beside it.

A ray from the middle of a vessel falls from the lumen to what is outside, once. Where a vein lies
beside the artery it falls twice, and its steepest fall may be the vein's outer wall. So each ray is
compared with a set of profiles, with and without a neighbour of some thickness and brightness, all
blurred by the scan's point spread, and the likelihood of each radius of the wall follows. It is
narrow where there is one fall, has its mode at the inner of two, and is flat over a neighbour as
bright as the lumen: there the ray says only that the wall is not further out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from nav.reconstruction.volume import Array

RADII = np.arange(0.7, 4.31, 0.2)  # mm, of walls that are tried
THICKNESS = (0.6, 1.1, 1.8, 3.0)  # mm, of a neighbour
BRIGHTNESS = (0.35, 0.5, 0.65, 0.8, 0.9, 1.0)  # of the contrast, likewise
ALONE = 0.6  # share of rays that are expected to have no bright neighbour
OUTSIDE_SD = 0.5  # of the contrast, of what lies outside
SPREADS = (0.7, 0.85, 1.0, 1.2, 1.45)  # of the usual point spread, that are tried
LEAST_NOISE = 0.04  # of the contrast
SAMPLES = 5.0  # samples of a profile that err alike, times the point spread over a sample's step
BEFORE_BONE = 1.5  # point spreads before something brighter, where a profile ends


@dataclass(frozen=True)
class WallLikelihood:
    """Log likelihood of the wall's radius on rays.

    Parameters
    ----------
    table : (n, k) at RADII. beside : (n,) how probable a bright neighbour is.
    """

    table: Array
    beside: Array

    def site(self, radius: Array, sd: Array) -> tuple[Array, Array]:
        """Return the radius that each ray measures (n,), as a Gaussian near an expected one.

        Parameters
        ----------
        radius, sd : (n,) mm, of what is expected from the rest of the vessel.

        Returns
        -------
        mean, sd : (n,), mm
            Such that times the expected Gaussian they have the moments of the exact product
            (expectation propagation [1]_); sd is inf where the ray says nothing.

        References
        ----------
        .. [1] Minka, Expectation propagation for approximate Bayesian inference, UAI 2001.
        """
        log = self.table - 0.5 * ((RADII - radius[:, None]) / sd[:, None]) ** 2
        share = np.exp(log - log.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        mean = share @ RADII
        variance = share @ RADII**2 - mean**2 + (RADII[1] - RADII[0]) ** 2 / 12.0
        precision = 1.0 / variance - 1.0 / sd**2
        tells = precision > 0.02 / sd**2
        safe = np.where(tells, precision, 1.0)
        at = (mean / variance - radius / sd**2) / safe
        return np.where(tells, at, mean), np.where(tells, 1.0 / np.sqrt(safe), np.inf)


def point_spread_and_noise(
    profiles: Array, valid: NDArray[np.bool_], rho: Array, usual: float
) -> tuple[float, float]:
    """Return the point spread and noise that fit profiles with a single fall best.

    Parameters
    ----------
    profiles : ndarray, shape (n, m)
        Grey values less soft tissue's, by the contrast: 1 in the lumen.
    valid : ndarray of bool, shape (n, m)
        Samples before bone, calcium or the scan's end.
    rho : ndarray, shape (m,)
        Distance from the middle, mm.
    usual : float
        Standard deviation of the scan's point spread, mm, near which it is looked for.

    Returns
    -------
    spread : float
        mm.
    noise : float
        Of the contrast.
    """
    y, w = _weighted(profiles, valid)
    fits = []
    for share in SPREADS:
        least = _squares(y, w, *_alone(tuple(rho), share * usual), LEAST_NOISE).min(axis=1)
        fits.append(float(np.median(least / np.maximum(w.sum(axis=1), 1.0))))
    best = int(np.argmin(fits))
    return SPREADS[best] * usual, max(float(np.sqrt(fits[best])), LEAST_NOISE)


def wall_likelihood(
    profiles: Array, rho: Array, valid: NDArray[np.bool_], blur: float, noise: float
) -> WallLikelihood:
    """Return the likelihood of the wall's place on each ray.

    Parameters
    ----------
    profiles : ndarray, shape (n, m)
        Grey values less soft tissue's, by the contrast: 1 in the lumen.
    rho : ndarray, shape (m,)
        Distance from the middle, mm.
    valid : ndarray of bool, shape (n, m)
        Samples before bone, calcium or the scan's end.
    blur, noise : float
        As `point_spread_and_noise` returns them.

    Returns
    -------
    WallLikelihood
        With and without a bright neighbour.
    """
    y, w = _weighted(profiles, valid)
    step = float(rho[1] - rho[0])
    alike = max(SAMPLES * blur / (step * 2.5), 1.0)
    alone = -_squares(y, w, *_alone(tuple(rho), blur), noise) / (2.0 * alike * noise**2)
    beside = np.full(alone.shape, -np.inf)
    pairs = [(t, f) for t in THICKNESS for f in BRIGHTNESS]
    for thickness, bright in pairs:
        falls = _beside(tuple(rho), blur, thickness, bright)
        log = -_squares(y, w, *falls, noise) / (2.0 * alike * noise**2)
        beside = np.logaddexp(beside, log)
    alone += np.log(ALONE)
    beside += np.log((1.0 - ALONE) / len(pairs))
    table = np.logaddexp(alone, beside)
    top = table.max(axis=1, keepdims=True)
    probable = np.exp(beside - top).sum(axis=1) / np.exp(table - top).sum(axis=1)
    return WallLikelihood(table - top, probable)


def _weighted(profiles: Array, valid: NDArray[np.bool_]) -> tuple[Array, Array]:
    return np.where(valid, profiles, 0.0).astype(np.float32), valid.astype(np.float32)


def _squares(y: Array, w: Array, shown: Array, outside: Array, noise: float) -> Array:
    """Return residual squares (n, k) of profiles under templates, what is outside being free."""
    value = (w * y**2).sum(axis=1)[:, None] - 2.0 * (w * y) @ shown.T + w @ (shown**2).T
    lever = (w * y) @ outside.T - w @ (shown * outside).T
    weight = w @ (outside**2).T + (noise / OUTSIDE_SD) ** 2
    return np.asarray(np.maximum(value - lever**2 / weight, 0.0), float)


@lru_cache(maxsize=512)
def _alone(rho: tuple[float, ...], blur: float) -> tuple[Array, Array]:
    """Return the lumen's part and the outside's (k, m) of profiles with one fall."""
    inside = _fall(np.array(rho), RADII, blur)
    return inside.astype(np.float32), (1.0 - inside).astype(np.float32)


@lru_cache(maxsize=512)
def _beside(
    rho: tuple[float, ...], blur: float, thickness: float, bright: float
) -> tuple[Array, Array]:
    """Return the same with a neighbour beyond the wall."""
    inside = _fall(np.array(rho), RADII, blur)
    within = _fall(np.array(rho), RADII + thickness, blur)
    shown = inside + bright * (within - inside)
    return shown.astype(np.float32), (1.0 - within).astype(np.float32)


def _fall(rho: Array, radius: Array, blur: float) -> Array:
    """Return profiles (k, m) across the middle of a blurred disc of each radius."""
    # a round wall is seen a little too far in
    seen = radius - blur**2 / (2.0 * radius)
    edge = 0.5 * (1.0 - erf((rho[None] - seen[:, None]) / (np.sqrt(2.0) * blur)))
    return np.asarray(edge / edge[:, :1].clip(1e-3))
