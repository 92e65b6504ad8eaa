"""Whether a window can be shown here, found out where a failure costs nothing: in a child process.

Qt ends the whole program where it cannot open a display.
"""

import os
import sys
from functools import cache

from nav.core.childprocess import run
from nav.core.errors import InputError

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
UNSEEN = ("offscreen", "minimal")  # Qt's platforms without a screen
PATIENCE = 60.0  # s; a busy computer takes long to load Qt
SCREEN = """
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
size = app.primaryScreen().size() * app.primaryScreen().devicePixelRatio()
print(app.platformName(), size.width(), size.height())
"""


def qt_platform() -> str:
    """Return Qt's platform plugin, if one was asked for.

    Returns
    -------
    str
        Name in QT_QPA_PLATFORM, without its options; empty where it is not set.
    """
    return os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]


def named_displays() -> list[str]:
    """Return the displays that the environment names.

    Returns
    -------
    list of str
        ``NAME=VALUE`` for each of DISPLAY and WAYLAND_DISPLAY that is set.
    """
    return [f"{name}={os.environ[name]}" for name in DISPLAYS if os.environ.get(name)]


def forget_plugins_of_opencv() -> None:
    """Unset plugin paths of OpenCV's own Qt, which importing it may have set."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]


def no_display() -> bool:
    """Return whether there certainly is no display.

    A quick check of the environment, before `display_problem` tries to open one.

    Returns
    -------
    bool
        True on Linux where no display is named and no off-screen platform was asked for.
    """
    unseen = qt_platform() in UNSEEN
    return sys.platform.startswith("linux") and not named_displays() and not unseen


def display_problem() -> str:
    """Return why no window can be shown.

    An off-screen platform that was asked for counts as a display.

    Returns
    -------
    str
        A sentence; empty where a window can be shown.
    """
    if qt_platform() in UNSEEN:
        return ""
    named = named_displays()
    if no_display():
        return "no display here: log in with a screen, or set DISPLAY"
    forget_plugins_of_opencv()
    environment = tuple(os.environ.get(name, "") for name in (*DISPLAYS, "QT_QPA_PLATFORM"))
    if _opens(environment):
        return ""
    what = f"the display ({', '.join(named)})" if named else "the display"
    return f"{what} cannot be opened; nav doctor says what is missing"


@cache
def _opens(environment: tuple[str, ...]) -> bool:
    """Return whether Qt can open the display; the cached answer depends on `environment`."""
    return run([sys.executable, "-c", SCREEN], PATIENCE)[0] == 0


def forget_unreachable_display() -> str:
    """Remove a display that cannot be opened from the environment of this process and its children.

    Libraries that draw off screen would try to open it, and fail.

    Returns
    -------
    str
        What is wrong with it; empty where nothing is, or none is named.
    """
    if not named_displays():
        return ""
    problem = display_problem()
    if problem:
        for name in DISPLAYS:
            os.environ.pop(name, None)
    return problem


def check_display() -> None:
    """Refuse to go on where there is no display, before anything starts.

    Raises
    ------
    InputError
        There is none.
    """
    if not can_show():
        raise InputError(
            "nav live: no display here; log in with a screen or set DISPLAY. "
            "nav track and nav demo --headless need none"
        )


def can_show() -> bool:
    """Return whether Qt has something to draw on.

    An off-screen platform that was asked for counts.

    Returns
    -------
    bool
        False where there is no display and none is named.

    Raises
    ------
    InputError
        A display is named, but cannot be opened.
    """
    problem = display_problem()
    if problem and named_displays():
        raise InputError(problem)
    return not problem
