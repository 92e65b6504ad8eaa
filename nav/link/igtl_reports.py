"""What an OpenIGTLink server has reported of each tool: poses, statuses, and what they lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.rigid_matrix import RigidFault, rigid_fault
from nav.core.textfile import printable
from nav.core.tracked_frame import TrackedTool
from nav.link.igtl_content import OK, Position, Status, TrackingData, Transform
from nav.link.igtl_messages import NAME_SIZE, Message, nanoseconds_of
from nav.link.igtl_names import NameChoice, choose_names, is_same_name
from nav.link.place_history import PlaceHistory, is_elsewhere
from nav.link.remote_clock import RemoteClock
from nav.tracking.pose_source import SILENCE, ReportedPose, StatedErrors, tracked_tool

SETTLED = 0.5  # s after the first name in which a better choice of names may come
MOST_NAMES = 256  # that are kept; no tracker has so many tools
LONGEST_STATUS = 60  # characters that are shown
STATUS_KEY = "transformstatus"  # in small letters
# codes of STATUS after which nothing is trusted until all is well again, whatever is sent
HOLDING = {3: "panic", 15: "disabled", 16: "not present", 18: "hardware failure", 19: "exiting"}
FAULTS: Mapping[RigidFault, str] = {
    "not finite": "reported_not_finite",
    "far": "reported_far",
    "scales": "reported_scaled",
    "shears": "reported_sheared",
    "mirrors": "reported_mirrored",
    "last row": "reported_sheared",
}


@dataclass(frozen=True)
class _Received:
    """The last that was received of a name."""

    time: float
    matrix: Array | None
    status: str = ""
    timestamp: int = 0  # as it was sent
    arrival: float = 0.0
    is_twice: bool = False  # in two places at once


class IgtlReports:
    """Take a server's messages, and return what is known of each tool.

    Parameters
    ----------
    tools : sequence of str
        Names of the tools that are needed.
    given : mapping of str to str
        What a server calls some of them, as of `nav.link.igtl_names.choose_names`.

    Attributes
    ----------
    choice : NameChoice or None
        The names that are used; None while none fit.
    clock : RemoteClock
        Of the server.
    has_times : bool
        Whether the last message of use stated when it was measured.
    """

    def __init__(self, tools: Sequence[str], given: Mapping[str, str]) -> None:
        self.tools, self.given = tuple(tools), dict(given)
        self.forget()

    def forget(self) -> None:
        """Forget everything: another connection begins."""
        self.choice: NameChoice | None = None
        self.clock, self.has_times = RemoteClock(), True
        self._received: dict[str, _Received] = {}
        self._places: dict[str, PlaceHistory] = {}
        self._with_status: set[str] = set()
        self._first: float | None = None
        self._held: dict[str, str] = {}  # by the device that says so

    @property
    def heard(self) -> tuple[str, ...]:
        """Names that were sent, in their order."""
        return tuple(self._received)

    def take(self, message: Message, arrival: float) -> frozenset[str]:
        """Take a message; of no use are those of types without poses.

        Parameters
        ----------
        message : Message
            From the server.
        arrival : float
            When it came, s.

        Returns
        -------
        frozenset of str
            Tools of which something new is known.
        """
        if isinstance(message.content, Status):
            return self._take_status(message.device, message.content, arrival)
        poses = list(_poses(message))
        if not poses:
            return frozenset()
        sent = [name for name, _, _ in poses]
        used = self.choice is None or not set(sent).isdisjoint(self.choice.names.values())
        # other devices may have other clocks, or times of long ago
        time = self._time(message.timestamp, arrival) if used else arrival
        fresh = set()
        for name, matrix, status in poses:
            seen = status is None or status.casefold() == "ok"
            status_text = "" if seen else printable(status or "")[:LONGEST_STATUS] or "no status"
            found = _Received(
                time, matrix if seen else None, status_text, message.timestamp, arrival,
                sent.count(name) > 1,
            )  # fmt: skip
            if self._take_pose(name, found, isinstance(message.content, Transform), status):
                fresh.add(name)
        self._choose(arrival)
        names = {} if self.choice is None else self.choice.names
        return frozenset(tool for tool, name in names.items() if name in fresh)

    def tool(
        self, tool: str, now: float, stated: StatedErrors, silence: float = SILENCE
    ) -> TrackedTool | Lost:
        """Return what is known of a tool, once names were chosen.

        Parameters
        ----------
        tool : str
            Its name.
        now : float
            s, on the clock of the arrivals.
        stated : StatedErrors
            Of every pose.
        silence : float
            Longest time since the pose was measured, s.

        Returns
        -------
        TrackedTool or Lost
        """
        name = None if self.choice is None else self.choice.names[tool]
        if name is None:
            return TrackedTool(Pose(RigidTransform.identity()))
        received = self._received.get(name)
        if received is None:
            return tracked_tool(tool, None, now, stated, silence)
        held = next(iter(self._held.values()), "")
        if received.is_twice and not held:
            return Lost("reported_twice", {"tool": tool})
        if held or received.matrix is None:  # the reason stays, though nothing more may come
            report = ReportedPose(now, status=held or received.status)
            return tracked_tool(tool, report, now, stated, silence)
        place, fault = None, rigid_fault(received.matrix)
        if fault and now - received.time <= silence:
            return Lost(FAULTS[fault], {"tool": tool})
        if not fault:
            rotation = Rotation.from_matrix(received.matrix[:3, :3])
            place = RigidTransform.from_components(received.matrix[:3, 3], rotation)
        return tracked_tool(tool, ReportedPose(received.time, place), now, stated, silence)

    def time_of(self, tool: str) -> float | None:
        """Return when the last report of a tool was measured; None where there is none."""
        name = None if self.choice is None else self.choice.names[tool]
        received = self._received.get(name) if name is not None else None
        return None if received is None else received.time

    def _take_pose(
        self, name: str, found: _Received, is_transform: bool, status: str | None
    ) -> bool:
        before = self._received.get(name)
        if not name or (before is None and len(self._received) >= MOST_NAMES):
            return False
        if is_transform:
            self._with_status.add(name)
        elif status is None and name in self._with_status:
            return False  # TRANSFORM says whether it was seen, this does not
        if found.matrix is not None and not rigid_fault(found.matrix):
            # two senders of one name need not have one clock: their poses come in turn
            places = self._places.setdefault(name, PlaceHistory())
            in_turn = places.add(found.arrival, found.matrix)
            found = replace(found, is_twice=found.is_twice or in_turn)
        if before is None:
            self._received[name] = found
            return True
        if before.timestamp == found.timestamp != 0:
            # the same measurement again: it becomes no newer by that
            is_twice = found.is_twice or before.is_twice or _are_apart(before, found)
            if found.matrix is not None and before.matrix is None:
                found = before  # one that was not seen does not become seen
            found = replace(found, time=before.time, arrival=before.arrival, is_twice=is_twice)
            self._received[name] = found
            return found.status != before.status or is_twice != before.is_twice
        if found.matrix is not None and before.matrix is not None and found.time < before.time:
            if not found.is_twice or before.is_twice:
                return False  # older than what is known
            found = replace(before, is_twice=True)
        self._received[name] = found
        return True

    def _take_status(self, device: str, status: Status, arrival: float) -> frozenset[str]:
        names = {} if self.choice is None else self.choice.names
        meant = [tool for tool in self.tools if self._is_about(device, tool)]
        if status.code == OK:
            self._held.pop(device, None)
            return frozenset()
        words = (status.error_name, status.text, HOLDING.get(status.code, ""))
        status_text = printable(": ".join(filter(None, words[:2])) or words[2])[:LONGEST_STATUS]
        status_text = status_text or f"status {status.code}"
        if not meant and status.code in HOLDING and len(self._held) < MOST_NAMES:
            self._held[device] = status_text
        concerned = frozenset(meant or self.tools)
        if self.choice is not None and any(names[tool] is None for tool in meant):
            concerned = frozenset(self.tools)  # all poses are relative to that one
        for tool in concerned:
            name = names.get(tool)
            if name is not None:
                self._received[name] = _Received(arrival, None, status_text)
        return concerned

    def _is_about(self, device: str, tool: str) -> bool:
        name = None if self.choice is None else self.choice.names[tool]
        return device == name or is_same_name(device, self.given.get(tool, tool))

    def _time(self, timestamp: int, arrival: float) -> float:
        self.has_times = timestamp != 0
        if not self.has_times:
            return arrival
        return self.clock.measured_at(nanoseconds_of(timestamp) * 1e-9, arrival)

    def _choose(self, arrival: float) -> None:
        if self._first is None:
            self._first = arrival
        if self.choice is None or arrival - self._first <= SETTLED:
            chosen = choose_names(self.tools, self._received, self.given)
            if chosen is not None and chosen != self.choice:
                self.choice = chosen
                self._restart_clock(chosen)

    def _restart_clock(self, choice: NameChoice) -> None:
        """Learn the clock from the names that are used only."""
        self.clock = RemoteClock()
        used = [(name, self._received[name]) for name in choice.names.values() if name is not None]
        for name, one in sorted(used, key=lambda item: item[1].arrival):
            if one.timestamp:
                time = self._time(one.timestamp, one.arrival)
                self._received[name] = replace(one, time=time)


def _poses(message: Message) -> Iterator[tuple[str, Array, str | None]]:
    """Yield name, matrix and status of all poses in a message."""
    content = message.content
    if isinstance(content, Transform):
        yield message.device, content.matrix, _status(message.metadata)
    elif isinstance(content, TrackingData):
        for one in content.instruments:
            yield one.name, one.matrix, _instrument_status(one.name, message.metadata)
    elif isinstance(content, Position) and content.quaternion is not None:
        matrix = _matrix(content.position, content.quaternion)
        yield message.device, matrix, _status(message.metadata)


def _status(metadata: Mapping[str, str]) -> str | None:
    """Return the status of a transform as PLUS (TransformStatus) or others state it, or None."""
    statuses = [
        (key.casefold(), text) for key, text in metadata.items() if "status" in key.casefold()
    ]
    own = [text for key, text in statuses if key == STATUS_KEY]
    return _worst(own or [text for _, text in statuses])


def _instrument_status(name: str, metadata: Mapping[str, str]) -> str | None:
    """Return the status of an instrument of TDATA, or None; its own name may be cut off."""
    is_cut = len(name.encode("utf-8", "surrogateescape")) >= NAME_SIZE
    return _worst(
        [
            text
            for key, text in metadata.items()
            if key == f"{name}Status" or (is_cut and key.startswith(name) and key[-6:] == "Status")
        ]
    )


def _worst(statuses: Sequence[str]) -> str | None:
    """Return the first status that is not OK; None where there is none at all."""
    bad = (text for text in statuses if text.casefold() != "ok")
    return next(bad, next(iter(statuses), None))


def _are_apart(one: _Received, other: _Received) -> bool:
    known = one.matrix is not None and other.matrix is not None
    return known and is_elsewhere(one.matrix, other.matrix)  # type: ignore[arg-type]


def _matrix(position: Array, quaternion: Array) -> Array:
    """Return a matrix that is as rigid as the quaternion is of unit length."""
    matrix = np.full((4, 4), np.nan)
    length = float(np.linalg.norm(quaternion))
    if np.isfinite(length) and length > 0.0:
        matrix[:] = np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(quaternion).as_matrix() * length**2
        matrix[:3, 3] = position
    return matrix
