"""Run the case's window, or make a picture of it without one."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtWidgets import QApplication

from nav.display import forget_unreachable_display
from nav.view.app import application
from nav.view.case.loading import ViewedCase
from nav.view.case.saving import picture_of, write_png
from nav.view.case.state import ViewState
from nav.view.case.window import CaseWindow
from nav.view.drawing import ProcessDrawing
from nav.view.quitting import add_quit_key, closed_by_signals


def run_case_window(viewed: ViewedCase, state: ViewState) -> None:
    """Show a case until its window is closed.

    Raises
    ------
    InputError
        There is no display.
    """
    app = application()
    drawing = ProcessDrawing(viewed.case)
    try:
        window = CaseWindow(viewed, state, drawing)
        add_quit_key(window)
        window.resize(app.primaryScreen().availableSize() * 0.9)
        window.show()
        with closed_by_signals(window.close):
            app.exec()
    finally:
        drawing.close()


def write_case_picture(
    path: Path, viewed: ViewedCase, state: ViewState, size: tuple[int, int]
) -> None:
    """Write a PNG of the window as it would be; opens none and needs no display.

    Raises
    ------
    InputError
        It cannot be written.
    """
    forget_unreachable_display()
    if QApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application()
    window = CaseWindow(viewed, state)
    try:
        window.timer.stop()
        window.resize(*size)
        window.layout_now()
        write_png(picture_of(window), path)
    finally:
        window.close()
