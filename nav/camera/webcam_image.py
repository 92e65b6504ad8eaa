"""One image of a webcam: its own JPEG where the driver hands that over, else decoded by OpenCV."""

import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nav.camera.camera_jpeg import CameraJpeg, JpegError, decode_camera_jpeg, parse_camera_jpeg
from nav.camera.image_files import to_grey
from nav.camera.webcam import Capture
from nav.core.frameset import Picture

COMPRESSED = frozenset(float(cv2.VideoWriter.fourcc(*name)) for name in ("MJPG", "JPEG"))
# of OpenCV's interfaces to webcams, those whose buffers are undecoded where asked for
HANDING_OVER = ("V4L2", "MSMF")


@dataclass(frozen=True)
class WebcamImage:
    """What a webcam gave.

    Parameters
    ----------
    grey : ndarray, shape (height, width), uint8
        Grey levels.
    jpeg : CameraJpeg, optional
        What `grey` was decoded from; None where OpenCV or the driver had decoded it.
    """

    grey: Picture
    jpeg: CameraJpeg | None = None

    @property
    def data(self) -> bytes | None:
        """The JPEG as a file."""
        return None if self.jpeg is None else self.jpeg.data

    def checksum(self) -> int:
        """Return a number by which an image is recognised that was sent before.

        Returns
        -------
        int
            Of the pixels; a JPEG's head may hold a time.
        """
        if self.jpeg is None:
            return zlib.crc32(self.grey.data)
        return zlib.crc32(memoryview(self.jpeg.data)[self.jpeg.scan :])


def hand_over_jpeg(capture: Capture) -> bool:
    """Ask for the camera's own JPEG instead of decoded images, where it sends JPEG.

    Parameters
    ----------
    capture : Capture
        An opened webcam whose size is set.

    Returns
    -------
    bool
        Whether OpenCV says that it will do so. `webcam_image` tells by each image what it is.
    """
    if capture.getBackendName() not in HANDING_OVER:
        return False
    if capture.get(cv2.CAP_PROP_FOURCC) not in COMPRESSED:
        return False
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0.0)
    return capture.get(cv2.CAP_PROP_CONVERT_RGB) == 0.0


def webcam_image(taken: Any) -> WebcamImage | None:
    """Return the image in what a webcam's `retrieve` gave.

    Parameters
    ----------
    taken : ndarray or None
        Undecoded: bytes in one row. Decoded: grey, BGR or BGRA.

    Returns
    -------
    WebcamImage or None
        None where there is no image in it.

    Raises
    ------
    JpegError
        An undecoded image is damaged, or nothing is in it.
    """
    if taken is None:
        return None
    if not taken.size:
        raise JpegError("is empty")
    if taken.dtype == np.uint8 and taken.size == max(taken.shape, default=0):
        jpeg = parse_camera_jpeg(taken.tobytes())
        return WebcamImage(decode_camera_jpeg(jpeg), jpeg)
    grey = to_grey(taken)
    return None if grey is None else WebcamImage(grey)
