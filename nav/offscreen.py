"""Draw in 3D where there is no screen."""

import os
import sys


def prepare() -> None:
    """Choose what VTK draws with, before its first window; may be called repeatedly.

    Without a screen VTK would try X first, warn, and only then take EGL. Mesa's software renderer
    is limited to one thread: more were no faster in tests, and tracking needs the other processors.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
