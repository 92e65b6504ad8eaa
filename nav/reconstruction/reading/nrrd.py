"""NRRD files, parsed here: libraries end the process where a header is damaged.

References
----------
Definition of NRRD file format, Teem, https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.reconstruction.reading.placement import is_placed
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.reading.stored_values import AT_END, VoxelFile

LONGEST_HEADER = 8 * 2**20  # bytes: a segmentation of a hundred structures has 0.1 MB
LONGEST_NAME = 255  # characters
MOST_LINES = 1000  # before the values
LENGTHS = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "millimeter": 1.0, "um": 0.001, "µm": 0.001}
TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "char"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16",
                     "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long",
                     "signed long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64",
                     "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}  # fmt: skip
PACKINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
# signs that convert a space's first three axes to LPS
SPACES = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
}  # fmt: skip
VECTOR = re.compile(r"none|\([^)]*\)", re.I)


def parse_nrrd(path: Path) -> tuple[VoxelFile, dict[str, str]]:
    """Read the header of an NRRD file of a volume.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    header : VoxelFile
        Layout of the values and their position, in the file's unit of length.
    fields : dict of str to str
        Fields and keys, in lower case; the values of keys without the ``=`` of ``:=``.

    Raises
    ------
    InputError
        Not an NRRD of a volume with a known position, or its header contradicts itself.
    """
    fields, behind = _fields(path)
    size, components, axis, matrix = _axes(path, fields)
    dtype = _dtype(path, fields)
    refuse_huge(int(np.prod([*size, components], dtype=object)), f"{path}", dtype.itemsize)
    encoding = fields.get("encoding", "").lower()
    if encoding not in PACKINGS:
        raise InputError(
            f"{path}: its values are encoded as {encoding!r:.40}; save it as raw or gzip"
        )
    data, own = _data_file(path, fields)
    skip, lines = (_whole(path, fields, name, 0) for name in ("byte skip", "line skip"))
    if (
        not 0 <= lines <= MOST_LINES
        or skip < AT_END
        or (skip == AT_END and PACKINGS[encoding] != "raw")
    ):
        raise InputError(f"{path}: its NRRD header cannot be read: byte skip, line skip")
    if skip > 0 and PACKINGS[encoding] != "raw":
        raise InputError(f"{path}: skips within packed values; save it again")
    if own and lines:
        raise InputError(f"{path}: skips lines of its own values; save it again")
    start = AT_END if skip == AT_END else skip + (behind if own else 0)
    header = VoxelFile(
        size, components, axis == 0, dtype, data, start, lines, PACKINGS[encoding], matrix
    )
    return header, fields


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields, and the offset at which the header ends."""
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST_HEADER)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not start.startswith(b"NRRD000"):
        raise InputError(f"{path}: is not an NRRD file: it does not begin with NRRD000")
    found = re.search(rb"\r?\n\r?\n", start)
    if found is None and len(start) == LONGEST_HEADER:
        raise InputError(f"{path}: its NRRD header has no end")
    head = start if found is None else start[: found.start()]
    fields: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        key, colon, value = line.partition(":")
        if colon and not key.startswith("#"):
            fields[key.strip().lower()] = value.removeprefix("=").strip()
    return fields, len(start) if found is None else found.end()


def _axes(
    path: Path, fields: dict[str, str]
) -> tuple[tuple[int, int, int], int, int | None, Array]:
    """Return the size, the number of components, their axis (0 or None), and the matrix."""
    sizes = fields.get("sizes", "").split()
    dimension = _whole(path, fields, "dimension", -1)
    if not 1 <= dimension <= 16 or len(sizes) != dimension or not _are_whole(sizes):
        raise InputError(f"{path}: its NRRD header cannot be read: dimension and sizes")
    counts = [int(size) for size in sizes]
    space = fields.get("space", "").lower()
    if not space and dimension > 3 and max(counts[3:]) > 1:
        volumes = int(np.prod(counts[3:], dtype=object))
        raise InputError(f"{path}: has {volumes} volumes (4D); give one of them")
    if dimension < 3:
        raise InputError(f"{path}: is a single slice; expected a volume")
    if "space directions" not in fields or not space:
        raise InputError(
            f"{path}: its header does not say how the volume is oriented (space, space "
            "directions): left and right are unknown; export it from a program that writes them"
        )
    vectors = VECTOR.findall(fields["space directions"])
    if len(vectors) != dimension:
        raise InputError(f"{path}: its NRRD header cannot be read: space directions")
    base, _, timed = space.partition("-time")
    if base not in SPACES or timed:
        raise InputError(
            f"{path}: lies in the space {space!r:.40}: left and right are unknown; expected "
            "left-posterior-superior or right-anterior-superior"
        )
    placed = [k for k, vector in enumerate(vectors) if vector.lower() != "none"]
    others = [k for k in range(dimension) if k not in placed]
    if space.endswith("-time") and len(placed) == 4:
        placed, others = placed[:3], [placed[3]]
    if min(counts) < 1 or len(placed) != 3 or len(others) > 1:
        raise InputError(f"{path}: is not a volume: {' x '.join(sizes)}; expected three sizes")
    axis = others[0] if others else None
    if axis not in (None, 0, dimension - 1):
        raise InputError(f"{path}: its values are in an order that is not supported; save it again")
    components = 1 if axis is None else counts[axis]
    if axis not in (None, 0) and components > 1:
        raise InputError(f"{path}: has {components} volumes (4D); give one of them")
    i, j, k = (counts[axis] for axis in placed)
    matrix = _matrix(path, fields, [vectors[axis] for axis in placed], SPACES[base])
    return (i, j, k), components, axis, matrix


def _matrix(
    path: Path, fields: dict[str, str], vectors: list[str], signs: tuple[int, int, int]
) -> Array:
    matrix = np.eye(4)
    try:
        columns = [_numbers(vector) for vector in vectors]
        matrix[:3, :3] = np.array(columns).T
        matrix[:3, 3] = _numbers(fields.get("space origin", "(0,0,0)"))
    except ValueError:
        raise InputError(f"{path}: its header has no valid directions and spacing") from None
    matrix[:3] *= np.array(signs, float)[:, None]
    if not is_placed(matrix):
        raise InputError(f"{path}: its header has no valid directions and spacing")
    return matrix


def length_scale(path: Path, fields: dict[str, str]) -> tuple[str, float]:
    """Return the unit of lengths of an NRRD file and its size.

    Parameters
    ----------
    path : Path
        The file, for messages.
    fields : dict of str to str
        As `parse_nrrd` returns them.

    Returns
    -------
    unit : str
        Name of the unit; empty where the file has none.
    scale : float
        mm per unit; 1 where the file has none.

    Raises
    ------
    InputError
        Several units, or an unknown one.
    """
    units = {unit for unit in re.findall(r'"([^"]*)"', fields.get("space units", "")) if unit}
    if not units:
        return "", 1.0
    if len(units) > 1 or not units <= set(LENGTHS):
        raise InputError(f"{path}: lengths in {', '.join(sorted(units))!r:.60}; expected mm")
    unit = units.pop()
    return unit, LENGTHS[unit]


def _numbers(text: str) -> list[float]:
    """Return three numbers in brackets; a fourth one is time."""
    found = [float(part) for part in text.strip().strip("()").split(",")]
    if len(found) not in (3, 4):
        raise ValueError(text)
    return found[:3]


def _dtype(path: Path, fields: dict[str, str]) -> np.dtype[Any]:
    kind = " ".join(fields.get("type", "").lower().split())
    if kind not in TYPES:
        raise InputError(
            f"{path}: values of type {kind!r:.40}; expected integers or floating-point numbers"
        )
    dtype = np.dtype(TYPES[kind])
    order = fields.get("endian", "").lower()
    if dtype.itemsize > 1 and order not in ("little", "big"):
        raise InputError(f"{path}: its NRRD header cannot be read: endian")
    return dtype.newbyteorder("<" if order != "big" else ">")


def _data_file(path: Path, fields: dict[str, str]) -> tuple[Path, bool]:
    """Return the file of the values, and whether it is the header's own."""
    apart = fields.get("data file", fields.get("datafile"))
    if apart is None:
        return path, True
    return data_file(path, apart), False


def data_file(path: Path, name: str) -> Path:
    """Return the file beside a header that holds its values.

    Parameters
    ----------
    path : Path
        File of the header.
    name : str
        Of the data file, as the header has it, relative to the header's folder.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    InputError
        It does not exist, is not a file, or is one of several.
    """
    if name.upper().startswith("LIST") or re.search(r"%\d*d", name):
        raise InputError(f"{path}: its values are in several files; convert it to one")
    if (
        not name
        or len(name.encode()) > LONGEST_NAME
        or "\0" in name
        or not (path.parent / name).is_file()
    ):
        raise InputError(f"{path}: its values are in {name!r:.80}, which does not exist")
    return path.parent / name


def _are_whole(words: list[str]) -> bool:
    return all(re.fullmatch(r"\d{1,9}", word, re.ASCII) for word in words)


def _whole(path: Path, fields: dict[str, str], name: str, default: int) -> int:
    text = fields.get(name, str(default))
    if not re.fullmatch(r"[-+]?\d{1,12}", text, re.ASCII):
        raise InputError(f"{path}: its NRRD header cannot be read: {name}")
    return int(text)
