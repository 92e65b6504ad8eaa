"""A made-up webcam that sends JPEG, handed over as OpenCV's V4L2 interface does (cap_v4l.cpp).

The pixel format is asked for by FOURCC, and kept if the camera has it. With CONVERT_RGB 1, the
default, a buffer is decoded to BGR; with 0 it comes as one row of the bytes that the driver filled.
"""

import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

MJPG, YUYV = (cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "YUYV"))


class JpegWebcam:
    """Calling it opens it. `buffers` gives the bytes of picture `number` of webcam `index`.

    `sends` are its pixel formats, the first one by itself; `obeys`: whether CONVERT_RGB is known.
    """

    def __init__(
        self,
        buffers: Callable[[int, int], bytes],
        rate: float = 60.0,
        sends: Sequence[int] = (YUYV, MJPG),
        obeys: bool = True,
    ) -> None:
        self.buffers, self.rate, self.sends, self.obeys = buffers, rate, tuple(sends), obeys
        self.opened = 0

    def __call__(self, index: int) -> "JpegCapture":
        self.opened += 1
        return JpegCapture(self, index)


class JpegCapture:
    """One opening."""

    def __init__(self, webcam: JpegWebcam, index: int) -> None:
        self.webcam, self.index, self.number = webcam, index, -1
        self.palette, self.convert = webcam.sends[0], True
        self.controls = {cv2.CAP_PROP_SHARPNESS: 0.0}
        self.began = time.monotonic()

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.number += 1
        time.sleep(max(0.0, self.began + self.number / self.webcam.rate - time.monotonic()))
        return True

    def retrieve(self) -> tuple[bool, Any]:
        data = np.frombuffer(self.webcam.buffers(self.index, self.number), np.uint8)
        if not self.convert:
            return True, data.reshape(1, -1).copy()
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
        return image is not None, image

    def get(self, prop: int) -> float:
        if prop == cv2.CAP_PROP_FOURCC:
            return float(self.palette)
        if prop == cv2.CAP_PROP_CONVERT_RGB:
            return float(self.convert)
        return self.controls.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        if prop == cv2.CAP_PROP_FOURCC:
            self.palette = int(value) if value in self.webcam.sends else self.palette
        elif prop == cv2.CAP_PROP_CONVERT_RGB:
            self.convert = bool(value) if self.webcam.obeys else self.convert
        else:
            self.controls[prop] = value
        return True

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        pass


def jpeg_of(image: np.ndarray, quality: int = 90, *settings: int) -> bytes:
    """Compress a grey or BGR image as a webcam does: with half the colour's columns."""
    halved = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)
    settings = (cv2.IMWRITE_JPEG_QUALITY, quality, *halved, *settings)
    return cv2.imencode(".jpg", image, settings)[1].tobytes()


def without_tables(jpeg: bytes) -> bytes:
    """Leave out the Huffman tables, as many webcams do."""
    kept, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", jpeg, at + 2)
        kept += b"" if jpeg[at + 1] == 0xC4 else jpeg[at : at + 2 + length]
        at += 2 + length
    return kept + jpeg[at:]
