"""A made-up driver that hands over pictures when the test says so, and a clock that it moves."""

import itertools
import queue
import threading
import time

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera, Rig

SIZE = (64, 48)
PATIENCE = 60.0  # s, until a test gives up


def camera(name: str) -> Camera:
    matrix = np.array([[50.0, 0.0, 31.5], [0.0, 50.0, 23.5], [0.0, 0.0, 1.0]])
    return Camera(name, SIZE, matrix, np.zeros(5), RigidTransform.identity())


RIG = Rig((camera("left"), camera("right")))


class Clock:
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Webcam:
    """A made-up webcam. Calling it opens it; `deliver` sends one image through the driver."""

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.size, self.plugged, self.opened = size, True, 0
        self.pictures: queue.Queue[np.ndarray] = queue.Queue()
        self.sent = self.read = self.done = self.hung = 0
        self.hanging: threading.Event | None = None
        self.decoding: threading.Event | None = None
        self.ignored: set[int] = set()
        self.settings: dict[int, float] = {}
        self.least: dict[int, float] = {}  # of a setting, below which it is not set
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def __call__(self, index: int) -> "Capture":
        with self._changed:
            self.opened += 1
        return Capture(self)

    def picture(self) -> np.ndarray:
        rng = np.random.default_rng(next(self._numbers))
        return rng.integers(0, 256, (self.size[1], self.size[0], 3), np.uint8)

    def send(self, picture: np.ndarray | None = None) -> None:
        self.sent += 1
        self.pictures.put(self.picture() if picture is None else picture)

    def deliver(self, picture: np.ndarray | None = None) -> None:
        """Send a image and wait until the camera has done with it."""
        self.send(picture)
        self.wait_until(lambda: self.done >= self.sent)

    def hang(self) -> threading.Event:
        """From now on reads hang; wait until one does."""
        self.hanging = threading.Event()
        self.wait_until(lambda: self.hung > 0)
        return self.hanging

    def count(self, **more: int) -> None:
        with self._changed:
            for name, by in more.items():
                setattr(self, name, getattr(self, name) + by)
            self._changed.notify_all()

    def wait_until(self, condition) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE)


class Capture:
    """What cv2.VideoCapture does for one opening of a made-up webcam."""

    def __init__(self, webcam: Webcam) -> None:
        self.webcam, self.released = webcam, False

    def isOpened(self) -> bool:
        return self.webcam.plugged

    def grab(self) -> bool:
        self._done()
        for _ in range(10):  # then give up, as V4L2 does after a second
            if (hanging := self.webcam.hanging) is not None:
                self.webcam.count(hung=1)
                hanging.wait()
                return False
            if not self.webcam.plugged:
                return False
            try:
                self.image = self.webcam.pictures.get(timeout=0.005)
            except queue.Empty:
                continue
            self.webcam.count(read=1)
            return True
        return False

    def _done(self) -> None:
        self.webcam.count(done=self.webcam.read - self.webcam.done)

    def retrieve(self):
        if self.webcam.decoding is not None:
            self.webcam.decoding.wait(PATIENCE)
        return True, self.image

    def get(self, prop: int) -> float:
        return self.webcam.settings.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        if prop not in self.webcam.ignored:
            self.webcam.settings[prop] = max(value, self.webcam.least.get(prop, value))
        return True  # as drivers do, whether they obey or not

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        self._done()
        self.released = True


def eventually(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def clock() -> Clock:
    return Clock()
