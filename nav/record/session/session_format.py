"""A session's messages: tracked frames and events as JSON and back, bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.notice import Facts, Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.session.session_json import (
    facts_of_json,
    facts_to_json,
    lost_of_json,
    notice_of_json,
    notice_to_json,
)

FORMAT = "c1c2nav/session/1"
FORMAT_NAME, FORMAT_VERSION = FORMAT.rsplit("/", 1)[0], 1
SESSION_FILE, PICTURES_FILE = "session.mcap", "pictures.mcap"
FRAME, GUIDANCE, EVENT, TF, LOG = "/frame", "/guidance", "/event", "/tf", "/log"
UPPER = np.triu_indices(6)
TRIANGLE, WHOLE = len(UPPER[0]), 36
PLACES = np.zeros((6, 6), np.intp)  # of a covariance's entries among those of its upper triangle
PLACES[UPPER] = PLACES.T[UPPER] = np.arange(TRIANGLE)
MOST_FRAME = 2**63 - 1  # its number, which tables hold in 64 bits
# of a rotation's products; rounding leaves 1e-15
NOT_RIGID = 1e-6 + 1e-5 * np.eye(3)
IDENTITY = np.eye(3)
# of /event
KINDS = (
    "started", "command", "stage", "prompt", "message", "touch", "registration", "verification",
    "plan", "alarm", "mark", "notice", "camera", "link", "recorder", "ended",
)  # fmt: skip


@dataclass(frozen=True)
class SessionEvent:
    """Something that happened in a session.

    Parameters
    ----------
    kind : str
        One of KINDS.
    code : str
        What it was, as of `Notice`; a command's kind, a mark's empty text.
    facts : mapping of str to Fact
        Numbers, names, ids; a mark's "text".
    number : int or None
        Of the newest frame at that time.
    log_time : int
        When, ns, UTC.
    """

    kind: str
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=Facts)
    number: int | None = None
    log_time: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.facts, Facts):
            object.__setattr__(self, "facts", Facts(self.facts))

    @property
    def notice(self) -> Notice:
        """Code and facts, for `nav.sentence`."""
        return Notice(self.code, self.facts)


def event_to_json(event: SessionEvent) -> dict[str, Any]:
    """Return an event as a message of /event; its time is the message's own.

    Parameters
    ----------
    event : SessionEvent
        The event.

    Returns
    -------
    dict
        `event_of_json` reads it.
    """
    return {
        "kind": event.kind,
        "code": event.code,
        "facts": facts_to_json(event.facts),
        "number": event.number,
    }


def event_of_json(table: Mapping[str, Any], log_time: int) -> SessionEvent:
    """Return the event that `event_to_json` wrote.

    Parameters
    ----------
    table : mapping
        Message of /event.
    log_time : int
        Of the message, ns.

    Returns
    -------
    SessionEvent
    """
    facts = facts_of_json(table["facts"])
    return SessionEvent(str(table["kind"]), str(table["code"]), facts, table["number"], log_time)


def frame_to_json(
    tracked: TrackedFrame, pictures: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return a tracked frame as a message of /frame.

    Parameters
    ----------
    tracked : TrackedFrame
        Its images are left out.
    pictures : mapping of str to float, optional
        When the images were taken that it was measured in, by camera, s; by default those that it
        holds.

    Returns
    -------
    dict
        `frame_of_json` rebuilds it, except for the images.
    """
    if pictures is None:
        pictures = picture_times(tracked)
    return {
        "number": tracked.number,
        "time": tracked.time,
        "captured_at": tracked.captured_at,
        "track_seconds": tracked.track_seconds,
        "mode": tracked.mode,
        "agreeing": [sorted(group) for group in tracked.agreeing],
        "camera_lost": {name: notice_to_json(why) for name, why in tracked.camera_lost.items()},
        "notices": [notice_to_json(notice) for notice in tracked.notices],
        "tools": {name: _tool_to_json(seen) for name, seen in tracked.tools.items()},
        "pictures": dict(pictures),
    }


def picture_times(tracked: TrackedFrame) -> dict[str, float]:
    """Return when the images that a frame holds were taken.

    Parameters
    ----------
    tracked : TrackedFrame
        With or without images.

    Returns
    -------
    dict of str to float
        By camera, s.
    """
    images = {} if tracked.images is None else tracked.images.frames
    return {name: frame.time for name, frame in images.items()}


def frame_of_json(table: Mapping[str, Any]) -> TrackedFrame:
    """Return the tracked frame that `frame_to_json` wrote.

    Parameters
    ----------
    table : mapping
        Message of /frame.

    Returns
    -------
    TrackedFrame
        Equal to the one written bit for bit, without images.

    Raises
    ------
    KeyError, TypeError, ValueError
        Something is missing or of another type or size.
    """
    captured_at = table["captured_at"]
    number = int(table["number"])
    if abs(number) > MOST_FRAME:
        raise ValueError(f"number: expected at most {MOST_FRAME}")
    return TrackedFrame(
        number,
        float(table["time"]),
        {name: _tool_of_json(seen) for name, seen in table["tools"].items()},
        {name: notice_of_json(why) for name, why in table["camera_lost"].items()},
        float(table["track_seconds"]),
        str(table["mode"]),
        tuple(frozenset(map(str, group)) for group in table["agreeing"]),
        None if captured_at is None else float(captured_at),
        None,
        tuple(map(notice_of_json, table["notices"])),
    )


def _tool_to_json(seen: TrackedTool | Lost) -> dict[str, Any]:
    if isinstance(seen, Lost):
        return {"status": "lost", "reason": notice_to_json(seen)}
    transform = seen.rig_from_tool.transform
    return {
        "status": "tracked",
        "rotation": transform.rotation.as_quat().tolist(),
        "translation": transform.translation.tolist(),
        "matrix": transform.as_matrix()[:3].ravel().tolist(),
        "covariance": symmetric_to_json(seen.rig_from_tool.covariance),
        "systematic": symmetric_to_json(seen.systematic),
        "size_error": seen.size_error.tolist(),
        "marker_ids": list(map(int, seen.marker_ids)),
        "rms_px": seen.rms_px,
        "cameras": list(seen.cameras),
        "warnings": [notice_to_json(notice) for notice in seen.warnings],
        "print_name": seen.print_name,
        "tip_scale_sd": seen.tip_scale_sd,
        "corners": {
            camera: {str(number): corners.tolist() for number, corners in by_id.items()}
            for camera, by_id in seen.corners.items()
        },
    }


def _tool_of_json(table: Mapping[str, Any]) -> TrackedTool | Lost:
    if table["status"] == "lost":
        return lost_of_json(table["reason"])
    if table["status"] != "tracked":
        raise ValueError(f"status: expected tracked or lost, got {table['status']!r}")
    matrix = np.eye(4)
    matrix[:3] = _numbers(table["matrix"], (3, 4))
    _check_rotation(matrix[:3, :3])
    rms, name = table["rms_px"], table["print_name"]
    return TrackedTool(
        # as written: normalising it again would change its last bits
        Pose(
            RigidTransform(matrix, normalize=False, copy=False),
            symmetric_of_json(table["covariance"]),
        ),
        tuple(map(int, table["marker_ids"])),
        None if rms is None else float(rms),
        {
            camera: {int(key): _numbers(corners, (4, 2)) for key, corners in by_id.items()}
            for camera, by_id in table["corners"].items()
        },
        tuple(map(notice_of_json, table["warnings"])),
        symmetric_of_json(table["systematic"]),
        tuple(map(str, table["cameras"])),
        _numbers(table["size_error"], (6,)),
        float(table["tip_scale_sd"]),
        None if name is None else str(name),
    )


def symmetric_to_json(matrix: Array) -> list[float]:
    """Return the upper triangle of a covariance; all of it where rounding left it skew.

    Parameters
    ----------
    matrix : ndarray, shape (6, 6)
        The covariance.

    Returns
    -------
    list of float
        21 or 36 numbers, by rows.
    """
    symmetric = matrix.tobytes() == matrix.T.tobytes()
    values: list[float] = (matrix[UPPER] if symmetric else matrix.ravel()).tolist()
    return values


def symmetric_of_json(values: list[float]) -> Array:
    """Return the covariance that `symmetric_to_json` wrote.

    Parameters
    ----------
    values : list of float
        21 or 36 numbers.

    Returns
    -------
    ndarray, shape (6, 6)
    """
    if len(values) == WHOLE:
        return _numbers(values, (6, 6))
    return _numbers(values, (TRIANGLE,))[PLACES]


def _check_rotation(turn: Array) -> None:
    # the first also for those whose products would overflow
    rigid = (abs(turn) <= 2.0).all() and (abs(turn @ turn.T - IDENTITY) <= NOT_RIGID).all()
    if not rigid or np.linalg.det(turn) < 0.0:
        raise ValueError("matrix: expected a rotation and a translation")


def _numbers(values: Any, shape: tuple[int, ...]) -> Array:
    array = np.array(values)
    if array.size and array.dtype.kind not in "if":  # null, texts, true and false
        raise ValueError("expected numbers")
    array = array.astype(np.float64, copy=False)
    if array.size != prod(shape):
        raise ValueError(f"expected {prod(shape)} numbers, got {array.size}")
    return array.reshape(shape)
