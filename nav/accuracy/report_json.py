"""report.json: the fields of Atracsys' SlicerAstmPhantomTest, and ours under a key of their own."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

import nav
from nav.accuracy.accuracy_day import AccuracyDay
from nav.accuracy.accuracy_plan import ROTATIONS, SINGLE
from nav.accuracy.limits import judge_day, verdict

OWN = "c1c2nav"
FORMAT = "c1c2nav/accuracy-report/1"
DIGITS = 6


def report_json(day: AccuracyDay, inputs: list[dict[str, str]]) -> str:
    """Return the report as JSON text; the same day gives the same text.

    Measured positions are in the block's frame, located by its touched divots, in mm.

    Parameters
    ----------
    day : AccuracyDay
        The results.
    inputs : list of dict
        ``file`` and ``sha256`` of all files read.

    Returns
    -------
    str
        UTF-8 text with a final line break.
    """
    data = {"made_by": f"c1c2nav {nav.__version__}", **_common(day), OWN: _own(day, inputs)}
    return json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def duration_text(seconds: float) -> str:
    """Return a duration as in 1h2min3s.

    Parameters
    ----------
    seconds : float
        The duration, s.

    Returns
    -------
    str
    """
    whole = round(seconds)
    return f"{whole // 3600}h{whole % 3600 // 60}min{whole % 60}s"


def central_divot(day: AccuracyDay) -> str:
    """Return the divot of the single-point tests and rotations.

    Parameters
    ----------
    day : AccuracyDay
        The results.

    Returns
    -------
    str
        Empty where there is none.
    """
    return next((e.divot for e in day.plan.recording if e.divot is not None), "")


def _common(day: AccuracyDay) -> dict[str, Any]:
    plan = day.plan
    recalibrated = len(set(day.located_by.values())) == len(day.located_by)
    data: dict[str, Any] = {
        "Tracker Serial Number": plan.tracker,
        "Pointer": plan.pointer,
        "Working Volume": plan.working_volume,
        "Phantom": plan.phantom,
        "Operator": plan.operator,
        "Start date_time": plan.started.strftime("%Y.%m.%d_%H.%M.%S"),
        "Duration": duration_text(day.seconds),
        "Central Divot": central_divot(day),
        "Point acquisition": "Mean (all frames of a rest)",
        "Recalibration at each location": "Yes" if recalibrated else "No",
        "Calibrated Ground Truth": day.divots,
    }
    for test, name in SINGLE.items():
        data[f"Single Point Measurements [{name}]"] = {
            place: one.errors + day.divots[central_divot(day)]
            for (kind, place), one in day.single.items()
            if kind == test
        }
    for test, name in ROTATIONS.items():
        data[f"{name} Rotation Measurements"] = {
            place: np.column_stack([one.angles, one.positions])
            for (kind, place), one in day.rotations.items()
            if kind == test
        }
    data["Multi-point Measurements"] = {
        place: dict(zip(where.labels, where.in_block, strict=True))
        for place, where in day.locations.items()
    }
    return data


def _own(day: AccuracyDay, inputs: list[dict[str, str]]) -> dict[str, Any]:
    plan, judged = day.plan, judge_day(day)
    return {
        "format": FORMAT,
        "notice": nav.NOTICE,
        "unit": "mm, degrees",
        "confidence": 0.95,
        "inputs": inputs,
        "versions": plan.versions,
        "temperature_celsius": plan.temperature,
        "temperature_change_kelvin": plan.temperature_change,
        "remarks": plan.remarks,
        "frames": day.frames,
        "frames_lost": day.lost,
        "single_point": [
            {
                "test": SINGLE[test],
                "place": place,
                "statistics": asdict(one.statistics),
                "span": one.span,
                "rms_about_mean": one.rms,
                "location_sd": one.location_sd,
                "rests_left_out": one.left_out,
            }
            for (test, place), one in day.single.items()
        ],
        "rotation": [
            {
                "test": ROTATIONS[test],
                "place": place,
                "n": len(one.angles),
                "min_angle": one.angles.min(),
                "max_angle": one.angles.max(),
                "span": one.span,
                "rms": one.rms,
                "frames_left_out": one.left_out,
            }
            for (test, place), one in day.rotations.items()
        ],
        "multi_point": [
            {
                "place": place,
                "distances": asdict(one.distances),
                "scale_error": asdict(one.scale),
                "registration": asdict(one.registration),
                "fre": one.fre,
                "residuals": dict(zip(day.locations[place].labels, one.residuals, strict=True)),
            }
            for place, one in day.multi.items()
        ],
        "rest": {place: asdict(one) for place, one in day.rest.items()},
        "warm_up": {
            place: {k: v for k, v in asdict(one).items() if k not in ("times", "drift")}
            for place, one in day.warm_ups.items()
        },
        "budget": {
            "k": day.budget.coverage,
            "effective_degrees_of_freedom": day.budget.freedom,
            "u": day.budget.combined,
            "U": day.budget.expanded,
            "observed_rms_per_axis": day.budget.observed,
            "contributions": [asdict(part) for part in day.budget.contributions],
        },
        "limits": [asdict(one) for one in judged],
        "verdict": verdict(judged),
    }


def _plain(value: Any) -> Any:
    """Return plain values, rounded; what is infinite becomes null."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
