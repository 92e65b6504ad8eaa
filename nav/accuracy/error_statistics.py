"""Statistics of measured errors with confidence intervals, as accuracy reports give them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from nav.core.errors import InputError
from nav.core.frames import Array

CONFIDENCE = 0.95
LEAST = 2  # samples; one has no spread
RESAMPLES = 2000
CHUNK = 1_000_000  # numbers at a time: bounds the memory


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
    and the bias's come from a bootstrap (bias-corrected and accelerated [1]_), percentiles' from
    order statistics, without a distribution [2]_.

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
    .. [1] Efron, J. Am. Stat. Assoc. 82, 1987.
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
        _bootstrapped(distances, confidence, _rms),
        percentile(distances, 95.0, confidence),
        percentile(distances, 99.0, confidence),
        float(distances.max()),
        _bootstrapped(given, confidence, _bias) if given.ndim == 2 else None,
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


def _rms(samples: Array) -> Array:
    """Return the root mean square of sets (..., n) of distances."""
    return np.asarray(np.sqrt(np.mean(samples**2, axis=-1)), float)


def _bias(vectors: Array) -> Array:
    """Return the length of the mean of sets (..., n, 3) of vectors."""
    return np.asarray(np.linalg.norm(vectors.mean(axis=-2), axis=-1), float)


def _bootstrapped(
    samples: Array, confidence: float, statistic: Callable[[Array], Array]
) -> Estimate:
    """Return a statistic of the rows with its interval by a bootstrap."""
    value, count = float(statistic(samples)), len(samples)
    rng = np.random.default_rng(0)
    rows = max(1, CHUNK // count)
    values = np.sort(
        np.concatenate(
            [
                statistic(samples[rng.integers(0, count, (min(rows, RESAMPLES - first), count))])
                for first in range(0, RESAMPLES, rows)
            ]
        )
    )
    if values[0] == values[-1]:
        return Estimate(value, value, value)
    jack = np.array([float(statistic(np.delete(samples, k, axis=0))) for k in range(count)])
    away = jack.mean() - jack
    # in units of the largest: their cubes do not vanish
    away /= max(float(np.abs(away).max()), np.finfo(float).tiny)
    spread = float((away**2).sum())
    skew = float((away**3).sum()) / (6.0 * spread**1.5) if spread > 0.0 else 0.0
    share = float(np.clip(np.mean(values < value), 0.5 / RESAMPLES, 1.0 - 0.5 / RESAMPLES))
    centre = float(stats.norm.ppf(share))

    def limit(tail: float) -> float:
        z = centre + float(stats.norm.ppf(tail))
        return float(np.quantile(values, stats.norm.cdf(centre + z / (1.0 - skew * z))))

    return Estimate(value, limit(0.5 - confidence / 2.0), limit(0.5 + confidence / 2.0))
