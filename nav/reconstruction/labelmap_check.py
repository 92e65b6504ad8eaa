"""Check of a label map against its scan: Hounsfield units within the labels of bones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.reconstruction.labelmap import LabelMask
from nav.reconstruction.volume import Array, Volume

LEAST_BONE = 100.0  # HU: the mean over a whole vertebra, marrow included; soft tissue has 0 to 80
LEAST_INSIDE = 0.9  # share of the bones' voxels within the scan
MOST_POINTS = 20_000
BETTER = 100.0  # HU: gain that makes a shift clearly better


@dataclass(frozen=True)
class Agreement:
    """Agreement of labels of bones with a scan.

    Parameters
    ----------
    inside : float
        Share of the bones' voxels within the scan.
    hounsfield : float
        Mean within those, HU; nan where there are none.
    shift : float or None
        Shift of the labels along z with which they would fit clearly better, mm; None without one.
    """

    inside: float
    hounsfield: float
    shift: float | None

    @property
    def agrees(self) -> bool:
        """Return whether the labels may be of this scan."""
        return self.inside >= LEAST_INSIDE and self.hounsfield >= LEAST_BONE


def compare_with_scan(bones: Sequence[LabelMask], volume: Volume) -> Agreement:
    """Compare labels of bones with a scan, at their position and shifted along the body's axis.

    Parameters
    ----------
    bones : sequence of LabelMask
        Model frame.
    volume : Volume
        The scan, HU.

    Returns
    -------
    Agreement
        At their position; with the best shift where they do not agree there.
    """
    return compare_points_with_scan(np.concatenate([mask.centres() for mask in bones]), volume)


def compare_points_with_scan(points: Array, volume: Volume) -> Agreement:
    """Compare points of bones with a scan, at their position and shifted along the body's axis.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        In or on bones, model frame, mm.
    volume : Volume
        The scan, HU.

    Returns
    -------
    Agreement
        As `compare_with_scan` returns it.
    """
    rng = np.random.default_rng(0)
    if len(points) > MOST_POINTS:
        points = points[rng.choice(len(points), MOST_POINTS, replace=False)]
    inside, mean = _mean(volume, points)
    here = Agreement(inside, mean, None)
    if here.agrees:
        return here
    size = np.array(volume.values.shape[::-1])
    corners = volume.to_model(np.array([[0, 0, 0], size - 1], float))
    low, high = corners.min(axis=0)[2], corners.max(axis=0)[2]
    step = float(volume.spacing[2])
    first = np.ceil((low - points[:, 2].max()) / step)
    last = np.floor((high - points[:, 2].min()) / step)
    best_shift, best = None, -np.inf
    for k in np.arange(first, last + 1):
        moved = points + np.array([0.0, 0.0, k * step])
        share, value = _mean(volume, moved)
        if share >= LEAST_INSIDE and value > best:
            best_shift, best = float(k * step), value
    known = mean if np.isfinite(mean) else -1000.0
    if best_shift is None or best < max(LEAST_BONE, known + BETTER):
        return here
    return Agreement(inside, mean, best_shift)


def _mean(volume: Volume, points: Array) -> tuple[float, float]:
    index = np.rint(volume.to_voxel(points)).astype(int)
    size = np.array(volume.values.shape[::-1])
    within = ((index >= 0) & (index < size)).all(axis=1)
    if not within.any():
        return 0.0, float("nan")
    x, y, z = index[within].T
    return float(within.mean()), float(volume.values[z, y, x].mean())
