"""Needle and marker body calibrated live: what is asked for, when it is enough, what is written."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.live.body_capture import BodyCapture, BodyFiles
from calibration.live.live_tool_command import calibrate_needle_live, calibrate_tool_live
from calibration.live.pivot_capture import NeedleFiles, PivotCapture
from calibration.live.swing import SECTORS, TILTED, swing_of, way_of
from calibration.live.tool_window import ToolWindow
from calibration.needle.needle_command import calibrate_needle
from nav.camera.image_files import pictures_in
from nav.camera.rig import Rig, write_rig
from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.frameset import FrameSet
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.live.pose_run import PoseRun
from nav.tracking.tool import Tool, load_tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.calibration.test_pivot import TIP, poses, swung, turned
from tests.calibration.test_tool_body import glued, off_by
from tests.synthetic import Studio, needle_poses

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

OUT = Console(quiet=True)
LONG = 120_000  # ms, of a slow computer


# --- the swing of a needle ------------------------------------------------------------------


def tilted(ways: list[tuple[float, float]], middle: Rotation) -> np.ndarray:
    """Rotations of a needle along z tilted about the rig's x and y axes, rad each."""
    return np.array([(Rotation.from_rotvec([x, y, 0.0]) * middle).as_matrix() for x, y in ways])


def test_a_side_that_was_not_tilted_to_is_asked_for():
    # hub towards the cameras: its tilts are seen right, left, up and down in the image
    facing = Rotation.identity()
    around = [way_of(k) for k in range(SECTORS)]
    ways = [(1.6 * TILTED * x, 1.6 * TILTED * y) for x, y in around for _ in range(3)]
    swing = swing_of(tilted(ways, facing), np.array([0.0, 0.0, 110.0]))
    assert swing is not None
    assert swing.axes == (0, 1)
    assert all(swing.reached)
    assert swing.missing is None
    less = [(x, y) for x, y in ways if y > -0.2]  # turned about -y the hub, at -z, goes right
    swing = swing_of(tilted(less, facing), np.array([0.0, 0.0, 110.0]))
    assert swing.words(swing.missing) in (("side_right",), ("side_right", "side_down"),
                                          ("side_right", "side_up"))  # fmt: skip
    few = swing_of(tilted(ways[:5], facing), np.array([0.0, 0.0, 110.0]))
    assert few is None


def test_a_needle_across_the_view_is_tilted_up_down_and_to_the_cameras():
    across = Rotation.from_rotvec([0.0, np.pi / 2, 0.0])  # tip to the right
    swing = swing_of(tilted([(0.0, 0.01 * k) for k in range(30)], across), np.array([0, 0, 1.0]))
    assert swing.axes == (1, 2)


def test_a_hub_between_two_axes_keeps_those_of_the_chart(bench):
    """At 45 degrees between right and up its middle crosses the border with every other pose."""
    capture = pivot_of(bench)
    capture.toggle()
    seen = set()
    for k in range(200):
        way = 0.5 * np.sin(0.37 * k), 0.5 * np.cos(0.23 * k)
        between = Rotation.from_rotvec([0.0, np.pi / 4 + 0.05 * np.sin(0.1 * k), 0.0])
        turn = Rotation.from_rotvec([way[0], way[1], 0.0]) * between
        pose = Pose(RigidTransform.from_rotation(turn), 1e-6 * np.eye(6))
        tool = TrackedTool(pose, (10, 11), 0.1)
        capture._estimated = 10**6  # no estimate in the background
        capture.take(TrackedFrame(k, k / 30.0, {"needle": tool}))
        seen.add(None if capture.swing is None else capture.swing.axes)
    assert len(seen - {None}) == 1
    # but where the needle has come to point along an axis of the chart, that one is exchanged
    along = tilted([(0.01 * k, 0.0) for k in range(30)], Rotation.from_rotvec([0, np.pi / 2, 0]))
    assert swing_of(along, np.array([0.0, 0.0, 1.0]), (0, 1)).axes == (1, 2)


# --- the needle -----------------------------------------------------------------------------


def frames_of(turns: Rotation, seed: int = 1) -> list[TrackedFrame]:
    """A needle pivoted in a divot, as tracking has it."""
    made = poses(np.random.default_rng(seed), turns)
    frames = []
    for k, (rotation, place, covariance) in enumerate(zip(*made.arrays, strict=True)):
        pose = RigidTransform.from_components(place, Rotation.from_matrix(rotation))
        tool = TrackedTool(Pose(pose, covariance), (10, 11), 0.1)
        frames.append(TrackedFrame(k, k / 30.0, {"needle": tool}))
    return frames


@pytest.fixture
def bench(tmp_path: Path, rig: Rig) -> Path:
    write_rig(tmp_path / "rig.toml", rig)
    write_tool(tmp_path / "needle.toml", needle_tool(TIP + np.array([3.0, 0.0, 0.0])))
    (tmp_path / "captured").mkdir()
    return tmp_path


def pivot_of(bench: Path) -> PivotCapture:
    files = NeedleFiles(bench / "rig.toml", bench / "needle.toml", bench / "out.toml")
    return PivotCapture(load_tool(bench / "needle.toml"), files, bench / "captured")


def estimated(capture: PivotCapture | BodyCapture, frame: TrackedFrame) -> None:
    """Wait for the estimate in the background."""
    until = time.monotonic() + 60.0
    while capture._estimating is not None:
        assert time.monotonic() < until
        time.sleep(0.005)
        collecting, capture.collecting = capture.collecting, False
        capture.take(frame)
        capture.collecting = collecting


def test_a_needle_is_asked_to_be_tilted_until_the_tip_is_known(bench):
    capture = pivot_of(bench)
    frames = frames_of(swung(240))
    capture.take(frames[0])
    assert capture.count == 0  # not yet asked for
    assert capture.request()[0].kind == "ready"
    capture.toggle()
    asked = set()
    for k, frame in enumerate(frames):
        capture.take(frame)
        estimated(capture, frame)
        asked.add(capture.request()[0].say)
        if k == 20:
            assert not capture.done
    assert "Tilt the needle, tip in the divot" in asked
    assert any(say.startswith("Tilt the hub ") for say in asked)
    assert capture.done
    assert capture.request()[0].say == "Enough. Space, then lift the tip"
    assert capture.found.tip == pytest.approx(TIP, abs=0.2)
    assert [bar.status for bar in capture.bars()] == ["seen"] * 4
    capture.take(TrackedFrame(999, 99.0, {"needle": Lost("no_pictures")}))
    assert capture.request()[0].say == "The needle is not seen"
    assert capture.request()[1] == "no image from any camera"


def test_the_file_is_the_one_that_a_recording_gives(bench):
    capture = pivot_of(bench)
    capture.toggle()
    for frame in frames_of(turned(np.random.default_rng(2), 120)):
        capture.take(frame)
    assert capture.save(OUT) == "good"
    calibrate_needle(
        bench / "captured" / "poses.csv", "needle", bench / "needle.toml", bench / "again.toml", OUT
    )
    found, again = load_tool(bench / "out.toml").tip, load_tool(bench / "again.toml").tip
    assert np.array_equal(found.position, again.position)
    assert np.array_equal(found.covariance, again.covariance)
    assert found.position == pytest.approx(TIP, abs=0.1)
    assert (bench / "captured" / "poses.toml").exists()


def test_a_needle_that_was_not_tilted_is_refused_with_the_reason(bench):
    capture = pivot_of(bench)
    capture.toggle()
    still = frames_of(Rotation.concatenate([Rotation.from_rotvec([2.0, 0.3, 0.2])] * 60))
    for frame in still:
        capture.take(frame)
        estimated(capture, frame)
    assert not capture.usable
    assert "turned by only" in capture.request()[1]
    with pytest.raises(InputError, match="turned by only"):
        capture.save(OUT)
    assert not (bench / "out.toml").exists()


# --- the window -----------------------------------------------------------------------------


class Played:
    """Frames as a live source; begins when it is told to."""

    def __init__(self, frames: list[TrackedFrame], begin: Callable[[], bool]) -> None:
        self.frames, self.begin, self.closed = frames, begin, False

    def __iter__(self) -> Iterator[TrackedFrame]:
        yield self.frames[0]
        waiting = iter(self.frames)
        while not self.closed:
            time.sleep(0.005)
            frame = next(waiting, self.frames[-1]) if self.begin() else self.frames[0]
            yield frame

    def close(self) -> None:
        self.closed = True


def test_the_window_collects_calibrates_and_says_the_verdict(qtbot, bench):
    capture = pivot_of(bench)
    played = Played(frames_of(swung(300)), lambda: capture.collecting)
    run = PoseRun(played, capture.take)
    window = ToolWindow(run, capture, ("left", "right"), "needle")
    qtbot.addWidget(window)
    window.show()
    window.timer.start()

    def said() -> str:
        return window.bar.ask.say

    try:
        qtbot.waitUntil(lambda: said() == "Tip into a divot, press Space", timeout=LONG)
        assert not window.buttons["calibrate"].isEnabled()
        qtbot.keyClick(window, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: said() == "Enough. Space, then lift the tip", timeout=LONG)
        assert "150" in window.panel.bars[0].value
        qtbot.keyClick(window, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: said() == "Enough. Press Calibrate", timeout=LONG)
        qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda: said() == "Calibrated and saved", timeout=LONG)
        assert "verdict: good" in window.text.accessibleName()
        assert window.text.isVisible()
        qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert not window.isVisible()
    finally:
        run.close()
    assert window.saved is not None
    assert load_tool(bench / "out.toml").tip.position == pytest.approx(TIP, abs=0.2)


def test_what_cannot_be_calibrated_is_said_and_collecting_goes_on(qtbot, bench):
    capture = pivot_of(bench)
    capture.save = lambda console: (_ for _ in ()).throw(InputError("the tip left the divot"))
    played = Played(frames_of(swung(300)), lambda: capture.collecting)
    run = PoseRun(played, capture.take)
    window = ToolWindow(run, capture, ("left",), "needle")
    qtbot.addWidget(window)
    window.show()
    window.timer.start()
    try:
        window.act("start")
        qtbot.waitUntil(lambda: window.buttons["calibrate"].isEnabled(), timeout=LONG)
        window.act("calibrate")
        qtbot.waitUntil(lambda: window.bar.detail == "the tip left the divot", timeout=LONG)
        assert window.saved is None
        assert window.buttons["start"].isVisible()
    finally:
        run.close()


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
