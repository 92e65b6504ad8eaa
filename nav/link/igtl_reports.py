"""What an OpenIGTLink server has reported of each tool: poses, statuses, and what they lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.rigid_matrix import RigidFault, rigid_fault
from nav.core.textfile import printable
from nav.core.tracked_frame import TrackedTool
from nav.link.igtl_content import OK, Position, Status, TrackingData, Transform
from nav.link.igtl_messages import Message, nanoseconds_of
from nav.link.igtl_names import NameChoice, choose_names, is_same_name
from nav.link.remote_clock import RemoteClock
from nav.tracking.pose_source import SILENCE, ReportedPose, StatedErrors, tracked_tool

SETTLED = 0.5  # s after the first name in which a better choice of names may come
MOST_NAMES = 256  # that are kept; no tracker has so many tools
LONGEST_STATUS = 60  # characters that are told
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


class IgtlReports:
    """Take a server's messages, and tell what is known of each tool.

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
        Whether the last message stated when it was measured.
    """

    def __init__(self, tools: Sequence[str], given: Mapping[str, str]) -> None:
        self.tools, self.given = tuple(tools), dict(given)
        self.forget()

    def forget(self) -> None:
        """Forget everything: another connection begins."""
        self.choice: NameChoice | None = None
        self.clock, self.has_times = RemoteClock(), True
        self._received: dict[str, _Received] = {}
        self._with_status: set[str] = set()
        self._first: float | None = None
        self._held = ""

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
        time = self._time(message.timestamp, arrival)
        fresh = set()
        for name, matrix, status in poses:
            if self._take_pose(name, matrix, status, time, message):
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
        if self._held or received.matrix is None:  # the reason stays, though nothing more may come
            report = ReportedPose(now, status=self._held or received.status)
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
        self, name: str, matrix: Array, status: str | None, time: float, message: Message
    ) -> bool:
        before = self._received.get(name)
        if not name or (before is None and len(self._received) >= MOST_NAMES):
            return False
        if isinstance(message.content, Transform):
            self._with_status.add(name)
        elif status is None and name in self._with_status:
            return False  # TRANSFORM says whether it was seen, this does not
        seen = status is None or status.casefold() == "ok"
        told = "" if seen else printable(status or "")[:LONGEST_STATUS] or "no status"
        is_new = True
        if before is not None and before.timestamp == message.timestamp != 0:
            # the same measurement again: it becomes no newer by that
            time, is_new = before.time, told != before.status
        kept = _Received(time, matrix if seen else None, told, message.timestamp)
        self._received[name] = kept
        return is_new

    def _take_status(self, device: str, status: Status, arrival: float) -> frozenset[str]:
        names = {} if self.choice is None else self.choice.names
        meant = [tool for tool in self.tools if self._is_about(device, tool)]
        if status.code == OK:
            self._held = ""
            return frozenset()
        words = (status.error_name, status.text, HOLDING.get(status.code, ""))
        told = printable(": ".join(filter(None, words[:2])) or words[2])[:LONGEST_STATUS]
        told = told or f"status {status.code}"
        if not meant and status.code in HOLDING:
            self._held = told
        concerned = frozenset(meant or self.tools)
        for tool in concerned:
            name = names.get(tool)
            if name is not None:
                self._received[name] = _Received(arrival, None, told)
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
            self.choice = chosen or self.choice


def _poses(message: Message) -> Iterator[tuple[str, Array, str | None]]:
    """Yield name, matrix and status of all poses in a message."""
    content = message.content
    if isinstance(content, Transform):
        yield message.device, content.matrix, _status(message.metadata)
    elif isinstance(content, TrackingData):
        for one in content.instruments:
            yield one.name, one.matrix, message.metadata.get(f"{one.name}Status")
    elif isinstance(content, Position) and content.quaternion is not None:
        matrix = _matrix(content.position, content.quaternion)
        yield message.device, matrix, _status(message.metadata)


def _status(metadata: Mapping[str, str]) -> str | None:
    """Return what PLUS (TransformStatus) or others say of a transform, or None."""
    return next((text for key, text in metadata.items() if "status" in key.casefold()), None)


def _matrix(position: Array, quaternion: Array) -> Array:
    """Return a matrix that is as rigid as the quaternion is of unit length."""
    matrix = np.full((4, 4), np.nan)
    length = float(np.linalg.norm(quaternion))
    if np.isfinite(length) and length > 0.0:
        matrix[:] = np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(quaternion).as_matrix() * length**2
        matrix[:3, 3] = position
    return matrix
