"""Values of a volume as its file stores them: exactly as many bytes as needed, packed or not."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array

Unpack = Callable[[bytes], bytes]
PIECE = 1 << 20  # bytes at a time
MOST_PACKED = 1032  # largest compression ratio of deflate
# bytes; from there on the largest plausible ratio: label maps of a whole body reach 300
LARGE, LARGE_PACKED = 512 * 2**20, 500
AT_END = -1  # as `start`: the values end with the file


@dataclass(frozen=True)
class VoxelFile:
    """What a header says about a volume's values.

    Parameters
    ----------
    size : tuple of int
        Along the axes i, j, k.
    components : int
        Values per voxel.
    together : bool
        Whether the values of a voxel follow each other; else the volumes do.
    dtype : numpy.dtype
        Of stored values.
    data : Path
        File of the values, often the header's own.
    start, lines : int
        Bytes before the values, or AT_END; lines before these bytes.
    packing : str
        raw, gzip, zlib or bzip2.
    lps_from_voxel : ndarray, shape (4, 4)
        Of indices (i, j, k), mm.
    """

    size: tuple[int, int, int]
    components: int
    together: bool
    dtype: np.dtype[Any]
    data: Path
    start: int
    lines: int
    packing: str
    lps_from_voxel: Array

    @property
    def bytes_needed(self) -> int:
        """Return the number of bytes of all values, unpacked."""
        ni, nj, nk = self.size
        return ni * nj * nk * self.components * self.dtype.itemsize


def read_values(path: Path, header: VoxelFile) -> NDArray[Any]:
    """Read all values of a volume.

    Parameters
    ----------
    path : Path
        File of the header, for messages.
    header : VoxelFile
        Layout of the values.

    Returns
    -------
    ndarray, shape (nk, nj, ni, components)
        As stored; read-only.

    Raises
    ------
    InputError
        Cut off, damaged, or compressed more than a scan can be.
    """
    needed = header.bytes_needed
    with _opened(path, header) as (file, present):
        if header.packing == "raw":
            if present < needed:
                raise InputError(_short(path, header, present))
            stored = file.read(needed)
        else:
            stored = _unpacked(path, header, file, present)
    if len(stored) < needed:
        raise InputError(_short(path, header, len(stored)))
    ni, nj, nk = header.size
    values = np.frombuffer(stored, header.dtype)
    if header.together:
        return values.reshape(nk, nj, ni, header.components)
    return np.moveaxis(values.reshape(header.components, nk, nj, ni), 0, -1)


def refuse_bomb(path: Path, needed: int, packed: int) -> None:
    """Refuse implausibly compressed values, before memory is allocated for them.

    Parameters
    ----------
    path : Path
        For the message.
    needed : int
        Bytes when unpacked.
    packed : int
        Bytes in the file.

    Raises
    ------
    InputError
        The values cannot have been compressed that much.
    """
    if needed > LARGE and needed > LARGE_PACKED * packed:
        raise InputError(
            f"{path}: promises {needed / 1e9:.1f} GB of values that are packed to "
            f"{packed / 1e6:.1f} MB; no scan can be compressed that much: is it damaged?"
        )


def _short(path: Path, header: VoxelFile, present: int) -> str:
    where = "" if header.data == path else f"{header.data.name} "
    return (
        f"{path}: is cut off: its header promises {header.bytes_needed} bytes of values, "
        f"{where}has {present}"
    )


@contextmanager
def _opened(path: Path, header: VoxelFile) -> Iterator[tuple[IO[bytes], int]]:
    """Yield the file where its values begin, and how many bytes follow."""
    try:
        with header.data.open("rb") as file:
            size = header.data.stat().st_size
            if header.start == AT_END:
                file.seek(max(0, size - header.bytes_needed))
            else:
                for _ in range(header.lines):
                    file.readline(size)
                file.seek(header.start, 1)
            yield file, max(0, size - file.tell())
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "its values begin beyond its end"
        raise InputError(f"{path}: its values cannot be read: {reason}") from None


def _unpacked(path: Path, header: VoxelFile, file: IO[bytes], present: int) -> bytes:
    needed = header.bytes_needed
    if header.packing != "bzip2" and present * MOST_PACKED + 1024 < needed:
        raise InputError(f"{_short(path, header, present)} packed ones")
    refuse_bomb(path, max(needed, 2 * needed // header.dtype.itemsize), present)
    pieces, count = [], 0
    try:
        for piece in _pieces(header.packing, file):
            pieces.append(piece[: needed - count])
            count += len(pieces[-1])
            if len(piece) > len(pieces[-1]) and header.packing == "zlib":
                raise InputError(
                    f"{path}: has more values than its header promises: is it damaged?"
                )
    except (zlib.error, OSError, EOFError, ValueError):
        raise InputError(f"{path}: is damaged: its values cannot be unpacked") from None
    return b"".join(pieces)


def _pieces(packing: str, file: IO[bytes]) -> Iterator[bytes]:
    """Yield unpacked bytes, a piece at a time, to the end of the packed data."""
    if packing == "bzip2":
        unpack = bz2.BZ2Decompressor()
        while not unpack.eof:
            packed = file.read(PIECE) if unpack.needs_input else b""
            if not packed and unpack.needs_input:
                return
            yield unpack.decompress(packed, PIECE)
        return
    inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if packing == "gzip" else 0))
    while not inflate.eof:
        packed = inflate.unconsumed_tail or file.read(PIECE)
        if not packed:
            return
        yield inflate.decompress(packed, PIECE)
