"""`nav session list`: the sessions of a folder, one line each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.core.errors import InputError
from nav.record.session_tools.session_files import sessions_in, size_text
from nav.record.session_tools.session_overview import (
    UNREADABLE,
    SessionOverview,
    overview,
    overview_json,
)
from nav.terminal import one_line

HEADS = (
    "session", "code", "started (UTC)", "length", "frames", "tracked", "pictures", "size", "state",
    "smallest bound",
)  # fmt: skip
LEFT = {0, 1, 2, 6, 8, 9}  # columns of text
SORTS: dict[str, Callable[[SessionOverview], Any]] = {
    "start": lambda one: (one.started, one.folder.name),
    "code": lambda one: (one.code, one.started),
    "length": lambda one: -one.totals.seconds,
    "size": lambda one: -one.size,
    "bound": lambda one: float("inf") if one.least is None else one.least.bound,
    "state": lambda one: (one.state, one.started),
}


def list_sessions(folder: Path, sort: str, as_json: bool, console: Console) -> None:
    """Print the sessions of a folder.

    Parameters
    ----------
    folder : Path
        That holds sessions.
    sort : str
        One of SORTS.
    as_json : bool
        Print JSON instead of a table.
    console : Console
        To print with.

    Raises
    ------
    InputError
        The folder is none, or there is no such order.
    """
    if sort not in SORTS:
        raise InputError(f"--sort: expected one of {', '.join(SORTS)}, got {sort}")
    found = sorted(map(overview, sessions_in(folder)), key=SORTS[sort])
    if as_json:
        console.print(json.dumps([overview_json(one) for one in found], indent=1), markup=False)
        return
    if not found:
        console.print(f"{folder}: no sessions", markup=False)
        return
    for line in table_lines(HEADS, [_cells(one) for one in found], LEFT):
        console.print(one_line(line), markup=False)
    for one in found:
        if one.state == UNREADABLE:
            console.print(one_line(one.problem), markup=False)
    unfinished = [one for one in found if one.state in ("cut", "damaged")]
    if unfinished:
        console.print(
            f"{len(unfinished)} not whole: nav session repair finishes them", markup=False
        )


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]], left: set[int]) -> list[str]:
    """Return a table as lines, its columns as wide as they need to be.

    Parameters
    ----------
    heads : sequence of str
        Of the columns.
    rows : sequence of sequence of str
        Cells.
    left : set of int
        Columns whose text begins at the left.

    Returns
    -------
    list of str
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]


def length_text(seconds: float) -> str:
    """Return a length of time for people: 0.25 s, 12.3 s, 4:05, 1:02:10.

    Parameters
    ----------
    seconds : float
        The length, s.

    Returns
    -------
    str
    """
    if 0.0 < seconds < 1.0:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cells(one: SessionOverview) -> list[str]:
    least, share = one.least, one.totals.share_tracked
    return [
        one.folder.name,
        one.code,
        one.started,
        length_text(one.totals.seconds),
        f"{one.totals.frames:,}",
        "–" if share is None else f"{100 * share:.0f} %",
        one.pictures,
        size_text(one.size),
        one.state,
        "–" if least is None else f"{least.bound:.1f} mm {least.name}",
    ]
