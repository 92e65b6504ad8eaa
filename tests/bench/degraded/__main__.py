"""Our tracker beside others on degraded pictures: `make bench-degraded`.

Unrelated poses of the needle as the twin draws them and as the second simulator (tests/bench/
scenes) does, each frame set altered as cameras, drivers and networks alter pictures; two fields of
a moving needle, made into one picture as capture cards and drivers do; a needle in a hand, whose
pictures are mixed, torn or shown again; and before cameras of which one turns or refocuses after
the first frame sets. Our tracker begins anew
with every row, so that its first frame sets, before anything is learnt, count.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nav.core.frameset import FrameSet
from nav.progress_bar import progress_bar
from tests.bench.degraded.alter import Alter, degradations, others_filters
from tests.bench.degraded.fields import (
    DEINTERLACERS,
    MOTIONS,
    Deinterlacer,
    Fields,
    deinterlaced,
    fields,
)
from tests.bench.degraded.over_time import OverTime, altered_over_time, moving, over_time
from tests.bench.degraded.pictures import Scene, changing, rig_changes, second, twin
from tests.bench.degraded.summary import COLUMNS, Summary, markdown, summary
from tests.bench.tracking.crew import PEERS_PYTHON, Member, Ours, Peer
from tests.bench.tracking.measure import measured

ROOT = Path(__file__).parents[3]
FRAMES = 100
SHOWN = 5  # others see each so many-th frame set: their figures are larger and need fewer


def main() -> None:
    """Measure and print; write the table as Markdown and all figures as JSON."""
    options = _options()
    console = Console(width=max(170, Console().width))
    rows: list[Summary] = []
    options.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack, progress_bar(Console(stderr=True)) as bar:
        members = _members(options.ours)
        for member in members:
            stack.callback(member.close)
        jobs = _jobs(options)
        task = bar.add_task("degraded", total=len(jobs), note="")
        for name, make in jobs:
            bar.update(task, note=name)
            scene = make()
            records = measured(scene.stage, scene.shots, members, False, SHOWN, 1)
            rows.append(summary(name, records))
            _write(options.out, rows)
            print(markdown(rows[-1:])[-1], file=sys.stderr)
            bar.advance(task)
    table = Table(title="Degraded pictures", box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == COLUMNS[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)
    console.print(f"{options.out / 'table.md'}, {datetime.now(UTC):%Y-%m-%d}")


def altered(scene: Scene, alter: Alter) -> Scene:
    """A scene whose pictures were altered."""

    def of(frames: FrameSet) -> FrameSet:
        pictures = {name: replace(f, image=alter(f.image)) for name, f in frames.frames.items()}
        return replace(frames, frames=pictures)

    return replace(scene, shots=[replace(shot, frames=of(shot.frames)) for shot in scene.shots])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-degraded", description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=FRAMES, help="frame sets of a row")
    parser.add_argument("--only", nargs="*", help="rows whose names hold one of these")
    parser.add_argument("--ours", action="store_true", help="without other trackers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-degraded")
    return parser.parse_args()


def _members(ours: bool) -> list[Member]:
    members: list[Member] = [Ours()]
    if not ours:
        members.append(Peer("opencv-apriltag", Path(sys.executable), "OpenCV"))
        members.append(Peer("pupil-apriltags", PEERS_PYTHON, "pupil-apriltags"))
    return members


def _jobs(options: argparse.Namespace) -> list[tuple[str, Callable[[], Scene]]]:
    """Each row's name, and what makes its pictures."""
    count, seed = options.frames, options.seed
    jobs: list[tuple[str, Callable[[], Scene]]] = []
    for draw, kinds in ((twin, degradations()), (second, others_filters())):
        plain = cache(partial(draw, count, seed))  # drawn once, when the first row needs it
        for kind in kinds:
            name = f"{draw.__name__}: {kind.name}"
            jobs.append((name, partial(_altered, plain, kind.alter)))
    for moved in MOTIONS:
        both = cache(partial(fields, moved, count, seed))
        for how in DEINTERLACERS:
            name = f"twin: fields {moved:g} px apart, {how.name}"
            jobs.append((name, partial(_deinterlaced, both, how)))
    hand = cache(partial(moving, count, seed))
    for sequence in over_time():
        jobs.append((f"twin: moving, {sequence.name}", partial(_over_time, hand, sequence)))
    for change in rig_changes():
        jobs.append((f"twin: {change.name}", partial(changing, change, count, seed)))
    return [
        (name, make)
        for name, make in jobs
        if not options.only or any(part in name for part in options.only)
    ]


def _altered(plain: Callable[[], Scene], alter: Alter) -> Scene:
    return altered(plain(), alter)


def _deinterlaced(both: Callable[[], Fields], how: Deinterlacer) -> Scene:
    return deinterlaced(both(), how)


def _over_time(plain: Callable[[], Scene], kind: OverTime) -> Scene:
    return altered_over_time(plain(), kind)


def _write(folder: Path, rows: Sequence[Summary]) -> None:
    (folder / "table.md").write_text("\n".join(markdown(rows)) + "\n", encoding="utf-8")
    figures = [{"row": row.name, **row.figures()} for row in rows]
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
