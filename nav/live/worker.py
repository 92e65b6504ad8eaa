"""The tracking process: drawing a window never delays its work."""

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, Protocol

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.feed import Job
from nav.live.messages import Command, Ended, Preparing, Ready
from nav.live.observers import Observer
from nav.live.playback import Playback, Played, SimulatedTime
from nav.live.publish import Publisher
from nav.live.session import Session, State
from nav.tracking.pose_source import PoseSource

log = logging.getLogger(__name__)
Listener = Callable[[TrackedFrame, State], Iterable[Command]]


class Work(Protocol):
    """What the tracking process does; made in the process itself."""

    @property
    def source(self) -> PoseSource:
        """Where the poses come from."""
        ...

    @property
    def recording(self) -> Played | None:
        """What is played, with pause and replay; None for cameras and simulations."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether time does not advance while the next images are drawn."""
        ...

    @property
    def session(self) -> Session:
        """What takes them."""
        ...

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Warnings so far, besides those of the source."""
        ...

    @property
    def observers(self) -> Sequence[Observer]:
        """Who is shown every result and command."""
        ...

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        """Process a result; may return commands (a simulated user's keys)."""
        ...

    def finish(self) -> Any:
        """Return the result of the whole work."""
        ...


def run(work: Work, listen: Listener, frames: Iterable[TrackedFrame] | None = None) -> None:
    """Pass tracked frames through the session until the source ends.

    Parameters
    ----------
    work : Work
        Source, session and its own listener.
    listen : callable
        Called with every tracked frame and its state; may return commands.
    frames : iterable of TrackedFrame, optional
        Instead of the work's source, if something comes between.
    """
    for tracked in work.source if frames is None else frames:
        if tracked.captured_at is None:
            tracked = replace(tracked, captured_at=time.monotonic())
        state = work.session.step(tracked)
        for observer in work.observers:
            observer.frame(tracked, state)
        for command in (*work.listen(tracked, state), *listen(tracked, state)):
            if command.kind == "quit":
                return
            if command.kind != "mark":  # which is for those who record
                work.session.command(command)
            for observer in work.observers:
                observer.command(command, work.session)


class Inbox:
    """The window's commands; a thread receives them, so that a paused recording gets them too."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.waiting: deque[Command] = deque()
        self.playback: Playback | None = None
        threading.Thread(target=self._receive, name="inbox", daemon=True).start()

    def pending(self) -> list[Command]:
        """Return what came since the last call."""
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
                command = Command("quit")  # the window is closed
            quits = command.kind == "quit"
            playback = self.playback
            if playback is None or playback.is_for_work(command):
                self.waiting.append(command)
            if playback is not None:
                playback.obey(command)


def work_for(job: Job, connection: Connection) -> None:
    """Do a job in this process, and send its messages to the window.

    Parameters
    ----------
    job : Job
        Opened here; opened again where the window asks for a recording from its start.
    connection : Connection
        To the window.
    """
    # Ctrl-C belongs to the window's process, which then sends quit
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox = Inbox(connection)
    ended: Ended | None = None
    while ended is None:
        try:
            work = job.open(lambda step, share: connection.send(Preparing(step, share)))
        except InputError as error:
            ended = Ended(Notice("input_error", {"problem": str(error)}))
        except Exception as error:
            log.exception("tracking process could not start")
            ended = Ended(Notice("could_not_start", {"problem": str(error)}))
        else:
            ended = _through(work, connection, inbox)
    try:
        connection.send(ended)
    except (BrokenPipeError, OSError):
        log.info("the window was closed before the end")


def _through(work: Work, connection: Connection, inbox: Inbox) -> Ended | None:
    """Work until the source ends; return None if the recording is wanted again from its start."""
    recording, simulation, standstill = work.recording, None, None
    if recording is not None:
        if inbox.playback is None:
            recording.playback.hold()
            inbox.playback = recording.playback
        recording.playback = inbox.playback  # of the pass before
        standstill = inbox.playback.standstill
        connection.send(Ready(recording.timeline))
    elif work.simulated:
        simulation = SimulatedTime(work.source)
        standstill = simulation.standstill
    replayed = recording is not None and recording.timeline is not None
    publisher = Publisher(connection, standstill or (lambda: None), work.simulated, replayed)

    def listen(tracked: TrackedFrame, state: State) -> list[Command]:
        notices = (*work.notices, *tracked.notices)
        publisher.publish(tracked, state, tracked.captured_at or 0.0, notices)
        return inbox.pending()

    problem: Notice | None = None
    try:
        run(work, listen, simulation)
    except InputError as error:
        problem = Notice("input_error", {"problem": str(error)})
    except Exception as error:
        log.exception("tracking process failed")
        problem = Notice("tracking_failed", {"problem": str(error)})
    finally:
        work.source.close()
    publisher.close()
    again = problem is None and inbox.playback is not None and inbox.playback.rewind()
    result = None if again or problem is not None else work.finish()
    for observer in work.observers:
        observer.close()
    if again:
        inbox.waiting.clear()
        return None
    return Ended(problem, result)
