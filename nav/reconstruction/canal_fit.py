"""Cord and dura from grey values: maximum a posteriori over a large number of voxels.

Without intrathecal contrast a voxel's noise is as large as the step from cord to fluid. So a few
hundred smooth parameters are estimated from all voxels of the canal at once: radii of cord and dura
(the prior's modes and smooth local deviations), and grey values of cord, fluid and epidural tissue.
The information in the voxels follows from the residuals' means over blocks, which include
correlated noise, streaks and errors of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import erf

from nav.reconstruction.canal_basis import Basis, smooth_basis, variances
from nav.reconstruction.canal_prior import CanalPrior
from nav.reconstruction.volume import Array

STEP = 0.5  # mm, between samples of a ray
OUTER = 2.2  # mm outside the dura in which epidural tissue is sampled
ROUNDS, SELECTIONS = 3, 3
KNOTS = 6.0  # mm, between knots of local deviations
ORDER = 3  # of their Fourier series
LOCAL_SD = (0.2, 0.3)  # mm, of cord and dura about the parametric anatomy
LOCAL_SD_CONTRAST = (0.4, 0.8)  # where fluid with contrast shows the edges
CORD_SD, FLUID_SD, EPIDURAL_SD = 12.0, 15.0, 45.0  # HU, about the initial levels
CONTRAST = 70.0  # HU of fluid over cord: there is intrathecal contrast
# an enhanced vein on the dura looks like fluid at its flanks, so it is modelled where one is seen
LAYER, LAYER_SD = 1.0, 0.35  # mm thick; sd of its HU as a share
VEIN = 25.0  # HU over cord and fluid, of a neighbourhood on the dura
VEIN_MOST = 200.0  # HU: brighter is an artery or bone
OBSCURES = (3.0, 2.0)  # rings and angles, sd
VEIN_REACH = 1.5  # mm, of that neighbourhood to either side of the expected dura
STRAY = 4.0  # noise sd over the model, of a small neighbourhood: brighter is left out
LEAST_STRAY = 50.0  # HU
BLOCK = (5, 5, 4)  # rings, angles, samples
CLIP = 12.0  # times the median, at which a block's variance is clipped
LEAST_BLUR = 0.2  # mm
BLUR_SD = 0.15  # mm, prior sd of the point spread
# radius of cord, radius of dura, HU of cord, of fluid, of epidural tissue, point spread, HU of
# epidural veins over that of the tissue
FIELDS = 7


@dataclass(frozen=True)
class Samples:
    """Grey values on the canal's rays.

    Parameters
    ----------
    rho : ndarray, shape (r,)
        Distance from the axis, mm.
    values : ndarray, shape (k, count, r)
        HU, NaN outside the scan.
    usable : ndarray of bool, shape (k, count, r)
        Clear of bone.
    height_step : float
        Between rings, mm.
    """

    rho: Array
    values: Array
    usable: NDArray[np.bool_]
    height_step: float


@dataclass(frozen=True)
class CanalFit:
    """Cord and dura as fitted to the grey values.

    Parameters
    ----------
    radii, sigma, prior_sigma : ndarray, shape (2, k, count)
        Of cord and dura along the rays, their posterior and prior standard deviations, mm.
    levels : tuple of float
        Means of cord, fluid and epidural tissue, HU.
    blur : float
        Standard deviation of the point spread, mm.
    obscured : ndarray, shape (k, count)
        Share of the dura's surroundings that bone or a vein obscures.
    noise : float
        Standard deviation of a sample, HU.
    density : float
        Variance of a mean times its volume, HU^2 mm^3.
    contrast : bool
        Whether the fluid has contrast.
    veins : float
        Share of the dura beside which something as bright as a vein was seen.
    """

    radii: Array
    sigma: Array
    prior_sigma: Array
    levels: tuple[float, float, float]
    blur: float
    obscured: Array
    noise: float
    density: float
    contrast: bool
    veins: float


def fit_canal(prior: CanalPrior, expected: Array, samples: Samples, blur: float) -> CanalFit:
    """Fit cord and dura to grey values.

    Parameters
    ----------
    prior : CanalPrior
        Of cord and dura.
    expected : ndarray, shape (m,)
        Mode weights predicted from the bones.
    samples : Samples
        Of the scan.
    blur : float
        Standard deviation of the scan's point spread, as far as it is known, mm.

    Returns
    -------
    CanalFit
        The prior itself where too little of the canal is in view.
    """
    mean = prior.radii(expected)
    start = _levels(mean, samples)
    contrast = start is not None and start[1] - start[0] > CONTRAST
    bases, prior_sd = _bases(prior, LOCAL_SD_CONTRAST if contrast else LOCAL_SD)
    radius_variance = variances(bases[:2], np.asarray(np.diag(prior_sd**2), float)) + (
        prior.rest**2
    ).reshape(2, -1)
    shape = mean.shape
    prior_sigma = np.sqrt(radius_variance).reshape(shape)
    if start is None:
        nothing = (float("nan"),) * 3
        return CanalFit(
            mean,
            prior_sigma,
            prior_sigma,
            nothing,
            blur,
            np.ones(shape[1:]),
            np.nan,
            np.inf,
            False,
            0.0,
        )
    constant = [np.full(mean[0].size, v) for v in (*start, blur, 0.0)]
    centre = np.array([mean[0].ravel(), mean[1].ravel(), *constant])
    move = np.zeros(len(prior_sd))
    noise, density = 25.0, np.inf
    veins = _veins(centre, samples, shape)
    centre[-1] = veins.ravel() / erf(LAYER / (2.0 * np.sqrt(2.0) * blur))
    bases[-1] = Basis(bases[-1].matrix * centre[-1][:, None], bases[-1].own)
    volume = samples.rho * STEP * (2.0 * np.pi / shape[2]) * samples.height_step
    weight = np.zeros(samples.values.shape)
    for _ in range(SELECTIONS):
        fields = _fields(bases, centre, move)
        model, _ = _model(fields, samples, shape)
        chosen = _chosen(fields, model, samples, noise, contrast, shape)
        if not chosen.any():
            break
        residual = np.where(chosen, samples.values - model, 0.0)
        noise = 1.4826 * float(np.median(np.abs(residual[chosen])))
        density = _density(residual, chosen, volume)
        weight = np.where(chosen, volume, 0.0) / density
        for _ in range(ROUNDS):
            move = _newton(bases, prior_sd, centre, move, samples, weight, shape)
    information = _information(bases, prior_sd, centre, move, samples, weight, shape)[0]
    covariance = np.asarray(np.linalg.inv(information), float)
    fields = _fields(bases, centre, move)
    sigma = np.sqrt(variances(bases[:2], covariance) + (prior.rest**2).reshape(2, -1))
    levels = (float(fields[2].mean()), float(fields[3].mean()), float(fields[4].mean()))
    return CanalFit(
        fields[:2].reshape(shape),
        np.minimum(sigma.reshape(shape), prior_sigma),
        prior_sigma,
        levels,
        float(fields[5].mean()),
        _obscured(fields[1].reshape(*shape[1:], 1), samples.rho, weight > 0.0, veins > 0.0),
        noise,
        density,
        contrast,
        float((veins > 0.0).mean()),
    )


def _levels(mean: Array, samples: Samples) -> tuple[float, float, float] | None:
    """Return HU of cord, fluid and epidural tissue at their prior positions; None: not in view."""
    good = samples.usable & np.isfinite(samples.values)
    rho = samples.rho
    cord, dura = mean[0][..., None], mean[1][..., None]
    places = (
        rho < 0.75 * cord,
        (rho > cord + 0.25 * (dura - cord)) & (rho < dura - 0.25 * (dura - cord)),
        (rho > dura + 0.7) & (rho < dura + OUTER),
    )
    found = [samples.values[good & place] for place in places]
    if min(len(found[0]), len(found[1])) < 200:
        return None
    last = float(np.median(found[2])) if len(found[2]) > 50 else -40.0
    return float(np.median(found[0])), float(np.median(found[1])), last


def _bases(prior: CanalPrior, local_sd: tuple[float, float]) -> tuple[list[Basis], Array]:
    """Return the basis of each field, and all parameters' prior standard deviations."""
    heights, angles = prior.grid.heights, prior.grid.angles
    modes = prior.modes.reshape(len(prior.modes), 2, -1)
    local = smooth_basis(heights, angles, KNOTS, ORDER)
    along = smooth_basis(heights, angles, 20.0, 0)
    around = smooth_basis(heights, angles, 8.0, 2)
    sd = [prior.spread]
    bases = []
    first = len(prior.spread)
    for i in range(2):
        own = np.r_[: len(prior.spread), first : first + local.shape[1]]
        bases.append(Basis(np.hstack([modes[:, i].T, local]), own))
        norm = np.sqrt((local**2).sum(axis=1).mean())
        sd.append(np.full(local.shape[1], local_sd[i] / norm))
        first += local.shape[1]
    same = np.ones((len(along), 1))
    grey = (
        (along, CORD_SD),
        (along, FLUID_SD),
        (around, EPIDURAL_SD),
        (same, BLUR_SD),
        (around, LAYER_SD),
    )
    for basis, spread in grey:
        bases.append(Basis(basis, np.arange(first, first + basis.shape[1])))
        sd.append(np.full(basis.shape[1], spread))
        first += basis.shape[1]
    return bases, np.concatenate(sd)


def _fields(bases: list[Basis], centre: Array, move: Array) -> Array:
    return centre + np.array([basis.matrix @ move[basis.own] for basis in bases])


def _model(fields: Array, samples: Samples, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return expected HU (k, count, r), and its derivative by each field (7, k, count, r)."""
    cord, dura, a, b, c, blur, v = fields.reshape(FIELDS, *shape[1:], 1)
    blur = np.maximum(blur, LEAST_BLUR)
    off = [(edge - samples.rho) / blur for edge in (cord, dura, dura + LAYER)]
    within, inside, under = (0.5 * (1.0 + erf(x / np.sqrt(2.0))) for x in off)
    rise = [np.exp(-0.5 * x * x) / (np.sqrt(2.0 * np.pi) * blur) for x in off]
    layer = under - inside
    model = a * within + b * (inside - within) + c * (1.0 - inside) + v * layer
    steps = ((a - b) * rise[0], (b - c - v) * rise[1], v * rise[2])
    by_blur = -sum(step * x for step, x in zip(steps, off, strict=True))
    by_dura = steps[1] + steps[2]
    return model, np.stack(
        [steps[0], by_dura, within, inside - within, 1.0 - inside, by_blur, layer]
    )


def _chosen(
    fields: Array,
    model: Array,
    samples: Samples,
    noise: float,
    contrast: bool,
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Choose samples: in view, clear of bone, near enough, and nothing as bright as an artery."""
    dura = fields[1].reshape(*shape[1:], 1)
    near = samples.usable & np.isfinite(samples.values) & (samples.rho < dura + OUTER)
    residual = np.where(near, samples.values - model, 0.0)
    size = (3, 3, 3)
    count = ndimage.uniform_filter(near.astype(float), size, mode=("nearest", "wrap", "nearest"))
    local = ndimage.uniform_filter(residual, size, mode=("nearest", "wrap", "nearest"))
    local = local / np.maximum(count, 1.0 / 27.0)
    most = max(STRAY * noise / 2.0, LEAST_STRAY)
    if contrast:
        most = max(most, 0.8 * float(fields[3].mean() - fields[4].mean()))
    stray = (local > most) & near
    # the flank of a bright structure is as wide as the point spread
    stray = ndimage.binary_dilation(stray, np.ones((3, 3, 5), bool))
    return np.asarray(near & ~stray)


def _veins(fields: Array, samples: Samples, shape: tuple[int, ...]) -> Array:
    """Return the excess of bright structures on the dura over the epidural tissue (k, count), HU.

    0 where there are none.
    """
    dura = fields[1].reshape(*shape[1:], 1)
    seen = samples.usable & np.isfinite(samples.values)
    near = seen & (samples.rho > dura - VEIN_REACH) & (samples.rho < dura + VEIN_REACH)
    size, mode = (3, 3, 1), ("nearest", "wrap", "nearest")
    count = ndimage.uniform_filter(near.astype(float), size, mode=mode)
    total = ndimage.uniform_filter(np.where(near, samples.values, 0.0), size, mode=mode)
    local = np.where(near, total / np.maximum(count, 1.0 / 9.0), -np.inf).max(axis=-1)
    brightest = max(float(fields[2].mean()), float(fields[3].mean()))
    over = local - float(fields[4].mean())
    return np.asarray(np.where((local > brightest + VEIN) & (local < VEIN_MOST), over, 0.0))


def _obscured(
    dura: Array, rho: Array, chosen: NDArray[np.bool_], veins: NDArray[np.bool_]
) -> Array:
    near = np.abs(rho - dura) < VEIN_REACH
    share = 1.0 - (near & chosen).sum(axis=-1) / np.maximum(near.sum(axis=-1), 1)
    share = np.where(veins, 1.0, share)
    # deviations are smooth: what is hidden here is less certain beside it, too
    around = ndimage.gaussian_filter(share, OBSCURES, mode=("nearest", "wrap"))
    return np.maximum(share, around)


def _density(residual: Array, chosen: NDArray[np.bool_], volume: Array) -> float:
    """Return the variance of a mean over many samples times its volume, HU^2 mm^3."""
    weight = np.where(chosen, volume, 0.0)
    size = [n - n % b for n, b in zip(residual.shape, BLOCK, strict=True)]
    blocks = []
    for values in (weight, weight * residual):
        cut = values[: size[0], : size[1], : size[2]]
        split = [part for n, b in zip(size, BLOCK, strict=True) for part in (n // b, b)]
        blocks.append(cut.reshape(split).sum(axis=(1, 3, 5)).ravel())
    full = blocks[0] > 0.3 * blocks[0].max()
    excess = blocks[1][full] ** 2 / blocks[0][full]
    middle = float(np.median(excess))
    found = float(np.minimum(excess, CLIP * middle).mean())
    white = float((residual[chosen] ** 2).mean() * np.median(weight[chosen]))
    return max(found, white, 1.0)


def _information(
    bases: list[Basis],
    prior_sd: Array,
    centre: Array,
    move: Array,
    samples: Samples,
    weight: Array,
    shape: tuple[int, ...],
) -> tuple[Array, Array]:
    model, slopes = _model(_fields(bases, centre, move), samples, shape)
    residual = np.where(weight > 0.0, samples.values - model, 0.0)
    information = np.diag(prior_sd**-2.0)
    right = -move / prior_sd**2
    for i, one in enumerate(bases):
        weighted = weight * slopes[i]
        right[one.own] += one.matrix.T @ (weighted * residual).sum(axis=-1).ravel()
        for j in range(i, FIELDS):
            other = bases[j]
            by_node = (weighted * slopes[j]).sum(axis=-1).ravel()
            block = one.matrix.T @ (by_node[:, None] * other.matrix)
            information[np.ix_(one.own, other.own)] += block
            if j > i:
                information[np.ix_(other.own, one.own)] += block.T
    return information, right


def _newton(
    bases: list[Basis],
    prior_sd: Array,
    centre: Array,
    move: Array,
    samples: Samples,
    weight: Array,
    shape: tuple[int, ...],
) -> Array:
    information, right = _information(bases, prior_sd, centre, move, samples, weight, shape)
    return np.asarray(move + np.linalg.solve(information, right))
