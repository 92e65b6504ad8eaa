"""A needle calibrated live: what is asked for, when it is enough, what is written."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.live.needle_capture import NeedleCapture
from calibration.live.pivot_capture import NeedleFiles, PivotCapture
from calibration.live.swing import SECTORS, TILTED, swing_of, way_of
from calibration.live.tool_window import ToolWindow
from calibration.needle.needle_command import calibrate_needle
from nav.camera.rig import Rig, write_rig
from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.live.pose_run import PoseRun
from nav.tracking.tool import load_tool, write_tool
from phantoms.twin.simulated_tools import needle_tool
from tests.calibration.guided import estimated
from tests.calibration.test_pivot import TIP, poses, swung, turned

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


# --- the needle's axis ----------------------------------------------------------------------

AXIS = np.array([0.02, -0.03, 1.0]) / np.linalg.norm([0.02, -0.03, 1.0])


def spun(turn: float, count: int = 70, sway: float = 0.0) -> list[TrackedFrame]:
    """A needle spun in a groove across the view, and back by half of it."""
    rng = np.random.default_rng(7)
    angles = np.concatenate([np.linspace(0, turn, count - 10), np.linspace(turn, turn / 2, 10)])
    base = Rotation.from_rotvec([0.3, 1.2, 0.1])
    frames = []
    for k, angle in enumerate(angles):
        off = Rotation.from_rotvec(0.001 * rng.standard_normal(3) + [0, sway * np.sin(0.3 * k), 0])
        turned_by = off * base * Rotation.from_rotvec(angle * AXIS)
        pose = Pose(RigidTransform.from_rotation(turned_by), 1e-6 * np.eye(6))
        tool = TrackedTool(pose, (10, 11), 0.1)
        frames.append(TrackedFrame(k, k / 30.0, {"needle": tool}))
    return frames


@pytest.fixture
def swung_needle(bench):
    """The tip is known; the needle's file has no axis."""
    tool = load_tool(bench / "needle.toml")
    write_tool(bench / "needle.toml", replace(tool, tip=replace(tool.tip, axis=None)))
    capture = NeedleCapture(pivot_of(bench))
    assert not capture.can_spin
    capture.toggle()
    for frame in frames_of(swung(240)):
        capture.take(frame)
        estimated(capture.pivot, frame)
    assert not capture.can_spin  # while it collects
    capture.toggle()
    assert capture.can_spin
    return capture


def test_the_axis_is_asked_for_and_written_as_from_a_recording(swung_needle, bench):
    capture = swung_needle
    assert capture.request()[0].say == "Now the axis: press A"
    capture.change_step()
    assert capture.request()[0].say == "Shaft into a groove, press Space"
    for frame in spun(0.5):  # taken only after Space
        capture.take(frame)
    assert capture.count == 0
    capture.toggle()
    for frame in spun(0.5, 12):
        capture.take(frame)
    assert "spun by only 2" in capture.request()[1]
    assert not capture.done
    capture.toggle()
    capture.toggle()  # anew: what was spun before does not count
    for frame in spun(3.5):
        capture.take(frame)
    assert capture.request()[0].say == "Enough. Press Space"
    assert np.degrees(capture.spin.turn) == pytest.approx(np.degrees(3.5), abs=0.5)
    assert [bar.status for bar in capture.bars()] == ["seen"] * 4
    capture.toggle()
    assert capture.request()[0].say == "Enough. Press Calibrate"
    assert capture.done
    assert capture.save(OUT) == "good"
    tip = load_tool(bench / "out.toml").tip
    assert np.degrees(np.arccos(min(tip.axis @ AXIS, 1.0))) < 0.05
    made = bench / "captured"
    calibrate_needle(
        made / "poses.csv", "needle", bench / "needle.toml", bench / "again.toml", OUT,
        made / "spin.csv",
    )  # fmt: skip
    again = load_tool(bench / "again.toml").tip
    assert np.array_equal(again.axis, tip.axis)
    assert np.array_equal(again.position, tip.position)


def test_a_spin_that_gives_no_axis_is_refused_and_can_be_given_up(swung_needle, bench):
    capture = swung_needle
    capture.change_step()
    capture.toggle()
    for frame in spun(3.5, sway=0.3):
        capture.take(frame)
    capture.toggle()
    assert "not spun about one axis" in capture.request()[1]
    assert capture.bars()[-1].status == "unknown"
    with pytest.raises(InputError, match="not spun about one axis"):
        capture.save(OUT)
    assert not (bench / "out.toml").exists()
    capture.change_step()  # back to the tip
    assert capture.save(OUT) == "good"
    assert load_tool(bench / "out.toml").tip.axis is None


def test_the_axis_is_not_asked_for_where_it_is_known(bench):
    capture = NeedleCapture(pivot_of(bench))
    capture.pivot.files = replace(capture.pivot.files, spin=bench / "spin.csv")
    capture.toggle()
    frame = frames_of(swung(240))[0]
    for frame in frames_of(swung(240)):
        capture.take(frame)
        estimated(capture.pivot, frame)
    capture.toggle()
    assert not capture.can_spin
    assert capture.request()[0].say == "Enough. Press Calibrate"


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
    capture = NeedleCapture(pivot_of(bench))
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


def test_the_window_leads_through_the_spin(qtbot, swung_needle, bench):
    capture = swung_needle
    played = Played(spun(3.5), lambda: capture.collecting)
    run = PoseRun(played, capture.take)
    window = ToolWindow(run, capture, ("left", "right"), "needle")
    qtbot.addWidget(window)
    window.show()
    window.timer.start()

    def said() -> str:
        return window.bar.ask.say

    try:
        qtbot.waitUntil(lambda: said() == "Now the axis: press A", timeout=LONG)
        assert window.buttons["axis"].property("main")
        qtbot.keyClick(window, Qt.Key.Key_A)
        qtbot.waitUntil(lambda: window.buttons["tip"].isVisible(), timeout=LONG)
        assert not window.buttons["axis"].isVisible()
        qtbot.keyClick(window, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: said() == "Enough. Press Space", timeout=LONG)
        drawn = window.panel.grab().toImage()
        qtbot.keyClick(window, Qt.Key.Key_Space)
        qtbot.keyClick(window, Qt.Key.Key_A)  # back to the tip: the other chart
        window.poll()
        assert window.panel.grab().toImage() != drawn
        qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda: said() == "Calibrated and saved", timeout=LONG)
    finally:
        run.close()
    assert "axis (spin)" in window.saved
    assert load_tool(bench / "out.toml").tip.axis is not None


def test_what_cannot_be_calibrated_is_said_and_collecting_goes_on(qtbot, bench):
    capture = NeedleCapture(pivot_of(bench))
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
