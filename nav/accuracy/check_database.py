"""Daily checks in an SQLite database: rows are added, never changed or removed."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from nav.accuracy.daily_figures import DailyFigures
from nav.core.errors import InputError
from nav.core.filekinds import CHECKS_SIGN
from nav.core.textfile import open_regular

APPLICATION, VERSION = (
    int.from_bytes(CHECKS_SIGN, "big"),
    1,
)  # PRAGMA application_id and user_version
PATIENCE = 5.0  # s that another program may keep the database locked
FIGURES = tuple(field.name for field in fields(DailyFigures))
ERRORS = ("leave_one_out", "jitter")  # above 0: they are compared by their logarithm
TABLE = f"""
create table daily_check (
    id integer primary key,
    taken_at text not null,
    rig text not null, tool text not null, pattern text not null, version text not null,
    operator text not null,
    {", ".join(f"{name} real" for name in FIGURES)}
) strict
"""


@dataclass(frozen=True)
class Chart:
    """What must stay the same for figures to be comparable.

    Parameters
    ----------
    rig, tool, pattern : str
        SHA-256 of the files; empty where none was given.
    version : str
        Of the software.
    """

    rig: str
    tool: str
    pattern: str
    version: str


@dataclass(frozen=True)
class CheckRun:
    """One run of the daily check.

    Parameters
    ----------
    taken_at : datetime
        With its time zone.
    chart : Chart
        Which chart it belongs to.
    operator : str
        Who touched; may be empty.
    figures : DailyFigures
        What was measured.
    """

    taken_at: datetime
    chart: Chart
    operator: str
    figures: DailyFigures


def add_run(path: Path, run: CheckRun) -> None:
    """Add a run; the database is made where there is none.

    Parameters
    ----------
    path : Path
        The database.
    run : CheckRun
        What to add.

    Raises
    ------
    InputError
        Another kind of file, locked, write-protected or damaged; nothing is added then.
    """
    values = (
        run.taken_at.isoformat(),
        *astuple(run.chart),
        run.operator,
        *astuple(run.figures),
    )
    columns = ("taken_at", "rig", "tool", "pattern", "version", "operator", *FIGURES)
    marks = ", ".join("?" for _ in columns)
    with _opened(path, write=True) as database:
        database.execute("begin immediate")
        if database.execute("pragma user_version").fetchone()[0] == 0:
            database.execute(TABLE)
            database.execute(f"pragma application_id = {APPLICATION}")
            database.execute(f"pragma user_version = {VERSION}")
        database.execute(f"insert into daily_check ({', '.join(columns)}) values ({marks})", values)
        database.execute("commit")
        # now: before the first commit there would be a file that nobody recognises as ours
        database.execute("pragma journal_mode = wal")


def load_runs(path: Path) -> list[CheckRun]:
    """Load all runs in the order of time.

    Parameters
    ----------
    path : Path
        The database.

    Returns
    -------
    list of CheckRun

    Raises
    ------
    InputError
        Missing, another kind of file, locked or damaged, also in a single run.
    """
    if not path.exists():
        raise InputError(f"{path}: does not exist; nav accuracy check makes it")
    with _opened(path, write=False) as database:
        if database.execute("pragma user_version").fetchone()[0] == 0:
            return []
        found = database.execute("select * from daily_check order by id").fetchall()
    runs = []
    for number, row in enumerate(found, 1):
        try:
            runs.append(_run(row))
        except (IndexError, TypeError, ValueError):
            raise InputError(
                f"{path}: run {number} is damaged: a value is missing or not possible; restore a "
                "copy of the database, or give another name"
            ) from None
    # by the instant: times of different zones, or from before a clock change, do not sort as text
    return sorted(runs, key=lambda run: run.taken_at)


def _run(row: Mapping[str, Any]) -> CheckRun:
    chart = Chart(*(str(row[name]) for name in ("rig", "tool", "pattern", "version")))
    figures = DailyFigures(*(row[name] for name in FIGURES))
    numbers = [value for value in astuple(figures) if value is not None]
    errors = [
        value for name, value in asdict(figures).items() if name in ERRORS and value is not None
    ]
    if not all(map(math.isfinite, numbers)) or not all(value > 0.0 for value in errors):
        raise ValueError("not a possible figure")
    taken_at = datetime.fromisoformat(str(row["taken_at"]))
    if taken_at.tzinfo is None:
        raise ValueError("without a time zone")
    return CheckRun(taken_at, chart, str(row["operator"]), figures)


@contextmanager
def _opened(path: Path, write: bool) -> Iterator[sqlite3.Connection]:
    """Open a database of daily checks; what SQLite refuses becomes one line."""
    database = None
    if path.exists():
        open_regular(path).close()  # SQLite would wait for ever at a pipe
    try:
        mode = "rwc" if write else "ro"
        database = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
        )
        database.row_factory = sqlite3.Row
        _refuse_foreign(path, database)
        if write:
            database.execute("pragma synchronous = full")
        yield database
    except sqlite3.Error as error:
        raise InputError(f"{path}: {_words(error)}") from None
    finally:
        if database is not None:
            database.close()


def _refuse_foreign(path: Path, database: sqlite3.Connection) -> None:
    application = database.execute("pragma application_id").fetchone()[0]
    version = database.execute("pragma user_version").fetchone()[0]
    tables = database.execute("select count(*) from sqlite_master").fetchone()[0]
    if tables == 0 and application == 0 and version == 0:
        return
    if application != APPLICATION:
        raise InputError(f"{path}: is a database of another program; give another name")
    if version != VERSION:
        raise InputError(
            f"{path}: was made by another version of this program (format {version}, expected "
            f"{VERSION})"
        )


def _words(error: sqlite3.Error) -> str:
    message = str(error)
    if "locked" in message or "busy" in message:
        return "another program keeps it locked; close that one and try again. Nothing was added"
    if "readonly" in message:
        return "is write-protected; remove the protection, or give another name"
    if "not a database" in message:
        return "is not a database; give another name"
    if "unable to open" in message:
        return "cannot be opened; is its folder there, and may you write into it?"
    return f"cannot be used: {message}"
