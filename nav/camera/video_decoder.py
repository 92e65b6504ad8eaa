"""Images of a video as a process of its own decodes them (see `video_child`)."""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

import nav
from nav.core.frameset import Picture

STUCK_SECONDS = 60.0  # a picture that takes longer will never come
QUIET_FFMPEG = {"OPENCV_FFMPEG_LOGLEVEL": "16", "OPENCV_LOG_LEVEL": "SILENT"}  # 16: errors


@dataclass(frozen=True)
class VideoPicture:
    """One image of a video.

    Parameters
    ----------
    at : float
        Time by the container, s.
    image : ndarray, shape (height, width), uint8, or None
        Grey levels; None where nothing could be decoded.
    damage : str
        Why it is damaged, or empty.
    """

    at: float
    image: Picture | None
    damage: str = ""


class VideoDecoder:
    """Iterate over a video's images in order; damaged and lost ones are among them.

    Parameters
    ----------
    path : Path
        The video.

    Attributes
    ----------
    announced : int
        Number of images by the container's index, 0 where it does not say.
    turned : float
        Degrees by which a viewer would turn them.
    problem : str
        Why decoding ended before the end, or empty.
    readable : bool
        Whether it is a video that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        root = str(Path(nav.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nav.camera.video_child", str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **QUIET_FFMPEG, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.problem, self.announced, self.turned = "", 0, 0.0
        head = self._message()
        self.readable = head is not None and head["kind"] == "video"
        if head is not None and self.readable:
            count = head["count"]
            self.announced = int(count) if 1 < count < 1e9 else 0
            self.turned = float(head["turned"])

    def __iter__(self) -> Iterator[VideoPicture]:
        try:
            while (head := self._message()) is not None and head["kind"] != "end":
                image = None
                if head["kind"] == "picture":
                    height, width = head["shape"]
                    pixels = self._bytes(height * width)
                    if pixels is None:
                        break
                    image = np.frombuffer(pixels, np.uint8).reshape(height, width)
                yield VideoPicture(head["at"] / 1000.0, image, head["said"])
            else:
                if head is None:
                    self.problem = "the decoder gave up"
        finally:
            self.close()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process.wait()

    def _message(self) -> dict[str, Any] | None:
        length = self._bytes(4)
        head = None if length is None else self._bytes(struct.unpack("<I", length)[0])
        return None if head is None else json.loads(head)

    def _bytes(self, count: int) -> bytes | None:
        """Read this many bytes; return None where the process ended or hangs."""
        assert self.process.stdout is not None
        watch = threading.Timer(STUCK_SECONDS, self.process.kill)
        watch.start()
        try:
            data = _read(self.process.stdout, count)
        finally:
            watch.cancel()
        return data if len(data) == count else None


def _read(stream: IO[bytes], count: int) -> bytes:
    try:
        return stream.read(count)
    except (OSError, ValueError):  # closed meanwhile
        return b""
