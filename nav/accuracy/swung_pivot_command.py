"""`nav accuracy swung-pivot`: from poses.csv to the tip's wander by speed."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import nav
from nav.accuracy.swung_pivot import FEW, JUDGED, SwungPivot, swung_pivot
from nav.core.errors import InputError
from nav.core.tables import TableLimits, read_table
from nav.core.textfile import MEGABYTE
from nav.record.read_poses import NEEDED, read_poses, rows_of_tool
from nav.tracking.tool import load_tool

LIMITS = TableLimits(size=64 * MEGABYTE, rows=60_000)


def check_swung_pivot(poses: Path, tool: Path, limit: float, console: Console) -> bool:
    """Analyse poses of a needle swung about its tip, and print a table.

    Parameters
    ----------
    poses : Path
        poses.csv, in a frame in which the divot rests.
    tool : Path
        The needle's file, with its tip.
    limit : float
        Of the rms wander at 50 mm/s, mm.
    console : Console
        Where the result is printed.

    Returns
    -------
    bool
        Whether the tip stayed within the limit.

    Raises
    ------
    InputError
        A file is missing or wrong, the tool has no tip, or it hardly moved.
    """
    needle = load_tool(tool)
    if needle.tip is None:
        raise InputError(f"{tool}: has no [tip]; calibrate the needle first")
    if not 0.0 < limit < float("inf"):
        raise InputError(f"--limit: expected mm above 0, got {limit:g}")
    table = read_table(poses, [(*NEEDED, "time")], ("frame",), LIMITS, "frame {frame}")
    rows = [r for r in rows_of_tool(table, needle.name) if r.fields["status"] == "tracked"]
    seen, times = read_poses(table, rows), table.numbers(["time"], rows)[:, 0]
    try:
        found = swung_pivot(times, seen.rotations, seen.translations, needle.tip.position, limit)
    except InputError as error:
        raise InputError(f"{poses}: {needle.name}: {error}") from None
    print_swung_pivot(found, console)
    console.print(nav.NOTICE, markup=False)
    return found.verdict == "pass"


def print_swung_pivot(found: SwungPivot, console: Console) -> None:
    """Print the wander of the tip by speed, the lag and the verdict.

    Parameters
    ----------
    found : SwungPivot
        The result.
    console : Console
        Where it is printed.
    """
    table = Table(box=SIMPLE_HEAD)
    for column in ("carrier", "poses", "rms mm", "p95 mm", "max mm"):
        table.add_column(column, justify="right")
    for each in found.wander:
        numbers = (each.rms, each.p95, each.greatest)
        shown = [f"{number:.3f}" if each.poses else "" for number in numbers]
        speed = f"{each.speed:.0f} mm/s" if each.speed else "at rest"
        table.add_row(speed, str(each.poses), *shown)
    console.print(table)
    lag, low, high = (1e3 * each for each in (found.lag, found.lag_low, found.lag_high))
    console.print(
        f"the tip is displaced by {lag:.2f} ms of the carrier's motion (95 %: {low:.2f} to "
        f"{high:.2f} ms)",
        markup=False,
    )
    judged = f"rms at {JUDGED:.0f} mm/s, limit {found.limit:g} mm"
    if found.verdict == "too few to tell":
        judged += f": expected {FEW} poses"
    console.print(f"verdict: {found.verdict} ({judged})", markup=False)
