"""Drawing in 3D where there is no screen."""

import os
import sys


def prepare() -> None:
    """Tell VTK, before its first window, what to draw with; call it as often as you like.

    Without a screen VTK would try X first, warn, and only then take EGL. Mesa's software renderer
    keeps to one thread: more were no quicker here, and tracking needs the other processors.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
