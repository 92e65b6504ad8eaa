"""Our tracker beside others on degraded pictures: `make bench-degraded`.

Unrelated poses of the needle as the twin draws them and as the second simulator (tests/bench/
scenes) does, each frame set altered as cameras, drivers and networks alter pictures. Each tracker
begins anew with every degradation, so that its first frame sets, before anything is learnt, count.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nav.camera.frameset import FrameSet
from nav.files import written_whole
from phantoms.twin.bodies import Placed
from phantoms.twin.sensor import Optics
from phantoms.twin.tools import needle_body, needle_tool
from tests.bench.degraded.alter import Alter, Degradation, degradations
from tests.bench.scenes.settings import settings_of
from tests.bench.tracking.crew import OURS, PEERS_PYTHON, Member, Ours, Peer
from tests.bench.tracking.measure import ITSELF, Record, measured
from tests.bench.tracking.pictures import Photographer, Shot, Stage, stage, take_scene
from tests.synthetic import Studio, needle_poses, small_rig

ROOT = Path(__file__).parents[3]
FRAMES = 40
OTHERS = 10  # of the frame sets are shown to others: their figures are large anyway
INSIDE = 7.815  # chi-square with three degrees of freedom: 95 %
COLUMNS = (
    "pictures", "tracker", "tracked %", "tip rms mm", "median", "worst", "in 95 %", "e²/σ²",
    "warned %", "unsaid > 5 sd, 1 mm", "ms",
)  # fmt: skip
OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.01, gradient=(0.02, -0.02))


@dataclass(frozen=True)
class Scene:
    """Pictures before anything is done to them. name : of the simulator."""

    name: str
    stage: Stage
    shots: Sequence[Shot]


def main() -> None:
    """Measure and print; write the table as Markdown."""
    options = _options()
    console = Console(width=max(160, Console().width))
    rows: list[list[str]] = []
    with ExitStack() as stack:
        members = _members(options.ours)
        for member in members:
            stack.callback(member.close)
        for scene in _scenes(options):
            for kind in degradations():
                if options.only and not any(kind.name.startswith(o) for o in options.only):
                    continue
                print(f"{scene.name}: {kind.name}", file=sys.stderr)
                shots = [replace(s, frames=altered(s.frames, kind.alter)) for s in scene.shots]
                every = max(len(shots) // OTHERS, 1)
                records = measured(scene.stage, shots, members, kind.geometry, every, 1)
                rows += list(_rows(scene, kind, records))
                _write(options.out / "table.md", rows)
    table = Table(title="Degraded pictures", box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in COLUMNS[:2] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="cyan" if row[1] == OURS else "")
    console.print(table)
    console.print(f"{options.out / 'table.md'}, {datetime.now(UTC):%Y-%m-%d}")


def altered(frames: FrameSet, alter: Alter) -> FrameSet:
    """A frame set whose pictures were altered."""
    pictures = {name: replace(f, image=alter(f.image)) for name, f in frames.frames.items()}
    return replace(frames, frames=pictures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-degraded", description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=FRAMES, help="frame sets of a simulator")
    parser.add_argument("--only", nargs="*", help="degradations whose names begin so")
    parser.add_argument("--simulators", nargs="*", default=["twin", "second"])
    parser.add_argument("--ours", action="store_true", help="without other trackers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-degraded")
    return parser.parse_args()


def _members(ours: bool) -> list[Member]:
    members: list[Member] = [Ours()]
    if not ours:
        members += [
            Peer(f"opencv-{h}", Path(sys.executable), "OpenCV") for h in ("none", "apriltag")
        ]
        members.append(Peer("pupil-apriltags", PEERS_PYTHON, "pupil-apriltags"))
    return members


def _scenes(options: argparse.Namespace) -> Iterator[Scene]:
    if "twin" in options.simulators:
        yield _twin(options.frames, options.seed)
    if "second" in options.simulators:
        settings = settings_of("clean", frames=options.frames, seed=options.seed)
        photographer = Photographer()
        try:
            shots = photographer.shots(settings, settings.frames, take_scene)
        finally:
            photographer.close()
        yield Scene("second", stage(settings), shots)


def _twin(count: int, seed: int) -> Scene:
    tool, rig = needle_tool(), small_rig(2)
    studio, body = Studio(rig, OPTICS, seed), needle_body(tool)
    shots = [
        Shot(studio.frames([Placed(body, place, np.zeros(6))]), {tool.name: place})
        for place in needle_poses(count, np.random.default_rng(seed))
    ]
    return Scene("twin", Stage(rig, (tool,), tool, None), shots)


def _rows(scene: Scene, kind: Degradation, records: dict[str, Record]) -> Iterator[list[str]]:
    """A row of each tracker: of ours, and of others their best way by the median."""
    label = f"{scene.name}: {kind.name}"
    for name, record in records.items():
        if record.missing:
            yield [label, name, record.missing, *[""] * (len(COLUMNS) - 3)]
            continue

        def off(way: str, record: Record = record) -> float:
            found = [np.linalg.norm(e) for e in record.tips[way] if e is not None]
            return float(np.median(found)) if found else np.inf

        way = ITSELF if name == OURS else min(record.tips, key=off)
        errors = record.tips[way]
        found = np.array([np.linalg.norm(e) for e in errors if e is not None])
        squares, warned = np.array(record.squares), np.array(record.warned)
        cells = [label, name, f"{100 * len(found) / len(errors):.0f}"]
        if len(found):
            cells += [f"{np.sqrt(np.mean(found**2)):.4f}", f"{np.median(found):.4f}"]
            cells += [f"{found.max():.3f}"]
        else:
            cells += ["", "", ""]
        if len(squares):
            unsaid = (squares > 25.0) & (found > 1.0) & ~warned
            cells += [f"{100 * np.mean(squares < INSIDE):.0f}", f"{squares.mean():.2f}"]
            cells += [f"{100 * warned.mean():.0f}", f"{unsaid.sum()}"]
        else:
            cells += ["", "", "", ""]
        yield [*cells, f"{1000 * np.median(record.seconds):.0f}"]


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    with written_whole(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
