"""NIfTI files, parsed here: libraries hide units, shears and contradicting matrices.

References
----------
nifti1.h and nifti2.h, NIMH Neuroinformatics Technology Initiative.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.placement import Array, is_placed, is_upright
from nav.reconstruction.reading.read_result import Finding
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.reading.scaling import to_int16
from nav.reconstruction.reading.stored_values import MOST_PACKED, refuse_bomb

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
    1024: "i8", 1280: "u8",
}  # fmt: skip
UNITS = {1: ("m", 1000.0), 2: ("mm", 1.0), 3: ("µm", 0.001)}
COLOURS = {128, 2304}
DISAGREE = 0.1  # mm at the corners, between the header's two matrices
FIXED = 540  # bytes of the longest header
MOST_BEHIND = 64  # MB after the values
MOST_OFFSET = 1 << 26  # bytes before the values: extensions


@dataclass(frozen=True)
class NiftiHeader:
    """Layout, scale and position of a NIfTI file's voxels.

    Parameters
    ----------
    size : tuple of int
        Along the axes i, j, k.
    dtype : numpy.dtype
        Of stored values.
    offset : int
        Bytes before the values.
    slope, intercept : float
        From stored to scaled values.
    ras_from_voxel : ndarray, shape (4, 4)
        Of indices (i, j, k), mm.
    findings : tuple of Finding
        What was corrected or assumed.
    """

    size: tuple[int, int, int]
    dtype: np.dtype
    offset: int
    slope: float
    intercept: float
    ras_from_voxel: Array
    findings: tuple[Finding, ...]


def read_nifti(
    path: Path, advance: Callable[[float], None]
) -> tuple[NDArray[np.int16], Array, list[Finding]]:
    """Read a NIfTI-1 or NIfTI-2 file, compressed or not.

    Parameters
    ----------
    path : Path
        The file.
    advance : callable
        Called with the fraction that is done.

    Returns
    -------
    values : ndarray, shape (nk, nj, ni)
        Scaled values, rounded to int16.
    lps_from_voxel : ndarray, shape (4, 4)
        Of indices (i, j, k), mm; its columns need not be perpendicular.
    findings : list of Finding
        What was corrected or assumed.

    Raises
    ------
    InputError
        Not a scalar volume, cut off, or a header that contradicts itself.
    """
    with _opened(path) as file:
        start = file.read(FIXED)
        _refuse_packed_other(path, start)
        header = parse_header(path, start)
        ni, nj, nk = header.size
        refuse_huge(ni * nj * nk, f"{path}", header.dtype.itemsize)
        _refuse_short(path, header)
    values = np.empty((nk, nj, ni), np.int16)
    bad = clipped = 0
    with _opened(path) as file:
        _skip(path, file, header.offset)
        length = ni * nj * header.dtype.itemsize
        for k in range(nk):
            stored = _exactly(path, file, length, f"slice {k + 1} of {nk}")
            plane = np.frombuffer(stored, header.dtype).reshape(nj, ni)
            counts = to_int16(plane, header.slope, header.intercept, values[k])
            bad, clipped = bad + counts[0], clipped + counts[1]
            advance((k + 1) / nk)
        _read_to_end(path, file)
    findings = list(header.findings)
    if bad == values.size:
        raise InputError(f"{path}: none of its voxels is a number")
    if bad:
        findings.append(Finding("not_finite", {"count": bad}))
    if clipped:
        findings.append(Finding("clipped_values", {"count": clipped}))
    return values, RAS_TO_LPS @ header.ras_from_voxel, findings


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.open(raw, "rb") as file:
                yield file  # type: ignore[misc]
    except EOFError:
        raise InputError(f"{path}: is cut off: the compressed data ends early") from None
    except (zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}: is damaged: it cannot be decompressed") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _refuse_short(path: Path, header: NiftiHeader) -> None:
    """Refuse a file that is much too short for its header, before memory is allocated."""
    needed = header.offset + math.prod(header.size) * header.dtype.itemsize
    present = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    most = present * MOST_PACKED + 1024 if packed else present
    if most < needed:
        raise InputError(
            f"{path}: is cut off: its header promises {needed} bytes, the file has "
            f"{'at most ' if packed else ''}{most}"
        )
    if packed:
        refuse_bomb(path, max(needed, 2 * math.prod(header.size)), present)


def _refuse_packed_other(path: Path, start: bytes) -> None:
    """Refuse a file of another format that was compressed as a whole."""
    if start.startswith(b"NRRD000") or b"objecttype" in start.lower() or b"ndims" in start.lower():
        raise InputError(f"{path}: is a compressed NRRD or MetaImage; unpack it first (gunzip)")


def _read_to_end(path: Path, file: IO[bytes]) -> None:
    """Read to the end, where a compressed file has its checksum."""
    for _ in range(MOST_BEHIND):
        if not file.read(1 << 20):
            return
    raise InputError(
        f"{path}: continues for more than {MOST_BEHIND} MB after its values; is it damaged?"
    )


def _skip(path: Path, file: IO[bytes], count: int) -> None:
    _exactly(path, file, count, "the header")


def _exactly(path: Path, file: IO[bytes], count: int, what: str) -> bytes:
    pieces, missing = [], count
    while missing > 0:
        piece = file.read(missing)
        if not piece:
            raise InputError(f"{path}: is cut off in {what}")
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def parse_header(path: Path, start: bytes) -> NiftiHeader:
    """Parse the header of a NIfTI file.

    Parameters
    ----------
    path : Path
        The file, for messages.
    start : bytes
        Its first 540 bytes, or all of a shorter file.

    Returns
    -------
    NiftiHeader
        Layout, scale and position of the voxels.

    Raises
    ------
    InputError
        Not a NIfTI file, or not a scalar volume.
    """
    if len(start) < 348:
        raise InputError(f"{path}: is cut off in the header: {len(start)} bytes")
    for order in "<>":
        length = struct.unpack(order + "i", start[:4])[0]
        if length in (348, 540):
            break
    else:
        raise InputError(f"{path}: is not a NIfTI file: its header does not begin as one")
    second = length == 540
    magic = start[4:8] if second else start[344:348]
    if magic[:3] in (b"ni1", b"ni2"):
        raise InputError(f"{path}: is one of a pair (.hdr, .img); convert it to one .nii file")
    if magic[:3] not in (b"n+1", b"n+2"):
        raise InputError(f"{path}: is an Analyze file without directions; expected NIfTI")
    return (
        _Header2(path, start, order).header() if second else _Header1(path, start, order).header()
    )


class _Fields:
    """Fields of a header by their offsets, which differ between the versions."""

    dims: tuple[str, int]
    pixdims: tuple[str, int]
    datatype: int
    offset: tuple[str, int]
    scaling: tuple[str, int]
    codes: tuple[str, int]
    qform: tuple[str, int]
    sform: tuple[str, int]
    units: tuple[str, int]

    def __init__(self, path: Path, start: bytes, order: str) -> None:
        self.path, self.start, self.order = path, start, order

    def _get(self, field: tuple[str, int]) -> tuple[float, ...]:
        try:
            return struct.unpack_from(self.order + field[0], self.start, field[1])
        except struct.error:
            raise InputError(f"{self.path}: is cut off in the header") from None

    def header(self) -> NiftiHeader:
        """Return layout, scale and position of the voxels."""
        size = self._size()
        code = int(self._get(("h", self.datatype))[0])
        if code in COLOURS:
            raise InputError(f"{self.path}: holds colours; expected Hounsfield units")
        if code not in TYPES:
            raise InputError(
                f"{self.path}: values of type {code}; expected integers or floating-point numbers"
            )
        dtype = np.dtype(self.order + TYPES[code])
        offset = self._get(self.offset)[0]
        if not 0 <= offset < MOST_OFFSET:
            raise InputError(
                f"{self.path}: its header gives an invalid offset of the values: {offset}"
            )
        slope, intercept = self._get(self.scaling)
        if slope == 0.0 or not math.isfinite(slope) or not math.isfinite(intercept):
            slope, intercept = 1.0, 0.0  # not scaled, according to the standard
        matrix, findings = self._matrix(size)
        begins = max(int(offset), len(self.start) if int(offset) == 0 else 0)
        return NiftiHeader(size, dtype, begins, slope, intercept, matrix, tuple(findings))

    def _size(self) -> tuple[int, int, int]:
        count, *sizes = (int(d) for d in self._get(self.dims))
        if not 1 <= count <= 7 or min(sizes[:count]) < 1:
            raise InputError(f"{self.path}: its header has no valid size")
        if count >= 5 and sizes[4] > 1:
            raise InputError(f"{self.path}: holds colours or vectors; expected Hounsfield units")
        if any(n > 1 for n in sizes[3:count]):
            volumes = math.prod(sizes[3:count])
            raise InputError(f"{self.path}: has {volumes} volumes (4D); give one of them")
        if count < 3 or min(sizes[:3]) < 2:
            raise InputError(f"{self.path}: is a single slice; expected a volume")
        return sizes[0], sizes[1], sizes[2]

    def _matrix(self, size: tuple[int, int, int]) -> tuple[Array, list[Finding]]:
        unit = int(self._get(self.units)[0]) & 7
        qform_code, sform_code = self._get(self.codes)
        pixdim = self._get(self.pixdims)
        sform = _whole(np.array(self._get(self.sform)).reshape(3, 4)) if sform_code > 0 else None
        qform = _qform(self._get(self.qform), pixdim) if qform_code > 0 else None
        if sform is not None and not is_upright(sform):
            sform = None
        if qform is not None and not is_upright(qform):
            qform = None
        matrix = sform if sform is not None else qform
        if matrix is not None and not is_placed(matrix):
            raise InputError(
                f"{self.path}: its header gives voxels or places which no scan has; is it damaged?"
            )
        if qform is not None and not is_placed(qform):
            qform = None  # it is not used
        if matrix is None:
            raise InputError(
                f"{self.path}: its header gives neither the position nor the orientation of the "
                "volume (sform, qform): left and right are unknown; convert the scan again"
            )
        findings = []
        if sform is not None and qform is not None:
            if _is_mirrored(sform) != _is_mirrored(qform):
                raise InputError(
                    f"{self.path}: its header's two matrices (sform, qform) are mirror images of "
                    "each other: left and right are unknown; convert the scan again"
                )
            distance = _largest_distance(sform, qform, size)
            if distance > DISAGREE:
                findings.append(Finding("qform_disagrees", {"distance": distance}))
        name, scale = UNITS.get(unit, ("", 1.0))
        if not name:
            findings.append(Finding("unit_assumed"))
        elif scale != 1.0:
            findings.append(Finding("unit_converted", {"unit": name}))
        return np.diag([scale, scale, scale, 1.0]) @ matrix, findings


class _Header1(_Fields):
    dims, pixdims, datatype = ("8h", 40), ("8f", 76), 70
    offset, scaling, codes = ("f", 108), ("2f", 112), ("2h", 252)
    qform, sform, units = ("6f", 256), ("12f", 280), ("B", 123)


class _Header2(_Fields):
    dims, pixdims, datatype = ("8q", 16), ("8d", 104), 12
    offset, scaling, codes = ("q", 168), ("2d", 176), ("2i", 344)
    qform, sform, units = ("6d", 352), ("12d", 400), ("i", 500)


def _whole(rows: Array) -> Array:
    return np.vstack([rows, [0.0, 0.0, 0.0, 1.0]])


def _qform(values: tuple[float, ...], pixdim: tuple[float, ...]) -> Array:
    b, c, d, *offset = values
    a = math.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if pixdim[0] < 0 else 1.0
    steps = np.abs(pixdim[1:4]) * (1.0, 1.0, handed)
    return _whole(np.column_stack([rotation * steps, offset]))


def _is_mirrored(matrix: Array) -> bool:
    return bool(np.linalg.det(matrix[:3, :3]) < 0.0)


def _largest_distance(a: Array, b: Array, size: tuple[int, int, int]) -> float:
    corners = np.array(
        [[i, j, k, 1] for i in (0, size[0]) for j in (0, size[1]) for k in (0, size[2])], float
    )
    return float(np.linalg.norm(corners @ (a - b).T, axis=1).max())
