"""`nav accuracy history`: control charts of the daily checks, in the terminal and as a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from nav.accuracy.check_database import CheckRun, load_runs
from nav.accuracy.control_chart import (
    PROVISIONAL,
    SHEWHART_LIMIT,
    ChartPoint,
    Limits,
    Word,
    baseline_limits,
    chart,
    has_limits,
)
from nav.accuracy.daily_check import JUDGED, NAMES, JudgedDay, judged_days, of_day, verdict_on
from nav.accuracy.html_report import Section, html_page
from nav.core.errors import InputError
from nav.core.outputs import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_DAYS = 30  # in the terminal
WIDTH = 31  # characters of the terminal's chart: 6 sd to each side
# of 300 simulated charts: docs/daily-check.md
FALSE_ALARMS = (
    "Each chart signals falsely about once in 90 days (median, 25 days of baseline), more often "
    "while limits are provisional; a signal asks for a repeat, and only a second one is an alert. "
    "A drift of one standard deviation is found in 8 days (median)."
)


def show_history(database: Path, output: Path | None, console: Console) -> None:
    """Show all charts of a database.

    Parameters
    ----------
    database : Path
        Of `nav accuracy check`.
    output : Path, optional
        HTML page to write.
    console : Console
        For the newest chart.

    Raises
    ------
    InputError
        No such database, or an empty one.
    """
    runs = load_runs(database)
    if not runs:
        raise InputError(f"{database}: has no runs yet; add one with nav accuracy check")
    charts: dict[object, list[CheckRun]] = {}
    for run in runs:
        charts.setdefault(run.chart, []).append(run)
    newest = charts[runs[-1].chart]
    for name in JUDGED:
        table = _terminal_chart(newest, name)
        if table is not None:
            console.print(table)
    word = verdict_on(runs).word
    console.print(f"runs: {len(runs)}; charts: {len(charts)}; the last run: {word}")
    if output is not None:
        sections = [Section("How to read it", (FALSE_ALARMS,))]
        for number, mine in enumerate(reversed(charts.values()), 1):
            sections += _sections(mine, len(charts) - number + 1)
        with written_whole(output) as beside:
            beside.write_text(html_page("Daily checks", sections), encoding="utf-8")
        console.print(f"wrote {output}")


def _series(
    runs: Sequence[CheckRun], name: str
) -> tuple[list[JudgedDay], Limits | None, list[ChartPoint]]:
    """Return the days, limits if there are any, and the chart; alerts do not move it."""
    days = judged_days(runs, name)
    accepted = [day.value for day in days if day.word != "alert"]
    if not has_limits(accepted):
        return days, None, []
    limits = baseline_limits(accepted, JUDGED[name])
    points, before = [], list[float]()
    for day in days:
        points.append(chart([*before, day.value], limits)[-1])
        if day.word != "alert":
            before.append(day.value)
    return days, limits, points


def _terminal_chart(runs: Sequence[CheckRun], name: str) -> Table | None:
    days, limits, points = _series(runs, name)
    if not days:
        return None
    about = "no limits yet" if limits is None else "| 3 sd   . centre   * signal"
    table = Table("day", "mm", Column(about, no_wrap=True), "EWMA, sd", "", title=NAMES[name])
    for k in range(max(0, len(days) - SHOWN_DAYS), len(days)):
        drawn = ("", "") if limits is None else (_strip(points[k]), f"{points[k].ewma:+.2f}")
        table.add_row(days[k].date, f"{days[k].value:.3f}", *drawn, days[k].word)
    return table


def _strip(point: ChartPoint) -> str:
    """Draw one day: limits at 3 sd, the figure where it lies, at most 6 sd off."""
    middle = WIDTH // 2
    line = [" "] * WIDTH
    for at, sign in ((-SHEWHART_LIMIT, "|"), (0.0, "."), (SHEWHART_LIMIT, "|")):
        line[middle + round(at * middle / 6)] = sign
    line[middle + round(float(np.clip(point.z, -6, 6)) * middle / 6)] = (
        "*" if point.signals else "o"
    )
    return "".join(line)


def _sections(runs: Sequence[CheckRun], number: int) -> list[Section]:
    first = runs[0].chart
    since, until = (run.taken_at.date().isoformat() for run in (runs[0], runs[-1]))
    files = ", ".join(
        f"{name} {value[:12]}"
        for name, value in (("rig", first.rig), ("tool", first.tool), ("pattern", first.pattern))
        if value
    )
    about = f"{len(runs)} runs, {since} to {until}; version {first.version}; {files}"
    found = [Section(f"Chart {number}", (about,))]
    for name in JUDGED:
        days, limits, points = _series(runs, name)
        if not days:
            continue
        if limits is None:
            text = f"{len(days)} days; limits come after {PROVISIONAL}."
        else:
            kind = "provisional" if limits.provisional else "established"
            text = f"Limits from {limits.days} days ({kind}), by the logarithm."
        found.append(
            Section(
                f"Chart {number}: {NAMES[name]}",
                (text,),
                ("day", *NAMES.values(), ""),
                _rows(runs, {day.date: day.word for day in days}),
                _figure(days, limits, points, NAMES[name]),
            )
        )
    return found


def _rows(runs: Sequence[CheckRun], words: dict[str, Word]) -> list[list[str | float]]:
    rows: list[list[str | float]] = []
    for date, mine in of_day(runs).items():
        figures = [getattr(mine[-1].figures, name) for name in NAMES]
        shown = ["" if value is None else value for value in figures]
        rows.append([date, *shown, words.get(date, "")])
    return rows


def _figure(
    judged: list[JudgedDay], limits: Limits | None, points: list[ChartPoint], name: str
) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    days, values = np.arange(len(judged)), [day.value for day in judged]
    upper.plot(days, values, "o-", color="#007a6e", ms=4, lw=0.8)
    upper.set_ylabel(name)
    if limits is None:
        lower.text(0.5, 0.5, "no limits yet", ha="center", transform=lower.transAxes)
    else:
        for z, style in ((-SHEWHART_LIMIT, "--"), (0.0, "-"), (SHEWHART_LIMIT, "--")):
            level = limits.centre + z * limits.sd
            level = float(np.exp(level)) if limits.logarithm else level
            upper.axhline(level, color="#1a2226", ls=style, lw=0.9)
        if limits.logarithm:
            upper.set_yscale("log")
        bounds = np.array([p.ewma_limit for p in points])
        lower.plot(days, [p.ewma for p in points], "o-", color="#007a6e", ms=4, lw=0.8)
        lower.plot(days, bounds, "--", days, -bounds, "--", color="#1a2226", lw=0.9)
        for axes, flags, marks in (
            (upper, [p.jumped for p in points], values),
            (lower, [p.drifted for p in points], [p.ewma for p in points]),
        ):
            which = np.flatnonzero(flags)
            axes.plot(which, np.array(marks)[which], "s", color="#b3261e", ms=8, mfc="none")
    lower.set_ylabel("EWMA, sd of a day")
    step = max(1, len(judged) // 8)
    lower.set_xticks(days[::step], [day.date for day in judged[::step]])
    return figure
