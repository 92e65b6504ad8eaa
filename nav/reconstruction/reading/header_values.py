"""Values of DICOM elements as plain numbers, whatever a header holds in their place."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

Vector = tuple[float, ...]


def number(value: Any) -> float | None:
    """Return a finite number, the first of several; None where there is none."""
    values = several(value)
    try:
        found = float(values[0]) if len(values) else math.nan
    except (ValueError, TypeError):
        return None
    return found if math.isfinite(found) else None


def numbers(value: Any, count: int) -> Vector | None:
    """Return exactly so many finite numbers; None where they are not."""
    try:
        found = tuple(float(part) for part in several(value))
    except (ValueError, TypeError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def short_number(value: Any) -> str:
    """Return a series number; nothing where it is long, as some are made of dates or accessions."""
    text = str("" if value is None else value).strip()
    return text if text.isdigit() and len(text) <= 6 else ""


def several(value: Any) -> tuple[Any, ...]:
    """Return an element's values as a tuple, one or many or none."""
    if value is None:
        return ()
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return (value,)
    return tuple(value)


def positive(value: Any) -> float | None:
    """Return a finite number above 0, the first of several; None where there is none."""
    found = number(value)
    return found if found is not None and found > 0.0 else None


def padding_range(dataset: Dataset, bits: int, signed: bool) -> tuple[int, int] | None:
    """Return the range of stored values that mean "not measured"; signs as the pixels have them."""
    value = _padding_value(dataset, 0x00280120)
    if value is None:
        return None
    limit = _padding_value(dataset, 0x00280121)
    ends = sorted(
        wrapped(int(end), bits, signed) for end in (value, value if limit is None else limit)
    )
    return ends[0], ends[1]


def _padding_value(dataset: Dataset, tag: int) -> float | None:
    element = dataset.get(Tag(tag))
    if element is None:
        return None
    if isinstance(element.value, bytes):  # its VR was not known
        return float(int.from_bytes(element.value[:2], "little")) if element.value else None
    return number(element.value)


def wrapped(value: int, bits: int, signed: bool) -> int:
    """Return an integer as so many bits hold it, with or without sign."""
    value %= 1 << bits
    return value - (1 << bits) if signed and value >= 1 << (bits - 1) else value
