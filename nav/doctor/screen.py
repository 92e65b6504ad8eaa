"""OpenGL and the display, as VTK and Qt find them."""

import re
import sys

from nav.core.childprocess import run
from nav.display import SCREEN, named_displays
from nav.doctor.check import Check
from nav.doctor.libraries import library_advice

OPENGL = (3, 2)  # VTK's least
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swr", "software")  # Mesa's software renderers
SMALLEST = (1280, 720)  # that the live window fits on
RENDER = """
from vtkmodules.vtkRenderingCore import vtkRenderWindow
import vtkmodules.vtkRenderingOpenGL2
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.Render()
print(window.ReportCapabilities())
"""


def check_opengl(code: str = RENDER) -> list[Check]:
    """Check what OpenGL draws with, by drawing off screen as the window does.

    Parameters
    ----------
    code : str
        Python code that draws and prints the capabilities; for tests.

    Returns
    -------
    list of Check
        One.
    """
    driver = "install the graphics card's driver, or on Debian libgl1-mesa-dri and libegl1"
    exit_code, out, _ = run([sys.executable, "-c", code])
    renderer = re.search(r"^OpenGL renderer string:\s*(.+?)\s*$", out, re.MULTILINE)
    version = re.search(r"^OpenGL version string:\s*(([0-9]+)\.([0-9]+).*?)\s*$", out, re.MULTILINE)
    if renderer is None or version is None:
        how = "hangs" if exit_code is None else f"does not work (exit {exit_code})"
        return [Check("OpenGL", "fail", f"drawing off screen {how}", driver)]
    text = f"{version[1]}, {renderer[1]}"
    if (int(version[2]), int(version[3])) < OPENGL:
        return [Check("OpenGL", "fail", f"{text}: older than 3.2", driver)]
    if any(word in renderer[1].lower() for word in SOFTWARE):
        slow = "drawing is slow without a graphics card; tracking is not"
        return [Check("OpenGL", "ok", f"{text}: software, slow", slow)]
    return [Check("OpenGL", "ok", text)]


def check_display(code: str = SCREEN) -> list[Check]:
    """Check whether the live window can open, and on how large a screen.

    Parameters
    ----------
    code : str
        Python code that opens the display and prints its size; for tests.

    Returns
    -------
    list of Check
        One.
    """
    named = named_displays()
    if sys.platform.startswith("linux") and not named:
        advice = "log in at a screen for nav live; nav track and nav demo run without"
        return [Check("display", "warn", "none", advice)]
    exit_code, out, err = run([sys.executable, "-c", code])
    where = ", ".join(named)
    found = re.search(r"^(\w+) ([0-9]+) ([0-9]+)$", out, re.MULTILINE)
    if found is None:
        why = "Qt does not answer" if exit_code is None else "Qt cannot open it"
        advice = library_advice(err) or "see system libraries; is the screen on, and yours?"
        return [Check("display", "fail", f"{where}: {why}".lstrip(": "), advice)]
    text = f"{found[2]} x {found[3]}, {found[1]}" + (f", {where}" if where else "")
    if int(found[2]) < SMALLEST[0] or int(found[3]) < SMALLEST[1]:
        return [Check("display", "warn", text, "the live window needs 1280 x 720")]
    return [Check("display", "ok", text)]
