"""Check whether values are Hounsfield units, by the position of air and soft tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["hu", "shifted", "inverted", "picture", "labels", "unclear"]

SAMPLED = 2_000_000  # voxels in the histogram, approximately
OFFSETS = (1024, -1024)  # HU: intercept of -1024 not applied, or applied twice
AIR_WINDOW = (-1100, -850)  # HU
BELOW_AIR = AIR_WINDOW[0]
SOFT_WINDOW = (-50, 150)
TISSUE_WINDOW, MOSTLY = (-150, 200), 0.4  # HU, share: fat and muscle of a body without air round it
BETWEEN = (-750, -300)  # HU that few voxels have: neither air nor tissue
DENSER = (250, 900)
LEAST_AIR, LEAST_SOFT, MOST_BELOW = 0.02, 0.02, 0.005  # of all voxels
PEAKED = 3.0  # times as many voxels per HU in soft tissue as between air and tissue
PEAK_WIDTH = 25  # HU, over which peaks are smoothed
CORNER_NOISE, LARGEST_OFFSET = 150, 20_000  # HU
BONE_WINDOW, LEAST_BONE = (300, 3000), 1e-4  # HU, share of all voxels
MOST_LABELS, PATCHWORK = 200, 0.6  # different values; share of equal neighbours


@dataclass(frozen=True)
class ValueCheck:
    """What a volume's values are.

    Parameters
    ----------
    verdict : {"hu", "shifted", "inverted", "picture", "labels", "unclear"}
        Hounsfield units, shifted ones, air brightest, grey levels of an image, labels, or not
        recognised.
    offset : int
        HU to subtract where they are shifted; else 0.
    low, high : int
        Of all values.
    has_tissue : bool
        Whether soft tissue lies where it should, as far as that is known.
    """

    verdict: Verdict
    offset: int
    low: int
    high: int
    has_tissue: bool = True


def check_values(values: NDArray[np.int16], known_ct: bool = False) -> ValueCheck:
    """Decide from a volume's histogram whether its values are Hounsfield units.

    Parameters
    ----------
    values : ndarray, shape (nz, ny, nx)
        Scaled values, int16.
    known_ct : bool
        Whether they are known to be from a CT: then a shift is recognised without air, too, by soft
        tissue alone.

    Returns
    -------
    ValueCheck
        The verdict, and the offset where the values are shifted.
    """
    stride = max(1, round((values.size / SAMPLED) ** (1 / 3)))
    sample = values[::stride, ::stride, ::stride].ravel().astype(np.int32)
    low, high = int(values.min()), int(values.max())
    counts = np.bincount(sample + 32768, minlength=65536) / len(sample)
    if low >= 0 and len(np.flatnonzero(counts)) <= MOST_LABELS and _is_patchwork(values):
        return ValueCheck("labels", 0, low, high)
    if low >= 0 and high <= 255:
        return ValueCheck("picture", 0, low, high)
    if _has_air_and_tissue(counts, 0):
        return ValueCheck("hu", 0, low, high)
    for offset in OFFSETS:
        if _has_air_and_tissue(counts, offset):
            return ValueCheck("shifted", _exact_offset(counts, offset), low, high)
    if _is_inverted(values, counts):
        return ValueCheck("inverted", 0, low, high)
    if _share(counts, AIR_WINDOW, 0) >= LEAST_AIR and _below(counts, 0) <= MOST_BELOW:
        return ValueCheck("hu", 0, low, high, _has_soft_tissue(counts))
    if _is_within_body(counts):
        return ValueCheck("hu", 0, low, high)
    for offset in OFFSETS if known_ct else ():
        if _share(counts, TISSUE_WINDOW, offset) > MOSTLY > 4 * _share(counts, TISSUE_WINDOW, 0):
            return ValueCheck("shifted", offset, low, high)
    return ValueCheck("unclear", 0, low, high)


def _share(counts: NDArray[np.float64], window: tuple[int, int], offset: int) -> float:
    return float(counts[window[0] + offset + 32768 : window[1] + offset + 32768].sum())


def _density(counts: NDArray[np.float64], window: tuple[int, int], offset: int) -> float:
    return _share(counts, window, offset) / (window[1] - window[0])


def _below(counts: NDArray[np.float64], offset: int) -> float:
    """Return the share of voxels below air, except for the one value that scanners pad with."""
    tail = counts[: AIR_WINDOW[0] + offset + 32768]
    return float(tail.sum() - tail.max()) if len(tail) else 0.0


def _has_air_and_tissue(counts: NDArray[np.float64], offset: int) -> bool:
    soft = _density(counts, SOFT_WINDOW, offset)
    return (
        _share(counts, AIR_WINDOW, offset) >= LEAST_AIR
        and _share(counts, SOFT_WINDOW, offset) >= LEAST_SOFT
        and _below(counts, offset) <= MOST_BELOW
        and soft >= PEAKED * _density(counts, BETWEEN, offset)
        and soft >= PEAKED * _density(counts, DENSER, offset)
    )


def _is_within_body(counts: NDArray[np.float64]) -> bool:
    """Return whether values are of a scan that was cropped within the body: no air, fat, bone."""
    return (
        _share(counts, (-200, 300), 0) > 0.3
        and _share(counts, (-400, -20), 0) > 0.01
        and _share(counts, BONE_WINDOW, 0) >= LEAST_BONE
        and _density(counts, SOFT_WINDOW, 0) >= _density(counts, DENSER, 0)
        and _below(counts, 0) <= MOST_BELOW
    )


def _has_soft_tissue(counts: NDArray[np.float64]) -> bool:
    """Return whether soft tissue is at least as frequent as what is brighter, or darker."""
    soft = _density(counts, SOFT_WINDOW, 0)
    others = max(PEAKED * _density(counts, BETWEEN, 0), _density(counts, DENSER, 0))
    return _share(counts, SOFT_WINDOW, 0) >= LEAST_SOFT and soft >= others


def _is_inverted(values: NDArray[np.int16], counts: NDArray[np.float64]) -> bool:
    """Return whether values are those of a CT subtracted from a constant.

    What would be air is then the highest peak of the upper half, and lies in the corners.
    """
    present = np.flatnonzero(counts)
    middle = (int(present[0]) + int(present[-1])) // 2
    smooth = np.convolve(counts, np.ones(PEAK_WIDTH), "same")
    brightest = middle + int(smooth[middle:].argmax())
    corners = values[:, [0, 0, -1, -1], [0, -1, 0, -1]].astype(np.int32) + 32768
    if np.count_nonzero(corners >= brightest - CORNER_NOISE) < 0.5 * corners.size:
        return False
    offset = (len(counts) - 1 - brightest) - (32768 - 1000)
    return abs(offset) < LARGEST_OFFSET and _has_air_and_tissue(np.roll(counts[::-1], -offset), 0)


def _exact_offset(counts: NDArray[np.float64], offset: int) -> int:
    """Return 1000 instead of 1024 where air lies at 0 rather than at 24."""
    if offset < 0:
        return offset
    at_zero = float(counts[32768 + 1 : 32768 + 13].sum())  # 0 itself: clipped or padding
    at_24 = float(counts[32768 + 18 : 32768 + 30].sum())
    return offset if at_24 >= at_zero else 1000


def _is_patchwork(values: NDArray[np.int16]) -> bool:
    """Return whether most neighbours are equal, as in a label map, background excluded."""
    count = equal = 0
    for plane in values:  # one at a time: comparing a large volume takes several times its memory
        here, beside = plane[..., :-1], plane[..., 1:]
        coloured = (here != 0) & (here != 255)
        count += int(np.count_nonzero(coloured))
        equal += int(np.count_nonzero((here == beside) & coloured))
    return count == 0 or equal > PATCHWORK * count
