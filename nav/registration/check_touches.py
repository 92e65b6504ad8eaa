"""Touched check points from a list of points, or from poses by dwell; none registered with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Fiducial
from nav.registration.points import LARGEST
from nav.registration.record import CalibrationTable
from nav.registration.registration_result import Registration
from nav.registration.touch_source import FoundTouches

NEAR = 10.0  # mm: a divot that was touched is not farther from where a fair registration has it
CLEARER = 2.0  # times: and every other fiducial is farther than that
# what labelled points are multiplied by, and what they were then
MISTAKES: tuple[tuple[tuple[float, float, float], str], ...] = (
    ((1e3, 1e3, 1e3), "in metres"),
    ((25.4, 25.4, 25.4), "in inches"),
    ((10.0, 10.0, 10.0), "in centimetres"),
    ((1e-3, 1e-3, 1e-3), "in micrometres"),
    ((-1.0, -1.0, 1.0), "in RAS (x and y with the other sign)"),
    ((-1.0, 1.0, 1.0), "mirrored (x with the wrong sign)"),
    ((1.0, -1.0, 1.0), "mirrored (y with the wrong sign)"),
    ((1.0, 1.0, -1.0), "mirrored (z with the wrong sign)"),
)


@dataclass(frozen=True)
class CheckTouch:
    """A touched check point.

    Parameters
    ----------
    fiducial : Fiducial
        Which was touched.
    position : ndarray, shape (3,)
        Reference frame, mm.
    covariance : ndarray, shape (3, 3)
        Of the touch without the FLE, mm^2.
    """

    fiducial: Fiducial
    position: Array
    covariance: Array


def registered_with(
    case: Case, made: CalibrationTable, method: str
) -> tuple[Collection[str], list[str]]:
    """Return the labels that a registration was made from, and what is said where it is not known.

    Parameters
    ----------
    case : Case
        That was registered.
    made : CalibrationTable
        Of registration.toml.
    method : str
        Of registration.

    Returns
    -------
    labels : collection of str
    notes : list of str
    """
    if made.fiducials is not None or method == "surface":
        return set(made.fiducials or ()), []
    return {fiducial.label for fiducial in case.fiducials_for("register")}, [
        "the registration does not say which fiducials it was made from: only those for checking "
        "are counted"
    ]


def labelled_touches(case: Case, points: Mapping[str, Array]) -> list[CheckTouch]:
    """Return touches of labelled points.

    Parameters
    ----------
    case : Case
        With these labels.
    points : mapping of str to ndarray, shape (3,)
        Reference frame, mm.

    Returns
    -------
    list of CheckTouch

    Raises
    ------
    InputError
        A label that the case does not have, or a position that is not plausible.
    """
    known = {fiducial.label: fiducial for fiducial in case.fiducials}
    for label, position in points.items():
        if label not in known:
            raise InputError(
                f"point {label}: the case has no such fiducial; it has {', '.join(known)}"
            )
        if np.abs(position).max() > LARGEST:
            raise InputError(
                f"point {label}: a coordinate of {np.abs(position).max():.3g} mm is not "
                "plausible; expected millimetres"
            )
    return [CheckTouch(known[label], at, np.zeros((3, 3))) for label, at in points.items()]


def refuse_mistakes(touches: Sequence[CheckTouch], registration: Registration) -> None:
    """Refuse labelled touches in another unit or with other axes.

    Parameters
    ----------
    touches : sequence of CheckTouch
        From `labelled_touches`.
    registration : Registration
        Of the case.

    Raises
    ------
    InputError
        The touches are near their fiducials only with the mistake that it names.
    """
    touched = np.array([touch.position for touch in touches]).reshape(-1, 3)
    model = np.array([touch.fiducial.position for touch in touches]).reshape(-1, 3)

    def away(factors: tuple[float, float, float]) -> Array:
        put = registration.model_from_reference.transform.apply(touched * factors)
        return np.asarray(np.linalg.norm(put - model, axis=1))

    if len(touches) < 2 or np.median(away((1.0, 1.0, 1.0))) <= NEAR:
        return
    for factors, mistake in MISTAKES:
        if (away(factors) <= NEAR).all():
            raise InputError(
                f"the points are near their fiducials only if they are {mistake}; give them in "
                "millimetres, in the frame and axes that were registered"
            )


def dwell_touches(
    case: Case, registration: Registration, found: FoundTouches
) -> tuple[list[CheckTouch], list[str]]:
    """Tell which fiducial each touch was of, by the registration that is verified.

    Rests of the tip elsewhere are left out where more rests are at fiducials, and where no two of
    them come last: all later touches are elsewhere if the reference body was knocked.

    Parameters
    ----------
    case : Case
        That was registered.
    registration : Registration
        Of it.
    found : FoundTouches
        By dwell.

    Returns
    -------
    touches : list of CheckTouch
        In the order of time.
    notes : list of str
        One per rest that was left out.

    Raises
    ------
    InputError
        A touch that is near two fiducials, or rests elsewhere that may mean that the registration
        is wrong: then labels have to be given.
    """
    positions = np.array([fiducial.position for fiducial in case.fiducials]).reshape(-1, 3)
    touches: list[CheckTouch] = []
    elsewhere: list[str] = []
    last = 0  # rests elsewhere since the last touch of a fiducial
    for touch in found.touches:
        shown, _ = registration.model_from_reference.apply(touch.position)
        away = np.linalg.norm(positions - shown, axis=1)
        order = np.argsort(away)
        nearest = case.fiducials[int(order[0])]
        when = f"touch at {touch.start:.1f} to {touch.end:.1f} s"
        if away[order[0]] > NEAR:
            elsewhere.append(
                f"{when}: is {away[order[0]]:.1f} mm from the nearest fiducial ({nearest.label})"
            )
            last += 1
            continue
        if len(order) > 1 and away[order[1]] < CLEARER * away[order[0]]:
            raise InputError(
                f"{when}: might be of {nearest.label} or of {case.fiducials[int(order[1])].label}; "
                "give labelled points"
            )
        touches.append(CheckTouch(nearest, touch.position, touch.covariance))
        last = 0
    if elsewhere and len(elsewhere) >= len(touches):
        raise InputError(
            f"{elsewhere[0]}: either the registration is wrong, or no fiducial was touched there; "
            "give labelled points"
        )
    if last > 1:
        raise InputError(
            f"{elsewhere[-last]}, and so is what follows: either the reference body was knocked, "
            "or no fiducial was touched there; give labelled points"
        )
    return touches, [f"not counted: {rest}" for rest in elsewhere]


def check_touches(
    case: Case, touches: Sequence[CheckTouch], used: Collection[str]
) -> tuple[tuple[CheckTouch, ...], list[str]]:
    """Leave out what was registered with.

    Parameters
    ----------
    case : Case
        That was registered.
    touches : sequence of CheckTouch
        All of them.
    used : collection of str
        Labels that were registered with.

    Returns
    -------
    touches : tuple of CheckTouch
        At least one.
    notes : list of str
        What was left out.

    Raises
    ------
    InputError
        None is left.
    """
    left_out = dict.fromkeys(t.fiducial.label for t in touches if t.fiducial.label in used)
    kept = tuple(t for t in touches if t.fiducial.label not in used)
    if not touches:
        raise InputError("has no touch of a fiducial")
    if not kept:
        others = [f.label for f in case.fiducials if f.label not in used]
        raise InputError(
            "has only points that were registered with; touch others"
            + (f": {', '.join(others)}" if others else "")
        )
    notes = [f"not counted, as it was registered with: {', '.join(left_out)}"] if left_out else []
    return kept, notes
