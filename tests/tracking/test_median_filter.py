"""Pictures that the camera filtered by a median: recognised, and as good as if it had not."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from nav.tracking.fit.median_filter import MOST_WAIT, MedianFilter
from nav.tracking.follow.camera_state import learn_median_filter
from nav.tracking.follow.pixelgrid import SOUND, PixelGrid
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import jpeg, median, mosaic, unsharp
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import sigmas, tip_off

OPTICS = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


@pytest.fixture(scope="module")
def scene():
    """Frame sets of a needle, its places and its tool."""
    tool, rig = needle_tool(), small_rig(2)
    studio = Studio(rig, OPTICS, 9)
    places = list(needle_poses(4, np.random.default_rng(9)))
    frames = [studio.frames([Placed(needle_body(tool), at, np.zeros(6))]) for at in places]
    return tool, rig, places, frames


def altered(frames, alter):
    pictures = {name: replace(f, image=alter(f.image)) for name, f in frames.frames.items()}
    return replace(frames, frames=pictures)


def test_the_tip_is_right_and_honest_from_the_first_frame_set_on(scene):
    tool, rig, places, frames = scene
    tracker, errors, squares = Tracker(rig, [tool]), [], []
    for place, shot in zip(places, frames, strict=True):
        found = tracker.track(altered(shot, median))
        errors.append(float(np.linalg.norm(tip_off(found, tool, place))))
        squares.append(sigmas(found, tool, place) ** 2)
    tracker.close()
    assert np.sqrt(np.mean(np.square(errors))) < 0.015  # 0.03 if it is not taken into account
    assert np.mean(squares) < 3.0 + 5.0 * np.sqrt(6.0 / len(squares))
    said = [n.facts["camera"] for n in tracker.notices if n.code == "median_filtered"]
    assert said == ["left", "right"]


@pytest.mark.parametrize(
    "alter",
    [
        lambda picture: picture,
        partial(jpeg, quality=30),
        partial(unsharp, amount=0.5, width=1.5),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.0),
        mosaic,
    ],
    ids=["as it is", "JPEG 30", "sharpened", "blurred", "demosaiced"],
)
def test_other_pictures_teach_no_filter(scene, alter):
    tool, rig, _, frames = scene
    tracker = Tracker(rig, [tool])
    tracker.track(altered(frames[0], alter))
    tracker.close()
    assert not any(each.takes_median for each in tracker.camera_states.values())
    assert "median_filtered" not in [notice.code for notice in tracker.notices]


def test_a_filter_that_is_switched_on_or_off_is_noticed_when_pictures_fit_worse(scene):
    tool, rig, places, _ = scene
    tracker, studio = Tracker(rig, [tool]), Studio(rig, OPTICS, 10)
    still = [Placed(needle_body(tool), places[0], np.zeros(6))]
    for alter, filters in ((lambda p: p, False), (median, True), (lambda p: p, False)):
        for _ in range(2):
            tracker.track(altered(studio.frames(still), alter))
        assert [each.takes_median for each in tracker.camera_states.values()] == [filters] * 2
    tracker.close()


def test_a_filter_long_known_is_looked_at_again_where_it_was_not_to_be_seen(scene):
    """It was switched off, and images looked sharpened for a moment: no alarm is left of that."""
    tool, rig, _, frames = scene
    tracker = Tracker(rig, [tool])
    tracker.track(altered(frames[0], median))
    states, follower = list(tracker.camera_states.values()), tracker.followers[tool.name]
    for each, grid in zip(states, (PixelGrid(two_tone=True), SOUND), strict=True):
        each.median, each.median_wait, each.grid = MedianFilter(True, 3), MOST_WAIT, grid
    candidate = tracker.tool_states[tool.name].candidate
    pictures = [frame.image for frame in frames[0].frames.values()]
    assert not learn_median_filter(follower.cameras, candidate, pictures, lambda medians: None)
    assert [each.median_wait for each in states] == [0, MOST_WAIT]
    tracker.close()


def test_a_camera_that_sees_nothing_teaches_nothing(scene):
    tool, rig, _, frames = scene
    tracker = Tracker(rig, [tool])
    tracker.track(altered(frames[0], median))
    shot, right = altered(frames[0], median), tracker.camera_states["right"]
    covered = replace(shot.frames["right"], image=np.full_like(shot.frames["right"].image, 90))
    for others in ({"right": covered}, {}):  # by a hand; no image
        kept = {name: frame for name, frame in shot.frames.items() if name != "right"}
        right.median_wait = 0
        tracker.track(replace(shot, frames=kept | others))
        assert right.takes_median
    tracker.close()


def test_what_was_seen_again_and_again_is_looked_at_less_often():
    known, waits = MedianFilter(), []
    for _ in range(6):
        known = known.learn(True)
        waits.append(known.wait)
    assert known.filters
    assert waits == sorted(waits)
    assert waits[-1] == MOST_WAIT
    assert known.learn(False).wait < MOST_WAIT
