"""When a camera's sharpening is looked at again: seldom, whatever else is seen or hidden."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.frameset import FrameSet, Picture
from nav.tracking.follow.camera_state import learn_sharpness
from nav.tracking.follow.sharpness import PLAIN_WAIT, Sharpness
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, reference_body
from tests.synthetic import Studio, camera, looking_at, needle_poses, small_rig
from tests.tracking.expect import seen

OPTICS = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one with each lesson."""
    counted: list[str] = []

    def counting(*arguments: object) -> bool:
        counted.append("lesson")
        return learn_sharpness(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("nav.tracking.follow.follower.learn_sharpness", counting)
    return counted


def altered(frames: FrameSet, name: str, alter: Callable[[Picture], Picture]) -> FrameSet:
    frame = frames.frames[name]
    return replace(frames, frames={**frames.frames, name: replace(frame, image=alter(frame.image))})


def grey_noise(picture: Picture) -> Picture:
    noise = np.random.default_rng(2).normal(100.0, 2.0, picture.shape)
    return np.rint(noise).astype(np.uint8)


@pytest.mark.parametrize("lost", [False, True])
def test_a_covered_camera_does_not_ask_for_lessons(needle, lessons, lost):
    """From the start, or after the tool was lost, when every camera is to be looked at again."""
    rig = small_rig(2)
    studio = Studio(rig, OPTICS, 3)
    placed = [Placed(needle_body(needle), next(needle_poses(1, np.random.default_rng(1), 0.0)))]
    with closing(Tracker(rig, [needle])) as tracker:
        if lost:
            tracker.track(studio.frames(placed))
            tracker.track(studio.frames([]))
        for _ in range(8):
            tracked = tracker.track(altered(studio.frames(placed), "right", grey_noise))
            assert set(seen(tracked, "needle").corners) == {"left"}
    assert 1 <= len(lessons) <= 2


def wide_scene(needle: Tool, reference: Tool) -> tuple[Rig, list[Placed]]:
    """Needle on the left, reference body on the right."""
    aim = np.array([0.0, 0.0, 573.0])
    rig = Rig((camera("only", (480, 260), 1600.0, looking_at(np.zeros(3), aim)),))
    lying = Rotation.from_rotvec([0.0, 0.0, -np.pi / 2]) * Rotation.from_rotvec([np.pi / 2, 0, 0])
    facing = Rotation.from_rotvec([0.15, 0.1, 0.05]) * Rotation.from_matrix(np.diag([1, -1, -1]))
    return rig, [
        Placed(needle_body(needle), RigidTransform.from_components([-42.0, 0.0, 573.0], lying)),
        Placed(
            reference_body(reference), RigidTransform.from_components([40.0, 0.0, 573.0], facing)
        ),
    ]


def test_a_tool_in_noisier_light_is_no_change_of_the_camera(needle, reference):
    rig, placed = wide_scene(needle, reference)
    studio, rng = Studio(rig, OPTICS, 4), np.random.default_rng(5)

    def noisier(picture: Picture) -> Picture:
        noise = rng.normal(0.0, 6.0, picture.shape)
        noise[:, picture.shape[1] // 2 :] = 0.0
        return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)

    with closing(Tracker(rig, [reference, needle])) as tracker:
        for _ in range(4):
            tracked = tracker.track(altered(studio.frames(placed), "only", noisier))
            assert seen(tracked, "needle")
            assert seen(tracked, "reference")
            assert not tracker.camera_states["only"].alarm


def test_a_look_that_taught_nothing_is_not_repeated_at_once():
    looked = Sharpness(since=0)
    assert not looked.due(alarm=False)
    assert Sharpness().due(alarm=False)
    looked.doubt()  # the camera's settings may have changed
    assert looked.due(alarm=False)
    assert not Sharpness(since=PLAIN_WAIT - 1, lessons=1).due(alarm=False)
    assert Sharpness(since=PLAIN_WAIT, lessons=1).due(alarm=False)
