"""Which instants are recorded: countdown, start and stop, every so many seconds, marks."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import tomli_w

from nav.core.errors import InputError
from nav.core.files import plain_values, provenance
from nav.core.frameset import FrameSet
from nav.core.notice import Notice
from nav.record.picture_recording.picture_writer import (
    TIMES_FILE,
    PictureWriter,
    Written,
    write_at_once,
)

RECORDING_FORMAT = "c1c2nav/recording/1"
SIDECAR = "times.toml"
MARKS_FILE = "marks.csv"
LONGEST_EVERY = 10.0  # s: times.csv with longer steps is taken for one in another unit
RATED = 45  # images by which a rate is measured
GAP = 1.6  # periods between two images from which one is missing between them
State = Literal["ready", "countdown", "recording", "paused", "ended"]


@dataclass(frozen=True)
class RecordOptions:
    """What is recorded.

    Parameters
    ----------
    every : float
        s from one instant to the next at least; 0 for all that the cameras give. Where it is given,
        instants that a camera lacks are left out.
    seconds : float, optional
        Recording ends after so long, pauses not counted.
    count : int, optional
        Recording ends after so many instants.
    countdown : float
        s before each start.

    Raises
    ------
    InputError
        A number out of range.
    """

    every: float = 0.0
    seconds: float | None = None
    count: int | None = None
    countdown: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.every <= LONGEST_EVERY:
            raise InputError(f"--every: expected 0 to {LONGEST_EVERY:g} s, got {self.every:g}")
        if self.seconds is not None and not 0.0 < self.seconds <= 86400.0:
            raise InputError(f"--seconds: expected a number above 0, got {self.seconds:g}")
        if self.count is not None and self.count < 1:
            raise InputError(f"--count: expected a number above 0, got {self.count}")
        if not 0.0 <= self.countdown <= 600.0:
            raise InputError(f"--countdown: expected 0 to 600 s, got {self.countdown:g}")


@dataclass(frozen=True)
class RecorderStatus:
    """What a person wants to know of a recording.

    Parameters
    ----------
    state : str
        ready, countdown, recording, paused or ended.
    left : float
        s until it starts; 0 except while counting down.
    seconds : float
        Recorded so far.
    written : Written
        Files so far.
    rates : mapping of str to float
        Images per second that each camera gives now.
    missed : mapping of str to int
        Images that each camera did not give in time while recording, by the gaps in their times.
    marks : int
        That were made.
    problem : Notice or None
        Why recording has ended early.
    """

    state: State
    left: float
    seconds: float
    written: Written
    rates: Mapping[str, float]
    missed: Mapping[str, int]
    marks: int
    problem: Notice | None


class PictureRecorder:
    """Pass the instants that are wanted to a writer; from any thread.

    Parameters
    ----------
    writer : PictureWriter
        Of the folder.
    options : RecordOptions
        What is recorded.
    about : mapping
        Further entries of the file beside times.csv.
    clock : callable, optional
        Monotonic clock of the frames' times, s.
    """

    def __init__(
        self,
        writer: PictureWriter,
        options: RecordOptions,
        about: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.writer, self.options, self._clock = writer, options, clock
        self._about = {**provenance(), **(about or {})}
        self._lock = threading.RLock()
        self._state: State = "ready"
        self._starts = 0.0
        self._seconds = 0.0  # of the parts before the present one
        self._first: float | None = None  # time of the present part's first instant
        self._last = self._due = 0.0
        self._recent: dict[str, deque[float]] = {}
        self._missed = dict.fromkeys(writer.cameras, 0)
        self._newest: dict[str, float] = {}  # time of the last image recorded
        self._marks: list[tuple[str, int, float]] = []
        self._write_about("recording")

    @property
    def status(self) -> RecorderStatus:
        """The present one."""
        with self._lock:
            now = self._clock()
            self._advance(now)
            left = max(0.0, self._starts - now) if self._state == "countdown" else 0.0
            return RecorderStatus(
                self._state,
                left,
                self._recorded(),
                self.writer.written,
                {name: _rate(times, now) for name, times in self._recent.items()},
                dict(self._missed),
                len(self._marks),
                self.writer.problem,
            )

    def start(self) -> None:
        """Begin, or go on: first the countdown."""
        with self._lock:
            if self._state in ("ready", "paused"):
                self._state = "countdown"
                self._starts = self._clock() + self.options.countdown

    def stop(self) -> None:
        """Pause; a countdown is broken off."""
        with self._lock:
            if self._state in ("countdown", "recording"):
                self._pause()

    def toggle(self) -> None:
        """Start where it is not recording, else stop."""
        with self._lock:
            if self._state in ("ready", "paused"):
                self.start()
            else:
                self.stop()

    def mark(self, text: str = "") -> int | None:
        """Note the present instant, in marks.csv.

        Parameters
        ----------
        text : str
            What it is.

        Returns
        -------
        int or None
            Number of the mark from 1; None where nothing is recorded yet, or it cannot be written.
        """
        with self._lock:
            start, written = self.writer.start, self.writer.written
            if start is None or not written.accepted:
                return None
            number = len(self._marks) + 1
            self._marks.append((text or f"mark {number}", written.accepted - 1, self._last - start))
            rows = "".join(f"{frame},{at:.6f},{_cell(said)}\n" for said, frame, at in self._marks)
            try:
                content = f"frame,time,mark\n{rows}".encode()
                write_at_once(self.writer.folder / MARKS_FILE, content)
            except OSError:
                self._marks.pop()
                return None
            return number

    def step(self, frames: FrameSet) -> bool:
        """Record the next images if they are wanted.

        Parameters
        ----------
        frames : FrameSet
            Of live cameras, with times of the monotonic clock.

        Returns
        -------
        bool
            Whether they were recorded.
        """
        with self._lock:
            for name, frame in frames.frames.items():
                self._recent.setdefault(name, deque(maxlen=RATED)).append(frame.time)
            self._advance(self._clock())
            if self._state != "recording" or not frames.frames:
                return False
            at = frames.time
            if at < self._starts:
                return False  # taken before the countdown ended
            if self.options.every > 0.0:
                lacking = len(frames.frames) < len(self.writer.cameras)
                if lacking or (self._first is not None and at < self._due):
                    return False
            if not self.writer.add(frames.frames):
                return False
            if self._first is None:
                self._first = at
                self._newest = {}
            self._due = at + self.options.every
            self._last = at
            self._count_missed(frames)
            self._advance(self._clock())
            return True

    def close(self) -> None:
        """End; what was taken is written."""
        with self._lock:
            self._end()
        self.writer.close()
        status = self.status
        if not any(status.written.pictures.values()):
            with suppress(OSError):
                (self.writer.folder / SIDECAR).unlink()
                self.writer.folder.rmdir()
            return
        self._write_about("ended" if status.problem is None else status.problem.code, status)

    def _advance(self, now: float) -> None:
        """Go on to the state that time, number and the disk ask for."""
        if self._state == "countdown" and now >= self._starts:
            self._state, self._first = "recording", None
        if self.writer.problem is not None:
            self._end()
        options = self.options
        enough = options.count is not None and self.writer.written.accepted >= options.count
        # as many whole seconds as were asked for: the next instant would be later
        if options.seconds is not None and self._state == "recording":
            enough = enough or self._recorded() + 1.25 * self._period() > options.seconds
        if enough and self._state != "ended":
            self._end()

    def _recorded(self) -> float:
        return self._seconds + (0.0 if self._first is None else self._last - self._first)

    def _period(self) -> float:
        steps = [b - a for times in self._recent.values() for a, b in _pairs(times)]
        return max(self.options.every, median(steps) if steps else 0.0)

    def _pause(self) -> None:
        self._seconds, self._first = self._recorded(), None
        self._state = "paused" if self.writer.written.accepted else "ready"

    def _end(self) -> None:
        if self._state != "ended":
            self._seconds, self._first = self._recorded(), None
            self._state = "ended"

    def _count_missed(self, frames: FrameSet) -> None:
        if self.options.every > 0.0:
            return
        for name, frame in frames.frames.items():
            before = self._newest.get(name)
            steps = [b - a for a, b in _pairs(self._recent[name])]
            if before is not None and len(steps) > 5:
                period = median(steps)
                if frame.time - before > GAP * period:
                    self._missed[name] += round((frame.time - before) / period) - 1
            self._newest[name] = frame.time

    def _write_about(self, state: str, status: RecorderStatus | None = None) -> None:
        """Write what times.csv is of into the file beside it; a full disk leaves the earlier."""
        data: dict[str, Any] = {"format": RECORDING_FORMAT, **self._about}
        data |= {"times": TIMES_FILE, "state": state}
        data |= {"every": self.options.every, "countdown": self.options.countdown}
        if status is not None:
            written = status.written
            data |= {
                "ended_at": datetime.now(UTC).replace(microsecond=0),
                "seconds": round(status.seconds, 3),
                "instants": written.instants,
                "dropped": written.dropped,
                "pictures": dict(written.pictures),
                "missed": dict(status.missed),
            }
        try:
            text = tomli_w.dumps(plain_values(data))
            write_at_once(self.writer.folder / SIDECAR, text.encode())
        except OSError:
            return


def recorded(status: RecorderStatus) -> Notice:
    """Return what was recorded so far.

    Parameters
    ----------
    status : RecorderStatus
        Of the recorder.

    Returns
    -------
    Notice
    """
    facts = {"instants": status.written.accepted, "seconds": status.seconds}
    if status.written.dropped:
        return Notice("record_so_far_dropped", {**facts, "dropped": status.written.dropped})
    return Notice("record_so_far", facts)


def _rate(times: deque[float], now: float) -> float:
    if len(times) < 2 or now - times[-1] > 1.0:
        return 0.0
    return (len(times) - 1) / (times[-1] - times[0])


def _pairs(times: deque[float]) -> list[tuple[float, float]]:
    return list(pairwise(times))


def _cell(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(c in text for c in ',"\n') else text
