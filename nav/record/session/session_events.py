"""What happens in a live use, found by comparing one result with the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import is_
from typing import Any

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.guidance.alarms import Level
from nav.live.messages import Command
from nav.live.session import Session, State
from nav.live.touch import Touch
from nav.record.session.session_format import SessionEvent
from nav.registration.assessment import CheckError
from nav.registration.registration_result import Registration


class EventFinder:
    """Events of one live use; cheap enough to be asked after every result.

    Parameters
    ----------
    session : Session
        The work; only read.

    Attributes
    ----------
    registrations : list of Registration
        Those that were in use or made, in order; their place is the number that events have: 0 is
        the one given at the start (None where there was none).
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.registrations: list[Registration | None] = [session.registration]
        self._made: Registration | None = session.registration
        self._used: int | None = None
        self._verified = session.verified
        self._touches: list[Touch] = []
        self._checks: list[tuple[Touch, CheckError]] = []
        self._shown: dict[str, CheckError] = {}
        self._levels: dict[str, Level] = {}
        self._plan = session.pipeline.plan
        self._stage = ""
        self._prompt: Notice | None = None
        self._message: Notice | None = None
        self._alarm: Notice | None = None
        self._notices: set[Notice] = set()
        self._cameras: dict[str, Notice] = {}

    @property
    def in_use(self) -> int | None:
        """Number of the registration that guides; None where there is none."""
        return self._number(self.session.pipeline.registration)

    def after_frame(
        self, tracked: TrackedFrame, state: State, notices: Sequence[Notice] = ()
    ) -> Iterator[SessionEvent]:
        """Find what a result has changed.

        Parameters
        ----------
        tracked : TrackedFrame
            The poses.
        state : State
            Of the work after them.
        notices : sequence of Notice
            Notices about the session as a whole.

        Yields
        ------
        SessionEvent
            In the order in which they happened.
        """
        yield from self._work()
        yield from self._alarms(state)
        yield from self._said(state)
        yield from self._told((*notices, *tracked.notices))
        yield from self._camera(tracked)

    def after_command(self, command: Command) -> Iterator[SessionEvent]:
        """Find what a command has changed.

        Parameters
        ----------
        command : Command
            That was carried out.

        Yields
        ------
        SessionEvent
            The command first; a mark is an event of its own kind.
        """
        if command.kind == "mark":
            yield SessionEvent("mark", "", {"text": command.argument})
            return
        yield SessionEvent("command", command.kind, {"argument": command.argument})
        yield from self._work()

    def _number(self, registration: Registration | None) -> int | None:
        if registration is None:
            return None
        for number, known in enumerate(self.registrations):
            if known is registration:
                return number
        return None

    def _work(self) -> Iterator[SessionEvent]:
        session = self.session
        if not _same(session.touches, self._touches):
            yield from _changes(self._touches, session.touches, _touch)
            self._touches = list(session.touches)
        if session.registration is not self._made:
            yield from self._registration(session.registration)
            self._made = session.registration
        if not _same(session.checks, self._checks):
            yield from _changes(self._checks, session.checks, _check)
            self._checks = list(session.checks)
        for label, error in session.recheck.shown.items():
            if self._shown.get(label) is not error:
                yield SessionEvent("verification", "touched_again", _error(error))
        self._shown = dict(session.recheck.shown)
        if session.verified != self._verified:
            self._verified = session.verified
            yield SessionEvent("verification", "verified" if self._verified else "unverified")
        if self.in_use != self._used:
            self._used = self.in_use
            yield SessionEvent("registration", "in_use", {"registration": self._used})
        if session.pipeline.plan is not self._plan:
            self._plan = session.pipeline.plan
            name = None if self._plan is None else self._plan.name
            yield SessionEvent("plan", "followed", {"plan": name})

    def _registration(self, made: Registration | None) -> Iterator[SessionEvent]:
        if made is None:
            yield SessionEvent("registration", "given_up")
            return
        number = self._number(made)
        if number is not None:
            yield SessionEvent("registration", "taken_back", {"registration": number})
            return
        self.registrations.append(made)
        found = self.session.assessment
        facts = {
            "registration": len(self.registrations) - 1,
            "fre_mm": made.fre,
            "tre_mm": None if found is None else found.predicted_tre,
            "labels": [touch.fiducial.label for touch in self.session.touches],
        }
        yield SessionEvent("registration", "made", facts)

    def _alarms(self, state: State) -> Iterator[SessionEvent]:
        near = state.guidance.proximity
        found = {} if isinstance(near, Lost) else {s.name: s for s in near.structures}
        for name, level in state.guidance.alarms.levels.items():
            before = self._levels.get(name, Level.UNKNOWN)
            if level is before:
                continue
            facts: dict[str, Any] = {"structure": name, "before": before.name.lower()}
            if name in found:
                facts |= {"distance_mm": found[name].distance, "bound_mm": found[name].bound}
            yield SessionEvent("alarm", f"level_{level.name.lower()}", facts)
        self._levels = dict(state.guidance.alarms.levels)
        if state.alarm != self._alarm:
            self._alarm = state.alarm
            if state.alarm is None:
                yield SessionEvent("alarm", "registration_fits_again")
            else:
                yield SessionEvent("alarm", state.alarm.code, state.alarm.facts)

    def _said(self, state: State) -> Iterator[SessionEvent]:
        if state.stage.value != self._stage:
            self._stage = state.stage.value
            yield SessionEvent("stage", self._stage)
        prompt = state.prompt
        if prompt is not None and not _same_prompt(prompt, self._prompt):
            yield SessionEvent("prompt", prompt.code, prompt.facts)
        self._prompt = prompt
        if state.message is not None and state.message != self._message:
            yield SessionEvent("message", state.message.code, state.message.facts)
        self._message = state.message

    def _told(self, notices: Sequence[Notice]) -> Iterator[SessionEvent]:
        now = set()
        for notice in notices:
            subject = notice.subject
            if subject not in self._notices and subject not in now:
                yield SessionEvent("notice", notice.code, notice.facts)
            now.add(subject)
        self._notices = now

    def _camera(self, tracked: TrackedFrame) -> Iterator[SessionEvent]:
        lost = dict(tracked.camera_lost)
        for name, why in lost.items():
            before = self._cameras.get(name)
            if before is None or before.code != why.code:
                yield SessionEvent("camera", why.code, {"camera": name, **why.facts})
        for name in self._cameras.keys() - lost.keys():
            yield SessionEvent("camera", "camera_back", {"camera": name})
        self._cameras = lost


def _same(now: Sequence[object], before: Sequence[object]) -> bool:
    return len(now) == len(before) and all(map(is_, now, before))


def _same_prompt(prompt: Notice, before: Notice | None) -> bool:
    """Return whether only a count has gone on."""
    if before is None or prompt.code != before.code:
        return False
    return prompt.facts.get("label") == before.facts.get("label")


def _changes(before: list[Any], now: list[Any], describe: Any) -> Iterator[SessionEvent]:
    kept = {id(entry) for entry in now}
    for entry in before:
        if id(entry) not in kept:
            yield describe(entry, "forgotten")
    known = {id(entry) for entry in before}
    for entry in now:
        if id(entry) not in known:
            yield describe(entry, "touched")


def _touch(touch: Touch, code: str) -> SessionEvent:
    return SessionEvent("touch", code, _touched(touch))


def _check(check: tuple[Touch, CheckError], code: str) -> SessionEvent:
    return SessionEvent("verification", code, {**_touched(check[0]), **_error(check[1])})


def _touched(touch: Touch) -> dict[str, Any]:
    return {
        "label": touch.fiducial.label,
        "position": _floats(touch.position),
        "covariance": _floats(touch.covariance),
        "wander_mm": touch.wander,
    }


def _error(error: CheckError) -> dict[str, Any]:
    return {
        "label": error.label,
        "distance_mm": error.distance,
        "predicted_mm": error.predicted,
        "limit_mm": error.limit,
        "passed": error.passed,
    }


def _floats(array: Array) -> list[float]:
    values: list[float] = array.ravel().tolist()
    return values
