"""Running steps of a case again in a process of its own, which the window never waits for."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeVar

from nav.errors import InputError
from nav.reconstruction.correction import CaseRerun, Correction
from nav.reconstruction.guidance import Guidance

T = TypeVar("T")
NICENESS = 5
ENDED = "the process that runs steps again has ended; start it again with the button"


@dataclass(frozen=True)
class StepTold:
    """A step is on, and the share of it that is done."""

    step: str
    share: float


@dataclass(frozen=True)
class Prepared:
    """The case's own steps are done: from now on only what a correction changes is run."""

    guidance: Guidance


@dataclass(frozen=True)
class Failed:
    """Nothing came of it, and why."""

    reason: str


Report = StepTold | Prepared | Correction | Failed


class Rerun(Protocol):
    """Runs steps of one case again."""

    def run(self, guidance: Guidance) -> None:
        """Begin with a guidance; what was being run before is given up first."""
        ...

    def reports(self) -> list[Report]:
        """What has come since the last call; never waits."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class OwnRerun:
    """Runs steps in this process, at once: for tests, and where no process can be started."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.case: CaseRerun | None = None
        self._reports: deque[Report] = deque()

    def run(self, guidance: Guidance) -> None:
        """See Rerun."""
        try:
            self.case = self.case or CaseRerun(self.path)
            self._reports.append(self.case.run(guidance, self._told))
        except InputError as error:
            self._reports.append(Failed(str(error)))

    def reports(self) -> list[Report]:
        """See Rerun."""
        found = list(self._reports)
        self._reports.clear()
        return found

    def close(self) -> None:
        """See Rerun."""

    def _told(self, step: str, share: float) -> None:
        if step:
            self._reports.append(StepTold(step, share))


class ProcessRerun:
    """Runs steps in a process of lower priority; it begins with the case's own steps.

    Parameters
    ----------
    path : Path
        Of case.toml.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closed = self._told = False
        self._start()

    def run(self, guidance: Guidance) -> None:
        """See Rerun."""
        if not self.process.is_alive():
            self._start()
        self.connection.send(guidance)

    def reports(self) -> list[Report]:
        """See Rerun."""
        found: list[Report] = []
        try:
            while self.connection.poll():
                found.append(self.connection.recv())
        except (EOFError, OSError):
            if not self._closed and not self._told:
                self._told = True
                found.append(Failed(ENDED))
        return found

    def close(self) -> None:
        """See Rerun."""
        self._closed = True
        self.connection.close()
        self.process.kill()
        self.process.join(timeout=1.0)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(self.path, theirs), name="rerun", daemon=True
        )
        self.process.start()
        theirs.close()
        self._closed = self._told = False


def _serve(path: Path, connection: Connection) -> None:
    """Run what is asked for until the window goes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the window's process
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        _serve_case(path, connection)
    except (EOFError, OSError):
        return  # the window has gone


def _serve_case(path: Path, connection: Connection) -> None:
    def tell(step: str, share: float) -> None:
        if step:
            connection.send(StepTold(step, share))

    case = _tried(connection, lambda: CaseRerun(path))
    if case is None:
        return
    if _tried(connection, lambda: case.prepare(tell)) is None:
        return
    connection.send(Prepared(case.guidance))
    while True:
        guidance: Guidance = connection.recv()
        while connection.poll():  # the newest counts
            guidance = connection.recv()
        done = _tried(connection, partial(case.run, guidance, tell))
        if done is not None:
            connection.send(done)


def _tried(connection: Connection, work: Callable[[], T]) -> T | None:
    try:
        return work()
    except InputError as error:
        connection.send(Failed(str(error)))
    except (MemoryError, ValueError, ArithmeticError, IndexError) as error:
        # a correction may ask for what no step was made for: the window says so and lives
        connection.send(Failed(f"a step failed ({type(error).__name__}); undo the last stroke"))
    return None
