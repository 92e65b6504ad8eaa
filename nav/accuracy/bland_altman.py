"""Do two trackers agree? Bland and Altman's limits of agreement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from nav.accuracy.error_statistics import CONFIDENCE, Estimate
from nav.core.errors import InputError

LEAST = 3


@dataclass(frozen=True)
class Agreement:
    """Agreement of two methods that measured the same things.

    Parameters
    ----------
    count : int
        Number of pairs.
    bias : Estimate
        Mean of second less first.
    sd : float
        Of the differences.
    lower, upper : Estimate
        Limits between which 95 % of the differences are expected.
    slope : Estimate
        Of the difference by the mean: not 0 where they disagree more on larger values.
    """

    count: int
    bias: Estimate
    sd: float
    lower: Estimate
    upper: Estimate
    slope: Estimate


def bland_altman(
    first: ArrayLike,
    second: ArrayLike,
    confidence: float = CONFIDENCE,
    independent: float | None = None,
) -> Agreement:
    """Compute the limits of agreement of paired measurements, with their exact intervals.

    Intervals of the limits are exact for normal differences, from the noncentral t distribution
    [2]_, not Bland and Altman's approximation [1]_.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        The same things measured by two methods, in one unit.
    confidence : float
        Of the intervals.
    independent : float, optional
        What the pairs are worth as independent ones, 2 to n; n by default.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        Unequal counts, fewer than three pairs, or a number that is not finite.

    References
    ----------
    .. [1] Bland and Altman, Lancet 327, 1986.
    .. [2] Carkeet, Optom. Vis. Sci. 92(3), 2015.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"agreement: expected as many values of both, got {a.shape} and {b.shape}")
    if len(a) < LEAST:
        raise InputError(f"agreement: {len(a)} pairs; at least {LEAST} are needed")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("agreement: a number is not finite")
    difference, mean = b - a, (a + b) / 2.0
    count = len(a)
    worth = float(count) if independent is None else independent
    freedom = worth - 1.0
    sd, bias = float(difference.std(ddof=1)), float(difference.mean())
    half = float(stats.t.ppf(0.5 + confidence / 2.0, freedom)) * sd / np.sqrt(worth)
    z, root = float(stats.norm.ppf(0.975)), np.sqrt(worth)
    near, far = (
        float(stats.nct.ppf(tail, freedom, z * root)) / root
        for tail in (0.5 - confidence / 2.0, 0.5 + confidence / 2.0)
    )
    lower = Estimate(bias - z * sd, bias - far * sd, bias - near * sd)
    upper = Estimate(bias + z * sd, bias + near * sd, bias + far * sd)
    return Agreement(
        count,
        Estimate(bias, bias - half, bias + half),
        sd,
        lower,
        upper,
        _slope(mean, difference, confidence, count / worth),
    )


def _slope(x: np.ndarray, y: np.ndarray, confidence: float, alike: float) -> Estimate:
    if np.ptp(x) == 0.0:
        return Estimate(0.0, -np.inf, np.inf)
    line = stats.linregress(x, y)
    freedom = max(len(x) / alike - 2.0, 1.0)
    half = float(stats.t.ppf(0.5 + confidence / 2.0, freedom) * line.stderr * np.sqrt(alike))
    return Estimate(float(line.slope), float(line.slope) - half, float(line.slope) + half)
