"""Is anything wrong shown as good? Wrong files, late cameras, second prints: `make bench-faults`.

Each trial draws a fault of its kind and a recording of eight frame sets, and tracks needle and
reference. A frame is bad whose tip is more than 5 standard deviations (Mahalanobis distance by the
predicted covariance) and more than 1 mm off; it may only be so with a warning.
"""

import argparse
import zlib
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.progress_bar import progress_bar
from nav.tracking.tip import tip_in_reference
from nav.tracking.tracker import Tracker
from tests.bench.faults.kinds import KINDS, Kind
from tests.bench.faults.recordings import Recording, record

BAD_SD, BAD_MM = 5.0, 1.0
USUAL, OTHERS = 8, 6  # recordings drawn


@dataclass
class Score:
    """Frames of one kind of fault; errors : (mm, sd) of bad frames that nothing was said of."""

    frames: int = 0
    refused: int = 0
    tracked: int = 0
    warned: int = 0
    bad: int = 0
    unsaid: list[tuple[float, float]] = field(default_factory=list)


def knock(rng: np.random.Generator) -> tuple[int, RigidTransform]:
    """A camera pushed in the middle of a recording: 0.02 to 2 degrees, up to a millimetre."""
    angle = np.radians(np.exp(rng.uniform(np.log(0.02), np.log(2.0))))
    axis = rng.normal(size=3)
    turn = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
    return 3, RigidTransform.from_components(rng.normal(0.0, 0.3, 3), turn)


def recordings(seed: int, console: Console) -> dict[str, list[Recording]]:
    """All recordings that faults are applied to, by what is drawn."""
    rng = np.random.default_rng([seed, 31])
    wanted: list[tuple[str, dict[str, object]]] = [("usual", {}) for _ in range(USUAL)]
    for _ in range(OTHERS):
        wanted.append(("knocked", {"knocked": knock(rng)}))
        wanted.append(("second print", {"second_print": True}))
    drawn: dict[str, list[Recording]] = {}
    with progress_bar(console) as bar:
        task = bar.add_task("drawing recordings", total=len(wanted), note="")
        for number, (name, settings) in enumerate(wanted):
            made = record(1000 * seed + number, **settings)  # type: ignore[arg-type]
            drawn.setdefault(name, []).append(made)
            bar.advance(task)
    return drawn


def score(kind: Kind, drawn: list[Recording], trials: int, seed: int) -> Score:
    """Track the recordings with a fault of one kind in each."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
    result = Score()
    for trial in range(trials):
        recording = kind.fault(drawn[trial % len(drawn)], rng)
        tools = recording.tools
        try:
            tracker = Tracker(recording.rig, list(tools.values()))
        except InputError:
            result.refused += 1
            continue
        for shot, true in zip(recording.frames, recording.tips, strict=True):
            tracked = tracker.track(shot)
            result.frames += 1
            tip = tip_in_reference(tracked, tools["needle"], "reference")
            if isinstance(tip, Lost):
                continue
            result.tracked += 1
            seen = [tracked.tools[name] for name in ("needle", "reference")]
            warned = any(not isinstance(tool, Lost) and bool(tool.warnings) for tool in seen)
            result.warned += warned
            off = tip.position - true
            sds = float(np.sqrt(off @ np.linalg.solve(tip.covariance, off)))
            if sds > BAD_SD and np.linalg.norm(off) > BAD_MM:
                result.bad += 1
                if not warned:
                    result.unsaid.append((float(np.linalg.norm(off)), sds))
        tracker.close()
    return result


def row(kind: Kind, result: Score) -> list[str]:
    """A line of the table."""
    lost = result.frames - result.tracked
    worst = max(result.unsaid, default=None)
    return [
        kind.name,
        str(result.frames),
        f"{100 * lost / max(result.frames, 1):.0f} %",
        f"{100 * result.warned / max(result.tracked, 1):.0f} % of {result.tracked}",
        str(result.bad),
        str(len(result.unsaid)),
        "–" if worst is None else f"{worst[0]:.1f} mm, {worst[1]:.0f} sd",
    ]


def main() -> None:
    """Print the table; exit code 1 where a bad frame was shown without a warning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=24, help="recordings per kind of fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds of fault whose names contain this")
    wanted = parser.parse_args()
    console = Console()
    drawn = recordings(wanted.seed, console)
    table = Table("fault", "frames", "lost", "warned", "bad")
    for column in ("bad without warning", "worst without warning"):
        table.add_column(column)
    unsaid = 0
    with progress_bar(console) as bar:
        chosen = [kind for kind in KINDS if wanted.only in kind.name]
        task = bar.add_task("tracking", total=len(chosen), note="")
        for kind in chosen:
            result = score(kind, drawn[kind.drawn], wanted.trials, wanted.seed)
            table.add_row(*row(kind, result))
            unsaid += len(result.unsaid)
            bar.advance(task)
    console.print(table)
    raise SystemExit(1 if unsaid else 0)


if __name__ == "__main__":
    main()
