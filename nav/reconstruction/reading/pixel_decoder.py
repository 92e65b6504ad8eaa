"""Decoding of compressed DICOM pixels in separate processes (see `pixel_child`)."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nav

STUCK_SECONDS = 120.0  # decoding that takes longer is stuck
_idle: list[PixelDecoder] = []  # a process takes a second to start, so it is kept for the next file


class DecodingFailed(Exception):
    """The decoder failed; holds its message."""


class PixelDecoder:
    """A process that decodes pixels; `answered` is whether its last answer was complete."""

    def __init__(self) -> None:
        self.answered = True
        root = str(Path(nav.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nav.reconstruction.reading.pixel_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def frames(self, path: Path, frames: list[int]) -> NDArray[Any]:
        """Return the stored values of some frames.

        Parameters
        ----------
        path : Path
            File with compressed pixels.
        frames : list of int
            Which of its frames, counted from 0.

        Returns
        -------
        ndarray, shape (n, rows, columns)
            As stored.

        Raises
        ------
        NotImplementedError
            There is no decoder for their compression.
        DecodingFailed
            They are damaged.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        watch = threading.Timer(STUCK_SECONDS, self.process.kill)
        watch.start()
        self.answered = False
        try:
            request = json.dumps({"path": str(path.absolute()), "frames": frames})
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            head: dict[str, Any] = (
                json.loads(line) if line else {"kind": "crash", "text": "damaged"}
            )
            self.answered = bool(line) and "kind" in head
            if head.get("kind") == "no decoder":
                raise NotImplementedError
            if "kind" in head:
                raise DecodingFailed(head.get("text", ""))
            dtype, shape = np.dtype(head["dtype"]), head["shape"]
            stored = self.process.stdout.read(int(np.prod(shape)) * dtype.itemsize)
            values = np.frombuffer(stored, dtype).reshape(shape)
            self.answered = True
            return values
        except (OSError, ValueError):
            raise DecodingFailed("damaged") from None
        finally:
            watch.cancel()

    @property
    def is_alive(self) -> bool:
        """Return whether it can be used again: it runs, and its last answer was complete."""
        return self.answered and self.process.poll() is None

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def decode_frames(path: Path, frames: list[int]) -> NDArray[Any]:
    """Decode frames of a file in a separate process.

    Parameters
    ----------
    path : Path
        File with compressed pixels.
    frames : list of int
        Which of its frames, counted from 0.

    Returns
    -------
    ndarray, shape (n, rows, columns)
        As stored.

    Raises
    ------
    NotImplementedError
        There is no decoder for their compression.
    DecodingFailed
        They are damaged.
    """
    try:
        decoder = _idle.pop()
    except IndexError:
        decoder = PixelDecoder()
    try:
        return decoder.frames(path, frames)
    finally:
        if decoder.is_alive:
            _idle.append(decoder)
        else:
            decoder.close()


@atexit.register
def end_decoders() -> None:
    """End the processes that wait for another file."""
    while _idle:
        _idle.pop().close()
