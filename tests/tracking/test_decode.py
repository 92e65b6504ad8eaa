"""Squares read as a whole: markers that cell-by-cell reading cannot, and no others."""

from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet, Picture
from nav.tracking.detect.decode import read_squares
from nav.tracking.detect.marker_detection import Detector
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.synthetic import camera, marker_body, square_marker, tilted

SEEN = camera("left", (84, 76), 800.0)
FAR = 400.0  # mm: markers of 28 px, 3.5 px per cell
SOFT = Optics(blur=1.5, noise=4.0)  # what cell-by-cell reading fails at in half of the pictures
OFF = 0.5  # px, sd of the squares' corners


def pictures(
    ids: list[int], count: int, seed: int, optics: Optics = SOFT
) -> Iterator[tuple[Picture, int, Array]]:
    """A marker in any position, which it is, and where its corners are."""
    rng = np.random.default_rng(seed)
    room = SimulatedCamera(SEEN, optics, rng)
    for _ in range(count):
        marker = square_marker(int(rng.choice(ids)))
        at = [*rng.uniform(-2.0, 2.0, 2), FAR]
        place = RigidTransform.from_components(at, tilted(rng, np.radians(50.0)))
        corners = SEEN.project(place.apply(marker.corners))
        yield room.picture([Placed(marker_body(marker), place)]), marker.id, corners


def test_blurred_markers_are_read_from_whichever_corner_the_square_begins(needle):
    rng = np.random.default_rng(1)
    opencv, right, count = 0, 0, 60
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, needle.dictionary))
    detector = cv2.aruco.ArucoDetector(words)
    for picture, marker, corners in pictures(sorted(needle.by_id), count, 3):
        square = np.roll(corners, rng.integers(4), axis=0) + rng.normal(0.0, OFF, (4, 2))
        for found, order in read_squares(picture, [square], needle):
            assert found == marker
            assert order == pytest.approx(corners, abs=5 * OFF)
            right += 1
        ids = detector.detectMarkers(picture)[1]
        opencv += ids is not None and marker in ids
    assert right >= 0.95 * count
    assert opencv < 0.6 * count  # else these pictures are no test


def test_detection_hands_on_squares_that_only_the_whole_shows(needle):
    """And says which they are; parts of a marker may be proposed as another now and then."""
    detector = Detector([needle])
    right, wrong = {True: 0, False: 0}, 0
    for picture, marker, corners in pictures(sorted(needle.by_id), 40, 3):
        for square in detector.find(picture, [needle], thorough=True)[needle.name]:
            if square.id == marker and np.abs(square.corners - corners).max() < 3.0:
                right[square.decoded] += 1
            else:
                assert not square.decoded
                wrong += 1
    assert min(right.values()) >= 4
    assert wrong <= 0.2 * sum(right.values())


def test_a_marker_of_another_tool_is_hardly_ever_read(needle):
    """It is a proposal only: the fit to the pixels decides."""
    others = [number for number in range(100, 300) if number not in needle.by_id]
    sharp = Optics(blur=1.0, noise=2.0)
    read = [
        bool(read_squares(picture, [corners], needle))
        for picture, _, corners in pictures(others, 60, 4, sharp)
    ]
    assert sum(read) <= 2


def test_of_two_squares_that_look_like_one_marker_the_better_is_taken(needle):
    (picture, marker, corners), *_ = pictures([12], 1, 5)
    worse = corners + np.array([2.0, 1.0])
    for squares in ([corners, worse], [worse, corners]):
        ((found, best),) = read_squares(picture, squares, needle)
        assert found == marker
        assert best == pytest.approx(corners)


def textures(smooth: float, count: int, size: tuple[int, int], seed: int) -> Iterator[Picture]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        grey = cv2.GaussianBlur(rng.normal(size=size[::-1]), (0, 0), smooth)
        stretched = 255.0 * (grey - grey.min()) / np.ptp(grey)
        yield stretched.astype(np.uint8)


def any_square(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """About square, in any position, 16 to 60 px wide."""
    half, angle = rng.uniform(8.0, 30.0), rng.uniform(0.0, 2 * np.pi)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ turned.T
    return corners + np.array(size) / 2 + rng.normal(0.0, half / 8, (4, 2))


@pytest.mark.parametrize(("smooth", "most"), [(0.5, 0.0), (2.0, 0.0), (4.0, 0.03), (8.0, 0.03)])
def test_texture_is_hardly_ever_a_marker(needle, smooth, most):
    """What is as coarse as markers may be proposed now and then: the fit to the pixels decides."""
    rng, size, read, count = np.random.default_rng(6), (120, 120), 0, 60
    for picture in textures(smooth, count, size, 7):
        squares = [any_square(rng, size) for _ in range(5)]
        read += len(read_squares(picture, squares, needle))
    assert read <= most * 5 * count


@pytest.mark.parametrize("smooth", [2.0, 4.0, 8.0])
def test_no_tool_is_found_in_texture(rig, needle, smooth):
    left, right = (textures(smooth, 3, rig.cameras[0].size, seed) for seed in (8, 9))
    with closing(Tracker(rig, [needle])) as tracker:
        for number, images in enumerate(zip(left, right, strict=True)):
            frames = {
                name: Frame(name, number / 30, image)
                for name, image in zip(("left", "right"), images, strict=True)
            }
            tracked = tracker.track(FrameSet(number, number / 30, frames))
            assert isinstance(tracked.tools["needle"], Lost)


def test_squares_too_small_or_as_large_as_the_picture_are_not_looked_at(needle):
    (picture, _, corners), *_ = pictures([12], 1, 5)
    middle = corners.mean(axis=0)
    for scale in (0.1, 3.0):
        assert read_squares(picture, [middle + scale * (corners - middle)], needle) == []
    assert read_squares(picture, [], needle) == []
