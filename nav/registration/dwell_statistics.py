"""Statistics of a point held still: independent samples, steps and drift."""

import numpy as np

from nav.core.frames import Array


def independent_samples(residuals: Array) -> float:
    """Estimate to how many independent samples correlated ones amount.

    The sum of the autocorrelation up to where pairs of it become negative [1]_, corrected for the
    mean that was subtracted.

    Parameters
    ----------
    residuals : ndarray, shape (n, d)
        About their mean, n >= 3, evenly sampled.

    Returns
    -------
    float
        2 to n.

    References
    ----------
    .. [1] Geyer, Statistical Science 7(4), 1992.
    """
    count = len(residuals)
    spectrum = np.fft.rfft(residuals, 2 * count, axis=0)
    lags = np.fft.irfft((spectrum * spectrum.conj()).real.sum(axis=1))[:count] / count
    if not lags[0] > 0.0:
        return float(count)
    size = float(count)
    # subtracting the mean lowers every lag by the mean's variance
    for _ in range(5):
        raised = lags + lags[0] / max(size - 1.0, 1.0)
        pairs = raised[: count // 2 * 2].reshape(-1, 2).sum(axis=1) / raised[0]
        negative = np.flatnonzero(pairs <= 0.0)
        used = pairs[: negative[0]] if len(negative) else pairs
        size = float(np.clip(count / max(2.0 * used.sum() - 1.0, 1e-9), 2.0, count))
    return size


def largest_step(times: Array, positions: Array, least: float) -> tuple[float, float]:
    """Find the step that best explains the scatter of positions.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s.
    positions : ndarray, shape (n, 3)
        mm.
    least : float
        Shortest part before and after the step, s.

    Returns
    -------
    step : float
        Distance of the means before and after it, mm.
    explained : float
        Its share of the variance.
    """
    count = len(times)
    total = float(((positions - positions.mean(axis=0)) ** 2).sum())
    before = np.arange(1, count)
    after = count - before
    sums = np.cumsum(positions, axis=0)
    first = sums[:-1] / before[:, None]
    second = (sums[-1] - sums[:-1]) / after[:, None]
    steps = np.linalg.norm(second - first, axis=1)
    between = steps**2 * before * after / count
    between[(times[:-1] - times[0] < least) | (times[-1] - times[1:] < least)] = 0.0
    if total <= 0.0 or len(between) == 0:
        return 0.0, 0.0
    best = int(np.argmax(between))
    return float(steps[best]), float(between[best]) / total


def linear_drift(times: Array, positions: Array) -> tuple[float, float]:
    """Fit a constant velocity.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s.
    positions : ndarray, shape (n, 3)
        mm.

    Returns
    -------
    drift : float
        How far it goes in the whole time, mm.
    explained : float
        Its share of the variance.
    """
    since, off = times - times.mean(), positions - positions.mean(axis=0)
    total, spread = float((off**2).sum()), float(since @ since)
    if total <= 0.0 or spread <= 0.0:
        return 0.0, 0.0
    velocity = since @ off / spread
    explained = float(velocity @ velocity) * spread / total
    return float(np.linalg.norm(velocity) * np.ptp(times)), explained
