"""`nav accuracy check`: a minute a day, judged by the days before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

import nav
from nav.accuracy.check_database import ERRORS, Chart, CheckRun, add_run, load_runs
from nav.accuracy.control_chart import ESTABLISHED, PROVISIONAL, Word, judge
from nav.accuracy.daily_figures import (
    DailyFigures,
    daily_figures,
    load_pattern,
    touches_in_order,
)
from nav.accuracy.tracker_comparison import POSITIONS_ONLY, measured_positions
from nav.core.errors import InputError
from nav.core.files import sha256
from nav.record.recorded_poses import open_recorded_poses
from nav.tracking.tool import Tool, load_tool

# judged, with the texts shown for them; others are only shown. Lengths of errors by logarithm
JUDGED = {"leave_one_out": True, "jitter": True}
LEAST_ERROR = 1e-6  # mm: no touch is that exact
AHEAD = timedelta(days=1)  # of the clock, which may be a little slow
WORST: tuple[Word, ...] = ("in control", "no limits yet", "repeat", "alert")
NAMES = {
    "fre": "FRE, mm",
    "leave_one_out": "leave-one-out error, mm",
    "distance": "distances' error, mm",
    "scale": "scale, mm per m",
    "jitter": "jitter at rest, mm",
}


@dataclass(frozen=True)
class Verdict:
    """The word on a run.

    Parameters
    ----------
    words : dict of str to str
        By figure that was judged.
    days : int
        On this chart before today.
    """

    words: dict[str, Word]
    days: int

    @property
    def word(self) -> Word:
        """The worst of them."""
        return max(self.words.values(), key=WORST.index, default="no limits yet")


def of_day(runs: Sequence[CheckRun]) -> dict[str, list[CheckRun]]:
    """Group runs by day.

    Parameters
    ----------
    runs : sequence of CheckRun
        Of one chart, in order of time.

    Returns
    -------
    dict of str to list of CheckRun
        By date, as it was where the run was made.
    """
    days: dict[str, list[CheckRun]] = {}
    for run in runs:
        days.setdefault(run.taken_at.date().isoformat(), []).append(run)
    return days


@dataclass(frozen=True)
class JudgedDay:
    """A day's figure with the word on it.

    Parameters
    ----------
    date : str
        ISO 8601.
    value : float
        Of the day's last run.
    word : str
        On that run, by the days before; days with an alert are left out of them.
    """

    date: str
    value: float
    word: Word


def judged_days(runs: Sequence[CheckRun], name: str) -> list[JudgedDay]:
    """Judge a figure day by day.

    Parameters
    ----------
    runs : sequence of CheckRun
        Of one chart, in order of time.
    name : str
        Of the figure.

    Returns
    -------
    list of JudgedDay
        Without days on which it was not measured.
    """
    found: list[JudgedDay] = []
    accepted: list[float] = []
    for date, today in of_day(runs).items():
        measured = [getattr(run.figures, name) for run in today]
        values = [value for value in measured if value is not None]
        if not values:
            continue
        word = _word(accepted, values, JUDGED[name])
        found.append(JudgedDay(date, values[-1], word))
        if word != "alert":
            accepted.append(values[-1])
    return found


def verdict_on(runs: Sequence[CheckRun]) -> Verdict:
    """Judge the last run by the days before it; a signal asks for a repeat, a second is an alert.

    Parameters
    ----------
    runs : sequence of CheckRun
        In order of time; those of other charts than the last one's are left out.

    Returns
    -------
    Verdict
    """
    mine = [run for run in runs if run.chart == runs[-1].chart]
    today = mine[-1].taken_at.date().isoformat()
    words: dict[str, Word] = {}
    for name in JUDGED:
        days = judged_days(mine, name)
        if days and days[-1].date == today:
            words[name] = days[-1].word
    return Verdict(words, len(of_day(mine)) - 1)


def _word(history: Sequence[float], runs: Sequence[float], logarithm: bool) -> Word:
    """Judge a day's last run: what follows a run that asked for a repeat is that repeat."""
    word: Word = "no limits yet"
    start = 0
    while start < len(runs):
        word = judge(history, runs[start : start + 1], logarithm)
        if word == "repeat" and start + 1 < len(runs):
            word = judge(history, runs[start : start + 2], logarithm)
            start += 1
        start += 1
    return word


def measure(
    source: Path, pattern_file: Path, tool: Tool | None, reference: str
) -> tuple[DailyFigures, tuple[str, ...]]:
    """Compute the figures of touched points, or of poses with touches in the pattern's order.

    Parameters
    ----------
    source : Path
        Touched points, or poses.csv.
    pattern_file : Path
        Labelled divots, or a case.
    tool : Tool, optional
        With a tip; needed for poses.
    reference : str
        Name of the body that the pattern is fixed to, in poses.

    Returns
    -------
    figures : DailyFigures
        What was measured.
    left_out : tuple of str
        Labels of the pattern's divots that were not touched.

    Raises
    ------
    InputError
        Input that breaks its format or does not fit the pattern: file, what, expected.
    """
    pattern = load_pattern(pattern_file)
    touched, jitter = measured_positions(source), None
    try:
        if touched is None:
            if tool is None or tool.tip is None:
                raise InputError("has poses; give the touching tool's file with its tip: --tool")
            poses = open_recorded_poses(source, [tool.name, reference], POSITIONS_ONLY)
            touched, jitter = touches_in_order(poses, tool, pattern, reference)
        figures = daily_figures(pattern, touched, jitter)
        for name in ERRORS:
            value = getattr(figures, name)
            if value is not None and value < LEAST_ERROR:
                raise InputError(
                    f"{NAMES[name]}: {value:.1g}; touches are never that exact: give those that "
                    "were measured"
                )
        return figures, tuple(label for label in pattern if label not in touched)
    except InputError as error:
        message = str(error)
        raise InputError(
            message if message.startswith(str(source)) else f"{source}: {message}"
        ) from None


def check(
    source: Path,
    pattern: Path,
    database: Path,
    console: Console,
    *,
    rig: Path | None = None,
    tool: Path | None = None,
    reference: str = "reference",
    operator: str = "",
    at: str | None = None,
) -> Verdict:
    """Measure, add the run to the database, judge it, and print the result.

    Parameters
    ----------
    source : Path
        Touched points, or poses.csv.
    pattern : Path
        True places of the divots.
    database : Path
        SQLite; created if it does not exist.
    console : Console
        For the figures.
    rig, tool : Path, optional
        What was measured with: another file begins a new chart.
    reference : str
        Name of the body that the pattern is fixed to, in poses.
    operator : str
        Who touched.
    at : str, optional
        Date and time, ISO 8601; now by default.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        A file that cannot be read, touches that do not fit the pattern, a time that has not come
        yet, or a database that cannot be written.
    """
    taken_at = _time(at)
    body = None if tool is None else load_tool(tool)
    figures, left_out = measure(source, pattern, body, reference)
    chart = Chart(
        "" if rig is None else sha256(rig),
        "" if tool is None else sha256(tool),
        _pattern_mark(pattern, left_out),
        nav.__version__,
    )
    earlier = load_runs(database) if database.exists() else []
    run = CheckRun(taken_at, chart, operator, figures)
    same = next((one for one in earlier if one.chart == chart and one.figures == figures), None)
    if same is not None:
        raise InputError(
            f"{source}: has the figures of the run of {same.taken_at:%Y-%m-%d %H:%M} to the last "
            "digit; is it the same file? Touch the pattern again"
        )
    if any(one.chart == chart and one.taken_at >= taken_at for one in earlier):
        last = max(one.taken_at for one in earlier if one.chart == chart)
        raise InputError(
            f"{database}: has a run of {last:%Y-%m-%d %H:%M}; runs are added in order of time"
        )
    add_run(database, run)
    found = verdict_on([*earlier, run])
    table = Table("figure", "today", "")
    for name, title in NAMES.items():
        value = getattr(figures, name)
        shown = "not measured" if value is None else f"{value:.3f}"
        table.add_row(title, shown, found.words.get(name, ""))
    console.print(table)
    if left_out:
        console.print(
            f"not touched: {', '.join(left_out)}; figures of other divots are no comparison, so "
            "these have a chart of their own"
        )
    if earlier and not any(one.chart == chart for one in earlier):
        console.print(
            "a new chart begins: rig, tool, pattern, divots or version differ from earlier runs"
        )
    for line in advice(found):
        console.print(line)
    return found


def _pattern_mark(pattern: Path, left_out: Sequence[str]) -> str:
    """Return the pattern's SHA-256; another one for each choice of its divots."""
    mark = sha256(pattern)
    if not left_out:
        return mark
    return hashlib.sha256("\n".join([mark, *sorted(left_out)]).encode()).hexdigest()


def advice(found: Verdict) -> list[str]:
    """Say what a verdict means and what to do.

    Parameters
    ----------
    found : Verdict
        Of the last run.

    Returns
    -------
    list of str
        Sentences.
    """
    if found.word == "no limits yet":
        return [
            f"no limits yet: day {found.days + 1} on this chart, limits come after {PROVISIONAL} "
            "days with a figure"
        ]
    line = {
        "in control": "in control",
        "repeat": "repeat the check now: one signal may be chance, a second one is an alert",
        "alert": "ALERT: both runs signal; look for a moved camera, a loose marker or a bent tip "
        "before you navigate",
    }[found.word]
    provisional = found.days < ESTABLISHED
    return [f"{line}; limits are provisional ({found.days} days)" if provisional else line]


def _time(given: str | None) -> datetime:
    if given is None:
        return datetime.now(UTC).astimezone().replace(microsecond=0)
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise InputError(f"--at: expected a time like 2026-05-04T08:30, got {given!r}") from None
    found = found if found.tzinfo else found.astimezone()  # of here, as the time of a run is
    if found > datetime.now(UTC) + AHEAD:
        raise InputError(
            f"--at: {given} has not come yet, and runs are added in order of time; check the date"
        )
    return found
