"""Decode a video in a process of its own, where FFmpeg's messages are caught and it may crash.

OpenCV silently hands out images that FFmpeg patched up after an error; only FFmpeg's log says
so, and that is the process's own output. Run as `python -m nav.camera.video_child FILE`; writes
messages as `send` makes them.
"""

import ctypes
import json
import os
import struct
import sys
import tempfile
from collections import deque
from typing import Any, BinaryIO

import cv2
import numpy as np

from nav.camera.image_files import to_grey
from nav.camera.picture_file import JPEG_START, examine

AHEAD = 32  # packets known beyond the decoded picture: codecs reorder at most 16
MOST_FAILURES = 1000  # pictures in a row that cannot be decoded, then it is the end
WITH_HIDDEN = frozenset((b"VP80", b"VP90", b"AV01"))  # not every packet is a picture
SAME = 0.5  # ms: times of one picture in both captures
# about intact images of many webcams
HARMLESS = ("APP fields", "deprecated pixel format", "EOI missing", "No JPEG data found")
COMPLAINT = "[OPENCV:FFMPEG:"


class Log:
    """Catch what libraries print in a file instead of the terminal."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        for descriptor in (1, 2):
            os.dup2(self.file.fileno(), descriptor)
        self.libc = ctypes.CDLL(None)
        self.at = 0

    def new(self) -> str:
        """Return the first message since the last call that matters, or an empty string."""
        self.libc.fflush(None)
        size = os.fstat(self.file.fileno()).st_size
        text = os.pread(self.file.fileno(), size - self.at, self.at).decode(errors="replace")
        self.at = size
        for line in text.splitlines():
            if line.strip() and not any(harmless in line for harmless in HARMLESS):
                return line.split("] ", 1)[-1].strip() if COMPLAINT in line else line.strip()
        return ""


class Packets:
    """The undecoded images beside the decoded ones: their times, key images, damage."""

    def __init__(self, path: str, log: Log) -> None:
        self.log = log
        self.capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
        self.known: deque[tuple[float, bool, str]] = deque()
        self.ended = not self.capture.isOpened()

    def fill(self) -> None:
        """Read on until enough are known."""
        while not self.ended and len(self.known) < AHEAD:
            there, data = self.capture.read()
            if not there or data is None:
                self.ended = True
                break
            at = float(self.capture.get(cv2.CAP_PROP_POS_MSEC))
            key = bool(self.capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME))
            if not self.known or abs(self.known[-1][0] - at) > SAME:
                self.known.append((at, key, self._damage(data)))

    def _damage(self, data: Any) -> str:
        raw = data.tobytes()
        if not raw.startswith(JPEG_START):
            return ""
        problem = examine(raw).problem
        if not problem:
            self.log.new()
            # an eighth of the size: all bits are read, few pixels are computed
            cv2.imdecode(data.reshape(-1), cv2.IMREAD_REDUCED_GRAYSCALE_8)
            problem = self.log.new()
        return problem

    def until(self, at: float) -> tuple[list[tuple[float, bool, str]], list[float]]:
        """Return packets of the image at a time, ms, and earlier times without an image."""
        self.fill()
        own = [p for p in self.known if abs(p[0] - at) <= SAME]
        before = [p[0] for p in self.known if p[0] < at - SAME]
        self.known = deque(p for p in self.known if p[0] > at + SAME)
        return own, before


def send(out: BinaryIO, message: dict[str, Any], pixels: Any = None) -> None:
    """Write a message: the length of its head, its head as JSON, its pixels.

    Parameters
    ----------
    out : binary file
        Where to write.
    message : dict
        The head.
    pixels : ndarray, optional
        Written as they lie in memory.
    """
    head = json.dumps(message).encode()
    out.write(struct.pack("<I", len(head)) + head)
    if pixels is not None:
        out.write(np.ascontiguousarray(pixels).data)
    out.flush()


def main(path: str) -> None:
    """Send all images of a video, damaged ones marked as such.

    Parameters
    ----------
    path : str
        The video.
    """
    out = os.fdopen(os.dup(1), "wb")
    log = Log()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # one thread: a message is then about the image just read
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        send(out, {"kind": "unreadable"})
        return
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    send(
        out,
        {
            "kind": "video",
            "count": capture.get(cv2.CAP_PROP_FRAME_COUNT),
            "turned": capture.get(cv2.CAP_PROP_ORIENTATION_META),
        },
    )
    _send_pictures(out, capture, Packets(path, log), log)
    send(out, {"kind": "end"})


def _send_pictures(out: BinaryIO, capture: cv2.VideoCapture, packets: Packets, log: Log) -> None:
    failures, built_on, begun, complaint = 0, "", False, ""
    code = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little")
    log.new()
    while failures < MOST_FAILURES:
        there, image = capture.read()
        messages = log.new()
        grey = to_grey(image) if there and image is not None else None
        if grey is None:
            packets.fill()
            complaint = messages or complaint
            failures += 1
            if failures > len(packets.known):
                break
            continue
        messages, complaint = messages or complaint, ""
        failures = 0
        at = float(capture.get(cv2.CAP_PROP_POS_MSEC))
        own, lost = packets.until(at)
        log.new()
        if code in WITH_HIDDEN or (not begun and not messages):
            lost = []
        begun = True
        for before in lost:
            send(out, {"kind": "lost", "at": before, "said": messages or "cannot be decoded"})
        if any(key for _, key, _ in own):
            built_on = ""
        messages = messages or next((problem for *_, problem in own if problem), "")
        damage = messages or built_on
        if messages or lost:
            built_on = "is built on a damaged one"
        send(out, {"kind": "picture", "at": at, "shape": grey.shape, "said": damage}, grey)
    packets.fill()
    # without a message they are outside of what an edit list shows
    for at, _, problem in () if code in WITH_HIDDEN else packets.known:
        if problem or complaint:
            send(out, {"kind": "lost", "at": at, "said": problem or complaint})


if __name__ == "__main__":
    main(sys.argv[1])
