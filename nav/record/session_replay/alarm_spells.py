"""Alarms of a recording and of its replay, matched while both are played."""

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("caution", "danger")


@dataclass(frozen=True)
class AlarmSpell:
    """Frames in a row in which a structure's alarm was at a level or above.

    Parameters
    ----------
    structure, level : str
        Which, and "caution" or "danger".
    first, last : int
        Indices of the frames.
    start, end : float
        Their times, s since the first frame of the session.
    """

    structure: str
    level: str
    first: int
    last: int
    start: float
    end: float


@dataclass
class _Running:
    """An alarm that goes on."""

    first: int
    start: float
    shared: bool = False  # the other side has had it as well, in a frame at least


class AlarmMatcher:
    """Finds the alarms that only one of two sides has; those that both have are not kept.

    Two alarms are the same if they are of one structure and level and have a frame in common. A
    danger is within a caution.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], int] = {}  # in the order in which they appeared
        self._running: tuple[dict[tuple[str, str], _Running], ...] = ({}, {})
        self._alone: tuple[list[AlarmSpell], list[AlarmSpell]] = ([], [])
        self._newest = 0, 0.0

    def frame(
        self, index: int, seconds: float, recorded: Mapping[str, str], replayed: Mapping[str, str]
    ) -> None:
        """Take a frame in.

        Parameters
        ----------
        index : int
            Of the frame; each is larger than the one before.
        seconds : float
            Since the first frame of the session.
        recorded, replayed : mapping of str to str
            Level by structure: "clear", "caution", "danger" or "unknown".
        """
        for name in (*recorded, *replayed):
            if (name, LEVELS[0]) not in self._kinds:
                self._kinds |= {
                    (name, level): len(self._kinds) + k for k, level in enumerate(LEVELS)
                }
        for kind in self._kinds:
            name, level = kind
            warning = LEVELS[LEVELS.index(level) :]
            on = [levels.get(name) in warning for levels in (recorded, replayed)]
            for side, is_on in enumerate(on):
                running = self._running[side]
                if not is_on:
                    self._end(side, kind)
                    continue
                alarm = running.setdefault(kind, _Running(index, seconds))
                alarm.shared = alarm.shared or all(on)
        self._newest = index, seconds

    def result(self) -> tuple[tuple[AlarmSpell, ...], tuple[AlarmSpell, ...]]:
        """End what still goes on, and return what only one side has.

        Returns
        -------
        missing, added : tuple of AlarmSpell
            Only in the recording, and only in the replay; by structure, level and time.
        """
        for side, running in enumerate(self._running):
            for kind in list(running):
                self._end(side, kind)
        missing, added = (
            tuple(sorted(alone, key=lambda s: (self._kinds[s.structure, s.level], s.first)))
            for alone in self._alone
        )
        return missing, added

    def _end(self, side: int, kind: tuple[str, str]) -> None:
        alarm = self._running[side].pop(kind, None)
        if alarm is not None and not alarm.shared:
            last, end = self._newest
            spell = AlarmSpell(*kind, alarm.first, last, alarm.start, end)
            self._alone[side].append(spell)
