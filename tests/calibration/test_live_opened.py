"""Webcams of unknown size: opened, absent, back again; and a made-up room for them to look at."""

import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.board import Board
from calibration.live.capture_guide import Ask
from nav.camera.rig import Rig
from nav.camera.uncalibrated import UncalibratedCameras
from nav.core.errors import InputError
from nav.core.frameset import FrameSet
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.calibration.test_live_guide import Hand
from tests.said import said
from tests.synthetic import small_rig

BOARD = Board(7, 5, 12.0, 9.0, "DICT_4X4_50")
SIZE = (480, 400)
RATE = 20.0  # pictures a second
DEVICES = {"left": 0, "right": 1}
PATIENCE = 60.0  # s, of a slow computer


class Room:
    """What two cameras see: a board in a hand; pictures are drawn when the hand moves."""

    def __init__(self, rig: Rig, board: Board = BOARD) -> None:
        self.rig, self.board = rig, board
        self.hand = Hand(rig, board, far=600.0)
        rng = np.random.default_rng(0)
        self.optics = Optics(blur=0.8, noise=0.0, exposure=0.0)
        self.cameras = [SimulatedCamera(c, self.optics, rng) for c in rig.cameras]
        self.pictures = [camera.picture([]) for camera in self.cameras]
        self.unplugged: set[int] = set()
        self.broken: set[int] = set()
        self.size = SIZE
        self.drift = 0.0  # px per second, to and fro

    def hold(self, ask: Ask) -> None:
        """Where the hand is told to hold it; then it is still."""
        placed = Placed(board_body(self.board), self.hand.obey(ask))
        self.pictures = [camera.picture([placed]) for camera in self.cameras]

    def take_away(self) -> None:
        self.pictures = [camera.picture([]) for camera in self.cameras]

    def __call__(self, index: int) -> "Device":
        return Device(self, index)


class Device:
    """One opening of a made-up webcam; each picture has its own noise."""

    def __init__(self, room: Room, index: int) -> None:
        self.room, self.index, self.rng = room, index, np.random.default_rng()
        self.next = time.monotonic()

    def isOpened(self) -> bool:
        return self.index not in self.room.unplugged

    def grab(self) -> bool:
        # all cameras at the same times, as with a common trigger
        self.next = max(self.next + 1 / RATE, np.floor(time.monotonic() * RATE) / RATE)
        time.sleep(max(0.0, self.next - time.monotonic()))
        return self.index not in self.room.unplugged | self.room.broken

    def retrieve(self) -> tuple[bool, Any]:
        picture = self.room.pictures[self.index]
        if self.room.size != SIZE:
            picture = np.asarray(cv2.resize(picture, self.room.size), np.uint8)
        if self.room.drift:
            way = self.room.drift * time.monotonic() % 80.0
            picture = np.roll(picture, round(40.0 - abs(way - 40.0)), axis=1)
        noise = self.rng.integers(-2, 3, picture.shape)
        return True, np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)

    def get(self, prop: int) -> float:
        return -1.0

    def set(self, prop: int, value: float) -> bool:
        return True

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        pass


@pytest.fixture
def room() -> Room:
    return Room(small_rig(2, size=SIZE))


def until(source: UncalibratedCameras, condition: Callable[[FrameSet], bool]) -> FrameSet:
    """The first frame set for which something holds."""
    deadline = time.monotonic() + PATIENCE
    for frames in source:
        if condition(frames):
            return frames
        assert time.monotonic() < deadline
    raise AssertionError("the source ended")


def both(frames: FrameSet) -> bool:
    return set(frames.frames) == set(DEVICES)


def cameras(room: Room) -> UncalibratedCameras:
    return UncalibratedCameras(DEVICES, capture=room, first_picture=1.0, retry=0.1)


def test_the_size_is_that_of_the_first_picture(room):
    source = cameras(room)
    try:
        assert source.sizes == dict.fromkeys(DEVICES, SIZE)
        frames = until(source, both)
        assert frames.frames["left"].image.shape == (SIZE[1], SIZE[0])
    finally:
        source.close()


def test_a_camera_that_is_absent_says_why_and_is_taken_in_when_it_comes(room):
    room.unplugged.add(1)
    source = cameras(room)
    try:
        frames = until(source, lambda f: "left" in f.frames)
        assert "camera right: device 1 cannot be opened" in said(frames.missing["right"])
        room.unplugged.clear()
        assert not until(source, both).missing
    finally:
        source.close()


def test_without_any_camera_the_first_one_is_named(room):
    room.unplugged |= {0, 1}
    with pytest.raises(InputError, match="camera left: device 0 cannot be opened"):
        cameras(room)


def test_a_driver_that_hangs_holds_up_nobody(room):
    free, waited_out = threading.Event(), []

    def capture(index: int) -> Any:
        if index == 1 and not free.wait(PATIENCE):
            waited_out.append(index)
        return room(index)

    source = UncalibratedCameras(DEVICES, capture=capture, first_picture=0.5, retry=60.0)
    try:
        frames = until(source, lambda f: "left" in f.frames)
        assert not waited_out
        assert frames.missing["right"].code == "camera_not_answering"
    finally:
        free.set()
        source.close()


def test_another_size_is_said_without_mention_of_a_file_that_is_not_there(room):
    source = cameras(room)
    try:
        until(source, both)
        room.size = (240, 200)
        frames = until(source, lambda f: "240 x 200" in said(f.missing.values()))
        assert "rig.toml" not in said(frames.missing["left"])
        assert "were 480 x 400 at the start; start again" in said(frames.missing["left"])
    finally:
        source.close()
