"""Limits of a set-up: which go first, what is refused, and that guidance uses them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.core.tracked_frame import Tip
from nav.guidance.alarms import Alarms, Level
from nav.guidance.proximity import proximity
from nav.live.live_limits import AlarmLimits, LiveLimits, live_limits_from_json
from nav.live.session import Session
from nav.model.case import Case, Structure
from nav.pipeline import Pipeline
from tests.solids import cube

LEFT, RIGHT = "vertebral artery left", "vertebral artery right"


@pytest.fixture(scope="module")
def case() -> Case:
    """An artery on either side, a cord, and a bone without limits."""
    return Case(
        "limits",
        (
            Structure(LEFT, "artery", cube(), 5.0, 3.0, 0.0),
            Structure(RIGHT, "artery", cube(), 5.0, 3.0, 0.0),
            Structure("cord", "cord", cube(), 2.0, 1.0, 0.0),
            Structure("C1", "bone", cube(), None, None, 0.0),
        ),
    )


def limits_of(case: Case) -> dict[str, tuple[float | None, float | None]]:
    return {s.name: (s.caution, s.danger) for s in case.structures}


def test_without_limits_of_its_own_the_case_stays_as_it_is(case):
    assert limits_of(LiveLimits().apply(case)) == limits_of(case)
    assert LiveLimits().notices(case) == ()


def test_a_structure_goes_before_its_role_and_a_role_before_the_case(case):
    limits = LiveLimits(
        {"artery": AlarmLimits(8.0, 4.0), "bone": AlarmLimits(0.5)},
        {LEFT: AlarmLimits(danger=6.0)},
    )
    assert limits_of(limits.apply(case)) == {
        LEFT: (8.0, 6.0),
        RIGHT: (8.0, 4.0),
        "cord": (2.0, 1.0),
        "C1": (0.5, None),
    }


def test_the_alarm_comes_at_the_limits_of_the_set_up(case):
    tip = Tip(np.array([10.0 + 6.5, 0.0, 0.0]), None, np.zeros((3, 3)), np.zeros((3, 3)))
    wider = LiveLimits({"artery": AlarmLimits(7.0, 6.0)}).apply(case)
    before = Alarms(case.structures).update(proximity(case, tip))
    after = Alarms(wider.structures).update(proximity(wider, tip))
    assert before.levels[LEFT] is Level.CLEAR
    assert after.levels[LEFT] is Level.CAUTION


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (LiveLimits({"artery": AlarmLimits(3.0, 5.0)}), "role artery: danger: 5 mm is beyond"),
        (LiveLimits({"artery": AlarmLimits(0.0)}), "role artery: caution: expected 0.05 to 100"),
        (LiveLimits({"artery": AlarmLimits(danger=-1.0)}), "role artery: danger: expected"),
        (LiveLimits({"nerve": AlarmLimits(3.0)}), "role nerve: the case has no such structure"),
        (LiveLimits({}, {"vein": AlarmLimits(3.0)}), "structure vein: the case has no such"),
        # 5 mm of the case come before the danger of the set-up
        (LiveLimits({"artery": AlarmLimits(danger=6.0)}), f"structure {LEFT}: danger: 6 mm"),
        (LiveLimits(fle=50.0), "fle: expected"),
        (LiveLimits(check_limit=0.0), "check_limit: expected 0.3 to 10 mm, got 0"),
    ],
)
def test_implausible_limits_are_refused(case, limits, said):
    with pytest.raises(InputError) as refused:
        limits.apply(case)
    assert str(refused.value).startswith(f"limits: {said}")


def test_all_problems_are_told_at_once(case):
    limits = LiveLimits({"artery": AlarmLimits(-1.0, 500.0)}, {}, 50.0, 0.0)
    assert len(limits.problems(case)) == 4


def test_limits_that_warn_later_are_told_to_the_user(case):
    lowered = LiveLimits({"artery": AlarmLimits(4.0)}, check_limit=3.0)
    facts = {notice.code: notice.facts for notice in lowered.notices(case)}
    assert facts["limits_lowered"]["structures"] == (LEFT, RIGHT)
    assert facts["check_limit_raised"]["limit_mm"] == 3.0
    assert LiveLimits({"artery": AlarmLimits(6.0)}).notices(case) == ()


def test_the_session_takes_fle_and_check_limit(case, needle):
    limits = LiveLimits(fle=0.4, check_limit=1.5)
    session = Session(Pipeline(needle, case), limits.fle, limits.check_limit)
    assert (session.fle, session.check_limit, session.recheck.limit) == (0.4, 1.5, 1.5)


numbers = st.none() | st.floats(0.05, 100.0)
tables = st.dictionaries(st.text(min_size=1), st.builds(AlarmLimits, numbers, numbers), max_size=3)


@given(st.builds(LiveLimits, tables, tables, st.floats(0.01, 5.0), st.floats(0.3, 10.0)))
def test_limits_survive_json(limits):
    assert live_limits_from_json(json.loads(json.dumps(limits.to_json()))) == limits


@given(numbers, numbers)
def test_limits_that_are_accepted_are_in_order(case, caution, danger):
    limits = LiveLimits({"cord": AlarmLimits(caution, danger)})
    if limits.problems(case):
        return
    cord = limits.apply(case).of_role("cord")[0]
    assert cord.caution >= cord.danger > 0
