"""Close a window: by Ctrl-C and other requests from outside, and by a key."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

QUIT_KEY = "Ctrl+Q"
ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def add_quit_key(window: QWidget) -> None:
    """Close a window by the usual key.

    Parameters
    ----------
    window : QWidget
        The shortcut belongs to it.
    """
    QShortcut(QKeySequence(QUIT_KEY), window, window.close)


@contextmanager
def closed_by_signals(close: Callable[[], Any]) -> Iterator[None]:
    """Let Ctrl-C and requests to end (SIGTERM, SIGHUP) close a window, at once and in order.

    Python would raise an exception in any function that Qt is calling, which Qt prints and ignores.
    A second signal ends the process by force.

    Parameters
    ----------
    close : callable
        Closes the window; called by Qt's event loop.

    Yields
    ------
    None
        The window's event loop runs in the block.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        After the block, where a signal came: the command ends as it would without a window.
    """
    came: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        QTimer.singleShot(0, close)

    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.signal(number, ask) for number in numbers}
    # Python looks for signals only when it runs: this wakes Qt, which then runs Python
    there, here = socket.socketpair()
    for end in (there, here):
        end.setblocking(False)
    woken = signal.set_wakeup_fd(here.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(there.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: there.recv(4096))
    try:
        yield
    finally:
        notifier.setEnabled(False)
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        there.close()
        here.close()
    if came:
        if came[0] == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + came[0])
