"""Webcams as the driver has them: which there are, opening one, and locking its settings."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from nav.camera.quiet_opencv import quiet_opencv
from nav.core.notice import Notice

DEV = Path("/dev")
SYSFS = Path("/sys/class/video4linux")
# larger pictures do not fit uncompressed through USB 2 at 30 per second
UNCOMPRESSED_PIXELS = 640 * 480
# One buffer is filled while the other is decoded: with a single one the driver drops every second
# picture. The capture thread empties them at once, so none grows old there.
BUFFERS = 2


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used; tests replace it."""

    def isOpened(self) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def get(self, prop: int, /) -> float: ...
    def set(self, prop: int, value: float, /) -> bool: ...
    def getBackendName(self) -> str: ...
    def release(self) -> None: ...


OpenCapture = Callable[[int], Capture]


def open_webcam(index: int) -> Capture:
    """Open a webcam, without OpenCV's own messages.

    Parameters
    ----------
    index : int
        Its number.

    Returns
    -------
    Capture
        Opened or not: see its `isOpened`.
    """
    # V4L2 waits 10 s for a picture unless told otherwise; so long the device stays taken
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
    quiet_opencv()
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    return cv2.VideoCapture(index, backend)


class Webcams:
    """Open webcams, each again only at the USB port where it was first found.

    A camera that comes back may have another number, and its old number another camera.

    Parameters
    ----------
    opener : callable
        Opens a webcam by its number.
    links : Path
        Folder of links by USB port.
    """

    def __init__(
        self, opener: OpenCapture = open_webcam, links: Path = DEV / "v4l/by-path"
    ) -> None:
        self._open, self._links = opener, links
        self._ports: dict[int, Path] = {}

    def __call__(self, index: int) -> Capture:
        port = self._ports.get(index)
        if port is None:
            capture = self._open(index)
            if capture.isOpened() and (port := self._port(index)):
                self._ports[index] = port
            return capture
        now = _number(port.resolve()) if port.exists() else None
        return NotThere() if now is None else self._open(now)

    def _port(self, index: int) -> Path | None:
        if not self._links.is_dir():
            return None
        links = sorted(self._links.iterdir())
        return next((p for p in links if _number(p.resolve()) == index), None)


class NotThere:
    """The capture of a camera that is not plugged in."""

    def isOpened(self) -> bool:
        return False

    def grab(self) -> bool:
        return False

    def retrieve(self) -> tuple[bool, Any]:
        return False, None

    def get(self, prop: int, /) -> float:
        return -1.0

    def set(self, prop: int, value: float, /) -> bool:
        return False

    def getBackendName(self) -> str:
        return ""

    def release(self) -> None:
        pass


def request_size(capture: Capture, size: tuple[int, int]) -> None:
    """Ask a webcam for images of a size, compressed where that is needed.

    Parameters
    ----------
    capture : Capture
        An opened webcam.
    size : tuple of int
        Width and height, px.
    """
    if size[0] * size[1] > UNCOMPRESSED_PIXELS:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)


def lock_settings(capture: Capture, name: str) -> list[Notice]:
    """Switch off autofocus, automatic exposure and white balance, and set sharpness to its lowest.

    Focus, exposure and white balance stay at their present values, as they did when the camera was
    calibrated. Drivers accept settings that they ignore, so each is read back.

    Parameters
    ----------
    capture : Capture
        An opened webcam.
    name : str
        The camera's, for the warnings.

    Returns
    -------
    list of Notice
        One for each setting that was not accepted.
    """
    # 1 is V4L2_EXPOSURE_MANUAL in the Linux kernel's videodev2.h; elsewhere OpenCV rounds to off
    manual = 1.0 if capture.getBackendName() == "V4L2" else 0.25
    settings = (
        ("focus_not_locked", cv2.CAP_PROP_AUTOFOCUS, 0.0),
        ("exposure_not_locked", cv2.CAP_PROP_AUTO_EXPOSURE, manual),
        ("white_balance_not_locked", cv2.CAP_PROP_AUTO_WB, 0.0),
    )
    warnings = []
    for code, setting, value in settings:
        capture.set(setting, value)
        if abs(capture.get(setting) - value) > 1e-3:
            warnings.append(Notice(code, {"camera": name}))
    return warnings + _lower_sharpness(capture, name)


def _lower_sharpness(capture: Capture, name: str) -> list[Notice]:
    """Ask for no sharpening: halos move edges. Return a warning where the driver does not obey.

    Drivers whose lowest value is above 0 take that instead: what was lowered is at its lowest.
    """
    before = sharpness(capture)
    capture.set(cv2.CAP_PROP_SHARPNESS, 0.0)
    after = sharpness(capture)
    if after is None:
        return [Notice("no_sharpness_control", {"camera": name})]
    if after <= 0.0 or (before is not None and after < before):
        return []
    return [Notice("sharpness_not_lowered", {"camera": name, "value": after})]


def sharpness(capture: Capture) -> float | None:
    """Return the sharpness setting of a webcam's driver.

    Parameters
    ----------
    capture : Capture
        An opened webcam.

    Returns
    -------
    float or None
        In the driver's units; None where it has no such setting.
    """
    value = capture.get(cv2.CAP_PROP_SHARPNESS)
    return float(value) if value >= 0.0 else None


@dataclass(frozen=True)
class Device:
    """A webcam that the system knows.

    Parameters
    ----------
    index : int
        Its number.
    name : str
        As it calls itself.
    """

    index: int
    name: str


def list_devices(sysfs: Path = SYSFS) -> list[Device]:
    """List the webcams known to Linux.

    Parameters
    ----------
    sysfs : Path
        Where the kernel describes them.

    Returns
    -------
    list of Device
        By number; empty on other systems.
    """
    if not sysfs.is_dir():
        return []
    devices = []
    for entry in sysfs.iterdir():
        index = _number(entry)
        # a webcam's further nodes (1, 2, ...) hold no pictures but data about them
        if index is not None and _text(entry / "index") in ("", "0"):
            devices.append(Device(index, _text(entry / "name") or entry.name))
    return sorted(devices, key=lambda d: d.index)


def why_not_opened(index: int, dev: Path = DEV, sysfs: Path = SYSFS) -> str:
    """Return why a webcam may not have opened, and what to do, for an error line.

    Parameters
    ----------
    index : int
        Its number.
    dev, sysfs : Path
        Where the system has devices, and describes them.

    Returns
    -------
    str
    """
    if not sys.platform.startswith("linux"):
        return "no such camera, in use by another program, or not allowed in the system's settings"
    node = dev / f"video{index}"
    if not node.exists():
        there = ", ".join(f"{d.index} ({d.name})" for d in list_devices(sysfs))
        return f"no such camera; connected: {there or 'none'}"
    if not os.access(node, os.R_OK | os.W_OK):
        return f"no permission for {node}; add yourself to the group video and log in again"
    return f"in use by another program, or {node} is not a camera's image; try nav doctor"


def _number(node: Path) -> int | None:
    digits = node.name.removeprefix("video")
    return int(digits) if node.name.startswith("video") and digits.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
