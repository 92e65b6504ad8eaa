"""PLY files, text and binary. VTK's reader ends the process where counts or indices are wrong."""

import re
from collections import Counter
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.core.textfile import printable
from nav.model.meshdata import MOST_TRIANGLES, MOST_VERTICES, MeshData, MeshError, parse_numbers

TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
CORNERS = ("vertex_indices", "vertex_index")
MOST_SIGMA = 20.0  # mm: a surface less certain than this is useless
MOST_HEADER = 65536  # bytes: comments are a few lines
COUNT = re.compile(r"\d{1,12}", re.ASCII)


@dataclass
class Element:
    """An element of the header.

    Parameters
    ----------
    name : str
        Such as vertex or face.
    count : int
        How many there are.
    properties : list of (str, str, str or None)
        Name, type, and the type of the length where it is a list.
    """

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        """Whether one may be longer than another."""
        return any(length for _, _, length in self.properties)

    def least_size(self, text: bool) -> int:
        """Return the bytes (numbers, if text) of one of them whose lists are empty."""
        kinds = (length or kind for _, kind, length in self.properties)
        return sum(1 if text else np.dtype(kind).itemsize for kind in kinds)


def read_ply(content: bytes) -> MeshData:
    """Read the mesh of a PLY file.

    Properties other than x, y, z, sigma and corners are left out.

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
        Not PLY, a header that cannot be read, fewer elements than it says, or no faces.
    """
    found, is_ras = _elements(content)
    return _mesh(found, is_ras)


def read_ply_points(content: bytes) -> MeshData:
    """Read the vertices of a PLY file, which may have no faces.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    MeshData
        Without corners.

    Raises
    ------
    MeshError
        As of `read_ply`, or no vertices.
    """
    found, is_ras = _elements(content)
    vertices = _vertices(found.get("vertex", {}))
    if not len(vertices):
        raise MeshError("has no vertices")
    empty = np.zeros(0, np.int64)
    return MeshData(vertices, empty, empty, is_ras)


def _elements(content: bytes) -> tuple[dict[str, dict[str, Any]], bool]:
    """Return the properties by element, and whether the file says that it is RAS."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    header, body = _split(content)
    order, elements = _parse_header(header)
    text = order == ""
    values: Any = parse_numbers(body) if text else body
    reader = _TextElements(values) if text else _BinaryElements(values, order)
    found: dict[str, dict[str, Any]] = {}
    for element in elements:
        left = reader.left // max(element.least_size(text), 1)
        if element.properties and element.count > left:
            raise MeshError(
                f"is cut short: its header says {element.count} of {element.name}, there is room "
                f"for {left}; copy or export it again"
            )
        most = MOST_TRIANGLES if element.has_lists else MOST_VERTICES
        if element.count > most:
            raise MeshError(f"has more than {most} of {element.name}; reduce it")
        found[element.name] = reader.read(element) if element.properties else {}
        if {"vertex", "face"} <= found.keys():
            break  # what follows is not part of the surface
    return found, b"SPACE=RAS" in content[:2048]


def _mesh(found: dict[str, dict[str, Any]], is_ras: bool) -> MeshData:
    vertex, face = found.get("vertex", {}), found.get("face", {})
    vertices = _vertices(vertex)
    listed = next((face[name] for name in CORNERS if isinstance(face.get(name), tuple)), None)
    if listed is None or not len(listed[1]):
        raise MeshError("has no triangles")
    corners, sizes = listed
    if corners.dtype.kind == "f" and not (corners == np.floor(corners)).all():
        raise MeshError("has a face that names a vertex by a number that is not whole")
    with np.errstate(invalid="ignore"):
        return MeshData(
            vertices,
            corners.astype(np.int64),
            sizes.astype(np.int64),
            is_ras,
            sigma=_sigma(vertex.get("sigma")),
        )


def _vertices(vertex: dict[str, Any]) -> Array:
    lacks = next((axis for axis in "xyz" if not isinstance(vertex.get(axis), np.ndarray)), None)
    if lacks:
        raise MeshError(f"has no property {lacks} of its vertices")
    return np.stack([vertex[axis].astype(float) for axis in "xyz"], axis=1)


def _sigma(values: Any) -> Array | None:
    """Return the vertices' property sigma, one standard deviation each, mm."""
    if not isinstance(values, np.ndarray):
        return None
    sigma = values.astype(float)
    wrong = ~(np.isfinite(sigma) & (sigma >= 0.0) & (sigma <= MOST_SIGMA))
    if wrong.any():
        raise MeshError(
            f"has sigma {sigma[wrong][0]:g} at a vertex; expected one standard deviation of the "
            f"surface's own error, 0 to {MOST_SIGMA:g} mm"
        )
    return sigma


def _split(content: bytes) -> tuple[str, bytes]:
    """Return the header and what follows its last line's end."""
    end = content.find(b"end_header", 0, MOST_HEADER)
    if not content.startswith(b"ply"):
        raise MeshError("is not PLY: it does not begin with 'ply'")
    if end < 0:
        raise MeshError("is cut short, or not PLY: its header does not end with 'end_header'")
    newline = b"\r\n" if content[3:5] == b"\r\n" else content[3:4]
    body = content[end + len(b"end_header") :].lstrip(b" ")
    return content[:end].decode("latin-1"), body.removeprefix(newline)


def _parse_header(header: str) -> tuple[str, list[Element]]:
    order: str | None = None
    elements: list[Element] = []
    for line in header.splitlines()[1:]:
        words = line.split()
        if not words or words[0] in ("comment", "obj_info"):
            continue
        try:
            if words[0] == "format":
                order = ORDERS[words[1]]
            elif words[0] == "element":
                if not COUNT.fullmatch(words[2]):
                    raise ValueError(words[2])
                elements.append(Element(words[1], int(words[2])))
            elif words[:2] == ["property", "list"]:
                length = TYPES[words[2]]
                elements[-1].properties.append((words[4], TYPES[words[3]], length))
            elif words[0] == "property":
                elements[-1].properties.append((words[2], TYPES[words[1]], None))
            else:
                raise ValueError(words[0])
        except (IndexError, KeyError, ValueError):
            shown = printable(line)
            raise MeshError(f"has a header line that cannot be read: {shown:.60}") from None
    if order is None:
        raise MeshError("has no line 'format' in its header")
    twice = _first_twice([element.name for element in elements])
    if twice is not None:
        raise MeshError(f"has the element {twice} twice in its header")
    for element in elements:
        twice = _first_twice([name for name, _, _ in element.properties])
        if twice is not None:
            raise MeshError(f"has the property {twice} of {element.name} twice in its header")
    return order, elements


def _first_twice(names: list[str]) -> str | None:
    return next((printable(f"{name:.40}") for name, n in Counter(names).items() if n > 1), None)


class _TextElements:
    """Read elements one after the other from the numbers of a text file."""

    def __init__(self, numbers: Array) -> None:
        self.numbers, self.place = numbers, 0

    @property
    def left(self) -> int:
        return len(self.numbers) - self.place

    def read(self, element: Element) -> dict[str, Any]:
        """Return values by property; of a list property its values and its lengths."""
        lengths = [int(n) if n == n and abs(n) < 1e9 else -1 for n in self._first_lengths(element)]
        width = len(element.properties) + sum(lengths)
        block = self.numbers[self.place : self.place + element.count * width]
        if min(lengths, default=0) >= 0 and len(block) == element.count * width:
            result = _columns(block.reshape(element.count, width), element, lengths)
            if result is not None:
                self.place += len(block)
                return result
        return self._read_one_by_one(element)

    def _first_lengths(self, element: Element) -> list[float]:
        lengths, place = [], self.place
        for _, _, length in element.properties:
            if length and element.count:
                lengths.append(float(self.numbers[place]) if place < len(self.numbers) else -1.0)
                place += max(int(lengths[-1]), 0) if abs(lengths[-1]) < 1e9 else 0
            place += 1
        return lengths

    def _read_one_by_one(self, element: Element) -> dict[str, Any]:
        parts: dict[str, list[Array]] = {name: [] for name, _, _ in element.properties}
        for _ in range(element.count):
            for name, _, length in element.properties:
                size = 1
                if length:
                    if self.left < 1:
                        raise _cut_short(element)
                    size = _length(self.numbers[self.place], element)
                    self.place += 1
                if size > self.left:
                    raise _cut_short(element)
                parts[name].append(self.numbers[self.place : self.place + size])
                self.place += size
        return _joined(parts, element)


class _BinaryElements:
    """Read elements one after the other from the bytes of a binary file."""

    def __init__(self, body: bytes, order: str) -> None:
        self.body, self.order, self.place = body, order, 0

    @property
    def left(self) -> int:
        return len(self.body) - self.place

    def read(self, element: Element) -> dict[str, Any]:
        """Return values by property; of a list property its values and its lengths."""
        kinds: list[Any] = []
        place = self.place
        for k, (_, kind, length) in enumerate(element.properties):
            if length is None or not element.count:
                kinds.append((f"value{k}", self.order + kind))
                place += np.dtype(kind).itemsize
                continue
            size = self._one(length, place, element)
            kinds.append((f"length{k}", self.order + length))
            kinds.append((f"value{k}", self.order + kind, (size,)))
            place += np.dtype(length).itemsize + size * np.dtype(kind).itemsize
            if place > len(self.body):
                raise _cut_short(element)
        record = np.dtype(kinds)
        if element.count * record.itemsize <= self.left:
            rows = np.frombuffer(self.body, record, element.count, self.place)
            result = self._fixed(rows, element)
            if result is not None:
                self.place += element.count * record.itemsize
                return result
        return self._read_one_by_one(element)

    def _reader_of(self, length: str | None) -> Struct | None:
        return None if length is None else Struct(self.order + np.dtype(length).char)

    def _one(self, kind: str, place: int, element: Element) -> int:
        dtype = np.dtype(self.order + kind)
        if place + dtype.itemsize > len(self.body):
            raise _cut_short(element)
        return _length(np.frombuffer(self.body, dtype, 1, place)[0], element)

    def _fixed(self, rows: NDArray[Any], element: Element) -> dict[str, Any] | None:
        """Return values where all lists are as long as the first ones; else None."""
        result: dict[str, Any] = {}
        for k, (name, _, length) in enumerate(element.properties):
            values = rows[f"value{k}"]
            if length and element.count:
                lengths = rows[f"length{k}"]
                if (lengths != lengths[0]).any():
                    return None
                result[name] = (values.reshape(-1), lengths)
            else:
                result[name] = (values[:0], values[:0]) if length else values
        return result

    def _read_one_by_one(self, element: Element) -> dict[str, Any]:
        parts: dict[str, list[Array]] = {name: [] for name, _, _ in element.properties}
        kinds = [
            (parts[name], np.dtype(self.order + kind), self._reader_of(length))
            for name, kind, length in element.properties
        ]
        place, end = self.place, len(self.body)
        for _ in range(element.count):
            for part, kind, length in kinds:
                size = 1
                if length is not None:
                    if place + length.size > end:
                        raise _cut_short(element)
                    size = _length(length.unpack_from(self.body, place)[0], element)
                    place += length.size
                if place + size * kind.itemsize > end:
                    raise _cut_short(element)
                part.append(np.frombuffer(self.body, kind, size, place))
                place += size * kind.itemsize
        self.place = place
        return _joined(parts, element)


def _length(number: float, element: Element) -> int:
    if not (0 <= number < 1e9 and number == int(number)):
        raise MeshError(f"has a list of {number:g} entries in {element.name}")
    return int(number)


def _cut_short(element: Element) -> MeshError:
    return MeshError(
        f"is cut short: it has fewer than the {element.count} of {element.name} that its header "
        "says; copy or export it again"
    )


def _columns(block: Array, element: Element, lengths: list[int]) -> dict[str, Any] | None:
    """Return values by property of uniform rows; None where a list is longer or shorter."""
    result: dict[str, Any] = {}
    place, left = 0, iter(lengths)
    for name, _, length in element.properties:
        if not length:
            result[name] = block[:, place]
            place += 1
            continue
        size = next(left, 0)
        if element.count and (block[:, place] != size).any():
            return None
        result[name] = (block[:, place + 1 : place + 1 + size].reshape(-1), block[:, place])
        place += 1 + size
    return result


def _joined(parts: dict[str, list[Array]], element: Element) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, _, length in element.properties:
        values = np.concatenate([*parts[name], np.zeros(0)])
        sizes = np.array([len(part) for part in parts[name]], np.int64)
        result[name] = (values, sizes) if length else values
    return result
