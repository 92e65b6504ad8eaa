"""The pipeline from camera frames to alarms, one call per stage; no stage knows a later one."""

from dataclasses import dataclass

from nav.camera.frameset import FrameSet
from nav.errors import Lost
from nav.guidance.alarms import Alarms, AlarmState
from nav.guidance.bending import Bending, Drift
from nav.guidance.proximity import PlanDeviation, Proximity, plan_deviation, proximity
from nav.model.case import Case, Plan
from nav.registration.registration_result import Registration
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool
from nav.tracking.tracked_frame import Tip, TrackedFrame
from nav.tracking.tracker import Tracker

NOT_REGISTERED = Lost("not_registered")


@dataclass(frozen=True)
class Guidance:
    """Everything that view, recorder and alarms need of one frame set.

    Parameters
    ----------
    number : int
        Number of the frame set.
    time : float
        Of the frame set, s.
    tracked : TrackedFrame
        The tools' poses.
    reference_tip : Tip or Lost
        In the reference frame, as if the needle were straight.
    model_tip : Tip or Lost
        In the model frame, with what is known of the needle's bending.
    proximity : Proximity or Lost
        Of the tip to every structure.
    plan : PlanDeviation or Lost
        Of the tip from the plan.
    alarms : AlarmState
        Level of every structure.
    drift : Drift, optional
        The bending; None where the tool file says nothing of the needle, or the tip is lost.
    """

    number: int
    time: float
    tracked: TrackedFrame
    reference_tip: Tip | Lost
    model_tip: Tip | Lost
    proximity: Proximity | Lost
    plan: PlanDeviation | Lost
    alarms: AlarmState
    drift: Drift | None = None


class Pipeline:
    """Track one needle against one reference body inside one case.

    Parameters
    ----------
    tracker : Tracker
        Of needle and reference body.
    needle : Tool
        With a tip.
    case : Case
        What is navigated.
    registration : Registration, optional
        May be set later; None until the fiducials were touched.
    plan : Plan, optional
        The case's default one if not given.
    reference : str
        Name of the reference body.

    Attributes
    ----------
    unregistered : Lost
        Why there is no registration.
    """

    def __init__(
        self,
        tracker: Tracker,
        needle: Tool,
        case: Case,
        registration: Registration | None = None,
        plan: Plan | None = None,
        reference: str = "reference",
    ) -> None:
        self.tracker, self.needle, self.case = tracker, needle, case
        self.registration, self.unregistered = registration, NOT_REGISTERED
        self.plan = plan if plan is not None else case.default_plan
        self.reference = reference
        self.bending = Bending(needle, case, reference)
        self.alarms = Alarms(case.structures)

    def step(self, frames: FrameSet) -> Guidance:
        """Turn one frame set into everything that view, record and alarms need.

        Parameters
        ----------
        frames : FrameSet
            Images of one instant.

        Returns
        -------
        Guidance
            With Lost, and its reason, wherever a stage could not answer.
        """
        tracked = self.tracker.track(frames)
        in_reference = tip_in_reference(tracked, self.needle, self.reference)
        straight = self._in_model(in_reference)
        in_model, drift = self.bending.apply(straight, tracked, self.registration)
        near = proximity(self.case, in_model)
        deviation = plan_deviation(self.plan, in_model)
        alarms = self.alarms.update(near)
        return Guidance(
            frames.number, frames.time, tracked, in_reference, in_model, near, deviation, alarms,
            drift,
        )  # fmt: skip

    def _in_model(self, tip: Tip | Lost) -> Tip | Lost:
        if isinstance(tip, Lost):
            return tip
        if self.registration is None:
            return self.unregistered
        return self.registration.apply(tip)
