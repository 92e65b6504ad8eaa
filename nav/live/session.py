"""A puncture's work, step by step: touch the fiducials, register, verify, navigate."""

from dataclasses import dataclass

import numpy as np

from nav.camera.frameset import FrameSet
from nav.errors import InputError, Lost
from nav.frames import Array
from nav.live.messages import Command, Stage
from nav.model.case import Fiducial
from nav.pipeline import Guidance, Pipeline
from nav.registration.assessment import FLE
from nav.registration.points import register_points
from nav.registration.result import Registration

TOUCH_FRAMES = 8  # results averaged for one touch
MAX_WANDER = 1.0  # mm rms of the tip while it should be held still
CHECK_LIMIT = 2.0  # mm; the 95th percentile of navigated cervical screws is about that (assumed)


@dataclass(frozen=True)
class Touch:
    """A fiducial touched with the tip: mean (3,) and covariance (3, 3), reference frame, mm."""

    fiducial: Fiducial
    position: Array
    covariance: Array
    wander: float


@dataclass(frozen=True)
class State:
    """What the work has come to after a frame set."""

    guidance: Guidance
    stage: Stage
    prompt: str
    next_fiducial: str | None
    message: str = ""


class Session:
    """Takes frame sets through the pipeline and the user through the work.

    A registration known beforehand: begins at NAVIGATE. fle : fiducial localisation error, mm, one
    sd per axis. check_limit : mm; check points further off do not let the work go on by itself.
    """

    def __init__(
        self, pipeline: Pipeline, fle: float = FLE, check_limit: float = CHECK_LIMIT
    ) -> None:
        self.pipeline, self.fle, self.check_limit = pipeline, fle, check_limit
        case = pipeline.case
        self.to_register = list(case.fiducials_for("register"))
        self.to_check = list(case.fiducials_for("check"))
        self.touches: list[Touch] = []
        self.checks: list[tuple[Touch, float]] = []
        self.gathering: list[tuple[Array, Array, Array]] | None = None
        self.verified = pipeline.registration is not None
        self.message = ""

    @property
    def stage(self) -> Stage:
        """The stage that the work is in."""
        if self.pipeline.registration is None:
            return Stage.REGISTER
        return Stage.NAVIGATE if self.verified else Stage.VERIFY

    def step(self, frames: FrameSet) -> State:
        """One frame set in, guidance and what to do next out."""
        guidance = self.pipeline.step(frames)
        if self.gathering is not None:
            self._gather(guidance)
        fiducial = self._next()
        return State(
            guidance, self.stage, self._prompt(fiducial),
            None if fiducial is None else fiducial.label, self.message,
        )  # fmt: skip

    def command(self, command: Command) -> None:
        """What the user asks for; one that makes no sense now is answered in words."""
        self.message = ""
        if command.kind == "capture":
            self._begin_touch()
        elif command.kind == "undo":
            self._undo()
        elif command.kind == "skip" and self.stage is Stage.VERIFY:
            self.gathering, self.verified = None, True
        elif command.kind == "plan":
            self._follow(command.argument)

    def _next(self) -> Fiducial | None:
        if self.stage is Stage.REGISTER and len(self.touches) < len(self.to_register):
            return self.to_register[len(self.touches)]
        if self.stage is Stage.VERIFY and len(self.checks) < len(self.to_check):
            return self.to_check[len(self.checks)]
        return None

    def _prompt(self, fiducial: Fiducial | None) -> str:
        if self.gathering is not None:
            return f"Hold still: {len(self.gathering)} of {TOUCH_FRAMES}"
        if fiducial is None and self.stage is Stage.VERIFY and self.checks:
            return (
                f"Check points are up to {self._worst_check():.1f} mm off: "
                "Backspace to touch again, S to go on all the same"
            )
        if fiducial is None:
            return "" if self.stage is Stage.NAVIGATE else "This case has no fiducials to touch"
        done = self.touches if self.stage is Stage.REGISTER else self.checks
        total = self.to_register if self.stage is Stage.REGISTER else self.to_check
        verb = "Touch" if self.stage is Stage.REGISTER else "Check: touch"
        return f"{verb} {fiducial.label} ({len(done) + 1} of {len(total)}), hold still, press Space"

    def _begin_touch(self) -> None:
        if self._next() is None:
            self.message = "Nothing to touch now"
        else:
            self.gathering = []

    def _gather(self, guidance: Guidance) -> None:
        tip = guidance.reference_tip
        assert self.gathering is not None
        if isinstance(tip, Lost):
            self.gathering, self.message = None, f"Touch given up, tip lost: {tip.reason}"
            return
        self.gathering.append((tip.position, tip.random, tip.systematic))
        if len(self.gathering) == TOUCH_FRAMES:
            self._take_touch()

    def _take_touch(self) -> None:
        fiducial, gathered = self._next(), self.gathering
        self.gathering = None
        assert fiducial is not None
        assert gathered is not None
        positions, random, systematic = (np.array(part) for part in zip(*gathered, strict=True))
        position = positions.mean(axis=0)
        wander = float(np.sqrt(((positions - position) ** 2).sum(axis=1).mean()))
        if wander > MAX_WANDER:
            self.message = f"{fiducial.label} not taken: the tip moved by {wander:.1f} mm"
            return
        covariance = random.mean(axis=0) / len(gathered) + systematic.mean(axis=0)
        touch = Touch(fiducial, position, covariance, wander)
        if self.stage is Stage.REGISTER:
            self.touches.append(touch)
            if len(self.touches) == len(self.to_register):
                self._register()
        else:
            self._check(touch)

    def _register(self) -> None:
        model = np.array([touch.fiducial.position for touch in self.touches])
        touched = np.array([touch.position for touch in self.touches])
        covariance = np.array([touch.covariance for touch in self.touches])
        try:
            registration = register_points(model, touched, covariance, self.fle)
        except InputError as error:
            self.message = f"Not registered: {error}"
            self.touches.clear()
            return
        self.pipeline.registration = registration
        self.verified = not self.to_check
        self.message = f"Registered: FRE {registration.fre:.2f} mm{self._predicted(registration)}"

    def _predicted(self, registration: Registration) -> str:
        plan = self.pipeline.plan
        if plan is None:
            return ""
        tre = registration.predicted_tre(plan.target[None])[0]
        return f", predicted TRE at the target {tre:.2f} mm"

    def _check(self, touch: Touch) -> None:
        registration = self.pipeline.registration
        assert registration is not None
        found, _ = registration.model_from_reference.apply(touch.position)
        error = float(np.linalg.norm(found - touch.fiducial.position))
        self.checks.append((touch, error))
        self.message = f"{touch.fiducial.label} is {error:.2f} mm off"
        if len(self.checks) == len(self.to_check) and self._worst_check() <= self.check_limit:
            self.message = f"Verified: check points at most {self._worst_check():.2f} mm off"
            self.verified = True

    def _worst_check(self) -> float:
        return max(error for _, error in self.checks)

    def _undo(self) -> None:
        self.gathering = None
        if self.stage is Stage.NAVIGATE:
            self.message = "Registration is kept; start anew to register again"
        elif self.stage is Stage.VERIFY and self.checks:
            self.message = f"{self.checks.pop()[0].fiducial.label} forgotten"
        elif self.touches:
            self.pipeline.registration = None
            self.message = f"{self.touches.pop().fiducial.label} forgotten"

    def _follow(self, name: str) -> None:
        plans = {plan.name: plan for plan in self.pipeline.case.plans}
        if name in plans:
            self.pipeline.plan = plans[name]
        else:
            self.message = f"No plan is called {name}"
