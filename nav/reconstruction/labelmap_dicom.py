"""Segmentations in DICOM SEG files, by highdicom."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nav.errors import InputError
from nav.reconstruction.labelmap import LabelMask, cut_mask

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # and label map
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
HALF = 0.5  # of a fractional segment's values
MOST_FILES = 20_000


def read_dicom_seg(path: Path) -> Iterator[LabelMask]:
    """Yield every segment of a DICOM SEG file, or of the only one in a folder.

    Raises
    ------
    InputError
        None, or several of them; damaged, or its frames are no regular stack.
    """
    import highdicom as hd

    file = _find(path) if path.is_dir() else path
    try:
        found = hd.seg.segread(file)
    except Exception as error:  # whatever its checks raise
        raise InputError(f"{file}: is no DICOM SEG that can be read: {_line(error)}") from None
    for number in found.segment_numbers:
        label = str(found.get_segment_description(number).segment_label)
        if number == 0:  # background of a label map
            continue
        try:
            volume = found.get_volume(segment_numbers=[number], allow_missing_positions=True)
        except Exception as error:
            raise InputError(
                f"{file}: segment {label}: its frames are no regular stack: {_line(error)}"
            ) from None
        values = np.asarray(volume.array)[..., 0]
        mask = values >= HALF if values.dtype.kind == "f" else values > 0
        # its indices are slice, row, column; ours x, y, z
        matrix = np.asarray(volume.affine, float)[:, [2, 1, 0, 3]]
        yield cut_mask(label, mask, matrix)


def _find(folder: Path) -> Path:
    """The only segmentation among a folder's files."""
    import pydicom

    found, contours = [], False
    paths = [Path(at) / name for at, _, names in os.walk(folder) for name in sorted(names)]
    for path in paths[:MOST_FILES]:
        try:
            kind: Any = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["SOPClassUID"]
            )
            uid = str(kind.get("SOPClassUID", ""))
        except Exception:  # no DICOM, or damaged
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
