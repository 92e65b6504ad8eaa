"""Figures of a daily check: touches of a divot pattern whose geometry is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.files import checked, read_toml
from nav.core.frames import Array
from nav.model.case import CASE_FORMAT, CaseFile, Fiducial
from nav.registration.assessment import assess_touches
from nav.registration.assessment_notices import explanation_notice
from nav.registration.pointfile import load_points
from nav.registration.points import register_points
from nav.registration.touch_source import find_touches, tip_series
from nav.text.catalogue import ENGLISH
from nav.tracking.pose_source import PoseSource
from nav.tracking.tool import Tool

LEAST_DIVOTS = 4  # with three, leaving one out leaves no registration
MISTAKES = ("unit", "mirrored", "labels")  # other explanations may be a fault of the tracker
MOST_FRE = 5.0  # mm: more than any fault of a tracker; divots were exchanged


@dataclass(frozen=True)
class DailyFigures:
    """What a daily check measured, mm.

    Parameters
    ----------
    fre : float
        Fiducial registration error, rms.
    leave_one_out : float
        Error of each divot where the others register, rms.
    distance : float
        Error of the distances between divots, rms.
    scale : float
        By how much the distances are too long, mm per metre.
    jitter : float or None
        Of the tip at rest, rms distance from its mean; None where only points are known.
    """

    fre: float
    leave_one_out: float
    distance: float
    scale: float
    jitter: float | None = None


def load_pattern(path: Path) -> dict[str, Array]:
    """Load a divot pattern: labelled points, or the fiducials of a case.

    Parameters
    ----------
    path : Path
        Points as `load_points` reads them, or case.toml.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        By label, mm.

    Raises
    ------
    InputError
        It cannot be read, or is a TOML file of another format.
    """
    if path.suffix.lower() != ".toml":
        return load_points(path)
    data = read_toml(path)
    if data.get("format") != CASE_FORMAT:
        raise InputError(f'{path}: format: expected "{CASE_FORMAT}", or a table label,x,y,z')
    return {f.label: np.array(f.position) for f in checked(data, CaseFile, str(path)).fiducial}


def daily_figures(
    pattern: Mapping[str, Array], touched: Mapping[str, Array], jitter: float | None = None
) -> DailyFigures:
    """Compute the figures of a daily check.

    Parameters
    ----------
    pattern : mapping of str to ndarray, shape (3,)
        Divots as they were made, mm.
    touched : mapping of str to ndarray, shape (3,)
        The same as touched, mm, in any frame.
    jitter : float, optional
        Of the tip at rest, mm.

    Returns
    -------
    DailyFigures

    Raises
    ------
    InputError
        Fewer than four divots, an unknown label, points in another unit, mirrored or with wrong
        labels, or points that do not fit the pattern at all.
    """
    strange = next((label for label in touched if label not in pattern), None)
    if strange is not None:
        raise InputError(f"point {strange}: the pattern has no such divot; it has {_few(pattern)}")
    if len(touched) < LEAST_DIVOTS:
        raise InputError(f"{len(touched)} divots touched; at least {LEAST_DIVOTS} are needed")
    _refuse_mistakes(pattern, touched)
    model = np.array([pattern[label] for label in touched])
    points = np.array(list(touched.values()), float)
    found = register_points(model, points)
    if found.fre > MOST_FRE:
        worst = list(touched)[int(np.argmax(found.residuals))]
        raise InputError(
            f"the touched points do not fit the pattern (FRE {found.fre:.1f} mm, worst {worst}); "
            "were divots exchanged, or is the unit not mm?"
        )
    left_out = []
    for k in range(len(points)):
        rest = np.arange(len(points)) != k
        others = register_points(model[rest], points[rest]).model_from_reference.transform
        left_out.append(others.apply(points[k]) - model[k])
    first, second = np.triu_indices(len(points), 1)
    nominal = np.linalg.norm(model[first] - model[second], axis=1)
    off = np.linalg.norm(points[first] - points[second], axis=1) - nominal
    return DailyFigures(
        found.fre,
        float(np.sqrt((np.array(left_out) ** 2).sum(axis=1).mean())),
        float(np.sqrt((off**2).mean())),
        1000.0 * float(off @ nominal / (nominal @ nominal)),
        jitter,
    )


def _refuse_mistakes(pattern: Mapping[str, Array], touched: Mapping[str, Array]) -> None:
    """Refuse touches that a mistake of the hand or the file explains, and no fault of a tracker."""
    fiducials = tuple(Fiducial(k, np.asarray(p, float), "register") for k, p in pattern.items())
    found = assess_touches(fiducials, touched).explanations
    if found and found[0].kind in MISTAKES:
        raise InputError(
            "the touched points do not fit the pattern: "
            f"{ENGLISH.sentence(explanation_notice(found[0]))}"
        )


def touches_in_order(
    source: PoseSource, tool: Tool, pattern: Mapping[str, Array], reference: str
) -> tuple[dict[str, Array], float]:
    """Find touches by dwell in poses; divots are touched in the pattern's order.

    Parameters
    ----------
    source : PoseSource
        Poses of the tool and of the reference body.
    tool : Tool
        With a tip.
    pattern : mapping of str to ndarray, shape (3,)
        Divots in the order of touching.
    reference : str
        Name of the body that the pattern is fixed to.

    Returns
    -------
    touched : dict of str to ndarray, shape (3,)
        By label, reference frame, mm.
    jitter : float
        Rms distance of the tip from its mean while it rests, mm.

    Raises
    ------
    InputError
        A touch that is not to be used, or another number of touches than the pattern has divots.
    """
    found = find_touches(tip_series(source, tool, reference))
    if found.refused:
        raise InputError(f"{found.refused[0]}; touch the pattern again")
    if len(found.touches) != len(pattern):
        raise InputError(
            f"{len(found.touches)} touches were found, but the pattern has {len(pattern)} divots; "
            f"touch each once for a second, in the order {_few(pattern)}"
        )
    jitter = float(np.sqrt(np.mean([touch.wander**2 for touch in found.touches])))
    by_label = zip(pattern, found.touches, strict=True)
    return {label: touch.position for label, touch in by_label}, jitter


def _few(pattern: Mapping[str, Array]) -> str:
    labels = list(pattern)
    return ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")
