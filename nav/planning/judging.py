"""Judge a line that is set by hand while it is moved: clearances at once, the risk soon after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Plan, Structure
from nav.planning.path_candidates import angles_of, entries_along
from nav.planning.path_search import SAMPLES
from nav.planning.plan import (
    MARGIN,
    PlanningGround,
    PlanSettings,
    planning_ground,
    side_of,
)
from nav.planning.plan_result import Clearance, PlannedPath

ROOM = 25.0  # mm around all candidates, in which a line may be moved
SOON = 1500  # samples of a probability that is needed quickly
SHORTEST = 5.0  # mm, of a line


@dataclass(frozen=True)
class LineMeasures:
    """The measures of a line that are available at once.

    Parameters
    ----------
    name : str
        Of the line.
    side : str
        "left" or "right": where it enters.
    entry, target : ndarray, shape (3,)
        The entry is where the line leaves the skin; model frame, mm.
    depth : float
        From the skin to the target, mm.
    cranial, dorsal : float
        Angles by which the entry lies cranial and dorsal of the lateral line through the target,
        rad.
    clearances : tuple of Clearance
        Wall to wall, of the whole shaft and what is ahead of it; vital structures first.
    within : bool
        Whether all of it lies where distances are known: else no probability is estimated.
    """

    name: str
    side: str
    entry: Array
    target: Array
    depth: float
    cranial: float
    dorsal: float
    clearances: tuple[Clearance, ...]
    within: bool

    def nearest(self, role: str) -> Clearance | None:
        """Return the smallest clearance to structures of a role; None where there are none."""
        found = [c for c in self.clearances if c.role == role]
        return min(found, key=lambda c: c.distance, default=None)


class LineJudge:
    """Judge lines of one case as `nav plan` judges its paths.

    Making one takes some seconds.

    Parameters
    ----------
    case : Case
        With what planning needs.
    settings : PlanSettings, optional
        Needle, limits, errors, angles.
    progress : callable, optional
        Called with each step's name.

    Raises
    ------
    InputError
        The case lacks what planning needs.
    """

    def __init__(
        self,
        case: Case,
        settings: PlanSettings | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.ground: PlanningGround = planning_ground(case, settings, (), progress, ROOM)

    def measure(self, line: Plan) -> LineMeasures:
        """Measure a line: a few milliseconds.

        Parameters
        ----------
        line : Plan
            Entry and target, model frame, mm; the entry is moved to the skin.

        Returns
        -------
        LineMeasures
            Clearances and angles.

        Raises
        ------
        InputError
            The line does not pass through the skin, or is too short.
        """
        ground = self.ground
        placed = on_skin(ground.skin, line)
        side = side_of(placed, ground.gap)
        cranial, dorsal = angles_of(ground.gap, side, placed.entry[None], placed.target[None])
        clearances = ground.exact.clearances(
            placed.entry, placed.target, ground.radius, ground.settings.search.ahead
        )
        return LineMeasures(
            line.name,
            side,
            placed.entry,
            placed.target,
            float(np.linalg.norm(placed.target - placed.entry)),
            float(cranial[0]),
            float(dorsal[0]),
            clearances,
            self._within(placed),
        )

    def judge(self, line: Plan, samples: int = SAMPLES) -> PlannedPath:
        """Judge a line as `nav plan --line` does, with its probability.

        Parameters
        ----------
        line : Plan
            Entry and target, model frame, mm; the entry is moved to the skin.
        samples : int
            Of the probability.

        Returns
        -------
        PlannedPath
            With clearances, probability, cost and problems.

        Raises
        ------
        InputError
            The line does not pass through the skin, is too short, or leaves the neck.
        """
        placed = on_skin(self.ground.skin, line)
        if not self._within(placed):
            raise InputError(f"{line.name}: leaves the region covered by planning")
        search = self.ground.search_of(side_of(placed, self.ground.gap))
        return search.judged(placed.entry, placed.target, samples, line.name)

    def _within(self, line: Plan) -> bool:
        ends = np.stack([line.entry, line.target])
        return self.ground.obstacles.box.holds(ends, MARGIN)


def on_skin(skin: Structure, line: Plan) -> Plan:
    """Return a line with its entry where it leaves the skin.

    Parameters
    ----------
    skin : Structure
        The structure that the needle enters.
    line : Plan
        Entry and target, model frame, mm.

    Returns
    -------
    Plan
        With the same name and target.

    Raises
    ------
    InputError
        The line does not pass through the skin, or is too short.
    """
    if np.linalg.norm(line.entry - line.target) < SHORTEST:
        raise InputError(f"{line.name}: entry and target are less than {SHORTEST:g} mm apart")
    entry = entries_along(skin, line.target[None], -line.direction[None])[0]
    if not np.isfinite(entry).all():
        raise InputError(f"{line.name}: the line does not pass through the skin; is it RAS in LPS?")
    if np.linalg.norm(entry - line.target) < SHORTEST:
        raise InputError(f"{line.name}: its target is at the skin")
    return Plan(line.name, entry, line.target)
