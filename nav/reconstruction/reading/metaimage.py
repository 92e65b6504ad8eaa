"""MetaImage files (.mha, .mhd), parsed here: MetaIO leaves missing values uninitialised.

References
----------
MetaIO/Documentation, Insight Software Consortium, https://itk.org/Wiki/MetaIO.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.reconstruction.reading.nrrd import data_file
from nav.reconstruction.reading.placement import is_placed
from nav.reconstruction.reading.read_result import Finding
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.reading.stored_values import AT_END, VoxelFile

LONGEST_HEADER = 64 * 1024  # bytes
TYPES = {
    "met_char": "i1", "met_uchar": "u1", "met_short": "i2", "met_ushort": "u2", "met_int": "i4",
    "met_uint": "u4", "met_long": "i4", "met_ulong": "u4", "met_long_long": "i8",
    "met_ulong_long": "u8", "met_float": "f4", "met_double": "f8",
}  # fmt: skip
TOWARDS = ("LR", "PA", "SI")  # where LPS axes lead and begin
YES = ("true", "t", "yes", "y", "1")


def parse_metaimage(path: Path) -> tuple[VoxelFile, dict[str, str]]:
    """Read the header of a MetaImage file of a volume.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    header : VoxelFile
        Layout of the values and their position.
    fields : dict of str to str
        Fields of the header, keys in lower case.

    Raises
    ------
    InputError
        Not a MetaImage of a volume, or its header contradicts itself.
    """
    fields, behind = _fields(path)
    dimension = _whole(path, fields, ("ndims",), -1)
    sizes = fields["dimsize"].split()
    if not 1 <= dimension <= 16 or len(sizes) != dimension or not all(map(_is_size, sizes)):
        raise InputError(f"{path}: its MetaImage header cannot be read: NDims and DimSize")
    counts = [int(size) for size in sizes]
    volumes = int(np.prod(counts[3:], dtype=object)) if dimension > 3 else 1
    if volumes > 1:
        raise InputError(f"{path}: has {volumes} volumes (4D); give one of them")
    if dimension < 3 or min(counts) < 1:
        raise InputError(f"{path}: is not a volume: {' x '.join(sizes)}; expected three sizes")
    kind = fields.get("elementtype", "").lower()
    if kind not in TYPES:
        raise InputError(
            f"{path}: values of type {kind!r:.40}; expected integers or floating-point numbers"
        )
    order = fields.get("binarydatabyteordermsb", fields.get("elementbyteordermsb", "false"))
    dtype: np.dtype[Any] = np.dtype((">" if order.lower() in YES else "<") + TYPES[kind])
    channels = _whole(path, fields, ("elementnumberofchannels",), 1)
    if channels != 1:
        raise InputError(f"{path}: holds colours or vectors; expected Hounsfield units")
    i, j, k = counts[:3]
    refuse_huge(i * j * k, f"{path}", dtype.itemsize)
    if fields.get("binarydata", "true").lower() not in YES:
        raise InputError(f"{path}: its values are text; save it as binary")
    packed = fields.get("compresseddata", "false").lower() in YES
    name = fields["elementdatafile"]
    own = name.upper() == "LOCAL"
    before = _whole(path, fields, ("headersize",), 0)
    if before < AT_END or (packed and before):
        raise InputError(f"{path}: its MetaImage header cannot be read: HeaderSize")
    start = AT_END if before == AT_END else before + (behind if own else 0)
    matrix = _matrix(path, fields, dimension)
    data = path if own else data_file(path, name)
    packing = "zlib" if packed else "raw"
    return VoxelFile((i, j, k), 1, True, dtype, data, start, 0, packing, matrix), fields


def orientation_findings(header: VoxelFile, fields: dict[str, str]) -> list[Finding]:
    """Report an AnatomicalOrientation that contradicts the directions, which are used.

    Programs write either where each axis begins or where it leads; both are accepted.

    Parameters
    ----------
    header : VoxelFile
        With the directions.
    fields : dict of str to str
        As `parse_metaimage` returns them.

    Returns
    -------
    list of Finding
        Empty where the file has none that says something.
    """
    stated = fields.get("anatomicalorientation", "").upper()
    if not re.fullmatch(r"[RLAPIS]{3}", stated):
        return []
    steps = header.lps_from_voxel[:3, :3] / np.linalg.norm(header.lps_from_voxel[:3, :3], axis=0)
    rows = np.abs(steps).argmax(axis=0)
    leads = "".join(TOWARDS[row][int(steps[row, axis] < 0)] for axis, row in enumerate(rows))
    begins = "".join(TOWARDS[row][int(steps[row, axis] > 0)] for axis, row in enumerate(rows))
    if stated in (leads, begins):
        return []
    return [Finding("orientation_contradicts", {"stated": stated, "used": begins})]


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields, keys in lower case, and the offset at which the header ends."""
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST_HEADER)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    fields: dict[str, str] = {}
    place = 0
    for raw in start.split(b"\n"):
        place += len(raw) + 1
        key, found, value = raw.decode("utf-8", "replace").partition("=")
        if found:
            fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":
            break  # the last one
    if "dimsize" not in fields or "elementdatafile" not in fields:
        raise InputError(f"{path}: is not a MetaImage file: no DimSize or ElementDataFile in it")
    return fields, place


def _matrix(path: Path, fields: dict[str, str], dimension: int) -> Array:
    matrix = np.eye(4)
    spacing = _numbers(path, fields, ("elementspacing", "elementsize"), [1.0] * dimension)
    origin = _numbers(path, fields, ("offset", "position", "origin"), [0.0] * dimension)
    numbers = _numbers(
        path, fields, ("transformmatrix", "rotation", "orientation"),
        np.eye(dimension).ravel().tolist(),
    )  # fmt: skip
    with np.errstate(all="ignore"):
        directions = np.reshape(numbers, (dimension, dimension))[:3, :3].T  # rows are axes
        matrix[:3, :3] = directions * spacing[:3]
        matrix[:3, 3] = origin[:3]
    if not is_placed(matrix):
        raise InputError(f"{path}: its header has no valid directions and spacing")
    return matrix


def _numbers(
    path: Path, fields: dict[str, str], names: tuple[str, ...], default: list[float]
) -> list[float]:
    text = next((fields[name] for name in names if name in fields), None)
    if text is None:
        return default
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        found = []
    if len(found) != len(default):
        raise InputError(
            f"{path}: its header has no valid directions and spacing: {names[0]} has {text!r:.40}"
        )
    return found


def _is_size(word: str) -> bool:
    return re.fullmatch(r"\d{1,9}", word, re.ASCII) is not None


def _whole(path: Path, fields: dict[str, str], names: tuple[str, ...], default: int) -> int:
    text = next((fields[name] for name in names if name in fields), str(default))
    if not re.fullmatch(r"[-+]?\d{1,9}", text, re.ASCII):
        raise InputError(f"{path}: its MetaImage header cannot be read: {names[0]} is {text!r:.40}")
    return int(text)
