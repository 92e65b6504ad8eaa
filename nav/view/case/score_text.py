"""Words of a line's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.core.notice import Notice
from nav.planning.judging import LineMeasures
from nav.planning.plan_result import PlannedPath
from nav.planning.plan_text import percent, problem_notice
from nav.text.catalogue import label, sentence

ROLES = {"artery": "role_artery", "cord": "role_cord", "bone": "role_bone"}
SIDES = {"left": "score_side_left", "right": "score_side_right"}
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
    for role, code in ROLES.items():
        word, nearest = label(code), measures.nearest(role)
        if nearest is None:
            rows.append((word, label("score_not_in_case"), role != "bone"))
            continue
        ahead = nearest.depth - measures.depth
        facts = {"distance_mm": nearest.distance, "structure": nearest.structure}
        if ahead > 0.05:
            value = Notice("score_ahead", {**facts, "ahead_mm": ahead})
        else:
            value = Notice("score_deep", {**facts, "depth_mm": nearest.depth})
        rows.append((word, sentence(value), nearest.reserve < 0.0))
    angles = (
        _directed(measures.cranial, "score_cranial", "score_caudal"),
        _directed(measures.dorsal, "score_dorsal", "score_ventral"),
    )
    rows.append((label("score_depth"), f"{measures.depth:.1f} mm", False))
    rows.append((label("score_entry"), ", ".join(angles), False))
    rows.append((label("score_touches"), _probability(measures, path), False))
    problems: tuple[str, ...] = ()
    if isinstance(path, PlannedPath):
        problems = tuple(sentence(problem_notice(problem)) for problem in path.problems)
    elif isinstance(path, str):
        problems = (path.removeprefix(f"{name}: "),)
    title = sentence(Notice(SIDES[measures.side], {"line": name}))
    return ScoreText(title, tuple(rows), problems)


def _probability(measures: LineMeasures, path: PlannedPath | str | None) -> str:
    if not measures.within:
        return label("score_unknown_region")
    if not isinstance(path, PlannedPath):
        return WAITING
    found = path.probability
    shares = {"artery": found.artery, "cord": found.cord, "missed": found.missed}
    return sentence(Notice("score_risk", {role: percent(share) for role, share in shares.items()}))


def _directed(angle: float, positive: str, negative: str) -> str:
    code = positive if angle >= 0 else negative
    return sentence(Notice(code, {"degrees": abs(float(np.degrees(angle)))}))
