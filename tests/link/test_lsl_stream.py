"""Lab Streaming Layer: a reader in another process gets poses, distances and markers in time."""

import json
import math
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose, rigid
from nav.core.notice import Notice
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool
from nav.guidance.alarms import AlarmState, Level
from nav.guidance.proximity import Proximity, StructureProximity
from nav.link import lsl_stream
from nav.link.lsl_samples import MarkerTexts, distance_channels, pose_channels
from nav.link.lsl_stream import DISTANCES, MARKERS, POSES, LslStreams, load_pylsl
from nav.live.messages import Command, Stage
from nav.live.session import State
from nav.pipeline import Guidance

ROOT = Path(__file__).parents[2]
TOOLS, STRUCTURES = ("needle", "reference"), ("cord", "artery")
PLACE = rigid([0.2, 0.1, -0.3], [1.25, -2.5, 1500.125])
LOST = Lost("not_found")


def frame(number, lost=False, captured_at=None):
    seen = TrackedTool(Pose(PLACE, np.eye(6) * 0.04))
    tools = {"needle": LOST if lost else seen, "reference": seen}
    return TrackedFrame(number, number / 10.0, tools, captured_at=captured_at or time.monotonic())


def state(tracked, lost=False, stage=Stage.NAVIGATE, message=None, changed=("cord",)):
    tip = Tip(np.array([10.0, 20.0, 30.5]), None, np.eye(3) * 0.01, np.eye(3) * 0.02)
    near = Proximity(
        (
            StructureProximity("cord", "cord", 3.5, np.zeros(3), 0.2, 3.0, None),
            StructureProximity("artery", "artery", 9.25, np.zeros(3), 0.2, 8.75, None),
        )
    )
    levels = {"cord": Level.UNKNOWN if lost else Level.CAUTION}
    guidance = Guidance(
        tracked.number, tracked.time, tracked, LOST, LOST if lost else tip, LOST if lost else near,
        LOST, AlarmState(levels, changed),
    )  # fmt: skip
    return State(guidance, stage, None, None, message)


def labelled(stream, k):
    return dict(
        zip([label for label, _, _ in stream["channels"]], stream["samples"][k], strict=True)
    )


@pytest.fixture(scope="module")
def received():
    source = f"test-{uuid.uuid4().hex[:8]}"
    streams = LslStreams(TOOLS, STRUCTURES, source_id=source)
    reader = subprocess.Popen(
        [sys.executable, "-m", "tests.link.lsl_reader", source],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        if reader.stdout.readline().strip() != "ready":
            pytest.skip("liblsl finds no streams here: no multicast on the loopback interface")
        captured = []
        for number, lost in enumerate((False, True, False)):
            tracked = frame(number, lost, time.monotonic() - 0.05)
            captured.append(tracked.captured_at)
            streams.frame(tracked, state(tracked, lost))
        streams.command(Command("plan", "left"), SimpleNamespace())
        streams._mark("ended")
        out, errors = reader.communicate(timeout=150.0)
        assert reader.returncode == 0, errors
        yield json.loads(out), captured, [notice.code for notice in streams.notices]
    finally:
        reader.kill()
        streams.close()


def test_channels_have_names_and_units_and_rates_are_irregular(received):
    got, _, _ = received
    for name, channels in (
        (POSES, pose_channels(TOOLS)),
        (DISTANCES, distance_channels(STRUCTURES)),
    ):
        assert [tuple(entry) for entry in got[name]["channels"]] == [
            (c.label, c.kind, c.unit) for c in channels
        ]
        assert got[name]["rate"] == 0.0
    assert got[POSES]["type"] == "MoCap"
    assert ["needle.x", "PositionX", "millimeters"] in got[POSES]["channels"]


def test_poses_and_distances_arrive_exactly_and_lost_is_no_number(received):
    got, _, _ = received
    for k in (0, 2):
        pose = labelled(got[POSES], k)
        assert [pose[f"needle.{axis}"] for axis in "xyz"] == list(PLACE.translation)
        turn = [pose[f"needle.q{axis}"] for axis in "xyzw"]
        assert turn == list(PLACE.rotation.as_quat())
        assert pose["needle.sd"] == pytest.approx(math.sqrt(0.12))
        near = labelled(got[DISTANCES], k)
        assert (near["cord.distance"], near["cord.bound"], near["cord.level"]) == (3.5, 3.0, 1.0)
        assert (near["artery.distance"], near["artery.level"]) == (9.25, -1.0)  # without limits
        assert (near["tip.z"], near["tip.known"]) == (30.5, 1.0)
    pose, near = labelled(got[POSES], 1), labelled(got[DISTANCES], 1)
    assert pose.pop("needle.tracked") == near.pop("tip.known") == 0.0
    assert pose["reference.tracked"] == 1.0
    of_needle = [value for name, value in pose.items() if name.startswith("needle")]
    assert np.isnan(of_needle).all()
    assert near.pop("cord.level") == near.pop("artery.level") == -1.0
    assert np.isnan(list(near.values())).all()


def test_times_are_those_of_capture_on_lsls_clock(received):
    got, captured, _ = received
    pylsl = load_pylsl()
    offset = pylsl.local_clock() - time.monotonic()
    for name in (POSES, DISTANCES):
        assert got[name]["times"] == pytest.approx([at + offset for at in captured], abs=2e-3)
        assert abs(got[name]["correction"]) < 5e-3  # one computer, one clock


def test_markers_say_what_changed(received):
    got, _, notices = received
    texts = [sample[0] for sample in got[MARKERS]["samples"]]
    assert texts == [
        "tracked:needle", "tracked:reference", "stage:navigate", "alarm:cord:caution",
        "lost:needle:not_found", "alarm:cord:no data",
        "tracked:needle", "alarm:cord:caution", "command:plan:left", "ended",
    ]  # fmt: skip
    assert notices == ["lsl_this_computer"]


def test_a_message_is_marked_once():
    markers, tracked = MarkerTexts(), frame(0)
    said = Notice("registered")
    texts = []
    for message in (None, said, said, None, said):
        texts += markers.of_frame(tracked, state(tracked, message=message, changed=()))
    assert [text for text in texts if text.startswith("message")] == ["message:registered"] * 2


def test_what_fails_becomes_a_notice(monkeypatch):
    streams = LslStreams(TOOLS, STRUCTURES, source_id=uuid.uuid4().hex)
    tracked = frame(0)
    try:
        streams.frame(tracked, SimpleNamespace())  # not a state
        assert [notice.code for notice in streams.notices] == ["lsl_this_computer", "lsl_failed"]
    finally:
        streams.close()


def test_without_pylsl_there_is_one_line(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(lsl_stream.importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"--lsl: pylsl cannot be loaded .*c1c2nav\[lsl\]"):
        LslStreams(TOOLS, STRUCTURES)
