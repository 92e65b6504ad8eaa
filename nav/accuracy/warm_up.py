"""Drift of a still tool while cameras and room warm up: how far, and how long until it ends."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from nav.accuracy.error_statistics import CONFIDENCE, Estimate
from nav.core.errors import InputError
from nav.core.frames import Array

BINS = 60
LEAST_BINS = 10
GRID = 400  # time constants that are tried
SIGNIFICANCE = 0.01


@dataclass(frozen=True)
class WarmUp:
    """Positions of a still tip over minutes, and an exponential through them.

    Parameters
    ----------
    times : ndarray, shape (bins,)
        s, from the start.
    drift : ndarray, shape (bins, 3)
        Position less the first one, mm.
    largest : float
        Distance of two bins at most, mm.
    amplitude : float
        Length of the fitted drift from start to end of warming up, mm; 0 where there is none.
    time_constant : Estimate or None
        s, with its interval, whose upper limit is infinite where the recording is too short; None
        where no drift was found.
    settled : float or None
        Time after which the fitted drift stays below 0.05 mm, s; None as above.
    """

    times: Array
    drift: Array
    largest: float
    amplitude: float
    time_constant: Estimate | None
    settled: float | None


SETTLED = 0.05  # mm


def warm_up(times: Array, positions: Array) -> WarmUp:
    """Fit p(t) = end + d exp(-t / tau) to means over time.

    tau is searched, the rest is linear (variable projection). Its interval is where the sum of
    squares stays below the F limit (profile likelihood). The same ratio to the fit without drift
    says whether there is one.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s.
    positions : ndarray, shape (n, 3)
        mm.

    Returns
    -------
    WarmUp

    Raises
    ------
    InputError
        Too few frames, or all at one time.
    """
    if len(times) < 3 * LEAST_BINS or not times[-1] > times[0]:
        raise InputError(f"{len(times)} frames; a drift needs at least {3 * LEAST_BINS}")
    bins = max(LEAST_BINS, min(BINS, len(times) // 10))
    edges = np.linspace(times[0], times[-1], bins + 1)
    which = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, bins - 1)
    used = [k for k in range(bins) if (which == k).any()]
    if len(used) < LEAST_BINS:
        raise InputError("the tool was seen in too few parts of the recording to fit a drift")
    t = np.array([times[which == k].mean() for k in used]) - times[0]
    p = np.array([positions[which == k].mean(axis=0) for k in used])
    drift = p - p[0]
    largest = float(max(np.linalg.norm(p - one, axis=1).max() for one in p))
    flat = float(((p - p.mean(axis=0)) ** 2).sum())
    taus = np.geomspace(t[-1] / 30.0, t[-1] * 30.0, GRID)
    fits = [_fit(t, p, float(tau)) for tau in taus]
    sums = np.array([fit[0] for fit in fits])
    best = int(np.argmin(sums))
    free = 3 * len(t) - 7
    variance = float(sums[best]) / free
    ratio = (flat - float(sums[best])) / 4.0 / max(variance, 1e-300)
    if flat == 0.0 or stats.f.sf(ratio, 4, free) > SIGNIFICANCE:
        return WarmUp(t, drift, largest, 0.0, None, None)
    allowed = float(sums[best]) + variance * float(stats.f.ppf(CONFIDENCE, 1, free))
    inside = np.flatnonzero(sums <= allowed)
    low = float(taus[inside[0]]) if inside[0] > 0 else 0.0
    high = float(taus[inside[-1]]) if inside[-1] < GRID - 1 else np.inf
    amplitude = float(np.linalg.norm(fits[best][1]))
    tau = float(taus[best])
    settled = tau * float(np.log(max(amplitude / SETTLED, 1.0)))
    return WarmUp(t, drift, largest, amplitude, Estimate(tau, low, high), settled)


def _fit(t: Array, p: Array, tau: float) -> tuple[float, Array]:
    """Return the sum of squares and the amplitude (3,) for a time constant."""
    columns = np.column_stack([np.ones_like(t), np.exp(-t / tau)])
    solution, *_ = np.linalg.lstsq(columns, p, rcond=None)
    return float(((columns @ solution - p) ** 2).sum()), solution[1]
