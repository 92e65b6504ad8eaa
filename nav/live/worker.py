"""The tracking process: drawing a window never delays what it does."""

import logging
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, Protocol

from nav.camera.frameset import FrameSet, FrameSource
from nav.errors import InputError
from nav.live.messages import Command, Ended, Message, Preparing, Ready, Sample, Standstill, Update
from nav.live.playback import PacedSource, Playback, SimulatedTime
from nav.live.publish import KEPT_SAMPLES, Publisher
from nav.live.session import Session, State

log = logging.getLogger(__name__)
Listener = Callable[[FrameSet, State], Iterable[Command]]
Progress = Callable[[str, float], None]  # what is being done, and how much of it is


class Work(Protocol):
    """What the tracking process shall do; made in the process itself."""

    @property
    def source(self) -> FrameSource:
        """Where the frame sets come from."""
        ...

    @property
    def session(self) -> Session:
        """What takes them."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """Warnings so far."""
        ...

    def listen(self, frames: FrameSet, state: State) -> Iterable[Command]:
        """Told every result; may answer with commands (a simulated user's keys)."""
        ...

    def finish(self) -> Any:
        """What to bring back at the end."""
        ...


class Job(Protocol):
    """A recipe for work that can be sent to another process."""

    def open(self, progress: Progress = ...) -> Work:
        """Open files and devices; InputError where one is wrong."""
        ...


def silent(text: str, share: float) -> None:
    """Tell nobody of the progress."""


def run(work: Work, listen: Listener, frame_sets: Iterable[FrameSet] | None = None) -> None:
    """Frame sets through the session until the source ends; `listen` hears every result.

    frame_sets : the work's source, if something comes between.
    """
    for frames in work.source if frame_sets is None else frame_sets:
        if frames.captured_at is None:
            # recorded and simulated pictures count as taken when they arrive
            frames = replace(frames, captured_at=time.monotonic())
        state = work.session.step(frames)
        for command in (*work.listen(frames, state), *listen(frames, state)):
            if command.kind == "quit":
                return
            work.session.command(command)


class ProcessFeed:
    """The window's end of a tracking process.

    A thread receives: a process stopped in the middle of a message never holds up the window.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_main, args=(job, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.ended: Ended | None = None
        self.lock = threading.Lock()
        self.latest: Update | None = None
        self.said: deque[Message] = deque(maxlen=1)  # of what is no result
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.first_message = threading.Event()
        self.progress: list[str] = []
        self.progressed = threading.Condition(self.lock)
        self.receiver = threading.Thread(target=self._receive, name="receiver", daemon=True)
        self.receiver.start()

    def first(self, timeout: float) -> Message | None:
        """The first result, end or word that a recording is open, waited for up to `timeout` s.

        `newest` will give it again.
        """
        self.first_message.wait(timeout)
        with self.lock:
            if self.ended is not None or self.latest is not None:
                return self.ended if self.latest is None else self.latest
            return self.said[0] if self.said else None

    def said_of_progress(self, text: str, timeout: float) -> bool:
        """Wait until the process has come to a step of its preparation, or has ended."""
        with self.progressed:
            self.progressed.wait_for(
                lambda: text in self.progress or self.ended is not None, timeout
            )
            return text in self.progress

    def newest(self) -> Message | None:
        """The newest message; samples of skipped updates are carried over."""
        with self.lock:
            if self.ended is not None:
                return self.ended
            if self.latest is None:
                return self.said.pop() if self.said else None
            update, self.latest = replace(self.latest, samples=tuple(self.samples)), None
            self.samples.clear()
        return update

    def _receive(self) -> None:
        ended = None
        while ended is None:
            try:
                message = self.connection.recv()
            except (EOFError, OSError):
                message = Ended("the tracking process ended without a word")
            with self.lock:
                if isinstance(message, Ended):
                    self.ended = ended = message
                elif isinstance(message, Standstill) and self._ready():
                    continue  # it is about nothing that is shown; another follows
                elif isinstance(message, Update):
                    self.latest = message
                    self.said.clear()  # time goes on
                    self.samples.extend(message.samples)
                else:
                    if isinstance(message, Ready):
                        self.latest = None  # of the pass before
                        self.samples.clear()
                    self.said.append(message)
                    if isinstance(message, Preparing):
                        self.progress.append(message.text)
                self.progressed.notify_all()
            if not isinstance(message, Preparing):
                self.first_message.set()

    def _ready(self) -> bool:
        """Whether the window still has to hear that a recording is open, and nothing is tracked."""
        return bool(self.said) and isinstance(self.said[0], Ready)

    def alive(self) -> bool:
        """Whether the tracking process runs, or its last word is still being read."""
        return self.process.is_alive() or self.receiver.is_alive()

    def send(self, command: Command) -> None:
        """Pass a command on; a process that has gone hears nothing."""
        try:
            self.connection.send(command)
        except (BrokenPipeError, OSError):
            log.info("command %s not sent: the tracking process has gone", command.kind)

    def close(self) -> None:
        """End the tracking process, by force if it does not listen."""
        self.send(Command("quit"))
        self.process.join(timeout=1.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(timeout=1.0)


class Inbox:
    """The window's commands; a thread takes them, so that a paused recording hears them too."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.waiting: deque[Command] = deque()
        self.playback: Playback | None = None
        threading.Thread(target=self._receive, name="inbox", daemon=True).start()

    def pending(self) -> list[Command]:
        """What came since the last call."""
        commands = []
        while self.waiting:
            commands.append(self.waiting.popleft())
        return commands

    def _receive(self) -> None:
        quits = False
        while not quits:
            try:
                command = self.connection.recv()
            except (EOFError, OSError):
                command = Command("quit")  # the window has gone
            quits = command.kind == "quit"
            self.waiting.append(command)
            if self.playback is not None:
                self.playback.obey(command)


def _main(job: Job, connection: Connection) -> None:
    # Ctrl-C belongs to the window's process, which then says quit
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox = Inbox(connection)
    ended: Ended | None = None
    while ended is None:
        try:
            work = job.open(lambda text, share: connection.send(Preparing(text, share)))
        except InputError as error:
            ended = Ended(str(error))
        except Exception as error:
            log.exception("tracking process could not start")
            ended = Ended(f"tracking could not start: {error}")
        else:
            ended = _through(work, connection, inbox)
    try:
        connection.send(ended)
    except (BrokenPipeError, OSError):
        log.info("the window has gone before the end")


def _through(work: Work, connection: Connection, inbox: Inbox) -> Ended | None:
    """Work until the source ends; None: the recording is wanted again from its start."""
    source, frame_sets, standstill = work.source, None, None
    if isinstance(source, PacedSource):
        if inbox.playback is None:
            source.playback.hold()
            inbox.playback = source.playback
        source.playback = inbox.playback  # of the pass before
        standstill = inbox.playback.standstill
        connection.send(Ready())
    elif getattr(source, "simulated", False):
        frame_sets = SimulatedTime(source)
        standstill = frame_sets.standstill
    publisher = Publisher(connection, standstill or (lambda: None), frame_sets is not None)

    def listen(frames: FrameSet, state: State) -> list[Command]:
        publisher.publish(frames, state, frames.captured_at or 0.0, work.notices)
        return inbox.pending()

    problem = ""
    try:
        run(work, listen, frame_sets)
    except InputError as error:
        problem = str(error)
    except Exception as error:
        log.exception("tracking process failed")
        problem = f"tracking failed: {error}"
    finally:
        work.source.close()
    publisher.close()
    if not problem and inbox.playback is not None and inbox.playback.rewind():
        inbox.waiting.clear()
        return None
    return Ended(problem, None if problem else work.finish())
