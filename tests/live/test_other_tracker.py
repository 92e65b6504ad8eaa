"""Another vendor's tracker, without cameras or covariances, through session and guidance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array, rigid
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.guidance.alarms import Level
from nav.guidance.proximity import Z95
from nav.live.messages import Command, Stage
from nav.live.publish import make_update
from nav.live.session import TOUCH_FRAMES, Session, State
from nav.live.worker import run
from nav.model.case import Case, Fiducial, Plan
from nav.pipeline import Pipeline
from nav.tracking.pose_source import PoseSource, ReportedPose, StatedErrors, tracked_tool
from nav.tracking.tool import Tool, ToolTip
from tests.solids import box, structure
from tests.synthetic import square_marker

STATED = StatedErrors(0.15, 0.002)
RATE = 20.0  # frames per second
TRACKER_FROM_REFERENCE = rigid([-0.2, 0.5, 0.1], [30.0, -20.0, 1600.0])
REFERENCE_FROM_MODEL = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])
UPRIGHT = rigid([2.0, 0.3, -0.4], [0.0, 0.0, 0.0]).rotation
TIP = np.array([0.3, -0.2, 110.0])
NEEDLE = Tool(
    "needle", "DICT_4X4_50", (square_marker(1),), ToolTip(TIP, np.eye(3)[2], np.zeros((3, 3)))
)
FIDUCIALS = {
    "D1": [40.0, 0.0, 0.0],
    "D2": [0.0, 45.0, 5.0],
    "D3": [-38.0, 2.0, 10.0],
    "D4": [3.0, -42.0, 30.0],
    "D5": [20.0, 25.0, -20.0],
}
CHECK = {"K1": [10.0, 10.0, 40.0]}
AWAY = np.array([60.0, 0.0, 0.0])
WARMING_UP = Notice("tracker_status", {"status": "warming up"})


def case() -> Case:
    artery = structure("artery", "artery", box([-5.0, -5.0, -20.0], [5.0, 5.0, 20.0]), 5.0, 3.0)
    points = [Fiducial(k, np.array(v), "register") for k, v in FIDUCIALS.items()]
    points += [Fiducial(k, np.array(v), "check") for k, v in CHECK.items()]
    return Case("block", (artery,), tuple(points), (Plan("in", AWAY, np.array([9.0, 0.0, 0.0])),))


@dataclass(frozen=True)
class Moment:
    """What the tracker reports in one frame: the tip's true place, model frame, or a status."""

    tip: Array | None = None
    status: str = ""
    silent: bool = False  # no report of the needle at all


class OtherTracker(PoseSource):
    """A tracker that reports poses of its tools in its own frame, and no errors."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        self.moments, self.closed = moments, False

    def __iter__(self) -> Iterator[TrackedFrame]:
        needle: ReportedPose | None = None
        for number, moment in enumerate(self.moments):
            now = number / RATE
            if not moment.silent:
                needle = ReportedPose(now, _needle_at(moment.tip), status=moment.status)
            reference = ReportedPose(now, TRACKER_FROM_REFERENCE)
            tools = {
                "needle": tracked_tool("needle", needle, now, STATED),
                "reference": tracked_tool("reference", reference, now, STATED),
            }
            yield TrackedFrame(number, now, tools, notices=(WARMING_UP,))

    def close(self) -> None:
        self.closed = True


def _needle_at(tip: Array | None) -> RigidTransform | None:
    if tip is None:
        return None
    at = TRACKER_FROM_REFERENCE.apply(REFERENCE_FROM_MODEL.apply(tip))
    return RigidTransform.from_components(at - UPRIGHT.apply(TIP), UPRIGHT)


class Work:
    """A user who touches what is asked for, then follows a list of moments."""

    recording = None
    simulated = False
    notices = ()
    observers = ()

    def __init__(self, after: Sequence[Moment]) -> None:
        touched = [*FIDUCIALS.values(), *CHECK.values()]
        self.touching = TOUCH_FRAMES * len(touched)
        places = [np.array(at) for at in touched for _ in range(TOUCH_FRAMES)]
        # a touch begins with the frame after its command
        self.source = OtherTracker([Moment(AWAY), *map(Moment, places), *after])
        self.session = Session(Pipeline(NEEDLE, case()))
        self.states: list[State] = []

    def listen(self, tracked: TrackedFrame, state: State) -> list[Command]:
        self.states.append(state)
        due = tracked.number < self.touching and tracked.number % TOUCH_FRAMES == 0
        return [Command("capture")] if due else []

    def finish(self) -> None:
        return None


def states_of(*after: Moment) -> tuple[Work, list[State]]:
    """The states after touching everything."""
    work = Work(after)
    run(work, lambda tracked, state: ())
    return work, work.states[work.touching + 1 :]


def test_touching_registering_checking_and_guiding_need_no_camera():
    work, (state,) = states_of(Moment(np.array([20.0, 0.0, 0.0])))
    assert state.stage is Stage.NAVIGATE
    assert work.session.registration.fre < 1e-9
    tip = state.guidance.model_tip
    assert tip.position == pytest.approx([20.0, 0.0, 0.0], abs=1e-9)
    near = state.guidance.proximity.nearest("artery")
    assert near.distance == pytest.approx(15.0, abs=1e-5)
    assert state.guidance.alarms.levels == {"artery": Level.CLEAR}


def test_the_stated_errors_are_in_the_bound_and_do_not_average_out():
    work, (state,) = states_of(Moment(np.array([20.0, 0.0, 0.0])))
    away = REFERENCE_FROM_MODEL.rotation.apply([1.0, 0.0, 0.0])  # from the artery
    # both poses' positions, and both rotations with their arms to the tip
    of_needle = TRACKER_FROM_REFERENCE.rotation.inv().apply(UPRIGHT.apply(TIP))
    of_reference = REFERENCE_FROM_MODEL.apply([20.0, 0.0, 0.0])
    across = [float(np.sum(np.cross(away, arm) ** 2)) for arm in (of_needle, of_reference)]
    variance = 2 * STATED.position_sd**2 + STATED.rotation_sd**2 * sum(across)
    assert away @ state.guidance.reference_tip.covariance @ away == pytest.approx(variance)
    near = state.guidance.proximity.nearest("artery")
    assert near.bound < near.distance - Z95 * np.sqrt(variance)
    # a touch is a mean of many frames, its stated error is not a bit smaller
    touch = work.session.touches[0]
    assert np.trace(touch.covariance) >= 3 * 2 * STATED.position_sd**2


def test_the_trackers_status_is_shown_and_nothing_is_navigated_by():
    _, (state,) = states_of(Moment(None, "needle partially covered"))
    for stage in (state.guidance.model_tip, state.guidance.proximity):
        assert isinstance(stage, Lost)
        assert stage.facts["status"] == "needle partially covered"
    assert state.guidance.alarms.levels == {"artery": Level.UNKNOWN}


def test_a_tracker_that_falls_silent_blanks_the_numbers():
    at = Moment(np.array([20.0, 0.0, 0.0]))
    silence = [Moment(silent=True)] * 10
    _, states = states_of(at, *silence)
    lost = [isinstance(state.guidance.proximity, Lost) for state in states]
    assert not any(lost[:4])
    assert all(lost[6:])
    assert states[-1].guidance.proximity.code == "report_late"


def test_the_window_gets_no_images_and_the_trackers_notices():
    work, (state,) = states_of(Moment(np.array([20.0, 0.0, 0.0])))
    last = list(work.source)[-1]
    update = make_update(last, state, 1.0, (), RATE, 0.01, last.notices)
    assert update.thumbnails == ()
    assert update.notices[0] == WARMING_UP
