"""`nav track`: recorded images in, poses.csv out."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

import nav
from nav.camera.rig import Rig, load_rig
from nav.camera.source import open_source
from nav.core.compiled import compiled_before
from nav.core.errors import IncompleteInput, InputError, Lost
from nav.core.frameset import FrameSet
from nav.core.notice import Notice, NoticeCount
from nav.core.outputs import written_together
from nav.core.pose_formats import open_pose_writer
from nav.core.tracked_frame import TrackedFrame
from nav.link.igtl_observer import IgtlSetup
from nav.progress_bar import progress_bar
from nav.record.pose_table import sidecar_path, write_sidecar
from nav.record.timing import TimingWriter
from nav.text.catalogue import ENGLISH, sentence
from nav.tracking.detect.print_faults import describe_print_fault, find_print_fault
from nav.tracking.follow.smooth import Smoother
from nav.tracking.tool import Tool, load_tool
from nav.tracking.tracker import Tracker

MOST_WARNINGS = 3  # that are reported at the end


def announce_compiling(console: Console) -> None:
    """Tell the user why the first frame set will take long, where code must be compiled first.

    Parameters
    ----------
    console : Console
        For messages to the user.
    """
    if not compiled_before():
        console.print("compiling, this first time only: half a minute or so")


@dataclass(frozen=True)
class TrackOptions:
    """Options of `nav track`.

    Parameters
    ----------
    relative_to : str, optional
        Name of the tool in whose frame poses are given; the rig's frame by default.
    fps : float, optional
        Images per second, where neither times.csv nor the video says it.
    timing : Path, optional
        Table of processing times to write.
    smooth : int, optional
        Number of frame sets over which poses are averaged.
    links : tuple of IgtlSetup
        Servers that show the poses to other programs.
    """

    relative_to: str | None = None
    fps: float | None = None
    timing: Path | None = None
    smooth: int | None = None
    links: tuple[IgtlSetup, ...] = ()


def track_recording(
    rig_path: Path,
    tool_paths: Sequence[Path],
    images: Path,
    output: Path,
    options: TrackOptions,
    console: Console,
) -> None:
    """Track all tools through a recording and write the tables and a sidecar.

    Parameters
    ----------
    rig_path : Path
        rig.toml.
    tool_paths : sequence of Path
        Tool files.
    images : Path
        Folder with a sub-folder of images, or a video, for each camera.
    output : Path
        Table of poses to write; the sidecar has its stem.
    options : TrackOptions
        The other options.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        Any file that is missing or wrong; then nothing is written.
    IncompleteInput
        A recording that ends early; what there is of it is written.
    """
    rig = load_rig(rig_path)
    tools = [load_tool(path) for path in tool_paths]
    _check_relative(options.relative_to, tools)
    warnings = [*rig.warnings, *(warning for tool in tools for warning in tool.warnings)]
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    smoother = None if options.smooth is None else Smoother(options.smooth)
    tracker = Tracker(rig, tools)
    announce_compiling(console)
    # decoding ahead would take the processor from the tracking that is timed
    source = open_source(images, rig, options.fps, ahead=options.timing is None)
    tally = _Tally(tools, options.relative_to)
    began = time.perf_counter()
    try:
        with ExitStack() as files:
            wanted = [output, sidecar_path(output)]
            if options.timing is not None:
                wanted.append(options.timing)
            links = [
                files.enter_context(closing(one.open_for_tracking(tools, options.relative_to)))
                for one in options.links
            ]
            beside = files.enter_context(written_together(*wanted))
            poses = open_pose_writer(output, beside[0], tools, options.relative_to)
            writer = files.enter_context(closing(poses))
            timing = None
            if options.timing is not None:
                timing = TimingWriter(files.enter_context(_opened(beside[2])))
            bar = files.enter_context(progress_bar(console))
            task = bar.add_task("tracking", total=len(source) or None, note="")
            first: FrameSet | None = None
            for frames in source:
                first = first or frames
                tracked = tracker.track(frames)
                if timing is not None:
                    timing.write(tracked, frames.read_seconds)
                if smoother is not None:
                    tracked = smoother.smooth(tracked)
                writer.write(tracked)
                for link in links:
                    link.show(tracked)
                tally.add(tracked)
                bar.update(task, advance=1, note=f"{tally.count / _since(began):.1f} /s")
            if tally.count == 0:
                raise InputError(f"{images}: has no images")
            made: dict[str, object] = {"frames": tally.count, "images": images.name}
            lines = [*warnings, *map(ENGLISH.sentence, source.warnings), *source.cut_off]
            if lines:
                made["warnings"] = lines
            if smoother is not None:
                made |= {"smooth_frames": smoother.frames, "delay_s": round(smoother.delay, 6)}
            inputs = [rig_path, *tool_paths]
            write_sidecar(output, inputs, options.relative_to, made, to=beside[1])
    finally:
        source.close()
        tracker.close()
    tally.say(console, tally.count / _since(began))
    of_links = (notice for link in links for notice in link.notices)
    for notice in (*tracker.notices, *of_links):
        console.print(sentence(notice), markup=False, soft_wrap=True)
    if first is not None:
        for line in _print_faults(rig, [t for t in tools if not tally.seen[t.name]], first):
            console.print(line, markup=False, soft_wrap=True)
    if smoother is not None:
        late = {"frames": smoother.frames, "delay_ms": 1e3 * smoother.delay}
        console.print(sentence(Notice("smoothed", late)))
    for notice in source.warnings:
        warned = sentence(Notice("warned", {"warning": notice}))
        console.print(warned, markup=False, soft_wrap=True)
    console.print(f"{output} ({nav.NOTICE.lower()})", markup=False)
    if source.cut_off:
        raise IncompleteInput("; ".join(source.cut_off))


def _print_faults(rig: Rig, tools: Sequence[Tool], frames: FrameSet) -> Iterator[str]:
    """Yield what is wrong with markers in the first images, of tools that never had a pose."""
    for tool in tools:
        for camera in rig.cameras:
            frame = frames.frames.get(camera.name)
            fault = None if frame is None else find_print_fault(frame.image, tool, camera)
            if fault is not None:
                yield describe_print_fault(fault, tool, camera.name)
                break


def _opened(path: Path) -> TextIO:
    return path.open("w", newline="", encoding="utf-8")


def _since(began: float) -> float:
    return max(time.perf_counter() - began, 1e-9)


def _check_relative(relative_to: str | None, tools: Sequence[Tool]) -> None:
    names = [tool.name for tool in tools]
    if relative_to is not None and relative_to not in names:
        raise InputError(
            f"--relative-to: no tool is called {relative_to}; the tools are {', '.join(names)}"
        )


class _Tally:
    """Count what is reported at the end."""

    def __init__(self, tools: Sequence[Tool], relative_to: str | None) -> None:
        self.tools, self.relative_to = tools, relative_to
        self.count, self.followed = 0, 0
        self.tracked: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()  # independent of the tool that it is relative to
        self.warned = {tool.name: NoticeCount() for tool in tools}
        self.lost = {tool.name: NoticeCount() for tool in tools}

    def add(self, tracked: TrackedFrame) -> None:
        self.count += 1
        self.followed += tracked.mode == "follow"
        for tool in self.tools:
            pose = tracked.pose(tool.name, self.relative_to)
            self.tracked[tool.name] += not isinstance(pose, Lost)
            seen = tracked.tools[tool.name]
            self.seen[tool.name] += not isinstance(seen, Lost)
            if isinstance(seen, Lost):
                self.lost[tool.name].add(seen)
            elif seen.warnings:
                self.warned[tool.name].add(seen.warnings[0])

    def say(self, console: Console, rate: float) -> None:
        for notice in self.notices(rate):
            console.print(sentence(notice), markup=False)

    def notices(self, rate: float) -> Iterator[Notice]:
        """Yield what is reported of all frame sets, which took 1 / `rate` s each."""
        shares = [
            Notice(
                "tracked_share",
                {"tool": tool.name, "percent": 100.0 * self.tracked[tool.name] / self.count},
            )
            for tool in self.tools
        ]
        facts = {"frames": self.count, "rate": rate, "followed": self.followed}
        yield Notice("track_summary", {**facts, "shares": shares})
        for name, reasons in self.lost.items():
            for reason, _ in reasons.most_common(1):
                lost = {"tool": name, "lost": reasons.total(), "frames": self.count}
                yield Notice("lost_most_often", {**lost, "reason": reason})
        warned = [
            (times, name, warning)
            for name, warnings in self.warned.items()
            for warning, times in warnings.most_common()
        ]
        for times, name, warning in sorted(warned, key=lambda entry: -entry[0])[:MOST_WARNINGS]:
            yield Notice("warned_in_rows", {"rows": times, "tool": name, "warning": warning})
