"""What the user has chosen to look at, as a value; each action returns the next one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from nav.frames import Array
from nav.model.case import Plan
from nav.view.case.greys import STANDARD, GreyWindow
from nav.view.case.loading import ViewedCase
from nav.view.case.planes import Plane

NO_SCAN_STEP = 0.5  # mm, of slices of a case without scan
SHORTEST_PLAN = 1.0  # mm


@dataclass(frozen=True, eq=False)
class ViewState:
    """What is looked at.

    Parameters
    ----------
    cross : ndarray, shape (3,)
        The linked cross-hair: all three slices pass through it, model frame, mm.
    window : GreyWindow
    hidden : frozenset of str
        Names of structures that are not shown.
    by_sigma : bool
        Whether surfaces have the colour of their standard deviation.
    plans : tuple of Plan
        The case's, as far as they were not moved.
    hidden_plans : frozenset of str
        Names of plans that are not shown.
    """

    cross: Array
    window: GreyWindow = STANDARD
    hidden: frozenset[str] = field(default_factory=frozenset)
    by_sigma: bool = False
    plans: tuple[Plan, ...] = ()
    hidden_plans: frozenset[str] = field(default_factory=frozenset)

    @property
    def shown_plans(self) -> tuple[Plan, ...]:
        """Return the plans that are shown."""
        return tuple(plan for plan in self.plans if plan.name not in self.hidden_plans)


def initial_state(viewed: ViewedCase) -> ViewState:
    """Return where to begin: at the plan's target, else between C1 and C2, else in the middle.

    The skin is hidden, and all plans but the first: they would cover everything else.
    """
    skins = frozenset(s.name for s in viewed.case.structures if s.role == "skin")
    plans = viewed.case.plans
    later = frozenset(plan.name for plan in plans[1:])
    return ViewState(_beginning(viewed), hidden=skins, plans=plans, hidden_plans=later)


def _beginning(viewed: ViewedCase) -> Array:
    case = viewed.case
    if case.default_plan is not None:
        return case.default_plan.target.copy()
    canal = case.of_role("cord") or case.of_role("dura")
    levels = [s.surface.vertices for s in case.structures if s.name in ("C1", "C2")]
    low, high = viewed.box
    if not levels:
        return np.asarray((low + high) / 2.0, float)
    middle = np.mean([(v.min(axis=0) + v.max(axis=0)) / 2.0 for v in levels], axis=0)
    if canal:
        points = canal[0].surface.vertices
        near = points[np.abs(points[:, 2] - middle[2]) < 3.0]
        if len(near):
            middle[:2] = near[:, :2].mean(axis=0)
    return np.asarray(np.clip(middle, low, high), float)


def moved(state: ViewState, viewed: ViewedCase, point: ArrayLike) -> ViewState:
    """Return the state with the cross-hair at a model point (3,), kept within the case's box."""
    low, high = viewed.box
    return replace(state, cross=np.clip(np.asarray(point, float), low, high))


def stepped(state: ViewState, viewed: ViewedCase, plane: Plane, steps: float) -> ViewState:
    """Return the state some slices further along a plane's normal.

    A step is the scan's own along the axis that runs most that way.
    """
    volume, step = viewed.volume, NO_SCAN_STEP
    if volume is not None:
        directions = volume.model_from_voxel[:3, :3] / volume.spacing
        step = float(volume.spacing[np.abs(directions[plane.normal]).argmax()])
    point = state.cross.copy()
    point[plane.normal] += steps * step
    return moved(state, viewed, point)


def shown(state: ViewState, name: str, visible: bool) -> ViewState:
    """Return the state with a structure shown, or hidden."""
    hidden = state.hidden - {name} if visible else state.hidden | {name}
    return replace(state, hidden=hidden)


def plan_shown(state: ViewState, name: str, visible: bool) -> ViewState:
    """Return the state with a plan shown, or hidden."""
    hidden = state.hidden_plans - {name} if visible else state.hidden_plans | {name}
    return replace(state, hidden_plans=hidden)


def plan_moved(state: ViewState, name: str, end: str, point: ArrayLike) -> ViewState:
    """Return the state with a plan's "entry" or "target" at a model point (3,), mm.

    Entry and target never come closer than a millimetre: then nothing changes.
    """
    place = np.asarray(point, float)
    plans = []
    for plan in state.plans:
        if plan.name == name:
            entry, target = (place, plan.target) if end == "entry" else (plan.entry, place)
            if np.linalg.norm(entry - target) < SHORTEST_PLAN:
                return state
            plan = Plan(name, entry, target)
        plans.append(plan)
    return replace(state, plans=tuple(plans))
