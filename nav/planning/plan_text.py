"""Describe the results of planning in sentences and tables for people."""

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from nav.core.notice import Fact, Notice
from nav.planning.catheter import Catheter, CatheterPath
from nav.planning.landmarks import Landmarks
from nav.planning.plan_result import (
    ArteryInGap,
    Blocking,
    Clearance,
    PlannedPath,
    Problem,
    SidePlan,
    TrajectoryPlan,
)
from nav.planning.probability import Estimate
from nav.text.catalogue import ENGLISH

NEVER = 1e-9  # a probability below this is shown as such


def percent(estimate: Estimate | None) -> str:
    """Format a probability for people.

    Parameters
    ----------
    estimate : Estimate or None
        None where the case lacks the structure.

    Returns
    -------
    str
        "?" where it is not known.
    """
    if estimate is None:
        return "?"
    value = estimate.value
    if value < NEVER:
        return "<1e-9"
    if value >= 0.995:
        return "100%"
    if value >= 0.001:
        return f"{100.0 * value:.2g}%"
    return f"{value:.1e}"


def artery_sentence(artery: ArteryInGap) -> str:
    """Explain why an artery in the gap forbids a puncture.

    Parameters
    ----------
    artery : ArteryInGap
        As found.

    Returns
    -------
    str
        For people, in one line.
    """
    if artery.enters:
        return f"the {artery.structure} enters the canal below C1: it lies in the gap"
    where = "behind the cord" if artery.behind_cord else "beside the cord"
    return f"the {artery.structure} runs {where} between C1 and C2: it lies where the needle goes"


def blocking_sentence(blocking: Blocking) -> str:
    """Describe how many paths of a side a structure blocks, and how near the best one passes it.

    Parameters
    ----------
    blocking : Blocking
        As found.

    Returns
    -------
    str
        For people, in one line.
    """
    what = f"{blocking.structure} is in the way of {100.0 * blocking.blocked:.0f} % of the paths"
    if not blocking.alone:
        return what
    return (
        f"{what}; of those that keep all other limits the best passes it at "
        f"{blocking.best:.1f} mm, "
        f"{blocking.depth:.0f} mm deep; at least {blocking.limit:.1f} mm is required"
    )


def problem_notice(problem: Problem) -> Notice:
    """Describe a limit that a path does not keep.

    Parameters
    ----------
    problem : Problem
        As found.

    Returns
    -------
    Notice
        Its sentence has no subject, such as "goes through the cord".
    """
    facts: dict[str, Fact] = {"structure": problem.structure}
    if problem.kind == "clearance":
        if problem.value < 0.0:
            return Notice("path_through", facts)
        return Notice("path_near", {**facts, "value_mm": problem.value, "limit_mm": problem.limit})
    if problem.kind == "probability":
        code = "path_touches_artery" if problem.structure == "artery" else "path_touches_cord"
        value, limit = (percent(Estimate(p, 0.0)) for p in (problem.value, problem.limit))
        return Notice(code, {"value": value, "limit": limit})
    if problem.kind == "depth":
        return Notice("path_too_deep", {"value_mm": problem.value, "limit_mm": problem.limit})
    if problem.kind == "angle":
        value_degrees, limit_degrees = np.degrees([problem.value, problem.limit]).tolist()
        angles = {"value_degrees": value_degrees, "limit_degrees": limit_degrees}
        return Notice("path_oblique", angles)
    if problem.kind == "target":
        return Notice("path_misses_target")
    return Notice("path_artery_in_gap", facts)


def unknown_sentence(role: str, side: str) -> str:
    """Describe what a case lacks, and what that means.

    Parameters
    ----------
    role : str
        "artery" or "cord".
    side : str
        "left" or "right".

    Returns
    -------
    str
        For people, in one line.
    """
    if role == "artery":
        return f"no artery on the {side} in this case: the risk to it is unknown, not none"
    return (
        "no cord in this case: the risk to it is unknown; targets are the canal's posterior third"
    )


def place(clearance: Clearance, path: PlannedPath) -> str:
    """Describe where a path is nearest to a structure.

    Parameters
    ----------
    clearance : Clearance
        To the structure.
    path : PlannedPath
        Its depth separates shaft and what is ahead of the tip.

    Returns
    -------
    str
        Structure, clearance in mm and depth in mm.
    """
    ahead = clearance.depth - path.depth
    where = f"{clearance.depth:.0f} mm deep" if ahead < 0.05 else f"{ahead:.1f} mm ahead of the tip"
    return f"{clearance.structure} {clearance.distance:.1f} mm, {where}"


def side_lines(side: SidePlan) -> list[str]:
    """Return the sentences about one side.

    Parameters
    ----------
    side : SidePlan
        Its result.

    Returns
    -------
    list of str
        Empty where there is nothing to add to the table.
    """
    lines = [unknown_sentence(role, side.side) for role in side.unknown]
    own = [a for a in side.arteries if a.side == side.side]
    if side.verdict == "refused":
        lines.append(f"{side.side}: no safe path")
        lines += [artery_sentence(a) for a in own]
        alone = [b for b in side.blocking if b.alone]
        lines += [blocking_sentence(b) for b in (alone or (() if own else side.blocking[:2]))]
        for other in (a for a in side.arteries if a not in own):
            lines.append(artery_sentence(other))
        if side.paths and not own:
            problems = ENGLISH.sentences(map(problem_notice, side.paths[0].problems))
            lines.append(f"the least bad path {problems}")
        if own and side.paths:
            nearest = side.paths[0].nearest("artery")
            if nearest is not None:
                lines.append(
                    "the path that keeps most room passes "
                    f"{place(nearest, side.paths[0])}; --accept-artery-in-gap offers such paths"
                )
    else:
        lines += [f"warning: {artery_sentence(a)}" for a in side.arteries]
    return lines


def why_best(plan: TrajectoryPlan) -> str | None:
    """Explain why the best path is the best, in one line.

    Parameters
    ----------
    plan : TrajectoryPlan
        Both sides.

    Returns
    -------
    str or None
        None where all sides are refused.
    """
    best = plan.best
    if best is None:
        return None
    others = [p for s in plan.sides if s.verdict != "refused" for p in s.paths if p is not best]
    second = min(others, key=lambda p: p.cost, default=None)
    line = (
        f"best: {best.name}: it touches artery or cord with a probability of "
        f"{percent(best.probability.total)} and is to be placed again with one of "
        f"{percent(Estimate(best.hindered, 0.0))}; its narrowest place is "
        f"{place(best.narrowest, best)}"
    )
    if second is not None:
        line += f"; the next, {second.name}, has "
        line += f"{percent(second.probability.total)} and {percent(Estimate(second.hindered, 0.0))}"
    return line


def side_table(side: SidePlan, paths: tuple[PlannedPath, ...], title: str | None = None) -> Table:
    """Return the table of a side's paths: lengths in mm, angles in degrees, p a probability.

    Parameters
    ----------
    side : SidePlan
        Its result.
    paths : tuple of PlannedPath
        The rows.
    title : str, optional
        By default the side with its numbers of paths.

    Returns
    -------
    rich.table.Table
        A row for each path.
    """
    title = title or f"{side.side}: {side.candidates} paths considered, {side.kept} keep clear"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in (
        "", "depth", "cranial", "dorsal", "skin", "artery", "cord", "bone",
        "p artery", "p cord", "p miss",
    ):  # fmt: skip
        table.add_column(column, justify="right", no_wrap=True)
    unknown = "artery" in side.unknown
    for k, path in enumerate(paths, start=1):
        table.add_row(
            str(k),
            f"{path.depth:.0f}",
            f"{np.degrees(path.cranial):+.0f}",
            f"{np.degrees(path.dorsal):+.0f}",
            f"{np.degrees(path.incidence):.0f}",
            "?" if unknown else _distance(path.nearest("artery")),
            _distance(path.nearest("cord")),
            _distance(path.nearest("bone")),
            "?" if unknown else percent(path.probability.artery),
            percent(path.probability.cord),
            percent(path.probability.missed),
        )
    return table


def narrowest_lines(paths: tuple[PlannedPath, ...]) -> list[str]:
    """Return a sentence about the narrowest place of each path.

    Parameters
    ----------
    paths : tuple of PlannedPath
        Any.

    Returns
    -------
    list of str
        One for each path.
    """
    return [f"{path.name}: narrowest at {place(path.narrowest, path)}" for path in paths]


def _distance(clearance: Clearance | None) -> str:
    return "?" if clearance is None else f"{clearance.distance:.1f}"


def line_lines(path: PlannedPath) -> list[str]:
    """Return the sentences about a line set by hand.

    Parameters
    ----------
    path : PlannedPath
        The line, judged.

    Returns
    -------
    list of str
        One for each limit that it does not keep, or a single one.
    """
    if not path.problems:
        return [f"{path.name}: keeps all limits"]
    return [f"{path.name}: {ENGLISH.sentence(problem_notice(p))}" for p in path.problems]


def catheter_lines(path: CatheterPath, catheter: Catheter) -> list[str]:
    """Return the sentences about the catheter: lengths to read, bends, room.

    Parameters
    ----------
    path : CatheterPath
        Its path.
    catheter : Catheter
        Its smallest bend decides on a warning.

    Returns
    -------
    list of str
        For people, with warnings where bend or room is too small.
    """
    marks = ", ".join(f"{m.level} {m.at_hub:.0f} mm" for m in path.marks)
    lines = [
        f"catheter: {path.length:.0f} mm from the needle's opening to {path.end}, opening caudad; "
        f"to read at the hub: {marks}",
        f"smallest bend {path.smallest_radius:.1f} mm at the opening, "
        f"{path.room:.1f} mm of room along the way",
    ]
    if path.end != "C4":
        lines.append("C4 is not in this case: the path ends at C3")
    if path.smallest_radius < catheter.smallest_bend:
        lines.append(
            f"the catheter takes bends of {catheter.smallest_bend:g} mm: it may kink there; turn "
            "the path more cranial, or take a softer catheter"
        )
    if path.room < 0.0:
        lines.append("there is not room for it along the whole path: it touches cord or dura")
    return lines


def landmark_lines(landmarks: Landmarks) -> list[str]:
    """Return the sentences about what the radiograph shows.

    Parameters
    ----------
    landmarks : Landmarks
        As found.

    Returns
    -------
    list of str
        One about the flare point; none where it is found but there is no cord.
    """
    if landmarks.flare is None:
        return ["flare point: not found: C1 is rotated out of a true lateral view"]
    if landmarks.flare_behind_cord is None:
        return []
    off = landmarks.flare_behind_cord
    where = "behind" if off >= 0.0 else "in front of"
    return [f"flare point of C1: {abs(off):.1f} mm {where} the cord's dorsal margin"]
