"""Clear, caution, danger: the alarm state of each structure, from the 95 % lower bound.

Limits belong to the structures of a case: `nav.model.case.DEFAULT_LIMITS`, case.toml, lab.toml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from nav.core.errors import Lost
from nav.guidance.proximity import Proximity
from nav.model.case import Structure


class Level(IntEnum):
    """Alarm level; UNKNOWN where there is no distance. Higher is worse."""

    UNKNOWN = -1
    CLEAR = 0
    CAUTION = 1
    DANGER = 2

    @property
    def word(self) -> str:
        """The one word shown for it."""
        return {-1: "no data", 0: "clear", 1: "caution", 2: "danger"}[int(self)]


@dataclass(frozen=True)
class AlarmState:
    """Level of every structure that has limits.

    Parameters
    ----------
    levels : mapping of str to Level
        By name of the structure.
    changed : tuple of str
        Structures whose level changed with this frame set.
    """

    levels: Mapping[str, Level]
    changed: tuple[str, ...] = ()

    @property
    def worst(self) -> Level:
        """The worst level of all; UNKNOWN when any is: what is not known is not clear."""
        if Level.UNKNOWN in self.levels.values() and Level.DANGER not in self.levels.values():
            return Level.UNKNOWN
        return max(self.levels.values(), default=Level.UNKNOWN)


def level_of(bound: float, structure: Structure) -> Level:
    """Return the alarm level for a distance.

    Parameters
    ----------
    bound : float
        95 % lower bound of the distance, mm.
    structure : Structure
        With its limits, which count as reached when the bound equals them.

    Returns
    -------
    Level
        UNKNOWN where the bound is not finite.
    """
    if not np.isfinite(bound):
        return Level.UNKNOWN
    if structure.danger is not None and bound <= structure.danger:
        return Level.DANGER
    if structure.caution is not None and bound <= structure.caution:
        return Level.CAUTION
    return Level.CLEAR


class Alarms:
    """Update the level of every structure with limits, from frame set to frame set."""

    def __init__(self, structures: Sequence[Structure]) -> None:
        self.structures = {s.name: s for s in structures if s.has_limits}
        self.levels = dict.fromkeys(self.structures, Level.UNKNOWN)

    def update(self, near: Proximity | Lost) -> AlarmState:
        """Return the new state; without distances every level is unknown, never the last one."""
        levels = dict.fromkeys(self.structures, Level.UNKNOWN)
        if not isinstance(near, Lost):
            for found in near.structures:
                if found.name in levels:
                    levels[found.name] = level_of(found.bound, self.structures[found.name])
        changed = tuple(name for name in levels if levels[name] != self.levels[name])
        self.levels = levels
        return AlarmState(levels, changed)
