"""Run the window as a program, or make a picture of it without one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from nav.core.errors import InputError
from nav.display import (
    UNSEEN,
    display_problem,
    forget_plugins_of_opencv,
    named_displays,
    qt_platform,
)
from nav.live.messages import Command, Ended, Feed, Update
from nav.model.case import Case
from nav.tracking.tool import Tool
from nav.view.live_window import LiveWindow
from nav.view.quitting import add_quit_key, closed_by_signals
from nav.view.render_process import ProcessDrawing

# ms that the last message stays on the screen before the window closes by itself
LAST_LOOK_MS = 1500


def application() -> QApplication:
    """Return the one QApplication; it is made if there is none.

    Returns
    -------
    QApplication
        Of this process.

    Raises
    ------
    InputError
        There is no display (Qt itself would end the program).
    """
    forget_plugins_of_opencv()
    present = QApplication.instance()
    if isinstance(present, QApplication):
        return present
    problem = display_problem()
    if problem:
        raise InputError(problem)
    return QApplication([sys.argv[0]])


def has_display() -> bool:
    """Return whether a window can be seen here.

    Returns
    -------
    bool
        False with an off-screen platform.
    """
    if qt_platform() in UNSEEN:
        return False
    return bool(named_displays()) or not sys.platform.startswith("linux")


def run_window(
    case: Case,
    feed: Feed,
    needle: Tool,
    *,
    title: str = "",
    reference: str = "reference",
    close_at_end: bool = False,
    still: Path | None = None,
    kind: type[LiveWindow] = LiveWindow,
) -> int:
    """Show the live window until it is closed, and end the tracking process.

    Parameters
    ----------
    case : Case
        What is navigated.
    feed : Feed
        The window's end of the connection to the tracking process.
    needle : Tool
        Its markers determine the length of the shaft that is drawn.
    title : str
        Of the window.
    reference : str
        Name of the reference body.
    close_at_end : bool
        Close a moment after the source came to its end.
    still : Path, optional
        Write the window's last live picture there (PNG) when the source ends.
    kind : type
        Of the window.

    Returns
    -------
    int
        Exit code: 1 if the tracking process failed, else 0.

    Raises
    ------
    InputError
        There is no display.
    """
    app = application()
    drawing = ProcessDrawing(case)
    window = kind(case, feed, needle, title=title, reference=reference, drawing=drawing)
    code = 0

    def on_end(ended: Ended) -> None:
        nonlocal code
        code = 0 if ended.problem is None else 1
        if close_at_end:
            QTimer.singleShot(LAST_LOOK_MS, window.close)

    window.still, window.quits_at_end = still, close_at_end
    window.on_end = on_end
    add_quit_key(window)
    try:
        window.resize(app.primaryScreen().availableSize() * 0.9)
        window.show()
        with closed_by_signals(window.close):
            app.exec()
    finally:
        drawing.close()
        feed.close()
    return code


class _Played:
    """A feed that hands over given updates, one per call."""

    def __init__(self, updates: Sequence[Update]) -> None:
        self.updates = list(updates)

    def newest(self) -> Update | Ended | None:
        return self.updates.pop(0) if self.updates else None

    def alive(self) -> bool:
        return True

    def send(self, command: Command) -> None:
        pass

    def close(self) -> None:
        pass


def write_still(
    path: Path,
    case: Case,
    needle: Tool,
    updates: Sequence[Update],
    *,
    title: str = "",
    reference: str = "reference",
    size: tuple[int, int] = (1920, 1080),
) -> None:
    """Write a PNG of the window as it was at the last of some updates; needs no display.

    Parameters
    ----------
    path : Path
        To write.
    case : Case
        What is navigated.
    needle : Tool
        Its markers determine the length of the shaft that is drawn.
    updates : sequence of Update
        Oldest first; their samples fill the strip chart.
    title : str
        Of the window.
    reference : str
        Name of the reference body.
    size : tuple of two int
        Width and height, px.

    Raises
    ------
    OSError
        It cannot be written.
    ValueError
        There are no updates.
    """
    if not updates:
        raise ValueError("expected at least one update")
    if QApplication.instance() is None and (not has_display() or display_problem()):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application()
    now = updates[0].captured_at
    window = LiveWindow(
        case, _Played(updates), needle, title=title, reference=reference, clock=lambda: now
    )
    try:
        window.timer.stop()
        window.resize(*size)
        for update in updates:
            now = update.captured_at
            window.poll()
        window.screenshot(path)
    finally:
        window.close()
