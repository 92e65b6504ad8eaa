"""Live calibration in the real window: made-up webcams see a board in a hand that obeys."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication
from rich.console import Console

from calibration.board import save_board
from calibration.cameras.rig_calibration import scale_by_ruler
from calibration.cameras.rig_command import calibrate_rig
from calibration.live.calibration_window import RESULT, TAKING, CalibrateWindow
from calibration.live.capture_guide import Ask
from calibration.live.capture_search import warm_up
from calibration.live.live_rig_command import capture_and_calibrate
from calibration.live.taking import Taking
from nav.camera.rig import load_rig, write_rig
from nav.camera.uncalibrated import UncalibratedCameras
from nav.core.errors import InputError
from nav.core.outputs import backups_reported_to
from tests.calibration.test_live_opened import BOARD, SIZE, Room
from tests.synthetic import small_rig

PATIENCE, LONG = 240.0, 120_000  # s, ms: of a slow computer


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Up to a minute once, so that no test waits for it within its own patience."""
    warm_up(BOARD)


@pytest.fixture
def room() -> Room:
    return Room(small_rig(2, size=SIZE))


@pytest.fixture
def board_file(tmp_path: Path) -> Path:
    path = tmp_path / "board.toml"
    save_board(path, BOARD)
    return path


@pytest.fixture
def opened(qtbot, room):
    """Opens a window on the room's cameras."""
    windows = []

    def build(save: Callable[[Any], Any] = lambda result: None, **cameras: int) -> CalibrateWindow:
        source = UncalibratedCameras(
            cameras or {"left": 0, "right": 1}, capture=room, first_picture=1.0, retry=0.1
        )
        window = CalibrateWindow(
            source, Taking(tuple(source.devices), BOARD), save, scale_by_ruler(100.0)
        )
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        return window

    yield build
    for window in windows:
        window.close()


def said(window: CalibrateWindow) -> str:
    return window.bar.ask.say


class Obedient:
    """Does what the window says, whenever it takes a picture, or has not for many frame sets.

    told : what was said of every frame set; the window shows the newest only.
    """

    def __init__(self, room: Room, window: CalibrateWindow, told: list[str]) -> None:
        self.room, self.window, self.told = room, window, told
        self.heard: list[str] = []
        self.since, self.count = 0, -1

    def __call__(self) -> bool:
        """One look at the window; True once there is enough."""
        ask, captures = self.window.bar.ask, self.window.taking.captures
        if not self.heard or self.heard[-1] != ask.say:
            self.heard.append(ask.say)
        if ask.kind in ("still", "captured", "again", "busy", "lost"):
            return False
        if captures != self.count or len(self.told) - self.since > 30:
            self.count, self.since = captures, len(self.told)
            assert isinstance(ask, Ask)
            self.room.hold(ask)
        return ask.kind == "done"


def click(qtbot, window: CalibrateWindow, key: str) -> None:
    qtbot.waitUntil(lambda: window.buttons[key].isEnabled(), timeout=LONG)
    qtbot.mouseClick(window.buttons[key], Qt.MouseButton.LeftButton)


def test_a_rig_is_calibrated_by_doing_what_the_window_says(room, tmp_path, board_file, monkeypatch):
    # the driver needs less time to read than a person; what is shown so shortly is heard of here
    monkeypatch.setattr("calibration.live.taking.FLASH", 0.05)
    monkeypatch.setattr("calibration.live.taking.AGAIN", 0.1)
    told: list[str] = []
    step = Taking.step

    def listened(*arguments: Any) -> Any:
        shown = step(*arguments)
        told.append(shown.ask.say)
        return shown

    monkeypatch.setattr(Taking, "step", listened)
    output, keep = tmp_path / "rig.toml", tmp_path / "kept"
    write_rig(output, room.rig)
    old = output.read_text()
    console = Console(record=True, width=200, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    heard: list[str] = []
    until = time.monotonic() + PATIENCE

    def drive() -> None:
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, CalibrateWindow)]
        window = next((w for w in windows if w.isVisible()), None)
        if window is None:
            return
        if not drivers:
            drivers.append(Obedient(room, window, told))
        if time.monotonic() > until:
            window.close()
        if window.state == TAKING and drivers[0]():
            window.buttons["calibrate"].click()
        if window.state == RESULT:
            assert window.table.accessibleName()
            heard.extend([*drivers[0].heard, said(window)])
            window.buttons["save"].click()

    drivers: list[Obedient] = []
    timer = QTimer()
    timer.timeout.connect(drive)
    from nav.view.live_app import application

    application()
    timer.start(40)
    kept: list[str] = []
    try:
        with backups_reported_to(lambda earlier, copy: kept.append(copy.name)):
            capture_and_calibrate(
                {"left": 0, "right": 1}, board_file, output, console, 100.0, keep, capture=room
            )
    finally:
        timer.stop()
    assert "Show the board to both cameras" in heard
    assert "Captured 1" in told
    assert any(h.startswith("Tilt its ") for h in heard)
    assert any(h.startswith("Into the ") for h in heard)
    found = load_rig(output)
    assert found.names == ("left", "right")
    for name in found.names:
        facts = found[name].calibration
        assert facts["views"] >= 10
        assert facts["verdict"] in ("good", "usable", "repeat")
        assert facts["covered"] >= 0.6
        assert facts["tilt_degrees"] >= 20.0
        assert found[name].size == SIZE
        assert found[name].matrix[0, 0] == pytest.approx(room.rig[name].matrix[0, 0], rel=0.01)
    assert (tmp_path / "rig.1.toml").read_text() == old
    assert kept == ["rig.1.toml"]  # the command line tells so
    assert output.with_suffix(".png").stat().st_size > 10_000
    assert "verdict" in console.export_text()
    # the kept pictures calibrate the same
    again = tmp_path / "again.toml"
    calibrate_rig(keep, board_file, again, Console(quiet=True), 100.0)
    for name in found.names:
        focal = load_rig(again)[name].matrix[0, 0]
        assert focal == pytest.approx(found[name].matrix[0, 0], rel=1e-4)


def test_nothing_is_taken_while_the_board_moves(qtbot, opened, room):
    room.hold(Ask("show", ""))
    room.drift = 60.0
    window = opened()
    qtbot.waitUntil(lambda: said(window) == "Hold still", timeout=LONG)
    qtbot.wait(1500)
    assert window.taking.captures == 0
    room.drift = 0.0
    qtbot.waitUntil(lambda: window.taking.captures == 1, timeout=LONG)


def test_a_camera_that_stops_is_said_and_comes_back(qtbot, opened, room):
    window = opened()
    qtbot.waitUntil(lambda: said(window) == "Show the board to both cameras", timeout=LONG)
    room.broken.add(1)
    qtbot.waitUntil(lambda: said(window) == "The RIGHT camera gives no image", timeout=LONG)
    right = window.panes.shown.panes[1]
    assert right.image is None
    assert "unplugged?" in right.why
    assert window.panes.shown.panes[0].image is not None
    room.hold(Ask("show", ""))
    qtbot.wait(1000)
    assert window.taking.captures == 0
    room.broken.clear()
    qtbot.waitUntil(lambda: window.taking.captures == 1, timeout=LONG)


def test_a_camera_that_is_not_there_is_said_and_taken_in_when_it_comes(qtbot, opened, room):
    room.unplugged.add(1)
    window = opened()
    qtbot.waitUntil(lambda: said(window) == "The RIGHT camera gives no image", timeout=LONG)
    assert "device 1 cannot be opened" in window.bar.detail
    room.unplugged.clear()
    qtbot.waitUntil(lambda: said(window) == "Show the board to both cameras", timeout=LONG)


def test_pictures_of_another_size_are_refused_in_a_sentence(qtbot, opened, room):
    window = opened()
    qtbot.waitUntil(lambda: said(window) == "Show the board to both cameras", timeout=LONG)
    room.size = (240, 200)
    qtbot.waitUntil(lambda: "240 x 200 now" in window.bar.detail, timeout=LONG)
    assert "rig.toml" not in window.bar.detail
    qtbot.wait(1500)
    assert "were 480 x 400 at the start" in window.bar.detail


def test_pictures_that_stop_are_not_shown_as_present(qtbot, opened, room):
    window = opened()
    qtbot.waitUntil(lambda: said(window) == "Show the board to both cameras", timeout=LONG)
    window._clock = lambda: window.watch.newest.at + 5.0
    window.poll()
    assert said(window) == "No images arrive"
    assert window.panes.blank == "no image for 5 s"


def test_cancel_writes_nothing(qtbot, opened, room, tmp_path):
    written = []
    window = opened(written.append)
    room.hold(Ask("show", ""))
    qtbot.waitUntil(lambda: window.taking.captures == 1, timeout=LONG)
    assert not window.buttons["calibrate"].isEnabled()
    click(qtbot, window, "cancel")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    assert window.saved is None
    assert not written


def test_what_is_wrong_is_refused_in_a_line(room, tmp_path, board_file, monkeypatch):
    output, console = tmp_path / "rig.toml", Console(quiet=True)
    with pytest.raises(InputError, match="--ruler 10: expected"):
        capture_and_calibrate({"eye": 0}, board_file, output, console, 10.0, capture=room)
    with pytest.raises(InputError, match="no such file"):
        capture_and_calibrate({"eye": 0}, tmp_path / "none.toml", output, console, capture=room)
    with pytest.raises(InputError, match="give at least one"):
        capture_and_calibrate({}, board_file, output, console, capture=room)
    room.unplugged |= {0, 1}
    with pytest.raises(InputError, match="camera left: device 0 cannot be opened"):
        capture_and_calibrate({"left": 0, "right": 1}, board_file, output, console, capture=room)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="take images of the board and give them with --images"):
        capture_and_calibrate({"eye": 0}, board_file, output, console, capture=room)
    assert not output.exists()


def test_what_could_not_be_calibrated_is_said_and_pictures_go_on(qtbot, opened, room, monkeypatch):
    def refuse(*arguments: Any) -> None:
        raise InputError("left: all boards are about parallel")

    monkeypatch.setattr("calibration.live.calibration_window.calibrate_gathered", refuse)
    window = opened()
    room.hold(Ask("show", ""))
    qtbot.waitUntil(lambda: window.taking.captures == 1, timeout=LONG)
    window._calibrate()
    qtbot.waitUntil(lambda: "about parallel" in window.bar.detail, timeout=LONG)
    assert window.state == TAKING
    assert window.buttons["cancel"].isVisible()


def test_a_verdict_that_is_not_good_says_what_to_do_and_takes_more(
    qtbot, opened, room, monkeypatch
):
    advice = "left: tilt the board more, about both of its axes"
    row = ("left", "10", "0.1", "0.9", "20%", "4°", "k1", "repeat")
    result = SimpleNamespace(found=SimpleNamespace(word="repeat"))
    monkeypatch.setattr("calibration.live.calibration_window.calibrate_gathered", lambda *_: result)
    monkeypatch.setattr("calibration.live.calibration_window.advice", lambda _: [advice])
    monkeypatch.setattr("calibration.live.verdict_table.verdict_rows", lambda _: [row])
    monkeypatch.setattr("calibration.live.verdict_table.advice", lambda _: [advice])
    monkeypatch.setattr("calibration.live.verdict_table.notes", lambda _: ["unverified"])

    def full(result: Any) -> None:
        raise InputError("rig.toml: cannot be written: No space left on device")

    window = opened(full)
    room.hold(Ask("show", ""))
    qtbot.waitUntil(lambda: window.taking.captures == 1, timeout=LONG)
    window._calibrate()
    qtbot.waitUntil(lambda: window.state == RESULT, timeout=LONG)
    assert said(window) == "Not good enough"
    assert advice in window.table.accessibleName()
    click(qtbot, window, "save")
    qtbot.waitUntil(lambda: "No space left" in window.bar.detail, timeout=LONG)
    assert window.saved is None
    click(qtbot, window, "more")
    qtbot.waitUntil(lambda: window.state == TAKING and window.bar.detail == advice, timeout=LONG)
    room.hold(Ask("tilt", "", 0, (0, 1)))
    qtbot.waitUntil(lambda: window.taking.captures == 2, timeout=LONG)
