"""Numba's `njit`, with compiled code kept on disk apart for every state of the sources.

Numba keeps a function's compiled code until the function's own file changes, and does not notice a
change in another file that is compiled into it. So the folder's name holds a digest of all of them.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import numba
from numba import njit

from nav.cache import user_cache

config: Any = numba.config  # its settings are made when it is imported
HERE = Path(__file__).parent
# files that are compiled into one another
TOGETHER = (
    "camera/rays.py",
    "tracking/pattern.py",
    "tracking/sums.py",
    "tracking/photometry.py",
    "tracking/fit.py",
    "tracking/passes.py",
    "tracking/steps.py",
    "tracking/linear.py",
    "tracking/quality.py",
    "../calibration/cameras/patch.py",
)

__all__ = ["compiled_before", "njit", "sources_digest", "use_own_folder"]


def sources_digest(folder: Path = HERE) -> str:
    """Hexadecimal digest of the files below `folder` that are compiled into one another.

    Raises
    ------
    OSError
        One of them cannot be read.
    """
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in TOGETHER)).hexdigest()


def use_own_folder() -> None:
    """Keep compiled code in the user's cache, unless NUMBA_CACHE_DIR says where.

    Where the sources cannot be read or the folder not be written, Numba keeps it beside them.
    """
    if config.CACHE_DIR:
        return
    try:
        folder = user_cache() / f"compiled-{sources_digest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        config.CACHE_DIR = str(folder)


def compiled_before() -> bool:
    """Whether compiled code is on disk already; if not, the first frame set waits for it."""
    folder = Path(config.CACHE_DIR) if config.CACHE_DIR else HERE
    return next(folder.rglob("passes.look-*.nbi"), None) is not None


use_own_folder()
