"""Hand the cameras' pictures to the process that writes them; never wait for it."""

import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frameset import Frame
from nav.record.session.session_about import SessionClock

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[3]
MEMORY = 128 * 1024 * 1024  # bytes of pictures on their way
FEWEST_SLOTS, MOST_SLOTS = 8, 64
RESERVE = 500 * 1024 * 1024  # bytes of the disk that pictures leave to the poses
NICE = 19  # what tracking leaves is enough, or pictures are dropped
READY = 30.0  # s for the process to start, on a busy machine
CLOSE = 10.0  # s for it to write what is left
ENDED = "ended"  # the process itself
SHARED = Path("/dev/shm")  # memory, not a disk


class PictureRecorder:
    """Record pictures as they are taken; drop those for which there is no time or room.

    Parameters
    ----------
    folder : Path
        Of the session.
    about : mapping of str to str
        Of the session.
    cameras : sequence of str
        Their names.
    largest : int
        Pixels of the largest picture.
    lossless : bool
        Whether to keep every bit of pictures that the camera did not send as JPEG. What it sent is
        kept as it is in any case.
    clock : SessionClock
        Of the session.
    reserve : int
        Bytes of the disk that are left free.
    nice : int
        Priority of encoding, 19 the least; writing and cameras' own JPEG are 9 before it.

    Attributes
    ----------
    kept, dropped : Counter of str
        Pictures by camera.
    written : int
        Bytes of pictures.
    trouble : str or None
        Why none are recorded now, as the system says it.

    Raises
    ------
    InputError
        The file cannot be written, or the process does not start.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, str],
        cameras: Sequence[str],
        largest: int,
        lossless: bool,
        clock: SessionClock,
        reserve: int = RESERVE,
        nice: int = NICE,
    ) -> None:
        self.clock, self.slot = clock, largest
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.written = 0
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        memory, slots = _new_memory(largest, min(MOST_SLOTS, max(FEWEST_SLOTS, MEMORY // largest)))
        self._free = list(range(slots))
        self._process = _start()
        try:
            self._memory = _mapped(memory)
            order = {
                "folder": str(folder),
                "about": dict(about),
                "cameras": list(cameras),
                "lossless": lossless,
                "memory": str(memory),
                "slot": largest,
                "reserve": reserve,
                "nice": nice,
            }
            self._send(order)
            self._wait_until_ready(folder)
        finally:
            with suppress(OSError):
                memory.unlink()
        self._reader = threading.Thread(target=self._read, name="pictures", daemon=True)
        self._reader.start()

    def offer(self, frame: Frame) -> None:
        """Take a picture to be recorded, or drop it; never wait, never raise.

        Parameters
        ----------
        frame : Frame
            Time by the monotonic clock.
        """
        camera, image, jpeg = frame.camera, frame.image, frame.jpeg
        if jpeg is not None and len(jpeg) > self.slot:
            jpeg = None  # hardly compressed at all
        size = image.size if jpeg is None else len(jpeg)
        with self._lock:
            if not self._free or self._closed.is_set() or not 0 < size <= self.slot:
                self.dropped[camera] += 1
                return
            slot = self._free.pop()
        start = slot * self.slot
        message: dict[str, Any] = {
            "slot": slot,
            "camera": camera,
            "log_time": self.clock.ns(frame.time),
            "taken_ns": round(frame.time * 1e9),
        }
        if jpeg is not None:
            self._memory[start : start + size] = jpeg
            message["jpeg"] = size
        else:
            place = np.frombuffer(self._memory, np.uint8, size, start)
            np.copyto(place.reshape(image.shape), image)
            message["height"], message["width"] = image.shape
        try:
            self._send(message)
        except (OSError, ValueError):  # the process has ended
            with self._lock:
                self.dropped[camera] += 1

    def close(self) -> None:
        """Write what is left, and end the process, by force if it does not react."""
        with suppress(OSError, ValueError), self._lock:
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(CLOSE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(1.0)
        self._closed.set()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            assert self._process.stdin is not None
            # one call of the system: a buffer would take the interpreter from tracking twice
            os.write(self._process.stdin.fileno(), line)

    def _wait_until_ready(self, folder: Path) -> None:
        assert self._process.stdout is not None
        timer = threading.Timer(READY, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            self._process.wait()
            raise InputError(f"{folder}: the process that records pictures did not start")

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError, OSError):
            for line in self._process.stdout:
                message = json.loads(line)
                if "slot" in message:
                    self._answered(message)
                elif "trouble" in message:
                    self.trouble = message["trouble"]
                elif "closed" in message:
                    self._closed.set()
        if not self._closed.is_set():
            self.trouble = ENDED
            self._closed.set()

    def _answered(self, message: Mapping[str, Any]) -> None:
        with self._lock:
            self._free.append(message["slot"])
            if message["kept"]:
                self.kept[message["camera"]] += 1
                self.written += message["kept"]
            else:
                self.dropped[message["camera"]] += 1


def _start() -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-m", "nav.record.session.picture_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
        # It ends with its input, not with the terminal's Ctrl-C. Not a session of its own: Linux
        # shares processors among sessions, and then its low priority counts within its own only
        # (sched(7), autogroup).
        process_group=0,
    )


def _mapped(memory: Path) -> mmap.mmap:
    """Map a file whole; where the system can, now and not page by page while tracking goes on."""
    with memory.open("r+b") as file:
        if hasattr(mmap, "MAP_POPULATE"):
            return mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        return mmap.mmap(file.fileno(), 0)


def _new_memory(slot: int, most: int) -> tuple[Path, int]:
    """Return a file in memory that both processes map, and how many slots there is room for.

    Containers often have little of it. All of it is reserved: whoever writes to a page that the
    system then cannot give is ended by it, and that would be tracking.
    """
    places = [SHARED] if SHARED.is_dir() and os.access(SHARED, os.W_OK) else []
    problem: OSError | None = None
    for where in (*places, None):
        count = most
        while count >= FEWEST_SLOTS:
            try:
                return _reserved(where, slot * count), count
            except OSError as error:
                problem = error
            count //= 2
    assert problem is not None
    raise InputError(
        f"no memory for pictures on their way to the disk: {problem.strerror or problem}; give "
        "--no-pictures"
    )


def _reserved(where: Path | None, size: int) -> Path:
    """Return a new file of which every byte has its place."""
    descriptor, name = tempfile.mkstemp(prefix="c1c2nav-", dir=where)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.truncate(descriptor, size)
    except OSError:
        os.unlink(name)
        raise
    finally:
        os.close(descriptor)
    return Path(name)
