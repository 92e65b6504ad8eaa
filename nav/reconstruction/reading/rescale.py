"""Rescale slope and intercept of a series: missing in some slices, or contradicting each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.read_result import Finding
from nav.reconstruction.reading.regular import AIR

MOST_JUMP = 200.0  # HU, median over a slice: what neighbours may differ by where the scale changes
STRIDE = 3  # pixels, of those compared


def with_common_scale(
    slices: Sequence[SliceHeader], what: str
) -> tuple[tuple[SliceHeader, ...], list[Finding]]:
    """Give slices without slope and intercept those of all others of the series.

    Parameters
    ----------
    slices : sequence of SliceHeader
        Of one volume.
    what : str
        Name of the series in messages.

    Returns
    -------
    slices : tuple of SliceHeader
        Either all rescaled, or none.
    findings : list of Finding
        What was assumed.

    Raises
    ------
    InputError
        Some slices have no scale, and those of the others differ.
    """
    without = sum(not s.rescaled for s in slices)
    if not without:
        return tuple(slices), []
    if without == len(slices):
        return tuple(slices), [Finding("no_rescale")]
    scales = {(s.slope, s.intercept) for s in slices if s.rescaled}
    if len(scales) > 1:
        raise InputError(
            f"{what}: {without} of {len(slices)} slices have no rescale slope and intercept, and "
            "those of the others differ; export the original CT slices again"
        )
    slope, intercept = scales.pop()
    filled = tuple(
        s if s.rescaled else replace(s, slope=slope, intercept=intercept, rescaled=True)
        for s in slices
    )
    return filled, [Finding("rescale_filled", {"count": without, "of": len(slices)})]


def refuse_contradicting_scales(
    values: NDArray[np.int16], read: Sequence[SliceHeader], what: str
) -> None:
    """Refuse a volume whose grey values jump where the slices' scale changes.

    Parameters
    ----------
    values : ndarray, shape (n, rows, columns)
        HU.
    read : sequence of SliceHeader
        Of the n slices, as their files have them.
    what : str
        Name of the series in messages.

    Raises
    ------
    InputError
        The scale of some slices is not that of their values.
    """
    scales = [(s.slope, s.intercept, s.rescaled) for s in read]
    for k in range(len(scales) - 1):
        if scales[k] == scales[k + 1]:
            continue
        pair = values[k : k + 2, ::STRIDE, ::STRIDE].astype(np.int32)
        below, above = np.maximum(pair, AIR)
        jump = float(np.median(above - below))
        if abs(jump) > MOST_JUMP:
            raise InputError(
                f"{what}: grey values jump by {abs(jump):.0f} HU after slice {k + 1}, where "
                "rescale slope or intercept change: the headers do not fit the pixels; export "
                "the original CT slices again"
            )
