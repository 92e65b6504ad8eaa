"""Record a live use while it happens; tracking never waits for a disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from nav.core.files import toml_text
from nav.core.frameset import Frame
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.observers import Observer
from nav.live.session import Session, State
from nav.record.session.picture_recorder import RESERVE, PictureRecorder
from nav.record.session.recorder_health import RecorderHealth, not_recording
from nav.record.session.session_events import EventFinder
from nav.record.session.session_format import SessionEvent, picture_times
from nav.record.session.session_writer import SessionWriter
from nav.registration.registration_result import Registration, registration_table

log = logging.getLogger(__name__)
FLUSH = 0.1  # s; with what a busy machine adds still under the 0.25 s that may be lost
SECOND = 1.0  # s between two looks at disk and clock
LATE = 1.0  # s without anything written, then the disk is too slow
MOST_REFUSED = 8  # items in a row that cannot be written: then it is the recorder that is wrong
MOST_WAITING = 3000  # results and events; a disk that stands still for longer costs some
MOST_PENDING = 32 * 1024 * 1024  # bytes that a full disk may owe before recording is given up
SHOWN = 4.0  # s for which something past is shown
CLOSE = 10.0  # s that the disk may take at the end
# what the recorder itself says is not a notice of the work
OWN = frozenset(
    ("recording", "not_recording", "recorder_late", "results_dropped", "events_dropped",
     "pictures_dropped", "pictures_stopped", "pictures_again", "clock_set", "mark_set")
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """A result that waits to be written.

    Parameters
    ----------
    tracked : TrackedFrame
        Without images.
    pictures : dict of str to float
        When they were taken.
    state : State
        Of the work.
    registration : int or None
        Number of the one in use.
    """

    tracked: TrackedFrame
    pictures: dict[str, float]
    state: State
    registration: int | None


@dataclass(frozen=True)
class Happened:
    """An event that waits to be written, and when it was, s, monotonic clock."""

    event: SessionEvent
    at: float


@dataclass(frozen=True)
class Made:
    """A registration that waits to be attached, under its number."""

    number: int
    registration: Registration


Item = Result | Happened | Made


class SessionRecorder(Observer):
    """Write what it is shown to a session, in a thread of its own.

    Parameters
    ----------
    session : Session
        The work.
    writer : SessionWriter
        Of a session just begun.
    pictures : PictureRecorder, optional
        None: pictures are not recorded.
    tapped : bool
        Whether `picture` is called by the cameras; otherwise the pictures of each frame are taken.
    told : callable, optional
        Returns the notices about the session as a whole.
    reserve : int
        Bytes of the disk that stay free.
    """

    def __init__(
        self,
        session: Session,
        writer: SessionWriter,
        pictures: PictureRecorder | None = None,
        *,
        tapped: bool = False,
        told: Callable[[], Sequence[Notice]] = lambda: (),
        reserve: int = RESERVE,
    ) -> None:
        self.writer, self.pictures, self.tapped, self.told = writer, pictures, tapped, told
        self.found = EventFinder(session)
        self.marks = 0
        self._attached = len(self.found.registrations)
        self._waiting: deque[Item] = deque()
        self._putting = threading.Lock()
        self._closing = threading.Event()
        self._given_up = False
        self._refused = 0  # items in a row
        self._lost = Counter[str]()  # by what it was, as the codes of the notices begin
        self._problem: Notice | None = None
        self._passing: dict[str, tuple[float, Notice]] = {}
        self._flushed = time.monotonic()
        self._health = RecorderHealth(writer, pictures, reserve)
        self._status = self._health.status(self._flushed)
        self._threads = [
            threading.Thread(target=work, name=f"record {work.__name__}", daemon=True)
            for work in (self._write, self._look)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def notices(self) -> Sequence[Notice]:
        """Whether it records, first; then what has gone wrong a moment ago."""
        now = time.monotonic()
        present = [self._status if self._problem is None else not_recording(self._problem)]
        if self._problem is None and now - self._flushed > LATE:
            present.append(Notice("recorder_late", {"seconds": now - self._flushed}))
        passing = list(self._passing.values())
        return (*present, *(notice for until, notice in passing if now < until))

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Take a result; what it has changed becomes events."""
        try:
            at = time.monotonic() if tracked.captured_at is None else tracked.captured_at
            told = [notice for notice in self.told() if notice.code not in OWN]
            events = list(self.found.after_frame(tracked, state, told))
            bare, times = tracked.without_images(), picture_times(tracked)
            result = Result(bare, times, state, self.found.in_use)
            self._put([result, *self._made(), *(Happened(event, at) for event in events)])
            if self.pictures is not None and not self.tapped and tracked.images is not None:
                for frame in tracked.images.frames.values():
                    self.pictures.offer(frame)
        except Exception as error:  # a fault of the recorder must not end tracking
            self._failed(error)

    def command(self, command: Command, session: Session) -> None:
        """Take a command that was carried out; a mark is counted and shown."""
        try:
            events = list(self.found.after_command(command))
            if command.kind == "mark":
                self.marks += 1
                self._tell(Notice("mark_set", {"number": self.marks}))
                facts = {**events[0].facts, "mark": self.marks}
                events[0] = replace(events[0], facts=facts)
            now = time.monotonic()
            self._put([*self._made(), *(Happened(event, now) for event in events)])
        except Exception as error:
            self._failed(error)

    def picture(self, frame: Frame) -> None:
        """Take a picture, in its camera's thread."""
        if self.pictures is not None:
            self.pictures.offer(frame)

    def close(self) -> None:
        """Write what is left, say that the session has ended, and complete its files."""
        if self.pictures is not None:
            self.pictures.close()
            self.writer.totals.pictures.update(self.pictures.kept)
        self._report()
        self._closing.set()
        for thread in self._threads:
            thread.join(CLOSE)
        if any(thread.is_alive() for thread in self._threads):
            log.error("%s: the disk does not answer; the end is missing", self.writer.folder)
            return
        try:
            if self._given_up:
                self.writer.file.close()
            else:
                self.writer.close()
        except OSError as error:
            log.error("%s: %s", self.writer.folder, error)

    def _made(self) -> list[Item]:
        """Return registrations that were made since the last call."""
        known, self._attached = self._attached, len(self.found.registrations)
        made = enumerate(self.found.registrations[known:], start=known)
        return [Made(number, each) for number, each in made if each is not None]

    def _put(self, items: Iterable[Item]) -> None:
        with self._putting:
            for item in items:
                if self._given_up or len(self._waiting) >= MOST_WAITING:
                    self._lost[_kind(item)] += 1
                else:
                    self._waiting.append(item)

    def _tell(self, notice: Notice) -> None:
        self._passing[notice.code] = (time.monotonic() + SHOWN, notice)

    def _failed(self, error: Exception) -> None:
        log.exception("recording failed")
        self._problem = Notice("recorder_failed", {"problem": f"{type(error).__name__}: {error}"})
        self._give_up()

    def _give_up(self) -> None:
        with self._putting:
            self._given_up = True
            self._lost.update(map(_kind, self._waiting))
            self._waiting.clear()

    def _write(self) -> None:
        """Write what waits, and flush; ends when closed and nothing waits."""
        closing = False
        while not closing:
            # nobody wakes it earlier: each wake-up takes the interpreter from tracking
            closing = self._closing.wait(FLUSH)
            with self._putting:
                items = list(self._waiting)
                self._waiting.clear()
            try:
                for item in items:
                    self._try(item)
                if not self._given_up:
                    self._flush()
            except Exception as error:
                self._failed(error)

    def _try(self, item: Item) -> None:
        """Write an item; a single one that cannot be written is counted and reported."""
        try:
            self._one(item)
        except Exception:
            self._refused += 1
            if self._refused > MOST_REFUSED:
                raise
            log.exception("not recorded")
            with self._putting:
                self._lost[_kind(item)] += 1
        else:
            self._refused = 0

    def _one(self, item: Item) -> None:
        if isinstance(item, Result):
            self.writer.frame(item.tracked, pictures=item.pictures)
            self.writer.guidance(item.state, item.registration)
        elif isinstance(item, Happened):
            self.writer.event(item.event.kind, item.event.code, item.event.facts, at=item.at)
        else:
            text = toml_text(registration_table(item.registration))
            self.writer.attach(f"registration-{item.number}.toml", text.encode())

    def _flush(self) -> None:
        try:
            self.writer.flush()
        except OSError as error:
            if self._problem is None:
                log.error("%s: %s", self.writer.folder, error)
                self._problem = Notice("disk_problem", {"problem": error.strerror or str(error)})
            if self.writer.file.pending > MOST_PENDING:
                self._give_up()
            return
        now = time.monotonic()
        problem, seconds = self._problem, now - self._flushed
        if problem is not None and problem.code == "disk_problem":
            self._problem = None
            self.writer.event("recorder", problem.code, {**problem.facts, "seconds": seconds})
        elif seconds > LATE:
            self.writer.event("recorder", "recorder_late", {"seconds": seconds})
        self._flushed = now

    def _look(self) -> None:
        """Look at disk and clock each second, and sync; a slow disk holds up nothing else."""
        while not self._closing.wait(SECOND):
            if not self._health.is_there():
                self._problem = Notice("session_folder_gone")
            self._status = self._health.status(time.monotonic())
            self._report()
            with suppress(OSError, ValueError):  # what it means shows when it is written to
                self.writer.sync()

    def _report(self) -> None:
        now = time.monotonic()
        with self._putting:
            lost = Counter(self._lost)
        for notice in self._health.missed(lost):
            self._tell(notice)
            with self._putting:
                if not self._given_up:  # a few, for which there is always room: they tell of it
                    event = SessionEvent("recorder", notice.code, notice.facts)
                    self._waiting.append(Happened(event, now))


def _kind(item: Item) -> str:
    """Return as what an item counts that is not recorded: a registration as an event."""
    return "results" if isinstance(item, Result) else "events"


class NotRecording(Observer):
    """Stands for a recorder that could not begin; tracking goes on.

    Parameters
    ----------
    reason : Notice
        Why it could not.
    """

    def __init__(self, reason: Notice) -> None:
        self._notices = (not_recording(reason),)

    @property
    def notices(self) -> Sequence[Notice]:
        """That nothing is recorded."""
        return self._notices

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Do nothing."""

    def command(self, command: Command, session: Session) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
