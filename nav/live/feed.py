"""The window's end of a tracking process; light to import, so that the process starts early."""

import logging
import multiprocessing
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

import nav
from nav.core.childprocess import start_process
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.messages import (
    KEPT_SAMPLES,
    Command,
    Ended,
    Message,
    Preparing,
    Ready,
    Sample,
    Standstill,
    Update,
)
from nav.text.catalogue import ENGLISH

if TYPE_CHECKING:
    from nav.live.worker import Work

START_SECONDS = 180.0  # webcams, meshes and compiled code may take a while the first time
log = logging.getLogger(__name__)
Progress = Callable[[Notice, float], None]  # what is being done, and how much of it is


class Job(Protocol):
    """A recipe for work that can be sent to another process."""

    def open(self, progress: Progress = ...) -> "Work":
        """Open files and devices; raise InputError where one is wrong."""
        ...


def silent(step: Notice, share: float) -> None:
    """Ignore the progress.

    Parameters
    ----------
    step : Notice
        What is being done.
    share : float
        How much of it is done, 0 to 1.
    """


class ProcessFeed:
    """The window's end of a tracking process.

    A thread receives: a process stopped in the middle of a message never holds up the window.

    Parameters
    ----------
    job : Job
        Sent to the process, which opens it.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(job, theirs), daemon=True)
        start_process(self.process, job)
        theirs.close()
        self.ended: Ended | None = None
        self.closing = False  # a process that is still preparing does not read commands
        self.lock = threading.Lock()
        self.latest: Update | None = None
        self.said: deque[Message] = deque(maxlen=1)  # messages other than results
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.first_message = threading.Event()
        self.progress: list[Notice] = []
        self.progressed = threading.Condition(self.lock)
        self.receiver = threading.Thread(target=self._receive, name="receiver", daemon=True)
        self.receiver.start()

    def first(self, timeout: float) -> Message | None:
        """Wait for the first result, the end, or the message that a recording is open.

        `newest` will return it again.

        Parameters
        ----------
        timeout : float
            Longest wait, s.

        Returns
        -------
        Message or None
            None where there was none in time.
        """
        self.first_message.wait(timeout)
        with self.lock:
            if self.ended is not None or self.latest is not None:
                return self.ended if self.latest is None else self.latest
            return self.said[0] if self.said else None

    def said_of_progress(self, step: Notice, timeout: float) -> bool:
        """Wait until the process has come to a step of its preparation, or has ended.

        Parameters
        ----------
        step : Notice
            The step.
        timeout : float
            Longest wait, s.

        Returns
        -------
        bool
            Whether it has come to it.
        """
        with self.progressed:
            self.progressed.wait_for(
                lambda: step in self.progress or self.ended is not None, timeout
            )
            return step in self.progress

    def newest(self) -> Message | None:
        """Return the newest message; samples of skipped updates are carried over."""
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
                gone = None if self.closing else Notice("ended_silently")
                message = Ended(gone)
            with self.lock:
                if isinstance(message, Ended):
                    self.ended = ended = message
                elif isinstance(message, Standstill) and self._ready():
                    continue  # nothing is shown yet; another follows
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
                        self.progress.append(message.step)
                self.progressed.notify_all()
            if not isinstance(message, Preparing):
                self.first_message.set()

    def _ready(self) -> bool:
        """Return whether the window has yet to read that a recording is open."""
        return bool(self.said) and isinstance(self.said[0], Ready)

    def alive(self) -> bool:
        """Return whether the tracking process runs, or its last message is still being read."""
        return self.process.is_alive() or self.receiver.is_alive()

    def send(self, command: Command) -> None:
        """Pass a command on; it is dropped where the process has ended."""
        try:
            self.connection.send(command)
        except (BrokenPipeError, OSError):
            log.info("command %s not sent: the tracking process has ended", command.kind)

    def close(self) -> None:
        """End the tracking process, by force if it does not react."""
        self.closing = True
        self.send(Command("quit"))
        self.process.join(timeout=1.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(timeout=1.0)


def _work(job: Job, connection: Connection) -> None:
    """Do the job, in the process itself: what does it is imported there."""
    from nav.live.worker import work_for

    work_for(job, connection)


def report_end(feed: ProcessFeed, console: Console) -> None:
    """Report how the tracking process ended.

    Parameters
    ----------
    feed : ProcessFeed
        Of the process.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        It failed, and why.
    """
    if feed.ended is not None and feed.ended.problem is not None:
        raise InputError(ENGLISH.sentence(feed.ended.problem))
    console.print(f"{nav.NOTICE}.")
