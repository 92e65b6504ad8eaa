"""Tools printed at a wrong scale: is the error found, or in the predicted sd?

`python -m tests.bench.tool_size` prints the table.

Needle and reference body are drawn once in unrelated poses (two cameras of 960 x 600, as in
`tests.bench.faults`), and tracked with files of another size: of both tools, of one of them, by one
camera and by two. The tip in the file is right, as one that was measured by two cameras, or scaled
along with the markers, as one calibrated by the same single camera.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.progress_bar import progress_bar
from nav.text.catalogue import ENGLISH
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from tests.bench.faults.kinds import first_cameras, of_size
from tests.bench.faults.recordings import Recording, record

INSIDE = 7.815  # chi-square with three degrees of freedom: 95 %
SCALES = (1.0, 0.97, 0.99, 1.005, 1.01)  # of the print by its file
BAD_SD, BAD_MM = 5.0, 1.0


@dataclass
class Score:
    """Tip errors (mm), predicted sds (mm), squares by the covariance, warnings, lost frames."""

    errors: list[float] = field(default_factory=list)
    sds: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def score(drawn: Sequence[Recording], tools: Sequence[Tool], cameras: int) -> Score:
    """Track the first frame set of each recording."""
    result = Score()
    needle = next(tool for tool in tools if tool.tip is not None)
    for recording in drawn:
        seen = first_cameras(recording, cameras)
        tracker = Tracker(seen.rig, tools)
        tracked = tracker.track(seen.frames[0])
        tracker.close()
        tip = tip_in_reference(tracked, needle, "reference")
        if isinstance(tip, Lost):
            result.lost.append(ENGLISH.sentence(tip))
            continue
        off: Array = tip.position - recording.tips[0]
        result.errors.append(float(np.linalg.norm(off)))
        result.sds.append(float(np.sqrt(np.trace(tip.covariance))))
        result.squares.append(float(off @ np.linalg.solve(tip.covariance, off)))
        found = [t for t in tracked.tools.values() if not isinstance(t, Lost)]
        result.said.append("; ".join(ENGLISH.sentences(t.warnings) for t in found if t.warnings))
    return result


def row(name: str, result: Score) -> list[str]:
    """A line of the table."""
    errors, squares = np.array(result.errors), np.array(result.squares)
    count = len(errors) + len(result.lost)
    lost = f"{len(result.lost)} of {count}"
    if not len(errors):
        return [name, lost, *["–"] * 6]
    said = np.array([bool(text) for text in result.said])
    bad = (squares > BAD_SD**2) & (errors > BAD_MM)
    return [
        name,
        lost,
        f"{np.sqrt(np.mean(errors**2)):.3f}",
        f"{np.median(errors):.3f}",
        f"{np.sqrt(np.mean(np.array(result.sds) ** 2)):.3f}",
        f"{100 * np.mean(squares < INSIDE):.0f} %",
        f"{100 * said.mean():.0f} %",
        f"{(bad & ~said).sum()}",
    ]


def main() -> None:
    """Print the table; exit code 1 where a bad frame was shown without a warning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--poses", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--reasons", action="store_true", help="print what was said, once each")
    wanted = parser.parse_args()
    console = Console()
    drawn = []
    with progress_bar(console) as bar:
        task = bar.add_task("drawing", total=wanted.poses, note="")
        for number in range(wanted.poses):
            drawn.append(record(1000 * wanted.seed + number, frames=1))
            bar.advance(task)
    table = Table("printed at", "lost", "tip rms, mm", "median", "predicted sd", "in 95 %", "said")
    table.add_column("bad, unsaid")
    heard: dict[str, None] = {}
    unsaid = 0
    for name, tools, cameras in cases(drawn[0]):
        if wanted.only not in name:
            continue
        result = score(drawn, tools, cameras)
        cells = row(name, result)
        unsaid += cells[-1] not in ("0", "–")
        table.add_row(*cells)
        for text in (*result.said, *result.lost):
            heard[f"{name}: {text}"] = None
    console.print(table)
    if wanted.reasons:
        for text in heard:
            console.print(text, markup=False, soft_wrap=True)
    raise SystemExit(1 if unsaid else 0)


def cases(recording: Recording) -> list[tuple[str, list[Tool], int]]:
    """Name, tools by their files and number of cameras of each case; no size was checked."""
    needle, reference = (
        replace(recording.tools[name], scale_sd=None) for name in ("needle", "reference")
    )
    found: list[tuple[str, list[Tool], int]] = []
    for cameras in (1, 2):
        for scale in SCALES:
            how = f"{100 * scale:g} %, {cameras} camera{'s' * (cameras > 1)}"
            if scale == 1.0:
                found.append((f"right, {how}", [needle, reference], cameras))
                found.append((f"right, one print, {how}", _named(needle, reference), cameras))
                continue
            small, other = of_size(needle, scale, False), of_size(reference, scale, False)
            found.append((f"both, {how}", [small, other], cameras))
            if cameras == 1:
                with_tip = of_size(needle, scale, True)
                found.append((f"both, one print, {how}", _named(small, other), cameras))
                found.append((f"both and tip, one print, {how}", _named(with_tip, other), cameras))
            found.append((f"needle, {how}", [small, reference], cameras))
            found.append((f"reference, {how}", [needle, other], cameras))
    return found


def _named(*tools: Tool) -> list[Tool]:
    return [replace(tool, print_name="sheet") for tool in tools]


if __name__ == "__main__":
    main()
