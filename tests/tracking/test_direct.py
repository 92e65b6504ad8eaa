"""The pose fitted to all pixels: how far the tip is off, and whether its covariance says so.

Every picture's light is drawn once and then seen by several sensors.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, Rectangle, plate
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_tools import needle_body
from tests.said import codes
from tests.synthetic import Studio, needle_poses, spread
from tests.tracking.expect import seen, sigmas, squared, tip_of, tip_off

COUNT, SOME, SEED = 90, 24, 7
FARTHER = 150.0  # mm
CLEAN = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))
# of 3 degrees of freedom: what chance does to the mean of COUNT, and what the claim allows
EXPECTED, CHANCE, CLAIM = 3.0, 3.0 * 3.0 * spread(COUNT, 3), 0.2 * 3.0
CHANCE_OF_SOME = 3.0 * 3.0 * spread(SOME, 3)


@dataclass(frozen=True)
class Scene:
    """A needle's place, and its light on each camera's sensor."""

    place: RigidTransform
    light: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Tips:
    """Tip errors (n, 3), mm, their squares by the predicted covariances (n,), these' traces."""

    errors: Array
    squares: Array
    predicted: Array

    def first(self, count: int) -> "Tips":
        return Tips(self.errors[:count], self.squares[:count], self.predicted[:count])

    @property
    def rms(self) -> float:
        return float(np.sqrt((self.errors**2).sum(axis=1).mean()))


def drawn(count: int, rig: Rig, needle: Tool, farther: float = 0.0) -> list[Scene]:
    """The needle in poses at so many mm more from the cameras than usual."""
    generator, body = np.random.default_rng(SEED), needle_body(needle)
    cameras = [SimulatedCamera(camera, CLEAN, generator) for camera in rig.cameras]
    away = RigidTransform.from_translation([0.0, 0.0, farther])
    return [
        Scene(place, {c.camera.name: c.light([Placed(body, place)]) for c in cameras})
        for place in (away * p for p in needle_poses(count, np.random.default_rng(SEED)))
    ]


@pytest.fixture(scope="module")
def scenes(rig: Rig, needle: Tool) -> list[Scene]:
    return drawn(COUNT, rig, needle)


def tips(scenes: Sequence[Scene], sensor: Optics, rig: Rig, needle: Tool, seed: int = 1) -> Tips:
    """Every scene is an unrelated pose: each is searched anew."""
    rng = np.random.default_rng(seed)
    errors, squares, predicted = [], [], []
    with closing(Tracker(rig, [needle])) as tracker:
        for number, scene in enumerate(scenes):
            frames = {
                camera.name: Frame(
                    camera.name, number / 30, sensor.digitise(scene.light[camera.name], rng)
                )
                for camera in rig.cameras
            }
            tracked = tracker.track(FrameSet(number, number / 30, frames))
            off, covariance = tip_off(tracked, needle, scene.place), tip_of(tracked, needle).random
            errors.append(off)
            squares.append(squared(off, covariance))
            predicted.append(np.trace(covariance))
    return Tips(np.array(errors), np.array(squares), np.array(predicted))


@pytest.fixture(scope="module")
def clean(scenes: list[Scene], rig: Rig, needle: Tool) -> Tips:
    return tips(scenes, CLEAN, rig, needle)


def test_the_tip_is_right_to_micrometres(clean):
    assert clean.rms < 0.010
    assert np.linalg.norm(clean.errors, axis=1).max() < 0.03
    assert np.abs(clean.errors.mean(axis=0)).max() < 3 * clean.rms / np.sqrt(COUNT)


def test_the_tips_covariance_says_how_right(clean):
    """The mean of the squared errors by their covariance is that of three degrees of freedom."""
    assert clean.squares.mean() == pytest.approx(EXPECTED, abs=CHANCE + CLAIM)
    inside = np.mean(clean.squares < 7.815)  # 95 % by chi-square with three degrees of freedom
    assert inside >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / COUNT)


def test_poses_that_are_less_certain_are_less_right(rig, needle, clean):
    """Farther off, the covariance is larger, and the errors are larger by as much."""
    distant = tips(drawn(SOME, rig, needle, FARTHER), CLEAN, rig, needle)
    predicted = distant.predicted.mean() / clean.predicted.mean()
    assert predicted > 2.0  # else this is no test
    assert 0.5 < (distant.rms / clean.rms) ** 2 / predicted < 2.0


def test_display_gamma_is_learnt_not_suffered(scenes, rig, needle, clean):
    """A curve that nobody told of costs little, and the covariance is still honest."""
    bent = tips(scenes[:SOME], replace(CLEAN, gamma=2.2), rig, needle)
    assert bent.rms < 1.5 * clean.first(SOME).rms
    assert bent.squares.mean() == pytest.approx(EXPECTED, abs=CHANCE_OF_SOME + CLAIM)


def test_more_noise_is_more_error_and_as_much_more_is_said(scenes, rig, needle, clean):
    noisy = tips(scenes[:SOME], replace(CLEAN, noise=6.0), rig, needle)
    more = np.sqrt(noisy.predicted / clean.first(SOME).predicted)
    assert more.mean() == pytest.approx(3.0, rel=0.25)
    assert noisy.squares.mean() == pytest.approx(EXPECTED, abs=CHANCE_OF_SOME + CLAIM)


def test_one_camera_knows_less_and_says_so(scenes, rig, needle, clean):
    one = tips(scenes[:SOME], CLEAN, Rig(rig.cameras[:1]), needle)
    assert one.rms < 0.04
    assert one.predicted.mean() > 2 * clean.first(SOME).predicted.mean()
    assert one.squares.mean() == pytest.approx(EXPECTED, abs=CHANCE_OF_SOME + CLAIM)


# partly hidden


def test_a_soft_shade_is_followed_and_what_is_left_of_it_is_said(scenes, rig, needle, clean):
    """As a finger throws on the markers beside it: a quarter of the light, over some pixels."""
    some = [replace(scene, light={k: v * shade(v) for k, v in scene.light.items()})
            for scene in scenes[:SOME]]  # fmt: skip
    shaded = tips(some, CLEAN, rig, needle)
    assert shaded.rms < 4.0 * clean.rms
    assert shaded.squares.mean() < EXPECTED + CHANCE_OF_SOME
    assert shaded.predicted.mean() > clean.first(SOME).predicted.mean()


def shade(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the light, a column's share: least in the middle of the picture."""
    columns = np.arange(light.shape[1], dtype=np.float32)
    off = (columns - light.shape[1] / 2) / 10.0
    return (1.0 - 0.25 / (1.0 + off * off)).astype(np.float32)[None]


def strip(needle: Tool, marker_id: int, side: int) -> Rectangle:
    """A plate glued over a third of a marker, and over its white zone beside it."""
    marker = needle.by_id[marker_id]
    zone, corners = needle.quiet or 0.0, np.roll(marker.corners, -side, axis=0)
    along, across = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / marker.side
    width = marker.side / 3 + zone
    edge = (corners[0] + corners[1]) / 2 - zone * across
    centre = edge + across * width / 2 + 0.3 * marker.normal
    longer = along * (1.0 + 2.0 * zone / marker.side)
    return plate(centre, longer, across * width / 2, 0.55)


def slivers(rig: Rig, needle: Tool, place: RigidTransform) -> set[int]:
    """Ids of markers that turn away from every camera by 75 degrees and more: few of their pixels
    can be used, and in one picture none.
    """

    def turned(marker_id: int) -> float:
        marker = needle.by_id[marker_id]
        normal, centre = place.rotation.apply(marker.normal), place.apply(marker.centre)
        eyes = [camera.camera_from_rig.inv().translation - centre for camera in rig.cameras]
        return max(float(normal @ eye / np.linalg.norm(eye)) for eye in eyes)

    return {marker_id for marker_id in needle.by_id if turned(marker_id) < np.cos(np.radians(75.0))}


def turned_to_the_cameras(needle: Tool, place: RigidTransform) -> int:
    """The id of the marker that faces the rig's middle most."""

    def facing(marker_id: int) -> float:
        marker = needle.by_id[marker_id]
        return float(place.rotation.apply(marker.normal) @ -place.apply(marker.centre))

    return max(needle.by_id, key=facing)


def test_a_plate_over_a_third_of_a_marker_moves_the_tip_no_more_than_it_says(rig, needle):
    """From any side, while the others are used as before."""
    studio, whole = Studio(rig, CLEAN, 3), needle_body(needle)
    for number, place in enumerate(needle_poses(8, np.random.default_rng(8))):
        covered = turned_to_the_cameras(needle, place)
        more = strip(needle, covered, number % 4)
        hidden = Body(whole.name, (*whole.rectangles, more), whole.shafts)
        found = []
        for body in (whole, hidden):
            with closing(Tracker(rig, [needle])) as tracker:
                found.append(tracker.track(studio.frames([Placed(body, place)])))
        before, after = found
        moved = tip_of(after, needle).position - tip_of(before, needle).position
        assert 0.0 < squared(moved, tip_of(after, needle).covariance) < 25.0
        assert sigmas(after, needle, place) < 5.0
        assert "geometry_doubtful_at_tip" not in codes(seen(after, "needle").warnings)
        others = set(seen(before, "needle").marker_ids) - {covered} - slivers(rig, needle, place)
        assert len(others) >= 5
        assert others <= set(seen(after, "needle").marker_ids)


def test_a_plate_that_comes_while_following_costs_nothing_but_its_marker(rig, needle):
    studio, whole = Studio(rig, CLEAN, 4), needle_body(needle)
    place = next(needle_poses(1, np.random.default_rng(9)))
    covered = turned_to_the_cameras(needle, place)
    with closing(Tracker(rig, [needle])) as tracker:
        for _ in range(2):
            before = tracker.track(studio.frames([Placed(whole, place)]))
        for side in range(4):
            more = strip(needle, covered, side)
            hidden = Body(whole.name, (*whole.rectangles, more), whole.shafts)
            tracked = tracker.track(studio.frames([Placed(hidden, place)]))
            assert tracked.mode == "follow"
            assert sigmas(tracked, needle, place) < 5.0
            others = set(seen(before, "needle").marker_ids) - {covered}
            assert others <= set(seen(tracked, "needle").marker_ids)
