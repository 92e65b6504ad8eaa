"""Check of slices' positions against what else their headers say about their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.placement import Array
from nav.reconstruction.reading.read_result import Finding

FEWEST = 8  # slices, below which an order cannot be judged
MOST_SHARE = 0.1  # of slices that contradict: more is another order, not an error
TOLERANCE = 0.3  # of a step, between SliceLocation and position


def order_findings(slices: Sequence[SliceHeader], heights: Array) -> list[Finding]:
    """Report slices whose position contradicts their number or SliceLocation.

    Parameters
    ----------
    slices : sequence of SliceHeader
        Of one volume.
    heights : ndarray, shape (n,)
        Of the slices along their normal, ascending, mm.

    Returns
    -------
    list of Finding
        Empty where nothing contradicts, or most does: then it means something else.
    """
    if len(slices) < FEWEST:
        return []
    found = max(_against_numbers(slices, heights), _against_locations(slices, heights))
    if not 0 < found <= max(MOST_SHARE * len(slices), 2):
        return []
    return [Finding("order_contradicts", {"count": found})]


def _against_numbers(slices: Sequence[SliceHeader], heights: Array) -> int:
    """Return how many slices interrupt the order in which the slices were numbered."""
    numbers = [s.order for s in slices]
    if len(set(numbers)) < len(numbers):
        return 0
    ranks = np.argsort(sorted(range(len(numbers)), key=numbers.__getitem__))
    ranks = ranks if np.corrcoef(ranks, heights)[0, 1] > 0.0 else len(ranks) - 1 - ranks
    return int(np.count_nonzero(ranks != np.arange(len(ranks))))


def _against_locations(slices: Sequence[SliceHeader], heights: Array) -> int:
    """Return how many slices are off the line that SliceLocation and position make."""
    locations = [s.location for s in slices if s.location is not None]
    if len(locations) < len(slices):
        return 0
    places, steps = np.array(locations), np.diff(heights)
    slopes = np.diff(places) / np.where(steps > 0.0, steps, np.nan)
    slope = float(np.nanmedian(slopes)) if np.isfinite(slopes).any() else 0.0
    off = places - slope * heights
    return int(np.count_nonzero(np.abs(off - np.median(off)) > TOLERANCE * np.median(steps)))
