"""Count what a session holds while it is written, so that a list of sessions reads little."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

TOTALS = "c1c2nav.totals"  # the metadata record that a finished session ends with
MOST = 1 << 63  # of counts and times
FRAMES, GUIDANCE, EVENTS = "/frame", "/guidance", "/event"


@dataclass(frozen=True)
class LeastBound:
    """The smallest 95 % lower bound of one role.

    Parameters
    ----------
    bound : float
        mm.
    name : str
        Of the structure.
    number : int
        Of the frame.
    log_time : int
        When it was measured, ns.
    """

    bound: float
    name: str
    number: int
    log_time: int


@dataclass
class SessionTotals:
    """Totals of a session's messages, added one by one.

    Attributes
    ----------
    frames : int
        Tracked frames.
    complete : int
        Those in which every tool has a pose.
    tracked : Counter of str
        Frames in which a tool has a pose, by its name.
    least : dict of str to LeastBound
        By role of the structure.
    events : Counter of str
        By kind.
    pictures : Counter of str
        By camera.
    first, last : int or None
        Log times of the first and last message of any kind, ns.
    """

    frames: int = 0
    complete: int = 0
    tracked: Counter[str] = field(default_factory=Counter)
    least: dict[str, LeastBound] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None

    @property
    def seconds(self) -> float:
        """From the first to the last message, s."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1e9

    @property
    def share_tracked(self) -> float | None:
        """Share of the frames in which every tool has a pose; None without frames."""
        return self.complete / self.frames if self.frames else None

    def add(self, topic: str, log_time: int, message: Mapping[str, Any]) -> None:
        """Count a message of `session.mcap`.

        Parameters
        ----------
        topic : str
            "/frame", "/guidance" or "/event"; others count for the length only.
        log_time : int
            ns.
        message : mapping
            What is written as JSON.
        """
        self._see(log_time)
        if topic == FRAMES:
            self.frames += 1
            tools = message.get("tools", {})
            seen = [name for name, tool in tools.items() if tool.get("status") == "tracked"]
            self.tracked.update(seen)
            self.complete += bool(tools) and len(seen) == len(tools)
        elif topic == GUIDANCE:
            structures = message.get("structures")
            for one in structures if isinstance(structures, list) else ():
                self._bound(one, int(message["number"]), log_time)
        elif topic == EVENTS:
            self.events[str(message["kind"])] += 1

    def add_picture(self, camera: str, log_time: int) -> None:
        """Count a picture that was recorded.

        Parameters
        ----------
        camera : str
            Its name.
        log_time : int
            When it was taken, ns.
        """
        self._see(log_time)
        self.pictures[camera] += 1

    def to_metadata(self) -> dict[str, str]:
        """Return the totals as the metadata record `TOTALS` of an MCAP file.

        Returns
        -------
        dict of str to str
            Each value is JSON; `totals_from_metadata` reads it.
        """
        return {
            "frames": json.dumps(self.frames),
            "complete": json.dumps(self.complete),
            "tracked": json.dumps(self.tracked),
            "least": json.dumps({role: vars(one) for role, one in self.least.items()}),
            "events": json.dumps(self.events),
            "pictures": json.dumps(self.pictures),
            "first": json.dumps(self.first),
            "last": json.dumps(self.last),
        }

    def _see(self, log_time: int) -> None:
        self.first = log_time if self.first is None else min(self.first, log_time)
        self.last = log_time if self.last is None else max(self.last, log_time)

    def _bound(self, structure: Mapping[str, Any], number: int, log_time: int) -> None:
        bound, role = float(structure["bound"]), str(structure["role"])
        least = self.least.get(role)
        if isfinite(bound) and (least is None or bound < least.bound):
            self.least[role] = LeastBound(bound, str(structure["name"]), number, log_time)


def totals_from_metadata(table: Mapping[str, str]) -> SessionTotals:
    """Read the totals that `SessionTotals.to_metadata` wrote.

    Parameters
    ----------
    table : mapping of str to str
        The metadata record.

    Returns
    -------
    SessionTotals

    Raises
    ------
    ValueError
        It does not hold totals.
    """
    try:
        read = {key: json.loads(value) for key, value in table.items()}
        least = {
            str(role): LeastBound(
                float(one["bound"]),
                str(one["name"]),
                _whole(one["number"]),
                _whole(one["log_time"]),
            )
            for role, one in read["least"].items()
        }
        return SessionTotals(
            _whole(read["frames"]),
            _whole(read["complete"]),
            _counts(read["tracked"]),
            least,
            _counts(read["events"]),
            _counts(read["pictures"]),
            None if read["first"] is None else _whole(read["first"]),
            None if read["last"] is None else _whole(read["last"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"no totals of a session: {error}") from None


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise TypeError(f"expected a count, got {value!r}")
    return value


def _counts(table: Mapping[str, Any]) -> Counter[str]:
    return Counter({str(name): _whole(count) for name, count in table.items()})
