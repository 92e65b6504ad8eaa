"""Another tracker over OpenIGTLink leads through registration, guidance, accuracy and recording."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from nav.core.errors import InputError, Lost
from nav.live.messages import Command, Stage
from nav.live.worker import run
from nav.registration.registration_result import load_registration
from nav.registration.touch_set import load_touch_set
from nav.run_live import live_job
from nav.touch_command import TouchJob, touch_fiducials
from nav.tracking.pose_source import StatedErrors
from tests.link.tracked_lab import (
    CHECK,
    FIDUCIALS,
    REFERENCE_FROM_MODEL,
    Hand,
    write_lab,
)

ROOT = Path(__file__).parents[2]
STATED = StatedErrors(0.1, 0.001)


@pytest.fixture
def hand():
    made = Hand()
    yield made
    made.server.close()


def job_of(files, poses, **changes):
    options = {
        "rig": None, "tools": [files["needle"], files["reference"]], "case": files["case"],
        "cameras": (), "images": None, "poses": Path(poses), "registration": None,
        "needle": "needle", "reference": "reference", "fps": None, "save": None, "stated": STATED,
    }  # fmt: skip
    return live_job(**options | changes)


class Touching:
    """A user who touches what is asked for, then sees what is shown with the tip at a place."""

    def __init__(self, hand, seconds=90.0):
        self.hand, self.moved, self.end = hand, 0.0, time.monotonic() + seconds
        self.shown, self.lost, self.stage = [], [], None

    def __call__(self, tracked, state):
        now = time.monotonic()
        self.stage = state.stage
        if now > self.end:
            return [Command("quit")]
        if state.stage is Stage.NAVIGATE:
            return self.navigate(state)
        asked = (FIDUCIALS | CHECK).get(state.next_fiducial)
        if asked is not None and state.prompt.code != "hold_still":
            if not np.array_equal(self.hand.place, asked):
                self.hand.place, self.moved = np.array(asked), now
            elif now - self.moved > 0.2:
                self.moved = now + 0.5
                return [Command("capture")]
        return []

    def navigate(self, state):
        """Look at 40 distances, let the needle be covered, then take the server away."""
        self.hand.place = np.array([20.0, 0.0, 0.0])
        near = state.guidance.proximity
        if isinstance(near, Lost):
            self.lost.append(near.codes[-1])  # of the reference body, too
            if self.lost.count("not_seen_by_tracker_status") == 5:
                self.hand.server.close()
            if self.lost[-1] == "tracker_not_connected":
                return [Command("quit")]
        else:
            self.shown.append(near.nearest("artery"))
            if len(self.shown) == 40:
                self.hand.status = "OUT_OF_VIEW"
        return []


def test_registration_and_guidance_follow_another_tracker(tmp_path, hand):
    files = write_lab(tmp_path)
    saved = tmp_path / "registration.toml"
    job = job_of(files, f"igtl://127.0.0.1:{hand.server.port}", save=saved)
    job.check()
    work = job.open()
    user = Touching(hand)
    try:
        run(work, user)
    finally:
        work.source.close()
    assert user.stage is Stage.NAVIGATE
    distances = [near.distance for near in user.shown[20:]]
    assert distances == pytest.approx([15.0] * len(distances), abs=0.15)
    assert user.shown[-1].bound < 15.0 - 1.645 * STATED.position_sd
    assert set(user.lost) == {"not_seen_by_tracker_status", "tracker_not_connected"}
    found = load_registration(saved).model_from_reference.transform * REFERENCE_FROM_MODEL
    assert np.linalg.norm(found.translation) < 0.05
    recorded = tomllib.loads(saved.read_text())
    assert [entry["file"] for entry in recorded["input"]] == [
        "case.toml", "needle.toml", "reference.toml"]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stated": None}, r"igtl://h:1: OpenIGTLink has no errors .* --position-sd"),
        ({"igtl_names": ("drill=A",)}, "expected one of needle, reference"),
        ({"poses": Path("igtl://h:99999")}, "igtl://h:99999: expected HOST or HOST:PORT"),
        ({"poses": Path("igtl://")}, "expected HOST or HOST:PORT"),
        (
            {"poses": Path("nowhere.csv"), "igtl_names": ("needle=A",)},
            "is for the poses of a tracker",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(tmp_path, changes, problem):
    with pytest.raises(InputError, match=problem):
        job_of(write_lab(tmp_path), **{"poses": "igtl://h:1"} | changes).check()


def command(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "nav.cli", *map(str, words)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"COLUMNS": "200"},
        **options,
    )  # fmt: skip


def touch(hand, points):
    """Touch places for 45 frames each, with 8 between, as soon as somebody is connected."""
    wait_for(lambda: hand.server.clients and hand.server.received)
    for place in points:
        hand.place = np.array(place)
        hold(hand, 45)
        hand.lift()
        hold(hand, 8)


def hold(hand, frames):
    until = hand.server.number + frames
    wait_for(lambda: hand.server.number >= until)


def wait_for(holds):
    end = time.monotonic() + 60.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(5e-3)


def test_touches_are_recorded_until_ctrl_c_and_registered(tmp_path, hand):
    files = write_lab(tmp_path)
    output = tmp_path / "registration.toml"
    process = command(
        "register", "points", "--case", files["case"], "--tool", files["needle"],
        "--reference-file", files["reference"], "--touched", f"igtl://127.0.0.1:{hand.server.port}",
        "--output", output, "--position-sd", 0.1, "--rotation-sd-deg", 0.05,
    )  # fmt: skip
    assert "press Ctrl-C when" in process.stdout.readline()
    touch(hand, FIDUCIALS.values())
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60.0)
    assert process.returncode == 0, said
    found = load_registration(output).model_from_reference.transform * REFERENCE_FROM_MODEL
    assert np.linalg.norm(found.translation) < 0.05
    assert (tmp_path / "registration-poses.csv").exists()
    beside = tomllib.loads((tmp_path / "registration-poses.toml").read_text())
    assert beside["tracker"] == f"igtl://127.0.0.1:{hand.server.port}"
    recorded = tomllib.loads(output.read_text())
    assert "registration-poses.csv" in [entry["file"] for entry in recorded["input"]]


def test_a_tracker_that_never_comes_leaves_no_file(tmp_path):
    files = write_lab(tmp_path)
    process = command(
        "register", "points", "--case", files["case"], "--tool", files["needle"],
        "--touched", "igtl://127.0.0.1:9", "--output", tmp_path / "registration.toml",
        "--position-sd", 0.1, "--rotation-sd-deg", 0.05,
    )  # fmt: skip
    assert "press Ctrl-C when" in process.stdout.readline()
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60.0)
    assert process.returncode == 2, said
    assert "igtl://127.0.0.1:9: no connection to 127.0.0.1:9" in said
    assert not list(tmp_path.glob("*poses*"))


def test_accuracy_is_guided_live(tmp_path, hand):
    files = write_lab(tmp_path)
    block = tmp_path / "block.csv"
    rows = [f"{label},{x},{y},{z}" for label, (x, y, z) in FIDUCIALS.items()]
    block.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    output = tmp_path / "day.csv"
    process = command(
        "accuracy", "guide", "--needle", files["needle"], "--reference", files["reference"],
        "--block", block, "--output", output, "--poses", f"igtl://127.0.0.1:{hand.server.port}",
        "--position-sd", 0.05, "--rotation-sd-deg", 0.01, "--divot", "D1", "--divot", "D2",
        "--no-window",
    )  # fmt: skip
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("touch"):
            place = FIDUCIALS[line.split()[1]]
        hand.lift()
        hold(hand, 10)
        hand.place = np.array(place)
    process.wait(timeout=60.0)
    assert process.returncode == 0, said
    assert "2 touches" in said
    assert tomllib.loads(output.with_suffix(".toml").read_text())["tracker"].startswith("igtl://")


def test_touches_are_guided_live(tmp_path, hand):
    """As with cameras: each divot is asked for, and a touch is taken by itself."""
    files = write_lab(tmp_path)
    output = tmp_path / "touched.csv"
    job = TouchJob(
        (files["needle"],), output, files["case"], labels=("D1", "D2", "K1"), window=False,
        poses=Path(f"igtl://127.0.0.1:{hand.server.port}"), stated=STATED, hold=0.4,
    )  # fmt: skip
    console = Console(record=True, width=200, file=io.StringIO())
    places = [*list(FIDUCIALS.values())[:2], *CHECK.values()]
    user = threading.Thread(target=touch, args=(hand, places), daemon=True)
    user.start()
    touch_fiducials(job, console)
    user.join(10.0)
    found = load_touch_set(output)
    assert found.labels == ("D1", "D2", "K1")
    wanted = REFERENCE_FROM_MODEL.apply(np.array(places))
    assert np.abs(found.positions - wanted).max() < 0.1
    assert "touch D2" in console.export_text()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stated": None}, r"igtl://h:1: OpenIGTLink has no errors .* --position-sd"),
        ({"rig": Path("rig.toml")}, "--rig does not apply with --poses"),
        ({"igtl_names": ("drill=A",)}, "expected one of needle, reference"),
        ({"poses": None, "images": Path("x"), "igtl_names": ("needle=A",)}, "--igtl-name: is for"),
        ({"poses": None, "images": Path("x")}, "--position-sd applies only with --poses"),
        ({"cameras": ("left=0",)}, "give either --camera"),
    ],
)
def test_touches_by_a_tracker_are_refused_before_it_is_asked(tmp_path, changes, problem):
    files = write_lab(tmp_path)
    job = TouchJob((files["needle"],), tmp_path / "touched.csv", files["case"],
                   poses=Path("igtl://h:1"), stated=STATED, window=False)  # fmt: skip
    with pytest.raises(InputError, match=problem):
        touch_fiducials(replace(job, **changes), Console(quiet=True))
