"""Write a session's record: whatever ends the program, what was flushed stays readable."""

import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, cast

from mcap.writer import CompressionType, Writer

import nav
from nav.core.errors import InputError, Lost
from nav.core.tracked_frame import TrackedFrame
from nav.live.session import State
from nav.record.session.session_about import BILLION, clock_of
from nav.record.session.session_format import (
    EVENT,
    FRAME,
    GUIDANCE,
    KINDS,
    LOG,
    SESSION_FILE,
    TF,
    SessionEvent,
    event_to_json,
    frame_to_json,
)
from nav.record.session.session_guidance import guidance_to_json
from nav.record.session.session_json import to_bytes
from nav.record.session.session_schemas import SCHEMAS
from nav.record.session.whole_blocks import WholeBlocks
from nav.record.session_totals import TOTALS, SessionTotals
from nav.text.catalogue import ENGLISH

CHUNK = 256 * 1024  # bytes
TF_PERIOD = BILLION // 30  # ns between two /tf of one tool
METRES = 1e-3  # /tf is for viewers, which take metres
LOGGED = {"alarm": 3, "recorder": 3, "mark": 2}  # kinds of events in /log, with Foxglove's levels
MEDIA_TYPES = {".toml": "application/toml", ".csv": "text/csv", ".json": "application/json"}


class SessionWriter:
    """The record of one session: frames, guidance, events and files as attachments.

    Nothing is in the file before `flush`, which appends whole blocks; call it at least every
    0.25 s, and `sync` every second. It is not safe to use from several threads at once.

    Parameters
    ----------
    folder : Path
        Of the session; created if need be.
    about : mapping of str to str
        As `about_session` returns it.
    attachments : mapping of str to bytes, optional
        Files by name ("rig.toml", "tools/needle.toml", "case/case.toml", ...).

    Raises
    ------
    InputError
        The folder holds a session, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, str],
        attachments: Mapping[str, bytes] | None = None,
    ) -> None:
        self.folder, self.about, self.clock = folder, dict(about), clock_of(about)
        attachments = attachments or {}
        for name, data in attachments.items():
            self.about[f"sha256:{name}"] = sha256(data).hexdigest()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be created: {error.strerror or error}") from None
        self.file = WholeBlocks(folder / SESSION_FILE)
        self._writer = Writer(
            cast(Any, self.file), CHUNK, CompressionType.ZSTD, enable_data_crcs=True
        )
        self._writer.start("", f"c1c2nav {nav.__version__}")
        self._writer.add_metadata("c1c2nav", self.about)
        self.counts = dict.fromkeys(SCHEMAS, 0)
        self.totals = SessionTotals()
        self._channels: dict[str, int] = {}
        self._shown: dict[str, int] = {}
        self._newest: int | None = None
        for topic, (name, schema) in SCHEMAS.items():
            number = self._writer.register_schema(name, "jsonschema", schema)
            self._channels[topic] = self._writer.register_channel(topic, "json", number)
        for name, data in attachments.items():
            self.attach(name, data)
        self.event("started", at=self.clock.monotonic)
        try:
            self.flush()
        except OSError as error:
            self.file.close()
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None

    def frame(
        self,
        tracked: TrackedFrame,
        at: float | None = None,
        pictures: Mapping[str, float] | None = None,
    ) -> None:
        """Add a tracked frame, and its poses for viewers.

        Parameters
        ----------
        tracked : TrackedFrame
            Its images are left out.
        at : float, optional
            When it was measured, s, monotonic clock; its own time of capture by default, else now.
        pictures : mapping of str to float, optional
            As of `frame_to_json`.
        """
        at = tracked.captured_at if at is None else at
        log_time = self._time(at)
        self._newest = int(tracked.number)
        self._add(FRAME, frame_to_json(tracked, pictures), log_time)
        for name, seen in tracked.tools.items():
            due = log_time - self._shown.get(name, -TF_PERIOD) >= TF_PERIOD
            if due and not isinstance(seen, Lost):
                self._shown[name] = log_time
                transform = seen.rig_from_tool.transform
                place = (transform.translation * METRES).tolist()
                turn = transform.rotation.as_quat().tolist()
                message = {
                    "timestamp": _stamp(log_time),
                    "parent_frame_id": "rig",
                    "child_frame_id": name,
                    "translation": dict(zip("xyz", place, strict=True)),
                    "rotation": dict(zip("xyzw", turn, strict=True)),
                }
                self._add(TF, message, log_time)

    def guidance(
        self, state: State, registration: int | None = None, at: float | None = None
    ) -> None:
        """Add what was shown after a frame.

        Parameters
        ----------
        state : State
            Of the work.
        registration : int, optional
            Number of the registration in use, see `guidance_to_json`.
        at : float, optional
            As of `frame`.
        """
        at = state.guidance.tracked.captured_at if at is None else at
        self._add(GUIDANCE, guidance_to_json(state, registration), self._time(at))

    def event(
        self,
        kind: str,
        code: str = "",
        facts: Mapping[str, Any] | None = None,
        number: int | None = None,
        at: float | None = None,
    ) -> None:
        """Add an event.

        Parameters
        ----------
        kind : str
            One of `session_format.KINDS`.
        code : str, optional
            What it was, as of `Notice`.
        facts : mapping of str to Fact, optional
            Numbers, names, ids.
        number : int, optional
            Of the frame; the newest one by default.
        at : float, optional
            When, s, monotonic clock; now by default.

        Raises
        ------
        ValueError
            There is no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"no such kind of event: {kind}")
        log_time = self._time(at)
        event = SessionEvent(kind, code, facts or {}, self._newest if number is None else number)
        self._add(EVENT, event_to_json(event), log_time)
        if kind in LOGGED:
            message = {
                "timestamp": _stamp(log_time),
                "level": LOGGED[kind],
                "message": _words(event),
                "name": kind,
                "file": "",
                "line": 0,
            }
            self._add(LOG, message, log_time)

    def attach(self, name: str, data: bytes) -> None:
        """Add a file.

        Parameters
        ----------
        name : str
            Relative, with slashes ("registration-1.toml").
        data : bytes
            Its content.

        Raises
        ------
        ValueError
            The name is absolute or leads out of the session.
        """
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError(f"not the name of an attachment: {name}")
        media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
        self._writer.add_attachment(self._time(None), 0, name, media_type, data)

    def flush(self) -> None:
        """Append what was added to the file.

        Raises
        ------
        OSError
            The disk is full or gone; nothing is lost, and the next flush tries again.
        """
        self._writer.flush()

    def sync(self) -> None:
        """Wait until what was flushed is on the disk; OSError as of `flush`."""
        self.file.sync()

    def close(
        self, code: str = "", facts: Mapping[str, Any] | None = None, at: float | None = None
    ) -> None:
        """Say that the session has ended, complete the file and close it.

        Parameters
        ----------
        code : str, optional
            Why it has ended; empty: normally.
        facts : mapping, optional
            Of the reason.
        at : float, optional
            When, s, monotonic clock; now by default.

        Raises
        ------
        OSError
            The disk is full or gone; what was flushed before stays readable.
        """
        if self.file.closed:
            return
        try:
            self.event("ended", code, facts, at=at)
            self._writer.add_metadata(TOTALS, self.totals.to_metadata())
            self._writer.finish()
            self.file.flush()
            self.file.sync()
        finally:
            self.file.close()

    def _time(self, at: float | None) -> int:
        return self.clock.ns(time.monotonic() if at is None else at)

    def _add(self, topic: str, message: dict[str, Any], log_time: int) -> None:
        self._writer.add_message(
            self._channels[topic],
            log_time,
            to_bytes(message),
            self._time(None),
            self.counts[topic] & 0xFFFFFFFF,
        )
        self.counts[topic] += 1
        if topic in (FRAME, GUIDANCE, EVENT):
            self.totals.add(topic, log_time, message)


def _stamp(log_time: int) -> dict[str, int]:
    seconds, rest = divmod(log_time, BILLION)
    return {"sec": seconds, "nsec": rest}


def _words(event: SessionEvent) -> str:
    if event.kind == "mark":
        return str(event.facts.get("text") or "mark")
    if event.code in ENGLISH.templates:
        return ENGLISH.sentence(event.notice)
    facts = ", ".join(f"{name} {value}" for name, value in event.facts.items())
    return f"{event.code}: {facts}" if facts else event.code
