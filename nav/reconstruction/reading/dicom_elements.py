"""Bounded reading of DICOM elements: damaged files make pydicom unpack or read on endlessly."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, read_partial, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

MOST_ELEMENTS = 20_000  # on one level; files from scanners have some hundreds
# bytes that a file compressed as a whole may unpack to; more only up to a multiple of its size
ALWAYS_UNPACKED, MOST_RATIO = 16 * 2**20, 100  # images compress 2 to 5 times
PIECE = 1 << 20  # bytes at a time
PIXELS = frozenset(map(Tag, ("PixelData", "FloatPixelData", "DoubleFloatPixelData")))
CHARACTER_SET = Tag("SpecificCharacterSet")


class TooMuch(Exception):
    """A file holds more than a valid one would; the message says what."""


def read_elements(
    path: Path, tags: Iterable[Any], before_pixels: bool = True, force: bool = False
) -> Dataset:
    """Read selected elements of a DICOM file.

    Parameters
    ----------
    path : Path
        The file.
    tags : iterable
        Keywords or tags of the wanted elements; all others are skipped.
    before_pixels : bool
        Whether to stop where the pixel data begin.
    force : bool
        Whether to read a file without the DICOM prefix.

    Returns
    -------
    pydicom.dataset.Dataset
        The wanted elements that are present.

    Raises
    ------
    TooMuch
        More elements, or more bytes when unpacked, than a file from a scanner has.
    Exception
        Anything that pydicom raises for a damaged file.
    """
    count = 0

    def stop(tag: Any, vr: str | None, length: int) -> bool:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS:
            raise TooMuch(f"more than {MOST_ELEMENTS} elements")
        return before_pixels and tag in PIXELS

    wanted: list[BaseTag | int] = [CHARACTER_SET, *map(Tag, tags)]
    with path.open("rb") as file:
        _refuse_bomb(file)
        return read_partial(file, stop_when=stop, force=force, specific_tags=wanted)


def _refuse_bomb(file: BinaryIO) -> None:
    """Refuse a file whose elements are compressed and unpack to an implausible size."""
    if read_preamble(file, force=True) is not None:
        meta = _read_file_meta_info(file)
        if str(meta.get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
            unpack, packed_size, count = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
            while not unpack.eof:
                packed = unpack.unconsumed_tail
                if not packed:
                    packed = file.read(PIECE)
                    packed_size += len(packed)
                if not packed:
                    break
                count += len(unpack.decompress(packed, PIECE))
                if count > max(ALWAYS_UNPACKED, MOST_RATIO * packed_size):
                    raise TooMuch(f"more than {count >> 20} MB when it is unpacked")
    file.seek(0)
