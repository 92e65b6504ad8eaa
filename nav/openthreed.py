"""Open3D, which casts rays and finds nearest points, without what it brings for web browsers."""

import sys
from functools import cache
from types import ModuleType
from typing import Any

# imports Dash, Plotly and IPython for drawing in a browser: half of the time, 40 MB
WEB = "open3d.visualization.draw_plotly"


class _NotThere(ModuleType):
    """Stands in for a module: it has every name that is imported from it, and nothing works."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


@cache
def import_open3d() -> Any:
    """Return the module `open3d`; call it where rays are cast, for it takes a second to import."""
    if "open3d" in sys.modules or WEB in sys.modules:
        import open3d

        return open3d
    sys.modules[WEB] = _NotThere(WEB)
    try:
        import open3d
    finally:
        sys.modules.pop(WEB, None)
    return open3d
