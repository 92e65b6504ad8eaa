"""Paired-point registration with honest error."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.core.frames import Array, Pose, perturbed, point_jacobian
from nav.core.gauss_newton import gauss_newton
from nav.registration.registration_result import Registration

MIN_SPREAD = 5.0  # mm: least rms distance of the fiducials from their best line
MAX_STEPS = 50
CONVERGED = 1e-12  # mm and rad
LARGEST = 1e7  # mm: micrometres taken for mm stay below, and squares are far from overflow


class DegenerateLayout(InputError):
    """Fewer than three points, or all close to one line: the rotation about it is undetermined."""


def register_points(
    model: ArrayLike,
    touched: ArrayLike,
    covariance: ArrayLike | None = None,
    fle: float = 0.0,
    shared: ArrayLike | None = None,
) -> Registration:
    """Estimate the rigid transform that best maps touched points onto model points.

    Closed form for equal isotropic errors [1]_, with reflections excluded [2]_; with covariances,
    Gauss-Newton on Mahalanobis distances from there [3]_; errors that all touches share correlate
    them, and all coordinates are weighted together (generalised least squares [4]_). The covariance
    is never smaller than the one that the residuals show.

    Parameters
    ----------
    model : array_like, shape (n, 3)
        Fiducials, model frame, mm.
    touched : array_like, shape (n, 3)
        The same fiducials touched with the tip, reference frame, mm.
    covariance : array_like, shape (n, 3, 3), optional
        Of the touched points, reference frame, mm^2.
    fle : float
        Fiducial localisation error that the covariances do not include (divot, hand), mm, one
        standard deviation per axis.
    shared : array_like, shape (n, 3, k), optional
        Errors that all touches share, such as those of the tip and of the rig's scale, which
        `covariance` does not include: column j is how one standard deviation of the j-th moves
        each touched point, reference frame, mm.

    Returns
    -------
    Registration
        model_from_reference, its 6 x 6 covariance, FRE (rms, mm), residuals (n,).

    Raises
    ------
    DegenerateLayout
        Fewer than three points, or all close to one line: the rotation about it is undetermined.
    InputError
        Unequal counts, or numbers that are not finite.

    References
    ----------
    .. [1] Arun et al., IEEE PAMI 9(5), 1987.
    .. [2] Umeyama, IEEE PAMI 13(4), 1991.
    .. [3] Balachandran and Fitzpatrick, SPIE 7261, 2009.
    .. [4] Aitken, Proc. R. Soc. Edinburgh 55, 1935.
    """
    model, touched = _pairs(model, touched)
    start = closed_form(model, touched)
    noise = np.broadcast_to(np.eye(3) * fle**2, (len(model), 3, 3)).copy()
    if covariance is not None:
        noise += np.asarray(covariance, float)
    common = None if shared is None else np.asarray(shared, float)
    if not noise.any():
        noise += np.eye(3)
        transform, information = start, normal_equations(start, model, touched, noise)[0]
        scale = float(((start.apply(touched) - model) ** 2).sum()) / _freedom(model)
    else:
        transform, information, chi2 = _refine(start, model, touched, noise, common)
        scale = max(1.0, chi2 / _freedom(model))
    residuals = np.linalg.norm(transform.apply(touched) - model, axis=1)
    pose = Pose(transform, np.asarray(np.linalg.inv(information) * scale, float))
    return Registration(pose, float(np.sqrt(np.mean(residuals**2))), residuals)


def closed_form(to_points: Array, from_points: Array) -> RigidTransform:
    """Compute the least-squares rigid transform of paired points by singular value decomposition.

    Parameters
    ----------
    to_points, from_points : ndarray, shape (n, 3)
        In mm.

    Returns
    -------
    RigidTransform
        Maps `from_points` onto `to_points`; never a reflection.
    """
    to_mean, from_mean = to_points.mean(axis=0), from_points.mean(axis=0)
    u, _, vt = np.linalg.svd((to_points - to_mean).T @ (from_points - from_mean))
    flip = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
    rotation = u @ flip @ vt
    return RigidTransform.from_components(
        to_mean - rotation @ from_mean, Rotation.from_matrix(rotation)
    )


def _pairs(model: ArrayLike, touched: ArrayLike) -> tuple[Array, Array]:
    model, touched = np.asarray(model, float), np.asarray(touched, float)
    if model.shape != touched.shape or model.ndim != 2 or model.shape[1] != 3:
        raise InputError(
            f"registration: expected as many touched points as model points, 3 numbers each; "
            f"got {model.shape} and {touched.shape}"
        )
    if not (np.isfinite(model).all() and np.isfinite(touched).all()):
        raise InputError("registration: a point has a number that is not finite")
    largest = max(float(np.abs(points).max(initial=0.0)) for points in (model, touched))
    if largest > LARGEST:
        raise InputError(
            f"registration: a point has a coordinate of {largest:.3g} mm; is it right, and in mm?"
        )
    if len(model) < 3:
        raise DegenerateLayout(
            f"registration: got {len(model)} fiducials, at least 3 are needed (better 6)"
        )
    refuse_line(model)
    from_line, from_mean = _spread(touched)
    if from_line < MIN_SPREAD:
        one_place = from_mean < MIN_SPREAD
        off, what = (from_mean, "one place") if one_place else (from_line, "a line")
        raise DegenerateLayout(
            f"registration: the {len(touched)} touched points lie within {off:.1f} mm (rms) of "
            f"{what}, their fiducials do not; touch each fiducial at its own place"
        )
    return model, touched


def refuse_line(model: Array) -> None:
    """Refuse fiducials that lie on a line.

    Parameters
    ----------
    model : ndarray, shape (n, 3)
        mm.

    Raises
    ------
    DegenerateLayout
        They are within `MIN_SPREAD` of it: the rotation about it is undetermined.
    """
    from_line, _ = _spread(model)
    if from_line < MIN_SPREAD:
        raise DegenerateLayout(
            f"registration: the {len(model)} fiducials lie within {from_line:.1f} mm (rms) of "
            "a line; add one at least 20 mm to its side"
        )


def _spread(points: Array) -> tuple[float, float]:
    """Return how far points (n, 3) are from a line and from their mean, rms, mm."""
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
    return float(np.hypot(spread[1], spread[2])), float(np.linalg.norm(spread))


def _freedom(model: Array) -> int:
    # three points give three degrees of freedom; never zero
    return 3 * len(model) - 6


def _refine(
    start: RigidTransform,
    model: Array,
    touched: Array,
    noise: Array,
    shared: Array | None = None,
) -> tuple[RigidTransform, Array, float]:
    try:
        transform = gauss_newton(
            start, lambda at: normal_equations(at, model, touched, noise, shared)[:2], perturbed,
            steps=MAX_STEPS, converged=CONVERGED,
        )  # fmt: skip
    except np.linalg.LinAlgError:
        extent = max(np.ptp(model, axis=0).max(), np.ptp(touched, axis=0).max())
        raise DegenerateLayout(
            f"registration: fiducials that are up to {extent:.3g} mm apart determine nothing; "
            "are all positions right, and in millimetres?"
        ) from None
    information, _, chi2 = normal_equations(transform, model, touched, noise, shared)
    return transform, information, chi2


def joint_covariance(rotation: Array, own: Array, shared: Array) -> Array:
    """Return the covariance of all coordinates of touched points together, in another frame.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        From the points' frame.
    own : ndarray, shape (n, 3, 3)
        Covariances of the errors of each point alone, mm^2.
    shared : ndarray, shape (n, 3, k)
        How each of the errors that all points share moves them, mm.

    Returns
    -------
    ndarray, shape (3n, 3n)
        In mm^2.
    """
    count = len(own)
    turned = (rotation @ shared).reshape(3 * count, shared.shape[2])
    joint = (turned @ turned.T).reshape(count, 3, count, 3)
    index = np.arange(count)
    joint[index, :, index, :] += rotation @ own @ rotation.T
    return np.asarray(joint.reshape(3 * count, 3 * count), float)


def normal_equations(
    transform: RigidTransform,
    model: Array,
    touched: Array,
    noise: Array,
    shared: Array | None = None,
) -> tuple[Array, Array, float]:
    """Return the information, gradient and chi-square of paired points at a transform.

    Parameters
    ----------
    transform : RigidTransform
        model_from_reference.
    model, touched : ndarray, shape (n, 3)
        Model frame and reference frame, mm.
    noise : ndarray, shape (n, 3, 3)
        Covariances of the touched points, reference frame, mm^2.
    shared : ndarray, shape (n, 3, k), optional
        Errors that all touched points share, as `joint_covariance` has them.

    Returns
    -------
    information : ndarray, shape (6, 6)
        Inverse covariance of a left perturbation.
    gradient : ndarray, shape (6,)
        By a left perturbation.
    chi2 : float
        Sum of squared Mahalanobis distances.
    """
    rotation = transform.as_matrix()[:3, :3]
    moved = transform.apply(touched)
    if shared is not None and shared.shape[2] > 0:
        stacked = point_jacobian(moved).reshape(-1, 6)
        weighted = np.linalg.solve(
            joint_covariance(rotation, noise, shared),
            np.column_stack([stacked, (model - moved).ravel()]),
        )
        chi2 = float((model - moved).ravel() @ weighted[:, 6])
        return stacked.T @ weighted[:, :6], stacked.T @ weighted[:, 6], chi2
    weight = np.linalg.inv(rotation @ noise @ rotation.T)
    jacobian = point_jacobian(moved)
    off = model - moved
    information = np.einsum("nia,nij,njb->ab", jacobian, weight, jacobian)
    gradient = np.einsum("nia,nij,nj->a", jacobian, weight, off)
    return information, gradient, float(np.einsum("ni,nij,nj->", off, weight, off))
