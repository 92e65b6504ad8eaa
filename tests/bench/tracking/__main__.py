"""Our tracker against others on the same pictures: `make bench-tracking`.

Accuracy, honesty, speed and memory over scenes that have a name and over one scene with one thing
varied at a time; then how the cost of following grows. Prints a table; figures.json and curves.png
go into the output folder after each case. The whole takes about an hour, --quick some minutes.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console

import nav
from tests.bench.tracking.cases import all_cases
from tests.bench.tracking.crew import ROOT, Member, everybody
from tests.bench.tracking.figures import case_figures
from tests.bench.tracking.growth import boards, cost, cost_table, take_board
from tests.bench.tracking.measure import bounds, measured
from tests.bench.tracking.page import put_between
from tests.bench.tracking.pictures import Photographer, stage, take_scene
from tests.bench.tracking.plot import plot
from tests.bench.tracking.table import growth_table, markdown, screen_table

FRAMES, QUICK_FRAMES = 10, 3
GROWTH_FRAMES = 24
BOUND_FRAMES = 10  # of a case: the bound differs little from pose to pose, and takes seconds
WIDTH = 190  # characters: a row of the table is one line
PAGE = ROOT / "docs" / "accuracy" / "tracking.md"


def main() -> None:
    """Measure, print, write."""
    options = _options()
    console = Console(width=max(WIDTH, Console().width))
    path = options.out / "figures.json"
    if options.reuse:
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        found = _measure(options, path)
    if found["cases"]:
        console.print(screen_table(found["cases"]))
    if found["growth"]:
        console.print(growth_table(found["growth"]))
    plot(found, options.out / "curves.png")
    console.print(f"{path}, {options.out / 'curves.png'}")
    if options.docs:
        others = [json.loads(other.read_text(encoding="utf-8")) for other in options.add]
        put_between(PAGE, "\n".join(markdown(run) for run in (found, *others)))
        console.print(f"{PAGE.relative_to(ROOT)} written")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-tracking", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases, fewer frame sets")
    parser.add_argument("--frames", type=int, help="frame sets of a case")
    parser.add_argument("--only", nargs="*", help="cases whose names begin so; 'growth' for costs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="processes that make pictures (all cores)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-tracking")
    parser.add_argument("--reuse", action="store_true", help="print what was measured before")
    parser.add_argument("--docs", action="store_true", help="write docs/accuracy/tracking.md")
    parser.add_argument(
        "--add", type=Path, nargs="*", default=[], help="other runs' figures.json for --docs"
    )
    return parser.parse_args()


def _measure(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    frames = options.frames or (QUICK_FRAMES if options.quick else FRAMES)
    found: dict[str, Any] = {"made": _made(), "cases": [], "growth": []}
    cases = [c for c in all_cases(options.quick, frames, options.seed) if _wanted(options, c.name)]
    with ExitStack() as stack:
        photographer = Photographer(options.jobs)
        stack.callback(photographer.close)
        members = everybody()
        for member in members:
            stack.callback(member.close)
        for number, case in enumerate(cases):
            print(f"{number + 1} of {len(cases)}: {case.name}", file=sys.stderr)
            shots = photographer.shots(case.settings, case.settings.frames, take_scene)
            told = stage(case.settings)
            some = [m for m in members if not (case.factor and m.named_only)]
            records = measured(told, shots, some, case.exact, case.every)
            least = bounds(told, shots, BOUND_FRAMES)
            found["cases"].append(case_figures(case, records, least, members[1].label))
            _write(path, found)
        if _wanted(options, "growth"):
            _measure_growth(options, photographer, members, found)
            _write(path, found)
    return found


def _measure_growth(
    options: argparse.Namespace,
    photographer: Photographer,
    members: list[Member],
    found: dict[str, Any],
) -> None:
    costs = []
    count = GROWTH_FRAMES // (3 if options.quick else 1)
    for board in boards(count, options.seed, options.quick):
        print(f"following {board.tags} tags, {board.width} x {board.height}", file=sys.stderr)
        shots = photographer.shots(board, board.frames, take_board)
        costs.append(cost(board, shots, members[0], members[1]))
    found["growth"] = cost_table(costs)


def _wanted(options: argparse.Namespace, name: str) -> bool:
    return not options.only or any(name.startswith(begin) for begin in options.only)


def _made() -> dict[str, str]:
    command = " ".join(told(sys.argv[1:]))
    return {
        "by": f"c1c2nav {nav.__version__}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "make bench-tracking" + (f' ARGS="{command}"' if command else ""),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, OpenCV {cv2.__version__}, "
        f"NumPy {np.__version__}",
    }


def told(arguments: Sequence[str]) -> Iterator[str]:
    """Arguments that decide what is measured."""
    without = ("--out", "--jobs", "--add", "--docs", "--reuse")
    kept = True
    for argument in arguments:
        if argument.startswith("--"):
            kept = argument not in without
        if kept:
            yield argument


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _write(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
