"""The work step by step: touch, register, undo; and what goes wrong on the way."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array, Pose, rigid
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.live.messages import Command, Stage
from nav.live.session import MAX_WANDER, TOUCH_FRAMES, Session, State
from nav.model.case import Case, Fiducial, Plan
from nav.pipeline import Pipeline
from nav.registration.assessment import assess_touches
from nav.registration.points import register_points
from nav.registration.registration_result import Registration
from nav.text.catalogue import ENGLISH
from nav.tracking.tool import Tool, ToolTip
from tests.said import said
from tests.solids import box, structure
from tests.synthetic import square_marker

HIDDEN = Lost("hidden", {"cameras": ["left"]})
REFERENCE_FROM_MODEL = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])
RIG_FROM_REFERENCE = rigid([-0.2, 0.5, 0.1], [30.0, -20.0, 600.0])
TIP_OFFSET = np.array([0.3, -0.2, 110.0])
# the needle's attitude does not matter to its tip
RIG_FROM_NEEDLE = rigid([2.0, 0.3, -0.4], [0.0, 0.0, 0.0]).rotation
RANDOM = np.diag([0.02, 0.02, 0.08]) ** 2
SYSTEMATIC = np.diag([0.05, 0.05, 0.1]) ** 2
NEEDLE = Tool(
    "needle", "DICT_4X4_50", (square_marker(1),), ToolTip(TIP_OFFSET, np.eye(3)[2], SYSTEMATIC)
)
POSITIONS = {
    "D1": [40.0, 0.0, 0.0],
    "D2": [0.0, 45.0, 5.0],
    "D3": [-38.0, 2.0, 10.0],
    "D4": [3.0, -42.0, 30.0],
}
CHECKS = {"K1": [10.0, 10.0, 40.0], "K2": [-15.0, 20.0, 35.0]}
PLANS = (
    Plan("left", np.array([60.0, 0.0, 0.0]), np.array([10.0, 0.0, 0.0])),
    Plan("right", np.array([-60.0, 0.0, 0.0]), np.array([-10.0, 0.0, 0.0])),
)
KNOWN = Registration(
    Pose(REFERENCE_FROM_MODEL.inv(), np.diag([1e-2] * 3 + [1e-6] * 3)), 0.3, np.zeros(0)
)


def fiducials(positions: dict[str, list[float]], use: str) -> tuple[Fiducial, ...]:
    return tuple(Fiducial(label, np.array(at), use) for label, at in positions.items())


def case(
    register: dict[str, list[float]] = POSITIONS, check: dict[str, list[float]] = CHECKS
) -> Case:
    """Check points stand first: the order of work is by use, not by the file."""
    cord = structure("cord", "cord", box([-5.0, -5.0, -20.0], [5.0, 5.0, 20.0]), 2.0, 1.0)
    points = fiducials(check, "check") + fiducials(register, "register")
    return Case("phantom", (cord,), points, PLANS)


class Hand:
    """Stands for the source of poses: the needle's tip is where `at` says, model frame, mm."""

    def __init__(self) -> None:
        self.at: Array | None = np.zeros(3)

    def track(self, number: int) -> TrackedFrame:
        needle: TrackedTool | Lost = HIDDEN
        if self.at is not None:
            tip = RIG_FROM_REFERENCE.apply(REFERENCE_FROM_MODEL.apply(self.at))
            place = RigidTransform.from_components(
                tip - RIG_FROM_NEEDLE.apply(TIP_OFFSET), RIG_FROM_NEEDLE
            )
            covariance = np.zeros((6, 6))
            covariance[:3, :3] = RANDOM
            needle = TrackedTool(Pose(place, covariance), (1, 2), 0.02)
        reference = TrackedTool(Pose(RIG_FROM_REFERENCE), (3,), 0.02)
        return TrackedFrame(number, number / 30.0, {"needle": needle, "reference": reference})


class Work:
    """A session and the hand that does what it is told, or not."""

    def __init__(self, of: Case | None = None, registration: Registration | None = None) -> None:
        self.case, self.hand, self.number = of or case(), Hand(), 0
        self.pipeline = Pipeline(NEEDLE, self.case, registration)
        self.session = Session(self.pipeline)
        self.positions = {f.label: f.position for f in self.case.fiducials}

    def step(self, at: Array | None) -> State:
        self.hand.at = at
        self.number += 1
        return self.session.step(self.hand.track(self.number))

    def ask(self, kind: str, argument: str = "") -> None:
        self.session.command(Command(kind, argument))  # type: ignore[arg-type]

    def touch(self, label: str, off: Array | float = 0.0) -> State:
        """Touch a fiducial, `off` mm beside it, until it was taken or not."""
        self.ask("capture")
        for _ in range(TOUCH_FRAMES):
            state = self.step(self.positions[label] + off)
        return state

    def touch_all(self, *labels: str) -> State:
        for label in labels:
            state = self.touch(label)
        return state

    def now(self) -> State:
        return self.step(np.array([0.0, 0.0, 50.0]))


def error_at(registration: Registration, point: Array) -> float:
    """How far from the true one the registration carries a point of the model frame."""
    found, _ = registration.model_from_reference.apply(REFERENCE_FROM_MODEL.apply(point))
    return float(np.linalg.norm(found - point))


def test_the_prompt_leads_from_fiducial_to_fiducial():
    work = Work()
    state = work.now()
    assert state.stage is Stage.REGISTER
    for number, label in enumerate(POSITIONS, start=1):
        assert state.next_fiducial == label
        facts = {"label": label, "number": number, "count": len(POSITIONS)}
        assert state.prompt == Notice("touch", facts)
        state = work.touch(label)
    assert state.stage is Stage.VERIFY
    for number, label in enumerate(CHECKS, start=1):
        assert state.next_fiducial == label
        facts = {"label": label, "number": number, "count": len(CHECKS)}
        assert state.prompt == Notice("check_touch", facts)
        state = work.touch(label)
    assert state.stage is Stage.NAVIGATE
    assert (state.next_fiducial, state.prompt) == (None, None)


def test_a_touch_gathers_as_many_results_as_it_says():
    work = Work()
    work.ask("capture")
    for done in range(1, TOUCH_FRAMES):
        state = work.step(np.array(POSITIONS["D1"]))
        assert state.prompt == Notice("hold_still", {"done": done, "count": TOUCH_FRAMES})
        assert work.session.touches == []
    state = work.step(np.array(POSITIONS["D1"]))
    assert len(work.session.touches) == 1
    assert state.next_fiducial == "D2"


def test_window_and_command_line_judge_the_same_touches_alike():
    work = Work()
    rng = np.random.default_rng(11)
    for label in (*POSITIONS, *CHECKS):
        work.touch(label, rng.normal(0.0, 0.25, 3))
    session = work.session
    touches = [*session.touches, *(touch for touch, _ in session.checks)]
    found = assess_touches(
        work.case.fiducials,
        {touch.fiducial.label: touch.position for touch in touches},
        {touch.fiducial.label: touch.own for touch in touches},
        target=PLANS[0].target,
        shared={touch.fiducial.label: touch.shared for touch in touches},
    )
    assert tuple(error for _, error in session.checks) == found.checks
    assert session.assessment.predicted_tre == found.predicted_tre
    assert np.array_equal(
        session.registration.model_from_reference.covariance,
        found.registration.model_from_reference.covariance,
    )


def test_without_being_asked_nothing_is_touched():
    work = Work()
    for _ in range(3 * TOUCH_FRAMES):
        work.step(np.array(POSITIONS["D1"]))
    assert work.session.touches == []


def test_a_touch_is_the_mean_and_its_random_error_shrinks_the_systematic_does_not():
    work = Work()
    rng = np.random.default_rng(4)
    offsets = rng.normal(0.0, 0.1, (TOUCH_FRAMES, 3))
    work.ask("capture")
    for offset in offsets:
        work.step(np.array(POSITIONS["D1"]) + offset)
    (touch,) = work.session.touches
    mean = np.array(POSITIONS["D1"]) + offsets.mean(axis=0)
    assert touch.position == pytest.approx(REFERENCE_FROM_MODEL.apply(mean), abs=1e-9)
    scatter = np.sqrt(((offsets - offsets.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert touch.wander == pytest.approx(scatter)
    turn = RIG_FROM_REFERENCE.rotation.inv().as_matrix()
    tip = turn @ RIG_FROM_NEEDLE.as_matrix()
    expected = turn @ RANDOM @ turn.T / TOUCH_FRAMES + tip @ SYSTEMATIC @ tip.T
    assert touch.covariance == pytest.approx(expected, abs=1e-12)
    # what all touches share is kept apart: it moves them together and does not average out
    assert touch.shared @ touch.shared.T == pytest.approx(tip @ SYSTEMATIC @ tip.T, abs=1e-12)
    assert touch.own == pytest.approx(turn @ RANDOM @ turn.T / TOUCH_FRAMES, abs=1e-12)


def test_a_tip_lost_while_gathering_gives_the_touch_up_and_says_why():
    work = Work()
    work.ask("capture")
    for _ in range(TOUCH_FRAMES - 1):
        work.step(np.array(POSITIONS["D1"]))
    state = work.step(None)
    assert state.message == Notice("touch_lost", {"reason": HIDDEN})
    assert work.session.touches == []
    # what was gathered before is not used for the next
    assert state.next_fiducial == "D1"
    state = work.step(np.array(POSITIONS["D1"]))
    assert work.session.touches == []
    assert state.prompt.code == "touch"
    work.touch("D1")
    assert len(work.session.touches) == 1


@pytest.mark.parametrize(("share", "taken"), [(0.99, True), (1.01, False)])
def test_a_tip_that_moved_is_not_taken_and_how_far_is_told(share, taken):
    work = Work()
    work.ask("capture")
    # half of the results on either side: rms is half of what lies between
    for index in range(TOUCH_FRAMES):
        side = share * MAX_WANDER * (-1) ** index
        state = work.step(np.array(POSITIONS["D1"]) + np.array([0.0, side, 0.0]))
    assert len(work.session.touches) == int(taken)
    assert state.next_fiducial == ("D2" if taken else "D1")
    assert (state.message is None) is taken
    if not taken:
        assert (state.message.code, state.message.facts["label"]) == ("touch_moved", "D1")
        assert state.message.facts["wander_mm"] == pytest.approx(share * MAX_WANDER)


def test_after_the_last_fiducial_it_registers():
    work = Work()
    state = work.touch_all("D1", "D2", "D3")
    assert work.pipeline.registration is None
    assert isinstance(state.guidance.model_tip, Lost)
    state = work.touch("D4")
    registration = work.pipeline.registration
    assert registration is not None
    assert registration.fre == pytest.approx(0.0, abs=1e-9)
    for point in np.array([*CHECKS.values(), PLANS[0].target]):
        assert error_at(registration, point) < 1e-9
    tre = registration.predicted_tre(PLANS[0].target[None])[0]
    assert state.message.code == "registered_with_target"
    assert state.message.facts["verdict"] == Notice("verdict_good")
    assert state.message.facts["fre_mm"] == registration.fre
    assert state.message.facts["tre_mm"] == pytest.approx(tre)
    said = f"Registered: FRE 0.00 mm, predicted TRE at the target {tre:.2f} mm; good"
    assert ENGLISH.sentence(state.message) == said
    # the next frame set is guided
    tip = work.step(np.array([9.0, 1.0, 2.0])).guidance.model_tip
    assert not isinstance(tip, Lost)
    assert tip.position == pytest.approx([9.0, 1.0, 2.0], abs=1e-9)


def test_it_registers_with_the_errors_of_the_touches():
    work = Work()
    rng = np.random.default_rng(8)
    for label in POSITIONS:
        work.touch(label, rng.normal(0.0, 0.25, 3))
    touches = work.session.touches
    expected = register_points(
        [touch.fiducial.position for touch in touches],
        [touch.position for touch in touches],
        np.array([touch.own + np.eye(3) * work.session.fle**2 for touch in touches]),
        shared=np.array([touch.shared for touch in touches]),
    )
    registration = work.pipeline.registration
    assert registration is not None
    assert registration.fre == expected.fre > 0.01
    assert registration.model_from_reference.covariance == pytest.approx(
        expected.model_from_reference.covariance
    )


@pytest.mark.parametrize(
    "positions",
    [
        {"D1": [0.0, 0.0, 0.0], "D2": [20.0, 0.0, 0.0], "D3": [50.0, 1.0, 0.0]},
        {"D1": [0.0, 0.0, 0.0], "D2": [20.0, 40.0, 0.0]},
    ],
    ids=["on a line", "too few"],
)
def test_a_degenerate_layout_is_said_and_nothing_registered(positions):
    work = Work(case(register=positions))
    state = work.touch_all(*positions)
    assert state.message.code == "not_registered_error"
    assert f"{len(positions)} fiducials" in state.message.facts["problem"]
    assert "\n" not in ENGLISH.sentence(state.message)
    assert work.pipeline.registration is None
    assert state.stage is Stage.REGISTER
    assert isinstance(state.guidance.model_tip, Lost)
    # the work begins again at the first
    assert state.next_fiducial == "D1"


def test_undo_forgets_the_last_touch():
    work = Work()
    work.touch_all("D1", "D2")
    work.ask("undo")
    state = work.now()
    assert state.message == Notice("touch_forgotten", {"label": "D2"})
    assert state.next_fiducial == "D2"
    assert [touch.fiducial.label for touch in work.session.touches] == ["D1"]


def test_undo_while_gathering_gives_that_touch_up():
    work = Work()
    work.ask("capture")
    work.step(np.array(POSITIONS["D1"]))
    work.ask("undo")
    state = work.now()
    assert state.next_fiducial == "D1"
    assert state.prompt.code == "touch"


def test_undo_with_nothing_touched_does_nothing():
    work = Work()
    work.ask("undo")
    state = work.now()
    assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D1")


def test_undo_after_registering_takes_the_registration_back():
    work = Work()
    work.touch_all(*POSITIONS)
    work.ask("undo")
    state = work.now()
    assert state.message == Notice("touch_forgotten", {"label": "D4"})
    assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D4")
    assert work.pipeline.registration is None
    assert isinstance(state.guidance.model_tip, Lost)
    assert work.touch("D4").stage is Stage.VERIFY


def test_exchanged_fiducials_are_refused_in_the_window_too_and_asked_for_again():
    work = Work()
    work.touch("D1")
    for label, place in (("D2", "D3"), ("D3", "D2")):
        off = np.array(POSITIONS[place]) - np.array(POSITIONS[label])
        work.touch(label, off)
    state = work.touch("D4")
    assert state.stage is Stage.REGISTER
    assert state.message.code == "not_registered_verdict"
    found = state.message.facts["verdict"]
    assert found.code == "verdict_repeat"
    named = {r.code: r.facts.get("labels") for r in found.facts["reasons"]}
    assert named["labels_exchanged"] == ("D2", "D3")
    assert work.pipeline.registration is None
    # what was right stays
    assert state.next_fiducial == "D2"
    assert work.now().prompt == Notice("touch", {"label": "D2", "number": 3, "count": 4})
    work.touch("D2")
    assert work.touch("D3").stage is Stage.VERIFY


def test_a_case_without_fiducials_says_so():
    work = Work(case(register={}, check={}))
    state = work.now()
    assert state.stage is Stage.REGISTER
    assert state.prompt == Notice("no_fiducials")
    work.ask("capture")
    assert work.now().message == Notice("nothing_to_touch")


def test_without_a_plan_no_error_at_its_target_is_told():
    work = Work(Case("phantom", case().structures, case().fiducials))
    message = work.touch_all(*POSITIONS).message
    assert said(message).startswith("Registered: FRE ")
    assert "target" not in said(message)


def test_where_nobody_knows_what_is_wrong_all_is_touched_again():
    work, rng = Work(), np.random.default_rng(5)
    for label in POSITIONS:
        state = work.touch(label, rng.normal(0.0, 6.0, 3))
    assert said(state.message).startswith("Not registered, repeat: ")
    assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D1")
    assert work.session.touches == []
