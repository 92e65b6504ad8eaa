"""Surface registration: points touched on bone against its surface, with honest error.

A pose counts only where three things hold: the declared errors explain the residuals, no other pose
fits nearly as well, and the points determine all six degrees of freedom. Otherwise the answer is
what is wrong, not a pose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform
from scipy.special import chdtri

from nav.core.errors import InputError
from nav.core.frames import Array, Pose, perturbed
from nav.registration.determinacy import WeakestMotion, weakest_motion
from nav.registration.points import LARGEST, closed_form
from nav.registration.registration_result import Registration
from nav.registration.surface_bootstrap import bootstrap_covariance, larger_covariance
from nav.registration.surface_kernels import distance_and_gradient
from nav.registration.surface_search import (
    DISTINCT,
    PoseFound,
    SearchedSurface,
    displacement,
    search_around,
    search_everywhere,
)

LEAST_POINTS = 12  # six are needed by counting; with fewer than twelve many poses fit
SIGMA = 0.3  # mm: a touch on bone along its normal, if nothing better is known
LEAST_SURFACE_SIGMA = 0.05  # mm: no surface is known better
STEPS, CONVERGED = 40, 1e-7  # Gauss-Newton steps; the change in mm and rad at which they end
CUT = 4.685  # sd: Tukey's biweight gives no weight beyond it
OUTLIER = 4.0  # sd
MOST_OUTLIERS = 0.25  # of the points
REFUSED = 1e-4  # probability of residuals as large as these under the declared errors
ALTERNATIVES = 12  # poses that are fitted exactly
MORE_ROTATIONS = (2000, 6000, 20000)  # tried in turn while nothing fits
# A pose is unrivalled where every other one's log-likelihood is lower by this much
LEAST_ODDS = 12.0
MOST_UNDETERMINED = 1.5  # mm rms of the surface along the weakest motion, one sd
ROUGH_SHIFT, ROUGH_TURN = 8.0, 0.25  # mm, rad: how far rough landmarks may be off, one sd per axis


class SurfaceNotRegistered(InputError):
    """Touched points that determine no pose on the surface, and why.

    Parameters
    ----------
    code : str
        "does-not-fit", "ambiguous", "undetermined" or "too-few".
    message : str
        One line for people.
    facts : SurfaceFit or None
        The best fit that was refused.
    """

    def __init__(self, code: str, message: str, facts: "SurfaceFit | None" = None) -> None:
        super().__init__(message)
        self.code, self.facts = code, facts


@dataclass(frozen=True)
class SurfaceFit:
    """A pose of touched points on a surface, and what is for and against it.

    Parameters
    ----------
    pose : Pose
        model_from_reference with its covariance.
    residuals : ndarray, shape (n,)
        Signed distances of the points, positive outside, mm.
    sd : ndarray, shape (n,)
        Declared standard deviation of each, mm.
    used : ndarray, shape (n,), bool
        False for outliers.
    chi2, freedom : float and int
        Of the points used.
    log_likelihood : float
        Robust, of all points.
    weakest : WeakestMotion
        What is known least.
    """

    pose: Pose
    residuals: Array
    sd: Array
    used: NDArray[np.bool_]
    chi2: float
    freedom: int
    log_likelihood: float
    weakest: WeakestMotion


@dataclass(frozen=True)
class SurfaceRegistration:
    """A surface registration that was found good enough to be used.

    Parameters
    ----------
    registration : Registration
        model_from_reference with its covariance, rms of the residuals as `fre`.
    fit : SurfaceFit
        What it rests on.
    odds : float
        Difference of log-likelihood to the next best pose; inf where none was found.
    rival : float
        How far the next best pose is away, rms over the surface, mm; inf where none was found.
    """

    registration: Registration
    fit: SurfaceFit
    odds: float
    rival: float


def register_surface(
    surface: SearchedSurface,
    points: ArrayLike,
    covariance: ArrayLike | None = None,
    sigma: float = SIGMA,
    landmarks: tuple[ArrayLike, ArrayLike] | None = None,
) -> SurfaceRegistration:
    """Estimate the rigid transform that puts touched points on a surface.

    Searched from rough landmarks or from nothing; then Gauss-Newton on signed distances (point to
    plane [1]_) with Tukey's biweight, each point weighted by its error along the normal [2]_. The
    covariance is that of the information, enlarged where a bootstrap over the touches shows more.

    Parameters
    ----------
    surface : SearchedSurface
        Bones, from `prepare_surface`; model frame, mm.
    points : array_like, shape (n, 3)
        Touched on them, reference frame, mm.
    covariance : array_like, shape (n, 3, 3), optional
        Of the touched points, reference frame, mm^2.
    sigma : float
        Error of a touch along the normal that the covariances do not include, one standard
        deviation, mm.
    landmarks : pair of array_like, shape (m, 3), optional
        Rough landmarks in the model frame and, touched, in the reference frame, mm; at least three.

    Returns
    -------
    SurfaceRegistration

    Raises
    ------
    SurfaceNotRegistered
        Too few points, none or several poses that fit, or a direction that is not determined.
    InputError
        Numbers that are not finite or not plausible, wrong shapes.

    References
    ----------
    .. [1] Chen and Medioni, Image Vis. Comput. 10(3), 1992.
    .. [2] Billings, Boctor and Taylor, PLoS ONE 10(3), 2015.
    """
    touched, noise = _checked(points, covariance, sigma)
    start = None if landmarks is None else _rough(*landmarks)
    best: SurfaceFit | None = None
    rivals: list[SurfaceFit] = []
    for rotations in MORE_ROTATIONS:
        candidates = (
            search_everywhere(surface, touched, rotations)
            if start is None
            else search_around(surface, touched, start, ROUGH_SHIFT, ROUGH_TURN)
        )
        fits = _exact(surface, touched, noise, sigma, candidates)
        best, rivals = fits[0], fits[1:]
        if _explains(best) or start is not None:
            break
    assert best is not None
    if not _explains(best):
        raise SurfaceNotRegistered("does-not-fit", _why_no_fit(best), best)
    best = _with_bootstrap(surface, touched, best)
    odds, rival = _next_best(surface, best, rivals)
    if odds < LEAST_ODDS:
        raise SurfaceNotRegistered(
            "ambiguous",
            f"another pose, {rival:.0f} mm away, fits the {len(touched)} points nearly as well; "
            "touch more points, and also places away from these",
            best,
        )
    if best.weakest.sd > MOST_UNDETERMINED:
        raise SurfaceNotRegistered("undetermined", _why_undetermined(best.weakest), best)
    rms = float(np.sqrt(np.mean(best.residuals[best.used] ** 2)))
    registration = Registration(best.pose, rms, np.abs(best.residuals), "surface")
    return SurfaceRegistration(registration, best, odds, rival)


def _checked(
    points: ArrayLike, covariance: ArrayLike | None, sigma: float
) -> tuple[Array, Array | None]:
    touched = np.asarray(points, float)
    if touched.ndim != 2 or touched.shape[1] != 3:
        raise InputError(f"surface registration: expected points (n, 3), got {touched.shape}")
    if not np.isfinite(touched).all() or np.abs(touched).max(initial=0.0) > LARGEST:
        raise InputError("surface registration: a point has a number that is not plausible")
    if not 0.01 <= sigma <= 5.0:
        raise InputError(f"surface registration: sigma: expected 0.01 to 5 mm, got {sigma:g}")
    if len(touched) < LEAST_POINTS:
        raise SurfaceNotRegistered(
            "too-few",
            f"{len(touched)} points; at least {LEAST_POINTS} are needed, and 30 to 60 are better",
        )
    noise = None if covariance is None else np.asarray(covariance, float)
    if noise is not None and noise.shape != (len(touched), 3, 3):
        raise InputError(
            f"surface registration: expected covariances ({len(touched)}, 3, 3), got {noise.shape}"
        )
    return touched, noise


def _rough(model: ArrayLike, touched: ArrayLike) -> RigidTransform:
    to_points, from_points = np.asarray(model, float), np.asarray(touched, float)
    if to_points.shape != from_points.shape or len(to_points) < 3:
        raise InputError("surface registration: expected three or more pairs of rough landmarks")
    return closed_form(to_points, from_points)


def _exact(
    surface: SearchedSurface,
    touched: Array,
    noise: Array | None,
    sigma: float,
    candidates: Sequence[PoseFound],
) -> list[SurfaceFit]:
    """Fit the best candidates to the exact surface; return distinct ones, likeliest first."""
    fits: list[SurfaceFit] = []
    for candidate in candidates[:ALTERNATIVES]:
        fit = _fit_exactly(surface, touched, noise, sigma, candidate.model_from_points)
        if all(
            displacement(surface.places, fit.pose.transform, other.pose.transform) > DISTINCT
            for other in fits
        ):
            fits.append(fit)
    return sorted(fits, key=lambda fit: -fit.log_likelihood)


def _fit_exactly(
    surface: SearchedSurface,
    touched: Array,
    noise: Array | None,
    sigma: float,
    start: RigidTransform,
) -> SurfaceFit:
    transform = start
    for _ in range(STEPS):
        residuals, normals, sd = _residuals(surface, touched, noise, sigma, transform)
        weights = _biweight(residuals / sd) / sd**2
        rows = _rows(transform.apply(touched), normals)
        information = rows.T @ (rows * weights[:, None])
        # nothing holds where no point is near: a tiny damping keeps the step finite
        damped = information + np.diag([1e-6] * 3 + [1e-3] * 3)
        step = np.linalg.solve(damped, -rows.T @ (weights * residuals))
        transform = perturbed(transform, np.clip(step, -2.0, 2.0))
        if np.abs(step).max() < CONVERGED:
            break
    residuals, normals, sd = _residuals(surface, touched, noise, sigma, transform)
    used = np.abs(residuals) <= OUTLIER * sd
    rows = _rows(transform.apply(touched), normals)[used]
    information = rows.T @ (rows / sd[used][:, None] ** 2)
    chi2, freedom = float(((residuals / sd)[used] ** 2).sum()), max(1, int(used.sum()) - 6)
    inverse = np.linalg.inv(information + np.diag([1e-9] * 3 + [1e-6] * 3))
    covariance = np.asarray(inverse * max(1.0, chi2 / freedom), float)
    return SurfaceFit(
        Pose(transform, covariance),
        residuals,
        sd,
        used,
        chi2,
        freedom,
        -0.5 * float(_biweight_cost(residuals / sd).sum()),
        weakest_motion(covariance, surface.places),
    )


def _residuals(
    surface: SearchedSurface,
    touched: Array,
    noise: Array | None,
    sigma: float,
    transform: RigidTransform,
) -> tuple[Array, Array, Array]:
    """Return signed distances, outward normals and declared sd of the points at a pose."""
    moved = transform.apply(touched)
    each = [bone.distances(moved) for bone in surface.surfaces]
    distances = np.stack([distance for distance, _ in each])
    nearest = np.argmin(distances, axis=0)
    residuals = np.take_along_axis(distances, nearest[None], axis=0)[0]
    feet = np.stack([foot for _, foot in each])[nearest, np.arange(len(moved))]
    normals = np.empty_like(moved)
    gradient = np.empty(3)
    for k, (x, y, z) in enumerate(moved):
        distance_and_gradient(surface.field, x, y, z, gradient)
        normals[k] = gradient / max(float(np.linalg.norm(gradient)), 1e-9)
    variance = np.full(len(moved), sigma**2)
    for number, bone in enumerate(surface.surfaces):
        mine = nearest == number
        if bone.sigma is not None and mine.any():
            variance[mine] += np.maximum(bone.sigma.at(feet[mine]), LEAST_SURFACE_SIGMA) ** 2
        else:
            variance[mine] += LEAST_SURFACE_SIGMA**2
    if noise is not None:
        rotation = transform.rotation.as_matrix()
        variance = variance + np.einsum(
            "ni,nij,nj->n", normals, rotation @ noise @ rotation.T, normals
        )
    return residuals, normals, np.sqrt(variance)


def _rows(moved: Array, normals: Array) -> Array:
    """Return the derivative (n, 6) of the distances by a left perturbation."""
    return np.hstack([normals, np.cross(moved, normals)])


def _biweight(scaled: Array) -> Array:
    return np.where(np.abs(scaled) < CUT, (1.0 - (scaled / CUT) ** 2) ** 2, 0.0)


def _biweight_cost(scaled: Array) -> Array:
    """Return Tukey's cost; for small residuals their square."""
    inside = np.clip(np.abs(scaled) / CUT, 0.0, 1.0)
    return (CUT**2 / 3.0) * (1.0 - (1.0 - inside**2) ** 3)


def _explains(fit: SurfaceFit) -> bool:
    """Whether the declared errors explain the residuals."""
    enough = fit.used.mean() >= 1.0 - MOST_OUTLIERS and fit.used.sum() >= LEAST_POINTS
    return bool(enough and fit.chi2 <= chdtri(fit.freedom, REFUSED))


def _with_bootstrap(surface: SearchedSurface, touched: Array, fit: SurfaceFit) -> SurfaceFit:
    """Enlarge the covariance where resampled touches scatter more than the information says."""
    scatter = bootstrap_covariance(surface.field, touched[fit.used], fit.pose.transform)
    covariance = larger_covariance(fit.pose.covariance, scatter)
    return replace(
        fit,
        pose=Pose(fit.pose.transform, covariance),
        weakest=weakest_motion(covariance, surface.places),
    )


def _next_best(
    surface: SearchedSurface, best: SurfaceFit, rivals: Sequence[SurfaceFit]
) -> tuple[float, float]:
    """Return by how much the next best pose is less likely, and how far away it is."""
    if not rivals:
        return np.inf, np.inf
    # residuals may be larger than declared: the same difference means less then
    scale = max(1.0, best.chi2 / best.freedom)
    rival = max(rivals, key=lambda fit: fit.log_likelihood)
    odds = (best.log_likelihood - rival.log_likelihood) / scale
    return odds, displacement(surface.places, best.pose.transform, rival.pose.transform)


def _why_no_fit(fit: SurfaceFit) -> str:
    out = int((~fit.used).sum())
    rms = float(np.sqrt(np.mean(fit.residuals[fit.used] ** 2))) if fit.used.any() else np.inf
    expected = float(np.sqrt(np.mean(fit.sd**2)))
    return (
        f"the {len(fit.used)} points fit nowhere on these bones: at best {out} are outliers and "
        f"the others {rms:.2f} mm rms off, {expected:.2f} expected; is it this case, were all "
        "points touched on bone, and are they in millimetres?"
    )


DIRECTIONS = ("left and right", "front and back", "up and down")
TURNS = (
    "nodding (about the left-right axis)",
    "tilting sideways (about the front-back axis)",
    "turning left and right (about the long axis)",
)


def _why_undetermined(weakest: WeakestMotion) -> str:
    what = TURNS[weakest.axis] if weakest.turns else f"shifting {DIRECTIONS[weakest.axis]}"
    return (
        f"the points do not determine {what}: {weakest.sd:.1f} mm (one sd) at the bones; touch "
        "also places whose surface faces that way"
    )
