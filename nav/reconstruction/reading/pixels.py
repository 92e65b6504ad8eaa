"""Stored pixels of DICOM files as Hounsfield units."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import iter_pixels
from pydicom.uid import UID

from nav.core.errors import InputError
from nav.reconstruction.reading.dicom_elements import read_elements
from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.pixel_decoder import decode_frames
from nav.reconstruction.reading.pixel_tags import PIXEL_TAGS
from nav.reconstruction.reading.quiet_readers import without_output
from nav.reconstruction.reading.regular import AIR

RLE = "1.2.840.10008.1.2.5"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
MOST_THREADS = 4
WRAPPED = 60_000  # larger stored values are negative ones read as unsigned
AIR_LIKE = -900  # HU; padding below it is air in any position


@dataclass(frozen=True)
class PixelFacts:
    """What was irregular about stored pixels.

    Parameters
    ----------
    reinterpreted : int
        Slices whose values were read as signed against their header.
    clipped : int
        Voxels beyond int16.
    relaid : int
        Slices whose bits were read in another layout than their header declares.
    """

    reinterpreted: int
    clipped: int
    relaid: int = 0


def decode_stack(
    slices: Sequence[SliceHeader], advance: Callable[[float], None]
) -> tuple[NDArray[np.int16], PixelFacts]:
    """Decode slices into Hounsfield units.

    Parameters
    ----------
    slices : sequence of SliceHeader
        In the wanted order; all of one shape.
    advance : callable
        Called with the fraction that is done.

    Returns
    -------
    values : ndarray, shape (n, rows, columns)
        int16, HU; what was not measured is set to air.
    facts : PixelFacts
        What was irregular.

    Raises
    ------
    InputError
        A file cannot be decoded: damaged, cut off, or in a syntax without a decoder.
    """
    values = np.empty((len(slices), slices[0].rows, slices[0].columns), np.int16)
    files: dict[Path, list[int]] = defaultdict(list)
    for index, header in enumerate(slices):
        files[header.path].append(index)
    reinterpreted = clipped = done = 0

    def decode(indices: list[int]) -> list[tuple[bool, int]]:
        return _decode_file([slices[i] for i in indices], [values[i] for i in indices])

    workers = min(MOST_THREADS, os.cpu_count() or 1)
    with without_output(2), ThreadPoolExecutor(workers) as pool:
        pending = [pool.submit(decode, indices) for indices in files.values()]
        try:
            for task in pending:
                for wrapped, beyond in task.result():
                    reinterpreted += wrapped
                    clipped += beyond
                    done += 1
                    advance(done / len(slices))
        finally:
            for task in pending:
                task.cancel()
    return values, PixelFacts(reinterpreted, clipped)


def _decode_file(
    headers: list[SliceHeader], targets: list[NDArray[np.int16]]
) -> list[tuple[bool, int]]:
    path, first = headers[0].path, headers[0]
    try:
        dataset = read_elements(path, PIXEL_TAGS, before_pixels=False, force=True)
    except Exception as error:  # damaged files raise anything
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    if "PixelData" not in dataset:
        what = "no 16-bit pixels" if "FloatPixelData" in dataset else "no pixels"
        raise InputError(f"{path}: has {what}; expected a CT slice: leave the file out")
    if first.bits_allocated not in (8, 16, 32) or not 1 <= first.bits_stored <= 32:
        raise InputError(f"{path}: pixels of {first.bits_allocated} bits; expected 8, 16 or 32")
    syntax = _transfer_syntax(path, dataset)
    facts = []
    try:
        wanted = [h.frame for h in headers]
        native = not syntax.is_encapsulated or syntax == RLE
        if native:  # which bits count is decided in `_stored_bits`
            dataset.BitsStored, dataset.HighBit = first.bits_allocated, first.bits_allocated - 1
            dataset.PixelRepresentation = int(first.signed)
        # compiled decoders may crash on damaged pixels
        frames: Iterable[NDArray[Any]] = (
            iter_pixels(dataset, raw=True, indices=wanted)
            if native
            else decode_frames(path, wanted)
        )
        for header, target, stored in zip(headers, targets, frames, strict=True):
            if stored.shape != target.shape:
                raise ValueError("size of the image")
            facts.append(_to_hounsfield(header, stored, native, target))
    except InputError:
        raise
    except NotImplementedError:
        raise InputError(
            f"{path}: compressed as {syntax.name}, which cannot be decoded; "
            "export the series without compression"
        ) from None
    except Exception as error:  # decoders raise anything
        raise InputError(
            f"{path}: pixels cannot be decoded ({syntax.name}): {_reason(error)}; "
            f"export the series again{', without compression' if syntax.is_encapsulated else ''}"
        ) from None
    return facts


def _transfer_syntax(path: Path, dataset: Dataset) -> UID:
    """Return how the pixels are stored; where the file does not say, the encoding of its header."""
    if not getattr(dataset, "file_meta", None) or "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        implicit, little = dataset.original_encoding
        known = IMPLICIT if implicit else EXPLICIT
        dataset.file_meta.TransferSyntaxUID = UID(known if little else BIG_ENDIAN)
    syntax = dataset.file_meta.TransferSyntaxUID
    if not isinstance(syntax, UID) or not syntax.is_transfer_syntax:
        raise InputError(
            f"{path}: its transfer syntax is unknown ({syntax!s:.60}); "
            "export the series again, without compression"
        )
    return syntax


def _reason(error: Exception) -> str:
    """Return what an error means for the user, without quoting the file."""
    text = str(error).lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    short = "less than" in text or ("length" in text and ("less" in text or "bytes" in text))
    if short or isinstance(error, EOFError):
        return "the file ends before its pixels do"
    if "not support" in text:
        return "no decoder for it"
    return "damaged"


def _to_hounsfield(
    header: SliceHeader, stored: NDArray[Any], native: bool, target: NDArray[np.int16]
) -> tuple[bool, int]:
    """Scale a slice into target; return whether its sign was missing, and how many were clipped."""
    signed = header.signed
    if native:
        stored = _stored_bits(stored, header)
    stored = stored.astype(np.int32)
    wrapped = (
        not signed
        and header.bits_stored == 16
        and abs(header.slope) * WRAPPED > np.iinfo(np.int16).max
        and bool(stored.max() > WRAPPED)
    )
    if wrapped:
        stored = np.where(stored >= 1 << 15, stored - (1 << 16), stored)
    outside = _outside(header, stored)
    if header.slope == 1.0 and header.intercept.is_integer():
        scaled = stored + int(header.intercept)
    else:
        scaled = np.rint(stored * header.slope + header.intercept)
    if outside is not None:
        scaled[outside] = AIR
    beyond = int(np.count_nonzero((scaled < -32768) | (scaled > 32767)))
    target[:] = np.clip(scaled, -32768, 32767) if beyond else scaled
    return wrapped, beyond


def _stored_bits(stored: NDArray[Any], header: SliceHeader) -> NDArray[Any]:
    """Return the stored bits alone: others of a pixel may hold overlays or arbitrary values."""
    allocated, bits = header.bits_allocated, header.bits_stored
    high = header.high_bit if bits - 1 <= header.high_bit < allocated else bits - 1
    if bits == allocated:
        return stored
    kind = np.dtype(f"{'i' if header.signed else 'u'}{allocated // 8}")
    values = stored.astype(stored.dtype.newbyteorder("=")).view(kind)
    return (values << (allocated - 1 - high)) >> (allocated - bits)


def _outside(header: SliceHeader, stored: NDArray[np.int32]) -> NDArray[np.bool_] | None:
    """Return where a slice was not measured, by its padding value."""
    if header.padding is None:
        return None
    low, high = header.padding
    value = high * header.slope + header.intercept
    padding = np.asarray((stored >= low) & (stored <= high))
    if value <= AIR_LIKE or not padding.any():
        return padding
    if not padding[[0, 0, -1, -1], [0, -1, 0, -1]].all():
        return None  # tissue has this value, too
    return _from_border(padding)


def _from_border(padding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts that reach the border: tissue within the image may have the same value."""
    from scipy.ndimage import label  # slow to load, and needed by few scans

    parts, _ = label(padding)
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return np.asarray(np.isin(parts, border[border > 0]))
