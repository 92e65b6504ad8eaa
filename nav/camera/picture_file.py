"""What an image file holds besides pixels: its real end, how many images, its orientation.

Decoders fill the rest of a truncated file with plain grey, take the first of many pages, and rotate
by the orientation tag, all silently. Here the file's own structure is parsed.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

CUT_OFF = "is cut off: its end is missing"
NO_PICTURE = "cannot be read as an image"
UPRIGHT = 1  # EXIF orientation: as the sensor has it
ORIENTATIONS = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees clockwise",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 90 degrees counter-clockwise",
}
MOST_PAGES = 100_000  # a loop of pages ends there

JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
# what may come after a scan: tables, the next scan, application data, comments, number of lines
JPEG_AFTER_SCAN = frozenset((0xC4, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE))
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"  # the first and the last mark of a file
JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])")
JPEG_RESTART = frozenset(range(0xD0, 0xD8))
PNG_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
TIFF_STRIPS, TIFF_TILES = (273, 279), (324, 325)  # tags: offsets, byte counts
TIFF_SUBFILE, TIFF_ORIENTATION, TIFF_ALPHA = 254, 274, 338
TIFF_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}  # bytes of whole-number types


@dataclass(frozen=True)
class PictureFile:
    """What the structure of an image file says.

    Parameters
    ----------
    problem : str
        Why it cannot be used, or empty.
    orientation : int
        EXIF's number; 1 is as the sensor has it.
    ones : tuple of (int, int, str)
        Places of a TIFF that must hold 1 for its pixels to come as they are (offset, bytes, byte
        order): libtiff follows the orientation and multiplies by transparency, asked to or not.
    """

    problem: str = ""
    orientation: int = UPRIGHT
    ones: tuple[tuple[int, int, Literal["little", "big"]], ...] = ()

    def plain(self, data: bytes) -> bytes:
        """Return the file's bytes with the places `ones` set to 1."""
        for at, size, order in self.ones:
            data = data[:at] + (1).to_bytes(size, order) + data[at + size :]
        return data

    @property
    def turned(self) -> str:
        """How it would be shown, in words, or empty."""
        return ORIENTATIONS.get(self.orientation, "")


def examine(data: bytes) -> PictureFile:
    """Parse an image file's structure.

    Parameters
    ----------
    data : bytes
        Of the whole file.

    Returns
    -------
    PictureFile
        Without a problem for formats that are not known here: the decoder decides.
    """
    if not data:
        return PictureFile("is empty")
    try:
        if data.startswith(JPEG_START):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return _gif(data)
    except (struct.error, IndexError):
        return PictureFile(CUT_OFF)
    return PictureFile()


def _several(count: int) -> PictureFile:
    return PictureFile(f"holds {count} images; expected one: save each as a file of its own")


def _jpeg(data: bytes) -> PictureFile:
    """Parse up to the end mark; what follows it (a film, a second image) does not matter."""
    at, orientation, scanned = 2, UPRIGHT, False
    while True:
        mark = JPEG_MARKER.match(data, at)
        if mark is None:
            return PictureFile(CUT_OFF if at + 1 >= len(data) else "is damaged")
        kind, at = mark[1][0], mark.end()
        if kind == 0xD9:
            return PictureFile("" if scanned else NO_PICTURE, orientation)
        if kind in JPEG_ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            return PictureFile(CUT_OFF if length >= 2 else "is damaged")
        if kind == 0xE1 and data[at + 2 : at + 8] == b"Exif\0\0":
            orientation = _exif(data[at + 8 : at + length])
        at += length
        if kind == 0xDA:
            scanned = True
            end, problem = _scan_end(data, at)
            if problem:
                return PictureFile(problem)
            at = end


def _scan_end(data: bytes, at: int) -> tuple[int, str]:
    """Find where a scan's compressed data end; restart marks must count from 0 to 7 and again."""
    restarts = 0
    for mark in JPEG_MARKER.finditer(data, at):
        kind = mark[1][0]
        if kind in JPEG_RESTART:
            if kind != 0xD0 + restarts % 8:
                return mark.start(), "is damaged: a part of it is missing"
            restarts += 1
        elif kind == 0xD9 or kind in JPEG_AFTER_SCAN:
            return mark.start(), ""
        else:
            return mark.start(), "is damaged"
    return len(data), CUT_OFF


def _png(data: bytes) -> PictureFile:
    at, orientation = 8, UPRIGHT
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = at + 8
        if content + length + 4 > len(data):
            return PictureFile(CUT_OFF)
        if kind in PNG_CRITICAL:
            (checksum,) = struct.unpack_from(">I", data, content + length)
            if zlib.crc32(memoryview(data)[at + 4 : content + length]) != checksum:
                return PictureFile("is damaged: a checksum in it is wrong")
        if kind == b"IHDR" and 0 in struct.unpack_from(">II", data, content):
            return PictureFile(NO_PICTURE)
        if kind == b"IEND":
            return PictureFile("", orientation)
        if kind == b"acTL":
            (count,) = struct.unpack_from(">I", data, content)
            if count > 1:
                return _several(count)
        if kind == b"eXIf":
            orientation = _exif(data[content : content + length])
        at = content + length + 4
    return PictureFile(CUT_OFF)


def _webp(data: bytes) -> PictureFile:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        return PictureFile(CUT_OFF)
    at, orientation, animated = 12, UPRIGHT, 0
    while at + 8 <= size + 8:
        kind, length = struct.unpack_from("<4sI", data, at)
        animated += kind == b"ANMF"
        if kind == b"EXIF":
            orientation = _exif(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return _several(animated) if animated > 1 else PictureFile("", orientation)


def _gif(data: bytes) -> PictureFile:
    """Parse blocks up to the trailer; each image descriptor is an image."""

    def table(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    at, pictures = 13 + table(data[10]), 0
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            pictures += 1
            at += 11 + table(data[at + 9])
        elif data[at] == 0x21:
            at += 2
        else:
            return PictureFile("is damaged")
        while data[at]:
            at += 1 + data[at]
        at += 1
    return _several(pictures) if pictures > 1 else PictureFile()


@dataclass(frozen=True)
class _Directory:
    """One page of a TIFF: whole-number values by tag, and where each tag's values lie."""

    values: dict[int, list[int]]
    at: dict[int, tuple[int, int]]

    @property
    def is_page(self) -> bool:
        """Whether it is neither a reduced copy (1) nor a mask (4) of another page."""
        return not self.values.get(TIFF_SUBFILE, [0])[0] & 5


def _tiff(data: bytes) -> PictureFile:
    order = "<" if data.startswith(b"II") else ">"
    pages = [page for page in _directories(data, order) if page.is_page]
    if not pages:
        return PictureFile(CUT_OFF)
    if len(pages) > 1:
        return _several(len(pages))
    (page,) = pages
    for offsets, counts in (TIFF_STRIPS, TIFF_TILES):
        for start, count in zip(
            page.values.get(offsets, ()), page.values.get(counts, ()), strict=False
        ):
            if start + count > len(data):
                return PictureFile(CUT_OFF)
    bytes_order: Literal["little", "big"] = "little" if order == "<" else "big"
    ones = [
        (*page.at[tag], bytes_order) for tag in (TIFF_ORIENTATION, TIFF_ALPHA) if tag in page.at
    ]
    return PictureFile("", page.values.get(TIFF_ORIENTATION, [UPRIGHT])[0], tuple(ones))


def _exif(data: bytes) -> int:
    """Return the orientation in an EXIF block; 1 where it is broken or has none."""
    try:
        order = "<" if data.startswith(b"II") else ">"
        for page in _directories(data, order):
            found = page.values.get(TIFF_ORIENTATION, [UPRIGHT])[0]
            return found if found in ORIENTATIONS else UPRIGHT
    except (struct.error, IndexError):
        pass
    return UPRIGHT


def _directories(data: bytes, order: str) -> Iterator[_Directory]:
    """Yield the pages of a TIFF or BigTIFF, and of EXIF, which is one."""
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, entry = ("Q", 20) if big else ("I", 12)
    size = struct.calcsize(order + word)
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < MOST_PAGES:
        seen.add(at)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
        first = at + (8 if big else 2)
        end = first + count * entry
        (following,) = struct.unpack_from(order + word, data, end)
        values: dict[int, list[int]] = {}
        places: dict[int, tuple[int, int]] = {}
        for start in range(first, end, entry):
            tag, kind, many = struct.unpack_from(order + "HH" + word, data, start)
            if kind not in TIFF_SIZES or many == 0:
                continue
            place = start + 4 + size
            if many * TIFF_SIZES[kind] > size:
                (place,) = struct.unpack_from(order + word, data, place)
            code = {1: "B", 2: "H", 4: "I", 8: "Q"}[TIFF_SIZES[kind]]
            if place + many * TIFF_SIZES[kind] <= len(data):
                values[tag] = list(struct.unpack_from(f"{order}{many}{code}", data, place))
                places[tag] = (place, TIFF_SIZES[kind])
        yield _Directory(values, places)
        at = following
