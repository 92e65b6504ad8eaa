"""Poses of another tracker over OpenIGTLink, as of PLUS, as a source of poses."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.core.textfile import printable
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link.igtl_client import ConnectionState, IgtlClient
from nav.link.igtl_messages import Message
from nav.link.igtl_reports import IgtlReports
from nav.link.network_address import NetworkAddress
from nav.link.remote_clock import FEWEST
from nav.tracking.pose_source import PoseSource, StatedErrors

PARTNER = 0.008  # s that a tool's new pose waits for those of the others
LEAST_WAIT = 0.004  # s
HEARTBEAT = 0.1  # s between two frames while every tool is lost
QUIET = 2.0  # s without any pose, or without a name that fits, until that is the reason
RECENT = 64  # intervals for rate and jitter
STREAM_EVERY = 1.0  # s between two updates of rate and jitter
JUMP_SHOWN = 30.0  # s for which a jump of the clock is shown
LEAST_RATE = 10.0  # poses per second; with fewer a display is blanked between two of them
APART = 1.0 / LEAST_RATE  # s between two tools' measurements in one frame at most
MOST_NAMED = 12  # names that are listed


class IgtlPoses(PoseSource):
    """The poses that an OpenIGTLink server sends; one connection, made again for ever.

    Transforms map coordinates of a tool to those of the tracker, mm. These are frames of devices,
    not of a patient: no axis is flipped for RAS or LPS. A frame comes as soon as all tools that are
    sent have a new pose. Times are the server's, mapped to this computer's clock; the time since a
    pose was measured decides whether it is current.

    Parameters
    ----------
    address : NetworkAddress
        Of the server.
    tools : sequence of str
        Names of the tools that are needed.
    stated : StatedErrors
        The tracker's errors, which OpenIGTLink does not have.
    given : mapping of str to str, optional
        What the server calls some of the tools.
    clock : callable
        Returns the time, s.
    """

    def __init__(
        self,
        address: NetworkAddress,
        tools: Sequence[str],
        stated: StatedErrors,
        given: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address, self.tools, self.stated = address, tuple(tools), stated
        self._clock = clock
        self._changed = threading.Condition()
        self._reports = IgtlReports(tools, given or {})
        self._connection = ConnectionState(False, clock())
        self._fresh: set[str] = set()
        self._fresh_since = self._yielded = clock()
        self._time = -np.inf
        self._number = 0
        self._arrivals: deque[float] = deque(maxlen=RECENT + 1)
        self._stream_notices: tuple[float, tuple[Notice, ...]] = (-np.inf, ())
        self._closed = False
        self._client = IgtlClient(address, self._take, self._connect, self._has_poses, clock)

    def close(self) -> None:
        """Disconnect; an iteration in progress ends."""
        self.end()
        self._client.close()

    def end(self) -> None:
        """End the iteration at its next look, which is soon; also from a signal's handler."""
        self._closed = True

    def __iter__(self) -> Iterator[TrackedFrame]:
        while not self._closed:
            with self._changed:
                self._changed.wait(self._patience(self._clock()))
                frame = self._frame_if_due(self._clock())
            if frame is not None:
                yield frame

    # --- called in the client's thread ------------------------------------------------------

    def _take(self, message: Message, arrival: float) -> None:
        with self._changed:
            fresh = self._reports.take(message, arrival)
            if not fresh:
                return
            if not self._fresh:
                self._fresh_since = arrival
            self._fresh |= fresh
            if self._is_complete():
                self._changed.notify_all()

    def _connect(self, state: ConnectionState) -> None:
        with self._changed:
            self._connection = state
            self._reports.forget()
            self._fresh.clear()
            self._arrivals.clear()
            self._changed.notify_all()

    def _has_poses(self) -> bool:
        with self._changed:
            return self._reports.choice is not None and bool(self._reports.heard)

    # --- called in the thread that iterates -------------------------------------------------

    def _is_complete(self) -> bool:
        choice = self._reports.choice
        return choice is not None and self._fresh >= {
            tool for tool, name in choice.names.items() if name is not None
        }

    def _patience(self, now: float) -> float:
        due = self._yielded + HEARTBEAT
        if self._fresh:
            due = min(due, self._fresh_since + PARTNER)
        return min(max(due - now, LEAST_WAIT), HEARTBEAT)

    def _frame_if_due(self, now: float) -> TrackedFrame | None:
        measured = self._is_complete() or (bool(self._fresh) and now - self._fresh_since >= PARTNER)
        if not measured and now - self._yielded < HEARTBEAT:
            return None
        tools, used = self._tools(now)
        if not measured and used:
            return None  # what is known was shown; it is not yet too old
        if measured:
            self._arrivals.append(self._fresh_since)
        self._fresh.clear()
        self._time = max(self._time, max(used, default=now))
        frame = TrackedFrame(
            self._number, self._time, tools, captured_at=min(used, default=now),
            notices=self._notices(now),
        )  # fmt: skip
        self._number, self._yielded = self._number + 1, now
        return frame

    def _tools(self, now: float) -> tuple[dict[str, TrackedTool | Lost], list[float]]:
        """Return what is known of all tools, and when those that are seen were measured.

        One that was measured long before another is not shown beside it: no error of theirs says
        how far it may have moved since.
        """
        tools = {tool: self._tool(tool, now) for tool in self.tools}
        times = {
            tool: at
            for tool, seen in tools.items()
            if isinstance(seen, TrackedTool) and (at := self._reports.time_of(tool)) is not None
        }
        for tool, at in tuple(times.items()):
            if max(times.values()) - at > APART:
                tools[tool] = Lost("report_late", {"tool": tool, "seconds": now - times.pop(tool)})
        return tools, list(times.values())

    def _tool(self, tool: str, now: float) -> TrackedTool | Lost:
        state, server = self._connection, str(self.address)
        if not state.connected:
            if not state.problem:
                return Lost("tracker_connecting", {"server": server})
            facts = {"server": server, "problem": state.problem}
            return Lost("tracker_not_connected", facts)
        if self._reports.choice is not None:
            return self._reports.tool(tool, now, self.stated)
        if now - state.since < QUIET:
            return Lost("tracker_connecting", {"server": server})
        names = tuple(map(printable, self._reports.heard[:MOST_NAMED]))
        if not names:
            return Lost("tracker_sends_nothing", {"server": server})
        return Lost("tracker_names_unknown", {"server": server, "names": names, "tool": tool})

    def _notices(self, now: float) -> tuple[Notice, ...]:
        at, notices_now = self._stream_notices
        if now - at >= STREAM_EVERY:
            notices_now = tuple(self._make_notices(now))
            self._stream_notices = now, notices_now
        return notices_now

    def _make_notices(self, now: float) -> Iterator[Notice]:
        """Yield what is usual first: a window shows the last."""
        server, clock = str(self.address), self._reports.clock
        arrivals = np.array(self._arrivals)
        if len(arrivals) >= FEWEST and now - arrivals[-1] <= QUIET:
            intervals = np.diff(arrivals)
            rate = 1.0 / max(intervals.mean(), 1e-6)
            facts = {"server": server, "rate": rate, "jitter_ms": 1e3 * intervals.std()}
            if clock.sd is None or not clock.is_usable or not self._reports.has_times:
                yield Notice("tracker_stream", facts)
            else:
                yield Notice("tracker_stream_timed", {**facts, "clock_ms": 1e3 * clock.sd})
            if rate < LEAST_RATE:
                facts = {"server": server, "rate": rate, "least": LEAST_RATE}
                yield Notice("tracker_slow", facts)
        if not self._reports.has_times:
            yield Notice("tracker_no_times", {"server": server})
        elif not clock.is_usable:
            yield Notice("tracker_clock_unreliable", {"server": server})
        elif clock.jumps and now - clock.jumps[-1].at < JUMP_SHOWN:
            facts = {"server": server, "seconds": clock.jumps[-1].seconds}
            yield Notice("tracker_clock_jumped", facts)
