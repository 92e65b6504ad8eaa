"""The user's choices of what is shown, as a value; each action returns the next one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from nav.core.frames import Array
from nav.model.case import Plan
from nav.view.case.draft import Draft, Tool, released
from nav.view.case.greys import STANDARD, GreyWindow
from nav.view.case.loading import ViewedCase
from nav.view.case.planes import Plane
from nav.view.case.proposal import Proposal

NO_SCAN_STEP = 0.5  # mm, of slices of a case without scan
SHORTEST_PLAN = 1.0  # mm


@dataclass(frozen=True, eq=False)
class ViewState:
    """What is shown of a case.

    Parameters
    ----------
    cross : ndarray, shape (3,)
        The linked cross-hair: all three slices pass through it, model frame, mm.
    window : GreyWindow
        Of the slices.
    hidden : frozenset of str
        Names of structures that are not shown.
    by_sigma : bool
        Whether surfaces have the colour of their standard deviation.
    plans : tuple of Plan
        The case's own, as moved so far, and lines that were drawn.
    saved_plans : tuple of Plan
        Those that are in files in this form.
    hidden_plans : frozenset of str
        Names of plans that are not shown.
    active : str
        Name of the plan that is scored; empty: the first that is shown.
    tool : Tool
        What the left button does in a slice.
    begun : ndarray, shape (3,), or None
        Entry of a line whose target is still to be set, model frame, mm.
    draft : Draft or None
        Corrections that are being made.
    proposal : Proposal or None
        Surfaces from running steps again.
    stale : bool
        Whether the proposal does not match the draft.
    """

    cross: Array
    window: GreyWindow = STANDARD
    hidden: frozenset[str] = field(default_factory=frozenset)
    by_sigma: bool = False
    plans: tuple[Plan, ...] = ()
    saved_plans: tuple[Plan, ...] = ()
    hidden_plans: frozenset[str] = field(default_factory=frozenset)
    active: str = ""
    tool: Tool = "look"
    begun: Array | None = None
    draft: Draft | None = None
    proposal: Proposal | None = None
    stale: bool = False

    @property
    def shown_plans(self) -> tuple[Plan, ...]:
        """The plans that are shown."""
        return tuple(plan for plan in self.plans if plan.name not in self.hidden_plans)

    @property
    def unsaved_plans(self) -> tuple[Plan, ...]:
        """The plans that were drawn or moved and are in no file."""
        return tuple(p for p in self.plans if not any(p is saved for saved in self.saved_plans))

    @property
    def scored(self) -> Plan | None:
        """The plan that is scored; None where none is shown."""
        plans = self.shown_plans
        first = plans[0] if plans else None
        return next((plan for plan in plans if plan.name == self.active), first)


def initial_state(viewed: ViewedCase) -> ViewState:
    """Return where to begin: at the plan's target, else between C1 and C2, else in the middle.

    The skin is hidden, and all plans but the first: they would cover everything else.

    Parameters
    ----------
    viewed : ViewedCase
        The case.

    Returns
    -------
    ViewState
        With the case's plans.
    """
    skins = frozenset(s.name for s in viewed.case.structures if s.role == "skin")
    plans = viewed.case.plans
    later = frozenset(plan.name for plan in plans[1:])
    return ViewState(
        _beginning(viewed), hidden=skins, plans=plans, saved_plans=plans, hidden_plans=later
    )


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
    """Return the state with the cross-hair elsewhere, kept within the case's box.

    Parameters
    ----------
    state : ViewState
        Before.
    viewed : ViewedCase
        The case.
    point : array_like, shape (3,)
        Model frame, mm.

    Returns
    -------
    ViewState
        After.
    """
    low, high = viewed.box
    return replace(state, cross=np.clip(np.asarray(point, float), low, high))


def stepped(state: ViewState, viewed: ViewedCase, plane: Plane, steps: float) -> ViewState:
    """Return the state some slices further along a plane's normal.

    A step is the scan's own along the axis that runs most that way.

    Parameters
    ----------
    state : ViewState
        Before.
    viewed : ViewedCase
        The case.
    plane : Plane
        Of the slice.
    steps : float
        Number of slices; negative backwards.

    Returns
    -------
    ViewState
        After.
    """
    volume, step = viewed.volume, NO_SCAN_STEP
    if volume is not None:
        directions = volume.model_from_voxel[:3, :3] / volume.spacing
        step = float(volume.spacing[np.abs(directions[plane.normal]).argmax()])
    point = state.cross.copy()
    point[plane.normal] += steps * step
    return moved(state, viewed, point)


def shown(state: ViewState, name: str, visible: bool) -> ViewState:
    """Return the state with a structure shown, or hidden.

    Parameters
    ----------
    state : ViewState
        Before.
    name : str
        Of the structure.
    visible : bool
        Whether it is shown.

    Returns
    -------
    ViewState
        After.
    """
    hidden = state.hidden - {name} if visible else state.hidden | {name}
    return replace(state, hidden=hidden)


def plan_shown(state: ViewState, name: str, visible: bool) -> ViewState:
    """Return the state with a plan shown, or hidden.

    Parameters
    ----------
    state : ViewState
        Before.
    name : str
        Of the plan.
    visible : bool
        Whether it is shown; a plan that is shown is scored.

    Returns
    -------
    ViewState
        After.
    """
    hidden = state.hidden_plans - {name} if visible else state.hidden_plans | {name}
    return replace(state, hidden_plans=hidden, active=name if visible else state.active)


def plan_moved(state: ViewState, name: str, end: str, point: ArrayLike) -> ViewState:
    """Return the state with one end of a plan moved.

    Entry and target never come closer than a millimetre: then nothing changes.

    Parameters
    ----------
    state : ViewState
        Before.
    name : str
        Of the plan.
    end : str
        "entry" or "target".
    point : array_like, shape (3,)
        Its new position, model frame, mm.

    Returns
    -------
    ViewState
        After; the plan is scored.
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
    return replace(state, plans=tuple(plans), active=name)


def plan_added(state: ViewState, entry: ArrayLike, target: ArrayLike) -> ViewState:
    """Return the state with a new line, named and chosen.

    If its ends are closer than a millimetre, no line is added.

    Parameters
    ----------
    state : ViewState
        Before.
    entry, target : array_like, shape (3,)
        Model frame, mm.

    Returns
    -------
    ViewState
        After.
    """
    start, end = np.asarray(entry, float), np.asarray(target, float)
    if np.linalg.norm(start - end) < SHORTEST_PLAN:
        return replace(state, begun=None)
    taken = {plan.name for plan in state.plans}
    name = next(f"line {k}" for k in count(1) if f"line {k}" not in taken)
    plans = (*state.plans, Plan(name, start, end))
    return replace(state, plans=plans, active=name, begun=None)


def plans_saved(state: ViewState) -> ViewState:
    """Return the state after the plans that are shown were written.

    Parameters
    ----------
    state : ViewState
        Before.

    Returns
    -------
    ViewState
        After.
    """
    return replace(state, saved_plans=(*state.saved_plans, *state.shown_plans))


def with_tool(state: ViewState, tool: Tool) -> ViewState:
    """Return the state with another tool selected.

    Parameters
    ----------
    state : ViewState
        Before.
    tool : Tool
        What the left button does in a slice.

    Returns
    -------
    ViewState
        After; what was begun with the tool before is ended.
    """
    draft = None if state.draft is None else released(state.draft)
    return replace(state, tool=tool, begun=None, draft=draft)
