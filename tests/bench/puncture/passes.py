"""Registrations and needle passes with drawn errors, through the pipeline that the window uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.core.frames import Array, Pose, perturbed
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.model.case import Plan
from nav.pipeline import Pipeline
from nav.registration.assessment import assess_touches
from nav.registration.registration_result import Registration
from nav.tracking.needle import NeedleKind
from nav.tracking.tool import Tool
from phantoms.demo.work import HAND_SD
from phantoms.twin.seating import seated_tip
from phantoms.twin.simulated_tools import TUOHY_17G, needle_tool
from tests.bench.puncture.necks import PreparedNeck
from tests.bench.puncture.needle import STRAIGHT, Bend, draw_bend
from tests.bench.puncture.tracking_errors import TrackingErrors

REFERENCE = "reference"
TOUCH_FRAMES = 8
TILT = np.radians(25.0)  # of the shaft in a divot, at most
TRIES = 5  # registrations that are refused, before a user gives up
OFF_AXIS, OFF_ANGLE = 0.4, np.radians(0.8)  # sd per axis, of a hand that follows the screen
BEFORE_SKIN, STEP = 6.0, 2.0  # mm
OPENING = np.array([0.0, 1.0, 0.0])  # the bevel's, tool frame

Variant = Literal["stiff", "known side", "unknown side"]
VARIANTS: tuple[Variant, ...] = ("stiff", "known side", "unknown side")


@dataclass(frozen=True)
class Shown:
    """A distance as shown and as true, mm.

    Parameters
    ----------
    structure, role : of the case; "cord gauge" and "artery gauge" are the window's two,
        against the nearest true structure of that role, seen in the scan or not.
    depth : of the tip below the skin along the plan, mm. left : to the target, mm.
    """

    variant: str
    structure: str
    role: str
    depth: float
    left: float
    distance: float
    bound: float
    true: float


@dataclass
@dataclass(frozen=True)
class Registered:
    """A registration that passed, and how often it was refused before."""

    registration: Registration
    refused: int
    fre: float
    tre_at_target: float
    true_case_from_reference: RigidTransform


def register(
    neck: PreparedNeck, plan: Plan, errors: TrackingErrors, run: int, rng: np.random.Generator
) -> Registered | str:
    """Touch all markers and register, as a session does; again where it is refused."""
    case_from_reference = perturbed(
        RigidTransform.from_translation([0.0, 90.0, 60.0])
        * RigidTransform.from_rotation(Rotation.random(random_state=int(rng.integers(2**31)))),
        rng.normal(size=6) * np.array([20.0, 20.0, 20.0, 0.0, 0.0, 0.0]),
    )
    said = ""
    for refused in range(TRIES):
        touched, covariance = _touches(neck, case_from_reference, errors, run, rng)
        found = assess_touches(neck.case.fiducials, touched, covariance, target=plan.target)
        if found.word != "repeat" and found.registration is not None:
            off = found.registration.model_from_reference.transform.apply(
                case_from_reference.inv().apply(plan.target)
            )
            tre = float(np.linalg.norm(np.asarray(off) - plan.target))
            return Registered(
                found.registration, refused, found.registration.fre, tre, case_from_reference
            )
        said = found.word
    return f"registration refused {TRIES} times: {said}"


def _touches(
    neck: PreparedNeck,
    case_from_reference: RigidTransform,
    errors: TrackingErrors,
    run: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], dict[str, Array]]:
    touched, covariance = {}, {}
    for label, apex in neck.positions.items():
        axis = neck.axes[label]
        across = np.cross(axis, rng.standard_normal(3))
        across /= np.linalg.norm(across)
        heading = -Rotation.from_rotvec(TILT * rng.random() * across).apply(axis)
        seat = seated_tip(apex, axis, heading, "tuohy", TUOHY_17G, rng, HAND_SD)
        seen = errors.block(rng, TOUCH_FRAMES, run)
        touched[label] = case_from_reference.inv().apply(seat) + seen.off.mean(axis=0)
        covariance[label] = seen.random.mean(axis=0) / len(seen.off) + seen.systematic.mean(axis=0)
    return touched, covariance


def punctures(
    neck: PreparedNeck, registered: Registered, plan: Plan, errors: TrackingErrors, run: int,
    rng: np.random.Generator,
) -> list[Shown]:  # fmt: skip
    """One pass along a plan with each kind of needle: what was shown and what was true."""
    rows: list[Shown] = []
    for variant in VARIANTS:
        bend = STRAIGHT if variant == "stiff" else draw_bend(rng, variant == "known side")
        rows += _pass(neck, registered, plan, errors, run, rng, variant, bend)
    return rows


def _needle(variant: Variant) -> Tool:
    tip = np.array([0.0, 0.0, 110.0])
    tool = needle_tool(tip)
    if variant == "stiff":
        return tool
    side = OPENING if variant == "known side" else None
    return replace(tool, needle=NeedleKind(17, "tuohy", side))


def _pass(
    neck: PreparedNeck, registered: Registered, plan: Plan, errors: TrackingErrors, run: int,
    rng: np.random.Generator, variant: Variant, bend: Bend,
) -> list[Shown]:  # fmt: skip
    needle = _needle(variant)
    pipeline = Pipeline(needle, neck.case, registered.registration, plan)
    length = float(np.linalg.norm(plan.target - plan.entry))
    depths = np.append(np.arange(-BEFORE_SKIN, length, STEP), length)
    off_axis, off_angle = rng.normal(size=2) * OFF_AXIS, rng.normal(size=2) * OFF_ANGLE
    across = _across(plan.direction)
    turn = Rotation.from_rotvec(off_angle @ across)
    heading = turn.apply(plan.direction)
    # the opening faces down the canal, as for a catheter that goes to C4
    opening = np.array([0.0, 0.0, -1.0]) - heading * -heading[2]
    opening /= np.linalg.norm(opening)
    shown_from_reference = registered.registration.model_from_reference.transform
    seen = errors.block(rng, len(depths), run)
    rows: list[Shown] = []
    for number, depth in enumerate(depths):
        aimed = plan.entry + depth * plan.direction + off_axis @ across
        k = number % len(seen.off)
        # the hand goes by the screen: what it shows lies on the plan, but for the hand's own error
        straight = aimed - _shift(pipeline, variant, aimed, heading, opening)
        measured = np.asarray(shown_from_reference.inv().apply(straight))
        rotation = shown_from_reference.rotation.inv() * _facing(heading, opening)
        guidance = pipeline.step(_frame(needle, rotation, measured, seen, k))
        if isinstance(guidance.proximity, Lost):
            continue
        turned = registered.true_case_from_reference.rotation * shown_from_reference.rotation.inv()
        true_tip = registered.true_case_from_reference.apply(measured - seen.off[k])
        true_heading, true_opening = turned.apply(heading), turned.apply(opening)
        inside = _depth(neck, true_tip, true_heading)
        true_tip = true_tip + bend.drift(inside, true_heading, true_opening)
        rows += _compared(neck, guidance.proximity, variant, true_tip, depth, length - depth)
    return rows


def _shift(
    pipeline: Pipeline, variant: Variant, tip: Array, heading: Array, opening: Array
) -> Array:
    """How far the screen's tip is moved off the straight needle's, so that the hand can aim."""
    from nav.core.tracked_frame import Tip
    from nav.guidance.bending import drift_at, insertion_depth

    kind = pipeline.needle.needle
    if kind is None or kind.bevel_direction is None:
        return np.zeros(3)
    nothing = np.zeros((3, 3))
    depth = insertion_depth(pipeline.case, Tip(tip, heading, nothing, nothing))
    return drift_at(kind, depth, heading, opening).shift


def _facing(heading: Array, opening: Array) -> Rotation:
    """Rotation of the needle, its z along the heading and OPENING to the opening's side."""
    return Rotation.from_matrix(np.column_stack([np.cross(opening, heading), opening, heading]))


def _frame(
    needle: Tool, rotation: Rotation, tip: Array, seen: TrackingErrors, k: int
) -> TrackedFrame:
    assert needle.tip is not None
    place = RigidTransform.from_components(tip - rotation.apply(needle.tip.position), rotation)
    random, systematic = np.zeros((6, 6)), np.zeros((6, 6))
    random[:3, :3], systematic[:3, :3] = seen.random[k], seen.systematic[k]
    tools = {
        needle.name: TrackedTool(Pose(place, random), (), 0.0, systematic=systematic),
        REFERENCE: TrackedTool(Pose(RigidTransform.identity()), (), 0.0),
    }
    return TrackedFrame(0, 0.0, tools)


def _depth(neck: PreparedNeck, tip: Array, heading: Array) -> float:
    """How deep a tip truly is in tissue along its shaft, mm."""
    skin = neck.true["skin"]
    if skin.distance(tip)[0] >= 0.0:
        return 0.0
    return float(skin.first_hit(tip, -heading) or 0.0)


def _across(direction: Array) -> Array:
    from nav.planning.needle_deviation import across_axes

    return across_axes(direction)


def _compared(
    neck: PreparedNeck, near: Any, variant: Variant, tip: Array, depth: float, left: float
) -> list[Shown]:
    watched = {s.name: s for s in neck.case.structures if s.has_limits}
    away: Mapping[str, float] = {
        name: float(surface.distance(tip)[0])
        for name, surface in neck.true.items()
        if name == "cord" or "artery" in name
    }
    rows = [
        Shown(variant, s.name, s.role, depth, left, s.distance, s.bound, away[s.name])
        for s in near.structures
        if s.name in watched and s.name in away
    ]
    for role in ("artery", "cord"):
        gauge = near.nearest(role)
        if gauge is not None:
            true = min(v for k, v in away.items() if (k == "cord") == (role == "cord"))
            rows.append(
                Shown(
                    variant, f"{role} gauge", role, depth, left, gauge.distance, gauge.bound, true
                )
            )
    return rows
