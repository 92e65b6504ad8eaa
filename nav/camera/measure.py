"""Measure a webcam's true size and rate in a process of its own: a driver may hang or crash."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import cv2

from nav.camera.camera_jpeg import JpegError
from nav.camera.webcam import Capture, open_webcam, request_size, sharpness
from nav.camera.webcam_image import WebcamImage, hand_over_jpeg, webcam_image

LARGEST = (1920, 1200)  # asked for; drivers give the nearest size they have
WARM_UP = 5  # pictures that may come late after the start


@dataclass(frozen=True)
class Measured:
    """What a webcam gives.

    Parameters
    ----------
    size : tuple of int
        Width and height, px.
    rate : float
        Images per second; 0 where none came.
    coding : str
        Such as MJPG or YUYV; empty if the driver does not say.
    sharpness : float, optional
        Setting of its driver, in the driver's units; None if it does not say.
    gives_jpeg : bool
        Whether its own JPEG can be recorded, undecoded.
    """

    size: tuple[int, int]
    rate: float
    coding: str
    sharpness: float | None = None
    gives_jpeg: bool = False


def measure(
    capture: Capture,
    size: tuple[int, int] = LARGEST,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Measured | None:
    """Measure size and rate of an opened webcam's images.

    Parameters
    ----------
    capture : Capture
        The webcam.
    size : tuple of int
        Width and height to ask for, px.
    seconds : float
        About how long to measure, s.
    clock : callable
        Returns the time, s.

    Returns
    -------
    Measured or None
        None if it is not open.
    """
    if not capture.isOpened():
        return None
    request_size(capture, size)
    undecoded = hand_over_jpeg(capture)
    image, rate = _timed(capture, seconds, clock)
    if image is None and undecoded:
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 1.0)
        image, rate = _timed(capture, seconds, clock)
    width, height = (0, 0) if image is None else image.grey.shape[::-1]
    coding = _coding(capture.get(cv2.CAP_PROP_FOURCC))
    gives_jpeg = image is not None and image.jpeg is not None
    return Measured((width, height), rate, coding, sharpness(capture), gives_jpeg)


def _timed(
    capture: Capture, seconds: float, clock: Callable[[], float]
) -> tuple[WebcamImage | None, float]:
    """Return the newest image, and how many come per second."""
    newest: WebcamImage | None = None
    times: list[float] = []
    start = clock()
    while clock() - start < 2 * seconds and (not times or times[-1] - times[0] < seconds):
        grabbed = capture.grab()
        at = clock()
        read, buffer = capture.retrieve() if grabbed else (False, None)
        try:
            image = webcam_image(buffer) if read else None
        except JpegError:
            continue
        if image is not None:
            newest = image
            times.append(at)
            if len(times) == WARM_UP:
                del times[:-1]
    return newest, (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _coding(fourcc: float) -> str:
    """Return MJPG, YUYV, ...; empty if the driver does not say."""
    letters = "".join(chr(int(fourcc) >> shift & 255) for shift in (0, 8, 16, 24))
    return letters.strip() if fourcc > 0 and letters.isprintable() else ""


def main(arguments: list[str]) -> None:
    """Print the measurement of one webcam as JSON; null if it does not open.

    Parameters
    ----------
    arguments : list of str
        The webcam's number.
    """
    capture = open_webcam(int(arguments[0]))
    measured = measure(capture)
    print(json.dumps(None if measured is None else asdict(measured)), flush=True)
    capture.release()


if __name__ == "__main__":
    main(sys.argv[1:])
