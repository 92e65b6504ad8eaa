"""Surface registration: points touched on bone against its surface, with honest error.

A pose counts only where three things hold: the declared errors explain the residuals, no other pose
fits nearly as well, and the points determine all six degrees of freedom. Otherwise the answer is
what is wrong, not a pose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform
from scipy.special import chdtri

from nav.core.errors import InputError
from nav.core.frames import point_jacobian
from nav.registration.determinacy import WeakestMotion
from nav.registration.goodness_of_fit import LEAST_POINTS, SurfaceFit
from nav.registration.points import LARGEST, DegenerateLayout, closed_form, register_points
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.registration_result import Registration
from nav.registration.surface_pose import (
    REFUSED,
    FiducialPairs,
    TouchedSurface,
    describe_fit,
    fit_candidates,
    fit_with_fiducials,
    linearised,
    touched_surface,
    with_sampled_covariance,
)
from nav.registration.surface_search import displacement, search_around, search_everywhere

SIGMA = 0.3  # mm: a touch on bone along its normal, if nothing better is known
LEAST_SIGMA, MOST_SIGMA = 0.01, 5.0  # mm
ROTATIONS = (3000, 9000, 27000)  # tried in turn while nothing fits
# A pose is unrivalled where every other one's log-likelihood is lower by this much
LEAST_ODDS = 12.0
MOST_UNDETERMINED = 1.5  # mm rms of the surface along the weakest motion, one sd
ROUGH_SHIFT, ROUGH_TURN = 8.0, 0.25  # mm, rad: how far rough landmarks may be off, one sd per axis
LEAST_EXTENT = 10.0  # mm: points all nearer to each other are one place, or metres, or inches
FIDUCIALS_SHIFT, FIDUCIALS_TURN = 1.0, 0.03  # mm, rad: how far fiducials may be off, one sd


class SurfaceNotRegistered(InputError):
    """Touched points that determine no pose on the surface, and why.

    Parameters
    ----------
    code : str
        "does-not-fit", "ambiguous", "undetermined", "too-few" or "disagree".
    message : str
        One line for people.
    facts : SurfaceFit or None
        The best fit that was refused.
    """

    def __init__(self, code: str, message: str, facts: SurfaceFit | None = None) -> None:
        super().__init__(message)
        self.code, self.facts = code, facts


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
    surface: PreparedSurface,
    points: ArrayLike,
    covariance: ArrayLike | None = None,
    sigma: float = SIGMA,
    landmarks: tuple[ArrayLike, ArrayLike] | None = None,
    fiducials: FiducialPairs | None = None,
    effort: int = len(ROTATIONS),
) -> SurfaceRegistration:
    """Estimate the rigid transform that puts touched points on a surface.

    Searched from rough landmarks or from nothing; then Gauss-Newton on distances (point to plane
    [1]_) with Tukey's biweight, each point weighted by its error along the normal [2]_. The
    covariance is that of the posterior, sampled where a bootstrap over the touches shows it.

    Parameters
    ----------
    surface : PreparedSurface
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
    fiducials : FiducialPairs, optional
        Touched fiducials, estimated together with the points, where both agree.
    effort : int
        How often the search is repeated with three times as many starts while nothing fits; 1 to 3.

    Returns
    -------
    SurfaceRegistration
        The pose with its covariance, and what is for it.

    Raises
    ------
    SurfaceNotRegistered
        Too few points, none or several poses that fit, a direction that is not determined, or
        fiducials that disagree with the surface.
    InputError
        Numbers that are not finite or not plausible, wrong shapes.

    References
    ----------
    .. [1] Chen and Medioni, Image Vis. Comput. 10(3), 1992.
    .. [2] Billings, Boctor and Taylor, PLoS ONE 10(3), 2015.
    """
    touched = _checked(points, covariance, sigma)
    start = None if landmarks is None else _rough(*landmarks)
    if fiducials is not None:
        return _with_fiducials(surface, touched, start, fiducials, effort)
    return _surface_alone(surface, touched, start, effort)


def _surface_alone(
    surface: PreparedSurface,
    touched: TouchedSurface,
    start: RigidTransform | None,
    effort: int,
) -> SurfaceRegistration:
    fits: list[SurfaceFit] = []
    for rotations in ROTATIONS[:effort]:
        candidates = (
            search_everywhere(surface, touched.points, rotations)
            if start is None
            else search_around(surface, touched.points, start, ROUGH_SHIFT, ROUGH_TURN)
        )
        fits = fit_candidates(surface, touched, candidates)
        if fits[0].explained or start is not None:
            break
    best = fits[0]
    if not best.explained:
        raise SurfaceNotRegistered("does-not-fit", _why_no_fit(best), best)
    odds, rival = _next_best(surface, best, fits[1:])
    if odds < LEAST_ODDS:
        raise SurfaceNotRegistered(
            "ambiguous",
            f"another pose, {rival:.0f} mm away, fits the {len(touched.points)} points nearly as "
            "well; touch more points, and also places away from these",
            best,
        )
    best = with_sampled_covariance(surface, touched, best)
    if best.weakest.sd > MOST_UNDETERMINED:
        raise SurfaceNotRegistered("undetermined", _why_undetermined(best.weakest), best)
    return SurfaceRegistration(_registration(best, "surface"), best, odds, rival)


def _registration(fit: SurfaceFit, method: str) -> Registration:
    return Registration(fit.pose, fit.rms, np.abs(fit.residuals[fit.used]), method)


def _with_fiducials(
    surface: PreparedSurface,
    touched: TouchedSurface,
    start: RigidTransform | None,
    pairs: FiducialPairs,
    effort: int,
) -> SurfaceRegistration:
    """Estimate from points on the surface and fiducials, where both agree."""
    try:
        by_points = register_points(pairs.model, pairs.touched, pairs.covariance)
    except DegenerateLayout:
        by_points = None
    try:
        alone = _surface_alone(surface, touched, start, effort)
        _check_fiducials(alone.fit, pairs)
        near, odds, rival = alone.fit.pose.transform, alone.odds, alone.rival
    except SurfaceNotRegistered as error:
        # what the surface alone leaves open the fiducials may settle, but not what fits nowhere
        if by_points is None or error.code not in ("ambiguous", "undetermined"):
            raise
        near, odds, rival = by_points.model_from_reference.transform, np.inf, np.inf
        found = search_around(surface, touched.points, near, FIDUCIALS_SHIFT, FIDUCIALS_TURN)
        near = fit_candidates(surface, touched, found)[0].pose.transform
    if by_points is not None:
        _check_surface(surface, touched, by_points)
    fit = fit_with_fiducials(surface, touched, near, pairs)
    if not fit.explained:
        raise SurfaceNotRegistered(
            "disagree",
            f"fiducials and surface do not fit together (chi-square {fit.chi2:.0f} of "
            f"{fit.freedom} degrees of freedom); check both, and that the bones did not move",
            fit,
        )
    if fit.weakest.sd > MOST_UNDETERMINED:
        raise SurfaceNotRegistered("undetermined", _why_undetermined(fit.weakest), fit)
    return SurfaceRegistration(_registration(fit, "points+surface"), fit, odds, rival)


def _check_fiducials(fit: SurfaceFit, pairs: FiducialPairs) -> None:
    """Refuse fiducials that are not where the surface says."""
    found = fit.pose.transform.apply(pairs.touched)
    rotation = fit.pose.transform.rotation.as_matrix()
    off = found - pairs.model
    stacked = point_jacobian(found).reshape(-1, 6)
    total = stacked @ fit.pose.covariance @ stacked.T
    for k, own in enumerate(rotation @ pairs.covariance @ rotation.T):
        total[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] += own
    chi2 = float(off.ravel() @ np.linalg.solve(total, off.ravel()))
    if chi2 > chdtri(off.size, REFUSED):
        distances = np.linalg.norm(off, axis=1)
        worst = int(np.argmax(distances))
        raise SurfaceNotRegistered(
            "disagree",
            f"the fiducials disagree with the surface: at its pose {pairs.labels[worst]} is "
            f"{distances[worst]:.2f} mm off (all: chi-square {chi2:.0f}, {off.size} expected); "
            "check labels, and that the bones did not move",
            fit,
        )


def _check_surface(
    surface: PreparedSurface, touched: TouchedSurface, by_points: Registration
) -> None:
    """Refuse a surface that is not where the fiducials say."""
    pose = by_points.model_from_reference
    residuals, rows, sd = linearised(surface, touched, pose.transform)
    total = rows @ pose.covariance @ rows.T + np.diag(sd**2)
    # outliers of the touches are no disagreement
    kept = np.abs(residuals) <= 4.0 * np.sqrt(np.diag(total))
    chi2 = float(residuals[kept] @ np.linalg.solve(total[np.ix_(kept, kept)], residuals[kept]))
    if kept.mean() < 0.75 or chi2 > chdtri(max(1, int(kept.sum())), REFUSED):
        raise SurfaceNotRegistered(
            "disagree",
            f"the surface disagrees with the fiducials: at their pose the points are "
            f"{np.sqrt(np.mean(residuals**2)):.2f} mm rms off it ({np.median(sd):.2f} expected) "
            f"and {int((~kept).sum())} of {len(kept)} far off; check both, and that the bones did "
            "not move",
            describe_fit(surface, touched, pose.transform),
        )


def _checked(points: ArrayLike, covariance: ArrayLike | None, sigma: float) -> TouchedSurface:
    touched = np.asarray(points, float)
    if touched.ndim != 2 or touched.shape[1] != 3:
        raise InputError(f"surface registration: expected points (n, 3), got {touched.shape}")
    if not np.isfinite(touched).all() or np.abs(touched).max(initial=0.0) > LARGEST:
        raise InputError("surface registration: a point has a number that is not plausible")
    if not LEAST_SIGMA <= sigma <= MOST_SIGMA:
        raise InputError(
            f"surface registration: sigma: expected {LEAST_SIGMA:g} to {MOST_SIGMA:g} mm, "
            f"got {sigma:g}"
        )
    if len(touched) < LEAST_POINTS:
        raise SurfaceNotRegistered(
            "too-few",
            f"{len(touched)} points; at least {LEAST_POINTS} are needed, and 30 to 60 are better",
        )
    extent = float(np.linalg.norm(np.ptp(touched, axis=0)))
    if extent < LEAST_EXTENT:
        raise SurfaceNotRegistered(
            "undetermined",
            f"all {len(touched)} points lie within {extent:.3g} mm: are they in millimetres (not "
            "metres or inches), and touched at many places?",
        )
    noise = None if covariance is None else np.asarray(covariance, float)
    if noise is not None and noise.shape != (len(touched), 3, 3):
        raise InputError(
            f"surface registration: expected covariances ({len(touched)}, 3, 3), got {noise.shape}"
        )
    return touched_surface(touched, noise, sigma**2)


def _rough(model: ArrayLike, touched: ArrayLike) -> RigidTransform:
    to_points, from_points = np.asarray(model, float), np.asarray(touched, float)
    if to_points.shape != from_points.shape or len(to_points) < 3:
        raise InputError("surface registration: expected three or more pairs of rough landmarks")
    return closed_form(to_points, from_points)


def _next_best(
    surface: PreparedSurface, best: SurfaceFit, rivals: Sequence[SurfaceFit]
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
    expected = float(np.sqrt(np.mean(fit.sd**2)))
    return (
        f"the {len(fit.used)} points fit nowhere on these bones: at best {out} are outliers and "
        f"the others {fit.rms:.2f} mm rms off, {expected:.2f} expected; is it this case, were all "
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
