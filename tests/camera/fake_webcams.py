"""Made-up webcams that play given pictures at a rate, with a sensor's noise."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

Scene = Callable[[int, float], np.ndarray]  # webcam and time since the start -> grey levels


class FakeWebcams:
    """Opens made-up webcams by number, as `nav.camera.webcam.open_webcam` does.

    Every picture is new by its noise. A webcam in `unplugged` gives none; one in `ignoring` keeps
    its automatics and sharpness whatever is set.
    """

    def __init__(self, scene: Scene, rate: float = 30.0, offsets: tuple[float, ...] = ()) -> None:
        self.scene, self.rate, self.offsets = scene, rate, offsets
        self.unplugged: set[int] = set()
        self.ignoring: set[int] = set()
        self.began: float | None = None
        self.opened: list[int] = []
        self.grabbed: dict[int, list[float]] = {}  # monotonic s, of each webcam's images

    def __call__(self, index: int) -> "FakeWebcam":
        self.opened.append(index)
        return FakeWebcam(self, index)


class FakeWebcam:
    """One opening of a webcam."""

    def __init__(self, webcams: FakeWebcams, index: int) -> None:
        self.webcams, self.index = webcams, index
        self.rng = np.random.default_rng(index)
        offsets = webcams.offsets
        self.offset = offsets[index % len(offsets)] if offsets else 0.0
        self.settings = {cv2.CAP_PROP_SHARPNESS: 50.0, cv2.CAP_PROP_AUTO_EXPOSURE: 3.0}
        self.settings |= {cv2.CAP_PROP_AUTOFOCUS: 1.0, cv2.CAP_PROP_AUTO_WB: 1.0}
        self.at = 0

    def isOpened(self) -> bool:
        return self.index not in self.webcams.unplugged

    def grab(self) -> bool:
        rate, now = self.webcams.rate, time.monotonic() - self.offset
        self.at = max(self.at + 1, int(now * rate))
        time.sleep(max(0.0, self.at / rate - now))
        self.webcams.grabbed.setdefault(self.index, []).append(time.monotonic())
        return self.index not in self.webcams.unplugged

    def retrieve(self) -> tuple[bool, Any]:
        if self.webcams.began is None:
            self.webcams.began = time.monotonic()
        picture = self.webcams.scene(self.index, time.monotonic() - self.webcams.began)
        # few distinct values, but never the same picture twice
        noise = self.rng.integers(0, 4, picture.shape, np.uint8)
        return True, np.asarray(cv2.add(picture, noise), np.uint8)

    def get(self, prop: int) -> float:
        return self.settings.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        if self.index not in self.webcams.ignoring or prop not in self.settings:
            self.settings[prop] = value
        return True

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        pass
