"""Ctrl-C, other requests to end and a key close a real window, at once and without a word of Qt."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QWidget

from nav import display
from nav.view.quitting import add_quit_key, closed_by_signals

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 and Wayland")


class Busy(QWidget):
    """A window whose timer always has something to do in Python, as the live window's."""

    def __init__(self):
        super().__init__()
        self.timer = QTimer(self)
        self.timer.timeout.connect(lambda: sum(range(1000)))
        self.timer.start(1)
        self.closed = False

    def closeEvent(self, event):
        """Note it."""
        self.closed = True
        self.timer.stop()
        super().closeEvent(event)


def raise_later(number):
    """Raise a signal once the event loop runs and has nothing to do."""
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), number))
    QTimer.singleShot(0, timer.start)


@posix
@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)],
)
@pytest.mark.parametrize("busy", [True, False])
def test_a_signal_closes_the_window_and_goes_on(qapp, qtbot, number, expected, busy):
    before = signal.getsignal(number)
    window = Busy()
    if not busy:
        window.timer.stop()
    qtbot.addWidget(window)
    window.show()
    raise_later(number)
    with pytest.raises(expected) as ended, closed_by_signals(window.close):
        qapp.exec()
    assert window.closed
    if expected is SystemExit:
        assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_is_raised(qapp, qtbot):
    window = Busy()
    qtbot.addWidget(window)
    window.show()
    with closed_by_signals(window.close):
        QTimer.singleShot(50, window.close)
        qapp.exec()
    assert window.closed


def test_the_quit_key_closes(qtbot):
    window = Busy()
    add_quit_key(window)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    qtbot.keyClick(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.closed, timeout=60_000)


@linux
@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_display_that_cannot_be_opened_is_one_line(name):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment[name] = {"DISPLAY": ":987", "WAYLAND_DISPLAY": "wayland-987"}[name]
    command = [sys.executable, "-m", "nav.cli", "live", "--twin"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"nav: the display ({name}=")
    assert "cannot be opened" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@linux
def test_a_display_that_cannot_be_opened_is_forgotten(monkeypatch):
    monkeypatch.setattr(display, "_opens", lambda environment: False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    assert ":987" in display.forget_unreachable_display()
    assert "DISPLAY" not in os.environ
    assert display.forget_unreachable_display() == ""
    assert display.display_problem().startswith("no display here")
