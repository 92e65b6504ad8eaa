"""Assembly of parallel slices into a regular volume, resampled where needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.axes import to_model_axes
from nav.reconstruction.reading.placement import EXACT, Placement, refuse_absurd
from nav.reconstruction.reading.read_result import Finding, UnmeasuredInterval
from nav.reconstruction.reading.regular import GAP, GridPlan, plan_grid, resample
from nav.reconstruction.volume import Volume

OBLIQUE = math.radians(5.0)  # rotation of the grid above which it is reported
MOST_NAMED = 3  # gaps that are reported one by one


@dataclass(frozen=True)
class GridFacts:
    """Geometry of a stack of slices.

    Parameters
    ----------
    tilt : float
        Angle between the slices' normal and the direction from slice to slice, rad.
    """

    tilt: float


@dataclass(frozen=True)
class Assembled:
    """A regular volume assembled from slices.

    Parameters
    ----------
    volume : Volume
        HU, model frame.
    findings : list of Finding
        What was irregular about the slices.
    unmeasured : tuple of UnmeasuredInterval
        Where no slice was measured.
    facts : GridFacts
        Geometry of the stack.
    """

    volume: Volume
    findings: list[Finding]
    unmeasured: tuple[UnmeasuredInterval, ...]
    facts: GridFacts


def assemble(
    values: NDArray[np.int16],
    placement: Placement,
    what: str,
    thicknesses: Sequence[float | None] = (),
    advance: Callable[[float], None] = lambda share: None,
) -> Assembled:
    """Assemble parallel slices into a regular volume along the axes of the model frame.

    Parameters
    ----------
    values : ndarray, shape (n, rows, columns)
        HU, int16.
    placement : Placement
        Of the n slices.
    what : str
        Name of the scan in messages.
    thicknesses : sequence of float, optional
        Of each slice, mm; None where unknown.
    advance : callable, optional
        Called with the fraction that is done.

    Returns
    -------
    Assembled
        The volume, findings about its slices, and the intervals without measurement.

    Raises
    ------
    InputError
        The regular volume would be too large, or steps or positions are implausible.
    """
    _refuse_absurd(placement, what)
    try:
        plan = plan_grid(placement, values.shape[2], values.shape[1])
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    tilt = math.atan(math.hypot(*placement.lean())) if plan.shifted else 0.0
    grid = resample(values, plan, advance)
    volume, order, flipped = to_model_axes(grid, plan.model_from_voxel)
    findings = _shape_findings(plan, tilt, values, grid)
    findings += _gap_findings(plan)
    thick = np.array([np.inf if t is None else t for t in thicknesses] or [np.inf] * len(values))
    covered = 0.5 * (thick[:-1] + thick[1:])
    apart = (placement.steps > GAP * covered) & ~_at_gaps(plan)
    if 2 * np.count_nonzero(apart) > len(apart):
        facts = {"thickness": float(np.median(thick)), "step": float(np.median(placement.steps))}
        findings.append(Finding("slices_apart", facts))
    turned = _turned(volume)
    if abs(turned - tilt) > OBLIQUE:
        findings.append(Finding("oblique", {"degrees": math.degrees(turned)}))
    unmeasured = _unmeasured(plan, thick, apart, order.index(2), flipped[order.index(2)])
    return Assembled(volume, findings, unmeasured, GridFacts(tilt))


def _refuse_absurd(placement: Placement, what: str) -> None:
    steps = [*placement.pixel, float(np.median(placement.steps))]
    refuse_absurd(what, steps, np.append(placement.offsets, placement.heights[:, None], axis=1))


def _shape_findings(
    plan: GridPlan, tilt: float, values: NDArray[np.int16], grid: NDArray[np.int16]
) -> list[Finding]:
    found = []
    placement = plan.placement
    if plan.shifted:
        irregular = placement.lean_residual()
        if irregular < placement.drift / 2:
            found.append(Finding("tilt", {"degrees": math.degrees(tilt)}))
        if irregular > EXACT:
            found.append(Finding("lateral_offsets", {"largest": irregular}))
        measured = values[0].size / grid[0].size
        found.append(Finding("outside_set_to_air", {"share": 1.0 - measured}))
    if plan.rounded:
        found.append(Finding("rounded_positions", {"step": plan.steps[2]}))
    if plan.uneven:
        steps = placement.steps
        facts = {"least": float(steps.min()), "most": float(steps.max()), "step": plan.steps[2]}
        found.append(Finding("uneven_steps", facts))
    return found


def _gap_findings(plan: GridPlan) -> list[Finding]:
    found = []
    columns, rows, _ = plan.size
    middle = np.array(plan.start) + 0.5 * np.array(plan.steps) * (columns - 1, rows - 1, 0)
    axis = int(np.abs(plan.placement.axes[:, 2]).argmax())
    for gap in plan.gaps[:MOST_NAMED]:
        middle[2] = 0.5 * (gap.low + gap.high)
        place = plan.placement.axes @ middle
        facts = {
            "count": gap.missing,
            "after": gap.after,
            "length": gap.high - gap.low,
            "axis": "xyz"[axis],
            "place": float(place[axis]),
        }
        found.append(Finding("missing_slices", facts))
    rest = plan.gaps[MOST_NAMED:]
    if rest:
        others = {"count": sum(gap.missing for gap in rest), "places": len(rest)}
        found.append(Finding("missing_slices", others))
    return found


def _turned(volume: Volume) -> float:
    """Return the angle by which the grid's axes are rotated against the model's, rad."""
    directions = volume.model_from_voxel[:3, :3] / volume.spacing
    return float(np.arccos(np.clip((np.trace(directions) - 1) / 2, -1, 1)))


def _at_gaps(plan: GridPlan) -> NDArray[np.bool_]:
    """Return which steps are gaps, shape (n - 1,)."""
    found = np.zeros(len(plan.placement.steps), bool)
    found[[gap.after - 1 for gap in plan.gaps]] = True
    return found


def _unmeasured(
    plan: GridPlan,
    thick: NDArray[np.float64],
    apart: NDArray[np.bool_],
    axis: int,
    flipped: bool,
) -> tuple[UnmeasuredInterval, ...]:
    heights = plan.placement.heights
    spans = [(gap.low, gap.high) for gap in plan.gaps]
    for i in np.flatnonzero(apart):
        spans.append((heights[i] + thick[i] / 2, heights[i + 1] - thick[i + 1] / 2))
    length = plan.steps[2] * (plan.size[2] - 1)
    found = []
    for low, high in sorted(spans):
        low, high = low - plan.start[2], high - plan.start[2]
        if flipped:
            low, high = length - high, length - low
        found.append(UnmeasuredInterval(axis, float(low), float(high)))
    return tuple(sorted(found, key=lambda interval: interval.low))
