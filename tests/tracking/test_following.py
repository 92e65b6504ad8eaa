"""From one frame set to the next: followed without a search, lost at once, found again."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import FrameSet
from nav.tracking.detect.marker_detection import Detector
from nav.tracking.fit.initial_pose import angle_between, find_start
from nav.tracking.follow.follower import NEAR
from nav.tracking.tool import Marker, Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_motion import body_velocity
from phantoms.twin.simulated_tools import needle_body, reference_body
from tests.synthetic import Studio, camera, looking_at, needle_poses
from tests.tracking.expect import seen, sigmas, tip_off, why

FPS = 30.0
SPEED, TURN = 40.0, np.radians(30.0)  # of a hand, mm/s and rad/s
RADIUS = 8.0  # mm: the hand goes round, so that it stays in the small pictures
OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.004, gradient=(0.02, -0.02))
Searches = list[str]


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Searches:
    """Grows by one for each search of a whole picture, in whichever thread."""
    counted: Searches = []
    find = Detector.find

    def counting(self: Detector, *arguments: object, **more: object) -> object:
        counted.append("search")
        return find(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Detector, "find", counting)
    return counted


def resting(seed: int = 1) -> RigidTransform:
    return next(needle_poses(1, np.random.default_rng(seed), wander=0.0))


def hand(seconds: float, seed: int = 1) -> RigidTransform:
    """Round a circle that lies aslant, turning about an axis that lies aslant too."""
    start, angle = resting(seed), SPEED / RADIUS * seconds
    across, up = np.array([0.8, 0.0, 0.6]), np.array([0.0, 1.0, 0.0])
    at = RADIUS * (np.cos(angle) * across + np.sin(angle) * up)
    turned = Rotation.from_rotvec(TURN * seconds * np.array([0.6, 0.0, 0.8]))
    return RigidTransform.from_components(start.translation + at, turned * start.rotation)


def moving(tool: Tool, path: Callable[[float], RigidTransform], seconds: float) -> Placed:
    step = 1e-3
    velocity = body_velocity(path(seconds - step), path(seconds + step), 2 * step)
    return Placed(needle_body(tool), path(seconds), velocity)


def film(studio: Studio, tool: Tool, count: int, seed: int = 1) -> Iterator[FrameSet]:
    """A hand's movement from its beginning."""
    for number in range(count):
        yield studio.frames([moving(tool, lambda t: hand(t, seed), number / FPS)])


def test_the_test_hand_moves_as_fast_as_said():
    for seconds in (0.0, 0.4, 1.1):
        before, after = hand(seconds - 1e-3), hand(seconds + 1e-3)
        way = np.linalg.norm(after.translation - before.translation)
        assert way / 2e-3 == pytest.approx(SPEED, rel=1e-3)
        assert (after * before.inv()).rotation.magnitude() / 2e-3 == pytest.approx(TURN, rel=1e-3)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_moving_hand_is_followed_without_any_search(rig, needle, searches, seed):
    count = 24
    with closing(Tracker(rig, [needle])) as tracker:
        modes, errors, far = [], [], []
        for number, frames in enumerate(film(Studio(rig, OPTICS, 3), needle, count, seed)):
            before = len(searches)
            tracked = tracker.track(frames)
            modes.append(tracked.mode)
            assert (tracked.mode == "follow") == (len(searches) == before)
            place = hand(number / FPS, seed)
            errors.append(float(np.linalg.norm(tip_off(tracked, needle, place))))
            far.append(sigmas(tracked, needle, place))
    assert modes[0] == "acquire"
    assert modes[1:].count("follow") >= 0.95 * (count - 1)
    assert max(errors) < 0.05
    assert max(far) < 5.0


def test_standing_still_is_followed_too(rig, needle, searches):
    studio, placed = Studio(rig, OPTICS, 4), [Placed(needle_body(needle), resting())]
    with closing(Tracker(rig, [needle])) as tracker:
        tracker.track(studio.frames(placed))
        first = len(searches)
        for _ in range(4):
            tracked = tracker.track(studio.frames(placed))
            assert tracked.mode == "follow"
            assert np.linalg.norm(tip_off(tracked, needle, resting())) < 0.05
    assert first > 0
    assert len(searches) == first


@pytest.mark.parametrize("seed", range(6))
def test_a_hand_that_stops_leaves_no_trace_of_its_blur(rig, needle, seed):
    """Long streaks in one frame set, none in the next: the tip is right in both."""
    way, stops, fastest = np.array([0.94, 0.28, 0.19]), 9, 60.0
    studio, start = Studio(rig, replace(OPTICS, exposure=0.02), seed), resting(seed)
    with closing(Tracker(rig, [needle])) as tracker:
        for number in range(stops + 3):
            at = fastest * way * (min(number, stops) / FPS - 0.2)
            place = RigidTransform.from_components(start.translation + at, start.rotation)
            velocity = np.zeros(6)
            velocity[:3] = fastest * way if number < stops else 0.0
            tracked = tracker.track(studio.frames([Placed(needle_body(needle), place, velocity)]))
            assert not seen(tracked, "needle").warnings
            assert np.linalg.norm(tip_off(tracked, needle, place)) < 0.03
            assert sigmas(tracked, needle, place) < 5.0


def test_following_gives_what_a_search_would(rig, needle):
    """No smoothing: a tracker that never saw the tool before finds the same pose."""
    studio = Studio(rig, OPTICS, 5)
    with closing(Tracker(rig, [needle])) as used:
        for frames in film(studio, needle, 6):
            followed = used.track(frames)
        with closing(Tracker(rig, [needle])) as fresh:
            searched = fresh.track(frames)
    assert (followed.mode, searched.mode) == ("follow", "acquire")
    poses = [seen(tracked, "needle").rig_from_tool.transform for tracked in (followed, searched)]
    assert poses[0].as_matrix() == pytest.approx(poses[1].as_matrix(), abs=2e-3)


def test_a_tool_that_disappears_is_lost_at_once_and_found_again(rig, needle):
    studio = Studio(rig, OPTICS, 6)
    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(studio, needle, 4):
            assert seen(tracker.track(frames), "needle")
        for _ in range(3):
            tracked = tracker.track(studio.frames([]))
            assert isinstance(tracked.tools["needle"], Lost)
            assert tracked.mode == "acquire"
        back = Placed(needle_body(needle), resting(2))
        tracked = tracker.track(studio.frames([back]))
        assert np.linalg.norm(tip_off(tracked, needle, resting(2))) < 0.05
        # its way from where it was before is no motion: soon it is known to rest
        assert "follow" in [tracker.track(studio.frames([back])).mode for _ in range(3)]


def test_after_a_jump_the_tool_is_searched_and_found_in_the_same_frame_set(rig, needle, searches):
    """Elsewhere and turned otherwise: it is not where its motion leads."""
    studio = Studio(rig, OPTICS, 7)
    with closing(Tracker(rig, [needle])) as tracker:
        for frames in film(studio, needle, 3):
            tracker.track(frames)
        for seed in (4, 5, 6):
            before = len(searches)
            jumped = RigidTransform.from_components([6.0, -4.0, 8.0], Rotation.identity())
            place = jumped * resting(seed)
            placed = [Placed(needle_body(needle), place)]
            tracked = tracker.track(studio.frames(placed))
            assert (tracked.mode, len(searches) > before) == ("acquire", True)
            assert np.linalg.norm(tip_off(tracked, needle, place)) < 0.05
            for _ in range(3):
                tracked = tracker.track(studio.frames(placed))
                assert np.linalg.norm(tip_off(tracked, needle, place)) < 0.05
            assert tracked.mode == "follow"


def test_a_tool_not_seen_for_long_is_searched(rig, needle):
    """Pictures that stopped for a second: where it was says nothing, even if it is still there."""
    studio, placed = Studio(rig, OPTICS, 8), [Placed(needle_body(needle), resting())]
    with closing(Tracker(rig, [needle])) as tracker:
        tracker.track(studio.frames(placed))
        assert tracker.track(studio.frames(placed)).mode == "follow"
        studio.number += 30
        tracked = tracker.track(studio.frames(placed))
        assert tracked.mode == "acquire"
        assert np.linalg.norm(tip_off(tracked, needle, resting())) < 0.05


def test_markers_that_cannot_be_read_any_more_are_still_used(rig, needle):
    """The lens goes out of focus from picture to picture, until detection reads no marker."""
    detector, number = Detector([needle]), 0
    with closing(Tracker(rig, [needle])) as tracker:
        for blur in (0.8, 0.95, 1.1, 1.3, 1.5, 1.75, 2.0, 2.4, 2.8):
            studio = Studio(rig, Optics(blur=blur, noise=2.0, gradient=(0.02, -0.02)), 9)
            studio.number = number = number + 1
            frames = studio.frames([Placed(needle_body(needle), resting())])
            tracked = tracker.track(frames)
            found = seen(tracked, "needle")
            assert sigmas(tracked, needle, resting()) < 5.0
    read = {
        square.id
        for frame in frames.frames.values()
        for square in detector.find(frame.image, [needle])["needle"]
        if square.decoded
    }
    assert tracked.mode == "follow"
    assert np.linalg.norm(tip_off(tracked, needle, resting())) < 0.1
    assert len(read) <= 1
    assert len(set(found.marker_ids) - read) >= 4


def test_markers_too_small_to_be_read_are_still_used(needle):
    """The needle goes away from one camera to four times its distance: 9 px per marker."""
    eye = camera("left", (288, 240), 1600.0, looking_at(np.zeros(3), np.array([0.0, 0.0, 1.0])))
    rig, detector = Rig((eye,)), Detector([needle])
    start, way = resting(), np.array([0.0, 0.0, 1.0])
    with closing(Tracker(rig, [needle])) as tracker:
        studio = Studio(rig, Optics(blur=0.6, noise=1.0, gradient=(0.0, 0.0)), 10)
        # a tenth further each time
        for step in range(14):
            away = start.translation[2] * (1.1**step - 1.0)
            place = RigidTransform.from_components(start.translation + away * way, start.rotation)
            frames = studio.frames([Placed(needle_body(needle), place)])
            tracked = tracker.track(frames)
            found = seen(tracked, "needle")
            assert sigmas(tracked, needle, place) < 5.0
    squares = detector.find(frames.frames["left"].image, [needle])["needle"]
    read = {square.id for square in squares if square.decoded}
    assert len(read) <= 1
    assert len(set(found.marker_ids) - read) >= 3


def distant(start: RigidTransform, away: float) -> RigidTransform:
    """Further along the optical axis, mm."""
    further = start.translation + np.array([0.0, 0.0, away])
    return RigidTransform.from_components(further, start.rotation)


def test_small_markers_are_found_in_large_pictures_too(needle):
    """Of 13 px, in a picture of 1920 x 1200; what is still smaller is said to be too small."""
    eye = camera("left", (1920, 1200), 1600.0, looking_at(np.zeros(3), np.array([0.0, 0.0, 1.0])))
    studio = Studio(Rig((eye,)), Optics(blur=0.6, noise=2.0, gradient=(0.0, 0.0)), 11)
    with closing(Tracker(Rig((eye,)), [needle])) as tracker:
        place = distant(resting(), 1200.0)
        tracked = tracker.track(studio.frames([Placed(needle_body(needle), place)]))
        assert tracked.mode == "acquire"
        assert sigmas(tracked, needle, place) < 5.0
        reasons = []
        for away in np.arange(1300.0, 2100.0, 100.0):
            place = distant(resting(), away)
            tracked = tracker.track(studio.frames([Placed(needle_body(needle), place)]))
            if isinstance(tracked.tools["needle"], Lost):
                reasons.append(why(tracked, "needle"))
        assert reasons
        assert reasons[-1] == Lost("small_or_hidden", {"cameras": ("left",)})


def test_two_tools_are_followed_together_and_lost_apart(needle, reference, searches):
    aim = np.array([0.0, 0.0, 573.0])
    rig = Rig(
        tuple(
            camera(name, (480, 260), 1600.0, looking_at(np.array([x, 0.0, 0.0]), aim))
            for name, x in (("left", -175.0), ("right", 175.0))
        )
    )
    lying = Rotation.from_rotvec([0.0, 0.0, -np.pi / 2]) * Rotation.from_rotvec([np.pi / 2, 0, 0])
    place = RigidTransform.from_components([-42.0, 0.0, 573.0], lying)
    facing = Rotation.from_rotvec([0.15, 0.1, 0.05]) * Rotation.from_matrix(np.diag([1, -1, -1]))
    body = Placed(
        reference_body(reference), RigidTransform.from_components([40.0, 0.0, 573.0], facing)
    )
    studio, both = Studio(rig, OPTICS, 11), [Placed(needle_body(needle), place), body]
    with closing(Tracker(rig, [needle, reference])) as tracker:
        for _ in range(3):
            tracked = tracker.track(studio.frames(both))
        assert tracked.mode == "follow"
        gone = tracker.track(studio.frames([body]))
        assert isinstance(gone.tools["needle"], Lost)
        assert seen(gone, "reference")
        assert gone.mode == "acquire"  # one searched tool makes it a search


def test_the_mirror_image_of_a_flat_tool_gives_way_to_the_tool(needle):
    flat = replace(needle, markers=row_of(needle))
    rig = Rig((camera("only", (480, 260), 1600.0, looking_at(np.zeros(3), [0.0, 0.0, 500.0])),))
    towards = Rotation.align_vectors([[0.0, -0.55, -0.83]], [flat.markers[0].normal])[0]
    middle = np.mean([marker.centre for marker in flat.markers], axis=0)
    place = RigidTransform.from_components([0, 0, 500.0] - towards.apply(middle), towards)
    frames = Studio(rig, OPTICS, 4).frames([Placed(needle_body(flat), place)])
    with closing(Tracker(rig, [flat])) as tracker:
        right = seen(tracker.track(frames), flat.name).rig_from_tool.transform
        start = find_start(tracker.views[flat.name], None)
        assert start is not None
        assert start.rival is not None
        mirror = max((start.pose, start.rival), key=lambda pose: turn(pose, right))
        follower = tracker.followers[flat.name]
        state, workers = tracker.tool_states[flat.name], tracker.workers
        wrong = follower.fit(state, frames, mirror, NEAR, workers)
        assert wrong is not None
        assert turn(wrong.pose.transform.as_matrix(), right) > 0.3
        found = follower.resolve_ambiguity(state, wrong, frames, workers)
    assert turn(right.as_matrix(), place) < 0.01
    assert found is not None
    assert turn(found.pose.transform.as_matrix(), place) < 0.01


def row_of(tool: Tool) -> tuple[Marker, ...]:
    """The markers of one face."""
    facing = tool.markers[0].normal
    return tuple(marker for marker in tool.markers if marker.normal @ facing > 0.999)


def turn(pose: Array, place: RigidTransform) -> float:
    return angle_between(pose, np.asarray(place.as_matrix(), float))
