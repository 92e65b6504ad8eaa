"""VTK XML PolyData (VTP). VTK's reader ends the process where counts or indices are wrong."""

import base64
import binascii
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from nav.model.meshdata import MOST_TRIANGLES, MOST_VERTICES, MeshData, MeshError, parse_numbers

TYPES = {
    **{f"Int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{"Float32": "f4", "Float64": "f8", "String": "u1"},
}
ORDERS = {"LittleEndian": "<", "BigEndian": ">"}
HEADER_TYPES = {"UInt32": "u4", "UInt64": "u8"}
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "vtkZLibDataCompressor": zlib.decompressobj,
    "vtkLZMADataCompressor": lzma.LZMADecompressor,
}
MOST_NUMBERS = 2**24  # of an array: the largest number of vertices has nine million
TOO_MANY = f"has more than {MOST_TRIANGLES} triangles; reduce it"
ARRAYS = ("Points", "Polys", "Strips", "FieldData")


@dataclass
class _DataArray:
    """An array of the file as it is written: where it belongs, its attributes, its text."""

    section: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


@dataclass
class _Document:
    """What is kept of a file's XML: root and pieces by attributes, arrays of each piece."""

    root: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[dict[str, str], list[_DataArray]]] = field(default_factory=list)
    fields: list[_DataArray] = field(default_factory=list)
    appended: str = "raw"


def read_vtp(content: bytes) -> MeshData:
    """Read the polygons and triangle strips of a VTP file, all its pieces.

    Arrays may be text, base64 or appended, uncompressed or compressed with zlib or LZMA.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    MeshData

    Raises
    ------
    MeshError
        Not VTP, an array that is missing or shorter than it says, another compressor, no polygons.
    """
    document, tail = _parse(content)
    if document.root.get("type") != "PolyData":
        raise MeshError(f"is not VTP: its type is {document.root.get('type', 'not given'):.40}")
    decode = _Decoder(document, tail)
    vertices: list[NDArray[Any]] = []
    corners: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    sizes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    count = 0
    for attributes, arrays in document.pieces:
        points = _points(attributes, arrays, decode)
        for own_corners, own_sizes in (
            _cells(attributes, arrays, decode, "Polys"),
            _strips(*_cells(attributes, arrays, decode, "Strips")),
        ):
            wrong = (own_corners < 0) | (own_corners >= len(points))
            if wrong.any():
                raise MeshError(
                    f"has a face that names vertex {own_corners[wrong][0]}, there are {len(points)}"
                )
            corners.append(own_corners + count)
            sizes.append(own_sizes)
        vertices.append(points)
        count += len(points)
        if sum(map(len, sizes)) > MOST_TRIANGLES or count > MOST_VERTICES:
            raise MeshError(TOO_MANY)
    if not sum(map(len, sizes)):
        raise MeshError("has no triangles")
    is_ras = any(
        a.attributes.get("Name") == "SPACE"
        and bytes(decode(a).astype(np.uint8)).strip(b"\0").upper() == b"RAS"
        for a in document.fields
    )
    return MeshData(
        np.concatenate(vertices), np.concatenate(corners), np.concatenate(sizes), is_ras
    )


def _parse(content: bytes) -> tuple[_Document, bytes]:
    """Parse the XML, and return what is appended to it, which need not be XML."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    start = content.find(b"<AppendedData")
    tail = b""
    if start >= 0:
        end = content.find(b">", start) + 1
        mark = content.find(b"_", end)
        if end == 0 or mark < 0:
            raise MeshError("is cut short: what it appends is missing; copy or export it again")
        tail = content[mark + 1 :]
        content = content[:end] + b"</AppendedData></VTKFile>"
    document, path = _Document(), list[str]()

    def begin(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if path == ["VTKFile"]:
            document.root = attributes
        elif name == "Piece":
            document.pieces.append((attributes, []))
        elif name == "AppendedData":
            document.appended = attributes.get("encoding", "raw")
        elif name in ("DataArray", "Array") and len(path) > 1:
            array = _DataArray(path[-2], attributes)
            if array.section == "FieldData":
                document.fields.append(array)
            elif array.section in ARRAYS and document.pieces:
                document.pieces[-1][1].append(array)
            open_arrays.append(array)

    def end_element(name: str) -> None:
        path.pop()
        if name in ("DataArray", "Array"):
            open_arrays.clear()

    def text(data: str) -> None:
        # VTK nests keys with numbers of their own in an array
        if open_arrays and path[-1] in ("DataArray", "Array"):
            open_arrays[-1].text.append(data)

    def refuse(*_: object) -> None:
        raise MeshError("has a document type, which VTP files do not have")

    open_arrays: list[_DataArray] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end_element
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MeshError(f"is not XML, or cut short: {error}") from None
    return document, tail


def _points(
    attributes: dict[str, str], arrays: list[_DataArray], decode: "_Decoder"
) -> NDArray[np.float64]:
    count = _count(attributes, "NumberOfPoints")
    found = [array for array in arrays if array.section == "Points"]
    if not count and not found:
        return np.zeros((0, 3))
    values = decode(found[0]) if found else np.zeros(0)
    if len(values) != 3 * count:
        raise MeshError(
            f"is damaged: it says {count} points and has {len(values)} numbers for them"
        )
    return values.astype(float).reshape(-1, 3)


def _cells(
    attributes: dict[str, str], arrays: list[_DataArray], decode: "_Decoder", section: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return corners and sizes of Polys or Strips."""
    count = _count(attributes, f"NumberOf{section}")
    own = {a.attributes.get("Name"): a for a in arrays if a.section == section}
    if not count:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if not {"connectivity", "offsets"} <= own.keys():
        raise MeshError(f"has no connectivity and offsets of its {section}")
    corners, offsets = _whole(decode(own["connectivity"])), _whole(decode(own["offsets"]))
    if len(offsets) == count + 1 and offsets[0] == 0:
        offsets = offsets[1:]
    sizes = np.diff(offsets, prepend=0)
    if len(offsets) != count or (sizes < 0).any() or offsets[-1] != len(corners):
        raise MeshError(
            f"is damaged: it says {count} {section}, has {len(offsets)} offsets and "
            f"{len(corners)} corners that do not fit"
        )
    return corners, sizes


def _strips(
    corners: NDArray[np.int64], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return triangles of triangle strips; every second one is reversed."""
    counts = np.maximum(sizes - 2, 0)
    total = int(counts.sum())
    if total > MOST_TRIANGLES:
        raise MeshError(TOO_MANY)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(np.cumsum(sizes) - sizes, counts) + within
    turned = within % 2
    triangles = corners[np.stack([first + turned, first + 1 - turned, first + 2], axis=1)]
    return triangles.reshape(-1), np.full(total, 3)


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind == "f" and not (np.abs(values) < 2.0**53).all():
        raise MeshError("has an index that is not a whole number")
    return values.astype(np.int64)


def _count(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "0").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise MeshError(f"is damaged: {name} is {text!r:.40}")
    return int(text)


class _Decoder:
    """Decode the numbers of an array, in each of the file's encodings."""

    def __init__(self, document: _Document, tail: bytes) -> None:
        root = document.root
        try:
            self.order = ORDERS[root.get("byte_order", "LittleEndian")]
            self.header = np.dtype(self.order + HEADER_TYPES[root.get("header_type", "UInt32")])
        except KeyError as error:
            raise MeshError(f"is damaged: {error} is not a byte order or header type") from None
        compressor = root.get("compressor", "")
        if compressor and compressor not in DECOMPRESSORS:
            raise MeshError(f"is compressed by {compressor:.40}; save it with zlib or uncompressed")
        self.decompressor = DECOMPRESSORS.get(compressor)
        self.tail, self.appended = tail, document.appended

    def __call__(self, array: _DataArray) -> NDArray[Any]:
        kind, encoding = array.attributes.get("type"), array.attributes.get("format", "ascii")
        if kind not in TYPES:
            raise MeshError(f"has an array of type {kind!s:.40}")
        dtype = np.dtype(self.order + TYPES[kind])
        most = MOST_NUMBERS * dtype.itemsize
        if encoding == "ascii":
            values: NDArray[Any] = parse_numbers("".join(array.text).encode())
        else:
            if encoding == "binary":
                data = self._blocks("".join(array.text).strip().encode(), True, most)
            elif encoding == "appended":
                offset = _count(array.attributes, "offset")
                data = self._blocks(self.tail[offset:], self.appended == "base64", most)
            else:
                raise MeshError(f"has an array of format {encoding:.40}")
            if len(data) % dtype.itemsize:
                raise MeshError("is damaged: an array ends within a number")
            values = np.frombuffer(data, dtype)
        if len(values) > MOST_NUMBERS:
            raise MeshError(f"is too large: an array of {len(values)} numbers")
        return values

    def _blocks(self, source: bytes, is_base64: bool, most: int) -> bytes:
        size = self.header.itemsize
        if self.decompressor is None:
            (length,) = self._ints(_take(source, 0, size, is_base64), 1)
            encoded = -(-size // 3) * 4
            if is_base64 and b"=" not in source[:encoded]:  # header and data encoded as one
                return _take(source, 0, size + length, True)[size:]
            return _take(source, encoded if is_base64 else size, length, is_base64)
        count, block, last = self._ints(_take(source, 0, 3 * size, is_base64), 3)
        if count and not (block > 0 and last <= block and count * block <= most):
            raise MeshError(
                f"is damaged, or too large: {count} blocks of {block} bytes in an array"
            )
        lengths = self._ints(_take(source, 0, (3 + count) * size, is_base64), 3 + count)[3:]
        place = (3 + count) * size
        packed = _take(source, -(-place // 3) * 4 if is_base64 else place, sum(lengths), is_base64)
        parts, start = [], 0
        for k, length in enumerate(lengths):
            unpacked = last if k == count - 1 and last else block
            try:
                part = self.decompressor().decompress(packed[start : start + length], unpacked)
            except (zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:
                raise MeshError(f"is damaged: an array cannot be unpacked: {error}") from None
            if len(part) != unpacked:
                raise MeshError("is cut short or damaged: an array is shorter than it says")
            parts.append(part)
            start += length
        return b"".join(parts)

    def _ints(self, data: bytes, count: int) -> list[int]:
        return [int(n) for n in np.frombuffer(data, self.header, count)]


def _take(source: bytes, start: int, length: int, is_base64: bool) -> bytes:
    """Return `length` bytes from place `start` of what is encoded or not."""
    end = start + (-(-length // 3) * 4 if is_base64 else length)
    part = source[start:end]
    if is_base64:
        try:
            part = base64.b64decode(part, validate=True)
        except binascii.Error:
            part = b""
    if len(part) < length:
        raise MeshError("is cut short or damaged: an array is shorter than it says")
    return part[:length]
