"""The work once registered: checked or skipped, registrations known beforehand, plans."""

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.frames import Pose, rigid
from nav.core.notice import Notice
from nav.live.messages import Stage
from nav.live.session import TOUCH_FRAMES
from nav.registration.registration_result import Registration
from nav.text.catalogue import ENGLISH
from tests.live.test_session import CHECKS, KNOWN, POSITIONS, REFERENCE_FROM_MODEL, Work, case


def test_undo_while_verifying_forgets_the_last_check_first():
    work = Work()
    work.touch_all(*POSITIONS, "K1")
    work.ask("undo")
    state = work.now()
    assert state.message == Notice("touch_forgotten", {"label": "K1"})
    assert (state.stage, state.next_fiducial) == (Stage.VERIFY, "K1")
    assert work.pipeline.registration is not None


def test_undo_while_navigating_keeps_the_registration():
    work = Work()
    work.touch_all(*POSITIONS, *CHECKS)
    before = work.pipeline.registration
    work.ask("undo")
    state = work.now()
    assert state.message == Notice("registration_kept")
    assert state.stage is Stage.NAVIGATE
    assert work.pipeline.registration is before


def test_check_points_tell_how_far_off_they_are_and_do_not_change_the_registration():
    work = Work()
    work.touch_all(*POSITIONS)
    before = work.pipeline.registration
    state = work.touch("K1", np.array([0.0, 0.3, 0.4]))
    assert state.message.code == "check_off"
    assert state.message.facts["label"] == "K1"
    assert state.message.facts["off_mm"] == pytest.approx(0.5)
    assert 0.0 < state.message.facts["predicted_mm"] < 1.0
    assert ENGLISH.sentence(state.message).startswith("K1 is 0.50 mm off, 0.")
    first = state.message
    state = work.touch("K2", np.array([0.0, 0.12, 0.16]))
    assert state.message == Notice("verified", {"check": first})
    assert state.stage is Stage.NAVIGATE
    assert work.pipeline.registration is before
    assert [error.distance for _, error in work.session.checks] == pytest.approx([0.5, 0.2])


def test_skip_goes_on_without_verifying_and_only_there():
    work = Work()
    work.ask("skip")
    assert work.now().stage is Stage.REGISTER
    work.touch_all(*POSITIONS)
    work.ask("skip")
    state = work.now()
    assert (state.stage, state.prompt) == (Stage.NAVIGATE, None)


def test_a_registration_without_checks_is_said_as_long_as_it_is_used():
    """Not only until the next key."""
    work = Work()
    work.touch_all(*POSITIONS)
    work.ask("skip")
    for ask in ("plan", "capture", "undo"):
        work.ask(ask, "right")
        assert work.now().stage is Stage.NAVIGATE
        assert work.session.doubts == (Notice("unverified_in_use"),)
    checked = Work()
    checked.touch_all(*POSITIONS, *CHECKS)
    assert checked.now().stage is Stage.NAVIGATE
    assert checked.session.doubts == ()


def test_advice_about_a_registration_stays_while_it_is_used():
    square = {"A": [40.0, 0, 0], "B": [0, 40.0, 0], "C": [-40.0, 0, 0], "D": [0, -40.0, 0]}
    work = Work(case(square, {"K": [0.0, 0.0, 45.0]}))
    work.touch_all(*square, "K")
    assert work.now().stage is Stage.NAVIGATE
    work.ask("plan", "right")
    (doubt,) = work.session.doubts
    assert doubt.code == "usable_in_use"
    reasons = doubt.facts["verdict"].facts["reasons"]
    assert "labels_confusable" in [reason.code for reason in reasons]


def test_a_skip_before_registering_does_not_skip_verifying_later():
    work = Work()
    work.ask("skip")
    assert work.touch_all(*POSITIONS).stage is Stage.VERIFY


def test_skip_while_a_check_point_is_gathered_ends_the_gathering():
    work = Work()
    work.touch_all(*POSITIONS)
    work.ask("capture")
    work.step(np.array(CHECKS["K1"]))
    work.ask("skip")
    for _ in range(2 * TOUCH_FRAMES):
        state = work.step(np.array(CHECKS["K1"]))
    assert (state.stage, state.prompt) == (Stage.NAVIGATE, None)
    assert work.session.checks == []


def test_without_check_points_it_navigates_at_once():
    work = Work(case(check={}))
    assert work.touch_all(*POSITIONS).stage is Stage.NAVIGATE


def test_a_registration_known_beforehand_is_confirmed_by_one_check_point():
    work = Work(registration=KNOWN)
    state = work.step(np.array([7.0, 0.0, 0.0]))
    assert (state.stage, state.next_fiducial) == (Stage.VERIFY, "K1")  # nearest to the target
    assert state.prompt == Notice("check_known", {"label": "K1"})
    # nothing is shown with it before
    assert isinstance(state.guidance.proximity, Lost)
    assert state.guidance.proximity == Lost("not_checked")
    state = work.touch("K1", np.array([0.0, 0.3, 0.4]))
    assert state.message.code == "registration_confirmed"
    assert state.message.facts["check"].facts["off_mm"] == pytest.approx(0.5)
    state = work.step(np.array([7.0, 0.0, 0.0]))
    assert (state.stage, state.next_fiducial, state.prompt) == (Stage.NAVIGATE, None, None)
    assert not isinstance(state.guidance.proximity, Lost)
    (cord,) = state.guidance.proximity.structures
    assert cord.distance == pytest.approx(2.0, abs=1e-4)
    work.ask("capture")
    assert work.now().message == Notice("nothing_to_touch")


def test_a_known_registration_that_does_not_fit_is_not_navigated_with():
    work = Work(registration=KNOWN)
    state = work.touch("K1", np.array([0.0, 3.0, 4.0]))
    assert state.message.code == "check_off_unexplained"
    assert state.message.facts["check"].facts["off_mm"] == pytest.approx(5.0)
    for ask in ("", "skip", "capture"):
        if ask:
            work.ask(ask)
        state = work.now()
        assert state.stage is Stage.VERIFY
        assert state.prompt.code == "check_again_or_register"
        assert state.prompt.facts["label"] == "K1"
        assert state.prompt.facts["off_mm"] == pytest.approx(5.0)
        assert isinstance(state.guidance.proximity, Lost)
        assert state.guidance.proximity == Lost("refuted")
    # it is touched again
    work.ask("undo")
    assert work.now().next_fiducial == "K1"
    assert work.touch("K1").stage is Stage.NAVIGATE


def test_from_a_known_registration_back_to_registering():
    work = Work(registration=KNOWN)
    work.touch("K1", np.array([0.0, 3.0, 4.0]))
    work.ask("undo")
    work.ask("undo")
    state = work.now()
    assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D1")
    assert state.message == Notice("earlier_discarded")
    assert isinstance(state.guidance.proximity, Lost)
    assert state.guidance.proximity == Lost("not_registered")
    assert work.touch_all(*POSITIONS).stage is Stage.VERIFY
    assert work.touch_all(*CHECKS).stage is Stage.NAVIGATE


def test_a_known_registration_cannot_skip_its_check():
    work = Work(registration=KNOWN)
    work.ask("skip")
    state = work.now()
    assert state.stage is Stage.VERIFY
    assert state.message == Notice("earlier_needs_check")


def test_a_known_registration_of_negated_axes_is_named():
    """As from touched points that were taken for RAS."""
    half_turn = rigid([0.0, 0.0, np.pi], [0.0, 0.0, 0.0])
    turned = Pose(REFERENCE_FROM_MODEL.inv() * half_turn, np.diag([1e-2] * 3 + [1e-6] * 3))
    work = Work(registration=Registration(turned, 0.3, np.zeros(0)))
    assert work.touch("K1").message.code == "check_in_ras"


def test_without_check_points_one_to_register_with_confirms():
    work = Work(case(check={}), registration=KNOWN)
    state = work.now()
    assert (state.stage, state.next_fiducial) == (Stage.VERIFY, "D1")
    assert work.touch("D1").stage is Stage.NAVIGATE


def test_without_any_fiducials_it_navigates_and_says_that_nothing_was_checked():
    work = Work(case(register={}, check={}), registration=KNOWN)
    state = work.step(np.array([7.0, 0.0, 0.0]))
    assert state.stage is Stage.NAVIGATE
    assert state.message == Notice("unchecked_no_fiducials")
    assert not isinstance(state.guidance.proximity, Lost)


def test_a_check_point_that_is_off_stops_the_work_and_the_numbers():
    work = Work()
    work.touch_all(*POSITIONS)
    state = work.touch("K1", np.array([0.0, 3.0, 4.0]))
    assert state.message.code == "check_refuted"
    assert state.message.facts["check"].facts["off_mm"] == pytest.approx(5.0)
    reasons = state.message.facts["verdict"].facts["reasons"]
    assert ("point_off", "K1") in [(r.code, r.facts.get("label")) for r in reasons]
    work.ask("skip")
    state = work.now()
    assert state.stage is Stage.VERIFY
    assert state.message == Notice("checks_do_not_fit")
    assert isinstance(state.guidance.proximity, Lost)
    work.ask("undo")
    assert work.now().next_fiducial == "K1"
    assert not isinstance(work.now().guidance.proximity, Lost)
    assert work.touch_all(*CHECKS).stage is Stage.NAVIGATE


def test_skipping_says_that_nobody_knows():
    work = Work()
    work.touch_all(*POSITIONS)
    work.ask("skip")
    state = work.now()
    assert state.stage is Stage.NAVIGATE
    assert state.message == Notice("not_verified")


def test_another_plan_is_followed_by_its_name():
    work = Work(registration=KNOWN)
    work.touch("K1")
    assert work.now().guidance.plan.name == "left"
    work.ask("plan", "right")
    assert work.now().guidance.plan.name == "right"
    work.ask("plan", "middle")
    state = work.now()
    assert state.message == Notice("no_such_plan", {"plan": "middle"})
    assert state.guidance.plan.name == "right"


def test_a_known_registration_stays_where_nothing_could_replace_it():
    work = Work(case(register={}), KNOWN)
    work.ask("undo")
    assert work.now().message == Notice("nothing_to_register_with")
    assert work.session.registration is KNOWN
