"""Recording: what kill -9 costs, and what recording costs tracking. Run by `make bench-record`."""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from tests.bench.record.kills import Loss, cut_everywhere, kill_many
from tests.bench.record.load import PRIORITIES, WAYS, measure_load
from tests.record.example_session import write_example_session

KILLS, CUTS, ROUNDS, SECONDS = 500, 1000, 5, 8.0
QUICK_KILLS, QUICK_CUTS, QUICK_ROUNDS, QUICK_SECONDS = 40, 200, 2, 3.0


def main() -> None:
    """Run the parts that were asked for, all by default, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, help="only kill so many recordings")
    parser.add_argument("--load", action="store_true", help="only measure rates and load")
    parser.add_argument("--priorities", action="store_true", help="only priorities of encoding")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    console, quick = Console(width=150), options.quick
    if not options.load and not options.priorities:
        count = options.kills or (QUICK_KILLS if quick else KILLS)
        began = time.monotonic()
        losses = kill_many(count)
        said = f"{count} kills in {time.monotonic() - began:.0f} s"
        console.print(f"{said}: {summary(losses)}")
        with tempfile.TemporaryDirectory(prefix="c1c2nav-cut-") as name:
            folder = write_example_session(Path(name), steps=100)
            losses = cut_everywhere(folder, QUICK_CUTS if quick else CUTS)
        console.print(f"{len(losses)} cuts: {summary(losses)}")
    if options.kills is None:
        rounds = options.rounds or (QUICK_ROUNDS if quick else ROUNDS)
        seconds = options.seconds or (QUICK_SECONDS if quick else SECONDS)
        ways = PRIORITIES if options.priorities else WAYS
        console.print(measure_load(rounds, seconds, ways))


def summary(losses: list[Loss]) -> str:
    """One line of statistics."""
    seconds = 1000.0 * np.array([loss.seconds for loss in losses])
    results = np.array([loss.results for loss in losses])
    return (
        f"lost {np.median(seconds):.0f} ms median, {np.percentile(seconds, 95):.0f} ms 95 %, "
        f"{seconds.max():.0f} ms at most ({results.max()} results); over 250 ms: "
        f"{int((seconds > 250.0).sum())}; damaged: {sum(loss.damaged for loss in losses)}"
    )


if __name__ == "__main__":
    main()
