"""The changes of a blinking light that cameras see, and which of them are the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.timing.light_signals import APART, LightSignals, light_states
from nav.core.frames import Array

LONGEST_DELAY = 0.5  # s: of one camera's times after another's
SEARCH_STEP = 1e-3  # s
SLACK = 3e-3  # s: jitter of times while delays are searched for
LIKELY = 0.85  # share of the changes that must fit a delay
LONG_GAP = 3.0  # usual times between images: a change in a longer gap is not used
IMAGES = 2 * (APART - 1)  # around a change
LEAST_PARTIAL, MOST_PARTIAL = 0.1, 0.3  # of the light: what counts as neither on nor off
NOISES = 4.0  # the same, in the noise of a band


@dataclass(frozen=True)
class CameraChanges:
    """Changes as one camera sees them, each with the images around it.

    Sums over the bands that are neither on nor off have weights of one over their variance.

    Attributes
    ----------
    low, high : ndarray, shape (e,)
        Times of the images between which half of the light changes, s.
    rising : ndarray of bool, shape (e,)
        Whether the light goes on.
    times : ndarray, shape (e, 4)
        Of the images around the change, s.
    weight, row, part : ndarray, shape (e, 4)
        Of those bands: sum of weights, mean row, mean share that has changed; 0 without any.
    row_row, row_part, part_part : ndarray, shape (e, 4)
        Sums of squares and products about the means.
    before, after : ndarray, shape (e, 4, 2)
        First and last row of the bands in which nothing, or all, has changed; not a number
        without any.
    margin : float
        Share of the light up to which nothing has changed.
    """

    low: Array
    high: Array
    rising: np.ndarray
    times: Array
    weight: Array
    row: Array
    part: Array
    row_row: Array
    row_part: Array
    part_part: Array
    before: Array
    after: Array
    margin: float

    def __len__(self) -> int:
        """Return the number of changes."""
        return len(self.low)

    def taken(self, index: np.ndarray) -> "CameraChanges":
        """Return some of the changes.

        Parameters
        ----------
        index : ndarray of int

        Returns
        -------
        CameraChanges
        """
        arrays = {k: v[index] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return CameraChanges(**{**vars(self), **arrays})


def camera_changes(signals: LightSignals) -> CameraChanges:
    """Find the changes that are far enough from others to be told apart.

    Parameters
    ----------
    signals : LightSignals
        Of one camera.

    Returns
    -------
    CameraChanges
    """
    mean = signals.lit.mean(axis=1)
    states = light_states(mean)
    at = np.flatnonzero(states[1:] != states[:-1])
    gaps = np.diff(np.concatenate([[-APART], at, [len(mean) + APART]]))
    own = (gaps[:-1] >= APART) & (gaps[1:] >= APART)
    own &= (at >= 1) & (at + 2 < len(mean))
    at = at[own]
    around = at[:, None] + np.arange(-1, 3)
    times = signals.times[around]
    whole = (np.diff(times, axis=1) < LONG_GAP * signals.period).all(axis=1)
    at, around, times = at[whole], around[whole], times[whole]
    rising = states[at + 1]
    part = signals.lit[around]
    part = np.where(rising[:, None, None], part, 1.0 - part)
    margin = float(np.clip(NOISES * signals.noise.max(), LEAST_PARTIAL, MOST_PARTIAL))
    between = (part > margin) & (part < 1.0 - margin)
    weights = between / signals.noise**2
    weight = weights.sum(axis=2)
    known = np.maximum(weight, 1e-12)
    row = (weights @ signals.bands) / known
    mean_part = (weights * part).sum(axis=2) / known
    rows = np.where(between, signals.bands - row[..., None], 0.0)
    parts = np.where(between, part - mean_part[..., None], 0.0)
    return CameraChanges(
        low=signals.times[at],
        high=signals.times[at + 1],
        rising=np.asarray(rising),
        times=times,
        weight=weight,
        row=row,
        part=mean_part,
        row_row=(weights * rows**2).sum(axis=2),
        row_part=(weights * rows * parts).sum(axis=2),
        part_part=(weights * parts**2).sum(axis=2),
        before=_ends(part <= margin, signals.bands),
        after=_ends(part >= 1.0 - margin, signals.bands),
        margin=margin,
    )


def _ends(where: np.ndarray, bands: Array) -> Array:
    """Return first and last band (e, 4, 2) where something holds."""
    some = where.any(axis=2)
    first = np.where(some, np.where(where, bands, np.inf).min(axis=2), np.nan)
    last = np.where(some, np.where(where, bands, -np.inf).max(axis=2), np.nan)
    return np.stack([first, last], axis=2)


@dataclass(frozen=True)
class DelayRange:
    """Delays with which two cameras see the same changes.

    Attributes
    ----------
    low, high : float
        In s.
    share : float
        Of the changes that fit.
    """

    low: float
    high: float
    share: float

    @property
    def middle(self) -> float:
        """In s."""
        return (self.low + self.high) / 2


def likely_delays(first: CameraChanges, other: CameraChanges) -> tuple[list[DelayRange], float]:
    """Search for all delays with which two cameras see the same changes.

    Parameters
    ----------
    first, other : CameraChanges
        Of two cameras.

    Returns
    -------
    ranges : list of DelayRange
        Of the other camera, the one that fits most changes first; empty where none fits.
    share : float
        Of the changes, with the best delay.
    """
    delays = np.arange(-LONGEST_DELAY, LONGEST_DELAY + SEARCH_STEP, SEARCH_STEP)
    shares = np.array([_share(first, other, delay) for delay in delays])
    best = float(shares.max())
    if best < LIKELY:
        return [], best
    good = shares >= max(LIKELY, best - 0.1)
    starts = np.flatnonzero(good & ~np.append(False, good[:-1]))
    ends = np.flatnonzero(good & ~np.append(good[1:], False)) + 1
    period = max(float(np.median(c.high - c.low)) for c in (first, other))
    runs: list[DelayRange] = []
    for start, end in zip(starts, ends, strict=True):
        run = DelayRange(float(delays[start]), float(delays[end - 1]), shares[start:end].max())
        if runs and run.low - runs[-1].high < period / 2:
            run = DelayRange(runs.pop().low, run.high, max(run.share, shares[start:end].max()))
        runs.append(run)
    return sorted(runs, key=lambda run: -run.share), best


def _share(first: CameraChanges, other: CameraChanges, delay: float) -> float:
    """Return the share of changes in common time that fit."""
    pairs = same_changes(first, other, delay)
    begin, end = other.low[0] - delay, other.high[-1] - delay
    inside = int(((first.low > begin) & (first.high < end)).sum())
    # few changes in common are no proof
    return min(1.0, len(pairs) / max(inside, len(first) // 2, 1))


def same_changes(first: CameraChanges, other: CameraChanges, delay: float) -> np.ndarray:
    """Return which changes of two cameras are the same.

    Parameters
    ----------
    first, other : CameraChanges
        Of two cameras.
    delay : float
        Of the other one, s.

    Returns
    -------
    ndarray of int, shape (n, 2)
        Indices of both.
    """
    middle = (first.low + first.high) / 2
    others = (other.low + other.high) / 2 - delay
    nearest = np.abs(middle[:, None] - others)
    nearest[first.rising[:, None] != other.rising] = np.inf
    index = nearest.argmin(axis=1)
    fits = (other.low[index] - delay < first.high + SLACK) & (
        first.low < other.high[index] - delay + SLACK
    )
    fits &= np.isfinite(nearest.min(axis=1))
    return np.column_stack([np.flatnonzero(fits), index[fits]])


def common_changes(
    cameras: Sequence[CameraChanges], delays: Sequence[float]
) -> list[CameraChanges]:
    """Return the changes that all cameras see.

    Parameters
    ----------
    cameras : sequence of CameraChanges
        The first is the one that the others are compared with.
    delays : sequence of float
        Of all, s, the first's 0.

    Returns
    -------
    list of CameraChanges
        Of equal lengths; the same change at the same index.
    """
    others = list(zip(cameras, delays, strict=True))[1:]
    found = [dict(same_changes(cameras[0], each, delay).tolist()) for each, delay in others]
    kept = [k for k in range(len(cameras[0])) if all(k in each for each in found)]
    chosen = [cameras[0].taken(np.array(kept, int))]
    for camera, each in zip(cameras[1:], found, strict=True):
        chosen.append(camera.taken(np.array([each[k] for k in kept], int)))
    return chosen
