"""Cameras of unknown size opened for calibration; absent ones are tried again."""

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.image_files import to_grey
from nav.camera.live_source import LiveSource
from nav.camera.livecamera import CameraError
from nav.camera.measure import LARGEST
from nav.camera.rig import Camera, Rig
from nav.camera.webcam import Capture, OpenCapture, Webcams, request_size, why_not_opened
from nav.core.background import run_in_background
from nav.core.frameset import FrameSet, FrameSource
from nav.core.notice import Notice

FIRST_PICTURE = 6.0  # s that a webcam may take to open and give a picture
IDLE = 0.05  # s between frame sets while no camera is there
RETRY = 2.0  # s between tries of cameras that are not there
Size = tuple[int, int]


class UncalibratedCameras(FrameSource):
    """Frame sets of webcams before anything is known about them.

    Each is asked for the largest size, and keeps the size of its first image. Otherwise as
    `LiveSource`; a camera that cannot be opened is `missing`, and tried again every two seconds.

    Parameters
    ----------
    devices : mapping of str to int
        Webcam numbers by camera name.
    size : tuple of 2 ints, optional
        Width and height to ask for, px.
    capture : callable, optional
        Opens a webcam; for tests.
    first_picture : float, optional
        Time to wait for a first image, s; for tests.
    retry : float, optional
        Time between attempts, s; for tests.

    Raises
    ------
    CameraError
        None of them gives an image: the reason for the first one.
    """

    def __init__(
        self,
        devices: Mapping[str, int],
        size: Size = LARGEST,
        *,
        capture: OpenCapture | None = None,
        first_picture: float = FIRST_PICTURE,
        retry: float = RETRY,
    ) -> None:
        self.devices, self.size = dict(devices), size
        self._capture = capture or Webcams()
        self._first_picture, self._retry = first_picture, retry
        self.sizes: dict[str, Size] = {}
        self.absent: dict[str, Notice] = {}
        self._closed = threading.Event()
        self._source: LiveSource | None = None
        self._number = 0
        self._tried = -np.inf
        self._trying: Future[None] | None = None
        self._probe(list(self.devices))
        self._open()
        if self._source is None:
            raise CameraError(next(iter(self.absent.values())))

    def __len__(self) -> int:
        """Return 0: the number of frame sets is not known beforehand."""
        return 0

    @property
    def warnings(self) -> list[Notice]:
        """Settings that the drivers did not lock, and slowness, as of now."""
        return [] if self._source is None else self._source.warnings

    @property
    def jpeg_cameras(self) -> list[str]:
        """Cameras whose newest image is known as their own JPEG."""
        return [] if self._source is None else self._source.jpeg_cameras

    def close(self) -> None:
        """Release the cameras; a running iteration ends."""
        self._closed.set()
        if self._source is not None:
            self._source.close()

    def __iter__(self) -> Iterator[FrameSet]:
        while not self._closed.is_set():
            if self._source is None:
                now = time.monotonic()
                yield self._with_losses(FrameSet(0, now, {}, captured_at=now))
                self._closed.wait(IDLE)
                if self._returned():
                    self._open()
                continue
            for frames in self._source:
                yield self._with_losses(frames)
                if self._returned():
                    self._source.close()
                    self._open()
                    break

    def _with_losses(self, frames: FrameSet) -> FrameSet:
        """Add the reasons of cameras that are absent."""
        self._number += 1
        missing = {name: _without_rig_file(why) for name, why in frames.missing.items()}
        return replace(frames, number=self._number, missing=missing | self.absent)

    def _returned(self) -> bool:
        """Return whether an absent camera has come; they are tried now and then, in a thread."""
        away = [name for name in list(self.absent) if name not in self.sizes]
        if not away:
            return bool(self.absent)
        now = time.monotonic()
        if (self._trying is None or self._trying.done()) and now - self._tried > self._retry:
            self._tried, self._trying = now, run_in_background(lambda: self._probe(away))
        return False

    def _open(self) -> None:
        """Open all cameras of known size as one source; one that fails again is absent."""
        while not self._closed.is_set():
            names = [n for n in self.devices if n in self.sizes]
            self._source = None
            if not names:
                return
            rig = Rig(tuple(_unknown(name, self.sizes[name]) for name in names))
            try:
                self._source = LiveSource(
                    rig,
                    {name: self.devices[name] for name in names},
                    capture=self._capture,
                    first_picture=self._first_picture,
                )
            except CameraError as error:
                name = str(error.notice.facts["camera"])
                del self.sizes[name]
                self.absent[name] = _without_rig_file(error.notice)
                continue
            self.absent = {n: why for n, why in self.absent.items() if n not in names}
            if self._closed.is_set():
                self._source.close()  # closed meanwhile
            return

    def _probe(self, names: list[str]) -> None:
        """Find the sizes of cameras' first images; drivers that hang are abandoned."""
        jobs = {name: run_in_background(partial(self._first_size, name)) for name in names}
        until = time.monotonic() + self._first_picture
        for name, job in jobs.items():
            try:
                found: Size | Notice = job.result(timeout=max(0.0, until - time.monotonic()))
            except TimeoutError:
                facts: dict[str, str | int] = {"camera": name, "device": self.devices[name]}
                found = Notice("camera_not_answering", facts)
            except (
                Exception
            ) as error:  # any failure of a driver makes this camera absent, not the rest
                facts = {"camera": name, "problem": f"{type(error).__name__}: {error}"}
                found = Notice("camera_failed", facts)
            if isinstance(found, Notice):
                self.absent[name] = found
            else:
                self.sizes[name] = found
                self.absent.setdefault(name, Notice("camera_starting", {"camera": name}))

    def _first_size(self, name: str) -> Size | Notice:
        """Return the size of a camera's first image, or why there is none."""
        index = self.devices[name]
        facts = {"camera": name, "device": index}
        capture = self._capture(index)
        try:
            if not capture.isOpened():
                return Notice("camera_not_opened", {**facts, "why": why_not_opened(index)})
            request_size(capture, self.size)
            return _picture_size(capture, 0.8 * self._first_picture) or (
                Notice("camera_no_first_picture", {**facts, "seconds": self._first_picture})
            )
        finally:
            capture.release()


def _picture_size(capture: Capture, seconds: float) -> Size | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        read, image = capture.retrieve() if capture.grab() else (False, None)
        grey = to_grey(image) if read and image is not None else None
        if grey is not None:
            return grey.shape[1], grey.shape[0]
        time.sleep(0.005)
    return None


def _unknown(name: str, size: Size) -> Camera:
    """Return a camera of which only the size is known."""
    return Camera(name, size, np.eye(3), np.zeros(5), RigidTransform.identity())


def _without_rig_file(why: Notice) -> Notice:
    """Return a reason without mention of a file that does not exist yet."""
    if why.code != "camera_other_size":
        return why
    facts = why.facts
    return Notice(
        "camera_size_changed",
        {
            "camera": facts["camera"],
            "width": facts["width"],
            "height": facts["height"],
            "width_before": facts["expected_width"],
            "height_before": facts["expected_height"],
        },
    )
