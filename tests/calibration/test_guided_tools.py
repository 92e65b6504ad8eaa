"""A marker body calibrated live: what is asked for, when it is enough, what is written."""

import io
import os
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from calibration.live.body_capture import BodyCapture, BodyFiles
from calibration.live.live_tool_command import calibrate_needle_live, calibrate_tool_live
from calibration.live.pivot_capture import NeedleFiles
from nav.camera.image_files import pictures_in
from nav.camera.rig import Rig, write_rig
from nav.core.errors import InputError, Lost
from nav.core.frameset import FrameSet
from nav.core.tracked_frame import TrackedFrame
from nav.tracking.tool import Tool, load_tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.calibration.guided import estimated
from tests.calibration.test_pivot import TIP
from tests.calibration.test_tool_body import glued, off_by
from tests.synthetic import Studio, needle_poses

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

OUT = Console(quiet=True)


@pytest.fixture
def bench(tmp_path: Path, rig: Rig) -> Path:
    write_rig(tmp_path / "rig.toml", rig)
    write_tool(tmp_path / "needle.toml", needle_tool(TIP + np.array([3.0, 0.0, 0.0])))
    (tmp_path / "captured").mkdir()
    return tmp_path


# --- the body -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def turned_body(tmp_path_factory, rig: Rig, needle: Tool):
    """A body turned before simulated cameras, each pose held for two frames; what was captured."""
    bench = tmp_path_factory.mktemp("body")
    write_rig(bench / "rig.toml", rig)
    write_tool(bench / "needle.toml", needle)
    made = glued(needle, np.random.default_rng(5))
    studio = Studio(rig, Optics(blur=0.8, noise=2.0), 1)
    files = BodyFiles(bench / "rig.toml", bench / "needle.toml", bench / "out.toml")
    asked, counts = [], []
    with closing(Tracker(rig, [needle])) as tracker:
        capture = BodyCapture(
            needle, rig, files, bench / "kept", lambda: tracker.tool_states[needle.name].candidate
        )
        capture.toggle()
        for place in needle_poses(14, np.random.default_rng(11)):
            for _ in range(3):
                frames: FrameSet = studio.frames([Placed(needle_body(made), place)])
                tracked = tracker.track(frames)
                capture.take(
                    TrackedFrame(
                        tracked.number, tracked.time, tracked.tools, tracked.camera_lost,
                        images=frames,
                    )
                )  # fmt: skip
                asked.append(capture.request()[0].say)
                counts.append(capture.count)
    estimated(capture, TrackedFrame(10_000, 1e4, {needle.name: Lost("no_pictures")}))
    return bench, capture, asked, counts, made


def test_images_are_taken_once_for_each_pose_that_is_held(turned_body):
    bench, capture, _, counts, _ = turned_body
    assert 10 <= capture.count <= 14
    assert max(np.diff(counts)) == 1
    assert all(counts[3 * k] <= k for k in range(14))  # never at the first frame of a pose
    for camera in ("left", "right"):
        assert len(pictures_in(bench / "kept" / camera)) == capture.count


def test_it_says_what_lacks_and_how_well_the_body_is_known(turned_body, needle):
    _, capture, asked, _, _ = turned_body
    assert "Turn it a little" in asked
    assert "Hold still" in asked
    assert any(say.startswith(("Show marker ", "Marker ", "More images of")) for say in asked)
    seen = [m.id for m in needle.markers if capture.pictures(m.id)]
    assert len(seen) >= 8
    assert all(capture.directions(m) <= capture.pictures(m) for m in seen)
    assert capture.pairs
    assert all(one < other for one, other in capture.pairs)
    assert capture.found is not None
    assert not capture.done  # fewer than 30 images
    assert capture.bars()[0].value == f"{capture.count} of 30"


def test_groups_that_no_image_ties_together_are_named(turned_body, needle):
    _, capture, *_ = turned_body
    pairs = capture.pairs
    ids = [m.id for m in needle.markers if capture.pictures(m.id)]
    try:
        capture.pairs = dict.fromkeys(pairwise(ids[:5]), 1)
        assert capture.parted() == (ids[0], ids[5])
    finally:
        capture.pairs = pairs
    assert capture.parted() is None


def test_the_images_calibrate_the_body(turned_body, needle):
    bench, capture, _, _, made = turned_body
    text = io.StringIO()
    verdict = capture.save(Console(file=text, width=200))
    assert verdict.startswith("usable: ")
    assert f"verdict: {verdict}" in text.getvalue()
    assert off_by(load_tool(bench / "out.toml"), made) < 0.2 * off_by(needle, made)
    assert (bench / "out.calibration.toml").exists()


def test_what_is_wrong_is_refused_in_a_line(bench, monkeypatch):
    files = NeedleFiles(bench / "rig.toml", bench / "needle.toml", bench / "out.toml")
    both = ("left=0", "right=1")
    with pytest.raises(InputError, match="the rig has no camera middle"):
        calibrate_needle_live(files, ("middle=0",), OUT)
    with pytest.raises(InputError, match="this is the file of needle"):
        calibrate_needle_live(files, both, OUT, name="pointer")
    (bench / "captured" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        calibrate_needle_live(files, both, OUT, bench / "captured")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    body = BodyFiles(bench / "rig.toml", bench / "needle.toml", bench / "out.toml")
    with pytest.raises(InputError, match="record images with nav record"):
        calibrate_tool_live(body, both, OUT)
