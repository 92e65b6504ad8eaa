"""POLYDATA of OpenIGTLink: surfaces, as VTK has them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.frames import Array
from nav.link.igtl_fields import UTF_8, BadMessage, decoded

_COUNTS = struct.Struct(">10I")
_ATTRIBUTE = struct.Struct(">BBI")
_CELLS = ("vertices", "lines", "polygons", "strips")

Indices = NDArray[np.int64]


def _no_cells() -> Indices:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class PolyAttribute:
    """Values at each point or cell.

    Parameters
    ----------
    type : int
        0 to 4: scalars, vectors, normals, tensors, RGBA of points; 16 more: of cells.
    name : str
        Without zeros.
    values : ndarray, shape (n, components)
        float32 in the message.
    """

    type: int
    name: str
    values: Array


@dataclass(frozen=True, eq=False)
class PolyData:
    """POLYDATA: a surface, or lines.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        mm.
    vertices, lines, polygons, strips : ndarray, shape (m,), int
        Cells one after another, each its number of points and then their indices.
    attributes : tuple of PolyAttribute
        Values of points or cells.
    """

    points: Array
    vertices: Indices = field(default_factory=_no_cells)
    lines: Indices = field(default_factory=_no_cells)
    polygons: Indices = field(default_factory=_no_cells)
    strips: Indices = field(default_factory=_no_cells)
    attributes: tuple[PolyAttribute, ...] = ()
    kind: ClassVar[str] = "POLYDATA"

    @classmethod
    def of_triangles(cls, points: ArrayLike, triangles: ArrayLike) -> PolyData:
        """Make it of a surface of triangles.

        Parameters
        ----------
        points : array_like, shape (n, 3)
            mm.
        triangles : array_like, shape (m, 3), int
            Indices of their corners.

        Returns
        -------
        PolyData
        """
        corners = np.asarray(triangles, np.int64)
        sizes = np.full((len(corners), 1), 3, np.int64)
        return cls(np.asarray(points, float), polygons=np.hstack((sizes, corners)).ravel())

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        cells = [getattr(self, name) for name in _CELLS]
        counts = [len(self.points)]
        for array in cells:
            counts += [len(_starts(array)), 4 * len(array)]
        parts = [
            _COUNTS.pack(*counts, len(self.attributes)),
            self.points.astype(">f4").tobytes(),
            *(array.astype(">u4").tobytes() for array in cells),
        ]
        for one in self.attributes:
            parts.append(_ATTRIBUTE.pack(one.type, one.values.shape[1], len(one.values)))
        names = b"".join(one.name.encode("utf-8") + b"\0" for one in self.attributes)
        parts.append(names + b"\0" * (len(names) % 2))
        parts += [one.values.astype(">f4").tobytes() for one in self.attributes]
        return b"".join(parts)

    @classmethod
    def decode(cls, body: bytes) -> PolyData:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong lengths, cells with points that do not exist, or names that are not text.
        """
        read = _Reader(body)
        counts = _COUNTS.unpack(read.take(_COUNTS.size))
        points = read.numbers(">f4", 3 * counts[0]).reshape(-1, 3)
        cells = {}
        for name, number, size in zip(_CELLS, counts[1:9:2], counts[2:9:2], strict=True):
            cells[name] = read.numbers(">u4", size // 4).astype(np.int64)
            _check_cells(name, cells[name], number, counts[0])
        heads = [_ATTRIBUTE.unpack(read.take(_ATTRIBUTE.size)) for _ in range(counts[9])]
        names = [read.name() for _ in heads]
        if sum(len(name) + 1 for name in names) % 2:
            read.take(1)
        attributes = tuple(
            PolyAttribute(
                type_,
                decoded(name, UTF_8),
                read.numbers(">f4", n * width).astype(float).reshape(n, width),
            )
            for (type_, width, n), name in zip(heads, names, strict=True)
        )
        if read.at != len(body):
            raise BadMessage(f"POLYDATA: has {len(body)} bytes, expected {read.at}")
        return cls(points.astype(float), attributes=attributes, **cells)


class _Reader:
    """Take one part of a body after another."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, size: int) -> bytes:
        if size > len(self.body) - self.at:
            raise BadMessage(f"POLYDATA: has {len(self.body)} bytes, expected more")
        self.at += size
        return self.body[self.at - size : self.at]

    def numbers(self, dtype: str, count: int) -> NDArray[np.generic]:
        return np.frombuffer(self.take(4 * count), dtype)

    def name(self) -> bytes:
        end = self.body.find(b"\0", self.at)
        if end < 0:
            raise BadMessage("POLYDATA: the name of an attribute has no end")
        return self.take(end + 1 - self.at)[:-1]


def _starts(cells: Indices) -> list[int]:
    """Return where each cell begins; ValueError where the last one is cut."""
    step = int(cells[0]) + 1 if len(cells) else 1
    if len(cells) % step == 0 and bool((cells[::step] == step - 1).all()):
        return list(range(0, len(cells), step))  # all of one size
    starts, at = [], 0
    while at < len(cells):
        starts.append(at)
        at += int(cells[at]) + 1
    if at != len(cells):
        raise ValueError("the last cell is cut")
    return starts


def _check_cells(name: str, cells: Indices, number: int, points: int) -> None:
    try:
        starts = _starts(cells)
    except ValueError:
        raise BadMessage(f"POLYDATA: {name}: the last cell is cut") from None
    if len(starts) != number:
        raise BadMessage(f"POLYDATA: {name}: has {len(starts)} cells, expected {number}")
    indices = np.delete(cells, starts)
    if len(indices) and int(indices.max()) >= points:
        raise BadMessage(f"POLYDATA: {name}: names point {indices.max()} of {points}")
