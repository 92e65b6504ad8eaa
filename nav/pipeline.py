"""The pipeline from poses to alarms, one call per stage; no stage knows a later one."""

from dataclasses import dataclass

from nav.core.errors import Lost
from nav.core.tracked_frame import Tip, TrackedFrame
from nav.guidance.alarms import Alarms, AlarmState
from nav.guidance.bending import Bending, Drift
from nav.guidance.proximity import PlanDeviation, Proximity, plan_deviation, proximity
from nav.model.case import Case, Plan
from nav.registration.registration_result import Registration
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

NOT_REGISTERED = Lost("not_registered")


@dataclass(frozen=True)
class Guidance:
    """Everything that view, recorder and alarms need of one tracked frame.

    Parameters
    ----------
    number : int
        Number of the frame.
    time : float
        Of the frame, s.
    tracked : TrackedFrame
        The tools' poses, without images.
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
    """Guide one needle, tracked against one reference body, inside one case.

    Parameters
    ----------
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
        needle: Tool,
        case: Case,
        registration: Registration | None = None,
        plan: Plan | None = None,
        reference: str = "reference",
    ) -> None:
        self.needle, self.case = needle, case
        self.registration, self.unregistered = registration, NOT_REGISTERED
        self.plan = plan if plan is not None else case.default_plan
        self.reference = reference
        self.bending = Bending(needle, case, reference)
        self.alarms = Alarms(case.structures)

    def step(self, tracked: TrackedFrame) -> Guidance:
        """Turn one tracked frame into everything that view, record and alarms need.

        Parameters
        ----------
        tracked : TrackedFrame
            Poses of one instant, from any source.

        Returns
        -------
        Guidance
            With Lost, and its reason, wherever a stage could not answer.
        """
        in_reference = tip_in_reference(tracked, self.needle, self.reference)
        straight = self._in_model(in_reference)
        in_model, drift = self.bending.apply(straight, tracked, self.registration)
        near = proximity(self.case, in_model)
        deviation = plan_deviation(self.plan, in_model)
        alarms = self.alarms.update(near)
        return Guidance(
            tracked.number,
            tracked.time,
            tracked.without_images(),
            in_reference,
            in_model,
            near,
            deviation,
            alarms,
            drift,
        )

    def _in_model(self, tip: Tip | Lost) -> Tip | Lost:
        if isinstance(tip, Lost):
            return tip
        if self.registration is None:
            return self.unregistered
        return self.registration.apply(tip)
