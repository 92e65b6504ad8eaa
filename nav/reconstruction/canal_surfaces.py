"""Cord and dura of a CT as closed surfaces: from fitted bones, prior and grey values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import Lost
from nav.reconstruction.canal_fit import (
    OUTER,
    STEP,
    CanalFit,
    Samples,
    fit_canal,
)
from nav.reconstruction.canal_frame import BONES, CanalFrame, ring_triangles
from nav.reconstruction.canal_prior import (
    CanalPrior,
    canal_features,
    frame_of,
    load_canal_prior,
    unbent_poses,
)
from nav.reconstruction.chain import Chain, vertex_normals
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.sampling import (
    MARGIN_BLURS,
    as_field,
    cropped,
    plain_blur,
    without_enhancement,
)
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.volume import Array, Volume

LEAST_RINGS = 8  # in view; with fewer nothing is made
KERNEL_SD = 0.4  # mm, of a usual scan's point spread besides its voxels
# overshoot of edges from which their enhancement is undone: bone then darkens what is beside it as
# far as the dura. With less, undoing it costs more resolution than it gains
SHARP = 0.11
INTERPOLATION = 6.0**-0.5  # of the voxel: sd of linear interpolation's mean blur
CLEAR = 3.0  # times the point spread's sd: nearer to bone, grey values are affected by it
BONE_GAP = 0.3  # mm, least from the dura to bone
FLUID_GAP = 0.5  # mm, least from cord to dura along a ray
# of edges besides noise, as shares of the point spread's sd: everywhere; of the dura where bone or
# vein obscure it
MODEL_SD, OBSCURED_SD = 0.12, 0.45
# the same of the whole dura where veins are seen beside much of it: thinner ones are not, and pass
# for fluid
VEIN_SD, MANY_VEINS = 0.45, 0.15  # MANY_VEINS: share of the dura
MEASURED_SHARE = 0.5  # of the prior's variance, below which a vertex is measured


@dataclass(frozen=True)
class CanalSurface:
    """A closed surface with its own error.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
    sigma : ndarray, shape (n,)
        Standard deviation along the normal, mm.
    measured : ndarray of bool, shape (n,)
        Whether the grey values decide there; elsewhere prior and bones do.
    source : {"prior", "prior and grey values", "intrathecal contrast"}
        What it was made from.
    ends : ndarray of bool, shape (n,)
        Whether a vertex belongs to the flat ends, which only close the surface.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    measured: NDArray[np.bool_]
    source: str
    ends: NDArray[np.bool_]


@dataclass(frozen=True)
class CanalFacts:
    """Measurements in the canal.

    Parameters
    ----------
    levels : tuple of float
        Of cord, fluid and epidural tissue, HU, NaN where not seen.
    noise : float
        Of a sample, HU.
    contrast : bool
        Whether the fluid has contrast.
    heights : tuple of float
        Of the lowest and the highest ring, unbent frame, mm.
    full : bool
        Whether they reach from C4's lower end to the foramen magnum.
    """

    levels: tuple[float, float, float]
    noise: float
    contrast: bool
    heights: tuple[float, float]
    full: bool


@dataclass(frozen=True)
class CanalSurfaces:
    """Cord and dura.

    Parameters
    ----------
    cord, dura : CanalSurface
        Closed surfaces, model frame.
    facts : CanalFacts
        Measurements in the canal.
    """

    cord: CanalSurface
    dura: CanalSurface
    facts: CanalFacts


def reconstruct_canal(
    volume: Volume,
    prior: ShapePrior,
    chain: Chain,
    canal: CanalPrior | None = None,
    use_grey_values: bool = True,
    scan: ScanModel | None = None,
) -> CanalSurfaces | Lost:
    """Reconstruct cord and dura from the lower end of C4 to the foramen magnum.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted to this volume.
    canal : CanalPrior, optional
        Prior of the canal; that of the program if None.
    use_grey_values : bool
        Whether the prior is updated by the scan.
    scan : ScanModel, optional
        How the scan shows bone. Where edges overshoot by SHARP or more, this is undone
        for the dura; otherwise, and if None, a usual kernel's blur is used.

    Returns
    -------
    CanalSurfaces or Lost
        Lost where fewer than LEAST_RINGS rings (about 1 mm apart) of the canal are in view.
    """
    canal = load_canal_prior() if canal is None else canal
    frame = frame_of(prior, canal, chain.poses)
    surfaces = {
        name: (prior.bone(name).shaped(chain.weights), prior.bone(name).triangles) for name in BONES
    }
    unbent = unbent_poses(prior, canal.unbent_from_root)
    expected = canal.expected(canal_features(canal.grid, unbent, chain.poses, surfaces))
    dura = frame.to_model(canal.grid.points(canal.radii(expected)[1]))
    rows = _rows(volume, canal, dura)
    if len(rows) < LEAST_RINGS:
        return Lost("canal_too_short", {"length_mm": len(rows)})
    bones = _Bones(prior, chain)
    sharp = scan if scan is not None and scan.overshoot >= SHARP else None

    def fitted(undone: ScanModel | None) -> CanalFit:
        samples = _sampled(volume, canal, frame, expected, bones, undone)
        if not use_grey_values:
            samples = replace(samples, usable=np.zeros_like(samples.usable))
        return fit_canal(canal, expected, samples, _blur(volume, undone))

    fit = fitted(sharp)
    # the cord is far from bone, and its edge weak: undoing enhancement costs it more than it gains
    fits = (fit if sharp is None or fit.contrast else fitted(None), fit)
    found = np.stack([fits[i].radii[i] for i in range(2)])
    radii = _kept_apart(canal, frame, found, bones)
    cord_surface, dura_surface = (_surface(canal, frame, fits[i], radii, i, rows) for i in range(2))
    heights = canal.grid.heights[rows]
    reach = canal.grid.heights[_wanted(canal)]
    facts = CanalFacts(
        fit.levels,
        fit.noise,
        fit.contrast,
        (float(heights[0]), float(heights[-1])),
        bool(heights[0] == reach[0] and heights[-1] == reach[-1]),
    )
    return CanalSurfaces(cord_surface, dura_surface, facts)


class _Bones:
    """All fitted bones as one scene."""

    def __init__(self, prior: ShapePrior, chain: Chain) -> None:
        import open3d as o3d  # over a second to import

        self._tensor = o3d.core.Tensor
        self._scene = o3d.t.geometry.RaycastingScene()
        for name in BONES:
            self._scene.add_triangles(
                self._tensor(chain.vertices(prior, name).astype(np.float32)),
                self._tensor(prior.bone(name).triangles.astype(np.uint32)),
            )

    def distance(self, points: Array) -> Array:
        """Return signed distances of points (n, 3), mm; negative inside."""
        query = self._tensor(np.ascontiguousarray(points, dtype=np.float32))
        return np.asarray(self._scene.compute_signed_distance(query).numpy(), float)


def _wanted(canal: CanalPrior) -> NDArray[np.intp]:
    heights = canal.grid.heights
    return np.flatnonzero((heights >= canal.ends[0]) & (heights <= canal.ends[1]))


def _rows(volume: Volume, canal: CanalPrior, dura: Array) -> NDArray[np.intp]:
    """Return the rings of the wanted extent that are entirely in view: the longest run."""
    size = np.array(volume.values.shape[::-1])
    index = volume.to_voxel(dura.reshape(-1, 3)).reshape(dura.shape)
    seen = np.all((index >= 0.0) & (index <= size - 1), axis=(1, 2))
    wanted = _wanted(canal)
    good = wanted[seen[wanted]]
    if not len(good):
        return good
    runs = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    return max(runs, key=len)


def _blur(volume: Volume, sharp: ScanModel | None) -> float:
    """Return the point spread's sd: kernel, voxel, and linear interpolation between, mm."""
    if sharp is not None:  # with the voxel; most of the canal's walls stand on the slices
        left = _plain_blur(volume, sharp)
        return float(np.hypot(left, INTERPOLATION * volume.spacing[:2].mean()))
    return float(np.sqrt(KERNEL_SD**2 + (1.0 / 12.0 + 1.0 / 6.0) * (volume.spacing**2).mean()))


def _plain_blur(volume: Volume, sharp: ScanModel) -> float:
    """Return the sd of the Gaussian kernel that remains where enhancement is undone, mm."""
    step = float(volume.spacing[:2].mean())
    return plain_blur(step, sharp.blur_xy, sharp.enhancement, sharp.broad)


def _sampled(
    volume: Volume,
    canal: CanalPrior,
    frame: CanalFrame,
    expected: Array,
    bones: _Bones,
    sharp: ScanModel | None,
) -> Samples:
    """Sample the grey values along the canal's rays, without the enhancement of a sharp kernel."""
    grid = canal.grid
    dura = canal.radii(expected)[1]
    rho = np.arange(0.5 * STEP, dura.max() + OUTER + 2.0, STEP)
    points = frame.to_model(grid.points(np.broadcast_to(rho, (*dura.shape, len(rho)))))
    low, high = points.min(axis=(0, 1, 2)), points.max(axis=(0, 1, 2))
    margin = 2.0 if sharp is None else 2.0 + MARGIN_BLURS * sharp.broad * sharp.blur_xy
    near_canal = cropped(volume, low - margin, high + margin)
    if sharp is not None:
        kernel = (sharp.blur_xy, sharp.enhancement, sharp.broad)
        near_canal = without_enhancement(near_canal, *kernel, _plain_blur(volume, sharp))
    values = as_field(near_canal).at(points).astype(float)
    usable = np.isfinite(values)
    outer = np.isfinite(values) & (rho > dura[..., None] - 2.0)
    near = np.full(values.shape, 99.0)
    near[outer] = bones.distance(points[outer])
    # what lies behind a bone is not in the canal
    behind = np.maximum.accumulate(near < 0.0, axis=-1)
    usable &= (near > CLEAR * max(_blur(volume, sharp), _blur(volume, None))) & ~behind
    return Samples(rho, values, usable, float(np.diff(grid.heights).mean()))


def _kept_apart(canal: CanalPrior, frame: CanalFrame, radii: Array, bones: _Bones) -> Array:
    """Return the radii with the dura kept off the bones and the cord within the dura."""
    cord, dura = radii[0].copy(), radii[1].copy()
    for _ in range(4):
        points = frame.to_model(canal.grid.points(dura))
        short = BONE_GAP - bones.distance(points.reshape(-1, 3)).reshape(dura.shape)
        if short.max() <= 0.0:
            break
        dura -= np.clip(1.1 * short, 0.0, 2.0)
    return np.stack([np.minimum(cord, dura - FLUID_GAP), dura])


def _model_sd(fit: CanalFit, which: int) -> Array:
    """Return the error of the model of the grey values besides noise (k, count), mm."""
    if which == 0:
        return np.full(fit.obscured.shape, MODEL_SD * fit.blur)
    veins = VEIN_SD * min(1.0, fit.veins / MANY_VEINS)
    obscured = OBSCURED_SD * fit.obscured
    return np.asarray(np.sqrt(MODEL_SD**2 + obscured**2 + veins**2) * fit.blur)


def _surface(
    canal: CanalPrior,
    frame: CanalFrame,
    fit: CanalFit,
    radii: Array,
    which: int,
    rows: NDArray[np.intp],
) -> CanalSurface:
    count = canal.grid.count
    rings = canal.grid.points(radii[which])[rows]
    foot, top = rings[0].mean(axis=0), rings[-1].mean(axis=0)
    unbent = np.vstack([rings.reshape(-1, 3), foot, top])
    triangles = ring_triangles(len(rows), count)
    vertices = frame.to_model(unbent)
    # along the normal it is less than along the ray; an end's rim counts as the wall
    walls = triangles[: -2 * count]
    normals = vertex_normals(unbent, walls)[:-2]
    rays = canal.grid.rays()[1][rows].reshape(-1, 3)
    share = np.clip(np.abs(np.einsum("ij,ij->i", normals, rays)), 0.3, 1.0)
    moved = (fit.radii[which] - radii[which])[rows].ravel()
    sigma = np.hypot(fit.sigma[which][rows].ravel(), 0.5 * moved) * share
    sigma = np.hypot(sigma, _model_sd(fit, which)[rows].ravel())
    ratio = (fit.sigma[which] / fit.prior_sigma[which])[rows].ravel() ** 2
    measured = ratio < MEASURED_SHARE
    ends = [sigma[:count].mean(), sigma[-count:].mean()]
    at_end = np.zeros(len(sigma), bool)
    at_end[:count] = at_end[-count:] = True
    source = "prior"
    if measured.mean() > 0.5:
        source = "intrathecal contrast" if fit.contrast else "prior and grey values"
    return CanalSurface(
        vertices,
        triangles,
        np.concatenate([sigma, ends]),
        np.concatenate([measured, [False, False]]),
        source,
        ends=np.r_[at_end, True, True],
    )
