"""Everything that is reported of a session, gathered in one pass: times, bounds, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.notice import NoticeCount
from nav.record.session.session_format import EVENT, FRAME, GUIDANCE, SessionEvent, event_of_json
from nav.record.session.session_json import lost_of_json
from nav.record.session.session_reader import SessionReader
from nav.record.session_totals import MOST

LEVELS = ("unknown", "clear", "caution", "danger")
LONGEST_STEP = 0.25  # s between two frames; more is a gap, unless frames are always that far apart
GAP_STEPS = 5.0  # times the median step: more is a gap


@dataclass(frozen=True)
class StructureBounds:
    """Distance to one structure, frame by frame; NaN where there is none.

    Parameters
    ----------
    name, role : str
        Of the structure.
    distance, bound : ndarray, shape (n,)
        mm; the bound is the one-sided 95 % lower one.
    """

    name: str
    role: str
    distance: Array
    bound: Array

    @property
    def worst(self) -> int | None:
        """Place of the smallest bound; None where there is none."""
        return None if np.isnan(self.bound).all() else int(np.nanargmin(self.bound))


@dataclass
class SessionStory:
    """A session frame by frame.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Of the frames, s since the session's start.
    numbers : ndarray, shape (n,), int
        Of the frames.
    tracked : dict of str to ndarray, shape (n,), bool
        Whether a tool has a pose, by its name.
    structures : list of StructureBounds
        In the order of the case.
    levels : list of str
        Worst alarm level of each frame, one of LEVELS.
    stages : list of str
        Of the work, each frame's.
    used : list of int or None
        Number of the registration in use, each frame's.
    losses : dict of str to NoticeCount
        Why a tool had no pose, by its name.
    events : list of SessionEvent
        In the order of their times.
    camera_times : dict of str to ndarray
        Times of capture of the pictures that frames were measured in, by camera, s.
    """

    times: Array
    numbers: np.ndarray[Any, np.dtype[np.int64]]
    tracked: dict[str, np.ndarray[Any, np.dtype[np.bool_]]]
    structures: list[StructureBounds]
    levels: list[str]
    stages: list[str]
    used: list[int | None]
    losses: dict[str, NoticeCount]
    events: list[SessionEvent]
    camera_times: dict[str, Array]

    @property
    def longest_step(self) -> float:
        """Time between two frames above which it is a gap, s."""
        if len(self.times) < 2:
            return LONGEST_STEP
        return max(LONGEST_STEP, GAP_STEPS * float(np.median(np.diff(self.times))))

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Where no frames are: from when to when, s."""
        steps = np.diff(self.times)
        places = np.flatnonzero(steps > self.longest_step)
        return [(float(self.times[i]), float(self.times[i + 1])) for i in places]

    @property
    def complete(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether every tool has a pose, by frame."""
        if not self.tracked:
            return np.zeros(len(self.times), bool)
        both: np.ndarray[Any, np.dtype[np.bool_]] = np.logical_and.reduce([*self.tracked.values()])
        return both

    def of_kind(self, *kinds: str) -> list[SessionEvent]:
        """Return the events of some kinds."""
        return [event for event in self.events if event.kind in kinds]

    def nearest(self, role: str) -> StructureBounds | None:
        """Return the structure of a role that came nearest by its bound; None without one."""
        found = [s for s in self.structures if s.role == role and s.worst is not None]
        return min(found, key=lambda s: float(np.nanmin(s.bound)), default=None)


@dataclass
class _Frames:
    """What is gathered while the messages are read."""

    times: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    tools: list[dict[str, bool]] = field(default_factory=list)
    losses: dict[str, NoticeCount] = field(default_factory=dict)
    cameras: dict[str, dict[float, None]] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    events: list[SessionEvent] = field(default_factory=list)

    def frame(self, message: Mapping[str, Any], at: float) -> None:
        number = int(message["number"])
        if not -MOST <= number < MOST:
            raise ValueError(f"number: {number:.3g}")
        self.times.append(at)
        self.places[number] = len(self.numbers)
        self.numbers.append(number)
        self.shown.append({})
        self.tools.append({n: t["status"] == "tracked" for n, t in message["tools"].items()})
        for name, tool in message["tools"].items():
            if tool["status"] != "tracked":
                reason = lost_of_json(tool["reason"])
                self.losses.setdefault(name, NoticeCount()).add(reason)
        for camera, taken in message["pictures"].items():
            self.cameras.setdefault(camera, {})[taken] = None

    def guidance(self, message: Mapping[str, Any]) -> None:
        place = self.places.get(int(message["number"]))
        if place is not None:
            self.shown[place] = _short(message)


def usual_rate(times: Array) -> float | None:
    """Return how many of something there are per second.

    Parameters
    ----------
    times : ndarray, shape (n,)
        When, s; steps back are those of a source that began anew.

    Returns
    -------
    float or None
        By the median step; None where no time goes on.
    """
    steps = np.diff(times)
    forward = steps[steps > 0.0]
    return 1.0 / float(np.median(forward)) if len(forward) else None


def read_story(reader: SessionReader) -> SessionStory:
    """Read a session's messages once.

    Parameters
    ----------
    reader : SessionReader
        Of the session.

    Returns
    -------
    SessionStory

    Raises
    ------
    InputError
        A message is not as this program writes it.
    """
    read = _Frames()
    for message in reader.messages(FRAME, GUIDANCE, EVENT):
        at = reader.seconds(message.log_time)
        try:
            if message.topic == FRAME:
                read.frame(message.data, at)
            elif message.topic == GUIDANCE:
                read.guidance(message.data)
            else:
                read.events.append(event_of_json(message.data, message.log_time))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{reader.path}: {message.topic} at {at:.3f} s is not as c1c2nav writes it: "
                f"{type(error).__name__} {error}; try nav session check"
            ) from None
    names = sorted({name for tools in read.tools for name in tools})
    return SessionStory(
        np.array(read.times),
        np.array(read.numbers, np.int64),
        {name: np.array([t.get(name, False) for t in read.tools], bool) for name in names},
        _structures(read.shown),
        [str(g.get("worst", "unknown")) for g in read.shown],
        [str(g.get("stage", "")) for g in read.shown],
        [g.get("registration") for g in read.shown],
        read.losses,
        sorted(read.events, key=lambda event: event.log_time),
        {camera: np.array(sorted(times)) for camera, times in read.cameras.items()},
    )


def _short(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of /guidance."""
    near = message["structures"]
    structures = {
        (s["name"], s["role"]): (float(s["distance"]), float(s["bound"]))
        for s in (near if isinstance(near, list) else ())
    }
    return {
        "structures": structures,
        "worst": message["worst"],
        "stage": message["stage"],
        "registration": message["registration"],
    }


def _structures(shown: list[dict[str, Any]]) -> list[StructureBounds]:
    names = dict.fromkeys(key for g in shown for key in g.get("structures", {}))
    nothing = (np.nan, np.nan)
    found = []
    for name, role in names:
        values = [g.get("structures", {}).get((name, role), nothing) for g in shown]
        table = np.array(values, np.float64).reshape(-1, 2)
        found.append(StructureBounds(name, role, table[:, 0], table[:, 1]))
    return found
