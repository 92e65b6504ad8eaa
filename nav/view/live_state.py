"""Decide what the window shows of an update, at a moment.

No update can turn anything old or unknown into a number here: a lost tool, a late update or an
ended process leaves every number out and states why.
"""

import math
from collections.abc import Sequence

import numpy as np

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.core.tracked_frame import NO_TOOL
from nav.guidance.alarms import Level
from nav.guidance.proximity import Proximity, StructureProximity
from nav.live.messages import Ended, Preparing, Stage, Standstill, Update
from nav.model.case import Case
from nav.pipeline import Guidance
from nav.text.catalogue import chosen, label, sentence
from nav.view.live_display import (
    GAUGE_ROLES,
    AheadLine,
    Banner,
    DisplayState,
    GaugeState,
    Light,
    SceneState,
    Segment,
    TargetState,
    Why,
    record_of,
)
from nav.view.pace import SIMULATION_SILENT, STALE_AFTER
from nav.view.words import (
    bending_text,
    between,
    bound_text,
    distance_text,
    one_decimal,
    role_word,
)

# mm: the gauges' bars end here, or at three times the caution limit
SHORTEST_BAR = 15.0
DOUBTFUL = ("geometry_doubtful", "geometry_doubtful_at_tip")  # warnings that say so themselves
# what the needle can hit; the order decides where two are hit at once
AHEAD_ROLES = ("cord", "artery", "dura", "bone", "support")


def display(
    case: Case,
    update: Update | None,
    now: float,
    alive: bool,
    ended: Ended | None = None,
    *,
    needle: str = "needle",
    reference: str = "reference",
    plan: str = "",
    standstill: Standstill | None = None,
    preparing: Preparing | None = None,
    stale_after: float = STALE_AFTER,
) -> DisplayState:
    """Return what to show of the newest update at a moment.

    Parameters
    ----------
    case : Case
        What is navigated.
    update : Update or None
        The newest.
    now : float
        s, monotonic clock.
    alive : bool
        Whether the tracking process runs.
    ended : Ended, optional
        Its last message, if it came.
    needle, reference : str
        The tools' names.
    plan : str
        The one followed where the update does not tell.
    standstill : Standstill, optional
        The newest.
    preparing : Preparing, optional
        The newest.
    stale_after : float
        Largest age of pictures whose numbers are shown, s: see `nav.view.pace.Pace`.

    Returns
    -------
    DisplayState
        Without numbers where there is a reason to blank them.
    """
    stage = update.stage if update is not None else Stage.CASE
    record, notices = record_of(update.notices if update is not None else ())
    if ended is not None or not alive:
        record = None
    plan = _plan_name(case, update, plan)
    banner = _banner(update, now, alive, ended, standstill, preparing, stale_after)
    if update is None or banner is not None:
        assert banner is not None
        why = _why(Notice("nothing_shown", {"reason": banner.text}))
        return DisplayState(
            False, banner, stage, "", notices,
            {role: _blank_gauge(case, role, why) for role in GAUGE_ROLES},
            (), why, TargetState(plan, why=why),
            (Light(needle, "unknown"), Light(reference, "unknown")),
            "", "", SceneState(plan=plan, fiducials=_fiducials(case, stage)), record=record,
        )  # fmt: skip
    guidance = update.guidance
    found = _proximity(guidance, needle, reference)
    gauges = {role: _gauge(case, role, found, guidance) for role in GAUGE_ROLES}
    if standstill is not None and standstill.why == "paused":
        banner = _awaited(Notice("paused", {"seconds": guidance.time}))
    elif update.alarm is not None:
        banner = _wrong(update.alarm)
    return DisplayState(
        True, banner, stage, "" if update.prompt is None else sentence(update.prompt), notices,
        gauges, _ahead(found), _ahead_why(found, guidance), _target(plan, found, guidance),
        _lights(guidance, needle, reference),
        f"{1000 * update.delay:.0f} ms" if math.isfinite(update.delay) else "",
        f"{update.rate:.0f} /s" if math.isfinite(update.rate) else "",
        _scene(case, update, found, plan, tuple(gauges.values())),
        label("simulated") if update.simulated else _age(now - update.captured_at), record,
    )  # fmt: skip


def _age(seconds: float) -> str:
    return sentence(Notice("age", {"seconds": math.ceil(10 * max(0.0, seconds)) / 10}))


def _why(notice: Notice) -> Why:
    return Why(*chosen().parts(notice))


def _wrong(notice: Notice) -> Banner:
    return Banner(sentence(notice), True)


def _awaited(notice: Notice) -> Banner:
    return Banner(sentence(notice), False)


def _banner(
    update: Update | None,
    now: float,
    alive: bool,
    ended: Ended | None,
    standstill: Standstill | None,
    preparing: Preparing | None,
    stale_after: float,
) -> Banner | None:
    """Return why nothing may be shown, or None."""
    if ended is not None:
        if ended.problem is not None:
            return _wrong(Notice("tracking_process_ended", {"problem": ended.problem}))
        return _awaited(Notice("tracking_over"))
    if not alive:
        return _wrong(Notice("tracking_died"))
    if standstill is not None and standstill.why == "over":
        return _awaited(Notice("recording_at_end"))
    if update is None and preparing is not None:
        step: dict[str, Notice | float] = {"step": preparing.step}
        if preparing.share > 0.0:
            percent = 100 * preparing.share
            return _awaited(Notice("preparing_share", {**step, "percent": percent}))
        return _awaited(Notice("preparing", step))
    if update is None:
        return _awaited(Notice("waiting_for_pictures"))
    age = now - update.captured_at
    if age < -STALE_AFTER:
        return _wrong(Notice("times_ahead"))
    if update.simulated:
        silent = not age <= SIMULATION_SILENT
        return _wrong(Notice("simulation_silent", {"seconds": age})) if silent else None
    if not age <= STALE_AFTER:  # NaN is stale as well
        return _wrong(Notice("data_late", {"seconds": age}))
    if not age <= stale_after:
        return _wrong(Notice("computer_busy"))
    return None


def _plan_name(case: Case, update: Update | None, before: str) -> str:
    """Return the plan that is followed; it is not a measurement and stays when the tip is lost."""
    if update is not None and not isinstance(update.guidance.plan, Lost):
        return update.guidance.plan.name
    if before:
        return before
    return case.default_plan.name if case.default_plan is not None else ""


def _proximity(guidance: Guidance, needle: str, reference: str) -> Proximity | Why:
    """Return the distances, or the first reason why they are not known."""
    for tool in (needle, reference):
        seen = guidance.tracked.tools.get(tool, NO_TOOL)
        if isinstance(seen, Lost):
            return _why(Notice("tool_lost", {"tool": tool, "reason": seen}))
    for stage in (guidance.reference_tip, guidance.model_tip, guidance.proximity):
        if isinstance(stage, Lost):
            return _why(stage)
    assert not isinstance(guidance.proximity, Lost)
    return guidance.proximity


def gauge_limits(case: Case, role: str, name: str = "") -> tuple[float | None, float | None, float]:
    """Return the limits of a structure, or of the first one of a role, and the end of its bar.

    Parameters
    ----------
    case : Case
        What is navigated.
    role : str
        Of the structure.
    name : str
        Of the structure; the first of the role if there is none of this name.

    Returns
    -------
    caution, danger : float or None
        mm; None where it has none.
    full : float
        The bar's end, mm.
    """
    of_role = case.of_role(role)
    chosen = next((s for s in of_role if s.name == name), of_role[0] if of_role else None)
    if chosen is None:
        return None, None, SHORTEST_BAR
    limit = max(chosen.caution or 0.0, chosen.danger or 0.0)
    return chosen.caution, chosen.danger, max(SHORTEST_BAR, 3.0 * limit)


def _blank_gauge(case: Case, role: str, why: Why) -> GaugeState:
    caution, danger, full = gauge_limits(case, role)
    return GaugeState(role, "", Level.UNKNOWN, caution=caution, danger=danger, full=full, why=why)


def _gauge(case: Case, role: str, found: Proximity | Why, guidance: Guidance) -> GaugeState:
    if isinstance(found, Why):
        return _blank_gauge(case, role, found)
    of_role = [s for s in found.structures if s.role == role]
    if not of_role:
        return _blank_gauge(case, role, _why(Notice("role_missing", {"role": role_word(role)})))
    unknown = [s.name for s in of_role if not _known(s)]
    if unknown:
        odd = Notice("distance_not_a_number", {"structure": unknown[0]})
        return _blank_gauge(case, role, _why(odd))
    levels = {s.name: _level(s, guidance) for s in of_role}
    # an unknown level must not hide behind a clear one, nor hide a danger
    worst = max(of_role, key=lambda s: (_urgency(levels[s.name]), -s.bound))
    level = levels[worst.name]
    if level is Level.UNKNOWN:
        odd = Notice("level_not_known", {"structure": worst.name})
        return _blank_gauge(case, role, _why(odd))
    caution, danger, full = gauge_limits(case, role, worst.name)
    return GaugeState(
        role, worst.name, level, distance_text(worst.distance), bound_text(worst),
        worst.distance, worst.bound, caution, danger, full,
        bending=bending_text(guidance.drift),
    )  # fmt: skip


def _known(structure: StructureProximity) -> bool:
    return math.isfinite(structure.distance) and math.isfinite(structure.bound)


def _level(structure: StructureProximity, guidance: Guidance) -> Level:
    if structure.distance < 0:
        return Level.DANGER
    return guidance.alarms.levels.get(structure.name, Level.UNKNOWN)


def _urgency(level: Level) -> float:
    return Level.DANGER - 0.5 if level is Level.UNKNOWN else float(level)


def _ahead(found: Proximity | Why) -> tuple[AheadLine, ...]:
    """Return the first two different structures along the heading, nearest first."""
    if isinstance(found, Why):
        return ()
    return tuple(
        AheadLine(
            sentence(Notice("out_of", {"structure": s.name})) if s.distance < 0 else s.name,
            s.role,
            f"{one_decimal(way)} mm",
        )
        for way, s in _hits(found)[:2]
    )


def _hits(found: Proximity) -> list[tuple[float, StructureProximity]]:
    """Return what the heading hits, nearest first, with the distance to it, mm."""
    hits = [
        (s.ahead, s)
        for s in found.structures
        if s.role in AHEAD_ROLES and s.ahead is not None and math.isfinite(s.ahead)
    ]
    return sorted(hits, key=lambda hit: (hit[0], AHEAD_ROLES.index(hit[1].role)))


def _ahead_why(found: Proximity | Why, guidance: Guidance) -> Why | None:
    if isinstance(found, Why):
        return found
    tip = guidance.model_tip
    if not isinstance(tip, Lost) and tip.heading is None:
        return _why(Notice("heading_not_known"))
    return None if _ahead(found) else _why(Notice("nothing_ahead"))


def _target(plan: str, found: Proximity | Why, guidance: Guidance) -> TargetState:
    if isinstance(found, Why):
        return TargetState(plan, why=found)
    deviation = guidance.plan
    if isinstance(deviation, Lost):
        return TargetState(plan, why=_why(Notice("plan_missing", {"reason": deviation})))
    known = (deviation.to_target, deviation.off_axis, deviation.remaining)
    if not all(math.isfinite(value) for value in known):
        return TargetState(plan, why=_why(Notice("way_not_a_number")))
    beyond = deviation.remaining < 0 and deviation.to_target >= 0.05
    spread = between(deviation.sd)
    distance = f"{one_decimal(deviation.to_target)} mm"
    return TargetState(
        plan,
        sentence(Notice("beyond_target", {"mm": distance})) if beyond else distance,
        spread,
        f"{one_decimal(deviation.off_axis)} mm",
        "" if deviation.angle is None else f"{one_decimal(math.degrees(deviation.angle))}°",
    )


def _lights(guidance: Guidance, needle: str, reference: str) -> tuple[Light, ...]:
    lights = []
    for tool in (needle, reference):
        seen = guidance.tracked.tools.get(tool, NO_TOOL)
        if isinstance(seen, Lost):
            lights.append(Light(tool, "lost", sentence(seen)))
        elif seen.warnings:
            says_doubtful = any(notice.code in DOUBTFUL for notice in seen.warnings)
            reason = chosen().sentences(seen.warnings)
            lights.append(Light(tool, "doubtful", reason, says_doubtful))
        else:
            lights.append(Light(tool, "seen"))
    for camera, why in guidance.tracked.camera_lost.items():
        name = sentence(Notice("camera_light", {"camera": camera}))
        lights.append(Light(name, "lost", sentence(why)))
    return tuple(lights)


def _fiducials(case: Case, stage: Stage) -> tuple[str, ...]:
    """Return the labels of what is to be touched in a stage."""
    use = {Stage.REGISTER: "register", Stage.VERIFY: "check"}.get(stage, "")
    # without check points one to register with is checked
    chosen = case.fiducials_for(use) or (case.fiducials if stage is Stage.VERIFY else ())
    return tuple(f.label for f in chosen)


def _scene(
    case: Case,
    update: Update,
    found: Proximity | Why,
    plan: str,
    gauges: Sequence[GaugeState],
) -> SceneState:
    labels, label = _fiducials(case, update.stage), update.next_fiducial
    if update.stage is Stage.NAVIGATE and label is not None:
        labels = (label,)  # it is touched again
    wanted = label if label is not None and label in labels else ""
    tip = update.guidance.model_tip
    if isinstance(found, Why) or isinstance(tip, Lost) or not np.isfinite(tip.position).all():
        return SceneState(plan=plan, fiducials=labels, wanted=wanted)
    nearest = {s.name: s.nearest for s in found.structures}
    # while fiducials are touched, far from everything, the lines would only hide the view
    navigating = update.stage is Stage.NAVIGATE
    segments = tuple(
        Segment(gauge.role, tip.position, nearest[gauge.name], f"{gauge.value} mm", gauge.level)
        for gauge in gauges
        if navigating and gauge.value and np.isfinite(nearest[gauge.name]).all()
    )
    hits = _hits(found)
    ahead = hits[0][0] if hits else None
    return SceneState(tip.position, tip.heading, ahead, segments, plan, labels, wanted)
