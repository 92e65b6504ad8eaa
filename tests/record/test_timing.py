"""timing.csv: one row a frame set, in milliseconds, with what was done."""

import csv
import io

import pytest

from nav.core.errors import Lost
from nav.core.tracked_frame import TrackedFrame
from nav.record.timing import TimingWriter


def frame(number: int, seconds: float, mode: str) -> TrackedFrame:
    return TrackedFrame(number, number / 30.0, {"needle": Lost("hidden")}, {}, seconds, mode)


def table(*written: tuple[TrackedFrame, float]) -> list[list[str]]:
    file = io.StringIO(newline="")
    writer = TimingWriter(file)
    for tracked, read_seconds in written:
        writer.write(tracked, read_seconds)
    file.seek(0)
    return list(csv.reader(file))


def test_the_columns_stand_there_before_any_picture():
    assert table() == [["frame", "read_ms", "track_ms", "mode"]]


def test_every_frame_set_has_one_row():
    modes = ["acquire", "follow", "follow", "acquire"]
    numbers = [0, 1, 5, 6]
    rows = table(*((frame(n, 0.01, mode), 0.002) for n, mode in zip(numbers, modes, strict=True)))
    assert [(int(row[0]), row[3]) for row in rows[1:]] == list(zip(numbers, modes, strict=True))


def test_times_are_milliseconds_to_the_microsecond():
    (row,) = table((frame(3, 0.0041237, "follow"), 0.0203128))[1:]
    assert float(row[1]) == pytest.approx(20.3128, abs=5.1e-4)
    assert float(row[2]) == pytest.approx(4.1237, abs=5.1e-4)
