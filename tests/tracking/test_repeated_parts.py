"""A moving tool in images of which a part is older: torn, lost slices, skipped blocks."""

from contextlib import closing
from functools import partial

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.frameset import Frame, FrameSet
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import jpeg
from tests.said import noticed
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import seen

STEP = np.array([0.3, -0.2, 0.0])  # mm from one frame set to the next: nearly a pixel


@pytest.fixture(scope="module")
def moving():
    """Frame sets of a needle that moves evenly."""
    tool, rig = needle_tool(), small_rig(2)
    studio, body = Studio(rig, Optics(blur=0.8, noise=2.0), 6), needle_body(tool)
    start = next(needle_poses(1, np.random.default_rng(6), wander=1.0))
    return [
        studio.frames(
            [Placed(body, RigidTransform.from_translation(k * STEP) * start, np.zeros(6))]
        )
        for k in range(5)
    ]


def torn(now, before):
    row = now.shape[0] // 2
    return np.concatenate([now[:row], before[row:]])


def lost_blocks(now, before):
    result = now.copy()
    for row in range(0, now.shape[0], 32):
        for column in range((row // 32) % 2 * 32, now.shape[1], 64):
            part = np.s_[row : row + 32, column : column + 32]
            result[part] = before[part]
    return result


def named(frames, change, age):
    """Cameras of whose newest image parts are said to be old."""
    rig, tool = small_rig(2), needle_tool()
    with closing(Tracker(rig, [tool])) as tracker:
        for shot in frames[:-1]:
            found = tracker.track(shot)
            assert not list(noticed(seen(found, tool.name).warnings, "parts_repeat"))
        last, old = frames[-1], frames[-1 - age].frames["left"].image
        image = change(last.frames["left"].image, old)
        left = Frame("left", last.time, image)
        found = tracker.track(FrameSet(last.number, last.time, {**last.frames, "left": left}))
    said = noticed(seen(found, tool.name).warnings, "parts_repeat")
    return [camera for notice in said for camera in notice.facts["cameras"]]


@pytest.mark.parametrize("age", [1, 2])
@pytest.mark.parametrize("change", [torn, lost_blocks])
def test_a_part_of_an_earlier_image_is_said(moving, change, age):
    assert named(moving, change, age) == ["left"]


def test_whole_images_are_not_taken_for_torn(moving):
    assert named(moving, lambda now, before: now, 1) == []


def test_compression_alone_repeats_nothing(moving):
    squeeze = partial(jpeg, quality=20)
    coded = [
        FrameSet(
            s.number,
            s.time,
            {n: Frame(n, f.time, squeeze(f.image)) for n, f in s.frames.items()},
        )
        for s in moving
    ]
    assert named(coded, lambda now, before: now, 1) == []
