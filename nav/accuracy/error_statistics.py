"""Statistics of measured errors with confidence intervals, as accuracy reports give them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq
from scipy.special import chndtr

from nav.core.errors import InputError
from nav.core.frames import Array

CONFIDENCE = 0.95
LEAST = 2  # samples; one has no spread
AXES = 3.0
FAR = 1000.0  # square of a bias in its own sd: beyond, the interval is a normal one


@dataclass(frozen=True)
class Estimate:
    """A figure with its confidence interval.

    Parameters
    ----------
    value : float
        The estimate.
    low, high : float
        Limits of the interval; infinite where the samples are too few for a limit.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorStatistics:
    """Statistics of distances between measured and true positions, mm.

    Parameters
    ----------
    count : int
        Number of samples.
    mean, sd, rms, p95, p99 : Estimate
        Of the distances.
    largest : float
        The largest distance.
    bias : Estimate or None
        Length of the mean error vector; None where only distances are known.
    """

    count: int
    mean: Estimate
    sd: Estimate
    rms: Estimate
    p95: Estimate
    p99: Estimate
    largest: float
    bias: Estimate | None = None


def error_statistics(errors: ArrayLike, confidence: float = CONFIDENCE) -> ErrorStatistics:
    """Summarise errors of repeated, independent measurements.

    The mean's interval is Student's, the standard deviation's is chi-square, the root mean square's
    is chi-square with effective degrees of freedom [1]_, the bias's is noncentral chi-square and
    begins at 0 where there may be none, percentiles' come from order statistics, without a
    distribution [2]_.

    Parameters
    ----------
    errors : array_like, shape (n,) or (n, 3)
        Distances, or error vectors, mm.
    confidence : float
        Of the intervals.

    Returns
    -------
    ErrorStatistics

    Raises
    ------
    InputError
        Fewer than two samples, or a number that is not finite.

    References
    ----------
    .. [1] Satterthwaite, Biometrics Bulletin 2(6), 1946.
    .. [2] Hahn and Meeker, Statistical Intervals, 1991, section 5.2.
    """
    given = np.asarray(errors, float)
    if given.ndim not in (1, 2) or (given.ndim == 2 and given.shape[1] != 3):
        raise InputError(f"errors: expected (n,) distances or (n, 3) vectors, got {given.shape}")
    if len(given) < LEAST:
        raise InputError(f"errors: {len(given)} samples; at least {LEAST} are needed")
    if not np.isfinite(given).all():
        raise InputError("errors: a number is not finite")
    distances = np.linalg.norm(given, axis=1) if given.ndim == 2 else np.abs(given)
    return ErrorStatistics(
        len(distances),
        _mean(distances, confidence),
        _sd(distances, confidence),
        _rms(given, confidence),
        percentile(distances, 95.0, confidence),
        percentile(distances, 99.0, confidence),
        float(distances.max()),
        _bias(given, confidence) if given.ndim == 2 else None,
    )


def percentile(samples: ArrayLike, percent: float, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a percentile with an interval that assumes no distribution.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Independent samples.
    percent : float
        Between 0 and 100.
    confidence : float
        Of the interval.

    Returns
    -------
    Estimate
        With an infinite upper limit where no order statistic is high enough: n is too small.
    """
    ordered = np.sort(np.asarray(samples, float))
    share, count, tail = percent / 100.0, len(ordered), (1.0 - confidence) / 2.0
    # of n samples, Binomial(n, share) lie below the percentile
    below = stats.binom(count, share)
    low, high = int(below.ppf(tail)) - 1, int(below.ppf(1.0 - tail))
    return Estimate(
        float(np.percentile(ordered, percent)),
        float(ordered[low]) if low >= 0 else -np.inf,
        float(ordered[high]) if high < count else np.inf,
    )


def _mean(samples: Array, confidence: float) -> Estimate:
    mean, half = float(samples.mean()), float(stats.sem(samples))
    half *= float(stats.t.ppf(0.5 + confidence / 2.0, len(samples) - 1))
    return Estimate(mean, mean - half, mean + half)


def _sd(samples: Array, confidence: float) -> Estimate:
    sd, freedom = float(samples.std(ddof=1)), len(samples) - 1
    high, low = stats.chi2.ppf([0.5 - confidence / 2.0, 0.5 + confidence / 2.0], freedom)
    return Estimate(sd, sd * float(np.sqrt(freedom / low)), sd * float(np.sqrt(freedom / high)))


def chi_square_interval(rms: float, freedom: float, confidence: float = CONFIDENCE) -> Estimate:
    """Return a root mean square with the interval of a chi-square.

    Parameters
    ----------
    rms : float
        The root mean square.
    freedom : float
        Degrees of freedom of its square, above 0.
    confidence : float
        Of the interval.

    Returns
    -------
    Estimate
    """
    tails = [0.5 + confidence / 2.0, 0.5 - confidence / 2.0]
    low, high = rms * np.sqrt(freedom / stats.chi2.ppf(tails, freedom))
    return Estimate(rms, float(low), float(high))


def _rms(samples: Array, confidence: float) -> Estimate:
    """Return the root mean square of lengths; its square is taken for a scaled chi-square.

    The freedom is that of as many squares with this mean and variance (Satterthwaite), less for the
    few samples that it is estimated from. Lengths alone have at most that of vectors in space.
    """
    largest, count = float(np.abs(samples).max()), len(samples)
    if largest == 0.0:
        return Estimate(0.0, 0.0, 0.0)
    scaled = samples / largest
    if samples.ndim == 1:
        squares = scaled**2
        mean, variance = float(squares.mean()), float(squares.var(ddof=1))
        each = min(2.0 * mean**2 / variance, AXES) if variance > 0.0 else AXES
    else:
        mean = float((scaled**2).sum(axis=1).mean())
        bias, covariance = scaled.mean(axis=0), np.cov(scaled.T)
        along = float(bias @ covariance @ bias)
        most = float(bias @ bias * np.linalg.eigvalsh(covariance)[-1])
        # of normal errors; with few of them the mean may lie where they scatter more than it seems
        variance = 2.0 * _squared_spread(covariance, count - 1)
        variance += 4.0 * (along + (most - along) * min(AXES / count, 1.0))
        each = 2.0 * mean**2 / max(variance, np.finfo(float).eps)
    freedom = count * each * (count - 1.0) / (count + 1.0)
    return chi_square_interval(largest * float(np.sqrt(mean)), freedom, confidence)


def _squared_spread(covariance: Array, freedom: int) -> float:
    """Return the sum of the squared eigenvalues without the bias that few samples give it."""
    trace, plain = float(np.trace(covariance)), float((covariance**2).sum())
    if freedom < LEAST:
        return plain
    factor = freedom**2 / ((freedom - 1.0) * (freedom + 2.0))
    return min(max(factor * (plain - trace**2 / freedom), trace**2 / AXES), trace**2)


def _bias(vectors: Array, confidence: float) -> Estimate:
    """Return the length of the mean; its square is taken for a scaled noncentral chi-square."""
    mean, count = vectors.mean(axis=0), len(vectors)
    length, covariance = float(np.linalg.norm(mean)), np.cov(vectors.T)
    trace = float(np.trace(covariance))
    if not trace > count * (np.finfo(float).eps * float(np.abs(vectors).max())) ** 2:
        return Estimate(length, length, length)
    axes = trace**2 / float((covariance**2).sum())
    variance = trace / axes
    if length > 0.0:
        variance = max(variance, float(mean @ covariance @ mean) / length**2)
    # wider, as Student's distribution is, for a spread that is estimated
    tail = 0.5 + confidence / 2.0
    wider = float(stats.t.ppf(tail, axes * (count - 1.0)) / stats.norm.ppf(tail))
    unit = wider * float(np.sqrt(variance / count))
    square = (length / unit) ** 2
    if square > FAR:
        half = unit * float(stats.norm.ppf(tail))
        return Estimate(length, length - half, length + half)

    def limit(probability: float) -> float:
        def excess(noncentrality: float) -> float:
            return float(chndtr(square, axes, noncentrality)) - probability

        if excess(0.0) <= 0.0:
            return 0.0
        return unit * float(np.sqrt(brentq(excess, 0.0, 4.0 * square + 100.0)))

    return Estimate(length, min(limit(tail), length), max(limit(1.0 - tail), length))
