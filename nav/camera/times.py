"""times.csv: when each camera's images were taken."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from nav.core.errors import InputError
from nav.core.filekinds import file_kind, toml_kind
from nav.core.tables import TableLimits, read_table
from nav.core.textfile import MEGABYTE

COLUMNS = ("camera", "frame", "time")

LONGEST_STEP = 10.0  # s: no camera whose pictures are tracked is slower
MOST_STEPS_APART = 10  # between recordings of one clock: one camera was started later than that
SLOW_STEP = 0.5  # s: slower than any video; pictures taken one by one may be
FAST_STEP = 1e-3  # s: faster than any camera in ordinary use
SHORTEST_STEP = 2e-5  # s: 50,000 per second, faster than any camera of a useful size
FRAME = re.compile(r"\d{1,9}", re.ASCII)  # a year of pictures has fewer
# two cameras at 30 per second for over 50 minutes
LIMITS = TableLimits(size=16 * MEGABYTE, rows=200_000)
LATEST = 1e11  # s: the year 5138, where clocks that count from 1970 are meant
USUAL_STEP = 1.0 / 30.0  # s: what likely units are judged by
UNITS = {  # in s
    "nanoseconds": 1e-9,
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
}


@dataclass(frozen=True)
class Times:
    """When each camera's images were taken.

    Parameters
    ----------
    by_camera : dict of str to dict of int to float
        Time, s, by camera and frame number.
    warnings : tuple of str
        What is unusual, a sentence each.
    """

    by_camera: dict[str, dict[int, float]]
    warnings: tuple[str, ...] = ()


def load_times(path: Path) -> Times:
    """Read times.csv.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Times
        With a warning for each camera whose times are unusual.

    Raises
    ------
    InputError
        Unreadable, a column missing, a value that is not a number, a frame given twice, times that
        do not increase with the frames, or that cannot be seconds: file, line, field, likely unit.
    """
    table = read_table(path, [COLUMNS], limits=LIMITS)
    seconds = table.numbers(["time"])[:, 0].tolist()
    times: dict[str, dict[int, float]] = {}
    lines: dict[tuple[str, int], int] = {}
    for row, time in zip(table.rows, seconds, strict=True):
        camera, frame = row.fields["camera"], row.fields["frame"]
        if not camera:
            raise table.refusal(row, "camera: is missing")
        if not FRAME.fullmatch(frame):
            raise table.refusal(row, f"frame: expected a whole number from 0 up, got {frame!r:.40}")
        number = int(frame)
        if (camera, number) in lines:
            raise table.refusal(
                row,
                f"frame: camera {camera} frame {number} is in line {lines[camera, number]} already",
            )
        lines[camera, number] = row.line
        times.setdefault(camera, {})[number] = time
    for camera, by_frame in times.items():
        _check_increasing(path, camera, by_frame, lines)
    warnings = [w for camera, own in times.items() if (w := _check_unit(path, camera, own))]
    return Times(times, () if _is_recorded(path) else tuple(warnings))


def _is_recorded(path: Path) -> bool:
    """Return whether `nav record` wrote it: then its unit is known, however rare the images are."""
    try:
        return file_kind(path.with_suffix(".toml")) == toml_kind("recording")
    except OSError:
        return False


def check_one_clock(path: Path, times: Mapping[str, Mapping[int, float]]) -> None:
    """Refuse cameras whose times have nothing in common.

    Parameters
    ----------
    path : Path
        times.csv, for the message.
    times : mapping of str to mapping of int to float
        Time, s, by camera and frame number.

    Raises
    ------
    InputError
        One camera's last time is long before another's first: MOST_STEPS_APART of their usual
        steps, or LONGEST_STEP where there is one picture each.
    """
    cameras = [name for name in times if times[name]]
    if not cameras:
        return
    first = max(cameras, key=lambda name: min(times[name].values()))
    last = min(cameras, key=lambda name: max(times[name].values()))
    begin, end = min(times[first].values()), max(times[last].values())
    steps = [
        (max(own.values()) - min(own.values())) / (len(own) - 1)
        for own in times.values()
        if len(own) > 1
    ]
    apart = min(LONGEST_STEP, MOST_STEPS_APART * max(steps)) if steps else LONGEST_STEP
    if begin > end + apart:
        raise InputError(
            f"{path}: time: camera {last} ends at {end:.10g} s, but camera {first} begins at "
            f"{begin:.10g} s; expected times of one clock for all cameras"
        )


def _check_unit(path: Path, camera: str, times: Mapping[int, float]) -> str | None:
    """Refuse times that cannot be seconds; return a warning where they are unusual ones."""
    frames = sorted(times)
    steps = [(times[b] - times[a]) / (b - a) for a, b in pairwise(frames)]
    step = median(steps) if steps else None
    largest = max(map(abs, times.values()), default=0.0)
    if step is None:
        if largest > LATEST:
            raise InputError(
                f"{path}: time: camera {camera} is at {largest:.3g} s: are the times in "
                "milliseconds, microseconds or nanoseconds? Write seconds"
            )
        return None
    unit = min(UNITS, key=lambda name: abs(math.log(step * UNITS[name] / USUAL_STEP)))
    fact = f"{path}: time: camera {camera} has an image every {step:.3g} s"
    if step > LONGEST_STEP or step < SHORTEST_STEP or largest > LATEST:
        raise InputError(
            f"{fact}: are the times in {unit}? Write seconds; images that were taken one by one "
            "need no times.csv"
        )
    if step > SLOW_STEP or step < FAST_STEP:
        return f"{fact}: if the times are in {unit}, write seconds"
    return None


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
