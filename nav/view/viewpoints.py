"""The named views that can be selected with a key."""

import numpy as np

from nav.core.frames import Array
from nav.model.case import Case
from nav.view.live_display import SceneState
from nav.view.parallel_camera import DIRECTIONS, View, unit

STANDARD, FOLLOW = "standard", "needle"
VIEWPOINTS = (STANDARD, "left", "right", "back", "top", FOLLOW)
# mm from the middle to the upper edge: both vertebrae and the arteries' loops
HALF_HEIGHT = 36.0
CLOSE = 22.0
UP: Array = np.array([0.0, 0.0, 1.0])


def viewpoint(name: str, case: Case, scene: SceneState | None, last: View | None = None) -> View:
    """Return a named view of a case.

    Parameters
    ----------
    name : str
        Of `VIEWPOINTS`.
    case : Case
        Its plan or bones are in the middle.
    scene : SceneState or None
        The needle for its own view; the fiducials that the standard view shows.
    last : View, optional
        Kept for the needle's view where there is no needle.

    Returns
    -------
    View
        The standard view where the needle's has neither needle nor `last`.
    """
    focal = _middle(case)
    if name == FOLLOW:
        if scene is None or scene.tip is None or scene.heading is None:
            return last if last is not None else viewpoint(STANDARD, case, None)
        return View.towards(scene.tip, -scene.heading, UP, CLOSE)
    if name == STANDARD:
        view = View.towards(focal, _standard_direction(case), UP, HALF_HEIGHT)
        return _widened(view, case, scene.fiducials) if scene is not None else view
    up = np.array([0.0, -1.0, 0.0]) if name == "top" else UP
    return View.towards(focal, DIRECTIONS[name], up, HALF_HEIGHT)


def _widened(view: View, case: Case, labels: tuple[str, ...]) -> View:
    """Return the view with these fiducials in it."""
    points = [f.position for f in case.fiducials if f.label in labels]
    if not points:
        return view
    # what the view shows without them stays in it
    around = [
        view.focal + side * HALF_HEIGHT * way for side in (1, -1) for way in (view.up, view.right)
    ]
    away = np.array([*points, *around]) - view.focal
    high, wide = away @ view.up, away @ view.right
    middle = view.focal + (high.max() + high.min()) / 2 * view.up
    middle = middle + (wide.max() + wide.min()) / 2 * view.right
    # the picture is wider than high, and its edges hold a notice and the buttons
    half = max(np.ptp(high) / 2 * 1.25, np.ptp(wide) / 2 / 1.3, view.half_height)
    return View(middle, view.backwards, view.up, float(half))


def _middle(case: Case) -> Array:
    """Return the target if there is a plan, or else the middle of the bones, or of everything."""
    if case.default_plan is not None:
        return case.default_plan.target
    chosen = case.of_role("bone") or case.structures
    points = np.vstack([s.surface.vertices for s in chosen])
    return (points.min(axis=0) + points.max(axis=0)) / 2


def _standard_direction(case: Case) -> Array:
    """Return a direction from behind and above, on the plan's side (the left without one)."""
    side = 1.0
    plan = case.default_plan
    if plan is not None and plan.entry[0] < plan.target[0]:
        side = -1.0
    return unit([0.62 * side, 0.72, 0.34])
