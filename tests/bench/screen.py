"""A virtual X screen whose pixels can be read at any time, without asking its programs."""

import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START_SECONDS = 20
# big-endian words of the X window dump's header (X11/XWDFile.h)
HEADER_SIZE, WIDTH, HEIGHT, BITS, LINE, COLOURS = 0, 4, 5, 11, 12, 19
COLOUR_SIZE = 12  # bytes of an entry of its colour table


class Screen:
    """Xvfb with its frame buffer in a file that is mapped here; a context manager.

    Reading it costs copying some bytes, and needs nothing of the programs that draw there.
    """

    def __init__(self, width: int = 1920, height: int = 1200) -> None:
        if shutil.which("Xvfb") is None:
            raise SystemExit("Xvfb is missing: scripts/system.sh --tests installs it")
        self.folder = Path(tempfile.mkdtemp(prefix="screen-"))
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [
                "Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24",
                "-fbdir", str(self.folder), "-nolisten", "tcp",
            ],
            pass_fds=(write,), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as line:
            self.display = f":{line.readline().strip()}"
        with (self.folder / "Xvfb_screen0").open("rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        words = struct.unpack(">25I", self.memory[:100])
        if words[BITS] != 32:
            raise SystemExit(f"Xvfb: expected 32 bits a pixel, got {words[BITS]}")
        start = words[HEADER_SIZE] + COLOUR_SIZE * words[COLOURS]
        rows = np.frombuffer(self.memory, np.uint8, words[HEIGHT] * words[LINE], start)
        self.pixels = rows.reshape(words[HEIGHT], words[LINE] // 4, 4)[:, : words[WIDTH]]

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(START_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def capture(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return what a part of the screen shows now, (height, width, 3), blue first."""
        return self.pixels[y : y + height, x : x + width, :3].copy()
