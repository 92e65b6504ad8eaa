"""Noise that stays from image to image tells that earlier images are mixed into the newest."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial

import numpy as np
import pytest

from nav.core.frameset import Frame, FrameSet
from nav.tracking.follow.temporal_mixing import ImageHistory, mixing_excess
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import Picture, jpeg, median, unsharp
from tests.said import codes, said
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import seen

SHAPE = (200, 240)


def sensor(count, keep=0.0, light=lambda k: 1.0, seed=0) -> Iterator[Picture]:
    """A wall with fixed pattern noise before a still camera that keeps a share of each image."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    wall = 110.0 + 30.0 * np.sin(rows / 3.0) * np.cos(columns / 4.0) + rng.normal(0.0, 1.0, SHAPE)
    before = None
    for k in range(count):
        now = wall * light(k) + rng.normal(0.0, 2.0, SHAPE)
        before = now if before is None else keep * before + (1.0 - keep) * now
        yield np.clip(np.rint(before), 0, 255).astype(np.uint8)


def history(pictures) -> ImageHistory:
    found = ImageHistory()
    for k, picture in enumerate(pictures):
        found = found.after(Frame("left", k / 30.0, picture))
    return found


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.8])
def test_the_share_kept_is_measured(keep):
    *_, first, middle, last = sensor(12, keep)
    variance, rounding = 4.0 * (1.0 - keep) / (1.0 + keep), 1.0 / 12.0
    near, far = (2.0 * variance * (1.0 - keep**apart) + 2.0 * rounding for apart in (1, 2))
    expected = (far - near) / (far + 2.0 * near)
    assert mixing_excess([first, middle, last]) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    "alter",
    [
        lambda p: p,
        partial(jpeg, quality=80),
        partial(jpeg, quality=50),
        median,
        partial(unsharp, amount=1.0, width=1.5),
    ],
    ids=["as it is", "JPEG 80", "JPEG 50", "median", "sharpened"],
)
def test_what_is_done_to_single_images_is_not_mixing(alter):
    found = history(alter(picture) for picture in sensor(20))
    assert found.looks >= 8
    assert not found.mixed
    assert abs(found.excess / found.looks) < 0.02


@pytest.mark.parametrize(
    "light",
    [
        lambda k: 1.0 + 0.1 * np.sin(0.4 * k),
        lambda k: (1.0, 1.25, 0.8)[k // 5 % 3],
        lambda k: 1.0 + 0.1 * np.sin(np.arange(SHAPE[0]) / 10.0 + 0.15 * k)[:, None],
    ],
    ids=["flicker", "steps of the exposure", "bands that wander"],
)
def test_changing_light_is_not_mixing(light):
    found = history(sensor(20, light=light))
    assert found.looks >= 8
    assert not found.mixed


def test_once_found_it_stays():
    mixed = history(sensor(6, 0.5))
    assert mixed.mixed
    for k, picture in enumerate(sensor(60, seed=1)):
        mixed = mixed.after(Frame("left", 1.0 + k / 30.0, picture))
    assert mixed.mixed
    assert history(sensor(14, 0.3)).mixed


def test_images_without_noise_say_nothing():
    flat = np.full(SHAPE, 100, np.uint8)
    assert mixing_excess([flat, flat, flat]) is None
    assert mixing_excess([np.full(SHAPE, 255, np.uint8)] * 3) is None


def test_a_pose_from_mixed_images_says_so():
    tool, rig = needle_tool(), small_rig(2)
    studio = Studio(rig, Optics(blur=0.8, noise=2.0), 3)
    place = next(needle_poses(1, np.random.default_rng(3)))
    kept: dict[str, Picture] = {}
    with closing(Tracker(rig, [tool])) as tracker:
        for number in range(6):
            shown = studio.frames([Placed(needle_body(tool), place, np.zeros(6))])
            frames = dict(shown.frames)
            now = frames["left"].image.astype(float)
            kept["left"] = np.rint((kept.get("left", now) + now) / 2.0).astype(np.uint8)
            frames["left"] = Frame("left", shown.time, kept["left"])
            found = tracker.track(FrameSet(number, shown.time, frames))
        warnings = seen(found, tool.name).warnings
        assert codes(warnings) == ["images_mixed"]
        assert "left mixes earlier images into its newest" in said(warnings)
        assert "images_mixed" in codes(tracker.notices)
