"""What the keys do in the window of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from nav.view.case.draft import Tool
from nav.view.case.greys import PRESETS
from nav.view.case.planes import PLANES

if TYPE_CHECKING:
    from nav.view.case.case_window import CaseWindow

BRUSH_STEP = 0.5  # mm
ZOOM_STEP = 1.25
KINDS = {
    Qt.Key.Key_S: "screenshot",
    Qt.Key.Key_R: "reset",
    Qt.Key.Key_P: "save plan",
    Qt.Key.Key_L: "draw line",
    Qt.Key.Key_C: "correct",
}
TOOL_KEYS: dict[Qt.Key, Tool] = {
    Qt.Key.Key_B: "add",
    Qt.Key.Key_E: "erase",
    Qt.Key.Key_D: "seed",
}
STEPS = {
    Qt.Key.Key_Up: (0, 1.0),
    Qt.Key.Key_Down: (0, -1.0),
    Qt.Key.Key_Right: (1, 1.0),
    Qt.Key.Key_Left: (1, -1.0),
    Qt.Key.Key_PageUp: (2, 1.0),
    Qt.Key.Key_PageDown: (2, -1.0),
}


def use_key(window: CaseWindow, key: Qt.Key) -> bool:
    """Do what a key stands for.

    Q: quit. S, R, P, L, C, U: as the buttons. 1 to 3: grey values. +, -: zoom. Arrows: slices.
    While correcting, B, E, D, Z, Return, comma and full stop, too.

    Parameters
    ----------
    window : CaseWindow
        The window.
    key : Qt.Key
        That was pressed.

    Returns
    -------
    bool
        Whether it stands for anything.
    """
    presets = list(PRESETS.values())
    if key == Qt.Key.Key_Q:
        window.close()
    elif key == Qt.Key.Key_Escape and window.state.tool != "look":
        window.choose_tool("look")
    elif window.state.draft is not None and _use_correcting_key(window, key):
        pass
    elif key in KINDS:
        window.ask(KINDS[key])
    elif key == Qt.Key.Key_U:
        window.choose_sigma(not window.state.by_sigma)
    elif Qt.Key.Key_1 <= key < Qt.Key.Key_1 + len(presets):
        window.choose_window(presets[key - Qt.Key.Key_1])
    elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
        window.zoom(1.0 / ZOOM_STEP if key == Qt.Key.Key_Minus else ZOOM_STEP)
    elif key in STEPS:
        number, steps = STEPS[key]
        window.step(PLANES[number], steps)
    else:
        return False
    return True


def _use_correcting_key(window: CaseWindow, key: Qt.Key) -> bool:
    """Use a key of correcting; return whether it is one."""
    draft = window.state.draft
    if key in TOOL_KEYS:
        window.choose_tool(TOOL_KEYS[key])
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        window.correcting.ask("run")
    elif key == Qt.Key.Key_Z:
        window.correcting.ask("undo")
    elif key in (Qt.Key.Key_Comma, Qt.Key.Key_Period) and draft is not None:
        by = -BRUSH_STEP if key == Qt.Key.Key_Comma else BRUSH_STEP
        window.panel.correct.radius_chosen.emit(draft.radius + by)
    else:
        return False
    return True
