"""Stored numbers of any type as int16 Hounsfield units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.reading.regular import AIR

LOW, HIGH = -32768, 32767


def to_int16(
    stored: NDArray[Any], slope: float, intercept: float, target: NDArray[np.int16]
) -> tuple[int, int]:
    """Scale stored values and round them into an int16 array.

    Parameters
    ----------
    stored : ndarray
        Of any number type.
    slope, intercept : float
        Scale of the values.
    target : ndarray of int16
        Of the same shape; receives the scaled values.

    Returns
    -------
    bad : int
        How many were not finite, and are set to air.
    beyond : int
        How many were beyond int16, and are clipped.
    """
    if slope == 1.0 and intercept == 0.0 and stored.dtype.kind == "i" and stored.itemsize <= 2:
        target[:] = stored
        return 0, 0
    with np.errstate(all="ignore"):
        scaled = np.rint(stored.astype(np.float64) * slope + intercept)
    finite = np.isfinite(scaled)
    bad = int(scaled.size - np.count_nonzero(finite))
    if bad:
        scaled[~finite] = AIR
    beyond = int(np.count_nonzero((scaled < LOW) | (scaled > HIGH)))
    target[:] = np.clip(scaled, LOW, HIGH, out=scaled)
    return bad, beyond
