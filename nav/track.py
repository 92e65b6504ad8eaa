"""`nav track`: recorded pictures in, poses.csv out."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

import nav
from nav.camera.rig import load_rig
from nav.camera.source import open_source
from nav.errors import InputError, Lost
from nav.files import written_whole
from nav.record.poses import PosesWriter, write_sidecar
from nav.tracking.result import TrackedFrame
from nav.tracking.tool import Tool, load_tool
from nav.tracking.tracker import Tracker


def progress_bar(console: Console) -> Progress:
    """The bar that every long command shows."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
    )


def track_recording(
    rig_path: Path,
    tool_paths: Sequence[Path],
    images: Path,
    output: Path,
    relative_to: str | None,
    fps: float | None,
    console: Console,
) -> None:
    """Track all tools through a recording and write the table and its sidecar.

    Raises
    ------
    InputError
        Any file that is missing or wrong; then nothing is written.
    """
    rig = load_rig(rig_path)
    tools = [load_tool(path) for path in tool_paths]
    _check_relative(relative_to, tools)
    tracker = Tracker(rig, tools)
    source = open_source(images, rig, fps)
    tracked_count: Counter[str] = Counter()
    warned: Counter[str] = Counter()
    began, count = time.perf_counter(), 0
    try:
        with written_whole(output) as beside, beside.open("w", newline="") as file:
            writer = PosesWriter(file, tools, relative_to)
            with progress_bar(console) as bar:
                task = bar.add_task("tracking", total=len(source) or None, note="")
                for frames in source:
                    tracked = tracker.track(frames)
                    writer.write(tracked)
                    count += 1
                    _count(tracked, tools, relative_to, tracked_count, warned)
                    bar.update(task, advance=1, note=f"{count / _since(began):.1f} /s")
            if count == 0:
                raise InputError(f"{images}: has no pictures")
    finally:
        source.close()
        tracker.close()
    rate = count / _since(began)
    inputs = [rig_path, *tool_paths]
    write_sidecar(output, inputs, relative_to, {"frames": count, "images": images.name})
    shares = ", ".join(f"{t.name} {100 * tracked_count[t.name] / count:.1f} %" for t in tools)
    console.print(f"{count} frames, {rate:.1f} /s; tracked: {shares}")
    for sentence, times in warned.most_common(3):
        console.print(f"warning in {times} rows: {sentence}")
    console.print(f"{output} ({nav.NOTICE.lower()})")


def _since(began: float) -> float:
    return max(time.perf_counter() - began, 1e-9)


def _check_relative(relative_to: str | None, tools: Sequence[Tool]) -> None:
    names = [tool.name for tool in tools]
    if relative_to is not None and relative_to not in names:
        raise InputError(
            f"--relative-to: no tool is called {relative_to}; the tools are {', '.join(names)}"
        )


def _count(
    tracked: TrackedFrame,
    tools: Sequence[Tool],
    relative_to: str | None,
    counted: Counter[str],
    warned: Counter[str],
) -> None:
    for tool in tools:
        pose = tracked.pose(tool.name, relative_to)
        counted[tool.name] += not isinstance(pose, Lost)
        seen = tracked.tools[tool.name]
        if not isinstance(seen, Lost) and seen.warning:
            # without its figures, so that rows with the same trouble count together
            warned[f"{tool.name}: {seen.warning.split(':')[0]}"] += 1
