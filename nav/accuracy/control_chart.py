"""Control charts of a daily check: does today's figure belong to those before it?

Shewhart's limits find a jump, the exponentially weighted moving average (EWMA) a slow drift. A
signal asks for a repeat; only a second one in the repeat is an alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nav.core.errors import InputError
from nav.core.frames import Array

WEIGHT, EWMA_LIMIT = 0.2, 2.96  # lambda and L of the EWMA chart
SHEWHART_LIMIT = 3.0  # sd
PROVISIONAL, ESTABLISHED = 10, 25  # days of baseline
MOVING_RANGE = 1.128  # d2 of two: mean range of two normal samples, in sd

Word = Literal["no limits yet", "in control", "repeat", "alert"]


@dataclass(frozen=True)
class Limits:
    """Centre and spread of a chart's baseline.

    Parameters
    ----------
    centre, sd : float
        Of the logarithm of the figures where `logarithm`.
    days : int
        Of the baseline.
    logarithm : bool
        Whether figures are compared by their logarithm, as errors that cannot be negative are.
    """

    centre: float
    sd: float
    days: int
    logarithm: bool = False

    @property
    def provisional(self) -> bool:
        """Whether the baseline is short, so that the limits may still move."""
        return self.days < ESTABLISHED


@dataclass(frozen=True)
class ChartPoint:
    """A day on the charts.

    Parameters
    ----------
    value : float
        The figure as measured.
    z : float
        Its distance from the centre, sd.
    ewma : float
        The average up to this day, in sd of a single figure.
    ewma_limit : float
        Its limit on this day, same unit.
    jumped, drifted : bool
        Whether Shewhart's chart, and the EWMA chart, signal.
    """

    value: float
    z: float
    ewma: float
    ewma_limit: float
    jumped: bool
    drifted: bool

    @property
    def signals(self) -> bool:
        """Whether either chart signals."""
        return self.jumped or self.drifted


def baseline_limits(values: ArrayLike, logarithm: bool = False) -> Limits:
    """Estimate centre and spread from the first days, by moving ranges [1]_.

    Parameters
    ----------
    values : array_like, shape (n,)
        Figures of the first days, in order; the first `ESTABLISHED` are used.
    logarithm : bool
        Compare logarithms; all figures have to be above 0.

    Returns
    -------
    Limits

    Raises
    ------
    InputError
        Fewer than `PROVISIONAL` days, numbers that are not finite, or all alike.

    References
    ----------
    .. [1] Montgomery, Introduction to Statistical Quality Control, 8th ed., section 6.4.
    """
    used = _transformed(values, logarithm)[:ESTABLISHED]
    if len(used) < PROVISIONAL:
        raise InputError(f"baseline: {len(used)} days; at least {PROVISIONAL} are needed")
    sd = float(np.abs(np.diff(used)).mean()) / MOVING_RANGE
    if sd == 0.0:
        raise InputError("baseline: all days have the same figure; was it measured every day?")
    return Limits(float(used.mean()), sd, len(used), logarithm)


def has_limits(values: Sequence[float]) -> bool:
    """Return whether limits can be taken from these days: enough of them, and not all alike.

    Parameters
    ----------
    values : sequence of float
        Figures, one per day.

    Returns
    -------
    bool
    """
    return len(values) >= PROVISIONAL and len(set(values[:ESTABLISHED])) > 1


def chart(
    values: ArrayLike, limits: Limits, weight: float = WEIGHT, width: float = EWMA_LIMIT
) -> list[ChartPoint]:
    """Put figures on both charts [1]_.

    Parameters
    ----------
    values : array_like, shape (n,)
        In order of time, the baseline's days included or not.
    limits : Limits
        Of the baseline.
    weight, width : float
        Lambda and L of the EWMA chart.

    Returns
    -------
    list of ChartPoint
        One per figure.

    References
    ----------
    .. [1] Lucas and Saccucci, Technometrics 32(1), 1990.
    """
    scaled = (_transformed(values, limits.logarithm) - limits.centre) / limits.sd
    points, average = [], 0.0
    for day, (value, z) in enumerate(zip(np.asarray(values, float), scaled, strict=True), 1):
        average = weight * float(z) + (1.0 - weight) * average
        share = weight / (2.0 - weight) * (1.0 - (1.0 - weight) ** (2 * day))
        limit = width * float(np.sqrt(share))
        jumped, drifted = abs(z) > SHEWHART_LIMIT, abs(average) > limit
        points.append(ChartPoint(float(value), float(z), average, limit, jumped, drifted))
    return points


def judge(history: Sequence[float], runs: Sequence[float], logarithm: bool = False) -> Word:
    """Judge today's runs by the days before.

    Parameters
    ----------
    history : sequence of float
        One figure per day before today, since rig, tool or version last changed.
    runs : sequence of float
        Today's figures: one, or two where the first one signalled.
    logarithm : bool
        As for `baseline_limits`.

    Returns
    -------
    str
        "no limits yet" with fewer than `PROVISIONAL` days, or where all are alike; "repeat" where
        the first run signals and there is no second; "alert" where the second signals too;
        otherwise "in control".

    Raises
    ------
    InputError
        No run today, or numbers that are not finite.
    """
    if not runs:
        raise InputError("daily check: nothing measured today")
    if not has_limits(history):
        _transformed(runs, logarithm)
        return "no limits yet"
    limits = baseline_limits(history, logarithm)
    signals = [chart([*history, run], limits)[-1].signals for run in runs]
    if not signals[0]:
        return "in control"
    if len(signals) == 1:
        return "repeat"
    return "alert" if signals[1] else "in control"


def _transformed(values: ArrayLike, logarithm: bool) -> Array:
    given = np.asarray(values, float)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise InputError("control chart: expected finite numbers, one per day")
    if logarithm and (given <= 0.0).any():
        raise InputError("control chart: expected figures above 0")
    return np.log(given) if logarithm else given
