"""One webcam: a thread keeps its newest image; without new ones it is lost within 0.1 s."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from nav.camera.camera_jpeg import JpegError
from nav.camera.rig import Camera, picture_size_problem
from nav.camera.webcam import (
    Capture,
    OpenCapture,
    Webcams,
    lock_settings,
    request_size,
    why_not_opened,
)
from nav.camera.webcam_image import WebcamImage, hand_over_jpeg, webcam_image
from nav.core.errors import InputError, Lost
from nav.core.frameset import Frame, Picture
from nav.core.notice import Notice
from nav.text.catalogue import ENGLISH

# s without a new picture; with the time it takes to notice still within 0.1
LOST_AFTER = 0.09
REMEMBERED = 8  # pictures that a new one must differ from; drivers have about 4 buffers
GIVE_UP = 0.5  # s of failed reads, then the device is opened again
FROZEN = 2.0  # s of one and the same picture, then the device is opened again
HUNG = 5.0  # s that a driver's call takes, then another thread opens the device
MOST_HUNG = 3  # threads left behind in calls that never return
SLOW_PERIOD = 1 / 15  # s between pictures; slower is worth a warning
UNUSABLE = 5  # damaged pictures and no good one, then OpenCV is left to decode them


Watch = Callable[[Frame], None]


@dataclass(frozen=True)
class Grabbed:
    """An image from a webcam.

    Parameters
    ----------
    number : int
        Counts this camera's new images.
    time : float
        When the driver handed it over, s, which is later than the middle of the exposure by half
        the exposure, read-out and transfer: together 20 to 60 ms for a webcam at 30 images per
        second, nearly constant, and about the same for cameras of one model.
    image : ndarray, shape (height, width), uint8
        Grey levels.
    seconds : float
        Duration of decoding, s.
    jpeg : bytes, optional
        The camera's own JPEG, from which the image was decoded, where the driver hands it over.
    """

    number: int
    time: float
    image: Picture
    seconds: float
    jpeg: bytes | None = None


class CameraError(InputError):
    """A camera that cannot be used, with the notice that says why.

    Parameters
    ----------
    notice : Notice
        Its facts name the camera.
    """

    def __init__(self, notice: Notice) -> None:
        super().__init__(ENGLISH.sentence(notice))
        self.notice = notice


class LiveCamera:
    """Keep the newest image of one webcam.

    An image identical to the last bit to one of the few before is not new: a sensor's noise never
    repeats, so it is an old image sent again (a frozen driver may cycle through its buffers). A
    few of these do no harm, some drivers fill gaps with them; after `lost_after` without a new one
    the camera is lost. `newest` always returns at once, and the device is opened again when it
    comes back.

    A camera that sends JPEG is asked for it undecoded, so that it can be recorded as it is. Where
    the first images cannot be decoded, the device is opened again, and OpenCV decodes them.

    Parameters
    ----------
    name : str
        Of the camera in its rig.
    device_index : int
        Number of the webcam.
    camera : Camera
        Of the rig.
    capture : callable, optional
        Opens a webcam.
    clock : callable
        Returns the time, s.
    changed : threading.Condition, optional
        Notified at each new image.
    lost_after : float
        Time without a new image after which the camera is lost, s.
    reopen_after : float
        Time of failed reads after which the device is opened again, s.

    Attributes
    ----------
    watch : callable or None
        Called with every new image, in this camera's thread; must not wait.
    """

    def __init__(
        self,
        name: str,
        device_index: int,
        camera: Camera,
        capture: OpenCapture | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        changed: threading.Condition | None = None,
        lost_after: float = LOST_AFTER,
        reopen_after: float = GIVE_UP,
    ) -> None:
        self.name, self.device_index, self.camera = name, device_index, camera
        self._open, self._clock = capture or Webcams(), clock
        self._lost_after, self._reopen_after = lost_after, reopen_after
        self._changed = changed or threading.Condition()
        self.watch: Watch | None = None
        self._newest: Grabbed | None = None
        self._received = -math.inf
        self._problem: Notice | None = None
        self._damaged, self._damage = -math.inf, ""  # when and how the last one was
        self._jpeg_works: bool | None = None  # undecoded; None while that is not known
        self._locking: list[Notice] = []
        self._sums: deque[int] = deque(maxlen=REMEMBERED)
        self._intervals: deque[float] = deque(maxlen=15)
        self._attempts = [_Attempt(self)]

    def newest(self) -> Grabbed | Lost:
        """Return the newest image, or why there is no current one; never wait."""
        now = self._clock()
        self._replace_if_hung(now)
        with self._changed:
            newest, received, problem = self._newest, self._received, self._problem
            damaged, damage = self._damaged, self._damage
        if problem is not None:
            return Lost(problem.code, problem.facts)
        facts = {"camera": self.name}
        if newest is None:
            return Lost("camera_waiting", facts)
        age = now - newest.time
        if age <= self._lost_after:
            return newest
        if now - received <= self._lost_after:
            return Lost("camera_frozen", {**facts, "seconds": age})
        if now - damaged <= self._lost_after:
            return Lost("camera_damaged", {**facts, "seconds": age, "why": damage})
        return Lost("camera_silent", {**facts, "seconds": now - received})

    def wait_for_first(self, timeout: float) -> None:
        """Wait for the first image.

        Parameters
        ----------
        timeout : float
            Longest wait, s.

        Raises
        ------
        CameraError
            The camera cannot be opened, gives images of another size than the rig says, or none
            within `timeout`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._problem, timeout)
            if self._newest is None:
                facts = {"camera": self.name, "device": self.device_index, "seconds": timeout}
                raise CameraError(self._problem or Notice("camera_no_first_picture", facts))

    @property
    def period(self) -> float | None:
        """Median time between the last images, s; None while there are too few."""
        with self._changed:
            return median(self._intervals) if len(self._intervals) >= 5 else None

    @property
    def gives_jpeg(self) -> bool:
        """Whether the newest image is known as the camera's own JPEG."""
        with self._changed:
            return self._newest is not None and self._newest.jpeg is not None

    @property
    def warnings(self) -> list[Notice]:
        """What the driver did not lock, JPEG that cannot be used undecoded, and slowness."""
        with self._changed:
            warnings = list(self._locking)
            if self._jpeg_works is False:
                warnings.append(Notice("camera_jpeg_unusable", {"camera": self.name}))
        period = self.period
        if period is not None and period > SLOW_PERIOD:
            facts = {"camera": self.name, "rate": 1.0 / period}
            warnings.append(Notice("camera_slow", facts))
        return warnings

    def close(self, timeout: float = 1.0) -> None:
        """Free the device; wait at most `timeout` s for a driver that hangs."""
        for attempt in self._attempts:
            attempt.stopped.set()
        self._attempts[-1].thread.join(timeout)

    def _replace_if_hung(self, now: float) -> None:
        current = self._attempts[-1]
        hung = current.busy_since is not None and now - current.busy_since > HUNG
        self._attempts = [a for a in self._attempts if a is current or a.thread.is_alive()]
        if hung and not current.stopped.is_set() and len(self._attempts) <= MOST_HUNG:
            current.stopped.set()
            self._attempts.append(_Attempt(self))

    def _fail(self, attempt: "_Attempt", code: str, **facts: str | int) -> None:
        facts["camera"], facts["device"] = self.name, self.device_index
        with self._changed:
            if not attempt.stopped.is_set():
                self._problem = Notice(code, facts)
                self._changed.notify_all()

    def _note_damage(self, attempt: "_Attempt", at: float, why: str) -> None:
        with self._changed:
            if not attempt.stopped.is_set():
                self._damaged, self._damage = at, why

    def _take(self, attempt: "_Attempt", at: float, taken: WebcamImage) -> bool:
        """Keep an image; return False if it is an old one repeated."""
        checksum, image, jpeg = taken.checksum(), taken.grey, taken.data
        seconds = self._clock() - at
        with self._changed:
            if attempt.stopped.is_set():
                return False
            before, self._received, self._problem = self._newest, at, None
            if checksum in self._sums:
                return False
            self._sums.append(checksum)
            if before is not None:
                self._intervals.append(at - before.time)
            number = 0 if before is None else before.number + 1
            self._newest = Grabbed(number, at, image, seconds, jpeg)
            self._changed.notify_all()
        if self.watch is not None:
            self.watch(Frame(self.name, at, image, jpeg))
        return True


class _Attempt:
    """A thread that opens the device and reads from it; left behind when the driver hangs."""

    def __init__(self, owner: LiveCamera) -> None:
        self.stopped = threading.Event()
        self.busy_since: float | None = None
        self._owner, self._clock = owner, owner._clock
        self.thread = threading.Thread(target=self._run, name=f"camera {owner.name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        owner = self._owner
        while not self.stopped.is_set():
            capture: Capture | None = None
            try:
                self.busy_since = self._clock()
                capture = owner._open(owner.device_index)
                if capture.isOpened():
                    self._read(capture)
                else:
                    owner._fail(self, "camera_not_opened", why=why_not_opened(owner.device_index))
            except Exception as error:  # any error of a driver costs this camera, not the others
                owner._fail(self, "camera_failed", problem=f"{type(error).__name__}: {error}")
            finally:
                if capture is not None:
                    capture.release()
                self.busy_since = None
            self.stopped.wait(owner._reopen_after)

    def _read(self, capture: Capture) -> None:
        """Hand over images until there are none any more, or always the same."""
        owner = self._owner
        request_size(capture, owner.camera.size)
        locking = lock_settings(capture, owner.name)
        with owner._changed:
            owner._locking = locking
        undecoded, bad = owner._jpeg_works is not False and hand_over_jpeg(capture), 0
        received = renewed = self._clock()
        while not self.stopped.is_set():
            self.busy_since = self._clock()
            grabbed = capture.grab()
            at = self._clock()
            read, buffer = capture.retrieve() if grabbed else (False, None)
            taken: WebcamImage | None = None
            try:
                taken = webcam_image(buffer) if read else None
            except JpegError as error:
                owner._note_damage(self, at, str(error))
            if taken is None:  # once: a picture damaged on its way; for long: unplugged
                bad += grabbed
                if undecoded and bad == UNUSABLE and owner._jpeg_works is None:
                    owner._jpeg_works = False
                    return
                if self._clock() - received > GIVE_UP:
                    return
                self.stopped.wait(0.005)
                continue
            undecoded = taken.jpeg is not None
            if undecoded:
                owner._jpeg_works = True
            shape = taken.grey.shape
            if problem := picture_size_problem(owner.camera, shape):
                (height, width), (expected_width, expected_height) = shape, owner.camera.size
                owner._fail(
                    self, "camera_other_size", problem=problem, width=width, height=height,
                    expected_width=expected_width, expected_height=expected_height,
                )  # fmt: skip
                return
            received = at
            if owner._take(self, at, taken):
                renewed = at
            elif at - renewed > FROZEN:
                return
