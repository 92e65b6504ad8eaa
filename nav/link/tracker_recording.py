"""Record another tracker's poses to a poses.csv until Ctrl-C, so that commands can work with it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError, Lost
from nav.core.output_checks import cannot_be_written
from nav.core.outputs import numbered
from nav.core.tracked_frame import TrackedFrame
from nav.link.igtl_poses import IgtlPoses
from nav.link.pose_input import PoseInput
from nav.record.pose_table import PosesWriter, write_sidecar
from nav.text.catalogue import ENGLISH
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool

STATUS_EVERY = 0.5  # s
FLUSHED_EVERY = 0.25  # s: what is lost at most where the program is ended by force


def recorded_file(
    poses: Path,
    tools: Sequence[Tool],
    beside: Path,
    console: Console,
    stated: StatedErrors | None = None,
    names: Sequence[str] = (),
) -> Path:
    """Return a file of poses: the given one, or what a tracker sends until Ctrl-C.

    The tracker's poses are written while they come, to ``STEM-poses.csv`` beside an output, under a
    number where that exists.

    Parameters
    ----------
    poses : Path
        A file of any kind, or igtl://HOST:PORT.
    tools : sequence of Tool
        That are needed; the last one is the reference body.
    beside : Path
        The command's output.
    console : Console
        For what is received, and how to end it (Ctrl-C).
    stated : StatedErrors, optional
        The tracker's errors.
    names : sequence of str
        TOOL=NAME each: what the tracker calls them.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        An option is wrong, or all tools were never seen at once.
    """
    given = PoseInput(poses, tuple(tool.name for tool in tools), stated, tuple(names))
    if given.tracker is None:
        if names:
            raise InputError("--igtl-name: is for the poses of a tracker, igtl://HOST:PORT")
        return poses
    given.check()
    target = _unused(beside.with_name(f"{beside.stem}-poses.csv"))
    console.print(
        f"recording igtl://{given.tracker} to {target}; press Ctrl-C when everything was touched",
        markup=False,
        soft_wrap=True,
    )
    try:
        with target.open("x", newline="", encoding="utf-8") as file:
            writer = PosesWriter(file, tools, tools[-1].name)
            with closing(given.connection()) as source, ended_by_ctrl_c(source):
                recorded = _record(source, writer, console)
    except OSError as error:
        error_of_file = cannot_be_written(target, error)
        if not target.exists():
            raise error_of_file from None
        _cut_to_whole_rows(target)
        raise InputError(f"{error_of_file}; it has the poses until then") from None
    if isinstance(recorded, str):
        target.unlink()
        raise InputError(f"igtl://{given.tracker}: {recorded}")
    made = {"frames": recorded, "tracker": f"igtl://{given.tracker}"}
    write_sidecar(target, (), tools[-1].name, made)
    return target


def _cut_to_whole_rows(path: Path) -> None:
    """Leave out what was written of a last row; a table with a part of one cannot be read."""
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def ended_by_ctrl_c(source: IgtlPoses) -> Iterator[None]:
    """Let Ctrl-C end an iteration instead of the program.

    Parameters
    ----------
    source : IgtlPoses
        That is iterated meanwhile.

    Yields
    ------
    None
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not delivered there
        return
    before = signal.signal(signal.SIGINT, lambda *_: source.end())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _record(source: IgtlPoses, writer: PosesWriter, console: Console) -> int | str:
    """Write frames until the iteration ends; return their number, or why there is none."""
    count, last = 0, "nothing was received"
    shown = flushed = 0.0
    with console.status("") as status:
        for frame in source:
            now = time.monotonic()
            lost = [seen for seen in frame.tools.values() if isinstance(seen, Lost)]
            if lost:
                last = ENGLISH.sentence(lost[0])
            else:
                count += 1
            if count:
                writer.write(frame)
            if now - flushed >= FLUSHED_EVERY:
                writer.file.flush()
                flushed = now
            if now - shown >= STATUS_EVERY:
                status.update(_status_line(frame, count))
                shown = now
    return count or last


def _status_line(frame: TrackedFrame, count: int) -> str:
    words = [
        f"{name}: {ENGLISH.sentence(seen) if isinstance(seen, Lost) else 'tracked'}"
        for name, seen in frame.tools.items()
    ]
    return "; ".join((f"{count} poses", *words)).replace("[", r"\[")


def _unused(path: Path) -> Path:
    number, found = 0, path
    while found.exists():
        number += 1
        found = numbered(path, number)
    return found
