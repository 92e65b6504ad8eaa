"""What is sent of each instant: the profile of 3D Slicer, and that of its ASTM phantom test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import NO_TOOL
from nav.guidance.alarms import Level
from nav.link.igtl_content import (
    CONNECTION_LOST,
    NOT_READY,
    OK,
    Content,
    Instrument,
    Position,
    Status,
    Text,
    TrackingData,
    Transform,
)
from nav.link.igtl_frames import to_ras
from nav.link.igtl_messages import NAME_SIZE, Message, timestamp_of
from nav.link.igtl_places import (
    MODEL,
    NEEDLE,
    REFERENCE,
    TRACKER,
    Instant,
    Places,
    Tools,
    model_from_reference,
)
from nav.pipeline import Guidance
from nav.registration.registration_result import Registration
from nav.text.catalogue import ENGLISH
from nav.tracking.tip_frame import along, tool_from_tip
from nav.tracking.tool import Tool

ProfileName = Literal["slicer", "astm"]
STATUS_KEY = "TransformStatus"  # what Slicer and PLUS call it
SEEN, MISSING = {STATUS_KEY: "OK"}, {STATUS_KEY: "MISSING"}
SAME_HEADING = 1e-9  # of unit vectors: rounding; the needle is not known to be bent
DISTANCES_INTERVAL = 100_000_000  # ns: ten a second are as many as anybody reads


class Profile(Protocol):
    """Turns instants into messages; used by one thread only."""

    retained: frozenset[str]  # names of messages that a new client gets at once

    def messages(self, instant: Instant) -> Iterator[Message]:
        """Yield what every client gets of an instant; some instants may be left out before it.

        Parameters
        ----------
        instant : Instant
            A newer one than the last.

        Yields
        ------
        Message
        """
        ...

    def on_request(self, kind: str, instant: Instant) -> Message | None:
        """Return a message that clients have to ask for.

        Parameters
        ----------
        kind : {"TDATA", "POSITION"}
            The message type.
        instant : Instant
            The newest one.

        Returns
        -------
        Message or None
            None where there is nothing to send.
        """
        ...


@dataclass
class SlicerProfile:
    """Transforms in RAS with their status, statuses, alarms and distances.

    A lost tool is reported missing once, and then not sent until it is seen again.

    Parameters
    ----------
    tools : Tools
        Of which poses are sent.
    """

    tools: Tools
    retained: frozenset[str] = frozenset({f"{REFERENCE}To{MODEL}", "Alarm"})
    _frames: dict[str, Array] = field(default_factory=dict)
    _present: set[str] = field(default_factory=set)
    _statuses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _registration: Registration | None = None
    _model_from_reference: Array | None = None
    _alarm: str | None = None
    _distances_at: int = -DISTANCES_INTERVAL

    def __post_init__(self) -> None:
        self._frames = {n: tool_from_tip(tool.tip) for n, tool in self.tools.by_frame.items()}

    def messages(self, instant: Instant) -> Iterator[Message]:
        """Yield what every client gets of an instant."""
        stamp = timestamp_of(instant.time_ns)
        for name, matrix in self._transforms(instant):
            if matrix is not None:
                self._present.add(name)
                yield Message(Transform(to_ras(matrix)), name, stamp, SEEN)
            elif name in self._present:
                self._present.discard(name)
                yield Message(Transform(np.eye(4)), name, stamp, MISSING)
        for name, content in self._changes(instant):
            yield Message(content, name, stamp)

    def on_request(self, kind: str, instant: Instant) -> Message | None:
        """Return TDATA of all tools that are seen, or POSITION of the needle in the model."""
        stamp = timestamp_of(instant.time_ns)
        places = Places(instant.tracked, self.tools, self._frames)
        if kind == "POSITION":
            matrix = self._needle_in_model(instant, places)
            if matrix is None:
                return None
            matrix = to_ras(matrix)
            turned = Rotation.from_matrix(matrix[:3, :3]).as_quat()
            return Message(Position(matrix[:3, 3], turned), f"{NEEDLE}To{MODEL}", stamp)
        found = []
        for frame in self.tools.by_frame:
            pose = places.in_tracker(frame)
            if pose is not None:
                found.append(Instrument(frame, to_ras(pose)))
        return Message(TrackingData(tuple(found)), f"ToolsTo{TRACKER}", stamp)

    def _transforms(self, instant: Instant) -> Iterator[tuple[str, Array | None]]:
        """Yield every transform's name and matrix; None where it is not known."""
        if instant.registration is not self._registration:
            self._registration = instant.registration
            self._model_from_reference = model_from_reference(instant.registration)
            yield f"{REFERENCE}To{MODEL}", self._model_from_reference
        places = Places(instant.tracked, self.tools, self._frames)
        if instant.guidance is not None:
            yield f"{NEEDLE}To{MODEL}", self._needle_in_model(instant, places)
        for frame, tool in self.tools.by_frame.items():
            yield f"{frame}To{TRACKER}", places.in_tracker(frame)
            if self.tools.reference is not None and tool is not self.tools.reference:
                yield f"{frame}To{REFERENCE}", places.in_reference(frame)

    def _needle_in_model(self, instant: Instant, places: Places) -> Array | None:
        """Return model_from_tip, bent as far as the window shows the needle bent."""
        guidance, registered = instant.guidance, self._model_from_reference
        if guidance is None or registered is None or isinstance(guidance.model_tip, Lost):
            return None
        pose = places.in_reference(NEEDLE)
        if pose is None:
            return None
        matrix: Array = registered @ pose
        matrix[:3, 3] = guidance.model_tip.position
        heading = guidance.model_tip.heading
        if heading is not None and abs(matrix[:3, 2] - heading).max() > SAME_HEADING:
            matrix[:3, :3] = along(matrix[:3, :3], heading)
        return matrix

    def _changes(self, instant: Instant) -> Iterator[tuple[str, Content]]:
        """Yield statuses and alarms that changed; distances then, and now and then."""
        for frame, tool in self.tools.by_frame.items():
            seen = instant.tracked.tools.get(tool.name, NO_TOOL)
            lost = seen if isinstance(seen, Lost) else None
            yield from self._status(frame, lost, CONNECTION_LOST)
        guidance = instant.guidance
        if guidance is None:
            return
        of_model = guidance.model_tip if instant.registration is None else None
        if of_model is None or (isinstance(of_model, Lost) and guidance.reference_tip):
            yield from self._status(MODEL, of_model, NOT_READY)
        alarm_line = alarm_text(guidance)
        changed = alarm_line != self._alarm  # also where distances are lost or found
        if changed:
            self._alarm = alarm_line
            yield "Alarm", Text(alarm_line)
        if changed or instant.time_ns - self._distances_at >= DISTANCES_INTERVAL:
            self._distances_at = instant.time_ns
            yield "Distances", Text(json.dumps(distances(guidance), ensure_ascii=False))

    def _status(self, name: str, lost: Notice | None, code: int) -> Iterator[tuple[str, Content]]:
        codes = () if lost is None else lost.codes
        if self._statuses.get(name) == codes:
            return
        self._statuses[name] = codes
        if lost is None:
            yield name, Status(OK, error_name="OK")
        else:
            reason = codes[-1].encode("utf-8")[:NAME_SIZE].decode("utf-8", "ignore")
            yield name, Status(code, ENGLISH.sentence(lost), reason)


class AstmProfile:
    """The three transforms that 3D Slicer's module for ASTM F2554 expects, always streamed.

    They are in the tracker's own frame, as PLUS sends them. The pointer's origin is its tip. The
    module takes the place of PointerToPhantom whenever PointerToTracker was last OK, whatever the
    status of the former. So the latter is sent first, and is missing also where the phantom is.

    Parameters
    ----------
    pointer : Tool
        With a tip.
    phantom : Tool
        The reference body on the phantom.
    """

    retained: frozenset[str] = frozenset()

    def __init__(self, pointer: Tool, phantom: Tool) -> None:
        self.pointer, self.phantom = pointer, phantom
        self._tip = tool_from_tip(pointer.tip)

    def messages(self, instant: Instant) -> Iterator[Message]:
        """Yield the three transforms, with the status OK or MISSING."""
        stamp, tracked = timestamp_of(instant.time_ns), instant.tracked
        pointer, phantom = self.pointer.name, self.phantom.name
        together = tracked.pose(pointer, phantom)
        for name, pose, frame in (
            ("PointerToTracker", together and tracked.pose(pointer), self._tip),
            ("PhantomToTracker", tracked.pose(phantom), np.eye(4)),
            ("PointerToPhantom", together, self._tip),
        ):
            if isinstance(pose, Lost):
                yield Message(Transform(np.eye(4)), name, stamp, MISSING)
            else:
                yield Message(Transform(pose.transform.as_matrix() @ frame), name, stamp, SEEN)

    def on_request(self, kind: str, instant: Instant) -> Message | None:
        """Return nothing: the module asks for nothing."""
        return None


def alarm_text(guidance: Guidance) -> str:
    """Return the alarms as a line for people, the worst first.

    Parameters
    ----------
    guidance : Guidance
        Of the newest instant.

    Returns
    -------
    str
        As "danger: left vertebral artery; caution: cord"; "clear", or "no data".
    """
    levels = guidance.alarms.levels
    parts = []
    for level in (Level.DANGER, Level.CAUTION, Level.UNKNOWN):
        names = [name for name, found in levels.items() if found is level]
        if names:
            parts.append(f"{level.word}: {', '.join(names)}")
    return "; ".join(parts) or (Level.CLEAR.word if levels else Level.UNKNOWN.word)


def distances(guidance: Guidance) -> dict[str, object]:
    """Return the distances for other programs.

    Parameters
    ----------
    guidance : Guidance
        Of the newest instant.

    Returns
    -------
    dict
        "structures", a list with name, role, distance_mm, bound_mm (95 % lower bound), sd_mm and
        level; or "lost", the code of the reason why there are none.
    """
    near = guidance.proximity
    if isinstance(near, Lost):
        return {"lost": near.codes[-1]}
    levels = guidance.alarms.levels
    return {
        "structures": [
            {
                "name": one.name,
                "role": one.role,
                "distance_mm": round(one.distance, 3),
                "bound_mm": round(one.bound, 3),
                "sd_mm": round(one.sd, 3),
                "level": levels[one.name].word if one.name in levels else None,
            }
            for one in near.structures
        ]
    }
