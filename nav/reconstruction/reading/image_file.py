"""Scans in NRRD and MetaImage files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.metaimage import orientation_findings, parse_metaimage
from nav.reconstruction.reading.nrrd import length_scale, parse_nrrd
from nav.reconstruction.reading.placement import Array
from nav.reconstruction.reading.read_result import Finding
from nav.reconstruction.reading.scaling import to_int16
from nav.reconstruction.reading.stored_values import read_values


def read_image_file(
    path: Path, kind: str, advance: Callable[[float], None]
) -> tuple[NDArray[np.int16], Array, list[Finding]]:
    """Read an NRRD or MetaImage volume.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        "nrrd", else MetaImage.
    advance : callable
        Called with the fraction that is done.

    Returns
    -------
    values : ndarray, shape (nk, nj, ni)
        Stored values, rounded to int16.
    lps_from_voxel : ndarray, shape (4, 4)
        Of indices (i, j, k), mm; its columns need not be perpendicular.
    findings : list of Finding
        What was corrected.

    Raises
    ------
    InputError
        Not a scalar volume with a known position, cut off, or cannot be decoded.
    """
    findings = []
    if kind == "nrrd":
        header, fields = parse_nrrd(path)
        unit, scale = length_scale(path, fields)
        if scale != 1.0:
            findings.append(Finding("unit_converted", {"unit": unit}))
    else:
        (header, fields), scale = parse_metaimage(path), 1.0
        findings += orientation_findings(header, fields)
    if header.components != 1:
        raise InputError(f"{path}: holds colours or vectors; expected Hounsfield units")
    if min(header.size) < 2:
        size = " x ".join(map(str, header.size))
        raise InputError(f"{path}: is not a volume: {size}; expected three sizes")
    advance(0.1)
    stored = read_values(path, header)[..., 0]
    advance(0.7)
    values = np.empty(stored.shape, np.int16)
    bad = clipped = 0
    for plane, target in zip(stored, values, strict=True):
        counts = to_int16(plane, 1.0, 0.0, target)
        bad, clipped = bad + counts[0], clipped + counts[1]
    if bad == values.size:
        raise InputError(f"{path}: none of its voxels is a number")
    if bad:
        findings.append(Finding("not_finite", {"count": bad}))
    if clipped:
        findings.append(Finding("clipped_values", {"count": clipped}))
    advance(1.0)
    return values, np.diag([scale, scale, scale, 1.0]) @ header.lps_from_voxel, findings
