"""Webcams recorded into folders: readable whenever it ends, nothing mixed, nothing invented."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.camera.image_files import read_picture
from nav.camera.rig import Camera, Rig
from nav.camera.source import open_source
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet
from nav.record.picture_recording import picture_writer
from nav.record.picture_recording.picture_writer import PictureCoding, PictureWriter
from nav.record.picture_recording.source_recorder import PictureRecorder, RecordOptions

NAMES = ("left", "right")
SIZE = (64, 48)


def rig(size: tuple[int, int] = SIZE) -> Rig:
    matrix = np.array([[50.0, 0.0, 31.5], [0.0, 50.0, 23.5], [0.0, 0.0, 1.0]])
    return Rig(
        tuple(Camera(n, size, matrix, np.zeros(5), RigidTransform.identity()) for n in NAMES)
    )


def images(number: int, names: tuple[str, ...] = NAMES) -> FrameSet:
    """Images of one instant whose first pixels hold its number."""
    at = 50.0 + number / 30.0
    frames = {}
    for name in names:
        k = NAMES.index(name)
        image = np.full((SIZE[1], SIZE[0]), 100, np.uint8)
        image[0, :3] = number // 250, number % 250, k
        frames[name] = Frame(name, at + 0.004 * k, image)
    return FrameSet(number, at, frames, captured_at=at)


def read(folder: Path) -> list[dict[str, tuple[int, float]]]:
    """Number and time of every camera's image, for each frame set of a recording."""
    source = open_source(folder, rig())
    found = []
    for frames in source:
        found.append({n: (int(f.image[0, 1]), f.time) for n, f in frames.frames.items()})
    assert not source.cut_off
    return found


def test_what_was_added_is_read_back_with_its_times(tmp_path):
    writer = PictureWriter(tmp_path / "r", NAMES)
    for number in range(5):
        assert writer.add(images(number).frames)
    assert writer.add(images(5, ("right",)).frames)
    writer.close()
    found = read(tmp_path / "r")
    assert [sorted(f) for f in found] == [["left", "right"]] * 5 + [["right"]]
    for number, frames in enumerate(found):
        for name, (said, at) in frames.items():
            assert said == number
            assert at == pytest.approx(number / 30.0 + 0.004 * NAMES.index(name), abs=2e-6)
    # lossless
    first = read_picture(tmp_path / "r" / "left" / "000003.png")
    assert np.array_equal(first, images(3).frames["left"].image)
    assert writer.written.instants == 6
    assert writer.written.pictures == {"left": 5, "right": 6}


def test_dropped_instants_leave_no_hole_in_the_numbers(tmp_path):
    class Slow(PictureCoding):
        def encode(self, image):
            time.sleep(0.02)
            return super().encode(image)

    writer = PictureWriter(
        tmp_path / "r", NAMES, Slow(".png"), workers=1, most_waiting=4 * SIZE[0] * SIZE[1]
    )
    taken = [number for number in range(30) if writer.add(images(number).frames)]
    writer.close()
    assert 2 <= len(taken) < 30
    assert writer.written.dropped == 30 - len(taken)
    found = read(tmp_path / "r")
    assert [frames["left"][0] for frames in found] == taken
    for number, frames in zip(taken, found, strict=True):
        assert frames["right"][1] == pytest.approx(number / 30.0 + 0.004, abs=2e-6)


def test_a_full_disk_ends_the_recording_and_what_is_there_is_whole(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    recorder = PictureRecorder(PictureWriter(folder, NAMES), RecordOptions(), clock=lambda: 50.0)
    recorder.start()
    real = os.write
    left = [12]

    def write(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            real(descriptor, data[:7])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(picture_writer.os, "write", write)
    number = 0
    while recorder.status.state != "ended":
        recorder.step(images(number))
        number += 1
        time.sleep(0.01)
        assert number < 500
    monkeypatch.undo()
    recorder.close()
    assert recorder.status.problem.code == "recording_stopped"
    assert "No space left" in recorder.status.problem.facts["why"]
    assert [frames["right"][0] for frames in read(folder)] == list(range(12))
    assert (folder / "times.csv").read_bytes().endswith(b"\n")
    assert tomllib.loads((folder / "times.toml").read_text())["state"] == "recording_stopped"


def test_it_ends_before_the_disk_is_quite_full(tmp_path, monkeypatch):
    writer = PictureWriter(tmp_path / "r", NAMES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    writer.add(images(0).frames)
    writer.close()
    assert writer.problem is not None
    assert writer.problem.code == "disk_full"
    assert list((tmp_path / "r").iterdir()) == []


def test_a_recording_of_more_rows_than_are_read_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_writer, "LIMITS", SimpleNamespace(rows=5))
    writer = PictureWriter(tmp_path / "r", NAMES)
    assert [writer.add(images(number).frames) for number in range(3)] == [True, True, False]
    writer.close()
    assert writer.problem is not None
    assert writer.problem.code == "recording_too_long"
    assert len(read(tmp_path / "r")) == 2


KILLED = """
import sys, time
from pathlib import Path
from nav.record.picture_recording.picture_writer import PictureWriter
from tests.record.test_picture_recording import NAMES, images
writer = PictureWriter(Path(sys.argv[1]), NAMES)
print("ready", flush=True)
for number in range(100000):
    writer.add(images(number).frames)
    time.sleep(0.001)
"""


def test_a_killed_recording_is_read_as_far_as_it_came(tmp_path):
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    folder = tmp_path / "r"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], env=environment, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    until = time.monotonic() + 30.0
    while len(list(folder.glob("right/0*.png"))) < 40:
        assert time.monotonic() < until
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    found = read(folder)
    assert len(found) >= 40
    for number, frames in enumerate(found):
        assert frames["left"][0] == number % 250
        assert frames["left"][1] == pytest.approx(number / 30.0, abs=2e-6)
    assert sum(len(frames) < 2 for frames in found) <= 1


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def recorded(tmp_path: Path, script, **options) -> tuple[PictureRecorder, list[int]]:
    """Numbers of the images that were recorded while a script ran, 30 per second."""
    clock = Clock()
    writer = PictureWriter(tmp_path / "r", NAMES)
    recorder = PictureRecorder(writer, RecordOptions(**options), clock=clock)
    taken = []
    for number in range(300):
        clock.now = 50.0 + number / 30.0 + 0.004
        script(recorder, number)
        if recorder.step(images(number)):
            taken.append(number)
    recorder.close()
    return recorder, taken


def test_it_starts_after_the_countdown_pauses_and_goes_on(tmp_path):
    def script(recorder: PictureRecorder, number: int) -> None:
        if number == 3:
            assert recorder.status.state == "ready"
            assert recorder.mark() is None
            recorder.toggle()
        if number == 10:
            assert recorder.status.state == "countdown"
            assert recorder.status.left == pytest.approx(1.0 - 7 / 30, abs=1e-6)
        if number == 100:
            assert recorder.status.seconds == pytest.approx(65 / 30, abs=1e-6)
            recorder.toggle()
            assert recorder.status.state == "paused"
        if number == 200:
            recorder.toggle()
        if number == 240:
            assert recorder.mark("tip lifted, a little") == 1

    recorder, taken = recorded(tmp_path, script, countdown=1.0)
    assert taken == [*range(34, 100), *range(231, 300)]
    marks = (tmp_path / "r" / "marks.csv").read_text().splitlines()
    assert marks[0] == "frame,time,mark"
    assert marks[1].endswith(',"tip lifted, a little"')
    assert int(marks[1].split(",")[0]) == 66 + 239 - 231
    assert recorder.status.missed == {"left": 0, "right": 0}


def test_every_so_many_seconds_and_so_many_instants(tmp_path):
    def script(recorder: PictureRecorder, number: int) -> None:
        if number == 0:
            recorder.start()

    recorder, taken = recorded(tmp_path, script, every=0.6, count=4)
    assert taken == [1, 19, 37, 55]  # the first was taken before the start
    assert open_source(tmp_path / "r", rig()).notes == []  # rare, but in seconds
    assert recorder.status.state == "ended"
    about = tomllib.loads((tmp_path / "r" / "times.toml").read_text())
    assert about["format"] == "c1c2nav/recording/1"
    assert about["state"] == "ended"
    assert about["pictures"] == {"left": 4, "right": 4}


def test_so_many_seconds(tmp_path):
    _, taken = recorded(tmp_path, lambda r, n: r.start() if n == 0 else None, seconds=2.0)
    assert len(taken) == 60


def test_images_that_a_camera_did_not_give_are_counted(tmp_path):
    clock = Clock()
    writer = PictureWriter(tmp_path / "r", NAMES)
    recorder = PictureRecorder(writer, RecordOptions(), clock=clock)
    recorder.start()
    for number in range(60):
        clock.now = 50.0 + number / 30.0 + 0.004
        if number != 40:
            recorder.step(images(number, ("left",) if number in (20, 21) else NAMES))
    recorder.close()
    assert recorder.status.missed == {"left": 1, "right": 3}


def test_options_out_of_range_are_refused():
    for wrong in ({"every": 11.0}, {"every": -1.0}, {"seconds": 0.0}, {"count": 0}):
        with pytest.raises(InputError, match=f"--{next(iter(wrong))}: expected"):
            RecordOptions(**wrong)
    with pytest.raises(InputError, match="--countdown: expected"):
        RecordOptions(countdown=float("nan"))
