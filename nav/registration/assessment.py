"""From touched fiducials to a registration and its quality: one path for all commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.spatial.transform import RigidTransform
from scipy.special import chdtrc, chdtri

from nav.core.errors import InputError
from nav.core.frames import Array, point_jacobian
from nav.model.case import Fiducial
from nav.registration.correspondence import correspondences, rigid_misfits
from nav.registration.explanations import (
    MOST_SEARCHED,
    Explanation,
    find_explanations,
    is_copied,
)
from nav.registration.methods import POINTS, register_touches
from nav.registration.points import (
    LARGEST,
    DegenerateLayout,
    joint_covariance,
    normal_equations,
    register_points,
)
from nav.registration.registration_result import Registration
from nav.registration.shared_errors import check_covariances
from nav.registration.touched import TouchedPoints

Word = Literal["good", "usable", "repeat"]
FLE = 0.25  # mm, one sd per axis: how well a tip is held in a divot, if nothing better is known
LEAST_FLE, MOST_FLE = 0.01, 1.0  # mm: a tip is held neither better nor, in a cone, worse
# A right registration with the declared FLE is refused once in a thousand: half of that by its
# residuals, half by its check points. One in a hundred is called usable for each of them.
REFUSED, DOUBTED = 1e-3, 0.01
GOOD_TRE, MOST_TRE = 1.0, 2.0  # mm, rms, predicted at the target: limits of what can guide there
LEAST_JUDGED = 4  # touched points; three fit nearly always
CERTAIN = ("unit", "mirrored", "labels", "turned")  # these leave every distance wrong


@dataclass(frozen=True)
class CheckError:
    """How far a check point is off.

    Parameters
    ----------
    label : str
        Of the check point.
    distance : float
        In mm.
    predicted : float
        Rms, mm, of such a touch under this registration.
    limit : float
        In mm; the declared errors exceed it with probability `REFUSED` / 2.
    """

    label: str
    distance: float
    predicted: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the declared errors explain it."""
        return self.distance <= self.limit


@dataclass(frozen=True)
class Assessment:
    """A registration and its quality.

    Parameters
    ----------
    registration : Registration or None
        None where the touched points gave none.
    labels : tuple of str
        Of the fiducials registered with, in the order of the residuals.
    fle : float
        Declared fiducial localisation error, mm, one standard deviation per axis.
    expected_fre : float
        Rms, mm, that the declared errors cause.
    chi2, freedom : float and int
        Chi-square of the residuals under the declared errors, and its degrees of freedom.
    fit, check_fit : float
        Probability of residuals, and of check points, as large as these; 1 where there are none.
    worst : str
        Label of the fiducial with the largest residual.
    checks : tuple of CheckError
        Of the check points.
    explanations : tuple of Explanation
        Mistakes that explain the points decisively better than none does.
    confusion : tuple of (str, str)
        Touched label, and the label that it might as well be: another assignment that fits.
    predicted_tre : float, optional
        Rms, mm, at the target; None without one.
    copied : bool
        Whether the touched points are the case's own numbers, or their RAS.
    mirror_fits : bool
        Whether a mirror image of the touched points would pass as well: they lie nearly in a plane.
    """

    registration: Registration | None
    labels: tuple[str, ...]
    fle: float
    expected_fre: float
    chi2: float
    freedom: int
    fit: float
    check_fit: float
    worst: str
    checks: tuple[CheckError, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    confusion: tuple[tuple[str, str], ...] = ()
    predicted_tre: float | None = None
    copied: bool = False
    mirror_fits: bool = False

    @cached_property
    def word(self) -> Word:
        """'good', 'usable' or, refused, 'repeat'."""
        certain = any(e.kind in CERTAIN for e in self.explanations)
        unlikely = min(self.fit, self.check_fit) < REFUSED / 2
        vague = self.predicted_tre is not None and not self.predicted_tre <= MOST_TRE
        if self.registration is None or certain or unlikely or vague:
            return "repeat"
        doubted = min(self.fit, self.check_fit) < DOUBTED or self.few or self.copied
        poor = self.predicted_tre is not None and self.predicted_tre > GOOD_TRE
        ambiguous = self.confusion or self.mirror_fits
        return "usable" if doubted or poor or self.explanations or ambiguous else "good"

    @property
    def few(self) -> bool:
        """Whether there are too few points to judge by."""
        return len(self.labels) + len(self.checks) < LEAST_JUDGED


def assess_touches(
    fiducials: tuple[Fiducial, ...],
    touched: Mapping[str, Array],
    covariance: Mapping[str, Array] | None = None,
    fle: float = FLE,
    target: Array | None = None,
    method: str = POINTS,
    shared: Mapping[str, Array] | None = None,
) -> Assessment:
    """Register touched fiducials and assess the result.

    Parameters
    ----------
    fiducials : tuple of Fiducial
        All of the case.
    touched : mapping of str to ndarray, shape (3,)
        By label, in the order of touching; reference frame, mm. Check points are used for the
        assessment only.
    covariance : mapping of str to ndarray, shape (3, 3), optional
        Of the touched points without the FLE, mm^2.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.
    target : ndarray, shape (3,), optional
        Where the predicted TRE counts, model frame, mm.
    method : str
        Of registration; see `nav.registration.methods`.
    shared : mapping of str to ndarray, shape (3, k), optional
        How the k errors that all touches share (tip, scale) move each of them by one standard
        deviation, mm; not in `covariance`.

    Returns
    -------
    Assessment
        With the verdict; a refused registration is in it too.

    Raises
    ------
    DegenerateLayout
        Fewer than three fiducials, or all close to one line.
    InputError
        An unknown label, a number that is not finite or not plausible.
    """
    points = _touched_points(fiducials, touched, covariance, fle, shared)
    used = points.take(points.registering)
    labels = tuple(f.label for f in fiducials)
    positions = np.array([f.position for f in fiducials]).reshape(-1, 3)
    try:
        registration = register_touches(used, method)
    except DegenerateLayout:
        found = _units_only(used, labels, positions)
        if not found:
            raise
        return Assessment(None, used.labels, fle, 0.0, 0.0, 0, 0.0, 1.0, "", explanations=found)
    transform = registration.model_from_reference.transform
    information, _, chi2 = normal_equations(
        transform, used.model, used.touched, used.covariance, used.shared
    )
    freedom = 3 * len(used.labels) - 6
    declared = np.asarray(np.linalg.inv(information), float)
    checks, check_fit = _judge_checks(
        used, points.take(~points.registering), registration, transform, declared
    )
    share = 1.0 - 2.0 / len(used.labels)
    variance = float((3.0 / used.weights).mean())
    return Assessment(
        registration,
        used.labels,
        fle,
        float(np.sqrt(share * variance)),
        chi2,
        freedom,
        float(chdtrc(freedom, chi2)),
        check_fit,
        used.labels[int(np.argmax(registration.residuals))],
        checks,
        find_explanations(points, labels, positions),
        _confusion(points, labels, positions),
        registration.predicted_tre_at(target),
        is_copied(points),
        _mirror_fits(points),
    )


def check_fle(fle: float, name: str) -> None:
    """Refuse a fiducial localisation error that is not plausible.

    Parameters
    ----------
    fle : float
        In mm, one standard deviation per axis.
    name : str
        Option or field, with which the message begins.

    Raises
    ------
    InputError
        It is outside LEAST_FLE to MOST_FLE.
    """
    if not LEAST_FLE <= fle <= MOST_FLE:
        raise InputError(
            f"{name}: expected {LEAST_FLE:g} to {MOST_FLE:g} mm (one standard deviation per axis), "
            f"got {fle:g}"
        )


def check_error(
    fiducial: Fiducial,
    position: Array,
    registration: Registration,
    covariance: Array | None = None,
    fle: float = FLE,
) -> CheckError:
    """Compare a touched point with where the registration and the case have it.

    Parameters
    ----------
    fiducial : Fiducial
        Which was touched.
    position : ndarray, shape (3,)
        Where the tip was, reference frame, mm.
    registration : Registration
        Its covariance is used as it is.
    covariance : ndarray, shape (3, 3), optional
        Of the touched point without the FLE and the fiducial's own sigma, mm^2.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.

    Returns
    -------
    CheckError
    """
    own = np.eye(3) * (fle**2 + _own_variance(fiducial))
    if covariance is not None:
        own = own + covariance
    found, total = registration.model_from_reference.apply(position, own)
    return _check_error(fiducial.label, found - fiducial.position, total, total)


def _own_variance(fiducial: Fiducial) -> float:
    """Return how well the case knows where a fiducial is, mm^2 per axis."""
    return 0.0 if fiducial.sigma is None else fiducial.sigma**2


def _check_error(label: str, off: Array, predicted: Array, declared: Array) -> CheckError:
    distance = float(np.linalg.norm(off))
    direction = off / distance if distance > 0.0 else np.array([1.0, 0.0, 0.0])
    # the distance in this direction at which the squared Mahalanobis distance is at the limit
    per_mm = float(direction @ np.linalg.solve(declared, direction))
    limit = float(np.sqrt(chdtri(3, REFUSED / 2) / per_mm))
    return CheckError(label, distance, float(np.sqrt(np.trace(predicted))), limit)


def _judge_checks(
    used: TouchedPoints,
    points: TouchedPoints,
    registration: Registration,
    transform: RigidTransform,
    declared: Array,
) -> tuple[tuple[CheckError, ...], float]:
    """Return errors of the check points, and the probability of such large ones, all together."""
    count = len(points.labels)
    if count == 0:
        return (), 1.0
    rotation = transform.rotation.as_matrix()
    found = transform.apply(points.touched)
    off = found - points.model
    jacobian = point_jacobian(found)
    own = rotation @ points.covariance @ rotation.T
    by_own, seen = check_covariances(used, points, transform)
    inflated = registration.model_from_reference.covariance + by_own - declared
    declared = by_own
    each = own + np.einsum("nik,njk->nij", seen, seen)
    errors = tuple(
        _check_error(label, off[k], j @ inflated @ j.T + each[k], j @ declared @ j.T + each[k])
        for k, (label, j) in enumerate(zip(points.labels, jacobian, strict=True))
    )
    stacked = jacobian.reshape(-1, 6)
    total = stacked @ declared @ stacked.T + joint_covariance(np.eye(3), own, seen)
    chi2 = float(off.ravel() @ np.linalg.solve(total, off.ravel()))
    return errors, float(chdtrc(3 * count, chi2))


def _confusion(
    points: TouchedPoints, labels: tuple[str, ...], positions: Array
) -> tuple[tuple[str, str], ...]:
    """Find the best other assignment of labels that would have passed as well."""
    if len(points.labels) < 3 or len(labels) > MOST_SEARCHED:
        return ()
    # touched as they should have been: the fit's noise is the same for every assignment
    limit = float(chdtri(3 * len(points.labels) - 6, REFUSED / 2))
    found, _ = correspondences(positions, points.model, points.weights, limit)
    for candidate in found:
        named = tuple(labels[k] for k in candidate.indices)
        if named != points.labels:
            pairs = zip(points.labels, named, strict=True)
            return tuple((mine, other) for mine, other in pairs if mine != other)
    return ()


def _mirror_fits(points: TouchedPoints) -> bool:
    """Return whether mirrored points would have passed: then no residual tells the sides."""
    if len(points.labels) < LEAST_JUDGED:
        return False  # too few to judge by is said instead
    # touched as they should have been: the fit's noise is the same for both
    _, improper = rigid_misfits(points.model[None], points.model[None], points.weights)
    return bool(improper[0] <= chdtri(3 * len(points.labels) - 6, REFUSED / 2))


def _units_only(
    points: TouchedPoints, labels: tuple[str, ...], positions: Array
) -> tuple[Explanation, ...]:
    """Find explanations by another unit, for points too near to each other to register."""
    if len(points.labels) < 3:
        return ()
    try:
        register_points(points.model, points.model)
    except DegenerateLayout:
        return ()  # the case's own layout is at fault
    found = find_explanations(points, labels, positions)
    return tuple(e for e in found if e.factor != 1.0)


def _touched_points(
    fiducials: tuple[Fiducial, ...],
    touched: Mapping[str, Array],
    covariance: Mapping[str, Array] | None,
    fle: float,
    shared: Mapping[str, Array] | None = None,
) -> TouchedPoints:
    known = {fiducial.label: fiducial for fiducial in fiducials}
    strange = [label for label in touched if label not in known]
    if strange:
        raise InputError(
            f"point {strange[0]}: the case has no such fiducial; it has {', '.join(known)}"
        )
    check_fle(fle, "fiducial localisation error")
    positions = np.array([touched[label] for label in touched], float).reshape(-1, 3)
    for label, position in zip(touched, positions, strict=True):
        if not np.isfinite(position).all() or np.abs(position).max() > LARGEST:
            shown = ", ".join(f"{entry:.6g}" for entry in position)
            raise InputError(
                f"point {label}: ({shown}) mm is not plausible; expected millimetres: is a decimal "
                "point missing?"
            )
    noise = np.broadcast_to(np.eye(3) * fle**2, (len(positions), 3, 3)).copy()
    own = np.array([_own_variance(known[label]) for label in touched])
    noise += own[:, None, None] * np.eye(3)
    if covariance is not None:
        noise += np.array([covariance[label] for label in touched]).reshape(-1, 3, 3)
    return TouchedPoints(
        tuple(touched),
        np.array([known[label].position for label in touched], float).reshape(-1, 3),
        positions,
        noise,
        np.array([known[label].use == "register" for label in touched], bool),
        np.zeros((len(positions), 3, 0))
        if shared is None
        else np.array([shared[label] for label in touched]).reshape(len(positions), 3, -1),
    )
