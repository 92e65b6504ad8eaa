"""A tracking process whose numbers say which frame set they come from."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nav.core.errors import Lost
from nav.core.tracked_frame import TrackedFrame
from nav.guidance.alarms import AlarmState, Level
from nav.live.feed import Progress, silent
from nav.live.messages import Command
from nav.live.observers import Observer
from nav.live.session import Session, State
from nav.pipeline import Guidance
from nav.registration.registration_result import Registration
from tests.live.looping import LoopingJob, LoopingWork

CODES = 100  # shown as 5.0 to 14.9 mm, then again from the first
BOUND = 4.0  # mm, the same always


def coded_distance(number: int) -> float:
    """Distance, mm, by which a frame set's number is shown."""
    return 5.0 + (number % CODES) / 10


def coded(guidance: Guidance, number: int) -> Guidance:
    """Replace every distance of a result that has some."""
    if isinstance(guidance.proximity, Lost) or isinstance(guidance.plan, Lost):
        return guidance
    distance = coded_distance(number)
    structures = tuple(
        replace(structure, distance=distance, bound=BOUND, ahead=None)
        for structure in guidance.proximity.structures
    )
    return replace(
        guidance,
        proximity=replace(guidance.proximity, structures=structures),
        plan=replace(guidance.plan, to_target=distance, remaining=distance, sd=0.1),
        alarms=AlarmState({structure.name: Level.CLEAR for structure in structures}, ()),
    )


@dataclass(frozen=True)
class CodedJob:
    """Really track the pictures of a folder, and code the numbers; see LoopingJob."""

    folder: Path
    registration: Registration
    seconds: float

    def open(self, progress: Progress = silent) -> "CodedWork":
        return CodedWork(self)


class CodedSession:
    """A session whose results are coded."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def step(self, tracked: TrackedFrame) -> State:
        state = self.session.step(tracked)
        return replace(state, guidance=coded(state.guidance, tracked.number))

    def command(self, command: Command) -> None:
        self.session.command(command)


class CodedWork:
    notices: tuple[str, ...] = ()
    observers: Sequence[Observer] = ()
    recording = None
    simulated = False

    def __init__(self, job: CodedJob) -> None:
        work = LoopingWork(LoopingJob(job.folder, job.registration, job.seconds))
        self.source, self.session = work.source, CodedSession(work.session)
        self.taken: list[tuple[int, float, float]] = []

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        if not isinstance(state.guidance.proximity, Lost):
            assert tracked.captured_at is not None
            self.taken.append((tracked.number, tracked.captured_at, time.monotonic()))
        return ()

    def finish(self) -> Any:
        """Number, time of the pictures and of the result, s, of every result with numbers."""
        return self.taken
