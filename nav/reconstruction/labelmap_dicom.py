"""Segmentations in DICOM SEG files, by highdicom."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.reconstruction.labelmap import LabelMask, Mask, cut_mask
from nav.reconstruction.reading.dicom_elements import read_elements
from nav.reconstruction.reading.placement import is_placed
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.volume import Array

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # and label map
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
HALF = 0.5  # of a fractional segment's values
MOST_FILES = 20_000
MOST_FRAMES = 100_000  # 100 structures in 1000 slices
SIZES = ("NumberOfFrames", "Rows", "Columns", "BitsAllocated")
BYTES_EACH = 4
UNPACKED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")


def read_dicom_seg(path: Path) -> Iterator[LabelMask]:
    """Yield every segment of a DICOM SEG file, or of the only one in a folder.

    Parameters
    ----------
    path : Path
        File or folder.

    Yields
    ------
    LabelMask
        One per segment.

    Raises
    ------
    InputError
        There is no such file, or several; it is damaged, or its frames are not a regular stack.
    """
    import highdicom as hd

    file = _find(path) if path.is_dir() else path
    try:
        _refuse_huge(file)
        found = hd.seg.segread(file)
        numbers = [int(n) for n in found.segment_numbers if n != 0]  # 0: background of a label map
        labels = [str(found.get_segment_description(n).segment_label) for n in numbers]
    except InputError:
        raise
    except Exception as error:  # its checks raise anything
        raise InputError(f"{file}: is not a DICOM SEG that can be read: {_line(error)}") from None
    for number, label in zip(numbers, labels, strict=True):
        try:
            mask, matrix = _mask(found, number, file)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{file}: segment {label}: its frames are not a regular stack: {_line(error)}"
            ) from None
        yield cut_mask(label, mask, matrix)


def _refuse_huge(file: Path) -> None:
    """Refuse a file that is larger than a label map can be, before memory is allocated."""
    sizes = read_elements(file, SIZES)
    count = int(sizes.get("NumberOfFrames") or 1)
    if not 1 <= count <= MOST_FRAMES:
        raise InputError(f"{file}: has {count} frames; expected 1 to {MOST_FRAMES}")
    voxels = count * int(sizes.get("Rows") or 0) * int(sizes.get("Columns") or 0)
    # a bit in the file becomes a byte, and more while it is sorted
    refuse_huge(voxels, f"{file}", BYTES_EACH)
    stored = voxels * int(sizes.get("BitsAllocated") or 1) // 8
    syntax = str(getattr(sizes, "file_meta", {}).get("TransferSyntaxUID", ""))
    if syntax in UNPACKED and stored > file.stat().st_size:
        raise InputError(
            f"{file}: is cut off: its header promises {stored} bytes of pixels, the file has "
            f"{file.stat().st_size}"
        )


def _mask(found: Any, number: int, file: Path) -> tuple[Mask, Array]:
    """Return a segment's voxels (nz, ny, nx) and their model_from_voxel, mm."""
    place = found.get_volume_geometry(allow_missing_positions=True)
    if place is None:
        raise ValueError("they are not parallel, or at uneven steps")
    refuse_huge(math.prod(place.spatial_shape), f"{file}", BYTES_EACH)
    volume = found.get_volume(segment_numbers=[number], allow_missing_positions=True)
    values = np.asarray(volume.array)[..., 0]
    mask = values >= HALF if values.dtype.kind == "f" else values > 0
    # its indices are slice, row, column; ours x, y, z
    matrix = np.asarray(volume.affine, float)[:, [2, 1, 0, 3]]
    if not is_placed(matrix):
        raise ValueError("they have no valid directions and spacing")
    return mask, matrix


def _find(folder: Path) -> Path:
    """Return the only segmentation among a folder's files."""
    found, contours = [], False
    paths = [Path(at) / name for at, _, names in os.walk(folder) for name in sorted(names)]
    for path in paths[:MOST_FILES]:
        try:
            kind: Any = read_elements(path, ["SOPClassUID"])
            uid = str(kind.get("SOPClassUID", ""))
        except Exception:  # not DICOM, or damaged
            continue
        if uid in SEGMENTATIONS:
            found.append(path)
        contours = contours or uid == STRUCTURE_SET
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(p.name for p in found[:4])
        raise InputError(f"{folder}: has {len(found)} DICOM SEG files ({names}); give one of them")
    hint = "; it has contours (RTSTRUCT): convert them to a segmentation" if contours else ""
    raise InputError(f"{folder}: has no DICOM SEG file and no masks{hint}")


def _line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
