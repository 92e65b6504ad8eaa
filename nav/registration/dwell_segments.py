"""Where a point rests in a series of positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array

SETTLING = 0.3  # s: longest way in or out, and longest excursion, that is left out of the mean
FEWEST_IN_WINDOW = 3  # samples
HOLDS = 0.1, 60.0  # s: shorter is a few frames, longer is no touch


@dataclass(frozen=True)
class DwellSettings:
    """What counts as a touch.

    Parameters
    ----------
    radius : float
        Within which the tip stays of its mean place, mm.
    hold : float
        Shortest touch, s.
    glitch : float
        Longest excursion within a touch, s.
    gap : float
        Longest time without a tip within a touch, s.
    jump : float
        Step between two parts of a touch from which it is refused, mm; the same for a drift.

    Raises
    ------
    InputError
        A shortest touch that is none.
    """

    radius: float = 1.5
    hold: float = 0.5
    glitch: float = 0.1
    gap: float = 1.0
    jump: float = 0.6

    def __post_init__(self) -> None:
        least, most = HOLDS
        if not least <= self.hold <= most:
            raise InputError(f"--hold: expected {least:g} to {most:g} s, got {self.hold:g}")


def dwell_segments(
    times: Array, positions: Array, settings: DwellSettings
) -> list[NDArray[np.intp]]:
    """Find where a point rests.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s, rising.
    positions : ndarray, shape (n, 3)
        mm.
    settings : DwellSettings
        What counts as a rest.

    Returns
    -------
    list of ndarray of int
        The samples of each, without the ways in and out and without short excursions.
    """
    last = np.searchsorted(times, times + settings.hold)  # first sample after a window
    inside = np.minimum(last, len(times) - 1)
    far = np.linalg.norm(positions[inside] - positions, axis=1) > 4.0 * settings.radius
    dwells, k = [], 0
    while k < len(times) and last[k] < len(times):
        window = positions[k : last[k]]
        if far[k] or len(window) < FEWEST_IN_WINDOW or not _still(window, settings.radius):
            k += 1
            continue
        members = _extended(times, positions, k, int(last[k]), settings)
        dwells.append(_trimmed(times, positions, members))
        k = int(members[-1]) + 1
    return dwells


def _still(window: Array, radius: float) -> bool:
    off = np.linalg.norm(window - np.median(window, axis=0), axis=1)
    return bool(np.quantile(off, 0.8) <= radius)


def _extended(
    times: Array, positions: Array, first: int, end: int, settings: DwellSettings
) -> NDArray[np.intp]:
    """Follow a rest from its first window until the tip leaves it."""
    centre = np.median(positions[first:end], axis=0)
    off = np.linalg.norm(positions[first:end] - centre, axis=1)
    members = [first + int(j) for j in np.flatnonzero(off <= settings.radius)]
    total, left_at = positions[members].sum(axis=0), None
    for k in range(end, len(times)):
        if times[k] - times[k - 1] > settings.gap:
            break
        if np.linalg.norm(positions[k] - total / len(members)) <= settings.radius:
            members.append(k)
            total, left_at = total + positions[k], None
            continue
        left_at = times[k] if left_at is None else left_at
        if times[k] - left_at > settings.glitch:
            break
    return np.array(members, np.intp)


def _trimmed(times: Array, positions: Array, members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out the ways in and out, and short excursions; what lasts longer is judged instead."""
    held = positions[members]
    off = np.linalg.norm(held - np.median(held, axis=0), axis=1)
    # the median is 1.54 sd per axis; 2.5 times that is exceeded by 1 in 400
    outside = off > 2.5 * float(np.median(off))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], outside, [False]]).astype(int)))
    dropped = np.zeros(len(members), bool)
    for first, end in edges.reshape(-1, 2):
        begun, ended = times[members[first]], times[members[end - 1]]
        if ended - begun <= SETTLING:
            dropped[first:end] = True
    return members[~dropped]
