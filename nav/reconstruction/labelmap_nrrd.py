"""Segmentations in `.seg.nrrd` files, as 3D Slicer writes them; plain NRRD label maps too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nav.errors import InputError
from nav.reconstruction.reading.itk_image import (
    bytes_each,
    convert_units,
    header_fields,
    refuse_short,
    refuse_without_place,
)
from nav.reconstruction.reading.quiet import without_output
from nav.reconstruction.reading.regular import refuse_huge
from nav.reconstruction.volume import Array

SEGMENT = re.compile(r"segment(\d+)_(name|layer|labelvalue)$")
MOST_LAYERS = 64


@dataclass(frozen=True)
class NamedLabel:
    """A segment: the value that it has in a layer."""

    name: str
    layer: int
    value: int


def read_seg_nrrd(path: Path) -> tuple[NDArray[Any], Array, list[NamedLabel] | None]:
    """Read a label map with its layers.

    Returns
    -------
    ndarray, shape (nz, ny, nx, layers)
    ndarray, shape (4, 4)
        lps_from_voxel of indices (x, y, z, 1), mm.
    list of NamedLabel, or None
        None where the file names no segments.

    Raises
    ------
    InputError
        No label map, or cut off, damaged.
    """
    fields = header_fields(path, "nrrd")
    refuse_without_place(path, "nrrd", fields)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO")
    reader.SetFileName(str(path))
    try:
        with without_output(1, 2):
            reader.ReadImageInformation()
    except RuntimeError:
        raise InputError(f"{path}: its NRRD header cannot be read") from None
    size, count = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) != 3 or count > MOST_LAYERS:
        raise InputError(f"{path}: is no volume of labels: {' x '.join(map(str, size))}")
    if "float" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise InputError(f"{path}: holds real numbers, expected labels: is it a scan?")
    voxels, each = int(np.prod(size)), bytes_each(fields, "nrrd")
    refuse_huge(voxels * count, f"{path}", each)
    refuse_short(path, "nrrd", fields, voxels * count * each)
    try:
        with without_output(1, 2):
            image = reader.Execute()
    except RuntimeError:
        raise InputError(f"{path}: is cut off or damaged: its labels cannot be read") from None
    values = np.array(sitk.GetArrayViewFromImage(image))
    values = values if count > 1 else values[..., None]
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise InputError(f"{path}: its header has no valid directions and spacing")
    convert_units(path, fields, matrix)
    return values, matrix, _segments(path, fields, count)


def _segments(path: Path, fields: dict[str, str], layers: int) -> list[NamedLabel] | None:
    told: dict[int, dict[str, str]] = {}
    for key, value in fields.items():
        found = SEGMENT.match(key)
        if found:
            own = value[1:] if value.startswith("=") else value  # NRRD writes key:=value
            told.setdefault(int(found[1]), {})[found[2]] = own.strip()
    if not told:
        return None
    segments = []
    for position, (number, entry) in enumerate(sorted(told.items())):
        name = entry.get("name") or f"Segment {number}"
        # before Slicer 4.11 each segment had a layer of its own, without these two
        layer = _whole(path, name, "Layer", entry.get("layer", str(position)))
        number_of_label = _whole(path, name, "LabelValue", entry.get("labelvalue", "1"))
        if not 0 <= layer < layers:
            raise InputError(f"{path}: segment {name}: layer {layer}, but the file has {layers}")
        segments.append(NamedLabel(name, layer, number_of_label))
    return segments


def _whole(path: Path, name: str, field: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f"{path}: segment {name}: {field}: expected a number, got {text!r:.30}"
        ) from None
