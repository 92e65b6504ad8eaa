"""Stored bits that a header describes wrongly: sign denied or invented, more bits than declared.

Only where values are impossible as declared, and possible otherwise, another layout is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.hounsfield import BELOW_AIR, check_values

Decode = Callable[[Sequence[SliceHeader]], NDArray[np.int16]]

MOST_BELOW_AIR = 10  # different values below air, besides padding: more are not from a scanner
EXAMINED = 24  # slices that are decoded again


def corrected_layout(
    slices: Sequence[SliceHeader], values: NDArray[np.int16], decode: Decode
) -> tuple[SliceHeader, ...] | None:
    """Find the layout of stored bits that makes impossible values possible.

    Parameters
    ----------
    slices : sequence of SliceHeader
        Of one volume.
    values : ndarray, shape (n, rows, columns)
        HU, as the headers have them.
    decode : callable
        Returns the HU of slices.

    Returns
    -------
    tuple of SliceHeader or None
        With the corrected layout; None where the declared one is possible, or none is.
    """
    first = slices[0]
    if first.bits_stored >= first.bits_allocated:
        return None
    strange = [_values_below_air(image) for image in values]
    is_strange = _values_below_air(values) >= MOST_BELOW_AIR
    if not is_strange and check_values(values, known_ct=True).verdict != "unclear":
        return None
    chosen = _examined(strange)
    part = [slices[k] for k in chosen]
    jumps = _jumps(values[chosen], part)
    for change in _changes(first):
        other = decode([replace(s, **change) for s in part])
        is_hu = check_values(other, known_ct=True).verdict in ("hu", "shifted")
        if is_hu and _values_below_air(other) < MOST_BELOW_AIR and _jumps(other, part) < jumps:
            return tuple(replace(s, **change) for s in slices)
    return None


def _changes(first: SliceHeader) -> list[dict[str, Any]]:
    whole = {"bits_stored": first.bits_allocated, "high_bit": first.bits_allocated - 1}
    return [{"signed": not first.signed}, {**whole, "signed": True}]


def _examined(strange: list[int]) -> list[int]:
    """Return the numbers of the strangest slices, and of others all over the volume."""
    worst = np.argsort(strange)[::-1][: EXAMINED // 2]
    even = np.linspace(0, len(strange) - 1, EXAMINED // 2).astype(int)
    return sorted({*worst.tolist(), *even.tolist()})


def _values_below_air(values: NDArray[np.int16]) -> int:
    """Return how many different values are below air, without the most frequent one: padding."""
    below = values[values < BELOW_AIR]
    return max(len(np.unique(below)) - 1, 0)


def _jumps(values: NDArray[np.int16], slices: Sequence[SliceHeader]) -> int:
    """Return how many neighbours differ by more than half of the range of the stored values."""
    half = abs(slices[0].slope) * (1 << (slices[0].bits_stored - 1))
    return int(np.count_nonzero(np.abs(np.diff(values.astype(np.int32), axis=2)) > half))
