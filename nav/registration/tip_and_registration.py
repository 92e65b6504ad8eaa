"""Tip of a stylus and registration together, from pivots in divots whose places are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.transform import RigidTransform
from scipy.stats import chi2, f

from nav.core.errors import InputError
from nav.core.frames import Array, Pose, perturbed, point_jacobian
from nav.core.gauss_newton import gauss_newton
from nav.registration.points import closed_form, refuse_line
from nav.registration.registration_result import Registration
from nav.registration.stylus_contacts import Contact, pooled_pivot

LEAST_CONTACTS = 4
# mm, one sd per axis: how far the point about which a stylus pivots lies from the point that
# touches, because it rolls and slides in the divot while it turns
PIVOT_BIAS = 0.5
LEAST_SD = 0.005  # mm per axis: no contact is known better
ROUNDS, STEPS, CONVERGED = 30, 50, 1e-10
SETTLED = 1e-6  # relative change of a variance
LEVEL = 0.95  # at which ellipsoids of estimated variances are right


@dataclass(frozen=True)
class LeftOut:
    """What a fit without one contact predicts there.

    Parameters
    ----------
    error : ndarray, shape (3,)
        Predicted place of the tip minus the divot, model frame, mm.
    covariance : ndarray, shape (3, 3)
        Predicted for the error, with the contact's own, mm^2.
    freedom : float
        Degrees of freedom of the variances in it.
    """

    error: Array
    covariance: Array
    freedom: float

    @property
    def distance(self) -> float:
        """Length of the error, mm."""
        return float(np.linalg.norm(self.error))

    @property
    def predicted(self) -> float:
        """Predicted rms of the distance, mm."""
        return float(np.sqrt(np.trace(self.covariance)))

    @property
    def probability(self) -> float:
        """Of an error at least as unusual, if the contact is like the others."""
        squared = self.error @ np.linalg.solve(self.covariance, self.error)
        # the covariance is scaled so that its 95 % ellipsoid is right
        return float(f.sf(squared / scale_for(self.freedom) / 3.0, 3, self.freedom))


@dataclass(frozen=True)
class PivotTip:
    """The tip that the turning within the contacts gives, without the divots' places.

    Parameters
    ----------
    tip : ndarray, shape (3,)
        Stylus frame, mm.
    covariance : ndarray, shape (3, 3)
        With the pivot's bias, mm^2.
    bias : float
        Standard deviation per axis of that bias, mm.
    disagreement : float
        Distance to the tip that the divots' places alone give, mm.
    probability : float
        Of at least such a disagreement without a bias.
    """

    tip: Array
    covariance: Array
    bias: float
    disagreement: float
    probability: float


@dataclass(frozen=True)
class TipAndRegistration:
    """Tip and registration that were estimated together.

    Parameters
    ----------
    tip : ndarray, shape (3,)
        Stylus frame, mm.
    tip_covariance : ndarray, shape (3, 3)
        Of the point that touches, with the error that all contacts share, mm^2.
    registration : Registration
        Its residuals in the order of the contacts; its covariance holds the tip's error.
    joint_covariance : ndarray, shape (9, 9)
        Of the touching point (stylus frame) and model_from_reference, mm and rad.
    contact_sd : float
        Estimated error of a contact (seat in the divot, divot, tracker), mm per axis.
    freedom : float
        Degrees of freedom of that estimate.
    pivot : PivotTip
        The tip by turning alone.
    left_out : tuple of LeftOut
        For each contact; empty if there are too few to leave one out, or it was not asked for.
    """

    tip: Array
    tip_covariance: Array
    registration: Registration
    joint_covariance: Array
    contact_sd: float
    freedom: float
    pivot: PivotTip
    left_out: tuple[LeftOut, ...] = ()

    @property
    def tip_sd(self) -> Array:
        """Standard deviations of the tip along the stylus's axes (3,), mm."""
        return np.sqrt(np.diag(self.tip_covariance))


@dataclass(frozen=True)
class _State:
    tip: Array
    model_from_reference: RigidTransform

    def moved(self, step: Array) -> "_State":
        return _State(self.tip + step[:3], perturbed(self.model_from_reference, step[3:]))


@dataclass(frozen=True)
class _Fit:
    state: _State
    covariance: Array
    offsets: Array
    variance: float
    freedom: float


def register_with_tip(
    contacts: Sequence[Contact],
    divots: Array,
    *,
    pivot_bias: float = PIVOT_BIAS,
    shared_sd: float = 0.0,
    leave_out: bool = True,
) -> TipAndRegistration:
    """Estimate the tip of a stylus and the registration from pivots in known divots.

    Two things tell where the tip is. Within each contact the stylus turns and the tip stays: a
    pivot calibration [1]_. Between contacts the mean places of the tip, mapped by the registration,
    must be the divots: with the tip, nine unknowns for 3 n coordinates. The first has small
    residuals and may still be off by a millimetre, because the point about which a stylus turns
    while it rolls and slides in a divot is not the point that touches, the same way in all divots.
    So it enters as prior information, with that bias as a random effect; the second decides.

    The variances are estimated from the data: that of a pivot's tip from its differences between
    the contacts (poses of one contact repeat each other: their number counts for nothing), that of
    a contact from its distance from the divot. The bias is at least `pivot_bias`, and as large as
    the disagreement of both tips asks for [2]_. Covariances are scaled so that their 95 %
    ellipsoids are right for variances with so few degrees of freedom (Hotelling's T squared).

    Parameters
    ----------
    contacts : sequence of Contact
        At least four, from `find_contacts`.
    divots : ndarray, shape (n, 3)
        Where each was, model frame, mm.
    pivot_bias : float
        Least bias of a pivot's tip, mm, one standard deviation per axis.
    shared_sd : float
        Error that all contacts share and no residual shows: how deep this stylus sits in such
        divots, mm, one standard deviation per axis of the tip. It is added to the tip's covariance;
        the registration is the same whatever it is.
    leave_out : bool
        Whether to leave each contact out in turn, which takes most of the time.

    Returns
    -------
    TipAndRegistration
        With the error of prediction at each contact that is left out.

    Raises
    ------
    InputError
        Fewer than four contacts, unequal counts, divots on a line, or contacts that do not
        determine the tip.

    References
    ----------
    .. [1] Yaniv, Which pivot calibration?, Proc. SPIE 9415, 2015.
    .. [2] Paule and Mandel, J Res Natl Bur Stand 87(5), 1982.
    """
    places = np.asarray(divots, float)
    if places.shape != (len(contacts), 3) or not np.isfinite(places).all():
        raise InputError(
            f"stylus: {len(contacts)} contacts, but places of divots of shape {places.shape}; "
            "expected one finite place for each"
        )
    if len(contacts) < LEAST_CONTACTS:
        raise InputError(
            f"stylus: {len(contacts)} contacts; at least {LEAST_CONTACTS} are needed to tell tip "
            "and registration and their error"
        )
    refuse_line(places)
    try:
        whole = _estimate(contacts, places, pivot_bias, shared_sd)
        left_out: tuple[LeftOut, ...] = ()
        if leave_out and len(contacts) > LEAST_CONTACTS:
            left_out = tuple(
                _left_out(contacts, places, k, pivot_bias) for k in range(len(contacts))
            )
    except np.linalg.LinAlgError:
        raise InputError(
            "stylus: the contacts do not determine tip and registration; turn the stylus about "
            "all axes in each divot, and hold it in another direction in some of them"
        ) from None
    return TipAndRegistration(*whole, left_out=left_out)


def contact_error(
    contacts: Sequence[Contact], divots: Array, pivot_bias: float = PIVOT_BIAS
) -> float:
    """Return how far contacts are off divots with the best tip and registration.

    Parameters
    ----------
    contacts : sequence of Contact
        At least four.
    divots : ndarray, shape (n, 3)
        Supposed place of each, model frame, mm.
    pivot_bias : float
        As of `register_with_tip`.

    Returns
    -------
    float
        Standard deviation, mm per axis.
    """
    return _estimate(contacts, divots, pivot_bias, 0.0)[4]


def scale_for(freedom: float) -> float:
    """Return the factor of a covariance that makes its 95 % ellipsoid right.

    Parameters
    ----------
    freedom : float
        Degrees of freedom of the estimated variance.

    Returns
    -------
    float
        Above 1: ratio of the quantiles of Hotelling's T squared and of chi-square, 3 dimensions.
    """
    return float(3.0 * f.ppf(LEVEL, 3, freedom) / chi2.ppf(LEVEL, 3))


def _estimate(
    contacts: Sequence[Contact], divots: Array, pivot_bias: float, shared_sd: float
) -> tuple[Array, Array, Registration, Array, float, float, PivotTip]:
    pivoted, turned = _pivot_tip(contacts)
    start = _start(contacts, divots, pivoted)
    apart = _fitted(contacts, divots, start, pivoted, np.zeros((3, 3)))
    difference = pivoted - apart.state.tip
    known = turned + apart.covariance[:3, :3]
    bias = _bias(difference, known, pivot_bias)
    uncertain = turned + bias**2 * np.eye(3)
    prior = np.asarray(np.linalg.inv(uncertain), float)
    found = _fitted(contacts, divots, apart.state, pivoted, prior)
    state, offsets = found.state, found.offsets
    distances = np.linalg.norm(offsets, axis=1)
    fre = float(np.sqrt((distances**2).mean()))
    squared = difference @ np.linalg.solve(known, difference)
    freedom = min(found.freedom, 3.0 * (len(contacts) - 1))
    pivot = PivotTip(
        pivoted,
        uncertain,
        bias,
        float(np.linalg.norm(difference)),
        float(f.sf(squared / scale_for(freedom) / 3.0, 3, freedom)),
    )
    return (
        state.tip,
        found.covariance[:3, :3] + shared_sd**2 * np.eye(3),
        Registration(Pose(state.model_from_reference, found.covariance[3:, 3:]), fre, distances),
        found.covariance,
        float(np.sqrt(found.variance)),
        found.freedom,
        pivot,
    )


def _pivot_tip(contacts: Sequence[Contact]) -> tuple[Array, Array]:
    """Return the tip of all pivots together and its covariance, by the contacts' differences."""
    tip = pooled_pivot(contacts)
    own = [contact.pivot_near(tip) for contact in contacts]
    freedom = 3.0 * (len(contacts) - 1)
    apart = sum(
        float((each - tip) @ contact.turning @ (each - tip))
        for each, contact in zip(own, contacts, strict=True)
    )
    # what the poses alone would give, were they independent: never less
    white = sum(c.scatter(each) for each, c in zip(own, contacts, strict=True)) / sum(
        3 * contact.poses - 6 for contact in contacts
    )
    variance = max(apart / freedom, white, LEAST_SD**2) * scale_for(freedom)
    turning = np.sum([contact.turning for contact in contacts], axis=0)
    return tip, np.asarray(variance * np.linalg.inv(turning), float)


def _start(contacts: Sequence[Contact], divots: Array, tip: Array) -> _State:
    return _State(tip, closed_form(divots, np.array([c.place(tip) for c in contacts])))


def _bias(difference: Array, known: Array, least: float) -> float:
    """Return the standard deviation that makes a difference as long as expected."""

    def excess(variance: float) -> float:
        total = known + variance * np.eye(3)
        return float(difference @ np.linalg.solve(total, difference)) - 3.0

    if excess(least**2) <= 0.0:
        return least
    return float(np.sqrt(brentq(excess, least**2, least**2 + float(difference @ difference))))


def _fitted(
    contacts: Sequence[Contact], divots: Array, start: _State, prior: Array, information: Array
) -> _Fit:
    """Fit tip and registration, and the variance of a contact, given prior information."""
    turns = np.array([contact.rotation for contact in contacts])
    moves = np.array([contact.translation for contact in contacts])
    state, variance, freedom = start, 0.1, 0.0
    offsets: Array = np.zeros((len(contacts), 3))
    covariance: Array = np.eye(9)

    def linearise(at: _State) -> tuple[Array, Array]:
        rotation = at.model_from_reference.rotation.as_matrix()
        places = at.model_from_reference.apply(turns @ at.tip + moves)
        jacobian = np.concatenate([rotation @ turns, point_jacobian(places)], axis=2)
        matrix = np.einsum("nia,nib->ab", jacobian, jacobian) / variance
        right = np.einsum("nia,ni->a", jacobian, divots - places) / variance
        matrix[:3, :3] += information
        right[:3] += information @ (prior - at.tip)
        return matrix, right

    for _ in range(ROUNDS):
        state = gauss_newton(state, linearise, _State.moved, steps=STEPS, converged=CONVERGED)
        covariance = np.asarray(np.linalg.inv(linearise(state)[0]), float)
        places = state.model_from_reference.apply(turns @ state.tip + moves)
        offsets = np.asarray(places - divots, float)
        # what the prior information determines is not fitted to the divots
        freedom = 3.0 * len(contacts) - 9.0 + float(np.trace(covariance[:3, :3] @ information))
        before, variance = variance, max(float((offsets**2).sum()) / freedom, LEAST_SD**2)
        if abs(variance - before) < SETTLED * variance:
            break
    estimated = variance
    variance = estimated * scale_for(freedom)  # read by linearise
    covariance = np.asarray(np.linalg.inv(linearise(state)[0]), float)
    if not np.isfinite(covariance).all() or np.diag(covariance).min() <= 0.0:
        raise np.linalg.LinAlgError
    return _Fit(state, covariance, np.asarray(offsets, float), float(estimated), freedom)


def _left_out(contacts: Sequence[Contact], divots: Array, which: int, pivot_bias: float) -> LeftOut:
    """Predict the place of one contact from the others."""
    others = [contact for k, contact in enumerate(contacts) if k != which]
    tip, _, registration, joint, sd, freedom, _ = _estimate(
        others, np.delete(divots, which, axis=0), pivot_bias, 0.0
    )
    contact, transform = contacts[which], registration.model_from_reference.transform
    place = transform.apply(contact.place(tip))
    rotation = transform.rotation.as_matrix() @ contact.rotation
    jacobian = np.hstack([rotation, point_jacobian(place)[0]])
    own = sd**2 * scale_for(freedom) * np.eye(3)
    return LeftOut(place - divots[which], jacobian @ joint @ jacobian.T + own, freedom)
