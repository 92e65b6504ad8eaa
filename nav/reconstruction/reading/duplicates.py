"""Removal of duplicate slices, recognised by names and positions, or by their stored pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nav.reconstruction.reading.dicom_elements import read_elements
from nav.reconstruction.reading.headers import SliceHeader


def without_copies(slices: Sequence[SliceHeader]) -> tuple[list[SliceHeader], int]:
    """Drop files that are the same slice by name and position.

    Parameters
    ----------
    slices : sequence of SliceHeader
        In any order.

    Returns
    -------
    kept : list of SliceHeader
        In the order of acquisition.
    removed : int
        How many were dropped.
    """
    seen: set[tuple[object, ...]] = set()
    kept = []
    for header in sorted(slices, key=lambda s: (s.order, str(s.path))):
        key = (header.instance_uid, header.position, header.order)
        if header.instance_uid.startswith("/") or key not in seen:
            kept.append(header)
        seen.add(key)
    return kept, len(slices) - len(kept)


def without_identical_pixels(
    by_place: list[list[SliceHeader]],
) -> tuple[list[list[SliceHeader]], int]:
    """Drop slices whose stored pixels and scale are those of another at the same position.

    Parameters
    ----------
    by_place : list of list of SliceHeader
        Slices grouped by position.

    Returns
    -------
    kept : list of list of SliceHeader
        The same groups without duplicates.
    removed : int
        How many were dropped.
    """
    removed, kept = 0, []
    for group in by_place:
        seen: set[object] = set()
        unique = []
        for header in group:
            key = (_pixel_digest(header), header.slope, header.intercept) if group[1:] else None
            if key is None or key not in seen:
                unique.append(header)
            else:
                removed += 1
            seen.add(key)
        kept.append(unique)
    return kept, removed


def _pixel_digest(header: SliceHeader) -> object:
    """Return a digest of a file's stored pixels; frames of one file are always distinct."""
    if header.frame:
        return (header.path, header.frame)
    try:
        stored = read_elements(header.path, ["PixelData"], before_pixels=False, force=True)
        return hashlib.sha256(stored.PixelData).hexdigest()
    except Exception:  # damaged files raise anything; reported when pixels are read
        return header.path
