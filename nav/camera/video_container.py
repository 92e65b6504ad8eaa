"""Read a video's container: whether it is complete, has a clock, and how the camera was held."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NOT_CLOSED = "was not closed by its recorder"
CUT_OFF = "is cut off"
HEAD = 64  # bytes that tell the kind
MOST_INDEX = 1 << 28  # bytes of an MP4's index that are read
ISO_FIRST = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
MATROSKA = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True)
class VideoContainer:
    """What the structure of a video file says.

    Parameters
    ----------
    cut_off : str
        What is missing, in words, or empty.
    timeless : bool
        Whether it is images one after the other without times, for which decoders invent some.
    turned : str
        How it would be shown, in words, or empty.
    """

    cut_off: str = ""
    timeless: bool = False
    turned: str = ""


def examine_video(path: Path) -> VideoContainer:
    """Parse a video file's outer structure.

    Parameters
    ----------
    path : Path
        The video.

    Returns
    -------
    VideoContainer
        Without findings for formats that are not known here.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        try:
            if head[4:8] in ISO_FIRST:
                return _iso(file, size)
            if head[:4] == b"RIFF":
                return VideoContainer(_riff(file, size))
            if head[:4] == MATROSKA:
                return VideoContainer(_matroska(file, size))
            if head[:16] == ASF:
                return VideoContainer(_asf(file, size))
            if head[:4] == b"OggS":
                return VideoContainer(_ogg(file, size))
        except struct.error:
            return VideoContainer(CUT_OFF)
    # JPEGs one after the other; H.264, HEVC and MPEG video begin with a start code, but a program
    # stream's (0xBA) has a clock
    start_code = head[:3] == b"\0\0\1" or head[:4] == b"\0\0\0\1"
    return VideoContainer("", head[:2] == b"\xff\xd8" or (start_code and head[3] != 0xBA))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin of content and end of each box of an MP4; the last end may lie beyond."""
    while at + 8 <= end:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        content = at + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            content += 8
        following = end if length == 0 else at + length
        if following <= at:
            return
        yield kind, content, following
        at = following


def _iso(file: BinaryIO, size: int) -> VideoContainer:
    index, cut = None, ""
    for kind, content, end in _boxes(file, 0, size):
        if end > size:
            cut = CUT_OFF
        if kind == b"moov":
            file.seek(content)
            index = file.read(min(end - content, MOST_INDEX))
    if index is None:
        return VideoContainer(f"{NOT_CLOSED}: its index (moov) is missing")
    return VideoContainer(cut, False, _display(index))


def _display(index: bytes) -> str:
    """Return how the first track with an image would be shown: its display matrix in words."""
    at = index.find(b"tkhd")
    while at >= 0:
        start = at + 8 + (32 if index[at + 4 : at + 5] == b"\1" else 20) + 16
        if start + 44 > len(index):
            return ""
        a, b, _, c, d, *_ = struct.unpack_from(">9i", index, start)
        width, _ = struct.unpack_from(">II", index, start + 36)
        if width:
            mirrored = "mirrored" if a * d - b * c < 0 else ""
            angle = 0 if abs(a) >= abs(b) and a > 0 else 180 if abs(a) >= abs(b) else 90
            turned = f"turned by {angle} degrees" if angle and not mirrored else ""
            return mirrored or turned
        at = index.find(b"tkhd", at + 4)
    return ""


def _riff(file: BinaryIO, size: int) -> str:
    at = 0
    while at + 12 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF":
            return ""
        if length in (0, 0xFFFFFFFF):
            return NOT_CLOSED
        at += 8 + length + length % 2
    return CUT_OFF if at > size + 1 else ""


def _vint(file: BinaryIO, keep_marker: bool) -> tuple[int, int, bool]:
    """Read a Matroska number: its value, its bytes, whether it says 'unknown'."""
    first = file.read(1)
    if not first or first[0] == 0:
        raise struct.error
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        raise struct.error
    value = int.from_bytes(first + rest, "big")
    ones = value & ((1 << (7 * length)) - 1)
    unknown = ones == (1 << (7 * length)) - 1
    return (value if keep_marker else ones), length, unknown


def _matroska(file: BinaryIO, size: int) -> str:
    """Check the segment's end, or where its length is not known the end of its last element."""
    at, inside = 0, False
    while at < size:
        file.seek(at)
        kind, kind_bytes, _ = _vint(file, True)
        length, length_bytes, unknown = _vint(file, False)
        content = at + kind_bytes + length_bytes
        if kind == int.from_bytes(SEGMENT, "big") and not inside:
            if not unknown:
                return CUT_OFF if content + length > size else ""
            inside, at = True, content
            continue
        if unknown:  # a stream that was recorded as it came
            return ""
        at = content + length
    return CUT_OFF if at > size else ""


def _asf(file: BinaryIO, size: int) -> str:
    file.seek(0)
    head = file.read(1 << 16)
    at = head.find(ASF_FILE)
    if at < 0:
        return ""
    (declared,) = struct.unpack_from("<Q", head, at + 40)
    (flags,) = struct.unpack_from("<I", head, at + 88)
    if flags & 1:
        return NOT_CLOSED
    return CUT_OFF if declared > size else ""


def _ogg(file: BinaryIO, size: int) -> str:
    """Check that each stream's last page says that it is."""
    file.seek(max(size - (1 << 17), 0))
    tail = file.read()
    last = tail.rfind(b"OggS")
    return "" if last >= 0 and tail[last + 5 : last + 6] and tail[last + 5] & 4 else CUT_OFF
