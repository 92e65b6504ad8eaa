"""What was shown to the user, as a message of /guidance."""

from typing import Any

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.core.tracked_frame import Tip
from nav.guidance.bending import Drift
from nav.guidance.proximity import PlanDeviation, Proximity, StructureProximity
from nav.live.session import State
from nav.record.session.session_json import notice_to_json


def guidance_to_json(state: State, registration: int | None = None) -> dict[str, Any]:
    """Return guidance and state of the work after a frame as a message of /guidance.

    Parameters
    ----------
    state : State
        Of the work.
    registration : int, optional
        Number of the registration in use after the frame: 0 the one given at the start, 1 the first
        made in the session; None: there is none.

    Returns
    -------
    dict
        Of values that JSON has. Tips are in mm and mm^2; `structures`, `plan` and the tips are
        {"status": "lost", "reason": ...} where they are.
    """
    guidance = state.guidance
    return {
        "number": guidance.number,
        "stage": state.stage.value,
        "prompt": _notice(state.prompt),
        "next_fiducial": state.next_fiducial,
        "message": _notice(state.message),
        "alarm": _notice(state.alarm),
        "tips": {
            "reference": _tip(guidance.reference_tip),
            "model": _tip(guidance.model_tip),
        },
        "structures": _structures(guidance.proximity),
        "plan": _plan(guidance.plan),
        "levels": {name: level.name.lower() for name, level in guidance.alarms.levels.items()},
        "worst": guidance.alarms.worst.name.lower(),
        "drift": _drift(guidance.drift),
        "registration": registration,
    }


def _notice(notice: Notice | None) -> dict[str, Any] | None:
    return None if notice is None else notice_to_json(notice)


def _lost(reason: Lost) -> dict[str, Any]:
    return {"status": "lost", "reason": notice_to_json(reason)}


def _tip(tip: Tip | Lost) -> dict[str, Any]:
    if isinstance(tip, Lost):
        return _lost(tip)
    return {
        "status": "known",
        "position": tip.position.tolist(),
        "heading": None if tip.heading is None else tip.heading.tolist(),
        "random": tip.random.tolist(),
        "systematic": tip.systematic.tolist(),
    }


def _structures(near: Proximity | Lost) -> dict[str, Any] | list[dict[str, Any]]:
    return _lost(near) if isinstance(near, Lost) else [_structure(s) for s in near.structures]


def _structure(found: StructureProximity) -> dict[str, Any]:
    return {
        "name": found.name,
        "role": found.role,
        "distance": float(found.distance),
        "bound": float(found.bound),
        "sd": float(found.sd),
        "nearest": found.nearest.tolist(),
        "ahead": None if found.ahead is None else float(found.ahead),
    }


def _plan(plan: PlanDeviation | Lost) -> dict[str, Any]:
    if isinstance(plan, Lost):
        return _lost(plan)
    return {
        "status": "known",
        "name": plan.name,
        "to_target": float(plan.to_target),
        "remaining": float(plan.remaining),
        "off_axis": float(plan.off_axis),
        "angle": None if plan.angle is None else float(plan.angle),
        "sd": float(plan.sd),
    }


def _drift(drift: Drift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "depth": float(drift.depth),
        "assumed": drift.assumed,
        "size": float(drift.size),
        "shift": drift.shift.tolist(),
        "covariance": drift.covariance.tolist(),
    }
