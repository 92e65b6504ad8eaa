"""Compress and write pictures in a process of its own, behind everything else in priority.

Run as `python -m nav.record.session.picture_process` by `PictureRecorder`. The first line of its
input says what to do; each further one is a picture in the shared memory. It answers in lines of
JSON: what became of each picture, and what is wrong with the disk. At the end of its input, also
where the other process was killed, it completes the file.
"""

import errno
import json
import mmap
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nav.record.session.picture_codec import PictureError
from nav.record.session.session_pictures import PictureWriter

FLUSH = 0.15  # s
LOOK = 0.5  # s between two looks at the disk
SYNC = 1.0  # s
MOST_PENDING = 32 * 1024 * 1024  # bytes that wait for a full disk
ENCODERS = 2
AHEAD = 9  # by which the nice value of writing is below that of encoding: it takes little
NO_PIXELS = np.empty((0, 0), np.uint8)


class PictureProcess:
    """The process's work.

    Parameters
    ----------
    order : mapping
        "folder", "about", "cameras", "lossless", "memory" (a file), "slot" (bytes of one picture),
        "reserve" (bytes of the disk that pictures leave free), "nice" (priority of encoding).
    """

    def __init__(self, order: Mapping[str, Any]) -> None:
        self.folder, self.slot = Path(order["folder"]), int(order["slot"])
        self.reserve = int(order["reserve"])
        self.writer = PictureWriter(
            self.folder, order["about"], order["cameras"], bool(order["lossless"])
        )
        with open(order["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.encoders = ThreadPoolExecutor(ENCODERS, initializer=stand_back, initargs=(order,))
        self.coming: queue.SimpleQueue[tuple[dict[str, Any], Future[bytes]] | None] = (
            queue.SimpleQueue()
        )
        self.trouble: str | None = None
        self.synced = time.monotonic()
        self.syncing: threading.Thread | None = None

    def read(self) -> None:
        """Take pictures until the input ends; runs in a thread."""
        for line in sys.stdin.buffer:
            picture = json.loads(line)
            encoding: Future[bytes] = Future()
            if "jpeg" in picture:
                encoding.set_result(self.encode(picture))
            else:
                encoding = self.encoders.submit(self.encode, picture)
            self.coming.put((picture, encoding))
        self.coming.put(None)

    def encode(self, picture: Mapping[str, Any]) -> bytes:
        """Return a picture of the shared memory as its message.

        Parameters
        ----------
        picture : mapping
            "slot", "camera", "log_time"; "height" and "width" of pixels, or "jpeg", the bytes of
            the camera's own JPEG.

        Returns
        -------
        bytes
            For `PictureWriter.add`.
        """
        camera, log_time, start = (
            picture["camera"],
            picture["log_time"],
            picture["slot"] * self.slot,
        )
        if "jpeg" in picture:
            jpeg = self.memory[start : start + picture["jpeg"]]
            return self.writer.encoded(camera, log_time, NO_PIXELS, jpeg)
        height, width = picture["height"], picture["width"]
        image = np.frombuffer(self.memory, np.uint8, height * width, start)
        return self.writer.encoded(camera, log_time, image.reshape(height, width))

    def work(self) -> None:
        """Write until the input ends, then complete the file."""
        threading.Thread(target=self.read, name="reader", daemon=True).start()
        flushed = looked = time.monotonic()
        ended = False
        while not ended:
            left = max(0.0, flushed + FLUSH - time.monotonic())
            with suppress(queue.Empty):
                taken = self.coming.get(timeout=left)
                ended = taken is None
                if taken is not None:
                    self.take(*taken)
            now = time.monotonic()
            if now - flushed >= FLUSH or ended:
                flushed = now
                self.flush()
            if now - looked >= LOOK:
                looked = now
                self.look()
        try:
            self.writer.close()
        except OSError as error:
            self.say(trouble=error.strerror or str(error))
        self.say(closed=True)

    def take(self, picture: Mapping[str, Any], encoding: "Future[bytes]") -> None:
        """Add a picture to the file, unless there is no room for it.

        Parameters
        ----------
        picture : mapping
            As of `encode`.
        encoding : Future
            Of its message.
        """
        kept = 0
        try:
            data = encoding.result()
            if self.trouble is None and self.writer.file.pending < MOST_PENDING:
                now = picture["log_time"] + max(0, time.monotonic_ns() - picture["taken_ns"])
                self.writer.add(
                    picture["camera"], picture["log_time"], data, now, "jpeg" in picture
                )
                kept = len(data)
        except PictureError as error:
            self.say(trouble=str(error))
        self.say(slot=picture["slot"], camera=picture["camera"], kept=kept)

    def flush(self) -> None:
        """Append to the file; a full disk is reported, and tried again the next time."""
        try:
            self.writer.flush()
        except OSError as error:
            self.found(error.strerror or str(error))
        now = time.monotonic()
        if now - self.synced >= SYNC and (self.syncing is None or not self.syncing.is_alive()):
            self.synced = now
            self.syncing = threading.Thread(target=self.sync, name="sync", daemon=True)
            self.syncing.start()

    def sync(self) -> None:
        """Wait for the disk; a thread does, so that a slow one holds up nothing."""
        with suppress(OSError):  # what it means shows when it is written to
            self.writer.sync()

    def look(self) -> None:
        """Stop before the disk is too full for the poses; go on when there is room again."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            self.found(error.strerror or str(error))
            return
        if free < self.reserve:
            self.found(os.strerror(errno.ENOSPC))
        elif self.trouble is not None and free > 1.2 * self.reserve:
            with suppress(OSError):
                self.writer.flush()
                self.found(None)

    def found(self, trouble: str | None) -> None:
        """Report a change of the problem."""
        if trouble != self.trouble:
            self.trouble = trouble
            self.say(trouble=trouble)

    def say(self, **message: Any) -> None:
        """Write a line of JSON; the reader may be gone."""
        with suppress(OSError, ValueError):
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()


def stand_back(order: Mapping[str, Any]) -> None:
    """Give the calling thread the priority of encoding, which writing is ahead of.

    Parameters
    ----------
    order : mapping
        As of `PictureProcess`.
    """
    with suppress(OSError, AttributeError):  # only Linux has priorities of threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), order["nice"])


def main() -> None:
    """Do what the first line of the input says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the window's process
    order = json.loads(sys.stdin.buffer.readline())
    with suppress(OSError, AttributeError):
        os.nice(max(0, order["nice"] - AHEAD))
    process = PictureProcess(order)
    process.say(ready=True)
    process.work()


if __name__ == "__main__":
    main()
