"""The workflow of a puncture, step by step: touch the fiducials, register, verify, navigate."""

from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError, Lost
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command, Stage
from nav.live.recheck import FormerRegistration, Recheck
from nav.live.touch import (
    MAX_WANDER,
    TOUCH_FRAMES,
    TipSample,
    Touch,
    assess,
    labels_to_touch_again,
    mean_touch,
    sample_tip,
)
from nav.model.case import Fiducial
from nav.pipeline import NOT_REGISTERED, Guidance, Pipeline
from nav.registration.assessment import (
    FLE,
    MOST_TRE,
    Assessment,
    CheckError,
    check_error,
)
from nav.registration.assessment_notices import check_notice, verdict

CHECK_LIMIT = (
    MOST_TRE  # mm; the 95th percentile of navigated cervical screws is about that (assumed)
)
UNCONFIRMED, REFUTED = Lost("not_checked"), Lost("refuted")


@dataclass(frozen=True)
class State:
    """State of the work after a tracked frame.

    Parameters
    ----------
    guidance : Guidance
        Result of the pipeline.
    stage : Stage
        Of the work.
    prompt : Notice or None
        What the user should do now.
    next_fiducial : str or None
        Label of the fiducial to touch now.
    message : Notice, optional
        Answer to the last command.
    alarm : Notice, optional
        That the registration in use is doubtful.
    """

    guidance: Guidance
    stage: Stage
    prompt: Notice | None
    next_fiducial: str | None
    message: Notice | None = None
    alarm: Notice | None = None


class Session:
    """Take tracked frames through the pipeline and the user through the work.

    A registration known beforehand has to be confirmed by one check point; until then, and after
    a check point that does not fit, the pipeline has none, so that no distance is shown. While
    navigating, one divot can be touched again at any time, and a registration made anew: until
    the new one is verified, the former one stays in use.

    Parameters
    ----------
    pipeline : Pipeline
        With or without a registration.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.
    check_limit : float
        A registration with a check point further off is not navigated with, mm.
    """

    def __init__(
        self, pipeline: Pipeline, fle: float = FLE, check_limit: float = CHECK_LIMIT
    ) -> None:
        self.pipeline, self.fle, self.check_limit = pipeline, fle, check_limit
        case = pipeline.case
        self.to_register = list(case.fiducials_for("register"))
        self.to_check = list(case.fiducials_for("check"))
        self.touches: list[Touch] = []
        self.checks: list[tuple[Touch, CheckError]] = []
        self.gathering: list[TipSample] | None = None
        self.registration = pipeline.registration
        self.assessment: Assessment | None = None
        self.verified = False
        self.message: Notice | None = None
        self.former: FormerRegistration | None = None
        self.recheck = self._new_recheck()
        if self.registration is not None:
            self._begin_with_known()

    @property
    def stage(self) -> Stage:
        """The stage that the work is in."""
        if self.registration is None:
            return Stage.REGISTER
        return Stage.NAVIGATE if self.verified else Stage.VERIFY

    @property
    def refuted(self) -> bool:
        """Whether a check point, or all touched points together, refute the registration."""
        far = any(not e.passed or e.distance > self.check_limit for _, e in self.checks)
        return far or (self.assessment is not None and self.assessment.word == "repeat")

    @property
    def doubts(self) -> tuple[Notice, ...]:
        """What speaks against the registration that is used, for as long as it is."""
        doubts_now = []
        if self.former is not None:
            doubts_now.append(Notice("former_in_use"))
        if self.stage is Stage.NAVIGATE and not self.checks:
            doubts_now.append(Notice("unverified_in_use"))
        if self.assessment is not None and self.assessment.word == "usable":
            doubts_now.append(Notice("usable_in_use", {"verdict": verdict(self.assessment)}))
        return tuple(doubts_now)

    def step(self, tracked: TrackedFrame) -> State:
        """Process one tracked frame: return guidance and what to do next."""
        guidance = self.pipeline.step(tracked)
        if self.gathering is not None:
            self._gather(guidance)
        fiducial = self._next()
        return State(
            guidance, self.stage, self._prompt(fiducial),
            None if fiducial is None else fiducial.label, self.message, self.recheck.alarm,
        )  # fmt: skip

    def command(self, command: Command) -> None:
        """Carry out a command of the user; one that does not apply now is answered."""
        self.message = None
        if command.kind == "capture":
            self._begin_touch()
        elif command.kind == "undo":
            self._undo()
        elif command.kind == "skip" and self.stage is Stage.VERIFY:
            self._skip()
        elif command.kind == "plan":
            self._follow(command.argument)
        elif command.kind in ("check", "register") and self.stage is Stage.NAVIGATE:
            self.gathering = None
            if command.kind == "register":
                self._register_again()
            elif not self.recheck.ask():
                self.message = Notice("nothing_to_touch")

    def keep_former(self) -> None:
        """Go back to the registration in use, where a new one was begun but is not verified."""
        former = self.former
        if former is not None:
            self.former, self.gathering, self.verified = None, None, True
            self.registration, self.assessment = former.registration, former.assessment
            self.touches, self.checks = list(former.touches), list(former.checks)
            self.to_check = list(former.to_check)
            self._show_registration()

    def _register_again(self) -> None:
        """Begin a new registration; the present one stays in use until it is verified."""
        if not self.to_register or self.registration is None:
            self.message = Notice("nothing_to_register_with")
            return
        self.former = FormerRegistration(
            self.registration, self.assessment, tuple(self.touches), tuple(self.checks),
            tuple(self.to_check),
        )  # fmt: skip
        self.recheck.end()
        self.touches, self.checks, self.verified = [], [], False
        self.registration = self.assessment = None
        self.to_check = list(self.pipeline.case.fiducials_for("check"))

    def _new_recheck(self) -> Recheck:
        plan = self.pipeline.plan
        near = None if plan is None else plan.target
        return Recheck(self.pipeline.case, near, self.check_limit)

    def _begin_with_known(self) -> None:
        """Ask for the check point nearest to the target before an earlier registration is used."""
        known = self.to_check or self.to_register
        plan = self.pipeline.plan
        if not known:
            self.verified = True
            self.message = Notice("unchecked_no_fiducials")
            return
        if plan is not None:
            known = sorted(known, key=lambda f: float(np.linalg.norm(f.position - plan.target)))
        self.to_check = known[:1]
        self._show_registration()

    def _show_registration(self) -> None:
        """Give the pipeline what may be shown: nothing that is unconfirmed or refuted."""
        if self.former is not None:
            if not self.verified:
                self.pipeline.registration = self.former.registration
                return
            self.former, self.recheck = None, self._new_recheck()
        confirmed = self.verified or bool(self.touches)
        shown = confirmed and not self.refuted
        self.pipeline.registration = self.registration if shown else None
        if self.registration is None:
            self.pipeline.unregistered = NOT_REGISTERED
        else:
            self.pipeline.unregistered = REFUTED if self.checks else UNCONFIRMED

    def _next(self) -> Fiducial | None:
        if self.stage is Stage.REGISTER:
            touched = {touch.fiducial.label for touch in self.touches}
            return next((f for f in self.to_register if f.label not in touched), None)
        if self.stage is Stage.VERIFY and len(self.checks) < len(self.to_check):
            return None if self.refuted else self.to_check[len(self.checks)]
        return self.recheck.fiducial

    def _prompt(self, fiducial: Fiducial | None) -> Notice | None:
        if self.gathering is not None:
            return Notice("hold_still", {"done": len(self.gathering), "count": TOUCH_FRAMES})
        if self.stage is Stage.VERIFY and self.refuted:
            return self._prompt_refuted()
        if fiducial is None:
            return None if self.stage is Stage.NAVIGATE else Notice("no_fiducials")
        label = fiducial.label
        if self.stage is Stage.NAVIGATE:
            return Notice("touch_recheck", {"label": label})
        if self.stage is Stage.VERIFY and not self.touches:
            return Notice("check_known", {"label": label})
        if self.stage is Stage.REGISTER:
            code, done, count = "touch", len(self.touches), len(self.to_register)
        else:
            code, done, count = "check_touch", len(self.checks), len(self.to_check)
        return Notice(code, {"label": label, "number": done + 1, "count": count})

    def _prompt_refuted(self) -> Notice:
        if not self.checks:
            return Notice("remove_last_touch")
        facts = {"label": self.checks[-1][0].fiducial.label, "off_mm": self._worst().distance}
        return Notice("touch_check_again" if self.touches else "check_again_or_register", facts)

    def _begin_touch(self) -> None:
        if self._next() is None:
            self.message = Notice("nothing_to_touch")
        else:
            self.gathering = []

    def _gather(self, guidance: Guidance) -> None:
        sample = sample_tip(guidance, self.pipeline.needle, self.pipeline.reference)
        assert self.gathering is not None
        if isinstance(sample, Lost):
            self.gathering, self.message = None, Notice("touch_lost", {"reason": sample})
            return
        self.gathering.append(sample)
        if len(self.gathering) == TOUCH_FRAMES:
            self._take_touch()

    def _take_touch(self) -> None:
        fiducial, gathered = self._next(), self.gathering
        self.gathering = None
        assert fiducial is not None
        assert gathered is not None
        touch = mean_touch(fiducial, gathered)
        if touch.wander > MAX_WANDER:
            facts = {"label": fiducial.label, "wander_mm": touch.wander}
            self.message = Notice("touch_moved", facts)
            return
        if self.stage is Stage.REGISTER:
            self.touches.append(touch)
            if self._next() is None:
                self._register()
        elif self.stage is Stage.NAVIGATE:
            assert self.registration is not None
            self.message = self.recheck.take(touch, self.registration, self.fle)
        else:
            self._check(touch)

    def _assess(self, *more: Touch) -> Assessment:
        """Assess all touches so far, and more, as `nav register` does."""
        touches = [*self.touches, *(touch for touch, _ in self.checks), *more]
        plan = self.pipeline.plan
        target = None if plan is None else plan.target
        return assess(self.pipeline.case, touches, self.fle, target)

    def _register(self) -> None:
        try:
            found = self._assess()
        except InputError as error:
            self.message = Notice("not_registered_error", {"problem": str(error)})
            self.touches.clear()
            return
        if found.word == "repeat" or found.registration is None:
            self.message = Notice("not_registered_verdict", {"verdict": verdict(found)})
            wrong = labels_to_touch_again(found)
            self.touches = [t for t in self.touches if t.fiducial.label not in wrong]
            return
        self.assessment, self.registration = found, found.registration
        self.verified = not self.to_check
        self._show_registration()
        facts = {"fre_mm": found.registration.fre, "verdict": verdict(found)}
        if found.predicted_tre is None:
            self.message = Notice("registered", facts)
        else:
            facts["tre_mm"] = found.predicted_tre
            self.message = Notice("registered_with_target", facts)

    def _check(self, touch: Touch) -> None:
        assert self.registration is not None
        if self.touches:
            self.assessment = self._assess(touch)
            (error,) = (c for c in self.assessment.checks if c.label == touch.fiducial.label)
        else:  # of an earlier registration only the covariance is known
            error = check_error(
                touch.fiducial, touch.position, self.registration, touch.covariance, self.fle
            )
        self.checks.append((touch, error))
        self.message = check_notice(error)
        if self.refuted:
            self.message = self._why_refuted(touch, check_notice(error))
        elif len(self.checks) == len(self.to_check):
            code = "verified" if self.touches else "registration_confirmed"
            self.message = Notice(code, {"check": check_notice(self._worst())})
            self.verified = True
        self._show_registration()

    def _why_refuted(self, touch: Touch, check: Notice) -> Notice:
        """Return what the check point shows, besides that it is off."""
        assert self.registration is not None
        if self.assessment is not None and self.assessment.explanations:
            return Notice("check_refuted", {"check": check, "verdict": verdict(self.assessment)})
        turned = check_error(
            touch.fiducial,
            touch.position * np.array([-1.0, -1.0, 1.0]),
            self.registration,
            touch.covariance,
            self.fle,
        )
        code = "check_in_ras" if turned.passed else "check_off_unexplained"
        return Notice(code, {"check": check})

    def _worst(self) -> CheckError:
        return max((error for _, error in self.checks), key=lambda error: error.distance)

    def _skip(self) -> None:
        """Go on without verifying a registration that was made now and that nothing refutes."""
        if not self.touches:
            self.message = Notice("earlier_needs_check")
        elif self.refuted:
            self.message = Notice("checks_do_not_fit")
        else:
            self.gathering, self.verified = None, True
            self._show_registration()
            if not self.checks:
                self.message = Notice("not_verified")

    def _undo(self) -> None:
        self.gathering = None
        if self.stage is Stage.NAVIGATE:
            if self.recheck.fiducial is None:
                self.message = Notice("registration_kept")
            self.recheck.end()
            return
        if self.stage is Stage.VERIFY and self.checks:
            self.message = _forgotten(self.checks.pop()[0])
            if self.touches:
                self.assessment = self._assess()
        elif self.touches:
            self.registration = self.assessment = None
            self.message = _forgotten(self.touches.pop())
        elif self.former is not None:
            self.keep_former()
            self.message = Notice("former_kept")
        elif self.registration is not None:
            self._give_up_known()
        self._show_registration()

    def _give_up_known(self) -> None:
        if not self.to_register:
            self.message = Notice("nothing_to_register_with")
            return
        self.registration = None
        self.to_check = list(self.pipeline.case.fiducials_for("check"))
        self.message = Notice("earlier_discarded")

    def _follow(self, name: str) -> None:
        plans = {plan.name: plan for plan in self.pipeline.case.plans}
        if name in plans:
            self.pipeline.plan = plans[name]
        else:
            self.message = Notice("no_such_plan", {"plan": name})


def _forgotten(touch: Touch) -> Notice:
    return Notice("touch_forgotten", {"label": touch.fiducial.label})
