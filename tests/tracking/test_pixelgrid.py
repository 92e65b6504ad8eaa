"""Pixels that are not a sensor's own: enlarged, interlaced, thresholded pictures are named."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from nav.core.errors import Lost
from nav.tracking.follow.pixelgrid import SOUND, boxes_of, pixel_grid
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import (
    doubled,
    enlarged,
    interlaced,
    jpeg,
    median,
    posterised,
    two_tone,
    unsharp,
)
from tests.bench.degraded.fields import blend, bob, directed, linear
from tests.said import noticed, said
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import seen, sigmas

OPTICS = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


@pytest.fixture(scope="module")
def scene():
    """Three frame sets of a needle, its places and its tool."""
    tool, rig = needle_tool(), small_rig(2)
    studio = Studio(rig, OPTICS, 4)
    places = list(needle_poses(3, np.random.default_rng(4)))
    frames = [studio.frames([Placed(needle_body(tool), at, np.zeros(6))]) for at in places]
    return tool, rig, places, frames


def still(combine, kept=0, **settings):
    """What a deinterlacer makes of a picture in which nothing moves."""
    return lambda picture: combine(picture, picture, kept, **settings)


def of(picture, rig, tool, place):
    camera = rig.cameras[0]
    pixels = [camera.project(place.apply(marker.corners)) for marker in tool.markers]
    towards = camera.camera_from_rig.inv().translation
    shown = [
        p
        for p, marker in zip(pixels, tool.markers, strict=True)
        if place.rotation.apply(marker.normal) @ (towards - place.apply(marker.corners[0])) > 200.0
    ]
    return pixel_grid(picture, boxes_of(np.array(shown), camera.size), 2.0)


@pytest.mark.parametrize(
    "alter",
    [
        lambda p: p,
        partial(jpeg, quality=30),
        median,
        partial(unsharp, amount=1.0, width=1.5),
        lambda p: cv2.GaussianBlur(p, (0, 0), 2.0),
        still(blend),
    ],
    ids=["as it is", "JPEG", "median", "sharpened", "blurred", "blended"],
)
def test_a_sensors_own_pixels_are_sound(scene, alter):
    tool, rig, places, frames = scene
    for place, shot in zip(places, frames, strict=True):
        assert of(alter(shot.frames["left"].image), rig, tool, place) == SOUND


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (partial(enlarged, how=cv2.INTER_NEAREST), {"enlarged": (2, 2), "copied": True}),
        (
            lambda p: jpeg(enlarged(p, cv2.INTER_NEAREST), 80),
            {"enlarged": (2, 2), "copied": True},
        ),
        (
            partial(enlarged, how=cv2.INTER_NEAREST, factor=1.5),
            {"enlarged": (3, 3), "copied": True},
        ),
        (
            partial(enlarged, how=cv2.INTER_NEAREST, factor=4.0 / 3.0),
            {"enlarged": (4, 4), "copied": True},
        ),
        (
            lambda p: jpeg(enlarged(p, cv2.INTER_NEAREST, 1.25), 90),
            {"enlarged": (5, 0), "copied": True},  # the width is no multiple of five
        ),
        (partial(enlarged, how=cv2.INTER_LINEAR), {"enlarged": (2, 2)}),
        (partial(enlarged, how=cv2.INTER_LINEAR, factor=1.5), {"enlarged": (3, 3)}),
        (doubled, {"enlarged": (2, 0), "copied": True}),
        (lambda p: np.ascontiguousarray(doubled(p.T).T), {"enlarged": (0, 2), "copied": True}),
        (still(linear), {"between": (True, False)}),
        (lambda p: jpeg(still(linear, 1)(p), 80), {"between": (True, False)}),
        (
            lambda p: np.ascontiguousarray(still(linear)(p.T).T),
            {"between": (False, True)},
        ),
        (still(directed), {"between": (True, False)}),
        (still(bob), {"enlarged": (2, 0)}),
        (lambda p: jpeg(still(bob, 1)(p), 80), {"enlarged": (2, 0)}),
        (still(bob, how=cv2.INTER_CUBIC), {"enlarged": (2, 0)}),
        (interlaced, {"interlaced": True}),
        (two_tone, {"two_tone": True}),
        *((partial(posterised, levels=n), {"levels": n}) for n in (4, 6, 8, 16)),
    ],
)
def test_pixels_that_are_not_are_named(scene, alter, expected):
    tool, rig, places, frames = scene
    for place, shot in zip(places, frames, strict=True):
        found = of(alter(shot.frames["left"].image), rig, tool, place)
        levels = expected.get("levels", 0)  # of the whole range, of which markers have a part
        assert levels / 2 <= found.levels <= levels
        assert found == replace(SOUND, **{**expected, "levels": found.levels})


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (partial(enlarged, how=cv2.INTER_NEAREST), "pixels of left are copied"),
        (partial(enlarged, how=cv2.INTER_NEAREST, factor=1.25), "rows of left are copied"),
        (doubled, "rows of left are copied"),
        (still(linear), "rows of left are interpolated"),
        (still(bob, 0), "rows of left are interpolated"),
        (still(bob, 1), "rows of left are interpolated"),
        (two_tone, "images of left are black and white"),
        (partial(posterised, levels=4), "images of left have"),
    ],
)
def test_such_a_pose_says_so_and_its_covariance_holds(scene, alter, words):
    tool, rig, places, frames = scene
    tracker = Tracker(rig, [tool])
    for place, shot in zip(places[:2], frames[:2], strict=True):
        pictures = {n: replace(f, image=alter(f.image)) for n, f in shot.frames.items()}
        found = tracker.track(replace(shot, frames=pictures))
        if isinstance(lost := found.tools[tool.name], Lost):
            assert words in said(lost)
            continue
        assert words in said(seen(found, tool.name).warnings)
        assert sigmas(found, tool, place) < 4.0
    tracker.close()


def test_a_tool_seen_by_fields_apart_is_lost_and_the_reason_names_them(scene):
    tool, rig, _, frames = scene
    tracker = Tracker(rig, [tool])
    shot = frames[0]
    pictures = {n: replace(f, image=interlaced(f.image)) for n, f in shot.frames.items()}
    lost = tracker.track(replace(shot, frames=pictures)).tools[tool.name]
    assert isinstance(lost, Lost)
    assert [n.facts["camera"] for n in noticed(lost, "interlaced")] == ["left", "right"]
    tracker.close()
