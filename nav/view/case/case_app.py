"""Run the case's window, or make a picture of it without one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QApplication

from nav.core.errors import InputError
from nav.display import forget_unreachable_display
from nav.view.case.case_state import ViewState, initial_state
from nav.view.case.case_window import CaseWindow
from nav.view.case.loading import ViewedCase, load_viewed_case
from nav.view.case.saving import picture_of, write_png
from nav.view.live_app import application
from nav.view.quitting import add_quit_key, closed_by_signals
from nav.view.render_process import ProcessDrawing


def run_case_window(viewed: ViewedCase, state: ViewState) -> None:
    """Show a case until its window is closed.

    Parameters
    ----------
    viewed : ViewedCase
        The case; it is loaded again after it was corrected.
    state : ViewState
        Where to begin.

    Raises
    ------
    InputError
        There is no display.
    """
    app = application()
    shown: ViewedCase | None = viewed
    while shown is not None:
        shown, last = _run_once(app, shown, state)
        if shown is not None:
            state = kept_state(last, shown)


def kept_state(state: ViewState, viewed: ViewedCase) -> ViewState:
    """Return what a corrected case's window begins with: what the one before showed last.

    Parameters
    ----------
    state : ViewState
        Of the window before.
    viewed : ViewedCase
        The corrected case.

    Returns
    -------
    ViewState
        Without what belongs to correcting.
    """
    first = initial_state(viewed)
    return replace(
        first,
        cross=state.cross,
        window=state.window,
        hidden=first.hidden | state.hidden,
        by_sigma=state.by_sigma,
        plans=state.plans,
        saved_plans=state.saved_plans,
        active=state.active,
        hidden_plans=state.hidden_plans,
    )


def _run_once(
    app: QApplication, viewed: ViewedCase, state: ViewState
) -> tuple[ViewedCase | None, ViewState]:
    """Show a case; return it read again where it was corrected, None where the window closed.

    The second is the state that was shown last.
    """
    drawing = ProcessDrawing(viewed.case)
    corrected: list[ViewedCase] = []
    try:
        window = CaseWindow(viewed, state, drawing)

        def read_again() -> None:
            try:
                corrected.append(load_viewed_case(viewed.path))
            except InputError as error:
                window.said.setText(str(error))
                return
            window.close_now()

        window.corrected.connect(read_again)
        add_quit_key(window)
        window.resize(app.primaryScreen().availableSize() * 0.9)
        window.show()
        with closed_by_signals(window.close_now):
            app.exec()
    finally:
        drawing.close()
    return (corrected[0] if corrected else None), window.state


def write_case_picture(
    path: Path, viewed: ViewedCase, state: ViewState, size: tuple[int, int]
) -> None:
    """Write a PNG of the window as it would be; opens none and needs no display.

    Parameters
    ----------
    path : Path
        To write.
    viewed : ViewedCase
        The case.
    state : ViewState
        What is shown.
    size : tuple of two int
        Width and height, px.

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
        window.score_now()
        write_png(picture_of(window), path)
    finally:
        window.close_now()
