"""A pose of touched points on a surface, with what is for and against it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.special import chdtri

from nav.core.frames import Array, Pose, perturbed
from nav.registration.determinacy import weakest_motion
from nav.registration.goodness_of_fit import OUTLIER, SurfaceFit
from nav.registration.points import normal_equations
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_bootstrap import bootstrap_covariance, larger_covariance
from nav.registration.surface_exact import CUT, Touches, fit_exactly, residuals_at
from nav.registration.surface_posterior import posterior_covariance
from nav.registration.surface_search import PoseFound, distinct_poses

STEPS = 40  # of Gauss-Newton
CONVERGED = 1e-7  # mm and rad: the step at which the joint fit ends
REFUSED = 1e-4  # probability of residuals as large as these under the declared errors
ENLARGED = 0.05  # probability of residuals from which on the covariance is scaled by them


@dataclass(frozen=True)
class TouchedSurface:
    """Points touched on a surface.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Reference frame, mm.
    mean : ndarray, shape (3,)
        Theirs.
    touches : Touches
        About their mean, with their errors.
    """

    points: Array
    mean: Array
    touches: Touches

    def take(self, which: NDArray[np.bool_]) -> "TouchedSurface":
        """Return some of the points."""
        return touched_surface(
            self.points[which], self.touches.covariance[which], self.touches.variance
        )


def touched_surface(points: Array, covariance: Array | None, variance: float) -> TouchedSurface:
    """Return touched points as the fits take them.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Reference frame, mm.
    covariance : ndarray, shape (n, 3, 3), or None
        Of each, mm^2.
    variance : float
        Further error along the normal, mm^2.

    Returns
    -------
    TouchedSurface
    """
    mean = points.mean(axis=0)
    noise = np.zeros((len(points), 3, 3)) if covariance is None else covariance
    touches = Touches(np.ascontiguousarray(points - mean), np.ascontiguousarray(noise), variance)
    return TouchedSurface(points, mean, touches)


@dataclass(frozen=True)
class FiducialPairs:
    """Touched fiducials that contribute to a surface registration.

    Parameters
    ----------
    labels : tuple of str
        Of the m fiducials.
    model, touched : ndarray, shape (m, 3)
        Model frame and reference frame, mm.
    covariance : ndarray, shape (m, 3, 3)
        Of all errors of a touch, mm^2.
    """

    labels: tuple[str, ...]
    model: Array
    touched: Array
    covariance: Array


def fit_candidates(
    surface: PreparedSurface, touched: TouchedSurface, candidates: Sequence[PoseFound]
) -> list[SurfaceFit]:
    """Fit candidates to the exact surface.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touched : TouchedSurface
        The points.
    candidates : sequence of PoseFound
        From a search.

    Returns
    -------
    list of SurfaceFit
        Distinct ones, likeliest first.
    """
    poses = [fit_near(surface, touched, candidate.model_from_points) for candidate in candidates]
    likely = np.array([_log_likelihood(surface, touched, pose) for pose in poses])
    order = np.argsort(-likely, kind="stable")
    stacked = RigidTransform.concatenate([poses[k] for k in order])
    chosen = distinct_poses(surface.places, stacked, len(poses))
    return [describe_fit(surface, touched, poses[order[k]]) for k in chosen]


def fit_near(
    surface: PreparedSurface, touched: TouchedSurface, start: RigidTransform
) -> RigidTransform:
    """Fit points to the exact surface from a pose near it.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touched : TouchedSurface
        The points.
    start : RigidTransform
        model_from_reference, near.

    Returns
    -------
    RigidTransform
    """
    matrix, place = fit_exactly(
        surface.field,
        surface.facets,
        touched.touches,
        np.ones(len(touched.points)),
        start.rotation.as_matrix(),
        start.apply(touched.mean),
        STEPS,
    )
    rotation = Rotation.from_matrix(matrix)
    return RigidTransform.from_components(place - rotation.apply(touched.mean), rotation)


def _log_likelihood(
    surface: PreparedSurface, touched: TouchedSurface, transform: RigidTransform
) -> float:
    residuals, _, sd = linearised(surface, touched, transform)
    return -0.5 * float(_biweight_cost(residuals / sd).sum())


def describe_fit(
    surface: PreparedSurface,
    touched: TouchedSurface,
    transform: RigidTransform,
    pairs: FiducialPairs | None = None,
) -> SurfaceFit:
    """Return a pose with its residuals and its covariance by the information.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touched : TouchedSurface
        The points.
    transform : RigidTransform
        model_from_reference.
    pairs : FiducialPairs, optional
        Fiducials whose information is added.

    Returns
    -------
    SurfaceFit
    """
    residuals, rows, sd = linearised(surface, touched, transform)
    used = np.abs(residuals) <= OUTLIER * sd
    weighted = rows[used] / sd[used][:, None]
    information = weighted.T @ weighted
    chi2, freedom = float(((residuals / sd)[used] ** 2).sum()), int(used.sum()) - 6
    if pairs is not None:
        added, _, more = normal_equations(transform, pairs.model, pairs.touched, pairs.covariance)
        information, chi2 = information + added, chi2 + more
        freedom += 3 * len(pairs.labels)
    freedom = max(1, freedom)
    inverse = np.linalg.inv(information + np.diag([1e-9] * 3 + [1e-6] * 3))
    # residuals larger than declared, and than chance makes them, enlarge the covariance
    scale = max(1.0, chi2 / freedom) if chi2 > chdtri(freedom, ENLARGED) else 1.0
    covariance = np.asarray(inverse * scale, float)
    at_touch = rows[:, :3] @ transform.rotation.as_matrix()
    own = np.einsum("ni,nij,nj->n", at_touch, touched.touches.covariance, at_touch)
    own += touched.touches.variance
    return SurfaceFit(
        Pose(transform, covariance),
        residuals,
        sd,
        used,
        chi2,
        freedom,
        -0.5 * float(_biweight_cost(residuals / sd).sum()),
        weakest_motion(covariance, surface.places),
        transform.apply(touched.points),
        rows,
        np.clip(1.0 - own / sd**2, 0.0, 1.0),
    )


def linearised(
    surface: PreparedSurface, touched: TouchedSurface, transform: RigidTransform
) -> tuple[Array, Array, Array]:
    """Return distances of touched points at a pose, with their derivatives and declared errors.

    Parameters
    ----------
    surface : PreparedSurface
        Where they were touched.
    touched : TouchedSurface
        The points.
    transform : RigidTransform
        model_from_reference.

    Returns
    -------
    distances : ndarray, shape (n,)
        Signed, mm.
    rows : ndarray, shape (n, 6)
        Derivatives by a left perturbation of the transform.
    sd : ndarray, shape (n,)
        In mm.
    """
    _, distances, normals, variances = residuals_at(
        surface.field,
        surface.facets,
        touched.touches,
        transform.rotation.as_matrix(),
        transform.apply(touched.mean),
    )
    moved = transform.apply(touched.points)
    return distances, np.hstack([normals, np.cross(moved, normals)]), np.sqrt(variances)


def fit_with_fiducials(
    surface: PreparedSurface, touched: TouchedSurface, start: RigidTransform, pairs: FiducialPairs
) -> SurfaceFit:
    """Fit points on a surface and fiducials in one estimate.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touched : TouchedSurface
        The points.
    start : RigidTransform
        model_from_reference, near.
    pairs : FiducialPairs
        The fiducials.

    Returns
    -------
    SurfaceFit
        Its chi-square and freedom are of both; its residuals of the points on the surface.
    """
    transform = start
    for _ in range(STEPS):
        residuals, rows, sd = linearised(surface, touched, transform)
        weights = _biweight(residuals / sd) / sd**2
        information, gradient, _ = normal_equations(
            transform, pairs.model, pairs.touched, pairs.covariance
        )
        information = information + rows.T @ (rows * weights[:, None])
        gradient = gradient - rows.T @ (weights * residuals)
        step = np.linalg.solve(information, gradient)
        transform = perturbed(transform, step)
        if np.abs(step).max() < CONVERGED:
            break
    return describe_fit(surface, touched, transform, pairs)


def with_sampled_covariance(
    surface: PreparedSurface, touched: TouchedSurface, fit: SurfaceFit
) -> SurfaceFit:
    """Replace the covariance of the information by one that sees how curved the surface is.

    That of the posterior, which a bootstrap over the touches tells where to sample. Where outliers
    were found, others hide among the points: then it stands as it is. Where none were, its
    allowance for them is too much, and the mean with the information's is taken.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touched : TouchedSurface
        The points.
    fit : SurfaceFit
        Of them alone.

    Returns
    -------
    SurfaceFit
        With that covariance.
    """
    kept = touched.take(fit.used)
    transform = fit.pose.transform
    scatter = bootstrap_covariance(surface, kept.touches, kept.mean, transform)
    wide = larger_covariance(fit.pose.covariance, scatter)
    covariance = posterior_covariance(surface, touched.touches, touched.mean, transform, wide)
    if fit.used.all():
        covariance = (fit.pose.covariance + covariance) / 2.0
    return replace(
        fit,
        pose=Pose(transform, covariance),
        weakest=weakest_motion(covariance, surface.places),
    )


def _biweight(scaled: Array) -> Array:
    return np.where(np.abs(scaled) < CUT, (1.0 - (scaled / CUT) ** 2) ** 2, 0.0)


def _biweight_cost(scaled: Array) -> Array:
    """Return Tukey's cost; for small residuals their square."""
    inside = np.clip(np.abs(scaled) / CUT, 0.0, 1.0)
    return (CUT**2 / 3.0) * (1.0 - (1.0 - inside**2) ** 3)
