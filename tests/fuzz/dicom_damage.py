"""Damage to DICOM files by their elements: representations, lengths, values, nesting, pixels."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.fuzz.bombs import MOST_PIECES, deflate_bomb
from tests.fuzz.mutations import DEPTH, NUMBER_TEXTS, Rng, changed_bytes, pick

START = 132  # preamble and sign
LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
REPRESENTATIONS = (
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB"),
    *(b"OD", b"OF", b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"TM", b"UI", b"UL", b"UN"),
    *(b"US", b"UT", b"XX", b"\0\0"),
)
LENGTHS = (0, 1, 3, 255, 65534, 65535, 65536, 2**20, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
UNDEFINED = 2**32 - 1
ITEM_GROUP = 0xFFFE
SEPARATED = (b"1\\2\\3", b"\\\\\\", b"-1\\-1\\-1", b"1e9\\1e9\\1e9", b"0\\0\\0\\0\\0\\0")
WORDS = (0, 1, 2, 7, 8, 12, 15, 16, 17, 32, 64, 255, 4096, 32767, 32768, 65535)
SYNTAXES = (
    *(b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.1.99"),
    *(b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.50"),
    *(b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.90"),
    *(b"1.2.840.10008.1.2.4.201", b"1.2.840.10008.1.2.4.102", b"1.2.3", b""),
)
# markers whose segments hold the picture's size: JPEG's frames, JPEG-LS's, JPEG 2000's
FRAMES = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7", b"\xff\x51")
NUMBER_OF_FRAMES, ROWS, COLUMNS, SYNTAX = 0x00280008, 0x00280010, 0x00280011, 0x00020010


@dataclass(frozen=True)
class Element:
    """Where an element of a file in explicit little endian stands, and what it is."""

    start: int
    tag: int
    vr: bytes
    value: int
    end: int


def elements(data: bytes) -> list[Element]:
    """All elements, those within sequences too, as far as they can be followed."""
    found: list[Element] = []
    at = START
    while at + 8 <= len(data):
        group, number = struct.unpack_from("<HH", data, at)
        if group == ITEM_GROUP:
            at += 8
            continue
        vr = data[at + 4 : at + 6]
        if vr in LONG:
            if at + 12 > len(data):
                break
            value, length = at + 12, struct.unpack_from("<I", data, at + 8)[0]
        elif vr.isalpha() and vr.isupper():
            value, length = at + 8, struct.unpack_from("<H", data, at + 6)[0]
        else:
            break  # implicit, or no DICOM any more
        inside = vr == b"SQ" or length == UNDEFINED
        end = value if inside else value + length
        if end > len(data):
            break
        found.append(Element(at, group << 16 | number, vr, value, end))
        at = end
    return found


def encoded(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an element; length : what it says of itself, if something else than is true."""
    told = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in LONG:
        return head + b"\0\0" + struct.pack("<I", told & 0xFFFFFFFF) + value
    return head + struct.pack("<H", told & 0xFFFF) + value


def changed_dicom(rng: Rng, data: bytes) -> bytes:
    """Return a DICOM file with one element changed, or its pixels."""
    known = elements(data)
    if not known:
        return changed_bytes(rng, data)
    element = pick(rng, known)
    before, after = data[: element.start], data[element.end :]
    value = data[element.value : element.end]
    way = int(rng.integers(13))
    if way == 0:
        return before + encoded(element.tag, pick(rng, REPRESENTATIONS), value) + after
    if way == 1:
        return before + encoded(element.tag, element.vr, value, pick(rng, LENGTHS)) + after
    if way <= 4:
        return before + encoded(element.tag, element.vr, _value(rng, element.vr, value)) + after
    if way == 5:
        return before + after
    if way == 6:
        return data[: element.end] + data[element.start : element.end] + after
    if way == 7:
        other = pick(rng, known)
        return before + data[other.start : other.end] + after
    if way == 8:
        return before + nested(rng) + data[element.start :]
    if way == 9:
        return _sized(rng, data, known)
    if way == 10:
        return _coded(rng, data)
    if way == 11:
        return _with(data, known, SYNTAX, pick(rng, SYNTAXES))
    return _deflated(rng, data, known)


def nested(rng: Rng) -> bytes:
    """Return a sequence in a sequence in a sequence, and so on; closed or not."""
    head = encoded(0x00081140, b"SQ", b"", UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    depth = int(rng.choice([40, 400, DEPTH]))
    close = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return head * depth + close * int(rng.choice([0, depth]))


def _value(rng: Rng, vr: bytes, value: bytes) -> bytes:
    if vr in (b"US", b"SS"):
        return struct.pack("<H", pick(rng, WORDS))
    if vr in (b"FD", b"FL"):
        number: Any = pick(rng, (0.0, -1.0, np.nan, np.inf, 1e30, 1e-30))
        return struct.pack("<d" if vr == b"FD" else "<f", number)
    if vr in (b"DS", b"IS", b"UI", b"CS", b"LO", b"SH"):
        texts = (*NUMBER_TEXTS, *SEPARATED, b"CT", b"SEG", b"\xff\xfe", b"1\\" * 5000)
        text = pick(rng, texts)
        return text + b" " * (len(text) % 2)
    return changed_bytes(rng, value)


def _with(data: bytes, known: list[Element], tag: int, value: bytes) -> bytes:
    """Return the file with another value of its first element of a tag."""
    for element in known:
        if element.tag == tag:
            padded = value + (b"\0" if element.vr == b"UI" else b" ") * (len(value) % 2)
            made = encoded(tag, element.vr, padded)
            return data[: element.start] + made + data[element.end :]
    return data


def _sized(rng: Rng, data: bytes, known: list[Element]) -> bytes:
    """A header that promises more, or less, than is there."""
    tag = pick(rng, (ROWS, COLUMNS, NUMBER_OF_FRAMES))
    if tag == NUMBER_OF_FRAMES:
        return _with(data, known, tag, pick(rng, (b"0", b"1", b"3", b"20000", b"99999999", b"-1")))
    return _with(data, known, tag, struct.pack("<H", pick(rng, WORDS)))


def _coded(rng: Rng, data: bytes) -> bytes:
    """Another size, or anything else, in the head of a compressed picture."""
    places = [at for marker in FRAMES if (at := data.find(marker, START)) >= 0]
    if not places:
        return changed_bytes(rng, data)
    at = pick(rng, places) + 2 + int(rng.integers(40))
    word = pick(rng, (b"\0\0", b"\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x01", b"\x20"))
    return data[:at] + word + data[at + len(word) :]


def _deflated(rng: Rng, data: bytes, known: list[Element]) -> bytes:
    """A data set that is compressed as a whole and unpacks to a lot."""
    changed = _with(data, known, SYNTAX, SYNTAXES[2])
    behind = next((e for e in elements(changed) if e.tag >> 16 > 2), None)
    if behind is None:
        return data
    pieces = int(rng.choice([1, 8, MOST_PIECES]))
    return changed[: behind.start] + deflate_bomb(changed[behind.start :], pieces)
