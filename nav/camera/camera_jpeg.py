"""JPEG as webcams send it: checked, completed by tables it leaves out, decoded to grey levels."""

import struct
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.jpeg_damage import (
    FIRST_RESTART,
    MOST_SURPLUS,
    RESTART_MARKS,
    are_parts_damaged,
)
from nav.camera.picture_file import CUT_OFF, JPEG_END, JPEG_START
from nav.core.frameset import Picture

GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
FRAMES = frozenset((0xC0, 0xC1))  # of one scan, as webcams send them: baseline and extended
HUFFMAN, SCAN, RESTARTS = 0xC4, 0xDA, 0xDD
SEGMENTS = frozenset((*FRAMES, HUFFMAN, SCAN, 0xDB, RESTARTS, *range(0xE0, 0xF0), 0xFE))
BLOCK = 8  # px
MOST_PIXELS = 1 << 27
FILLING = 128  # grey level of blocks for which there are no data


class JpegError(ValueError):
    """A JPEG that cannot be used, and why, as the end of a sentence."""


@dataclass(frozen=True)
class CameraJpeg:
    """A JPEG whose structure is sound.

    Parameters
    ----------
    data : bytes
        From its first to its last mark.
    size : tuple of int
        Width and height, px.
    scan : int
        Where the compressed pixels begin.
    unit : tuple of int
        Width and height of the units in which they are compressed, px.
    interval : int
        Units from one restart to the next; 0 where there are none.
    frame : int
        Where its height and width are written.
    """

    data: bytes
    size: tuple[int, int]
    scan: int
    unit: tuple[int, int] = (BLOCK, BLOCK)
    interval: int = 0
    frame: int = 0

    def ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the units that end a part of the compressed pixels: what is lost shortens a part.

        Returns
        -------
        ndarray, shape (n,)
            Rows of their first pixels.
        ndarray, shape (n,)
            Columns.
        """
        columns, rows = (
            -(-whole // part) for whole, part in zip(self.size, self.unit, strict=True)
        )
        count = columns * rows
        last = np.append(np.arange(self.interval, count, self.interval or count), count) - 1
        last = last[last >= 0]
        return last // columns * self.unit[1], last % columns * self.unit[0]

    def is_damaged(self, parts: NDArray[np.bool_] | None = None) -> bool:
        """Decode parts of the compressed pixels, each for itself, to see whether they are damaged.

        Many cameras write a few bytes too many before restart marks. The decoder tells only of the
        first oddity of an image, so that these would hide a damage, and count as one.

        Parameters
        ----------
        parts : ndarray, shape (n,), bool, optional
            Which to look at, as of `ends`; all if not given.

        Returns
        -------
        bool
        """
        head, scan = self.data[: self.scan], self.data[self.scan :]
        columns, rows = (
            -(-whole // part) for whole, part in zip(self.size, self.unit, strict=True)
        )
        return are_parts_damaged(
            head, scan, self.frame, self.unit, (columns, rows), self.interval, parts
        )


def parse_camera_jpeg(data: bytes) -> CameraJpeg:
    """Check a webcam's buffer, and make a complete file of it.

    What follows the end mark is left out: drivers pad buffers. A missing end mark is added; so are
    the standard Huffman tables, without which many webcams send their images. Zeros after pixels
    without an end mark are left out, and a few stray bytes between segments of the head. None of
    this changes a pixel. Only the head is parsed: `decode_camera_jpeg` finds damage of the
    compressed pixels.

    Parameters
    ----------
    data : bytes
        As the driver gave it.

    Returns
    -------
    CameraJpeg

    Raises
    ------
    JpegError
        It is not the whole of a JPEG.
    """
    if not data.startswith(JPEG_START):
        raise JpegError("is not a JPEG" if data else "is empty")
    size, unit, restarts, tables, at = (0, 0), (BLOCK, BLOCK), 0, False, len(JPEG_START)
    frame = 0
    try:
        while True:
            if stray := data[at : at + MOST_SURPLUS + 1].find(b"\xff"):
                if stray < 0:
                    raise JpegError("is damaged" if at < len(data) else CUT_OFF)
                data = data[:at] + data[at + stray :]
            while data[at + 1] == 0xFF:
                at += 1  # filling before a mark
            mark, kind, length = struct.unpack_from(">BBH", data, at)
            if mark != 0xFF or kind not in SEGMENTS or length < 2:
                raise JpegError("is damaged")
            following = at + 2 + length
            if kind in FRAMES:
                height, width = struct.unpack_from(">HH", data, at + 5)
                size, unit, frame = (width, height), _unit(data, at + 9), at + 5
            elif kind == HUFFMAN:
                tables = True
            elif kind == RESTARTS:
                (restarts,) = struct.unpack_from(">H", data, at + 4)
            elif kind == SCAN:
                break
            at = following
    except (struct.error, IndexError):
        raise JpegError(CUT_OFF) from None
    if not 0 < size[0] * size[1] <= MOST_PIXELS:
        raise JpegError("is damaged")
    end = data.find(JPEG_END, following)  # compressed pixels hold no such bytes
    body = data[: end + len(JPEG_END)] if end >= 0 else _ended(data)
    if restarts:
        _check_restarts(np.frombuffer(body, np.uint8)[following:])
    if not tables:
        body = body[:at] + standard_tables() + body[at:]
        following += len(standard_tables())
    return CameraJpeg(body, size, following, unit, restarts, frame)


def _ended(data: bytes) -> bytes:
    """Add the end mark in place of padding, but for zeros that may be the last pixels'."""
    bare = data.rstrip(b"\x00")
    return bare + bytes(min(len(data) - len(bare), MOST_SURPLUS // 2)) + JPEG_END


def _unit(data: bytes, at: int) -> tuple[int, int]:
    """Return width and height of a unit, by the sampling of its components; one has single blocks.

    `at` is where the head of the frame counts its components.
    """
    samplings = data[at + 2 : at + 1 + 3 * data[at] : 3]
    if len(samplings) < 2:
        return BLOCK, BLOCK
    width, height = (max(s >> 4 for s in samplings), max(s & 15 for s in samplings))
    if not 0 < width <= 4 or not 0 < height <= 4:
        raise JpegError("is damaged")
    return width * BLOCK, height * BLOCK


def _check_restarts(scan: NDArray[np.uint8]) -> None:
    """Refuse compressed pixels whose restart marks do not count from 0 to 7 and again."""
    marks = scan[1:][(scan[:-1] == 0xFF)] - np.uint8(FIRST_RESTART)
    marks = marks[marks < RESTART_MARKS]
    if np.any(marks != np.arange(len(marks)) % RESTART_MARKS):
        raise JpegError("is damaged: a part of it is missing")


def decode_grey(jpeg: bytes) -> Picture | None:
    """Decode a JPEG's luminance; orientation tags are not followed.

    Everything that decodes JPEG for measuring does it here, so that a recorded image has the
    pixels of the live one.

    Parameters
    ----------
    jpeg : bytes
        The file.

    Returns
    -------
    ndarray, shape (h, w), uint8, or None
        Grey levels; None where it cannot be read.
    """
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), GREY)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def decode_camera_jpeg(jpeg: CameraJpeg) -> Picture:
    """Decode a webcam's JPEG, and refuse one whose compressed pixels are damaged.

    Lost data shorten the compressed pixels, and the decoder fills up what is missing at the end;
    it says so only on standard error, which is looked at where an end looks like such filling.

    Parameters
    ----------
    jpeg : CameraJpeg
        As parsed.

    Returns
    -------
    ndarray, shape (h, w), uint8
        Grey levels.

    Raises
    ------
    JpegError
        It is damaged.
    """
    image = decode_grey(jpeg.data)
    if image is None:
        raise JpegError("cannot be decoded")
    rows, columns = jpeg.ends()
    across = np.minimum(columns[:, None] + np.arange(BLOCK), image.shape[1] - 1)
    filled = np.all(image[rows[:, None], across] == FILLING, axis=1)
    if np.any(filled) and jpeg.is_damaged(filled):
        raise JpegError("is damaged: a part of it is missing")
    return image


@cache
def standard_tables() -> bytes:
    """Return the Huffman tables of the JPEG standard, ITU-T T.81 annex K, as segments of a file.

    Returns
    -------
    bytes
        As OpenCV writes them, which uses these unless it is asked to optimise.
    """
    example = cv2.imencode(".jpg", np.zeros((BLOCK, BLOCK, 3), np.uint8))[1].tobytes()
    tables, at = b"", len(JPEG_START)
    while True:
        _, kind, length = struct.unpack_from(">BBH", example, at)
        if kind == SCAN:
            return tables
        if kind == HUFFMAN:
            tables += example[at : at + 2 + length]
        at += 2 + length
