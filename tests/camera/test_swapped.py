"""Swapped cameras are named from what the markers look like, and only then."""

import math

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.camera.swapped import Observation, exchanged, find_swap, joint_residual

SIDE = 40.0
SQUARE = np.array([[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]]) * SIDE / 2
BODY = np.concatenate([SQUARE, SQUARE + np.array([60, 0, 0]), SQUARE + np.array([0, 60, 25])])


def camera(name: str, x: float, turn: float, focal: float) -> Camera:
    """A camera x mm to the side, turned back by as many degrees."""
    rotation = Rotation.from_euler("y", turn, degrees=True)
    place = RigidTransform.from_components(-rotation.apply([x, 0.0, 0.0]), rotation)
    matrix = np.array([[focal, 0, 640.0], [0, focal, 400.0], [0, 0, 1.0]])
    return Camera(name, (1280, 800), matrix, np.array([-0.1, 0.05, 0, 0, 0]), place)


LEFT, RIGHT = camera("left", 0, 0, 1100), camera("right", 350, 30, 1120)
TOP = camera("top", 150, 14, 1080)
RIG = Rig((LEFT, RIGHT))


def frames(rig: Rig, points: np.ndarray, noise: float = 0.1, seed: int = 1) -> list:
    """What the cameras of the rig see of a body at three places."""
    rng = np.random.default_rng(seed)
    sets = []
    for _ in range(3):
        turn = Rotation.from_euler("x", 180, degrees=True) * Rotation.from_rotvec(
            rng.uniform(-0.4, 0.4, 3)
        )
        rig_from_tool = RigidTransform.from_components(
            np.array([100, 0, 600]) + rng.uniform(-60, 60, 3), turn
        )
        observations = []
        for c in rig.cameras:
            pose = c.camera_from_rig * rig_from_tool
            pixels, _ = cv2.projectPoints(
                points, pose.rotation.as_rotvec(), pose.translation, c.matrix, c.distortion
            )
            pixels = pixels.reshape(-1, 2) + rng.normal(0, noise, (len(points), 2))
            observations.append(Observation(c.name, points, pixels))
        sets.append(observations)
    return sets


@pytest.mark.parametrize("points", [BODY, SQUARE], ids=["body", "one marker"])
def test_the_right_order_fits_to_the_noise_and_says_nothing(points):
    seen = frames(RIG, points, noise=0.1)
    assert 0.03 < joint_residual(RIG, seen) < 0.15
    assert find_swap(RIG, lambda rig: joint_residual(rig, seen)) is None


@pytest.mark.parametrize("points", [BODY, SQUARE], ids=["body", "one marker"])
def test_swapped_cameras_are_named(points):
    seen = frames(exchanged(RIG, "left", "right"), points)
    swapped = find_swap(RIG, lambda rig: joint_residual(rig, seen))
    assert swapped is not None
    assert swapped.code == "cameras_swapped"
    assert (swapped.facts["one"], swapped.facts["other"]) == ("left", "right")
    assert swapped.facts["swapped_px"] == pytest.approx(0.1, abs=0.05)


def test_the_two_swapped_of_three_are_named():
    rig = Rig((LEFT, TOP, RIGHT))
    seen = frames(exchanged(rig, "top", "right"), BODY)
    swapped = find_swap(rig, lambda order: joint_residual(order, seen))
    assert swapped is not None
    assert (swapped.facts["one"], swapped.facts["other"]) == ("top", "right")


def test_a_rig_that_fits_in_no_order_is_not_called_swapped():
    moved = Rig((LEFT, camera("right", 350, 24, 1120)))
    seen = frames(moved, BODY)
    assert joint_residual(RIG, seen) > 3
    assert find_swap(RIG, lambda rig: joint_residual(rig, seen)) is None


def test_one_camera_alone_tells_nothing():
    seen = [[observations[0]] for observations in frames(exchanged(RIG, "left", "right"), BODY)]
    assert math.isnan(joint_residual(RIG, seen))
    assert find_swap(RIG, lambda rig: joint_residual(rig, seen)) is None


def test_an_order_that_is_only_a_little_better_is_not_believed():
    assert find_swap(RIG, lambda rig: 4.0 if rig is RIG else 2.0) is None
    assert find_swap(RIG, lambda rig: 40.0 if rig is RIG else 2.0) is not None
    assert find_swap(RIG, lambda rig: 40.0 if rig is RIG else math.nan) is None


def test_exchanging_keeps_the_names_in_their_order():
    rig = exchanged(RIG, "left", "right")
    assert rig.names == ("left", "right")
    assert rig["left"].matrix is RIGHT.matrix
    assert rig["right"].camera_from_rig is LEFT.camera_from_rig
