"""Open3D, which casts rays and finds nearest points, without its dependencies for web browsers."""

import sys
from functools import cache
from types import ModuleType
from typing import Any

# imports Dash, Plotly and IPython for drawing in a browser: half of the time, 40 MB
WEB = "open3d.visualization.draw_plotly"


class _NotThere(ModuleType):
    """Placeholder for a module: every imported name exists, and none works."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


@cache
def import_open3d() -> Any:
    """Import Open3D without Dash, Plotly and IPython; call it only where rays are cast.

    The import takes about a second.

    Returns
    -------
    module
        The module `open3d`.
    """
    if "open3d" in sys.modules or WEB in sys.modules:
        import open3d

        return open3d
    sys.modules[WEB] = _NotThere(WEB)
    try:
        import open3d
    finally:
        sys.modules.pop(WEB, None)
    return open3d
