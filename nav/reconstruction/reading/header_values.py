"""Values of DICOM elements as plain numbers, robust against any content of a header."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

Vector = tuple[float, ...]


def number(value: Any) -> float | None:
    """Return an element's value as a finite number.

    Parameters
    ----------
    value : object
        Of an element; the first of several values counts.

    Returns
    -------
    float or None
        None where it is not a finite number.
    """
    values = several(value)
    try:
        found = float(values[0]) if len(values) else math.nan
    except (ValueError, TypeError):
        return None
    return found if math.isfinite(found) else None


def numbers(value: Any, count: int) -> Vector | None:
    """Return an element's values as a given count of finite numbers.

    Parameters
    ----------
    value : object
        Of an element.
    count : int
        How many numbers are expected.

    Returns
    -------
    tuple of float or None
        None where there are more or fewer, or not all are finite numbers.
    """
    try:
        found = tuple(float(part) for part in several(value))
    except (ValueError, TypeError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def short_number(value: Any) -> str:
    """Return a series number as text.

    Parameters
    ----------
    value : object
        Of the element SeriesNumber.

    Returns
    -------
    str
        Empty where it is not a number or has more than 6 digits: some scanners compose it from
        dates or accession numbers.
    """
    text = str("" if value is None else value).strip()
    return text if text.isdigit() and len(text) <= 6 else ""


def several(value: Any) -> tuple[Any, ...]:
    """Return an element's values as a tuple, however many there are.

    Parameters
    ----------
    value : object
        One value, a sequence of values, or None.

    Returns
    -------
    tuple
        Empty for None.
    """
    if value is None:
        return ()
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return (value,)
    return tuple(value)


def positive(value: Any) -> float | None:
    """Return an element's value as a finite number above 0.

    Parameters
    ----------
    value : object
        Of an element; the first of several values counts.

    Returns
    -------
    float or None
        None where it is not such a number.
    """
    found = number(value)
    return found if found is not None and found > 0.0 else None


def padding_range(dataset: Dataset, bits: int, signed: bool) -> tuple[int, int] | None:
    """Return the range of stored values that mean "not measured".

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With the elements PixelPaddingValue and PixelPaddingRangeLimit, where present.
    bits : int
        Bits allocated per pixel.
    signed : bool
        Whether the pixels are signed.

    Returns
    -------
    tuple of int or None
        Lowest and highest value, signed as the pixels are; None without a padding value.
    """
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
    if isinstance(element.value, bytes):  # its VR is unknown
        return float(int.from_bytes(element.value[:2], "little")) if element.value else None
    return number(element.value)


def wrapped(value: int, bits: int, signed: bool) -> int:
    """Return an integer as a given number of bits holds it, with or without sign.

    Parameters
    ----------
    value : int
        To be wrapped.
    bits : int
        Width of the stored integer.
    signed : bool
        Whether it is in two's complement.

    Returns
    -------
    int
        `value` modulo 2**bits, in the range of the type.
    """
    value %= 1 << bits
    return value - (1 << bits) if signed and value >= 1 << (bits - 1) else value
