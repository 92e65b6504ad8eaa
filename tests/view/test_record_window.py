"""The window of `nav record` on made-up webcams: what it says, and what its keys do."""

import pytest
from PySide6.QtCore import Qt

from nav.camera.uncalibrated import UncalibratedCameras
from nav.record.picture_recording.picture_checks import PictureChecker, marker_detectors
from nav.record.picture_recording.picture_writer import JPEG, PictureWriter
from nav.record.picture_recording.recording_run import RecordingRun
from nav.record.picture_recording.source_recorder import PictureRecorder, RecordOptions
from nav.view.record_window import RecordWindow
from tests.camera.fake_webcams import FakeWebcams
from tests.record.test_picture_recording import NAMES, board


@pytest.fixture
def webcams() -> FakeWebcams:
    picture = board()
    return FakeWebcams(lambda index, seconds: picture)


@pytest.fixture
def opened(qtbot, webcams, tmp_path):
    """Opens a window on a recording with some options."""
    runs = []

    def build(**options) -> RecordWindow:
        source = UncalibratedCameras({"left": 0, "right": 2}, (640, 400), capture=webcams)
        writer = PictureWriter(tmp_path / "r", NAMES, JPEG)
        recorder = PictureRecorder(writer, RecordOptions(**options))
        runs.append(RecordingRun(source, recorder, PictureChecker(marker_detectors(()))))
        window = RecordWindow(runs[-1])
        qtbot.addWidget(window)
        window.show()
        window.timer.start()
        qtbot.waitUntil(lambda: said(window) == "Press Space to record", timeout=10_000)
        return window

    yield build
    for run in runs:
        run.close()


def said(window: RecordWindow) -> str:
    return window.bar.ask.say


def press(qtbot, window: RecordWindow, key: Qt.Key) -> None:
    window.activateWindow()
    qtbot.keyClick(window, key)


def test_it_counts_down_records_marks_and_stops(qtbot, opened, tmp_path):
    window = opened(countdown=2.5)
    qtbot.waitUntil(lambda: [len(window.panes.bars(k)) for k in (0, 1)] == [4, 4], timeout=10_000)
    assert [bar.status for bar in window.panes.bars(0)[1:3]] == ["seen", "seen"]
    assert window.panes.bars(1)[2].value == "3"  # markers
    press(qtbot, window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: said(window).startswith("Recording begins in "), timeout=2500)
    assert window.countdown.isVisible()
    assert str(window.countdown.number) in said(window)
    qtbot.waitUntil(lambda: said(window) == "Recording", timeout=5000)
    assert not window.countdown.isVisible()
    qtbot.waitUntil(lambda: window.buttons["mark"].isEnabled(), timeout=5000)
    press(qtbot, window, Qt.Key.Key_M)
    qtbot.waitUntil(lambda: "1 mark" in window.foot.text(), timeout=5000)
    qtbot.waitUntil(lambda: window.run.recorder.status.written.instants > 5, timeout=10_000)
    press(qtbot, window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: said(window) == "Paused: Space goes on", timeout=5000)
    assert "instants" in window.bar.detail
    assert "disk for" in window.foot.text()
    window.run.close()
    assert len(list((tmp_path / "r" / "left").iterdir())) > 5
    assert (tmp_path / "r" / "marks.csv").exists()


def test_a_camera_that_stops_is_said_in_its_pane_and_above(qtbot, opened, webcams):
    window = opened()
    press(qtbot, window, Qt.Key.Key_Space)
    webcams.unplugged.add(2)
    qtbot.waitUntil(lambda: said(window) == "The RIGHT camera gives no image", timeout=10_000)
    assert isinstance(window.panes.picture(1), str)
    assert not isinstance(window.panes.picture(0), str)
    webcams.unplugged.clear()
    qtbot.waitUntil(lambda: said(window) == "Recording", timeout=10_000)
    assert window.run.gaps["right"].seconds > 0.5


def test_what_was_asked_for_ends_it(qtbot, opened):
    window = opened(every=0.2, count=3)
    press(qtbot, window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: said(window) == "The recording is complete", timeout=10_000)
    assert "3 instants are asked for" in window.bar.detail
    assert not window.buttons["record"].isVisible()
    qtbot.mouseClick(window.buttons["finish"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=5000)
