"""`nav live` leaves a session behind: by webcams, and through the command line."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from functools import partial

import cv2
import numpy as np
import pytest

from nav.camera import live_source
from nav.camera.camera_jpeg import decode_grey
from nav.camera.rig import load_rig
from nav.camera.source import open_source
from nav.core.tracked_frame import TrackedTool
from nav.live.messages import Command
from nav.live.worker import run
from nav.record.session import begin_recording
from nav.record.session.picture_recorder import PictureRecorder
from nav.record.session.record_setup import RecordOptions
from nav.record.session.session_reader import open_session
from nav.run_live import LiveJob, live_job
from phantoms.anatomy.anatomy_files import write_case
from phantoms.kit.kit_case import phantom_case
from tests.live.looping import write_recording

RATE = 25.0  # images per second of the webcams
PATIENCE = 120.0  # s
COMMENT = struct.Struct(">HHI")  # of a JPEG: mark, length, the picture's number


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A short simulated recording with its rig, tools and case."""
    out = tmp_path_factory.mktemp("live")
    write_recording(out / "recording", frames=3, seed=7)
    write_case(phantom_case(), out / "case")
    return out


def job_of(folder, record, **changes) -> LiveJob:
    recording = folder / "recording"
    options = {
        "rig": recording / "rig.toml",
        "tools": [recording / "needle.toml", recording / "reference.toml"],
        "case": folder / "case" / "case.toml",
        "cameras": ("left=0", "right=1"),
        "images": None,
        "poses": None,
        "registration": None,
        "needle": "needle",
        "reference": "reference",
        "fps": None,
        "save": None,
        "observers": record,
    }
    return live_job(**options | changes)


class Driver:
    """Made-up webcams that hand over pictures of a recording, each with pixels of its own.

    The right one sends JPEG with the picture's number as a comment, as OpenCV's V4L2 hands it over.
    """

    def __init__(self, folder):
        source = open_source(folder / "recording", load_rig(folder / "recording" / "rig.toml"))
        self.sets = [frames.frames for frames in source]
        source.close()
        self.began, self.stopped = time.monotonic(), threading.Event()

    def __call__(self, index):
        return Opened(self, ("left", "right")[index])

    def image(self, name, number):
        image = self.sets[number % len(self.sets)][name].image.copy()
        image[0, :4] = np.frombuffer(np.uint32(number).tobytes(), np.uint8)
        return image if name == "left" else decode_grey(self.jpeg(number))

    def jpeg(self, number):
        image = self.sets[number % len(self.sets)]["right"].image.copy()
        image[:8, :8] = number * 7 % 200
        data = cv2.imencode(".jpg", image)[1].tobytes()
        return data[:2] + COMMENT.pack(0xFFFE, 6, number) + data[2:]


def number_of(picture):
    if picture.camera == "left":
        return int(picture.image()[0, :4].view(np.uint32)[0])
    assert picture.coding == "camera JPEG"
    return COMMENT.unpack_from(picture.jpeg(), 2)[2]


class Opened:
    def __init__(self, driver, name):
        self.driver, self.name, self.number = driver, name, 0
        self.settings = {}

    def isOpened(self):
        return True

    def grab(self):
        due = self.driver.began + self.number / RATE
        self.driver.stopped.wait(max(0.0, due - time.monotonic()))
        return not self.driver.stopped.is_set()

    def retrieve(self):
        self.number += 1
        if self.name == "right" and self.settings.get(cv2.CAP_PROP_CONVERT_RGB) == 0.0:
            return True, np.frombuffer(self.driver.jpeg(self.number - 1), np.uint8)[None]
        return True, self.driver.image(self.name, self.number - 1)

    def get(self, prop):
        return self.settings.get(prop, -1.0)

    def set(self, prop, value):
        if self.name == "right":
            self.settings[prop] = value
        return True

    def getBackendName(self):
        return "V4L2"

    def release(self):
        pass


def compile_tracking(folder):
    """Compile what tracks, which takes minutes where that is new, before anything is recorded."""
    work = job_of(folder, (), cameras=(), images=folder / "recording").open()
    run(work, lambda tracked, state: ())
    work.source.close()


@pytest.fixture(scope="module")
def recorded(folder, tmp_path_factory):
    """Forty results by two webcams, recorded lossless; what the webcams gave, and the results."""
    out = tmp_path_factory.mktemp("out")
    compile_tracking(folder)
    driver = Driver(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(live_source, "Webcams", lambda: driver)
    # not behind whatever else this machine does: then pictures are dropped
    patch.setattr(begin_recording, "PictureRecorder", partial(PictureRecorder, nice=0))
    seen = []

    def listen(tracked, state):
        seen.append(tracked)
        if len(seen) == 20:
            return (Command("mark"),)
        return (Command("quit"),) if len(seen) == 40 else ()

    try:
        options = RecordOptions(default_folder=out, pictures="lossless")
        work = job_of(folder, options.setups("cameras")).open()
        run(work, listen)
        told = work.notices
        driver.stopped.set()
        work.source.close()
        for observer in work.observers:
            observer.close()
    finally:
        driver.stopped.set()
        patch.undo()
    (session,) = out.iterdir()
    return open_session(session), driver, seen, told


def test_every_picture_that_the_webcams_give_is_recorded_bit_for_bit(recorded):
    reader, driver, _, told = recorded
    assert told[0].code == "recording"
    dropped = sum(e.facts["count"] for e in reader.events() if e.code == "pictures_dropped")
    numbers = {"left": [], "right": []}
    for picture in reader.pictures():
        numbers[picture.camera].append(number_of(picture))
        expected = driver.image(picture.camera, numbers[picture.camera][-1])
        assert np.array_equal(picture.image(), expected)
    for found in numbers.values():
        assert found == sorted(set(found))
        # the first few come before the record begins
        assert len(found) + dropped >= found[-1] - found[0]
        assert len(found) > 20


def test_every_result_names_the_pictures_that_it_was_measured_in(recorded):
    reader, _, seen, _ = recorded
    messages = list(reader.messages("/frame"))
    assert [message.data["number"] for message in messages] == [f.number for f in seen]
    wanted = {
        (name, reader.clock.ns(at)): tracked.images.frames[name].image
        for message, tracked in zip(messages, seen, strict=True)
        for name, at in message.data["pictures"].items()
    }
    found = 0
    for picture in reader.pictures():
        image = wanted.get((picture.camera, picture.log_time))
        if image is not None:
            found += 1
            assert np.array_equal(picture.image(), image)
    assert found > 40
    assert any(isinstance(f.tools["reference"], TrackedTool) for f in reader.frames())


def test_nothing_else_is_needed(recorded):
    reader, _, _, _ = recorded
    assert reader.about["source"] == "cameras"
    options = json.loads(reader.about["options"])
    assert options == {"pictures": "lossless", "camera_jpeg": ["right"]}
    assert reader.cut is None
    assert reader.damage == []
    events = [(event.kind, event.code) for event in reader.events()]
    assert ("mark", "") in events
    assert events[-1] == ("ended", "")
    names = set(reader.attachments)
    assert {"rig.toml", "tools/needle.toml", "tools/reference.toml", "case/case.toml"} <= names
    assert sum(name.startswith("case/") for name in names) > 5


def test_a_recording_is_recorded_again_through_the_command_line(folder, tmp_path):
    recording = folder / "recording"
    command = [sys.executable, "-m", "nav.cli", "live", "--poses", recording / "truth.csv"]
    command += ["--tool", recording / "needle.toml", "--tool", recording / "reference.toml"]
    command += ["--case", folder / "case" / "case.toml", "--no-lab"]
    command += ["--record", tmp_path / "out", "--code", "P-07"]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until, counts = time.monotonic() + PATIENCE, {"/frame": 0}
        while counts["/frame"] < 3 and time.monotonic() < until and process.poll() is None:
            time.sleep(0.2)
            for session in (tmp_path / "out").glob("*/session.mcap"):
                if session.stat().st_size:
                    counts = open_session(session.parent).counts
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0].decode()
    assert "Traceback" not in said
    (session,) = (tmp_path / "out").iterdir()
    assert session.name.endswith("-P-07"), said
    reader = open_session(session)
    assert reader.counts["/frame"] == 3
    assert reader.about["source"] == "poses"
    assert reader.cut is None
    assert list(reader.events())[-1].kind == "ended"
