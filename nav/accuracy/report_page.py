"""The report as one HTML page that needs no other file, from the template in `text/`."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import nav
from nav.accuracy.accuracy_day import AccuracyDay
from nav.accuracy.accuracy_plan import PLACES, ROTATIONS, SINGLE
from nav.accuracy.block_location import LEAST_TOUCHES
from nav.accuracy.error_statistics import Estimate
from nav.accuracy.limits import TITLES, judge_day, verdict
from nav.accuracy.report_json import central_divot, duration_text
from nav.accuracy.report_plots import report_plots
from nav.accuracy.uncertainty_budget import SOURCES

TEXT = Path(__file__).parent / "text"


def report_html(day: AccuracyDay, inputs: list[dict[str, str]]) -> str:
    """Return the report as HTML; the same day gives the same text.

    Parameters
    ----------
    day : AccuracyDay
        The results.
    inputs : list of dict
        ``file`` and ``sha256`` of all files read.

    Returns
    -------
    str
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEXT),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "mm": lambda value: f"{value:.3f}",
        "interval": _interval,
        "data": _data_url,
        "inline": _inline,
        "minutes": lambda seconds: f"{seconds / 60:.1f}",
        "percent": lambda share: f"{100 * share:.0f}",
    }
    return templates.get_template("report.html").render(_facts(day, inputs)) + "\n"


def _inline(figure: Estimate | None) -> str:
    if figure is None:
        return "–"
    if figure.low == figure.value == figure.high:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({_interval(figure)})"


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def _interval(figure: Estimate) -> str:
    high = f"{figure.high:.3f}" if np.isfinite(figure.high) else "?"
    low = f"{max(figure.low, 0.0):.3f}" if np.isfinite(figure.low) else "?"
    return f"{low} to {high}"


def _facts(day: AccuracyDay, inputs: list[dict[str, str]]) -> dict[str, Any]:
    judged = judge_day(day)
    single = [(SINGLE[test], place, one) for (test, place), one in day.single.items()]
    worst = max((one.statistics.largest for _, _, one in single), default=None)
    return {
        "version": nav.__version__,
        "notice": nav.NOTICE,
        "plan": day.plan,
        "day": day,
        "duration": duration_text(day.seconds),
        "divot": central_divot(day),
        "place_words": {place: PLACES[place] for place in day.places},
        "single": single,
        "worst": worst,
        "rotations": [(ROTATIONS[t], p, one) for (t, p), one in day.rotations.items()],
        "multi": day.multi,
        "rest": day.rest,
        "warm_ups": day.warm_ups,
        "budget": day.budget,
        "sources": SOURCES,
        "k": f"{day.budget.coverage:.2f}",
        "judged": judged,
        "titles": TITLES,
        "verdict": verdict(judged),
        "plots": report_plots(day),
        "inputs": inputs,
        "least_touches": LEAST_TOUCHES,
        "recalibrated": all(k == v for k, v in day.located_by.items()),
        "infinite": float("inf"),
    }
