"""The tracking process: drawing a window never delays what it does."""

import logging
import multiprocessing
import os
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
from nav.live.messages import Command, Ended, Sample, Update
from nav.live.publish import KEPT_SAMPLES, Publisher
from nav.live.session import Session, State

WINDOW_NICENESS = 10  # about a tenth of tracking's share of a processor that both want
log = logging.getLogger(__name__)
Listener = Callable[[FrameSet, State], Iterable[Command]]


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

    def open(self) -> Work:
        """Open files and devices; InputError where one is wrong."""
        ...


def run(work: Work, listen: Listener) -> None:
    """Frame sets through the session until the source ends; `listen` hears every result."""
    for frames in work.source:
        if frames.captured_at is None:
            # recorded and simulated pictures count as taken when they arrive
            frames = replace(frames, captured_at=time.monotonic())
        state = work.session.step(frames)
        for command in (*work.listen(frames, state), *listen(frames, state)):
            if command.kind == "quit":
                return
            work.session.command(command)


def yield_to_tracking() -> None:
    """Let the tracking process go first where both want a processor.

    For the window's process, after the tracking process was started (which would inherit it).
    """
    if hasattr(os, "nice"):
        os.nice(WINDOW_NICENESS)


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
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.first_message = threading.Event()
        threading.Thread(target=self._receive, name="receiver", daemon=True).start()

    def first(self, timeout: float) -> Update | Ended | None:
        """The first message, waited for up to `timeout` s; `newest` will give it again."""
        self.first_message.wait(timeout)
        with self.lock:
            return self.ended if self.latest is None else self.latest

    def newest(self) -> Update | Ended | None:
        """The newest message; samples of skipped updates are carried over."""
        with self.lock:
            if self.ended is not None or self.latest is None:
                return self.ended
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
                else:
                    self.latest = message
                    self.samples.extend(message.samples)
            self.first_message.set()

    def alive(self) -> bool:
        """Whether the tracking process runs."""
        return self.process.is_alive()

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


def _main(job: Job, connection: Connection) -> None:
    # Ctrl-C belongs to the window's process, which then says quit
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work = job.open()
    except InputError as error:
        connection.send(Ended(str(error)))
        return
    except Exception as error:
        log.exception("tracking process could not start")
        connection.send(Ended(f"tracking could not start: {error}"))
        return
    publisher = Publisher(connection)

    def listen(frames: FrameSet, state: State) -> list[Command]:
        publisher.publish(frames, state, frames.captured_at or 0.0, work.notices)
        return _pending(connection)

    problem = ""
    try:
        run(work, listen)
    except InputError as error:
        problem = str(error)
    except Exception as error:
        log.exception("tracking process failed")
        problem = f"tracking failed: {error}"
    finally:
        work.source.close()
    publisher.close()
    try:
        connection.send(Ended(problem, None if problem else work.finish()))
    except (BrokenPipeError, OSError):
        log.info("the window has gone before the end")


def _pending(connection: Connection) -> list[Command]:
    commands = []
    try:
        while connection.poll():
            commands.append(connection.recv())
    except (EOFError, OSError):
        return [Command("quit")]  # the window has gone
    return commands
