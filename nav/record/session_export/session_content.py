"""What a session has to export: frames, guidance and events on one clock, tools, registrations."""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from nav.core.errors import InputError, Lost
from nav.core.files import provenance
from nav.core.tracked_frame import TrackedFrame
from nav.record.session.checked_frame import checked_frame
from nav.record.session.session_format import (
    EVENT,
    FRAME,
    GUIDANCE,
    SessionEvent,
    event_of_json,
    frame_of_json,
)
from nav.record.session.session_reader import SessionMessage, SessionReader, open_session
from nav.record.session_tools.event_words import event_words
from nav.registration.registration_result import Registration, load_registration
from nav.terminal import one_line
from nav.tracking.tool import Tool, load_tool

BILLION = 1_000_000_000
REGISTRATION = re.compile(r"registration(?:-(\d{1,9}))?\.toml", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {GUIDANCE: "distances", EVENT: "events"}
COUNTED = 500  # frames between two reports
Report = Callable[[str, float], None]
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class ExportedFrame:
    """A tracked frame and when it was measured.

    Parameters
    ----------
    seconds : float
        Since the first frame, by the clock of the frames.
    log_time : int
        ns, UTC.
    tracked : TrackedFrame
        With all tools of the session; one that its source did not name is lost.
    registration : int or None
        Number of the registration in use; None where there was none.
    """

    seconds: float
    log_time: int
    tracked: TrackedFrame
    registration: int | None


@dataclass(frozen=True)
class ExportedGuidance:
    """What was shown after a frame.

    Parameters
    ----------
    seconds, time : float
        Of the frame: since the first one, and as in poses.csv, s.
    data : mapping
        As `nav.record.session.session_guidance.guidance_to_json` makes it.
    """

    seconds: float
    time: float
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ExportedEvent:
    """Something that happened.

    Parameters
    ----------
    seconds : float
        Since the first frame; below 0 before it.
    event : SessionEvent
        What it was.
    """

    seconds: float
    event: SessionEvent

    @property
    def utc(self) -> datetime:
        """When it was."""
        return utc_of(self.event.log_time)

    @property
    def text(self) -> str:
        """What it was, in words; a mark's own text."""
        return event_words(self.event)


class SessionContent:
    """A session as it is exported; every iterator begins at the start.

    Parameters
    ----------
    folder : Path
        Of the session.
    report : callable, optional
        Called now and then while the session is gone through, with what is being read ("session",
        "poses", "distances", "events") and the share of it that is done.

    Attributes
    ----------
    tools : tuple of Tool
        All that were tracked; of one without a tool file only the name is known.
    reference : str or None
        Name of the reference body; None where none was tracked.
    registrations : dict of int to Registration
        By number.
    frames_count : int
        Number of frames.
    remarks : list of str
        For the user: attached files that are damaged.
    report : callable
        As given.

    Raises
    ------
    InputError
        The folder holds no session, or one without frames; also while iterating, where a message
        is not as this program writes it.
    """

    def __init__(self, folder: Path, report: Report = lambda step, share: None) -> None:
        self.reader: SessionReader = open_session(folder)
        self.report = report
        self.remarks: list[str] = []
        # of each frame: registration in use, number, time by the frames' clock, log time
        self._in_use: list[int | None] = []
        self._numbers: list[object] = []
        self._times, self._log_times = array("d"), array("Q")
        names: dict[str, None] = {}
        for message in self._with_progress("session", self.reader.messages(FRAME, GUIDANCE)):
            with self._as_written(message):
                if message.topic == GUIDANCE:
                    in_use = _number(message.data["registration"])
                    if self._numbers and message.data["number"] == self._numbers[-1]:
                        self._in_use[-1] = in_use
                    continue
                self._times.append(self._time(message))
                self._log_times.append(message.log_time)
                self._numbers.append(message.data["number"])
                self._in_use.append(None)
                names.update(dict.fromkeys(dict(message.data["tools"])))
        self.frames_count = len(self._times)
        if not self.frames_count:
            raise InputError(f"{self.reader.folder}: has no frames, so there is nothing to export")
        self._start = self._times[0]
        self.tools = self._tools(names)
        reference = self.reader.about.get("reference", "reference")
        self.reference = reference if reference in names else None
        self.registrations = dict(self._registrations())

    @property
    def folder(self) -> Path:
        """Of the session."""
        return self.reader.folder

    @property
    def needle(self) -> Tool | None:
        """The navigated needle; None where none was tracked."""
        name = self.reader.about.get("needle", "needle")
        return next((tool for tool in self.tools if tool.name == name), None)

    @cached_property
    def made(self) -> dict[str, Any]:
        """Provenance of what is exported: made_by, made_at, input with name and SHA-256."""
        return provenance([self.reader.path])

    @cached_property
    def made_texts(self) -> dict[str, str]:
        """The same as texts, for formats that hold only these."""
        (source,) = self.made["input"]
        return {
            "made_by": self.made["made_by"],
            "made_at": f"{self.made['made_at']:%Y-%m-%dT%H:%M:%SZ}",
            "session": one_line(self.folder.resolve().name),
            "source_file": source["file"],
            "source_sha256": source["sha256"],
        }

    def frames(self) -> Iterator[ExportedFrame]:
        """Iterate over the frames in the order of the record."""
        messages = self._with_progress("poses", self.reader.messages(FRAME))
        # a session that is being recorded has more frames by now
        for message, in_use in zip(messages, self._in_use, strict=False):
            with self._as_written(message):
                frame = self._frame(message, in_use)
            yield frame

    def guidance(self) -> Iterator[ExportedGuidance]:
        """Iterate over what was shown after each frame."""
        for index, message in self._after_frames(GUIDANCE):
            if index < 0:
                continue
            with self._as_written(message):
                belongs = message.data["number"] == self._numbers[index]
            if belongs:
                time = self._times[index]
                yield ExportedGuidance(time - self._start, time, message.data)

    def events(self) -> Iterator[ExportedEvent]:
        """Iterate over what happened."""
        for index, message in self._after_frames(EVENT):
            with self._as_written(message):
                event = event_of_json(message.data, message.log_time)
                _number(event.number)
            newest = max(index, 0)
            since = (message.log_time - self._log_times[newest]) / BILLION
            yield ExportedEvent(self._times[newest] - self._start + since, event)

    def _after_frames(self, topic: str) -> Iterator[tuple[int, SessionMessage]]:
        """Yield messages of a topic with the index of the newest frame, -1 before the first."""
        newest = -1
        messages = self.reader.messages(FRAME, topic, unread=(FRAME,))
        for message in self._with_progress(STEPS[topic], messages):
            if message.topic == FRAME:
                newest += 1
                if newest == self.frames_count:  # recorded meanwhile
                    return
            else:
                yield newest, message

    def _with_progress(
        self, step: str, messages: Iterable[SessionMessage]
    ) -> Iterator[SessionMessage]:
        """Pass messages on, and report how many of the frames are through."""
        done, of = 0, max(self.reader.counts[FRAME], 1)
        for message in messages:
            if message.topic == FRAME:
                done += 1
                if done % COUNTED == 0:
                    self.report(step, min(1.0, done / of))
            yield message
        self.report(step, 1.0)

    @contextmanager
    def _as_written(self, message: SessionMessage) -> Iterator[None]:
        """Refuse a message that another program has changed, in one line."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                f"{self.reader.path}: {message.topic} at "
                f"{self.reader.seconds(message.log_time):.3f} s is not as c1c2nav writes it: "
                f"{type(error).__name__}: {error}"[:400]
            ) from None

    def _time(self, message: SessionMessage) -> float:
        time = float(message.data["time"])
        if not math.isfinite(time):
            raise ValueError(f"time: {time}")
        return time

    def _frame(self, message: SessionMessage, in_use: int | None) -> ExportedFrame:
        tracked = checked_frame(frame_of_json(message.data))
        missing = [tool.name for tool in self.tools if tool.name not in tracked.tools]
        if missing:
            lost = {name: Lost("not_reported", {"tool": name}) for name in missing}
            tracked = replace(tracked, tools={**tracked.tools, **lost})
        seconds = tracked.time - self._start
        return ExportedFrame(seconds, message.log_time, tracked, in_use)

    def _tools(self, names: Mapping[str, None]) -> tuple[Tool, ...]:
        files = [name for name in self.reader.attachments if name.startswith("tools/")]
        read = [self._load(name, lambda path: load_tool(path, printed=False)) for name in files]
        known = {tool.name: tool for tool in read if tool is not None}
        return tuple(known.get(name) or Tool(name, "", ()) for name in names)

    def _registrations(self) -> Iterator[tuple[int, Registration]]:
        for name in self.reader.attachments:
            match = REGISTRATION.fullmatch(name)
            registration = None if match is None else self._load(name, load_registration)
            if match is not None and registration is not None:
                yield int(match[1] or 0), registration

    def _load(self, name: str, load: Callable[[Path], Loaded]) -> Loaded | None:
        """Load an attachment as the file that it was; None, and a remark, if it is damaged."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "attached.toml"
            path.write_bytes(self.reader.attachments[name])
            try:
                return load(path)
            except InputError as error:
                problem = str(error).replace(f"{path}: ", "")
                self.remarks.append(f"warning: {name} is not used: {problem}")
                return None


def _number(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"expected a whole number or null, got {value!r:.40}")


def utc_of(log_time: int) -> datetime:
    """Return a time of a session's clock.

    Parameters
    ----------
    log_time : int
        ns, UTC.

    Returns
    -------
    datetime
        To the microsecond.
    """
    return EPOCH + timedelta(microseconds=log_time // 1000)
