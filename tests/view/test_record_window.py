"""The window of `nav record`, image by image on a clock of the test's: what it says and does."""

import queue
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from PySide6.QtCore import Qt

from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.record.picture_recording.picture_checks import PictureChecker, marker_detectors
from nav.record.picture_recording.picture_writer import JPEG, PictureWriter
from nav.record.picture_recording.recording_run import RecordingRun
from nav.record.picture_recording.source_recorder import PictureRecorder, RecordOptions
from nav.view.record_window import RecordWindow
from tests.record.test_picture_recording import NAMES
from tests.record.test_record_command import board

RATE = 30.0
PATIENCE = 60.0  # s


class Cameras:
    """Live cameras whose next images come when they are asked for."""

    warnings: tuple[Notice, ...] = ()

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[FrameSet | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[FrameSet]:
        return iter(self.waiting.get, None)

    def __len__(self) -> int:
        return 0

    def close(self) -> None:
        self.waiting.put(None)


class Bench:
    """A window on a recording; its clock moves by the images' period as they are given."""

    def __init__(self, qtbot, folder, **options) -> None:
        self.now, self.number, self.image = 50.0, 0, board()
        self.cameras = Cameras()
        self.run = RecordingRun(
            self.cameras,
            PictureRecorder(
                PictureWriter(folder, NAMES, JPEG),
                RecordOptions(**options),
                clock=lambda: self.now,
            ),
            PictureChecker(marker_detectors(())),
            clock=lambda: self.now,
        )
        self.window = RecordWindow(self.run)
        qtbot.addWidget(self.window)
        self.window.show()

    def give(self, seconds: float, names: tuple[str, ...] = NAMES) -> None:
        """Let time pass with images of some cameras; the window looks at each."""
        for _ in range(round(seconds * RATE)):
            self.now += 1.0 / RATE
            self.number += 1
            frames = {name: Frame(name, self.now, self.image) for name in names}
            given = FrameSet(self.number, self.now, frames, captured_at=self.now)
            self.cameras.waiting.put(given)
            self.wait(partial(self.has_shown, given))

    def has_shown(self, given: FrameSet) -> bool:
        return self.run.newest is given

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait for threads, not for the clock."""
        until = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < until
            time.sleep(0.0005)
            self.window.poll()
        self.window.poll()

    @property
    def said(self) -> str:
        return self.window.bar.ask.say


@pytest.fixture
def opened(qtbot, tmp_path):
    """Opens a window on a recording with some options, and gives the first images."""
    benches = []

    def build(**options) -> Bench:
        benches.append(Bench(qtbot, tmp_path / "r", **options))
        benches[-1].give(0.1)
        assert benches[-1].said == "Press Space to record"
        return benches[-1]

    yield build
    for bench in benches:
        bench.run.close()


def test_it_counts_down_records_marks_and_stops(qtbot, opened, tmp_path):
    bench = opened(countdown=2.5)
    window = bench.window
    bench.wait(lambda: [len(window.panes.bars(k)) for k in (0, 1)] == [4, 4])
    assert [bar.status for bar in window.panes.bars(0)[1:3]] == ["seen", "seen"]
    assert window.panes.bars(1)[2].value == "3"  # markers
    qtbot.keyClick(window, Qt.Key.Key_Space)
    for left in (3, 2, 1):
        assert bench.said.startswith(f"Recording begins in {left} second")
        assert window.countdown.isVisible()
        assert window.countdown.number == left
        assert not window.buttons["mark"].isEnabled()
        bench.give(1.0 if left > 1 else 0.6)
    assert bench.said == "Recording"
    assert not window.countdown.isVisible()
    assert window.buttons["mark"].isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert "1 mark" in window.foot.text()
    bench.give(0.3)
    bench.wait(lambda: bench.run.recorder.status.written.instants > 5)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert bench.said == "Paused: Space resumes"
    assert "instants" in window.bar.detail
    assert "disk for" in window.foot.text()
    recorded = bench.run.recorder.status.written.accepted
    bench.give(0.2)
    assert bench.run.recorder.status.written.accepted == recorded
    bench.run.close()
    assert len(list((tmp_path / "r" / "left").iterdir())) == recorded
    assert (tmp_path / "r" / "marks.csv").exists()


def test_a_camera_that_stops_is_said_in_its_pane_and_above(qtbot, opened):
    bench = opened()
    window = bench.window
    qtbot.keyClick(window, Qt.Key.Key_Space)
    bench.give(0.4)
    bench.give(0.4, names=("left",))
    assert bench.said == "Recording"  # it may come yet
    bench.give(0.4, names=("left",))
    assert bench.said == "The RIGHT camera gives no image"
    assert isinstance(window.panes.picture(1), str)
    assert not isinstance(window.panes.picture(0), str)
    bench.give(0.1)
    assert bench.said == "Recording"
    assert bench.run.gaps["right"].seconds == pytest.approx(0.8, abs=0.01)


def test_what_was_asked_for_ends_it(qtbot, opened):
    bench = opened(every=0.2, count=3)
    window = bench.window
    qtbot.keyClick(window, Qt.Key.Key_Space)
    bench.give(0.3)
    assert bench.said == "Recorded 2"
    bench.give(0.3)
    assert bench.said == "The recording is complete"
    assert "3 instants requested" in window.bar.detail
    assert not window.buttons["record"].isVisible()
    qtbot.mouseClick(window.buttons["finish"], Qt.MouseButton.LeftButton)
    assert not window.isVisible()
