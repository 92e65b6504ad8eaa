"""What a run leaves behind: smallest distances, share tracked, alarms that were raised."""

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.frames import Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.guidance.alarms import Alarms, Level
from nav.guidance.proximity import PlanDeviation, Proximity, StructureProximity
from nav.live.messages import Stage
from nav.live.session import State
from nav.pipeline import Guidance
from nav.record.log import AlarmEvent, RunLog
from tests.solids import structure

HIDDEN = Lost("hidden", {"cameras": ["left"]})
SEEN = TrackedTool(Pose(rigid([0, 0, 0], [0, 0, 600])), (1,), 0.02)
STRUCTURES = (structure("artery", "artery"), structure("cord", "cord", caution=2.0, danger=1.0))
Distances = dict[str, tuple[float, float]] | None


class Run:
    """A log that is fed distances by structure; None: the needle is lost."""

    def __init__(self) -> None:
        self.log, self.alarms, self.number = RunLog(), Alarms(STRUCTURES), 0

    def add(
        self,
        found: Distances,
        stage: Stage = Stage.NAVIGATE,
        reference: TrackedTool | Lost = SEEN,
        to_target: float | None = None,
    ) -> None:
        near: Proximity | Lost = HIDDEN
        if found is not None:
            near = Proximity(
                tuple(
                    StructureProximity(name, name, distance, np.zeros(3), 0.1, bound, None)
                    for name, (distance, bound) in found.items()
                )
            )
        plan: PlanDeviation | Lost = Lost("no_plan")
        if to_target is not None:
            plan = PlanDeviation("left", to_target, to_target, 0.0, None, 0.1)
        tools = {"needle": HIDDEN if found is None else SEEN, "reference": reference}
        tracked = TrackedFrame(self.number, self.number / 10.0, tools)
        guidance = Guidance(
            self.number, tracked.time, tracked, HIDDEN, HIDDEN, near, plan, self.alarms.update(near)
        )
        self.log.add(State(guidance, stage, None, None))
        self.number += 1


def near(artery: float, cord: float = 30.0, less: float = 0.5) -> Distances:
    return {"artery": (artery, artery - less), "cord": (cord, cord - less)}


def test_the_smallest_distance_to_each_structure_is_kept():
    run = Run()
    for found in (near(9.0, 4.0), None, near(6.0, -0.5), near(7.0, 3.0), None):
        run.add(found)
    assert run.log.smallest() == {"artery": 6.0, "cord": -0.5}


def test_distances_count_only_while_navigating():
    run = Run()
    run.add(near(1.0, 0.2), Stage.VERIFY)
    run.add(near(9.0, 8.0))
    assert run.log.smallest() == {"artery": 9.0, "cord": 8.0}
    assert len(run.log.navigated) == 1
    assert run.log.alarms == []
    assert len(run.log.tracked) == 2


def test_a_lost_frame_set_has_no_distances_in_the_log():
    run = Run()
    run.add(near(9.0, 8.0), to_target=12.0)
    run.add(None)
    first, second = run.log.navigated
    assert first.by_structure == {"artery": (9.0, 8.5), "cord": (8.0, 7.5)}
    assert first.to_target == 12.0
    assert (second.by_structure, second.to_target) == (None, None)
    assert second.time == pytest.approx(0.1)


def test_of_nothing_there_is_nothing_smallest():
    run = Run()
    assert run.log.smallest() == {}
    assert run.log.tracked_fraction(["needle"]) == 0.0
    run.add(None)
    assert run.log.smallest() == {}


def test_tracked_is_a_frame_set_in_which_all_tools_asked_for_have_a_pose():
    run = Run()
    run.add(near(9.0), Stage.REGISTER)
    run.add(None)
    run.add(near(9.0), reference=HIDDEN)
    run.add(None, reference=HIDDEN)
    run.add(near(9.0))
    assert run.log.tracked_fraction(["needle"]) == pytest.approx(3 / 5)
    assert run.log.tracked_fraction(["reference"]) == pytest.approx(3 / 5)
    assert run.log.tracked_fraction(["needle", "reference"]) == pytest.approx(2 / 5)


def test_alarms_are_noted_when_they_come_by_their_bounds():
    run = Run()
    # artery: clear, caution, still, danger, lost, danger again, caution, clear
    for found in (
        *(near(20.0), near(5.4), near(5.1), near(3.2), None, near(3.1), near(4.0)),
        *(near(20.0, 2.2), near(20.0)),
    ):
        run.add(found)
    assert run.log.alarms == [
        AlarmEvent(pytest.approx(0.1), "artery", Level.CAUTION, pytest.approx(4.9)),
        AlarmEvent(pytest.approx(0.3), "artery", Level.DANGER, pytest.approx(2.7)),
        AlarmEvent(pytest.approx(0.5), "artery", Level.DANGER, pytest.approx(2.6)),
        AlarmEvent(pytest.approx(0.6), "artery", Level.CAUTION, pytest.approx(3.5)),
        AlarmEvent(pytest.approx(0.7), "cord", Level.CAUTION, pytest.approx(1.7)),
    ]


def test_an_alarm_that_is_there_when_navigating_begins_is_noted():
    run = Run()
    run.add(near(2.0), Stage.VERIFY)
    run.add(near(2.0))
    run.add(near(2.0))
    assert [(event.structure, event.level) for event in run.log.alarms] == [
        ("artery", Level.DANGER)
    ]


def test_two_structures_in_one_frame_set_are_two_alarms():
    run = Run()
    run.add(near(2.0, 0.5))
    assert {(event.structure, event.level) for event in run.log.alarms} == {
        ("artery", Level.DANGER),
        ("cord", Level.DANGER),
    }
