"""Verify a registration by check points that it was not made from: tests, their power, a verdict.

A check point's offset d = T q - p holds the registration's error J x and the touch's own error e:
x ~ N(0, C), e ~ N(0, R), J the Jacobian of a point. All offsets together then have the covariance
J C J' + R, and are a chi-square of 3 n degrees of freedom. It divides exactly into two independent
ones: of the common motion that fits the offsets best (6 degrees of freedom, the registration's
error as far as the points show it) and of what is left (the touches alone, 3 n - 6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.special import chdtrc, chdtri, chndtr

from nav.core.errors import InputError
from nav.core.frames import Array, point_jacobian
from nav.registration.assessment import MOST_TRE
from nav.registration.critical_points import CriticalPoint
from nav.registration.points import MIN_SPREAD
from nav.registration.registration_result import Registration

Word = Literal["pass", "fail", "too few to tell"]
FALSE_ALARM = 0.01  # probability that a right registration fails: shared equally by all tests
MISSED = 0.05  # largest probability of missing an error that matters, for a pass
ERROR = MOST_TRE  # mm: the error that must not be missed, by default
Z_BOTH = 1.959964  # sd: half width of a 95 % interval
LEAST_POINTS = 3  # not on a line: fewer leave a rotation that none of them shows
MOST_LENGTH = 1000.0  # mm: of an error or a limit
LENGTH = f"expected more than 0 and at most {MOST_LENGTH:g} mm"
MOST_NEEDED = 200  # check points: a larger number is no advice


@dataclass(frozen=True)
class CheckedPoint:
    """A check point as the registration has it.

    Parameters
    ----------
    label : str
        Of the fiducial.
    offset : ndarray, shape (3,)
        Touched through the registration, minus where the case has it: model frame, mm.
    predicted : float
        Rms, mm, of a right registration and such a touch.
    chi2 : float
        Of 3 degrees of freedom.
    passed : bool
        Whether its own test passed.
    within : bool
        Whether it is within the limit in mm; True without one.
    mistaken_for : str
        Label of another fiducial at which it would pass; empty where there is none.
    """

    label: str
    offset: Array
    predicted: float
    chi2: float
    passed: bool
    within: bool
    mistaken_for: str = ""

    @property
    def distance(self) -> float:
        """Length of the offset, mm."""
        return float(np.linalg.norm(self.offset))

    @property
    def fit(self) -> float:
        """Probability of an offset as large as this."""
        return float(chdtrc(3, self.chi2))


@dataclass(frozen=True)
class CommonMotion:
    """The motion that all check points share: the registration's error as far as they show it.

    Parameters
    ----------
    middle : ndarray, shape (3,)
        Of the check points, model frame, mm.
    shift, shift_within : ndarray, shape (3,)
        Of the middle, and half the width of its 95 % interval, mm.
    turn, turn_within : ndarray, shape (3,)
        Rotation about the model's axes, and half the width of its 95 % interval, rad.
    chi2 : float
        Of 6 degrees of freedom, under the registration's covariance and the touches'.
    """

    middle: Array
    shift: Array
    shift_within: Array
    turn: Array
    turn_within: Array
    chi2: float

    @property
    def fit(self) -> float:
        """Probability of a motion as large as this."""
        return float(chdtrc(6, self.chi2))


@dataclass(frozen=True)
class Detection:
    """How surely the check points would have shown an error at a critical point.

    Parameters
    ----------
    name : str
        Of the critical point.
    predicted : float
        Rms, mm, of the registration there.
    missed : float
        Probability that the motion of the given size there that is hardest to see is missed.
    """

    name: str
    predicted: float
    missed: float


@dataclass(frozen=True)
class Verification:
    """The result of verifying a registration.

    Parameters
    ----------
    points : tuple of CheckedPoint
        In the order of touching.
    chi2 : float
        Of all offsets together, of 3 degrees of freedom for each point.
    level : float
        Probability below which a single test fails.
    motion : CommonMotion or None
        None for fewer than three points, or points on a line.
    detections : tuple of Detection
        At the critical points.
    error : float
        Size of the error that must not be missed, mm.
    missed_shift : float
        Probability that a pure shift of that size is missed, whatever its direction.
    needed : int or None
        Check points, spread as these are, for which no such error would be missed too often; None
        where no number is enough: the registration's own error hides it.
    limit : float or None
        Largest distance allowed, mm.
    """

    points: tuple[CheckedPoint, ...]
    chi2: float
    level: float
    motion: CommonMotion | None
    detections: tuple[Detection, ...]
    error: float
    missed_shift: float
    needed: int | None
    limit: float | None = None

    @property
    def freedom(self) -> int:
        """Degrees of freedom of all offsets."""
        return 3 * len(self.points)

    @property
    def fit(self) -> float:
        """Probability of offsets as large as these, all together."""
        return float(chdtrc(self.freedom, self.chi2))

    @property
    def missed(self) -> float:
        """Largest probability of missing an error at a critical point."""
        return max((found.missed for found in self.detections), default=self.missed_shift)

    @cached_property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that failed: "points", "limit", "all" and "motion"."""
        failed = {
            "points": not all(point.passed for point in self.points),
            "limit": not all(point.within for point in self.points),
            "all": self.fit < self.level,
            "motion": self.motion is not None and self.motion.fit < self.level,
        }
        return tuple(name for name, is_so in failed.items() if is_so)

    @property
    def word(self) -> Word:
        """'pass', 'fail', or 'too few to tell' where an error that matters would be missed."""
        if self.failed:
            return "fail"
        return "pass" if self.missed <= MISSED else "too few to tell"


def verify_registration(
    registration: Registration,
    labels: Sequence[str],
    model: Array,
    touched: Array,
    covariance: Array,
    places: Sequence[CriticalPoint] = (),
    error: float = ERROR,
    limit: float | None = None,
    others: tuple[Sequence[str], Array] | None = None,
) -> Verification:
    """Test a registration by check points that it was not made from.

    Parameters
    ----------
    registration : Registration
        With the covariance that it claims.
    labels : sequence of str
        Of the n check points.
    model : ndarray, shape (n, 3)
        Where the case has them, model frame, mm.
    touched : ndarray, shape (n, 3)
        Where they were touched, reference frame, mm.
    covariance : ndarray, shape (n, 3, 3)
        Of each touch's own error, of the fiducial's position too, reference frame, mm^2.
    places : sequence of CriticalPoint
        Where an error matters.
    error : float
        Its size there, mm.
    limit : float, optional
        Largest distance of a check point, mm.
    others : (sequence of str, ndarray), optional
        Labels and positions (m, 3) of all that a check point may be mistaken for.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        There is no check point, or an error or limit that is not positive.
    """
    _check_given(len(labels), error, limit)
    transform = registration.model_from_reference.transform
    shown, rotation = transform.apply(touched), transform.rotation.as_matrix()
    own = rotation @ covariance @ rotation.T
    offsets, count = shown - model, len(labels)
    jacobian = point_jacobian(shown)
    shared = registration.model_from_reference.covariance
    total = jacobian @ shared @ jacobian.transpose(0, 2, 1) + own
    each = np.einsum("ni,nij,nj->n", offsets, np.linalg.inv(total), offsets)
    whole = _whole_covariance(jacobian, shared, own)
    chi2 = float(offsets.ravel() @ np.linalg.solve(whole, offsets.ravel()))
    # a turn about a line that all lie on shows nowhere, in the case or as they were touched
    tested = count >= LEAST_POINTS and min(_spread(model), _spread(touched)) >= MIN_SPREAD
    level = FALSE_ALARM / (1 + (count > 1) + tested)
    motion, fitted = None, None
    if tested:
        motion, fitted = _common_motion(offsets, jacobian, shown.mean(axis=0), shared, own)
    points = tuple(
        CheckedPoint(
            label,
            offsets[k],
            float(np.sqrt(np.trace(total[k]))),
            float(each[k]),
            bool(chdtrc(3, each[k]) >= level / count),
            limit is None or float(np.linalg.norm(offsets[k])) <= limit,
        )
        for k, label in enumerate(labels)
    )
    if others is not None:
        most = float(chdtri(3, level / count))
        points = tuple(
            _with_mistake(point, shown[k], total[k], others, most) for k, point in enumerate(points)
        )
    detections = tuple(_detection(place, error, shared, fitted, level) for place in places)
    return Verification(
        points,
        chi2,
        level,
        motion,
        detections,
        error,
        _missed_shift(whole, error, level),
        _needed(places, error, shared, fitted, level, count),
        limit,
    )


def _check_given(count: int, error: float, limit: float | None) -> None:
    if count == 0:
        raise InputError("no check point was touched; touch some that were not registered with")
    if not 0.0 < error <= MOST_LENGTH:
        raise InputError(f"error that must not be missed: {LENGTH}, got {error:g}")
    if limit is not None and not 0.0 < limit <= MOST_LENGTH:
        raise InputError(f"limit: {LENGTH}, got {limit:g}")


def _whole_covariance(jacobian: Array, shared: Array, own: Array) -> Array:
    """Return the covariance of all offsets, (3 n, 3 n)."""
    stacked = jacobian.reshape(-1, 6)
    whole = stacked @ shared @ stacked.T
    for k in range(len(own)):
        whole[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] += own[k]
    return np.asarray(whole, float)


def _spread(points: Array) -> float:
    """Return how far points are from their best line, rms, mm."""
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return float(np.hypot(spread[1], spread[2]) / np.sqrt(len(points)))


def _common_motion(
    offsets: Array, jacobian: Array, middle: Array, shared: Array, own: Array
) -> tuple[CommonMotion, Array]:
    """Fit the common motion; return it with its covariance (6, 6) from the touches alone."""
    weight = np.linalg.inv(own)
    information = np.einsum("nia,nij,njb->ab", jacobian, weight, jacobian)
    fitted = np.asarray(np.linalg.inv(information), float)
    motion = fitted @ np.einsum("nia,nij,nj->a", jacobian, weight, offsets)
    chi2 = float(motion @ np.linalg.solve(fitted + shared, motion))
    at_middle = point_jacobian(middle)[0]
    shift_sd = np.sqrt(np.diag(at_middle @ fitted @ at_middle.T))
    turn_sd = np.sqrt(np.diag(fitted)[3:])
    found = CommonMotion(
        middle,
        at_middle @ motion,
        Z_BOTH * shift_sd,
        motion[3:],
        Z_BOTH * turn_sd,
        chi2,
    )
    return found, fitted


def _with_mistake(
    point: CheckedPoint,
    shown: Array,
    total: Array,
    others: tuple[Sequence[str], Array],
    most: float,
) -> CheckedPoint:
    """Add the other fiducial at which a point that failed would pass."""
    if point.passed:
        return point
    labels, positions = others
    off = shown - positions
    chi2 = np.einsum("mi,ij,mj->m", off, np.linalg.inv(total), off)
    best = int(np.argmin(chi2))
    if chi2[best] > most or labels[best] == point.label:
        return point
    return CheckedPoint(**{**vars(point), "mistaken_for": labels[best]})


def _detection(
    place: CriticalPoint, error: float, shared: Array, fitted: Array | None, level: float
) -> Detection:
    at = point_jacobian(place.position)[0]
    predicted = float(np.sqrt(np.trace(at @ shared @ at.T)))
    return Detection(place.name, predicted, _missed_at(at, error, shared, fitted, level))


def _missed_at(at: Array, error: float, shared: Array, fitted: Array | None, level: float) -> float:
    """Return the probability that the test of the common motion misses an error at a place.

    Of all motions that move the place by that much, the one with the smallest noncentrality
    x' (C + F)^-1 x is error^2 over the largest eigenvalue of the place's own J (C + F) J'.
    """
    if fitted is None:
        return 1.0 - level  # a rotation about one point or a line shows nowhere
    largest = float(np.linalg.eigvalsh(at @ (shared + fitted) @ at.T)[-1])
    return float(chndtr(chdtri(6, level), 6, error**2 / largest))


def _missed_shift(whole: Array, error: float, level: float) -> float:
    """Return the probability that all offsets together miss a shift, in its worst direction."""
    stacked = np.tile(np.eye(3), (len(whole) // 3, 1))
    weakest = float(np.linalg.eigvalsh(stacked.T @ np.linalg.solve(whole, stacked))[0])
    freedom = len(whole)
    return float(chndtr(chdtri(freedom, level), freedom, error**2 * weakest))


def _needed(
    places: Sequence[CriticalPoint],
    error: float,
    shared: Array,
    fitted: Array | None,
    level: float,
    count: int,
) -> int | None:
    if fitted is None:
        return LEAST_POINTS + 1
    at = [point_jacobian(place.position)[0] for place in places]
    for more in range(count, MOST_NEEDED + 1):
        spread = fitted * (count / more)
        if all(_missed_at(each, error, shared, spread, level) <= MISSED for each in at):
            return more
    return None
