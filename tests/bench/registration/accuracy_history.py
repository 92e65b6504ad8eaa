"""How soon do control charts find a drift, and how often do they alarm for nothing?"""

import numpy as np
from rich.console import Console
from rich.table import Table

from nav.accuracy.control_chart import (
    ESTABLISHED,
    EWMA_LIMIT,
    SHEWHART_LIMIT,
    WEIGHT,
    baseline_limits,
    chart,
)

DAYS = 3000
DRIFT = 1.0  # sd


def run(console: Console, quick: bool) -> bool:
    """Simulate charts with and without a drift; whether it is found in time.

    Parameters
    ----------
    console : Console
        For the table.
    quick : bool
        Fewer charts.

    Returns
    -------
    bool
    """
    charts = 300 if quick else 4000
    rng = np.random.default_rng(1)
    table = Table(
        "rule", "no drift: median days to the first", "drift of 1 sd: median days", "90 %",
        title=f"{charts} charts, baseline {ESTABLISHED} days; log-normal figures",
    )  # fmt: skip
    found = {}
    for shift in (0.0, DRIFT):
        days = np.array([_first_days(rng, shift) for _ in range(charts)])
        found[shift] = days
    good = True
    for k, name in enumerate(("signal (asks for a repeat)", "alert (the repeat signals too)")):
        quiet, drifting = found[0.0][:, k], found[DRIFT][:, k]
        table.add_row(
            name,
            f"{np.median(quiet):.0f}",
            f"{np.median(drifting):.0f}",
            f"{np.quantile(drifting, 0.9):.0f}",
        )
        if k == 0:
            good = bool(np.median(quiet) > 80 and np.median(drifting) <= 8)
    console.print(table)
    return good


def _first_days(rng: np.random.Generator, shift: float) -> tuple[int, int]:
    """Return the day after the baseline of the first signal, and of the first alert."""
    baseline = np.exp(rng.normal(-1.0, 0.3, ESTABLISHED))
    limits = baseline_limits(baseline, logarithm=True)
    z = (-1.0 + 0.3 * (rng.standard_normal(DAYS) + shift) - limits.centre) / limits.sd
    again = (-1.0 + 0.3 * (rng.standard_normal(DAYS) + shift) - limits.centre) / limits.sd
    before = [p.ewma for p in chart(baseline, limits)][-1]
    average, signal, alert = before, DAYS, DAYS
    for day in range(DAYS):
        number = ESTABLISHED + day + 1
        share = WEIGHT / (2.0 - WEIGHT) * (1.0 - (1.0 - WEIGHT) ** (2 * number))
        limit = EWMA_LIMIT * float(np.sqrt(share))
        first = _signals(z[day], average, limit)
        if first:
            signal = min(signal, day + 1)
            if _signals(again[day], average, limit):
                alert = day + 1
                break
        # the day's last run goes on: the repeat where there was one
        average = WEIGHT * (again[day] if first else z[day]) + (1.0 - WEIGHT) * average
    return signal, alert


def _signals(z: float, average: float, limit: float) -> bool:
    now = WEIGHT * z + (1.0 - WEIGHT) * average
    return bool(abs(z) > SHEWHART_LIMIT or abs(now) > limit)
