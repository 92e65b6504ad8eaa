"""The window that leads over the divot block, frame by frame on the recording's clock."""

import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from rich.console import Console

from nav import cli
from nav.accuracy.guide_command import GuideJob, fit_text, guide
from nav.core.errors import IncompleteInput, InputError
from nav.live.pose_run import PoseRun
from nav.record.pose_recording import PoseRecording
from nav.registration.guided_touches import GuidedTouches
from nav.tracking.tool import write_tool
from nav.view.block_view import seen
from nav.view.guide_window import GuideWindow
from phantoms.kit.block import block_divots, write_block_points
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.registration.touch_poses import write_touch_poses

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

DIVOTS = {divot.label: divot.apex for divot in block_divots()}
FOUR = ("A1", "A2", "C1", "D2")
NAMES = ("needle", "reference")


def touched(folder: Path, labels: tuple[str, ...], **more) -> PoseRecording:
    tools = needle_tool(), reference_tool()
    for name, tool in zip(NAMES, tools, strict=True):
        write_tool(folder / f"{name}.toml", tool)
    write_block_points(folder / "block.csv")
    write_touch_poses(folder / "poses.csv", [DIVOTS[name] for name in labels], *tools, **more)
    return PoseRecording(folder / "poses.csv", NAMES)


class Stepped:
    """A recording as a live source whose next frame comes when it is asked for."""

    def __init__(self, frames: PoseRecording) -> None:
        self.frames, self.closed, self.asked = frames, False, threading.Semaphore(0)

    def __iter__(self):
        for frame in self.frames:
            self.asked.acquire()
            if self.closed:
                return
            yield frame
        while not self.closed:
            self.asked.acquire()

    def close(self) -> None:
        self.closed = True
        self.asked.release()


class Led:
    """A window and its recording, which goes on as it is asked to."""

    def __init__(self, qtbot, frames: PoseRecording, order: tuple[str, ...], cameras=()) -> None:
        self.source, self.frames = Stepped(frames), iter(frames)
        self.guided = GuidedTouches(needle_tool(), "reference", DIVOTS, order)
        self.run, self.time = PoseRun(self.source, self.guided.add), 0.0
        self.window = GuideWindow(
            self.run, self.guided, cameras, NAMES, fit_text, lambda: self.time
        )
        qtbot.addWidget(self.window)
        self.window.show()

    def until(self, done) -> bool:
        """Go on frame by frame until something is so; False if it never is."""
        for frame in self.frames:
            self.source.asked.release()
            self.time = frame.time
            limit = time.monotonic() + 30.0
            while self.run.newest is None or self.run.newest[0].time != frame.time:
                assert time.monotonic() < limit
                time.sleep(0.0005)
            self.window.poll()
            if done():
                return True
        return False

    @property
    def says(self) -> str:
        return self.window.bar.ask.say


@pytest.fixture
def led(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr("nav.view.touch_window.TOLD", 0.15)  # the recording moves on fast
    made: list[Led] = []

    def make(labels, order, **more) -> Led:
        made.append(Led(qtbot, touched(tmp_path, labels, **more), order))
        return made[-1]

    yield make
    for each in made:
        each.run.close()


def test_it_leads_from_divot_to_divot_and_finishes_when_all_are_touched(qtbot, led):
    window = (here := led(FOUR, FOUR)).window
    assert here.until(lambda: here.says == "Touch A1")
    assert window.block.asked == "A1"
    assert not window.buttons["finish"].isEnabled()
    assert "skip" not in window.buttons
    assert here.until(lambda: window.block.share > 0.5)
    assert here.says == "Hold still"
    assert here.until(lambda: here.says == "A1 is taken")
    assert here.until(lambda: here.says == "Touch A2")
    assert window.block.states["A1"].touched
    assert window.block.states["A2"].asked
    assert not window.block.states["P"].wanted
    assert here.until(lambda: here.says == "All are touched")
    assert window.block.asked == ""
    assert "they fit the block to 0." in window.foot.text()
    assert window.buttons["finish"].isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert window.finished
    assert not window.isVisible()


def test_a_wrong_divot_is_refused_at_once_and_the_last_touch_taken_back(qtbot, led):
    here = led(("A1", "A2", "D2"), FOUR)
    window = here.window
    assert here.until(lambda: here.says == "Not taken")
    assert window.bar.detail == "this is D2; touch C1"
    assert window.block.refused
    assert window.block.asked == "C1"
    qtbot.keyClick(window, Qt.Key.Key_Backspace)
    assert here.guided.labels == ["A1"]
    assert window.block.asked == "A2"
    assert not window.block.states["A2"].touched
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not window.finished  # not before all are touched
    assert window.isVisible()


def test_a_touch_taken_back_is_not_taken_where_the_tip_rests_for_the_next(qtbot, led, monkeypatch):
    monkeypatch.setattr("tests.registration.touch_poses.HOLD", 2.5)
    here = led(FOUR[:2], FOUR[:2])
    assert here.until(lambda: here.guided.labels == ["A1"] and here.window.block.share > 0.5)
    qtbot.keyClick(here.window, Qt.Key.Key_Backspace)
    assert not here.until(lambda: here.guided.labels)  # A2 was touched, A1 is asked for


def test_touches_of_one_divot_show_their_scatter(led):
    here = led(("P", "P", "P"), ("P", "P", "P"))
    assert here.until(lambda: here.says == "All are touched")
    assert "they scatter by 0." in here.window.foot.text()
    assert [row.name for row in here.window.list.rows] == ["P"] * 3


def test_the_drawing_shows_right_right_and_back_above():
    assert seen(DIVOTS["A2"])[0] > seen(DIVOTS["A1"])[0]
    assert seen(DIVOTS["A4"])[1] < seen(DIVOTS["A1"])[1]
    assert seen(np.array([0.0, 0.0, 40.0]))[1] < seen(np.zeros(3))[1]


# --- the command ----------------------------------------------------------------------------


def job(folder: Path) -> GuideJob:
    needle, reference, block = (
        folder / name for name in ("needle.toml", "reference.toml", "block.csv")
    )
    out, poses = folder / "out.csv", folder / "poses.csv"
    return GuideJob(needle, reference, block, FOUR[:2], out, poses=poses)


class Shown(GuideWindow):
    """A window whose user waits for the end and finishes, or closes it before."""

    patient = True

    def poll(self) -> None:
        super().poll()
        if self.guided.done and self.patient:
            self.act("finish") if self.isVisible() else None


def test_the_command_writes_what_the_window_led_to(tmp_path, monkeypatch, qapp):
    touched(tmp_path, FOUR[:2])
    recorded = PoseRecording(tmp_path / "poses.csv", NAMES)
    monkeypatch.setattr("nav.accuracy.guide_command._source", lambda *_: recorded)
    monkeypatch.setattr("nav.accuracy.guide_command.can_show", lambda: True)
    monkeypatch.setattr("nav.view.guide_window.GuideWindow", Shown)
    guide(job(tmp_path), Console(quiet=True))
    written = PoseRecording(tmp_path / "out.csv", NAMES)
    assert sum(1 for _ in written) > 2 * 25  # a second each, at 30 per second


def test_a_window_that_is_closed_early_writes_nothing(tmp_path, monkeypatch, qapp):
    touched(tmp_path, FOUR[:2])
    recorded = PoseRecording(tmp_path / "poses.csv", NAMES)
    monkeypatch.setattr("nav.accuracy.guide_command._source", lambda *_: recorded)
    monkeypatch.setattr("nav.accuracy.guide_command.can_show", lambda: True)
    monkeypatch.setattr("nav.view.touch_window.run_guided", lambda window: window.close())
    with pytest.raises(IncompleteInput, match="the window was closed with"):
        guide(job(tmp_path), Console(quiet=True))
    assert not (tmp_path / "out.csv").exists()


def test_a_window_closed_when_all_is_touched_has_lost_nothing(tmp_path, monkeypatch, qapp):
    touched(tmp_path, FOUR[:2])
    recorded = PoseRecording(tmp_path / "poses.csv", NAMES)

    class ClosedAtTheEnd(GuideWindow):
        def poll(self) -> None:
            super().poll()
            if self.guided.done and self.isVisible():
                self.close()

    monkeypatch.setattr("nav.accuracy.guide_command._source", lambda *_: recorded)
    monkeypatch.setattr("nav.accuracy.guide_command.can_show", lambda: True)
    monkeypatch.setattr("nav.view.guide_window.GuideWindow", ClosedAtTheEnd)
    guide(job(tmp_path), Console(quiet=True))
    assert (tmp_path / "out.csv").exists()


def test_a_tracker_that_fails_is_named(tmp_path, monkeypatch, qapp):
    touched(tmp_path, FOUR[:2])

    class Failing:
        def __iter__(self):
            raise InputError("the tracker closed the connection")

        def close(self) -> None: ...

    def closed(window) -> None:
        window.run.wait_for_first(10.0)
        window.close()

    monkeypatch.setattr("nav.accuracy.guide_command._source", lambda *_: Failing())
    monkeypatch.setattr("nav.accuracy.guide_command.can_show", lambda: True)
    monkeypatch.setattr("nav.view.touch_window.run_guided", closed)
    with pytest.raises(IncompleteInput, match="closed the connection: with 0 of 2"):
        guide(job(tmp_path), Console(quiet=True))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"poses": None}, "give either --poses or --rig"),
        ({"cameras": ("left=0",)}, "--camera does not apply with --poses"),
        (
            {"poses": None, "rig": Path("rig.toml"), "paced": False},
            "--fast applies only with --poses",
        ),
        ({"reference": "needle.toml"}, "needle"),
        ({"block": "metres.csv"}, "its divots lie within 0.1"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_opened(change, says, tmp_path):
    touched(tmp_path, FOUR[:1])
    rows = [f"{name},{x / 1e3},{y / 1e3},{z / 1e3}" for name, (x, y, z) in DIVOTS.items()]
    (tmp_path / "metres.csv").write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    given = {k: tmp_path / v if isinstance(v, str) else v for k, v in change.items()}
    with pytest.raises(InputError, match=says):
        guide(replace(job(tmp_path), **given), Console(quiet=True))


def test_without_a_display_it_says_how_to_go_on(tmp_path, monkeypatch):
    touched(tmp_path, FOUR[:1])
    monkeypatch.setattr("nav.accuracy.guide_command.can_show", lambda: False)
    with pytest.raises(InputError, match="--no-window"):
        guide(job(tmp_path), Console(quiet=True))
    files = [word for name in NAMES for word in (f"--{name}", str(tmp_path / f"{name}.toml"))]
    with pytest.raises(SystemExit) as end:
        cli.main([
            *("accuracy", "guide", *files, "--block", str(tmp_path / "block.csv"), "--fast"),
            *("--poses", str(tmp_path / "poses.csv"), "--output", str(tmp_path / "out.csv")),
            *("--divot", FOUR[0]),
        ])  # fmt: skip
    assert not end.value.code
    assert (tmp_path / "out.csv").exists()
