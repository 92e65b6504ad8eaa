"""From touches without labels to labelled ones, or one line that says why not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Fiducial
from nav.registration.explanations import FACTORS
from nav.registration.points import LARGEST
from nav.registration.touch_set import TouchSet
from nav.registration.unlabelled import FEWEST, MOST_FIDUCIALS, MatchResult, match_touches

UNITS = {
    1000.0: "metres taken for millimetres",
    25.4: "inches taken for millimetres",
    10.0: "centimetres taken for millimetres",
    1e-3: "micrometres taken for millimetres",
}
MIRROR = np.array([-1.0, 1.0, 1.0])


def identify_touches(
    fiducials: Sequence[Fiducial], touches: TouchSet, fle: float
) -> tuple[TouchSet, tuple[str, ...]]:
    """Find out which fiducial each touch is, by their mutual distances.

    Parameters
    ----------
    fiducials : sequence of Fiducial
        All of the case.
    touches : TouchSet
        In any order; labels are not used.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.

    Returns
    -------
    labelled : TouchSet
        Those that are fiducials, in the order of touching.
    remarks : tuple of str
        What was found, and what was left out.

    Raises
    ------
    InputError
        Too few touches, two at one place, too many fiducials, no assignment that fits, or several.
    """
    if len(touches) < FEWEST:
        raise InputError(
            f"{len(touches)} touches without labels; at least {FEWEST} are needed to tell which "
            "fiducials they are"
        )
    if len(fiducials) > MOST_FIDUCIALS:
        raise InputError(
            f"the case has {len(fiducials)} fiducials; touches without labels are matched to at "
            f"most {MOST_FIDUCIALS}: label them"
        )
    if not (np.isfinite(touches.positions).all() and np.abs(touches.positions).max() < LARGEST):
        raise InputError("a touch has a coordinate that is not plausible; expected millimetres")
    model = np.array([f.position for f in fiducials]).reshape(-1, 3)
    sd = _sd(fiducials, touches, fle)
    if not _plausible_size(model, touches.positions):
        unit = _other_unit(model, touches.positions, sd)
        if unit:
            raise InputError(unit)
    twice = touches.repeated()
    if twice is not None:
        first, second = (touches.names[k] for k in twice)
        raise InputError(
            f"{first} and {second} are at the same place: was a divot touched twice and another "
            "left out? Remove one of them"
        )
    found = match_touches(model, touches.positions, sd)
    if found.best is None or not found.enough:
        raise InputError(_why_not(model, touches, sd, found))
    labels = [f.label for f in fiducials]
    best = found.best
    false = [k for k, index in enumerate(best.indices) if index < 0]
    if len(false) >= 3 and _consecutive(false, len(touches)):
        raise InputError(_moved(touches, false))
    if found.ambiguous:
        raise InputError(_ambiguous(touches, labels, found))
    used = tuple(k for k in range(len(touches)) if best.indices[k] >= 0)
    named = tuple(labels[best.indices[k]] for k in used)
    remarks = [f"{touches.names[k]} is {label}" for k, label in zip(used, named, strict=True)]
    remarks += [f"{touches.names[k]} is no fiducial of the case: not used" for k in false]
    if found.second is not None:
        remarks.append(
            f"the next best assignment has FRE {found.second.fre:.2f} mm with "
            f"{found.second.count} touches; this one {best.fre:.2f} mm with {best.count}"
        )
    return touches.labelled(named, used), tuple(remarks)


def _sd(fiducials: Sequence[Fiducial], touches: TouchSet, fle: float) -> float:
    """Return one standard deviation of a coordinate, by all errors that differ between touches."""
    varying = touches.shared - touches.shared.mean(axis=0)
    own = np.trace(touches.own, axis1=1, axis2=2) + (varying**2).sum(axis=(1, 2))
    made = max((f.sigma or 0.0 for f in fiducials), default=0.0)
    return float(np.sqrt(fle**2 + made**2 + own.mean() / 3.0))


def _consecutive(false: Sequence[int], count: int) -> bool:
    """Return whether these are the first or the last touches."""
    return list(false) in (list(range(len(false))), list(range(count - len(false), count)))


def _moved(touches: TouchSet, false: Sequence[int]) -> str:
    first = false[0] if false[0] > 0 else false[-1] + 1
    return (
        f"the touches from {touches.names[first]} on do not fit the ones before, each part for "
        "itself may: the reference body moved between them; fix it and touch all again"
    )


def _ambiguous(touches: TouchSet, labels: Sequence[str], found: MatchResult) -> str:
    best, second = found.best, found.second
    assert best is not None
    assert second is not None
    differ = [
        f"{touches.names[k]}: {_label(labels, best.indices[k])} or "
        f"{_label(labels, second.indices[k])}"
        for k in range(len(touches))
        if best.indices[k] != second.indices[k]
    ]
    shown = ", ".join(differ[:3]) + (f" and {len(differ) - 3} more" if len(differ) > 3 else "")
    return (
        f"two assignments fit as well (FRE {best.fre:.2f} and {second.fre:.2f} mm): {shown}; the "
        "touched fiducials are symmetric or too few: label the touches, or touch more fiducials"
    )


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if index >= 0 else "none"


def _why_not(model: Array, touches: TouchSet, sd: float, found: MatchResult) -> str:
    """Return what is wrong with touches that match no fiducials, as far as it can be told."""
    points = touches.positions
    mirrored = match_touches(model, points * MIRROR, sd)
    if mirrored.enough and not mirrored.ambiguous:
        assert mirrored.best is not None
        return (
            f"the touches are a mirror image of the fiducials (FRE {mirrored.best.fre:.2f} mm once "
            "mirrored): an axis has the wrong sign, or the frame is left-handed"
        )
    unit = _other_unit(model, points, sd)
    if unit:
        return unit
    moved = _parts(model, touches, sd)
    if moved:
        return moved
    extent = np.linalg.norm(points - points.mean(axis=0), axis=1)
    if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] < 0.1 * extent.max():
        return "the touches lie nearly on a line; add one at least 20 mm to its side"
    matched = 0 if found.best is None else found.best.count
    return (
        f"at most {matched} of {len(touches)} touches fit the case's {len(model)} fiducials, which "
        "chance does too: is it the phantom of this case? Were other places touched?"
    )


def _other_unit(model: Array, points: Array, sd: float) -> str:
    """Return that the touches fit in another unit, if they do."""
    for factor in FACTORS:
        if _plausible_size(model, points * factor):
            scaled = match_touches(model, points * factor, sd)
            if scaled.enough and not scaled.ambiguous:
                unit = UNITS.get(factor, f"another unit (a factor of {factor:g})")
                return f"the touches fit the fiducials only when multiplied by {factor:g}: {unit}"
    return ""


def _plausible_size(model: Array, points: Array) -> bool:
    sizes = [float(np.linalg.norm(np.ptp(each, axis=0))) for each in (model, points)]
    return 0.2 * sizes[0] < sizes[1] < 1.8 * sizes[0]


def _parts(model: Array, touches: TouchSet, sd: float) -> str:
    """Return that the first and the last touches fit, each part for itself, if they do."""
    count = len(touches)
    for cut in range(FEWEST, count - FEWEST + 1):
        parts: tuple[NDArray[np.intp], ...] = (np.arange(cut), np.arange(cut, count))
        fits = [match_touches(model, touches.positions[part], sd) for part in parts]
        if all(fit.enough and fit.best is not None and -1 not in fit.best.indices for fit in fits):
            return _moved(touches, list(range(cut, count)))
    return ""
