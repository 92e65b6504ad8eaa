"""Run steps of a case again in a process of its own, which the window never waits for."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeVar

from nav.core.errors import InputError
from nav.reconstruction.comparison import Correction
from nav.reconstruction.correction import CaseRerun
from nav.reconstruction.guidance import GuideLabel, ReconstructionGuidance

T = TypeVar("T")
NICENESS = 5
ENDED = "the process that runs steps again has ended; start it again with the button"


@dataclass(frozen=True)
class StepTold:
    """The progress of a step.

    Parameters
    ----------
    step : str
        Its name.
    share : float
        Of it that is done, 0 to 1.
    """

    step: str
    share: float


@dataclass(frozen=True)
class Prepared:
    """Report that the case's own steps are done: now only what a correction changes is run."""


@dataclass(frozen=True)
class Failed:
    """Report that there is no result.

    Parameters
    ----------
    reason : str
        Why.
    guidance : ReconstructionGuidance or None
        That was being run; None where nothing can be run.
    """

    reason: str
    guidance: ReconstructionGuidance | None = None


Report = StepTold | Prepared | Correction | Failed


class Rerun(Protocol):
    """Runs steps of one case again."""

    def run(self, guidance: ReconstructionGuidance) -> None:
        """Begin with a guidance; what was being run before is cancelled first."""
        ...

    def cancel(self) -> None:
        """Cancel what is being run; earlier results are kept."""
        ...

    def reports(self) -> list[Report]:
        """Return what has come since the last call; never waits."""
        ...

    def close(self) -> None:
        """End the running."""
        ...


class ProcessRerun:
    """Runs steps in a process of lower priority; it begins with the case's own steps.

    Parameters
    ----------
    path : Path
        Of case.toml.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._labels: tuple[GuideLabel, ...] = ()
        self._reason = ""  # why nothing can be run, once that was reported
        self._start()

    def run(self, guidance: ReconstructionGuidance) -> None:
        """Begin with a guidance; see Rerun."""
        if not self.process.is_alive():
            self.connection.close()
            self._start()
        self._labels, self._pending = guidance.labels, True
        self._send(without_labels(guidance))

    def cancel(self) -> None:
        """Cancel what is being run; see Rerun."""
        self._pending = False
        self._send(None)

    def reports(self) -> list[Report]:
        """Return what has come since the last call; see Rerun."""
        found: list[Report] = []
        try:
            while self.connection.poll():
                found.append(self._received(self.connection.recv()))
        except (EOFError, OSError):
            self._lost = True
        if self._lost and not self._closed and (self._pending or not self._reason):
            self._reason = self._reason or ENDED
            self._pending = False
            found.append(Failed(self._reason))
        return found

    def close(self) -> None:
        """End the process."""
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
        self._closed = self._lost = self._pending = False
        self._reason = ""

    def _send(self, asked: ReconstructionGuidance | None) -> None:
        """Send a request; None cancels. A pipe that is broken is reported."""
        with suppress(OSError):  # `reports` finds it, after what the process sent before its end
            self.connection.send(asked)

    def _received(self, report: Report) -> Report:
        """Return a report with the labels that were not sent."""
        if isinstance(report, Failed):
            self._pending = False
            if report.guidance is None:
                self._reason = report.reason
        elif isinstance(report, Correction):
            self._pending = False
            said = replace(report.guidance, labels=self._labels)
            return replace(report, guidance=said)
        return report


def _serve(path: Path, connection: Connection) -> None:
    """Run what is requested until the window goes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the window's process
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        _serve_case(path, connection)
    except (EOFError, OSError):
        return  # the window has gone


class _Superseded(Exception):
    """Something else is requested: what is being run is cancelled."""


def _serve_case(path: Path, connection: Connection) -> None:
    def tell(step: str, share: float) -> None:
        if step:
            connection.send(StepTold(step, share))

    def tell_or_stop(step: str, share: float) -> None:
        if connection.poll():
            raise _Superseded
        tell(step, share)

    case = _tried(connection, lambda: CaseRerun(path))
    if case is None:
        return
    if _tried(connection, lambda: case.prepare(tell)) is None:
        return
    connection.send(Prepared())
    while True:
        asked: ReconstructionGuidance | None = connection.recv()
        while connection.poll():  # the newest counts
            asked = connection.recv()
        if asked is None:
            continue
        said = replace(asked, labels=case.guidance.labels)
        try:
            done = _tried(connection, partial(case.run, said, tell_or_stop), asked)
        except _Superseded:
            continue
        if done is not None:
            connection.send(replace(done, guidance=asked))


def without_labels(guidance: ReconstructionGuidance) -> ReconstructionGuidance:
    """Return a guidance without its label maps, which nobody changes here and which are large.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the case.

    Returns
    -------
    ReconstructionGuidance
        A copy.
    """
    return replace(guidance, labels=())


def _tried(
    connection: Connection, work: Callable[[], T], guidance: ReconstructionGuidance | None = None
) -> T | None:
    try:
        return work()
    except InputError as error:
        connection.send(Failed(str(error), guidance))
    except (MemoryError, ValueError, ArithmeticError, IndexError) as error:
        # a correction may cause input that no step expects: the window shows that and goes on
        hint = "; undo the last stroke" if guidance is not None else ""
        connection.send(Failed(f"a step failed ({type(error).__name__}){hint}", guidance))
    return None
