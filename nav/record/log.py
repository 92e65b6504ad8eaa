"""Log of a run in memory: poses, distances, alarms; for reports at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nav.core.errors import Lost
from nav.core.tracked_frame import TrackedFrame
from nav.guidance.alarms import Level
from nav.live.messages import Stage
from nav.live.session import State


@dataclass(frozen=True)
class Distances:
    """One result while navigating.

    Parameters
    ----------
    number : int
        Of the frame set.
    time : float
        Of the frame set, s.
    by_structure : dict of str to (float, float), or None
        Distance and its bound by structure, mm; None when lost.
    to_target : float or None
        Distance to the target, mm.
    """

    number: int
    time: float
    by_structure: dict[str, tuple[float, float]] | None
    to_target: float | None


@dataclass(frozen=True)
class AlarmEvent:
    """A structure that came to a level.

    Parameters
    ----------
    time : float
        Of the frame set, s.
    structure : str
        Its name.
    level : Level
        The new one.
    bound : float or None
        95 % lower bound of the distance, mm.
    """

    time: float
    structure: str
    level: Level
    bound: float | None


@dataclass
class RunLog:
    """Log of a run; grows by one entry per frame set."""

    tracked: list[TrackedFrame] = field(default_factory=list)
    navigated: list[Distances] = field(default_factory=list)
    alarms: list[AlarmEvent] = field(default_factory=list)
    levels: Mapping[str, Level] = field(default_factory=dict)

    def add(self, state: State) -> None:
        """Add one result."""
        guidance = state.guidance
        self.tracked.append(guidance.tracked)
        if state.stage is not Stage.NAVIGATE:
            return
        near = guidance.proximity
        found = None
        if not isinstance(near, Lost):
            found = {s.name: (s.distance, s.bound) for s in near.structures}
        target = None if isinstance(guidance.plan, Lost) else guidance.plan.to_target
        self.navigated.append(Distances(guidance.number, guidance.time, found, target))
        # not what changed: an alarm may be there already when navigating begins
        before, self.levels = self.levels, guidance.alarms.levels
        for name, level in self.levels.items():
            if level != before.get(name) and level in (Level.CAUTION, Level.DANGER):
                bound = None if found is None else found[name][1]
                self.alarms.append(AlarmEvent(guidance.time, name, level, bound))

    def tracked_fraction(self, tools: Sequence[str]) -> float:
        """Return the share of frame sets in which all these tools had a pose."""
        if not self.tracked:
            return 0.0
        whole = sum(all(not isinstance(f.tools[t], Lost) for t in tools) for f in self.tracked)
        return whole / len(self.tracked)

    def smallest(self) -> dict[str, float]:
        """Return the smallest distance to each structure while navigating, mm."""
        smallest: dict[str, float] = {}
        for entry in self.navigated:
            for name, (distance, _) in (entry.by_structure or {}).items():
                smallest[name] = min(distance, smallest.get(name, distance))
        return smallest
