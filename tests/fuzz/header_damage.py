"""Damage to what stands before the values of a volume: NIfTI's fields, NRRD's and MetaImage's."""

import gzip
import re
import struct
import zlib

import numpy as np

from tests.fuzz.bombs import MOST_PIECES, gzip_bomb, zlib_bomb
from tests.fuzz.mutations import MOST_BYTES, REPEATS, Rng, changed_bytes, changed_text, pick

# offset and type of the fields of a NIfTI header
FIELDS_1 = (
    *((0, "<i"), (70, "<h"), (72, "<h"), (108, "<f"), (112, "<f"), (116, "<f"), (123, "<B")),
    *((252, "<h"), (254, "<h"), (344, ">i")),
    *((40 + 2 * k, "<h") for k in range(8)),
    *((76 + 4 * k, "<f") for k in range(8)),
    *((256 + 4 * k, "<f") for k in range(18)),
)
FIELDS_2 = (
    *((0, "<i"), (4, ">i"), (12, "<h"), (168, "<q"), (176, "<d"), (184, "<d"), (344, "<i")),
    *((348, "<i"), (500, "<i")),
    *((16 + 8 * k, "<q") for k in range(8)),
    *((104 + 8 * k, "<d") for k in range(8)),
    *((352 + 8 * k, "<d") for k in range(18)),
)
WHOLE = (0, 1, -1, 2, 3, 4, 7, 8, 16, 64, 128, 256, 512, 2304, 32767, 2**31 - 1, 2**62)
REAL = (0.0, -0.0, 1.0, -1.0, 0.1, 1e-20, 1e9, 1e20, 1e38, np.nan, np.inf, -np.inf)
LABEL_TABLES = (
    b'<Label Key="' + b"9" * 5000 + b'">C1</Label>',
    b"<Label " * 40_000,
    b'<Label Key="1" ' * 20_000,
    b'<Label Key="1">' + b" " * 200_000,
    b'<Label Key="1"><![CDATA[' * 20_000,
    b'<Label Key="1">\xff\xfe\x00</Label>',
)
TABLE_END = b"</LabelTable>"
NRRD_LINES = (
    *(b"sizes: 1000000 1000000 1000000", b"sizes: 2 2 2", b"sizes: -1 5 5", b"sizes: 9", b"sizes:"),
    *(b"dimension: 16", b"dimension: 0", b"dimension: 4", b"type: block", b"type: double"),
    *(b"type: float", b"encoding: gzip", b"encoding: raw", b"encoding: hex", b"encoding: bzip2"),
    *(b"encoding: ascii", b"encoding: x", b"endian: big", b"byte skip: -1", b"byte skip: 9999999"),
    *(b"line skip: 999999999", b"data file: LIST", b"data file: x%03d.raw 1 9999999 1"),
    *(b"data file: /dev/zero", b"data file: .", b"data file: " + b"a" * 400),
    *(b"space directions: none none none", b"space directions: (nan,0,0) (0,1,0) (0,0,1)"),
    *(b"space directions: (1e300,0,0) (0,1e300,0) (0,0,1e300)", b"space: scanner-xyz"),
    *(b"space: right-anterior-superior-time", b"kinds: domain domain domain domain"),
    *(b"space origin: (1e308,1e308,1e308)", b'space units: "" "m" "mm"', b'space units: "\xff"'),
    *(b"Segment0_LabelValue:=" + b"9" * 5000, b"Segment0_Layer:=-1", b"Segment99_Layer:=1"),
    *(b"Segment0_Name:=\x1b[31m", b"Segment0_Layer:=1.5", b"Segment" + b"9" * 5000 + b"_Name:=x"),
)
MHA_LINES = (
    *(b"DimSize = 1000000 1000000 1000000", b"DimSize = 2 2 2", b"DimSize = -1 5 5", b"DimSize ="),
    *(b"NDims = 16", b"NDims = 0", b"NDims = 4", b"NDims = 999999999", b"NDims = x"),
    *(b"ElementType = MET_DOUBLE", b"ElementType = MET_OTHER", b"ElementType = MET_LONG_LONG"),
    *(b"ElementType = MET_STRING", b"ElementType = MET_SHORT_ARRAY"),
    *(b"CompressedData = True", b"CompressedData = False", b"CompressedDataSize = 99999999999"),
    *(b"CompressedDataSize = -5", b"BinaryData = False", b"HeaderSize = -1", b"HeaderSize = 1e9"),
    *(b"ElementNumberOfChannels = 3", b"ElementNumberOfChannels = 100000000"),
    *(b"ElementDataFile = /dev/zero", b"ElementDataFile = LIST", b"ElementDataFile = ."),
    *(b"ElementDataFile = x%03d.raw 1 99999999 1", b"ElementDataFile = " + b"a" * 400),
    *(b"TransformMatrix = 0 0 0 0 0 0 0 0 0", b"TransformMatrix = nan 0 0 0 1 0 0 0 1"),
    *(b"ElementSpacing = 0 0 0", b"ElementSpacing = -1 1e300 inf", b"Offset = 1e308 nan 0"),
    *(b"BinaryDataByteOrderMSB = True", b"ObjectType = Scene", b"ObjectType = " + b"x" * 5000),
)


def changed_nifti(rng: Rng, data: bytes) -> bytes:
    """Return an uncompressed NIfTI file with a field of its header changed, or its names."""
    if len(data) < 348:
        return changed_bytes(rng, data)
    if TABLE_END in data and rng.random() < 0.3:
        return data.replace(TABLE_END, pick(rng, LABEL_TABLES) + TABLE_END, 1)
    fields = FIELDS_2 if data[:4] == struct.pack("<i", 540) else FIELDS_1
    offset, kind = pick(rng, fields)
    if kind[1] in "fd":
        made = struct.pack(kind, pick(rng, REAL))
    else:
        size = struct.calcsize(kind)
        made = (pick(rng, WHOLE) & (1 << 8 * size) - 1).to_bytes(size, "little")
    return data[:offset] + made + data[offset + len(made) :]


def changed_gzip(rng: Rng, data: bytes) -> bytes:
    """Return a compressed NIfTI file that was changed before it was compressed, or a bomb."""
    try:
        inner = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MOST_BYTES)
    except zlib.error:
        return changed_bytes(rng, data)
    way = int(rng.integers(6))
    if way == 0:
        return gzip_bomb(_promising(rng, inner), int(rng.choice([1, 8, MOST_PIECES])))
    if way == 1:
        return data * min(int(rng.integers(2, REPEATS)), 1 + MOST_BYTES // max(len(data), 1))
    change = changed_nifti if way < 5 else changed_bytes
    return gzip.compress(change(rng, inner), 1, mtime=0)


def _promising(rng: Rng, inner: bytes) -> bytes:
    """A NIfTI-1 header whose size goes with a bomb, or is as it was."""
    if inner[:4] != struct.pack("<i", 348) or rng.random() < 0.3:
        return inner
    edge = int(rng.choice([200, 600, 1000, 1250, 2000]))
    return inner[:42] + struct.pack("<3h", edge, edge, edge) + inner[48:]


def changed_nrrd(rng: Rng, data: bytes) -> bytes:
    """Return a NRRD file with a line of its header changed."""
    head, separator, body = data.partition(b"\n\n")
    if rng.random() < 0.1:
        return head + separator + gzip_bomb(b"", int(rng.choice([1, MOST_PIECES])))
    return _changed_header(rng, head, NRRD_LINES, b":") + separator + body


def changed_metaimage(rng: Rng, data: bytes) -> bytes:
    """Return a MetaImage file with a line of its header changed."""
    found = re.search(rb"ElementDataFile = [^\n]*\n", data)
    end = found.end() if found else len(data)
    if rng.random() < 0.1:
        return data[:end] + zlib_bomb(b"", int(rng.choice([1, MOST_PIECES])))
    return _changed_header(rng, data[:end].rstrip(b"\n"), MHA_LINES, b"=") + b"\n" + data[end:]


def _changed_header(rng: Rng, head: bytes, lines: tuple[bytes, ...], separator: bytes) -> bytes:
    if rng.random() < 0.4:
        return changed_text(rng, head)
    line = pick(rng, lines)
    key = line.partition(separator)[0].strip()
    kept = head.split(b"\n")
    places = [k for k, own in enumerate(kept) if own.partition(separator)[0].strip() == key]
    at = places[0] if places else int(rng.integers(1, len(kept) + 1))
    return b"\n".join([*kept[:at], line, *kept[at + bool(places) :]])
