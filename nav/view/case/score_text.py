"""Words of a line's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.planning.judging import LineMeasures
from nav.planning.plan_result import PlannedPath
from nav.planning.plan_text import percent, problem_sentence

ROLES = (("artery", "artery"), ("cord", "cord"), ("bone", "bone"))
WAITING = "..."


@dataclass(frozen=True)
class ScoreText:
    """The texts about a line in the window.

    Parameters
    ----------
    title : str
        Name and side.
    rows : tuple of tuple (str, str, bool)
        Word, value, and whether a limit is not kept.
    problems : tuple of str
        Limits that are not kept, a sentence each.
    """

    title: str
    rows: tuple[tuple[str, str, bool], ...] = ()
    problems: tuple[str, ...] = ()


def score_text(
    name: str, measures: LineMeasures | str, path: PlannedPath | str | None
) -> ScoreText:
    """Describe a line's score in words.

    Parameters
    ----------
    name : str
        Of the line.
    measures : LineMeasures or str
        What is known at once, or why it is not.
    path : PlannedPath, str or None
        The line judged, or why it is not; None where it is not judged yet.

    Returns
    -------
    ScoreText
        For the window.
    """
    if isinstance(measures, str):
        return ScoreText(name, (), (measures.removeprefix(f"{name}: "),))
    rows = []
    for role, word in ROLES:
        nearest = measures.nearest(role)
        if nearest is None:
            rows.append((word, "not in this case", role != "bone"))
            continue
        where = f"{nearest.depth:.0f} mm deep"
        if nearest.depth > measures.depth + 0.05:
            where = f"{nearest.depth - measures.depth:.1f} mm ahead of the tip"
        value = f"{nearest.distance:.1f} mm   ({nearest.structure}, {where})"
        rows.append((word, value, nearest.reserve < 0.0))
    angles = (
        f"{_directed(measures.cranial, 'cranial', 'caudal')}, "
        f"{_directed(measures.dorsal, 'dorsal', 'ventral')}"
    )
    rows += [("depth", f"{measures.depth:.1f} mm", False), ("entry", angles, False)]
    rows.append(("touches", _probability(measures, path), False))
    problems: tuple[str, ...] = ()
    if isinstance(path, PlannedPath):
        problems = tuple(problem_sentence(problem) for problem in path.problems)
    elif isinstance(path, str):
        problems = (path.removeprefix(f"{name}: "),)
    return ScoreText(f"{name}, from the {measures.side}", tuple(rows), problems)


def _probability(measures: LineMeasures, path: PlannedPath | str | None) -> str:
    if not measures.within:
        return "unknown: it leaves the region covered by planning"
    if not isinstance(path, PlannedPath):
        return WAITING
    found = path.probability
    return (
        f"artery {percent(found.artery)}, cord {percent(found.cord)}; "
        f"misses the dura {percent(found.missed)}"
    )


def _directed(angle: float, positive: str, negative: str) -> str:
    return f"{abs(np.degrees(angle)):.0f}° {positive if angle >= 0 else negative}"
