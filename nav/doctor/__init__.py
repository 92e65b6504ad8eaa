"""`nav doctor`: whether this computer can navigate, and what to do where it cannot."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nav.doctor.cameras import check_cameras
from nav.doctor.check import Check
from nav.doctor.computer import check_clock, check_computer, check_disk
from nav.doctor.libraries import check_libraries
from nav.doctor.packages import check_packages, check_python
from nav.doctor.prints import check_prints
from nav.doctor.screen import check_display, check_opengl

__all__ = ["Check", "doctor", "print_doctor"]


def doctor(done: Callable[[Check], None] = lambda check: None) -> list[Check]:
    """Run all checks.

    Parameters
    ----------
    done : callable
        Called with each check when it is finished, in order.

    Returns
    -------
    list of Check
        In the same order.
    """
    looks: Sequence[Callable[[], Sequence[Check]]] = (
        check_python,
        check_packages,
        check_libraries,
        check_opengl,
        check_display,
        check_cameras,
        lambda: check_prints(Path.cwd()),
        lambda: check_disk(Path.cwd()),
        check_computer,
        check_clock,
    )
    checks = []
    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(_looked, look) for look in looks]:
            for check in future.result():
                done(check)
                checks.append(check)
    return checks


def _looked(look: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return look()
    except OSError as error:  # a folder that is gone, a system file that may not be read
        return [Check("system", "fail", str(error), "work in a folder that exists and is yours")]


def print_doctor(console: Console | None = None) -> int:
    """Run all checks, and print each when it is done.

    Parameters
    ----------
    console : Console, optional
        Where to print.

    Returns
    -------
    int
        Exit code: 1 if something fails, else 0; warnings are no failure.
    """
    console = console or Console()
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}

    def show(check: Check) -> None:
        row = Table.grid(padding=(0, 2))
        row.add_column(width=4, style=f"bold {colours[check.status]}")
        row.add_column(width=16)
        row.add_column(ratio=1)
        advice = f"\n→ {check.advice}" if check.advice else ""
        row.add_row(check.status, check.name, Text(check.text + advice))
        console.print(row)

    with console.status("checking this computer ..."):
        checks = doctor(show)
    failures = sum(check.status == "fail" for check in checks)
    warnings = sum(check.status == "warn" for check in checks)
    verdict = f"not ready: {failures} to fix" if failures else "ready"
    noted = f", {warnings} warning{'s' * (warnings > 1)}" if warnings else ""
    console.print(verdict + noted)
    return 1 if failures else 0
