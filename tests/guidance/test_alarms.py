"""Alarm levels: a table walked through, by bounds, never from an older frame set."""

import itertools

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.guidance.alarms import Alarms, AlarmState, Level, level_of
from nav.guidance.proximity import Proximity, StructureProximity
from nav.model.case import Structure
from tests.solids import structure

LOST = Lost("hidden", {"cameras": ["left"]})
ARTERY = structure("artery", "artery", caution=5.0, danger=3.0)
CORD = structure("cord", "cord", caution=2.0, danger=1.0)
ONLY_CAUTION = structure("dura", "dura", caution=0.5, danger=None)
ONLY_DANGER = structure("C1", "bone", caution=None, danger=0.0)
ONE_LIMIT = structure("nerve", "other", caution=2.0, danger=2.0)
NO_LIMITS = structure("skin", "skin", caution=None, danger=None)
ALL = (ARTERY, CORD, ONLY_CAUTION, ONLY_DANGER, ONE_LIMIT, NO_LIMITS)
FAR = 40.0


def seen(name: str, bound: float, distance: float = FAR) -> StructureProximity:
    return StructureProximity(name, "artery", distance, np.zeros(3), 0.1, bound, None)


def near(**bounds: float) -> Proximity:
    """All structures by their bounds; far away where nothing is said."""
    return Proximity(tuple(seen(s.name, bounds.get(s.name, FAR)) for s in ALL))


def above(limit: float) -> float:
    return float(np.nextafter(limit, np.inf))


def below(limit: float) -> float:
    return float(np.nextafter(limit, -np.inf))


CLEAR, CAUTION, DANGER, UNKNOWN = Level.CLEAR, Level.CAUTION, Level.DANGER, Level.UNKNOWN
TABLE: list[tuple[Structure, float, Level]] = [
    (ARTERY, FAR, CLEAR),
    (ARTERY, above(5.0), CLEAR),
    (ARTERY, 5.0, CAUTION),
    (ARTERY, below(5.0), CAUTION),
    (ARTERY, above(3.0), CAUTION),
    (ARTERY, 3.0, DANGER),
    (ARTERY, below(3.0), DANGER),
    (ARTERY, 0.0, DANGER),
    (ARTERY, -4.0, DANGER),
    (CORD, above(2.0), CLEAR),
    (CORD, 2.0, CAUTION),
    (CORD, above(1.0), CAUTION),
    (CORD, 1.0, DANGER),
    (ONLY_CAUTION, above(0.5), CLEAR),
    (ONLY_CAUTION, 0.5, CAUTION),
    (ONLY_CAUTION, -9.0, CAUTION),
    (ONLY_DANGER, above(0.0), CLEAR),
    (ONLY_DANGER, 0.0, DANGER),
    (ONLY_DANGER, -9.0, DANGER),
    (ONE_LIMIT, above(2.0), CLEAR),
    (ONE_LIMIT, 2.0, DANGER),
    (ARTERY, float("nan"), UNKNOWN),
    (ARTERY, float("inf"), UNKNOWN),
    (ARTERY, -float("inf"), UNKNOWN),
]


@pytest.mark.parametrize(("which", "bound", "level"), TABLE)
def test_limits_count_as_reached(which, bound, level):
    assert level_of(bound, which) is level
    state = Alarms(ALL).update(near(**{which.name: bound}))
    assert state.levels[which.name] is level
    others = {name: found for name, found in state.levels.items() if name != which.name}
    assert set(others.values()) == {CLEAR}


@pytest.mark.parametrize(
    ("distance", "bound", "level"),
    [(9.0, 4.0, CAUTION), (9.0, 2.0, DANGER), (2.0, 9.0, CLEAR), (4.0, 6.0, CLEAR)],
)
def test_the_bound_decides_not_the_distance(distance, bound, level):
    state = Alarms([ARTERY]).update(Proximity((seen("artery", bound, distance),)))
    assert state.levels == {"artery": level}


def test_what_has_no_limits_has_no_level():
    state = Alarms(ALL).update(near(skin=-5.0))
    assert set(state.levels) == {s.name for s in ALL} - {"skin"}


def test_before_the_first_frame_set_nothing_is_known():
    assert set(Alarms(ALL).levels.values()) == {UNKNOWN}


LEVELS = {CLEAR: near(artery=9.0), CAUTION: near(artery=4.0), DANGER: near(artery=2.0)}
STEPS = {**LEVELS, UNKNOWN: LOST}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STEPS, STEPS)))
def test_changed_names_exactly_what_changed(before, after):
    alarms = Alarms(ALL)
    alarms.update(STEPS[before])
    state = alarms.update(STEPS[after])
    assert state.levels["artery"] is after
    if before is after:
        expected = set()
    elif UNKNOWN in (before, after):
        expected = {s.name for s in ALL} - {"skin"}
    else:
        expected = {"artery"}
    assert set(state.changed) == expected
    assert len(state.changed) == len(expected)
    assert alarms.update(STEPS[after]).changed == ()


def test_lost_is_unknown_and_never_the_last_level():
    alarms = Alarms(ALL)
    alarms.update(near(artery=2.0, cord=1.5))
    state = alarms.update(LOST)
    assert set(state.levels.values()) == {UNKNOWN}
    assert state.worst is UNKNOWN


def test_a_structure_without_a_distance_is_unknown():
    alarms = Alarms([ARTERY, CORD])
    alarms.update(near(cord=0.5))
    state = alarms.update(Proximity((seen("artery", FAR),)))
    assert state.levels == {"artery": CLEAR, "cord": UNKNOWN}
    assert state.changed == ("cord",)


def test_an_older_state_does_not_change_with_a_newer_one():
    alarms = Alarms([ARTERY])
    first = alarms.update(near(artery=2.0))
    alarms.update(near(artery=9.0))
    assert first.levels == {"artery": DANGER}


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        ([CLEAR, CLEAR], CLEAR),
        ([CLEAR, CAUTION], CAUTION),
        ([CAUTION, DANGER, CLEAR], DANGER),
        ([UNKNOWN, CLEAR], UNKNOWN),
        ([UNKNOWN, CAUTION], UNKNOWN),
        ([UNKNOWN, DANGER], DANGER),
        ([UNKNOWN], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_the_worst_level_of_all(levels, worst):
    state = AlarmState({str(i): level for i, level in enumerate(levels)})
    assert state.worst is worst


def test_every_level_has_a_word_of_its_own():
    assert [level.word for level in (UNKNOWN, CLEAR, CAUTION, DANGER)] == [
        *("no data", "clear", "caution", "danger")
    ]
