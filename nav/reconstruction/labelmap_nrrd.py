"""Segmentations in `.seg.nrrd` files, as 3D Slicer writes them; plain NRRD label maps too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.nrrd import length_scale, parse_nrrd
from nav.reconstruction.reading.stored_values import read_values
from nav.reconstruction.volume import Array

SEGMENT = re.compile(r"segment(\d{1,6})_(name|layer|labelvalue)$")
MOST_LAYERS = 64


@dataclass(frozen=True)
class NamedLabel:
    """A segment of a label map.

    Parameters
    ----------
    name : str
        Of the segment.
    layer : int
        Its layer, from 0.
    value : int
        Its value in that layer.
    """

    name: str
    layer: int
    value: int


def read_seg_nrrd(path: Path) -> tuple[NDArray[Any], Array, list[NamedLabel] | None]:
    """Read a label map with its layers.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    values : ndarray, shape (nz, ny, nx, layers)
        As stored.
    lps_from_voxel : ndarray, shape (4, 4)
        Of indices (x, y, z, 1), mm.
    segments : list of NamedLabel, or None
        None where the file does not name segments.

    Raises
    ------
    InputError
        Not a label map, or cut off, damaged.
    """
    header, fields = parse_nrrd(path)
    if header.components > MOST_LAYERS:
        raise InputError(f"{path}: has {header.components} layers; at most {MOST_LAYERS} are read")
    if header.dtype.kind == "f":
        raise InputError(f"{path}: holds floating-point numbers, expected labels: is it a scan?")
    _, scale = length_scale(path, fields)
    matrix = np.diag([scale, scale, scale, 1.0]) @ header.lps_from_voxel
    segments = _segments(path, fields, header.components)
    return read_values(path, header), matrix, segments


def _segments(path: Path, fields: dict[str, str], layers: int) -> list[NamedLabel] | None:
    entries: dict[int, dict[str, str]] = {}
    for key, value in fields.items():
        found = SEGMENT.match(key)
        if found:
            entries.setdefault(int(found[1]), {})[found[2]] = value
    if not entries:
        return None
    segments: list[NamedLabel] = []
    for position, (number, entry) in enumerate(sorted(entries.items())):
        name = entry.get("name") or f"Segment {number}"
        # before Slicer 4.11 each segment had a layer of its own, without these two
        layer = _whole(path, name, "Layer", entry.get("layer", str(position)))
        number_of_label = _whole(path, name, "LabelValue", entry.get("labelvalue", "1"))
        if not 0 <= layer < layers:
            raise InputError(f"{path}: segment {name}: layer {layer}, but the file has {layers}")
        same = next((s for s in segments if (s.layer, s.value) == (layer, number_of_label)), None)
        if same is not None:
            raise InputError(
                f"{path}: segments {same.name} and {name} have the same layer and LabelValue; "
                "save the segmentation again"
            )
        segments.append(NamedLabel(name, layer, number_of_label))
    return segments


def _whole(path: Path, name: str, field: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
        raise InputError(f"{path}: segment {name}: {field}: expected a number, got {text!r:.30}")
    return int(text)
