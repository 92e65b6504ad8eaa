"""times.csv: when each camera's pictures were taken."""

import csv
import math
from itertools import pairwise
from pathlib import Path

from nav.errors import InputError

COLUMNS = ("camera", "frame", "time")


def load_times(path: Path) -> dict[str, dict[int, float]]:
    """Times in s by camera and frame number.

    Raises
    ------
    InputError
        Unreadable, a column missing, a value that is no number, a frame given twice, times that
        do not increase with the frames: file, line, field.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    try:
        missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
        if missing:
            raise InputError(f"{path}: line 1: no column {missing[0]}; expected camera,frame,time")
        times: dict[str, dict[int, float]] = {}
        lines: dict[tuple[str, int], int] = {}
        for row in rows:
            where = f"{path}: line {rows.line_num}"
            camera, frame, time = _row(row, where)
            if (camera, frame) in lines:
                raise InputError(
                    f"{where}: frame: camera {camera} frame {frame} stands in "
                    f"line {lines[camera, frame]} already"
                )
            lines[camera, frame] = rows.line_num
            times.setdefault(camera, {})[frame] = time
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num}: {error}") from None
    for camera, by_frame in times.items():
        _check_increasing(path, camera, by_frame, lines)
    return times


def _row(row: dict[str, str | None], where: str) -> tuple[str, int, float]:
    camera = (row["camera"] or "").strip()
    if not camera:
        raise InputError(f"{where}: camera: is missing")
    frame = (row["frame"] or "").strip()
    if not (frame.isascii() and frame.isdigit()):
        raise InputError(f"{where}: frame: expected a whole number from 0 up, got {frame!r:.40}")
    text = (row["time"] or "").strip()
    try:
        time = float(text)
    except ValueError:
        time = math.nan
    if not math.isfinite(time):
        raise InputError(f"{where}: time: expected a finite number of seconds, got {text!r:.40}")
    return camera, int(frame), time


def _check_increasing(
    path: Path, camera: str, times: dict[int, float], lines: dict[tuple[str, int], int]
) -> None:
    frames = sorted(times)
    for before, after in pairwise(frames):
        if times[after] <= times[before]:
            raise InputError(
                f"{path}: line {lines[camera, after]}: time: camera {camera} frame {after} is at "
                f"{times[after]:g} s, not after frame {before} at {times[before]:g} s; "
                "times must increase"
            )
