"""Figures of a daily check: touches of a divot pattern whose geometry is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.errors import InputError, Lost
from nav.core.files import checked, read_toml
from nav.core.frames import Array
from nav.core.tracked_frame import TrackedFrame
from nav.model.case import CASE_FORMAT, CaseFile
from nav.registration.pointfile import load_points
from nav.registration.points import register_points
from nav.tracking.pose_source import PoseSource
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import Tool

LEAST_DIVOTS = 4  # with three, leaving one out leaves no registration
MOST_FRE = 5.0  # mm: more than any fault of a tracker; divots were exchanged
WANDER = 1.0  # mm: the tip stays this near to where a touch began
LEAST_TOUCH = 0.7  # s
LEAST_FRAMES = 5  # of a touch
APART = 4.0  # mm: touches nearer than this are of one divot


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
        Fewer than four divots, an unknown label, or points that do not fit the pattern at all.
    """
    strange = next((label for label in touched if label not in pattern), None)
    if strange is not None:
        raise InputError(f"point {strange}: the pattern has no such divot; it has {_few(pattern)}")
    if len(touched) < LEAST_DIVOTS:
        raise InputError(f"{len(touched)} divots touched; at least {LEAST_DIVOTS} are needed")
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


def touches_in_order(
    source: PoseSource, tool: Tool, pattern: Mapping[str, Array], reference: str | None = None
) -> tuple[dict[str, Array], float]:
    """Find touches by dwell in poses; divots are touched in the pattern's order.

    Parameters
    ----------
    source : PoseSource
        Poses of the tool.
    tool : Tool
        With a tip.
    pattern : mapping of str to ndarray, shape (3,)
        Divots in the order of touching.
    reference : str, optional
        Tool in whose frame the tip is wanted; the frame of the source without it.

    Returns
    -------
    touched : dict of str to ndarray, shape (3,)
        By label, mm.
    jitter : float
        Rms distance of the tip from its mean while it rests, mm.

    Raises
    ------
    InputError
        Another number of touches than the pattern has divots.
    """
    times, tips = [], []
    for frame in source:
        tip = _tip(frame, tool, reference)
        if tip is not None:
            times.append(frame.time)
            tips.append(tip)
    found = _dwells(np.array(times), np.array(tips).reshape(-1, 3))
    if len(found) != len(pattern):
        raise InputError(
            f"{len(found)} touches of at least {LEAST_TOUCH:g} s were found, but the pattern has "
            f"{len(pattern)} divots; touch each once, in the order {_few(pattern)}"
        )
    spread = np.concatenate([part - part.mean(axis=0) for part in found])
    jitter = float(np.sqrt((spread**2).sum(axis=1).mean()))
    return {label: part.mean(axis=0) for label, part in zip(pattern, found, strict=True)}, jitter


def _tip(frame: TrackedFrame, tool: Tool, reference: str | None) -> Array | None:
    if reference is not None:
        pose = frame.pose(tool.name, relative_to=reference)
    else:
        seen = frame.tools[tool.name]
        pose = seen if isinstance(seen, Lost) else seen.rig_from_tool
    tip = None if isinstance(pose, Lost) else tip_from_pose(pose, tool)
    return None if tip is None else tip.position


def _dwells(times: Array, tips: Array) -> list[Array]:
    """Return the tips of each rest, one after the other; rests at one place are one."""
    found: list[Array] = []
    start = 0
    while start < len(tips):
        end = start + 1
        while end < len(tips) and np.linalg.norm(tips[end] - tips[start]) <= WANDER:
            end += 1
        if end - start >= LEAST_FRAMES and times[end - 1] - times[start] >= LEAST_TOUCH:
            rest = tips[start:end]
            if found and np.linalg.norm(found[-1].mean(axis=0) - rest.mean(axis=0)) < APART:
                found[-1] = np.concatenate([found[-1], rest])
            else:
                found.append(rest)
            start = end
        else:
            start += 1
    return found


def _few(pattern: Mapping[str, Array]) -> str:
    labels = list(pattern)
    return ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")
