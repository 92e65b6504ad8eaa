"""Does the bound hold? Simulated punctures of random necks, from CT to the target.

    make bench-puncture                                   # 20 necks, 10 registrations each (2 h)
    make bench-puncture ARGS="--necks 4 --rendered 1"
    make bench-puncture ARGS="--cluster tcp://host:8786"  # workers with this checkout on their path

Each neck is drawn with its own CT, reconstructed, planned on and registered by its own markers;
needles bend as others measured. A run that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.bench.puncture.study import Study, run_study
from tests.bench.puncture.summary import coverage_table, lines, rendered_table

OUT = Path("out/bench-puncture")


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(prog="bench-puncture", description=__doc__.splitlines()[0])
    parser.add_argument("--necks", type=int, default=20)
    parser.add_argument("--registrations", type=int, default=10, help="of each neck")
    parser.add_argument("--rendered", type=int, default=10, help="drawn and tracked in full")
    parser.add_argument("--seed", type=int, default=300, help="of the first neck")
    parser.add_argument("--hard", type=int, default=2, help="every so-manyth scan; 0: none")
    parser.add_argument("--workers", type=int, default=2, help="processes of this machine")
    parser.add_argument("--cluster", help="address of a Dask scheduler")
    parser.add_argument("--out", type=Path, default=OUT, help=f"kept results (default: {OUT})")
    given = parser.parse_args()
    study = Study(given.necks, given.registrations, given.rendered, given.seed, given.hard)
    console = Console(width=200)
    from dask.distributed import Client, LocalCluster

    began = time.perf_counter()
    cluster = None
    if given.cluster is None:
        cluster = LocalCluster(
            n_workers=given.workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        )
    client = Client(given.cluster or cluster)
    try:
        with Progress(console=console, transient=True) as bar:
            tasks: dict[str, object] = {}

            def tell(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=total)
                bar.update(tasks[name], completed=done)  # type: ignore[arg-type]

            rendered, necks = run_study(study, given.out, client, cluster is not None, tell)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
    console.print(rendered_table(rendered))
    console.print(coverage_table(necks))
    for line in lines(necks):
        console.print(line)
    console.print(f"{time.perf_counter() - began:.0f} s this time")


if __name__ == "__main__":
    main()
