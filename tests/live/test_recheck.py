"""While navigating: one divot touched again; a new registration made beside the present one."""

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.live.messages import Stage
from nav.text.catalogue import ENGLISH
from tests.live.test_session import (
    CHECKS,
    KNOWN,
    POSITIONS,
    Work,
    case,
    error_at,
)

OFF = np.array([0.0, 2.4, 3.2])  # 4 mm


def navigating(**more) -> Work:
    work = Work(**more)
    work.touch_all(*POSITIONS, *CHECKS)
    assert work.now().stage is Stage.NAVIGATE
    return work


def test_one_divot_is_touched_again_and_everything_else_stays():
    work = navigating()
    session = work.session
    before = (work.pipeline.registration, list(session.touches), list(session.checks))
    work.ask("check")
    state = work.now()
    assert (state.stage, state.next_fiducial) == (Stage.NAVIGATE, "K1")  # nearest to the target
    assert state.prompt == Notice("touch_recheck", {"label": "K1"})
    assert not isinstance(state.guidance.proximity, Lost)
    state = work.touch("K1", np.array([0.0, 0.3, 0.4]))
    assert state.message.code == "recheck_passed"
    assert state.message.facts["check"].facts["off_mm"] == pytest.approx(0.5)
    assert 0.0 < state.message.facts["check"].facts["predicted_mm"] < 1.0
    assert (state.next_fiducial, state.prompt, state.alarm) == (None, None, None)
    assert (work.pipeline.registration, session.touches, session.checks) == before


def test_numbers_are_shown_in_every_frame_of_a_re_check():
    work = navigating()
    work.ask("check")
    work.ask("capture")
    for _ in range(8):
        state = work.step(np.array(CHECKS["K1"]))
        assert state.stage is Stage.NAVIGATE
        assert not isinstance(state.guidance.proximity, Lost)
    assert state.message.code == "recheck_passed"


def test_asked_again_another_divot_is_named_and_at_last_the_first():
    work = navigating()
    labels = []
    for _ in range(3):
        work.ask("check")
        labels.append(work.now().next_fiducial)
    assert labels == ["K1", "K2", "K1"]
    work.ask("undo")
    state = work.now()
    assert (state.next_fiducial, state.prompt, state.message) == (None, None, None)


def test_a_failed_re_check_is_an_alarm_until_that_divot_fits_again():
    work = navigating()
    work.ask("check")
    state = work.touch("K1", OFF)
    assert state.message.code == "recheck_failed"
    for ask in ("plan", "undo", "skip"):
        work.ask(ask, "right")
        state = work.now()
        assert state.alarm.code == "registration_doubtful"
        assert state.alarm.facts["check"].facts["label"] == "K1"
        assert state.alarm.facts["check"].facts["off_mm"] == pytest.approx(4.0)
        assert "G: register again" in ENGLISH.sentence(state.alarm)
        assert (state.stage, work.session.refuted) == (Stage.NAVIGATE, False)
        assert not isinstance(state.guidance.proximity, Lost)
    work.ask("check")
    work.ask("check")
    assert work.touch("K2").alarm is not None  # another divot that fits does not excuse it
    work.ask("check")
    assert work.now().next_fiducial == "K1"
    state = work.touch("K1")
    assert (state.message.code, state.alarm) == ("recheck_passed", None)


def test_the_divot_that_failed_is_asked_for_first():
    work = navigating()
    work.ask("check")
    work.ask("check")
    work.touch("K2", OFF)
    work.ask("check")
    assert work.now().next_fiducial == "K2"
    assert work.touch("K2").alarm is None


def test_a_touch_that_moved_is_not_taken_and_asked_for_again():
    work = navigating()
    work.ask("check")
    work.ask("capture")
    for index in range(8):
        state = work.step(np.array(CHECKS["K1"]) + 3.0 * (-1) ** index)
    assert (state.message.code, state.next_fiducial, state.alarm) == ("touch_moved", "K1", None)


def test_an_earlier_registration_is_re_checked_too():
    work = Work(registration=KNOWN)
    work.touch("K1")
    work.ask("check")
    assert work.touch("K1", OFF).alarm is not None


def test_without_check_points_those_to_register_with_are_touched_again():
    work = Work(case(check={}))
    work.touch_all(*POSITIONS)
    work.ask("check")
    assert work.now().next_fiducial == "D1"
    assert work.touch("D1").message.code == "recheck_passed"


def test_before_navigation_there_is_nothing_to_re_check_or_register_again():
    work = Work()
    work.touch("D1")
    for ask in ("check", "register"):
        work.ask(ask)
        state = work.now()
        assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D2")
    assert len(work.session.touches) == 1


def test_the_former_registration_is_used_until_the_new_one_is_verified():
    work = navigating()
    former = work.pipeline.registration
    work.ask("register")
    state = work.now()
    assert (state.stage, state.next_fiducial) == (Stage.REGISTER, "D1")
    for label in (*POSITIONS, "K1"):
        assert Notice("former_in_use") in work.session.doubts
        state = work.touch(label, np.array([0.1, 0.0, 0.0]))
        assert work.pipeline.registration is former
        assert not isinstance(state.guidance.proximity, Lost)
    assert state.stage is Stage.VERIFY
    state = work.touch("K2", np.array([0.1, 0.0, 0.0]))
    assert (state.stage, work.session.doubts) == (Stage.NAVIGATE, ())
    assert work.pipeline.registration is work.session.registration
    assert work.pipeline.registration is not former
    assert error_at(work.pipeline.registration, np.zeros(3)) == pytest.approx(0.1, abs=0.01)


def test_a_new_registration_ends_the_alarm_of_the_former_one():
    work = navigating()
    work.ask("check")
    work.touch("K1", OFF)
    work.ask("register")
    assert work.touch_all(*POSITIONS).alarm is not None
    assert work.touch_all(*CHECKS).alarm is None


def test_a_new_registration_that_is_not_verified_is_used_only_if_the_user_says_so():
    work = navigating()
    former = work.pipeline.registration
    work.ask("register")
    work.touch_all(*POSITIONS)
    assert work.pipeline.registration is former
    work.ask("skip")
    state = work.now()
    assert state.stage is Stage.NAVIGATE
    assert work.pipeline.registration is work.session.registration is not former
    assert Notice("unverified_in_use") in work.session.doubts


def test_a_new_registration_that_is_refuted_never_replaces_the_former():
    work = navigating()
    former = work.pipeline.registration
    work.ask("register")
    work.touch_all(*POSITIONS)
    work.touch("K1", OFF)
    assert work.session.refuted
    work.ask("skip")
    assert work.now().stage is Stage.VERIFY
    assert work.pipeline.registration is former


def test_undo_with_nothing_touched_keeps_the_former_and_all_that_was_known_of_it():
    work = navigating()
    session = work.session
    former = work.pipeline.registration
    before = (session.registration, session.assessment, list(session.touches), list(session.checks))
    work.ask("register")
    work.touch_all("D1", "D2")
    for _ in range(3):
        work.ask("undo")
    state = work.now()
    assert (state.stage, state.message) == (Stage.NAVIGATE, Notice("former_kept"))
    assert (session.registration, session.assessment, session.touches, session.checks) == before
    assert work.pipeline.registration is former
    assert session.doubts == ()


def test_wrong_touches_of_a_new_registration_leave_the_former_in_use():
    work = navigating()
    former = work.pipeline.registration
    work.ask("register")
    work.touch_all("D1", "D2", "D3")
    state = work.touch("D4", np.array([9.0, -9.0, 9.0]))
    assert state.message.code == "not_registered_verdict"
    assert state.stage is Stage.REGISTER
    assert work.pipeline.registration is former


def test_a_case_to_register_with_nothing_keeps_its_registration():
    work = Work(case(register={}), registration=KNOWN)
    work.touch("K1")
    work.ask("register")
    state = work.now()
    assert (state.stage, state.message) == (Stage.NAVIGATE, Notice("nothing_to_register_with"))
