"""NRRD and MetaImage files, through ITK; what its readers would hide is checked before."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nav.errors import InputError
from nav.reconstruction.reading.placement import Array
from nav.reconstruction.reading.quiet import without_output
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.reading.result import Finding
from nav.reconstruction.reading.scaling import to_int16

READERS = {"nrrd": "NrrdImageIO", "mha": "MetaImageIO"}
NAMES = {"nrrd": "NRRD", "mha": "MetaImage"}
LONGEST_HEADER = 64 * 1024
DATA_START = "(data start)"  # our own field: where the values begin, in bytes
MOST_PACKED, PIECE = 1032, 1 << 20  # deflate packs at most so many to one; bytes at a time
BYTES = {
    "uchar": 1, "unsigned char": 1, "uint8": 1, "uint8_t": 1, "char": 1, "signed char": 1,
    "int8": 1, "int8_t": 1, "short": 2, "short int": 2, "signed short": 2, "int16": 2,
    "int16_t": 2, "ushort": 2, "unsigned short": 2, "uint16": 2, "uint16_t": 2, "int": 4,
    "signed int": 4, "int32": 4, "int32_t": 4, "uint": 4, "unsigned int": 4, "uint32": 4,
    "uint32_t": 4, "float": 4, "double": 8, "longlong": 8, "int64": 8, "int64_t": 8,
    "uint64": 8, "uint64_t": 8, "met_uchar": 1, "met_char": 1, "met_short": 2, "met_ushort": 2,
    "met_int": 4, "met_uint": 4, "met_long": 4, "met_ulong": 4, "met_float": 4, "met_double": 8,
    "met_long_long": 8, "met_ulong_long": 8,
}  # fmt: skip


def read_itk_image(
    path: Path, kind: str, advance: Callable[[float], None]
) -> tuple[NDArray[np.int16], Array, list[Finding]]:
    """Read an NRRD or MetaImage volume.

    Returns
    -------
    ndarray, shape (nk, nj, ni)
        Values, rounded.
    ndarray, shape (4, 4)
        lps_from_voxel of indices (i, j, k), mm; its columns need not be perpendicular.
    list of Finding

    Raises
    ------
    InputError
        Not a volume of single numbers with a place, cut off, or not to be decoded.
    """
    fields = header_fields(path, kind)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(READERS[kind])
    reader.SetFileName(str(path))
    try:
        with without_output(1, 2):
            reader.ReadImageInformation()
    except RuntimeError:
        raise InputError(f"{path}: its {NAMES[kind]} header cannot be read") from None
    size = reader.GetSize()
    if reader.GetNumberOfComponents() != 1 or "complex" in sitk.GetPixelIDValueAsString(
        reader.GetPixelID()
    ):
        raise InputError(f"{path}: holds colours or vectors; expected Hounsfield units")
    if len(size) > 3 and max(size[3:]) > 1:
        raise InputError(f"{path}: has {np.prod(size[3:])} volumes (4D); give one of them")
    if len(size) != 3 or min(size) < 2:
        raise InputError(
            f"{path}: is no volume: {' x '.join(map(str, size))}; expected three sizes"
        )
    refuse_without_place(path, kind, fields)
    each = bytes_each(fields, kind)
    refuse_huge(int(np.prod(size)), f"{path}", each)
    refuse_short(path, kind, fields, int(np.prod(size)) * each)
    advance(0.1)
    try:
        with without_output(1, 2):
            image = reader.Execute()
    except RuntimeError:
        raise InputError(f"{path}: is cut off or damaged: its values cannot be read") from None
    advance(0.7)
    stored = sitk.GetArrayViewFromImage(image)
    values = np.empty(stored.shape, np.int16)
    bad = clipped = 0
    for plane, target in zip(stored, values, strict=True):
        counts = to_int16(plane, 1.0, 0.0, target)
        bad, clipped = bad + counts[0], clipped + counts[1]
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise InputError(f"{path}: its header has no valid directions and spacing")
    findings = convert_units(path, fields, matrix)
    if bad:
        findings.append(Finding("not_finite", {"count": bad}))
    if clipped:
        findings.append(Finding("clipped_values", {"count": clipped}))
    advance(1.0)
    return values, matrix, findings


def header_fields(path: Path, kind: str) -> dict[str, str]:
    """Return the fields of a NRRD or MetaImage header, keys in small letters.

    One of our own, DATA_START, says where the values begin if they are in the same file.

    Raises
    ------
    InputError
        The file cannot be read, or does not begin as one.
    """
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST_HEADER)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if kind == "nrrd" and not start.startswith(b"NRRD000"):
        raise InputError(f"{path}: is no NRRD file: it does not begin with NRRD000")
    fields: dict[str, str] = {DATA_START: "0"}
    place = 0
    for raw in start.split(b"\n"):
        place += len(raw) + 1
        fields[DATA_START] = str(place)
        line = raw.decode("latin-1").strip()
        if kind == "nrrd" and not line:
            break
        key, found, value = line.partition(":" if kind == "nrrd" else "=")
        if found and not key.startswith("#"):
            fields[key.strip().lower()] = value.strip()
        if kind == "mha" and key.strip().lower() == "elementdatafile":
            break
    if kind == "mha" and ("dimsize" not in fields or "elementdatafile" not in fields):
        raise InputError(f"{path}: is no MetaImage file: no DimSize or ElementDataFile in it")
    return fields


def refuse_without_place(path: Path, kind: str, fields: dict[str, str]) -> None:
    """Refuse a NRRD whose header does not say where left and right are.

    Raises
    ------
    InputError
        That.
    """
    if kind == "nrrd":
        space = fields.get("space", "").lower()
        known = ("lps", "ras", "las", "left-", "right-")
        if "space directions" not in fields or not space.startswith(known):
            raise InputError(
                f"{path}: its header does not say which way the volume is turned (space, space "
                "directions): left and right are unknown; export it from a program that writes them"
            )


def bytes_each(fields: dict[str, str], kind: str) -> int:
    """Return the size of a value, bytes."""
    name = fields.get("type" if kind == "nrrd" else "elementtype", "").lower()
    return BYTES.get(name, 2)


def refuse_short(path: Path, kind: str, fields: dict[str, str], needed: int) -> None:
    """Refuse a file that is too short for what its header says, before memory is taken.

    MetaIO would leave what is missing as the memory happened to be.

    Raises
    ------
    InputError
        That, or values in several files.
    """
    if kind == "nrrd":
        packed = fields.get("encoding", "raw").lower() != "raw"
        apart = fields.get("data file", fields.get("datafile"))
    else:
        packed = fields.get("compresseddata", "false").lower() == "true"
        data = fields["elementdatafile"]
        apart = None if data.upper() == "LOCAL" else data
    if apart is not None and (apart.upper().startswith("LIST") or re.search(r"%\d*d", apart)):
        raise InputError(f"{path}: its values are in several files; convert it to one")
    stored = path if apart is None else path.parent / apart
    if not stored.is_file():
        raise InputError(f"{path}: its values are in {apart}, which is not there")
    start = int(fields[DATA_START]) if apart is None else 0
    present = stored.stat().st_size - start
    if present * (MOST_PACKED if packed else 1) < needed:
        raise InputError(
            f"{path}: is cut off: its header promises {needed} bytes of values, "
            f"{stored.name} has {present}{' compressed ones' if packed else ''}"
        )
    if packed and kind == "mha" and _unpacked_length(stored, start, needed) != needed:
        raise InputError(f"{path}: is cut off or damaged: its values cannot be decompressed")


def _unpacked_length(stored: Path, start: int, most: int) -> int:
    """Return how many bytes a zlib stream gives, counted to a little more than the most."""
    unpack, count = zlib.decompressobj(), 0
    try:
        with stored.open("rb") as file:
            file.seek(start)
            while count <= most and not unpack.eof:
                packed = unpack.unconsumed_tail or file.read(PIECE)
                if not packed:
                    return -1  # ends before the stream does
                count += len(unpack.decompress(packed, PIECE))
    except (zlib.error, OSError):
        return -1
    return count


def convert_units(path: Path, fields: dict[str, str], matrix: Array) -> list[Finding]:
    """Convert a NRRD's lengths to mm, in place."""
    told = {unit for unit in re.findall(r'"([^"]*)"', fields.get("space units", "")) if unit}
    scales = {"mm": 1.0, "millimeter": 1.0, "m": 1000.0, "um": 0.001, "µm": 0.001, "cm": 10.0}
    if not told:
        return []
    if len(told) > 1 or not told <= set(scales):
        raise InputError(f"{path}: lengths in {', '.join(sorted(told))}; expected mm")
    unit = told.pop()
    if scales[unit] == 1.0:
        return []
    matrix[:3] *= scales[unit]
    return [Finding("unit_converted", {"unit": unit})]
