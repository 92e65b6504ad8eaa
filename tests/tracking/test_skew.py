"""Views of different times: cameras that are not synchronised, and rolling shutters.

Each picture is drawn as the needle is at its own time; what is asked for is the needle at the frame
set's time. The same pictures, said to be of one time, show what it costs to ignore it.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_motion import body_velocity
from phantoms.twin.simulated_tools import needle_body
from tests.synthetic import needle_poses, small_rig
from tests.tracking.expect import seen, sigmas, tip_off

FPS = 30.0
SKEW = 0.008  # s from the left camera's picture to the right one's
READOUT = 0.020  # s from the first row to the last
SPEED, TURN = 40.0, np.radians(30.0)  # mm/s, rad/s
SETTLED = 3  # frame sets until the motion is known
OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.004, gradient=(0.02, -0.02))
ACROSS, AWAY = np.array([SPEED, 0.0, 0.0]), np.array([0.0, 0.0, SPEED])
Path = Callable[[float], RigidTransform]


def steady(velocity: Array, seed: int) -> Path:
    """Straight on, turning evenly; in the pictures' middle after four frame sets."""
    start = next(needle_poses(1, np.random.default_rng(seed), wander=0.0))

    def at(seconds: float) -> RigidTransform:
        turned = Rotation.from_rotvec(TURN * seconds * np.array([0.6, 0.0, 0.8]))
        middle = start.translation + velocity * (seconds - 4 / FPS)
        return RigidTransform.from_components(middle, turned * start.rotation)

    return at


def film(path: Path, needle: Tool, rig: Rig, skew: float, count: int) -> Iterator[FrameSet]:
    rng = np.random.default_rng(7)
    cameras = [SimulatedCamera(camera, OPTICS, rng) for camera in rig.cameras]
    late = skew * (np.arange(len(cameras)) - (len(cameras) - 1) / 2)
    for number in range(count):
        frames, time = {}, number / FPS
        for simulated, off in zip(cameras, late, strict=True):
            own, name = time + float(off), simulated.camera.name
            velocity = body_velocity(path(own - 1e-3), path(own + 1e-3), 2e-3)
            placed = Placed(needle_body(needle), path(own), velocity)
            frames[name] = Frame(name, own, simulated.picture([placed]))
        yield FrameSet(number, time, frames)


def as_if_at_once(frames: FrameSet) -> FrameSet:
    """The same pictures, said to be of one time."""
    same = {name: replace(f, time=frames.time) for name, f in frames.frames.items()}
    return replace(frames, frames=same)


def as_if_global(rig: Rig) -> Rig:
    """The same cameras, said to read all rows at once."""
    return replace(rig, cameras=tuple(replace(c, readout=0.0) for c in rig.cameras))


@dataclass
class Errors:
    """Of the tip, mm, by frame set: tracked as they are, and as if of one time.

    far : the first by their covariance.
    """

    known: list[float] = field(default_factory=list)
    ignored: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)


def errors(path: Path, needle: Tool, rig: Rig, skew: float, count: int = 6) -> Errors:
    found = Errors()
    with (
        closing(Tracker(rig, [needle])) as knowing,
        closing(Tracker(as_if_global(rig), [needle])) as ignorant,
    ):
        for frames in film(path, needle, rig, skew, count):
            place = path(frames.time)
            tracked = knowing.track(frames)
            found.known.append(float(np.linalg.norm(tip_off(tracked, needle, place))))
            found.far.append(sigmas(tracked, needle, place))
            wrong = ignorant.track(as_if_at_once(frames))
            if isinstance(wrong.tools[needle.name], Lost):
                found.ignored.append(np.inf)
            else:
                found.ignored.append(float(np.linalg.norm(tip_off(wrong, needle, place))))
    return found


def assert_bridged(found: Errors) -> None:
    """Once the motion is known the tip is right and honest; it would be off if ignored."""
    assert max(found.known[SETTLED:]) < 0.1
    assert max(found.far[SETTLED:]) < 5.0
    assert np.median(found.ignored[SETTLED:]) > 0.2


@pytest.mark.parametrize(("velocity", "seed"), [(ACROSS, 2), (ACROSS, 3)])
def test_cameras_that_take_turns_are_brought_to_one_time(needle, velocity, seed):
    assert_bridged(errors(steady(velocity, seed), needle, small_rig(2), SKEW))


@pytest.mark.parametrize("seed", [1, 3])
def test_a_rolling_shutters_rows_are_brought_to_one_time(needle, seed):
    rig = small_rig(2, readout=READOUT)
    assert_bridged(errors(steady(ACROSS, seed), needle, rig, 0.0))


def test_one_rolling_camera_is_enough(needle):
    rig = small_rig(1, readout=READOUT)
    assert_bridged(errors(steady(ACROSS, 3), needle, rig, 0.0))


def test_rolling_cameras_that_take_turns(needle):
    rig = small_rig(2, readout=READOUT)
    assert_bridged(errors(steady(ACROSS, 3), needle, rig, SKEW))


@pytest.mark.parametrize("velocity", [ACROSS, AWAY], ids=["across", "away"])
def test_while_the_motion_is_not_known_the_tip_is_as_far_off_as_is_said(needle, velocity):
    path, rig = steady(velocity, 2), small_rig(2)
    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(path, needle, rig, SKEW, SETTLED):
            tracked = tracker.track(frames)
            assert sigmas(tracked, needle, path(frames.time)) < 5.0


def test_a_needle_at_rest_loses_nothing_by_being_seen_at_different_times(needle):
    still, rig = next(needle_poses(1, np.random.default_rng(4), wander=0.0)), small_rig(2)
    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(lambda _: still, needle, rig, SKEW, 5):
            tracked = tracker.track(frames)
            assert sigmas(tracked, needle, still) < 5.0
    assert np.linalg.norm(tip_off(tracked, needle, still)) < 0.05


def test_a_needle_that_was_moved_while_hidden_is_not_taken_to_move_on(needle):
    """At rest, out of view for two frame sets, at rest elsewhere: followed there, and honestly."""
    rig, still = small_rig(2), next(needle_poses(1, np.random.default_rng(2), wander=0.0))

    def path(seconds: float) -> RigidTransform:
        number = seconds * FPS
        away = -12.0 if number < 1.5 else 1000.0 if number < 3.5 else 13.0
        return RigidTransform.from_components(
            still.translation + np.array([away, 0.0, 0.0]), still.rotation
        )

    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(path, needle, rig, SKEW, 7):
            tracked = tracker.track(frames)
            if frames.number in (2, 3):
                assert isinstance(tracked.tools["needle"], Lost)
            else:
                assert sigmas(tracked, needle, path(frames.time)) < 5.0


@pytest.mark.parametrize("seed", [2, 3])
def test_rows_are_timed_where_a_tool_is_not_where_it_was(needle, seed):
    """Down the rows, and in the second frame set not known to move: else 0.02 mm off."""
    rig, path = small_rig(2, readout=READOUT), steady(np.array([0.0, 60.0, 0.0]), seed)
    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(path, needle, rig, 0.0, 2):
            tracked = tracker.track(frames)
            assert sigmas(tracked, needle, path(frames.time)) < 5.0


@pytest.mark.parametrize("skew", [0.25, 1.0])
def test_a_view_of_quite_another_time_is_not_used(needle, skew):
    """A camera whose clock runs far off: the other one still tracks, alone."""
    place, rig = next(needle_poses(1, np.random.default_rng(4), wander=0.0)), small_rig(2)
    (frames,) = film(lambda _: place, needle, rig, 0.0, 1)
    stale = replace(frames.frames["right"], time=frames.time - skew)
    with closing(Tracker(rig, [needle])) as tracker:
        tracked = tracker.track(replace(frames, frames={**frames.frames, "right": stale}))
    assert set(seen(tracked, "needle").corners) == {"left"}
    assert sigmas(tracked, needle, place) < 5.0


@pytest.mark.parametrize("seed", range(5))
def test_a_rolling_shutter_is_right_from_the_first_frame_set(needle, seed):
    """Nothing is known of the motion but what this frame set's rows show."""
    small = small_rig(2)
    rig = replace(small, cameras=tuple(replace(c, readout=READOUT) for c in small.cameras))
    path = steady(ACROSS if seed % 2 else AWAY, seed)
    for frames in film(path, needle, rig, 0.0, 6):
        with closing(Tracker(rig, [needle])) as fresh:
            tracked = fresh.track(frames)
        assert np.linalg.norm(tip_off(tracked, needle, path(frames.time))) < 0.05
        assert sigmas(tracked, needle, path(frames.time)) < 5.0
