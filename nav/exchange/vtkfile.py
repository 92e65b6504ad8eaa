"""Read legacy VTK files, in which 3D Slicer keeps models unless told otherwise.

This reader is our own: VTK's ends the process where a count or an index is wrong.

References
----------
VTK File Formats, "Simple Legacy Formats", https://docs.vtk.org/en/latest/vtk_file_formats.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.model.meshdata import MOST_TRIANGLES, MOST_VERTICES, MeshData, MeshError, parse_numbers
from nav.model.meshfile import LoadedMesh, load_mesh

START = b"# vtk DataFile"
TYPES = {
    "char": "i1", "unsigned_char": "u1", "short": "i2", "unsigned_short": "u2", "int": "i4",
    "unsigned_int": "u4", "long": "i8", "unsigned_long": "u8", "float": "f4", "double": "f8",
    "vtkidtype": "i4", "vtktypeint32": "i4", "vtktypeint64": "i8", "vtktypeuint32": "u4",
    "vtktypeuint64": "u8",
}  # fmt: skip
CELLS = ("VERTICES", "LINES", "POLYGONS", "TRIANGLE_STRIPS")
DATA = ("POINT_DATA", "CELL_DATA")
LONGEST_LINE = 1024  # bytes
MOST_INDICES = 4 * MOST_TRIANGLES  # three corners and their number
MOST_FIELDS = 1000
Numbers = NDArray[Any]


def read_vtk_mesh(path: Path, field: str) -> LoadedMesh:
    """Read the triangles of a legacy VTK file, LPS; RAS is converted where its title states it.

    Parameters
    ----------
    path : Path
        The file.
    field : str
        What it is called in messages.

    Returns
    -------
    LoadedMesh
        mm, LPS.

    Raises
    ------
    InputError
        It cannot be read, holds no polygons, or impossible positions.
    """
    return load_mesh(path, field, read_vtk)


def read_vtk(content: bytes) -> MeshData:
    """Parse the polygons of a legacy VTK file, text or binary, of any version.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    MeshData
        Points, corners and sizes of the polygons, and whether the title states RAS.

    Raises
    ------
    MeshError
        Another kind of file, or damaged.
    """
    lines = content[: 4 * LONGEST_LINE].split(b"\n", 4)
    version = re.match(rb"# vtk DataFile Version (\d)\.\d", content)
    if version is None or len(lines) < 4 or b"POLYDATA" not in lines[3].upper():
        raise MeshError("is not a VTK file of polygons")
    form = lines[2].strip().upper()
    if form not in (b"ASCII", b"BINARY"):
        raise MeshError("is neither a text nor a binary VTK file")
    behind = sum(len(line) + 1 for line in lines[:4])
    cursor = _Cursor(content, behind, form == b"BINARY")
    points, corners, sizes = _parts(cursor, int(version[1]) >= 5)
    if points is None or not sizes:
        raise MeshError("has no triangles")
    return MeshData(
        points.reshape(-1, 3).astype(float),
        np.concatenate(corners).astype(np.int64),
        np.concatenate(sizes).astype(np.int64),
        b"SPACE=RAS" in lines[1],
    )


class _Cursor:
    """A position in a file, from which words and numbers are read on."""

    def __init__(self, content: bytes, at: int, binary: bool) -> None:
        self.content, self.at, self.binary = content, at, binary

    def words(self) -> list[str]:
        """Return the words of the next line that has any; none at the end."""
        while self.at < len(self.content):
            end = self.content.find(b"\n", self.at)
            end = len(self.content) if end < 0 else end
            line = self.content[self.at : min(end, self.at + LONGEST_LINE)]
            self.at = end + 1
            if line.strip():
                return line.decode("latin-1").split()
        return []

    def skip_block(self) -> None:
        """Skip lines up to an empty one."""
        found = re.compile(rb"\n[ \t\r]*\n").search(self.content, max(self.at - 1, 0))
        self.at = len(self.content) if found is None else found.end()

    def numbers(self, count: int, kind: str, most: int) -> Numbers:
        """Return a number of values of a type."""
        if kind.lower() not in TYPES:
            raise MeshError(f"has values of the type {kind[:40]}, which is not known")
        dtype = np.dtype(">" + TYPES[kind.lower()])
        size = dtype.itemsize if self.binary else 1
        if count > most or count * size > len(self.content) - self.at:
            raise MeshError(f"is cut short: it promises {count} numbers that are not in it")
        if self.binary:
            start, self.at = self.at, self.at + count * size
            return np.frombuffer(self.content, dtype, count, start)
        words = self.content[self.at :].split(None, count)
        rest = len(words[count]) if len(words) > count else 0
        self.at = len(self.content) - rest
        found = parse_numbers(b" ".join(words[:count]))
        if len(found) < count:
            raise MeshError(f"is cut short: it promises {count} numbers that are not in it")
        return found


def _parts(
    cursor: _Cursor, has_offsets: bool
) -> tuple[Numbers | None, list[Numbers], list[Numbers]]:
    """Return points, and corners and sizes of the polygons."""
    points: Numbers | None = None
    corners: list[Numbers] = []
    sizes: list[Numbers] = []
    while words := cursor.words():
        key = words[0].upper()
        if key in DATA:
            break  # colours and the like follow
        if key == "POINTS":
            kind = words[2] if len(words) > 2 else ""
            points = cursor.numbers(3 * _count(words, 1), kind, 3 * MOST_VERTICES)
        elif key in CELLS:
            own = _cells_5(cursor, words) if has_offsets else _cells(cursor, words)
            if key == "TRIANGLE_STRIPS":
                own = _triangles(*own)
            if key in ("POLYGONS", "TRIANGLE_STRIPS"):
                corners.append(own[0])
                sizes.append(own[1])
        elif key == "METADATA":
            cursor.skip_block()
        elif key == "FIELD":
            _skip_fields(cursor, words)
        else:
            raise MeshError(f"has {words[0][:40]!r} where points or polygons are expected")
    return points, corners, sizes


def _count(words: list[str], position: int) -> int:
    word = words[position] if len(words) > position else ""
    if not re.fullmatch(r"\d{1,10}", word, re.ASCII):
        raise MeshError(f"has {word[:40]!r} where the number of {words[0][:20]} is expected")
    return int(word)


def _cells(cursor: _Cursor, words: list[str]) -> tuple[Numbers, Numbers]:
    """Return corners and sizes before version 5: each polygon begins with its number of corners."""
    count, total = _count(words, 1), _count(words, 2)
    stored = _whole(cursor.numbers(total, "int", MOST_INDICES))
    starts, sizes, at = [], [], 0
    for _ in range(count):
        if at >= total or not 0 <= stored[at] < total - at:
            raise MeshError("is damaged: its polygons are longer than declared")
        starts.append(at)
        sizes.append(int(stored[at]))
        at += sizes[-1] + 1
    kept = np.ones(total, bool)
    kept[starts] = False
    kept[at:] = False
    return stored[kept], np.array(sizes, np.int64)


def _cells_5(cursor: _Cursor, words: list[str]) -> tuple[Numbers, Numbers]:
    """Return corners and sizes since version 5: where each polygon begins, then all corners."""
    wanted, total = _count(words, 1), _count(words, 2)
    found = {}
    for name, count in (("OFFSETS", wanted), ("CONNECTIVITY", total)):
        head = cursor.words()
        if len(head) != 2 or head[0].upper() != name:
            raise MeshError(f"has no {name} of its polygons")
        found[name] = _whole(cursor.numbers(count, head[1], MOST_INDICES))
    offsets, corners = found["OFFSETS"], found["CONNECTIVITY"]
    sizes = np.diff(offsets)
    if len(offsets) and (offsets[0] != 0 or offsets[-1] != total or (sizes < 0).any()):
        raise MeshError("is damaged: its polygons are longer than declared")
    return corners, sizes


def _whole(values: Numbers) -> Numbers:
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        raise MeshError("has a face that names a vertex by a number that is not whole")
    return values.astype(np.int64)


def _triangles(corners: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
    """Return the triangles of strips: every second one is flipped."""
    made = []
    for strip in np.split(corners, np.cumsum(sizes)[:-1]):
        triangles = np.stack([strip[:-2], strip[1:-1], strip[2:]], axis=1)
        triangles[1::2] = triangles[1::2, ::-1]
        made.append(triangles)
    found = np.concatenate([*made, np.zeros((0, 3), np.int64)])
    return found.ravel(), np.full(len(found), 3)


def _skip_fields(cursor: _Cursor, words: list[str]) -> None:
    """Skip a FIELD: arrays that belong to nothing."""
    count = _count(words, 2)
    if count > MOST_FIELDS:
        raise MeshError(f"has {count} fields; at most {MOST_FIELDS} are read")
    for _ in range(count):
        head = cursor.words()
        if len(head) == 4 and head[3].lower() != "string":
            cursor.numbers(_count(head, 1) * _count(head, 2), head[3], 3 * MOST_VERTICES)
        else:
            raise MeshError("has a field that is not read; save it again without")
        if not cursor.binary or cursor.content[cursor.at : cursor.at + 9] == b"\nMETADATA":
            _skip_metadata(cursor)


def _skip_metadata(cursor: _Cursor) -> None:
    before = cursor.at
    words = cursor.words()
    if words and words[0].upper() == "METADATA":
        cursor.skip_block()
    else:
        cursor.at = before
