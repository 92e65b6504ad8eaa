"""Position of a surface along its normals, from grey values, and its smooth combination."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from nav.reconstruction.cortex_model import (
    GAP,
    LOG_THICKNESS,
    OTHER,
    PLACE,
    SOFT,
    ProfileFit,
    fit_profiles,
)
from nav.reconstruction.mesh_fields import adjacency, neighbour_mean, vertex_areas
from nav.reconstruction.scan_model import ScanModel, clear_priors
from nav.reconstruction.surface_probe import Probe, profile_places
from nav.reconstruction.volume import Array

BLUR_SD = 0.05  # of its logarithm, once the scan's is known
JOINT = 2.0  # mm: a gap this narrow holds cartilage or fluid
JOINT_LEVEL, JOINT_SD = 85.0, 80.0  # HU, of that
GAP_SD = 0.6  # mm, of a gap from the unrefined surfaces' distance
LEAST_GAP = 0.3  # mm, initial value for surfaces that touch
BEYOND = 0.75  # mm of a neighbour that are included
OTHER_SPREAD = 0.3  # sd of a neighbour's grey value, of cortex over soft tissue
RISE = 60.0  # HU, beyond a dip, that indicates something bright without a surface
RISE_NOISE = 6.0  # times the noise, likewise
LEAST_INSIDE = 0.5  # mm of the bone that are used at least
MOST_CURVED = 0.35  # 1/mm, largest curvature that is corrected
CURVATURE_ERROR = 0.3  # of the correction
ROUGHNESS = 0.15  # mm per root of mm: sd of the correction's change along the surface
MOST_TEXTURE = 1.0  # mm
RIM = 1.5  # mm under the surface, in which the cortex's peak lies
LEAST_HEIGHT = 30.0  # HU
THREADS = 2


@dataclass(frozen=True)
class SurfaceFit:
    """Fits of the profiles along a surface's normals.

    Parameters
    ----------
    offset, sd : ndarray, shape (n,)
        Of the surface along the normals, and its standard deviation, mm.
    gap, gap_sd : ndarray, shape (n,)
        Distance from the offset surface to the next one, and its standard deviation, mm; NaN where
        there is none.
    misfit : ndarray, shape (n,)
        Rms residual over the noise.
    thickness : ndarray, shape (n,)
        Of the cortex, mm.
    outside : ndarray, shape (n,)
        Grey value there, HU.
    """

    offset: Array
    sd: Array
    gap: Array
    gap_sd: Array
    misfit: Array
    thickness: Array
    outside: Array


def fit_surface(probe: Probe, scan: ScanModel, levels: Sequence[float | None]) -> SurfaceFit:
    """Fit the cortex model along each normal.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    scan : ScanModel
        How the scan shows bone.
    levels : sequence of float or None
        Grey value of each neighbour, HU; None for bone.

    Returns
    -------
    SurfaceFit
        Of all vertices.
    """
    mean, sd = clear_priors(scan, probe.across, scan.cortex_sd, BLUR_SD)
    places = profile_places()
    met = np.isfinite(probe.gap)
    bright, rise_gap, rise_level = unknown_neighbour(places, probe.profiles, scan)
    bright &= ~met
    near = met | bright
    narrow = met & (probe.gap < JOINT)
    for number, level in enumerate(levels):
        if level is not None:
            own = met & (probe.neighbour == number)
            mean[own, OTHER] = level
            narrow &= ~own
    sd[:, OTHER] = OTHER_SPREAD * (scan.cortex - scan.soft)
    mean[bright, OTHER] = rise_level[bright]
    mean[narrow, SOFT], sd[narrow, SOFT] = JOINT_LEVEL, JOINT_SD
    mean[near, GAP] = np.maximum(np.where(met, probe.gap, rise_gap)[near], LEAST_GAP)
    sd[near, GAP] = GAP_SD
    start = -np.maximum(0.5 * probe.thickness, LEAST_INSIDE)
    end = np.where(met, np.maximum(probe.gap, 0.0) + BEYOND, np.inf)
    first = np.searchsorted(places, start).astype(np.int64)
    last = np.searchsorted(places, end, side="right").astype(np.int64)
    noise = np.full(len(near), scan.sample_noise)
    fit = _fit_in_threads(places, probe, first, last, mean, sd, near, noise, scan)
    squares = np.nansum(fit.residuals**2, axis=1) / np.maximum(last - first, 1)
    misfit = np.sqrt(squares) / scan.noise
    shift, shift_sd = curvature_shift(probe, scan)
    inflated = fit.sd[:, PLACE] * np.maximum(1.0, misfit)
    height = _height(places, probe.profiles - fit.residuals, fit.values)
    texture = texture_sd(scan.blur(probe.across), scan.marrow_sd, height)
    return SurfaceFit(
        fit.values[:, PLACE] + shift,
        np.sqrt(inflated**2 + shift_sd**2 + texture**2),
        np.where(met, fit.values[:, GAP] - shift, np.nan),
        np.where(met, fit.sd[:, GAP] * np.maximum(1.0, misfit), np.nan),
        misfit,
        np.exp(fit.values[:, LOG_THICKNESS]),
        fit.values[:, SOFT],
    )


def texture_sd(blur: Array, texture: float, height: Array) -> Array:
    """Return how far the texture of marrow displaces an edge with little contrast to it.

    Parameters
    ----------
    blur : ndarray, shape (n,)
        Along the normals, mm.
    texture : float
        Standard deviation of marrow, HU.
    height : ndarray, shape (n,)
        Of the edge, HU.

    Returns
    -------
    ndarray, shape (n,)
        Standard deviation, mm.
    """
    return np.asarray(np.minimum(blur * (texture / height) ** 2, MOST_TEXTURE))


def _height(places: Array, fitted: Array, values: Array) -> Array:
    """Return the height of the fitted profiles (n, k) over the grey value outside (n,), HU."""
    rim = np.abs(places - values[:, PLACE, None] + 0.5 * RIM) <= 0.5 * RIM
    peak = np.where(rim & np.isfinite(fitted), fitted, -np.inf).max(axis=1)
    return np.asarray(np.maximum(peak - values[:, SOFT], LEAST_HEIGHT))


def unknown_neighbour(
    places: Array, profiles: Array, scan: ScanModel
) -> tuple[NDArray[np.bool_], Array, Array]:
    """Find profiles that rise again outside.

    Veins, and anything else that is bright and has no surface, would displace the bone's edge.

    Parameters
    ----------
    places : ndarray, shape (k,)
        Positions of the samples along the normal, mm, outside positive.
    profiles : ndarray, shape (n, k)
        HU.
    scan : ScanModel
        How the scan shows bone.

    Returns
    -------
    found : ndarray of bool, shape (n,)
        Whether there is such a rise.
    distance : ndarray, shape (n,)
        From the surface to its half height, mm.
    level : ndarray, shape (n,)
        Its highest grey value, HU.
    """
    outside = places >= 0.0
    at, grey = places[outside], profiles[:, outside]
    rows = np.arange(len(grey))
    lowest = np.argmin(grey, axis=1)
    later = np.arange(len(at)) >= lowest[:, None]
    top = np.where(later, grey, -np.inf).max(axis=1)
    rise = top - grey[rows, lowest]
    half = grey[rows, lowest] + 0.5 * rise
    passed = np.argmax(later & (grey >= half[:, None]), axis=1)
    found = rise > max(RISE, RISE_NOISE * scan.noise)
    return found, at[passed], top


def curvature_shift(probe: Probe, scan: ScanModel) -> tuple[Array, Array]:
    """Return how far blur moves a curved edge inwards.

    The half height of a blurred edge of mean curvature H lies H s^2 inside it, to first order in
    the blur s; for an enhanced one s^2 is the mean over both Gaussians weighted by their slopes.

    Parameters
    ----------
    probe : Probe
        The surface.
    scan : ScanModel
        How the scan shows bone.

    Returns
    -------
    shift, sd : ndarray, shape (n,)
        The shift and the error of this correction, mm.
    """
    blur = scan.blur(probe.across)
    graph = adjacency(len(probe.vertices), probe.triangles)
    areas = vertex_areas(probe.vertices, probe.triangles)
    curvature = neighbour_mean(graph, areas, probe.curvature, 2)
    e = scan.enhancement
    w = scan.wider(probe.across)
    squared = blur**2 * (1.0 + e - e * w) / (1.0 + e - e / w)
    shift = squared * np.clip(curvature, -MOST_CURVED, MOST_CURVED)
    return shift, CURVATURE_ERROR * np.abs(shift)


def combine(probe: Probe, offset: Array, sd: Array, correlation: float) -> Array:
    """Combine offsets along a surface, maximum a posteriori: weighted by variance, and smooth.

    The prior is a random walk along the edges of the mesh.

    Parameters
    ----------
    probe : Probe
        The surface.
    offset, sd : ndarray, shape (n,)
        Along the normals, and their standard deviations, mm.
    correlation : float
        Vertices nearer to each other than this, mm, see the same noise, and so count together as
        one.

    Returns
    -------
    ndarray, shape (n,)
        Offsets, mm.
    """
    graph = adjacency(len(offset), probe.triangles).tocoo()
    length = np.linalg.norm(probe.vertices[graph.row] - probe.vertices[graph.col], axis=1)
    weight = 1.0 / (ROUGHNESS**2 * np.maximum(length, 0.1))
    between = sparse.coo_array((weight, (graph.row, graph.col)), shape=graph.shape).tocsr()
    areas = vertex_areas(probe.vertices, probe.triangles)
    sharing = np.maximum(1.0, correlation**2 / np.maximum(areas, 1e-3))
    information = 1.0 / (sd**2 * sharing)
    diagonal = information + np.asarray(between.sum(axis=1)).ravel()
    matrix = (sparse.diags_array(diagonal) - between).tocsr()
    scale = sparse.diags_array(1.0 / diagonal)
    smooth, _ = cg(matrix, information * offset, rtol=1e-4, maxiter=300, M=scale)
    return np.asarray(smooth)


def _fit_in_threads(
    places: Array, probe: Probe, first: NDArray[np.int64], last: NDArray[np.int64], mean: Array,
    sd: Array, near: NDArray[np.bool_], noise: Array, scan: ScanModel,
) -> ProfileFit:  # fmt: skip
    wider = scan.wider(probe.across)
    parts = np.array_split(np.arange(len(near)), THREADS)

    def part(own: NDArray[np.int64]) -> ProfileFit:
        return fit_profiles(
            places, probe.profiles[own], first[own], last[own], mean[own], sd[own], near[own],
            noise[own], scan.enhancement, wider[own], scan.inner_edge,
        )  # fmt: skip

    with ThreadPoolExecutor(THREADS) as pool:
        fits = list(pool.map(part, parts))
    return ProfileFit(
        np.vstack([f.values for f in fits]),
        np.vstack([f.sd for f in fits]),
        np.concatenate([f.cost for f in fits]),
        np.vstack([f.residuals for f in fits]),
    )
