"""Choice of the series to read: the one asked for, or the best one, and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nav.core.errors import InputError
from nav.reconstruction.reading.read_result import Finding, SeriesInfo
from nav.reconstruction.reading.sentences import describe_problem
from nav.reconstruction.reading.stacks import Stack

LONG_ENOUGH = 80.0  # mm along the normal: a longer scan does not show C1 to C4 better
THICKNESS_CLASS = 0.25  # mm; spacings within it count as equal


def choose(
    stacks: Sequence[Stack], source: Path, wanted: str | None
) -> tuple[Stack, Finding | None]:
    """Choose the stack to read, and state why where there was a choice.

    Parameters
    ----------
    stacks : sequence of Stack
        Of the folder.
    source : Path
        Folder or file, for messages.
    wanted : str or None
        Name of a series; one that has several volumes means the first. None chooses the best.

    Returns
    -------
    stack : Stack
        The one to read.
    finding : Finding or None
        Why it was chosen; None where a series was asked for or only one exists.

    Raises
    ------
    InputError
        None is suitable, the named one is absent or not suitable, or none is named and they are of
        several patients.
    """
    if wanted is not None:
        return _named(stacks, source, wanted.strip()), None
    suitable = [s for s in stacks if s.problem is None]
    if not suitable:
        raise InputError(f"{source}: no series can be read as a CT volume: {_reasons(stacks)}")
    _refuse_several_patients(suitable, source)
    best = max(suitable, key=_merit)
    if len(stacks) == 1:
        return best, None
    facts = {"name": best.name, "count": len(stacks), "suitable": len(suitable)}
    return best, Finding("series_chosen", facts | {"reason": _reason(best, suitable)})


def _refuse_several_patients(suitable: Sequence[Stack], source: Path) -> None:
    """Refuse to choose between patients."""
    series: dict[str, list[str]] = {}
    for stack in suitable:
        series.setdefault(stack.slices[0].patient, []).append(stack.name)
    known = [names for patient, names in series.items() if patient]
    if len(known) > 1:
        shown = "; ".join(f"series {', '.join(names[:4])}" for names in known[:4])
        raise InputError(
            f"{source}: has scans of {len(known)} patients ({shown}); give the folder of one, or "
            "name the series (--series, --list shows all)"
        )


def _named(stacks: Sequence[Stack], source: Path, wanted: str) -> Stack:
    names = [s.name for s in stacks]
    candidates = [s for s in stacks if s.name == wanted] or [
        s for s in stacks if s.name.startswith(f"{wanted}.")
    ]
    if not candidates:
        raise InputError(f"{source}: has no series {wanted}; there are {', '.join(names)}")
    usable = [s for s in candidates if s.problem is None]
    if not usable:
        problem = describe_problem(candidates[0].problem or "")
        raise InputError(f"{source}: series {wanted} cannot be read as a CT volume: {problem}")
    return usable[0]


def _reasons(stacks: Sequence[Stack]) -> str:
    shown = [f"series {s.name}: {describe_problem(s.problem or '')}" for s in stacks[:4]]
    if len(stacks) == 1:
        return describe_problem(stacks[0].problem or "")
    return "; ".join(shown) + (f"; and {len(stacks) - 4} more" if len(stacks) > 4 else "")


def _merit(stack: Stack) -> tuple[float, ...]:
    """Return the criteria that make a series better, the most important one first."""
    info = stack.info
    step = max(info.spacing[2], info.thickness or 0.0)
    original = "ORIGINAL" in stack.slices[0].image_type
    return (
        not any(s.lossy for s in stack.slices),
        min(info.extent, LONG_ENOUGH) // (LONG_ENOUGH / 4),
        -round(step / THICKNESS_CLASS),
        info.contrast,
        original,
        -info.spacing[0],
        info.extent,
        -stacks_order(info),
    )


def stacks_order(info: SeriesInfo) -> float:
    """Return a series' number, to prefer the earlier one among equals.

    Parameters
    ----------
    info : SeriesInfo
        The series.

    Returns
    -------
    float
        Its number; inf where its name is not a number.
    """
    try:
        return float(info.name)
    except ValueError:
        return float("inf")


def _reason(best: Stack, suitable: Sequence[Stack]) -> str:
    """Return the first criterion by which it is better than the runner-up, as a code."""
    codes = ("lossless", "longest", "thinnest", "contrast", "original", "finest", "longest")
    others = [s for s in suitable if s is not best]
    if not others:
        return "only"
    second = max(others, key=_merit)
    for code, mine, theirs in zip(codes, _merit(best), _merit(second), strict=False):
        if mine != theirs:
            return code
    return "first"
