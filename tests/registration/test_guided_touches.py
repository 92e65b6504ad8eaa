"""Touches led from divot to divot, in the terminal and in the window, and those of recordings."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from rich.console import Console

from nav import cli
from nav.camera.rig import write_rig
from nav.core.errors import IncompleteInput, InputError
from nav.core.tracked_frame import TrackedFrame
from nav.live.pose_run import PoseRun
from nav.record.pose_recording import PoseRecording
from nav.registration.guided_touches import GuidedTouches, GuideSettings
from nav.registration.registration_result import load_registration_file
from nav.registration.touch_set import load_touch_set
from nav.touch_command import TouchJob, touch_fiducials
from nav.tracking.tool import load_tool
from nav.view.touch_window import TouchWindow
from tests.registration.test_assessment import KNOWN, REFERENCE_FROM_MODEL
from tests.registration.test_register_points import bench as bench
from tests.registration.touch_poses import write_touch_poses
from tests.said import said as sentence_of
from tests.synthetic import small_rig

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

OUT = Console(quiet=True)
FOUR = tuple(KNOWN)[:4]


def place(label: str) -> np.ndarray:
    """Where a fiducial is in the reference body's frame."""
    return REFERENCE_FROM_MODEL.apply(KNOWN[label])


def recording(folder: Path, labels: tuple[str, ...], **more: Any) -> PoseRecording:
    needle, reference = (load_tool(folder / f"{name}.toml") for name in ("needle", "reference"))
    places = [place(label) for label in labels]
    write_touch_poses(folder / "poses.csv", places, needle, reference, **more)
    return PoseRecording(folder / "poses.csv", ("needle", "reference"))


def guide(folder: Path, order: tuple[str, ...] | None, **settings: float) -> GuidedTouches:
    needle = load_tool(folder / "needle.toml")
    return GuidedTouches(needle, "reference", KNOWN, order, GuideSettings(**settings))


def led(guided: GuidedTouches, frames: PoseRecording) -> list[str]:
    for frame in frames:
        guided.add(frame)
    return [
        f"{state.label} {state.word}: {sentence_of(state.reason) if state.reason else ''}"
        for state in guided.told
    ]


def test_touches_in_order_are_taken_where_they_were(bench):
    guided = guide(bench, FOUR)
    told = led(guided, recording(bench, FOUR))
    assert len(told) == 4
    assert all(" taken: known to " in line for line in told)
    assert guided.done
    assert guided.labels == list(FOUR)
    for label, touch in zip(FOUR, guided.touches, strict=True):
        off = touch.position - place(label)
        # 0.1 mm of noise per sample and axis, thirty samples
        assert np.linalg.norm(off) < 0.12
        assert off @ np.linalg.solve(touch.covariance, off) < 21.1  # 99.99 % of chi-square


def test_another_divot_than_the_one_asked_for_is_refused_by_its_name(bench):
    guided = guide(bench, FOUR)
    told = led(guided, recording(bench, (FOUR[0], FOUR[1], FOUR[3], FOUR[2])))
    assert told[2] == f"{FOUR[2]} refused: this is {FOUR[3]}; touch {FOUR[2]}"
    assert guided.labels == list(FOUR[:3])


def test_what_moves_on_too_soon_is_refused_with_the_reason(bench):
    guided = guide(bench, FOUR, hold=2.0, longest=4.0)
    told = led(guided, recording(bench, FOUR))
    assert guided.labels == []
    assert all("refused: moved after 1." in line for line in told)
    assert guided.kept == []


def test_a_touch_is_taken_back_and_another_left_out(bench):
    guided = guide(bench, FOUR)
    frames = iter(recording(bench, (FOUR[0], FOUR[0], FOUR[2], FOUR[3])))
    for frame in frames:
        guided.add(frame)
        if len(guided.told) == 1 and len(guided.steps) == 1:
            assert guided.undo().label == FOUR[0]  # asked for again
            assert guided.place == 0
            break
    for frame in frames:
        state = guided.add(frame)
        if len(guided.told) == 2 and guided.place == 1:
            guided.skip()
            assert guided.add(frame).label == FOUR[2]
    assert state.word == "done"
    assert guided.labels == [FOUR[0], FOUR[2], FOUR[3]]
    assert guided.steps[1].touch is None
    guided.undo()
    guided.undo()
    assert guided.undo().touch is None  # the one left out is asked for again
    assert guided.place == 1


def test_without_labels_whatever_is_touched_is_taken(bench):
    guided = guide(bench, None)
    told = led(guided, recording(bench, FOUR))
    assert len(told) == 4
    assert guided.labels == [""] * 4
    assert not guided.done


# --- the command ----------------------------------------------------------------------------


def touch(folder: Path, *more: str) -> int:
    files = [str(folder / f"{name}.toml") for name in ("needle", "reference")]
    with pytest.raises(SystemExit) as end:
        cli.main(
            [
                *("touch", "--tool", files[0], "--tool", files[1]),
                *("--poses", str(folder / "poses.csv"), "--output", str(folder / "touched.csv")),
                *more,
            ]
        )
    return int(end.value.code or 0)


def test_a_recording_becomes_touches_that_register(bench, capsys):
    labels = tuple(KNOWN)
    recording(bench, labels[::-1])
    assert touch(bench, "--case", str(bench / "case.toml")) == 0
    found = load_touch_set(bench / "touched.csv")
    assert found.labels == labels[::-1]
    for label, position, own in zip(found.labels, found.positions, found.own, strict=True):
        assert np.linalg.norm(position - place(label)) < 0.12
        assert (np.linalg.eigvalsh(own) > 0.0).all()
    assert found.shared.shape == (len(labels), 3, 3)
    beside = (bench / "touched.toml").read_text()
    assert 'format = "c1c2nav/points/1"' in beside
    assert 'file = "poses.csv"' in beside
    with pytest.raises(SystemExit) as end:
        cli.main(
            [
                *("register", "points", "--case", str(bench / "case.toml")),
                *("--touched", str(bench / "touched.csv")),
                *("--output", str(bench / "registration.toml")),
            ]
        )
    assert not end.value.code, capsys.readouterr()
    registered, _ = load_registration_file(bench / "registration.toml")
    off = registered.model_from_reference.transform * REFERENCE_FROM_MODEL
    assert np.linalg.norm(off.apply([0.0, 0.0, 0.0])) < 0.3


def test_labels_in_the_order_of_time_and_none(bench, capsys):
    recording(bench, FOUR)
    given = [word for label in ("a", "b", "c", "d") for word in ("--label", label)]
    assert touch(bench, *given) == 0
    assert load_touch_set(bench / "touched.csv").labels == ("a", "b", "c", "d")
    assert touch(bench, *given[:4]) == 2
    assert "has 4 touches, but 2 labels are given" in capsys.readouterr().err
    assert touch(bench, "--unlabelled") == 0
    assert load_touch_set(bench / "touched.csv").labels == ()
    assert (bench / "touched.1.csv").exists()  # the one before


def test_what_cannot_be_is_refused_in_a_line(bench, capsys):
    recording(bench, FOUR)
    case = str(bench / "case.toml")
    for options, words in (
        (["--camera", "left=0"], "give either --camera NAME=NUMBER, --images SOURCE or --poses"),
        (["--unlabelled", "--label", "R1"], "give one of them"),
        (["--case", case, "--label", "R9"], "--label R9: "),
        (["--needle", "pointer"], "--tool: none is called pointer"),
        (["--reference", "needle"], "--needle and --reference: both are needle"),
        (["--igtl-name", "needle=A"], "--igtl-name: is for the poses of a tracker"),
        (["--hold", "0.01"], "--hold: expected"),
        (["--hold", "3"], "held still nowhere for 3 s"),
        (["--rig", str(bench / "needle.toml")], "--rig does not apply with --poses"),
    ):
        assert touch(bench, *options) == 2, options
        assert words in capsys.readouterr().err
    assert not (bench / "touched.csv").exists()


# --- live -----------------------------------------------------------------------------------


class Played:
    """A recording as a live source."""

    def __init__(self, frames: PoseRecording) -> None:
        self.frames, self.closed = frames, False

    def __iter__(self) -> Iterator[TrackedFrame]:
        return iter(self.frames)

    def close(self) -> None:
        self.closed = True


class Stepped(Played):
    """A recording as a live source whose next frame comes when it is asked for."""

    def __init__(self, frames: PoseRecording) -> None:
        super().__init__(frames)
        self.asked = threading.Semaphore(0)

    def __iter__(self) -> Iterator[TrackedFrame]:
        for frame in self.frames:
            self.asked.acquire()
            if self.closed:
                return
            yield frame
        while not self.closed:
            self.asked.acquire()

    def close(self) -> None:
        super().close()
        self.asked.release()


def wait_for(run: PoseRun, instant: float) -> None:
    """Wait until the newest frame is that of an instant."""
    until = time.monotonic() + 30.0
    while run.newest is None or run.newest[0].time != instant:
        assert time.monotonic() < until
        time.sleep(0.0005)


def test_live_touches_in_the_terminal_are_written_even_if_some_lack(bench, monkeypatch):
    frames = recording(bench, FOUR[:3])
    played = Played(frames)
    write_rig(bench / "rig.toml", small_rig(1))
    monkeypatch.setattr("nav.touch_command._open_cameras", lambda *_: played)
    tools = tuple(bench / f"{name}.toml" for name in ("needle", "reference"))
    job = TouchJob(
        tools, bench / "touched.csv", bench / "case.toml", FOUR, rig=bench / "rig.toml",
        cameras=("left=0",), window=False,
    )  # fmt: skip
    console = Console(record=True, width=200, file=open(os.devnull, "w"))  # noqa: SIM115
    with pytest.raises(IncompleteInput, match=rf"3 of 4 .* not touched: {FOUR[3]}"):
        touch_fiducials(job, console)
    assert f"{FOUR[2]}: taken: known to" in console.export_text()
    assert load_touch_set(bench / "touched.csv").labels == FOUR[:3]
    with pytest.raises(InputError, match="--tool: none is called reference"):
        touch_fiducials(
            TouchJob(tools[:1], bench / "t.csv", cameras=("left=0",), window=False), OUT
        )


def test_closing_the_window_when_all_is_touched_loses_nothing(qtbot, bench, monkeypatch):
    write_rig(bench / "rig.toml", small_rig(1))
    played = Played(recording(bench, FOUR))
    monkeypatch.setattr("nav.touch_command._open_cameras", lambda *_: played)

    def closed(window: TouchWindow) -> None:
        qtbot.addWidget(window)
        qtbot.waitUntil(lambda: bool(window.run.over), timeout=30_000)
        window.close()

    monkeypatch.setattr("nav.view.touch_window.show_touch_window", closed)
    job = TouchJob(
        tuple(bench / f"{name}.toml" for name in ("needle", "reference")), bench / "touched.csv",
        bench / "case.toml", FOUR, rig=bench / "rig.toml", cameras=("left=0",),
    )  # fmt: skip
    touch_fiducials(job, OUT)
    assert load_touch_set(bench / "touched.csv").labels == FOUR


def test_the_window_leads_takes_and_takes_back(qtbot, bench, monkeypatch):
    monkeypatch.setattr("nav.view.touch_window.TOLD", 0.15)  # the recording moves on fast
    guided = guide(bench, FOUR)
    played = Stepped(recording(bench, FOUR))
    run = PoseRun(played, guided.add)
    times = [0.0]
    window = TouchWindow(
        run, guided, ("left",), ("needle", "reference"), lambda _: "FRE", lambda: times[0]
    )
    qtbot.addWidget(window)
    window.show()
    heard: set[str] = set()
    try:
        for frame in played.frames:
            played.asked.release()
            times[0] = frame.time
            wait_for(run, frame.time)
            window.poll()
            heard.add(window.bar.ask.say)
        assert window.bar.ask.say == "All are touched"
        assert f"{FOUR[0]} is taken" in heard
        assert f"Touch {FOUR[1]}" in heard
        assert "Hold still" in heard
        assert [row.status for row in window.list.rows] == ["seen"] * 4
        assert all("mm" in row.value for row in window.list.rows)
        assert "4 touches" in window.foot.text()
        assert "FRE" in window.foot.text()
        qtbot.keyClick(window, Qt.Key.Key_Backspace)
        assert window.list.rows[3].next
        assert guided.labels == list(FOUR[:3])
        qtbot.keyClick(window, Qt.Key.Key_S)
        assert window.list.rows[3].value == "left out"
        assert guided.done
        qtbot.mouseClick(window.buttons["finish"], Qt.MouseButton.LeftButton)
        assert window.finished
        assert not window.isVisible()
    finally:
        run.close()
