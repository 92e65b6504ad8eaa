"""`make fuzz`: many damaged files through all readers; exit code 1 on any fault.

Each try is known by its reader and number: the same seed gives the same files.
"""

import argparse
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from nav.progress_bar import progress_bar
from tests.fuzz.pool import BATCH, Task, run_all
from tests.fuzz.readers import READERS
from tests.fuzz.trial import Bench, Fault

TRIES = 100_000
KINDS = {
    "traceback": "tracebacks",
    "crash": "crashes",
    "hang": "hangs",
    "memory": "over 2 GB",
    "noise": "with warnings of libraries",
}
SHOWN = 40  # lines of a fault's text


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit code."""
    given = _parser().parse_args(arguments)
    names = given.reader or list(READERS)
    if given.repeat is not None:
        return _repeat(given.seed, names[0], given.repeat, given.out)
    faults: list[Fault] = []
    tried = 0
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task = bar.add_task("damaged files", total=given.tries, note="")

        def found(fault: Fault) -> None:
            faults.append(fault)
            _keep(fault, given.seed, given.out)
            bar.update(task, note=f"{len(faults)} faults")

        def advance(count: int) -> None:
            nonlocal tried
            tried += count
            bar.advance(task, count)

        run_all(_tasks(given.seed, given.tries, names, given.first), given.workers, found, advance)
    counted = Counter(fault.kind for fault in faults)
    figures = ", ".join(f"{counted[kind]} {word}" for kind, word in KINDS.items())
    print(f"{tried} tries over {len(names)} readers, seed {given.seed}: {figures}")
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0, help="other damage")
    parser.add_argument("--reader", action="append", choices=list(READERS), help="only this one")
    parser.add_argument("--first", type=int, default=0, help="number of the first try")
    parser.add_argument("--repeat", type=int, metavar="NUMBER", help="one try of --reader, here")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="folder for faults")
    return parser


def _tasks(seed: int, tries: int, names: list[str], first: int) -> Iterator[Task]:
    """All tries in turn over the readers, so that a short run has seen each."""
    each, more = divmod(tries, len(names))
    left = {name: each + (k < more) for k, name in enumerate(names)}
    at = dict.fromkeys(names, first)
    while any(left.values()):
        for name in names:
            count = min(BATCH, left[name])
            if count:
                yield seed, name, at[name], count
                at[name] += count
                left[name] -= count


def _keep(fault: Fault, seed: int, out: Path) -> None:
    """Print a fault, with a folder in which it can be looked at."""
    folder = out / f"{fault.reader.replace(', ', '-').replace(' ', '-')}-{seed}-{fault.number}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as right:
        damaged = Bench(folder / "files", Path(right) / "inputs").damage(
            seed, fault.reader, fault.number
        )
    again = f"--seed {seed} --reader '{fault.reader}' --repeat {fault.number}"
    lines = fault.text.rstrip().splitlines()[-SHOWN:]
    text = "\n".join([f"{fault.kind}: {damaged}", f'make fuzz ARGS="{again}"', *lines])
    (folder / "fault.txt").write_text(text + "\n")
    print(f"{fault.kind}: {damaged}: {lines[-1] if lines else ''}", flush=True)


def _repeat(seed: int, reader: str, number: int, out: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "files", Path(folder) / "inputs")
        try:
            fault = bench.run(seed, reader, number)
        except Exception:
            traceback.print_exc()
            return 1
    print("no fault" if fault is None else fault.text)
    return 0 if fault is None else 1


if __name__ == "__main__":
    sys.exit(main())
