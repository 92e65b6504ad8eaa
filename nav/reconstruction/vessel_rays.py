"""Rays from the middle of a vessel outwards: where each says that the lumen ends, and how surely.

Where a ray falls to something darker, its steepest place is an edge; where it meets bone or calcium
first, it says nothing. Where bone follows close behind the wall the edge is moved to where it is,
and where something bright lies beside the vessel the whole profile is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from nav.reconstruction.sampling import Field
from nav.reconstruction.volume import Array
from nav.reconstruction.wall_profile import BEFORE_BONE, point_spread_and_noise, wall_likelihood

RAYS = 24
RAY_STEP = 0.2  # mm
REACH = 5.5  # mm, of a ray
DROP = 0.35  # of the contrast, that a ray must fall for an edge, or rise for a bright neighbour
SLOPE_HALF, SLOPE_SPAN = 2, 5  # samples: over which a slope is taken, and where it is looked for
EDGE_SD = 0.55  # of the point spread's sd: sd of one ray's edge
LEARN_EVERY = 5  # rays, of which one tells the scan's point spread and noise
# Bone behind a wall: mm, over which the fall's depth is taken; rays without bone that tell how deep
# it is elsewhere; point spreads within which bone hides it; by how many of them the edge is then
# too far in, and the sd of that; most of the depth that may be missing. Found on simulated scans.
TROUGH, LEAST_ALONE, BONE_REACH = 1.5, 40, 6.5
INWARD, INWARD_SD, MOST_HIDDEN = 0.75, 0.35, 1.3
# A ray is judged by its whole profile if, so many point spreads outside the wall or inside it, it
# has more or less than these shares of the contrast, and if a bright neighbour is that probable.
CONTESTED, OUTER, INNER, BESIDE = 1.6, 0.25, 0.75, 0.3
MOST_RAY_SD = 0.3  # mm, of a contested ray beyond which it does not count in the fit
UNSURE = 0.3  # mm: sd at which a ray tells half of where its wall is
MOST_SLACK = 3.0  # mm, that a wall may be further out


@dataclass(frozen=True)
class Rays:
    """Profiles from the middle of each section outwards.

    hu : (n, RAYS, m). rho : (m,) mm. edges : (n, RAYS) mm, NaN where they do not say. lumen : (n,).
    contrast : (n,) HU. valid : (n, RAYS, m) before anything brighter.
    """

    hu: Array
    rho: Array
    edges: Array
    lumen: Array
    contrast: Array
    valid: NDArray[np.bool_]


def cast_rays(
    field: Field, line: Array, axes: tuple[Array, Array], radii: Array, soft: float
) -> Rays:
    """Cast rays from a line outwards, and find where they leave the lumen.

    Parameters
    ----------
    field : Field
        HU.
    line : ndarray, shape (n, 3)
        Centre line, mm.
    axes : tuple of ndarray, shape (n, 3)
        Two normals at each point.
    radii : ndarray, shape (n,)
        Expected, mm.
    soft : float
        HU of soft tissue.

    Returns
    -------
    Rays
        RAYS at each point.
    """
    angle = 2 * np.pi * np.arange(RAYS) / RAYS
    ray = np.cos(angle)[:, None] * axes[0][:, None] + np.sin(angle)[:, None] * axes[1][:, None]
    rho = RAY_STEP * np.arange(round(REACH / RAY_STEP) + 1, dtype=float)
    points = line[:, None, None] + rho[:, None] * ray[:, :, None]
    hu = field.at(points).astype(float)  # (n, RAYS, steps)
    core = np.where(rho[None, None] <= 0.5 * radii[:, None, None], hu, np.nan)
    core = core.reshape(len(line), -1)
    core[~np.isfinite(core).any(axis=1)] = soft
    lumen = np.nanmedian(core, axis=1)
    lumen = gaussian_filter1d(median_filter(lumen, 9, mode="nearest"), 3.0, mode="nearest")
    contrast = np.maximum(lumen - soft, 30.0)
    level, drop = lumen[:, None, None], DROP * contrast[:, None, None]
    fallen = hu < level - drop
    bright = (hu > level + drop) | ~np.isfinite(hu)
    first = np.argmax(fallen, axis=2)
    met = fallen.any(axis=2) & ~(np.cumsum(bright, axis=2).take(0, axis=2) > 0)
    before = np.arange(len(rho)) < first[..., None]
    met &= ~(bright & before).any(axis=2)
    edges = np.where(met, _steepest(hu, rho, first), np.nan)
    return Rays(hu, rho, edges, lumen, contrast, ~np.maximum.accumulate(bright, axis=2))


def _steepest(hu: Array, rho: Array, first: NDArray[np.intp]) -> Array:
    """Return where profiles (n, RAYS, steps) fall most steeply, near the sample `first` (n, RAYS).

    Unlike the half height this needs no level of what lies outside, be it fat, vein or a cleft.
    """
    slope = np.full(hu.shape, -np.inf)
    w = SLOPE_HALF
    slope[:, :, w:-w] = hu[:, :, : -2 * w] - hu[:, :, 2 * w :]
    slope = np.where(np.isfinite(slope), slope, -np.inf)
    index = np.arange(len(rho))
    span = np.abs(index - first[..., None]) <= SLOPE_SPAN
    best = np.argmax(np.where(span, slope, -np.inf), axis=2)
    best = np.clip(best, 1, len(rho) - 2)
    left, at, right = (
        np.take_along_axis(slope, (best + k)[..., None], axis=2)[..., 0] for k in (-1, 0, 1)
    )
    with np.errstate(all="ignore"):
        part = 0.5 * (left - right) / (left - 2 * at + right)
    part = np.where(np.isfinite(part), np.clip(part, -0.5, 0.5), 0.0)
    return rho[best] + RAY_STEP * part


def learnt_spread(rays: Rays, blur: float) -> tuple[float, float]:
    """Return the point spread and the noise that the rays show.

    Parameters
    ----------
    rays : Rays
        Of a vessel.
    blur : float
        Expected standard deviation of the point spread, mm.

    Returns
    -------
    spread : float
        mm.
    noise : float
        Of the contrast.
    """
    profiles, kept = _profiles(rays, blur)
    some = slice(None, None, LEARN_EVERY)
    m = len(rays.rho)
    profiles, kept = profiles.reshape(-1, m)[some], kept.reshape(-1, m)[some]
    return point_spread_and_noise(profiles, kept, rays.rho, blur)


def _profiles(rays: Rays, blur: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return profiles (n, RAYS, m), 1 in the lumen and 0 outside, and samples well before bone."""
    level = rays.lumen - rays.contrast
    profiles = (rays.hu - level[:, None, None]) / rays.contrast[:, None, None]
    end = np.where(rays.valid, np.inf, rays.rho).min(axis=2)
    return profiles, rays.rho < (end - BEFORE_BONE * blur)[..., None]


def edges_beside_bone(rays: Rays, soft: float, usual: float, blur: float) -> tuple[Array, Array]:
    """Move edges to where they are if bone behind them hides the fall.

    Between a lumen and bone that nearly touches it the grey values do not fall as deep as they do
    elsewhere, and their steepest place is too far in; by how much follows from the depth.

    Parameters
    ----------
    rays : Rays
        Of n sections.
    soft : float
        HU of soft tissue.
    usual : float
        Standard deviation of an edge that nothing hides, mm.
    blur : float
        Standard deviation of the point spread, mm.

    Returns
    -------
    edges, sd : ndarray, shape (n, RAYS)
        Distance of the wall from the middle, and its standard deviation, mm.
    """
    level, beyond = rays.lumen[:, None, None], rays.rho > rays.edges[..., None]
    bright = beyond & (rays.hu > level + DROP * rays.contrast[:, None, None])
    first = rays.rho[np.argmax(bright, axis=2)]
    gap = np.where(bright.any(axis=2), first - rays.edges, np.inf)
    between = beyond & (rays.rho < (rays.edges + np.minimum(gap, TROUGH))[..., None])
    lowest = np.where(between & np.isfinite(rays.hu), rays.hu, np.inf).min(axis=2)
    depth = 1.0 + (soft - lowest) / rays.contrast[:, None]
    alone = np.isfinite(rays.edges) & np.isinf(gap) & np.isfinite(depth)
    edge_sd = np.full(rays.edges.shape, usual)
    if alone.sum() < LEAST_ALONE:
        return rays.edges, edge_sd
    whole = max(float(np.median(depth[alone])), 1.0)
    hidden = np.clip((whole - depth) / max(whole - 1.0, 0.3), 0.0, MOST_HIDDEN)
    hidden = np.where((gap < BONE_REACH * blur) & np.isfinite(depth), hidden, 0.0)
    return rays.edges + INWARD * blur * hidden, np.hypot(edge_sd, INWARD_SD * blur * hidden)


def told_apart(
    rays: Rays,
    edges: tuple[Array, Array],
    radii: Array,
    expected: float,
    blur: float,
    learnt: tuple[float, float],
) -> tuple[Array, Array, Array]:
    """Judge edges beside a bright neighbour by the rays' whole profiles.

    Parameters
    ----------
    rays : Rays
        Of n sections.
    edges : tuple of ndarray, shape (n, RAYS)
        Edges and their sd, mm.
    radii : ndarray, shape (n,)
        Of the tube, mm.
    expected : float
        Standard deviation of the wall about the tube, mm.
    blur : float
        Standard deviation of the scan's point spread, mm.
    learnt : tuple of float
        Point spread, mm, and noise; see `learnt_spread`.

    Returns
    -------
    edges, sd, slack : ndarray, shape (n, RAYS)
        The edges, their sd, and by how much the image would allow the wall to be further out, mm.
    """
    shape = rays.edges.shape
    profiles, kept = _profiles(rays, blur)
    inward = blur**2 / (2.0 * np.maximum(radii, 0.5))
    wall = np.repeat(radii + inward, shape[1])
    judged = _contested(profiles, kept, radii, blur).ravel()
    if not judged.any():
        return *edges, np.zeros(shape)
    likelihood = wall_likelihood(
        profiles.reshape(-1, len(rays.rho))[judged],
        rays.rho,
        kept.reshape(-1, len(rays.rho))[judged],
        *learnt,
    )
    mean, sd = likelihood.site(wall[judged], np.full(judged.sum(), expected))
    beside, at, spread = np.zeros(len(wall), bool), np.full(len(wall), np.nan), np.ones(len(wall))
    beside[judged] = likelihood.beside > BESIDE
    at[judged], spread[judged] = np.where(sd < MOST_RAY_SD, mean, np.nan), np.minimum(sd, 9.0)
    told = np.where(beside, at - np.repeat(inward, shape[1]), edges[0].ravel())
    told_sd = np.where(beside, np.hypot(spread, EDGE_SD * blur), edges[1].ravel())
    end = np.where(kept, rays.rho, 0.0).max(axis=2)
    out = np.where(np.isfinite(rays.edges), rays.edges, end) - radii[:, None]
    unsure = (told_sd / (told_sd + UNSURE)).reshape(shape)
    slack = np.where(beside.reshape(shape), unsure * np.clip(out, 0.0, MOST_SLACK), 0.0)
    return told.reshape(shape), told_sd.reshape(shape), slack


def _contested(
    profiles: Array, kept: NDArray[np.bool_], radii: Array, blur: float
) -> NDArray[np.bool_]:
    """Return rays (n, RAYS) that are bright right outside the wall, or dark right inside it."""
    reach, last = CONTESTED * blur, profiles.shape[2] - 1
    inner, outer = (
        np.clip(np.rint((radii + by) / RAY_STEP).astype(int), 0, last)[:, None, None]
        for by in (-reach, reach)
    )
    dark = np.take_along_axis(profiles, inner, axis=2)[..., 0] < INNER
    bright = np.take_along_axis(profiles, outer, axis=2)[..., 0] > OUTER
    return (dark | bright) & np.take_along_axis(kept, outer, axis=2)[..., 0]
