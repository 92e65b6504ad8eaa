"""The measured figures as a table on the screen, and as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.tracking.crew import OURS

Figures = Mapping[str, Any]
COLUMNS = (
    "tracker", "way", "tracked %", "corners", "corner px", "tip rms mm", "median", "p95",
    "/ bound", "in 95 %", "e²/σ²", "followed %", "ms", "p99", "/ detect", "MB",
)  # fmt: skip
GROWTH = ("tags", "megapixels", "follow ms", "p90", "detect ms", "followed %")


def family(tracker: str) -> str:
    """Trackers of one family differ in settings only."""
    return " ".join(tracker.split()[:2])  # name and version


def shown_rows(case: Figures) -> Iterator[Figures]:
    """Ours first; of each other tracker its best way, of a family the best where one thing varies.

    Best is the least median tip error of those that have about the most poses.
    """

    def off(row: Figures) -> float:
        return row["tip_median"] if row["tip_median"] is not None else float("inf")

    def share(row: Figures) -> float:
        return row["tracked"] or 0.0

    groups: dict[str, list[Figures]] = {}
    for row in case["rows"]:
        key = family(row["tracker"]) if case["factor"] else row["tracker"]
        groups.setdefault(key, []).append(row)
    for rows in groups.values():
        most = max(map(share, rows))
        yield min((row for row in rows if share(row) >= 0.9 * most), key=off)


def screen_table(cases: Sequence[Figures]) -> Table:
    """Of rich."""
    table = Table(
        title="Tracking: ours and others on the same pictures",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in COLUMNS[:2] else "right", no_wrap=True)
    for case in cases:
        table.add_section()
        table.add_row(f"[bold]{case['name']}[/]", *_bound_cells(case))
        for row in shown_rows(case):
            table.add_row(*cells(row, case), style="cyan" if row["tracker"] == OURS else "")
    return table


def growth_table(costs: Sequence[Figures]) -> Table:
    """Of rich."""
    table = Table(
        title="Following: two pictures, one plate of tags", box=SIMPLE_HEAD, padding=(0, 0, 0, 1)
    )
    for column in GROWTH:
        table.add_column(column, justify="right")
    for one in costs:
        table.add_row(*growth_cells(one))
    return table


def markdown(measured: Figures) -> str:
    """The same tables for a page of the guide, with when and how they were measured."""
    made = measured["made"]
    lines = [
        f"Measured {made['at'][:10]} with `{made['command']}` ({made['by']}; {made['machine']};",
        f"{made['versions']}).",
        "",
    ]
    named = [case for case in measured["cases"] if not case["factor"]]
    varied = [case for case in measured["cases"] if case["factor"]]
    for title, cases in (("Scenes", named), ("One thing varied", varied)):
        if cases:
            lines += [f"### {title}", "", *_markdown_cases(cases), ""]
    if measured["growth"]:
        lines += ["### Cost of following", "", *_row_lines(GROWTH, [])]
        lines += ["| " + " | ".join(growth_cells(one)) + " |" for one in measured["growth"]]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_cases(cases: Sequence[Figures]) -> Iterator[str]:
    yield from _row_lines(("scene", *COLUMNS), [])
    for case in cases:
        frames, bound = case["frames"], case["bound_rms"]
        label = f"**{case['name']}**, {frames} frame sets"
        if bound is not None:
            label += f", bound {bound:.4f} mm"
        for row in shown_rows(case):
            yield "| " + " | ".join([label, *cells(row, case)]) + " |"
            label = ""


def _row_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "| " + " | ".join("---" for _ in columns) + " |"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def cells(row: Figures, case: Figures) -> list[str]:
    """A row's texts, as COLUMNS has them."""
    if row["missing"]:
        return [row["tracker"], row["missing"], *[""] * (len(COLUMNS) - 2)]
    bound, rms = case["bound_rms"], row["tip_rms"]
    return [
        row["tracker"],
        row["way"],
        _text(row["tracked"], 0, 100),
        _text(row["corners"], 0),
        _text(row["corner_rms"], 3),
        _text(rms, 4),
        _text(row["tip_median"], 4),
        _text(row["tip_p95"], 4),
        "" if bound is None or rms is None else _text(rms / bound, 1),
        _text(row["covered"], 0, 100),
        _text(row["mean_square"], 2),
        _text(row["followed"], 0, 100),
        _text(row["ms_median"], 0),
        _text(row["ms_p99"], 0),
        _text(row["ratio"], 2),
        _text(row["memory_mb"], 0),
    ]


def growth_cells(one: Figures) -> list[str]:
    """Texts as GROWTH has them."""
    return [
        str(one["tags"]),
        _text(one["megapixels"], 1),
        _text(one["follow_ms"], 1),
        _text(one["follow_p90_ms"], 1),
        _text(one["detect_ms"], 1),
        _text(one["followed"], 0, 100),
    ]


def _bound_cells(case: Figures) -> list[str]:
    frames = f"{case['frames']} frame sets"
    bound = _text(case["bound_rms"], 4)
    return [frames, "", "", "[dim]bound[/]" if bound else "", f"[dim]{bound}[/]" if bound else ""]


def _text(value: float | None, digits: int, times: float = 1.0) -> str:
    return "" if value is None else f"{value * times:.{digits}f}"
