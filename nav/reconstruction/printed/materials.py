"""Appearance of one print in a scan: level and thickness of its walls, infill, what is outside.

All of it is measured from the scan's own profiles, by fits whose priors are updated from their
medians: slicers, plastics and scanners differ too much for tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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
    ProfileFit,
    fit_profiles,
)
from nav.reconstruction.scan_model import GOOD, blur_along, blur_by_direction
from nav.reconstruction.surface_probe import STEP, Probe, profile_places
from nav.reconstruction.volume import Array

SUBSET, DIRECTIONS = 500, 5  # profiles from which a print's appearance is estimated
CLEAR, DEEP, FLAT = 4.0, 5.0, 0.12  # mm to the next surface, and of the part's thickness; 1/mm
ROUNDS = 7  # of fits, until the medians converge
USUAL_WALL, WALL_SPREAD = 1.4, 0.35  # mm; sd of its logarithm from print to print
LEVEL_SD, BLUR_SPREAD, PLACE_SD = 60.0, 0.2, 0.8  # HU; sd of a logarithm; mm
LEAST_NOISE = 4.0  # HU
LEAST_INSIDE = 0.75  # mm of a part that are used at least
OUTER_SAMPLES = 3  # of a profile that measure the outside


@dataclass(frozen=True)
class PrintLook:
    """How a scan shows a print.

    Parameters
    ----------
    wall, inner : float
        Of its walls and of what is between them, HU.
    inner_sd : float
        Standard deviation of `inner` from place to place, HU.
    thickness : float
        Of the walls, mm.
    thickness_sd : float
        Standard deviation of the logarithm of the thickness.
    blur_xy, blur_z : float
        Standard deviation of the point spread in the slices and across them, mm.
    noise : float
        Standard deviation of a sample, HU.
    correlation : float
        mm of a profile that count as one sample.
    """

    wall: float
    inner: float
    inner_sd: float
    thickness: float
    thickness_sd: float
    blur_xy: float
    blur_z: float
    noise: float
    correlation: float

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


def estimate_look(
    probe: Probe,
    spacing: Array,
    known: PrintLook | None = None,
    usable: NDArray[np.bool_] | None = None,
) -> PrintLook:
    """Estimate how a scan shows a print, from flat places without a neighbour.

    Parameters
    ----------
    probe : Probe
        The print's surface and its profiles.
    spacing : ndarray, shape (3,)
        Of the voxels along x, y, z, mm.
    known : PrintLook, optional
        Of another print in the same scan, whose blur is used.
    usable : ndarray of bool, shape (n,), optional
        Which vertices are used; all if None.

    Returns
    -------
    PrintLook
        Medians of the fits.
    """
    clean = (probe.gap > CLEAR) & (probe.thickness > DEEP) & (np.abs(probe.curvature) < FLAT)
    clean &= np.isfinite(probe.profiles).all(axis=1)
    if usable is not None:
        clean &= usable
    index = np.flatnonzero(clean)
    if len(index) < 40:
        index = np.flatnonzero(np.isfinite(probe.profiles).all(axis=1))
    index = _in_all_directions(index, probe.across)
    profiles, across = probe.profiles[index], probe.across[index]
    look = _first_guess(profiles, spacing, known)
    for number in range(ROUNDS):
        fit = fit_look(profiles, across, look, LEVEL_SD, WALL_SPREAD, BLUR_SPREAD)
        good = fit.cost <= np.quantile(fit.cost, GOOD)
        look = _updated(look, fit, across, good, known, number == ROUNDS - 1)
    return look


def fit_look(
    profiles: Array,
    across: Array,
    look: PrintLook,
    level_sd: float,
    thickness_sd: float,
    blur_sd: float,
    gap: Array | None = None,
    place_sd: float = PLACE_SD,
    body: Array | None = None,
) -> ProfileFit:
    """Fit the model of a wall to profiles.

    Parameters
    ----------
    profiles : ndarray, shape (n, k)
        HU, at `profile_places`.
    across : ndarray, shape (n,)
        Share of each normal along the z axis.
    look : PrintLook
        Means of the priors.
    level_sd : float
        Prior sd of the wall's level, HU.
    thickness_sd, blur_sd : float
        Prior sd of the logarithms of wall thickness and blur.
    gap : ndarray, shape (n,), optional
        Distance to the next surface, mm; inf where there is none.
    place_sd : float
        Prior sd of the surface's offset, mm.
    body : ndarray, shape (n,), optional
        Thickness of the part along the normal, mm.

    Returns
    -------
    ProfileFit
        Of the n profiles.
    """
    count = len(profiles)
    outside = np.median(profiles[:, -OUTER_SAMPLES:], axis=1)
    mean, sd = np.empty((count, COUNT)), np.empty((count, COUNT))
    for place, m, s in (
        (PLACE, 0.0, place_sd),
        (LOG_THICKNESS, np.log(look.thickness), thickness_sd),
        (CORTEX, look.wall, level_sd),
        (MARROW, look.inner, look.inner_sd),
        (SOFT, outside, 40.0),
        (GAP, 1.0, 0.6),
        (LOG_BLUR, np.log(look.blur(across)), blur_sd),
        (OTHER, look.wall, 2.0 * level_sd),
    ):
        mean[:, place], sd[:, place] = m, s
    near = np.zeros(count, bool)
    last = np.full(count, profiles.shape[1], np.int64)
    if gap is not None:
        near = np.isfinite(gap)
        mean[near, GAP] = np.maximum(gap[near], 0.1)
        # what lies beyond a neighbour is unknown
        places = profile_places()
        last[near] = np.searchsorted(places, np.maximum(gap[near], 0.0) + 0.75, side="right")
        last = np.minimum(last, profiles.shape[1])
        sd[near, SOFT] = 300.0
        mean[near, SOFT] = profiles[near].min(axis=1)
    noise = np.full(count, look.noise * max(1.0, look.correlation / STEP) ** 0.5)
    first = np.zeros(count, np.int64)
    if body is not None:
        first = np.searchsorted(profile_places(), -np.maximum(0.5 * body, LEAST_INSIDE))
        first = first.astype(np.int64)
        # walls that meet leave no room for infill
        solid = 0.5 * body < look.thickness + 0.2
        mean[solid, MARROW], sd[solid, MARROW] = look.wall, level_sd
    ones = np.ones(count)
    return fit_profiles(profile_places(), profiles, first, last, mean, sd, near, noise, 0.0, ones)


def _in_all_directions(index: NDArray[np.int64], across: Array) -> NDArray[np.int64]:
    """Return a subset of the vertices, equally many of each direction to the slices."""
    bins = np.minimum((DIRECTIONS * across[index] ** 2).astype(int), DIRECTIONS - 1)
    chosen = []
    for k in range(DIRECTIONS):
        own = index[bins == k]
        most = min(SUBSET // DIRECTIONS, len(own))
        chosen.append(own[np.linspace(0, len(own) - 1, most).astype(int)] if most else own)
    return np.concatenate(chosen)


def _first_guess(profiles: Array, spacing: Array, known: PrintLook | None) -> PrintLook:
    at = profile_places()
    walls = (at > -1.6) & (at < 0.6)
    wall = float(np.median(profiles[:, walls].max(axis=1))) + 20.0
    inner = profiles[:, :OUTER_SAMPLES].mean(axis=1)
    spread = 1.48 * float(np.median(np.abs(inner - np.median(inner))))
    rough = 0.3 + 0.4 * np.asarray(spacing, float)
    blur = (float(rough[:2].mean()), float(rough[2]))
    if known is not None:
        blur = (known.blur_xy, known.blur_z)
    return PrintLook(
        wall,
        float(np.median(inner)),
        max(spread, 60.0),
        USUAL_WALL,
        WALL_SPREAD,
        *blur,
        20.0,
        float(rough.mean()),
    )


def _updated(
    look: PrintLook,
    fit: ProfileFit,
    across: Array,
    good: NDArray[np.bool_],
    known: PrintLook | None,
    last: bool,
) -> PrintLook:
    values = fit.values[good]
    blur = (look.blur_xy, look.blur_z)
    if known is None:
        blur = blur_by_direction(np.exp(values[:, LOG_BLUR]), fit.sd[good, LOG_BLUR], across[good])
    r = fit.residuals[good]
    noise = 1.48 * float(np.nanmedian(np.abs(r))) * (r.shape[1] / max(1, r.shape[1] - 5)) ** 0.5
    thickness = values[:, LOG_THICKNESS]
    middle = float(np.median(thickness))
    inner = values[:, MARROW]
    spread = 1.48 * float(np.median(np.abs(inner - np.median(inner))))
    wide = 1.48 * float(np.median(np.abs(thickness - middle)))
    return replace(
        look,
        wall=float(np.median(values[:, CORTEX])),
        inner=float(np.median(inner)),
        inner_sd=max(spread, 60.0),
        thickness=float(np.exp(middle)),
        thickness_sd=float(np.clip(wide, 0.06, 0.3)) if last else look.thickness_sd,
        blur_xy=blur[0],
        blur_z=blur[1],
        noise=max(noise, LEAST_NOISE),
        correlation=max(min(blur), STEP),
    )
