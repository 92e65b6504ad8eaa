"""Numba's `njit`, with compiled code kept on disk apart for every state of the sources.

Numba keeps a function's compiled code until the function's own file changes, and does not notice a
change in another file that is compiled into it. So the folder's name holds a digest of all of them.
What is damaged there is compiled again; a folder into which others may write is not used.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba import njit

from nav.cache import owned_folder, user_cache
from nav.codecache import check_cached_code

config: Any = numba.config  # its settings are made when it is imported
HERE = Path(__file__).parent
# files that are compiled into one another
TOGETHER = (
    "camera/rays.py",
    "tracking/pattern.py",
    "tracking/sums.py",
    "tracking/expected.py",
    "tracking/photometry.py",
    "tracking/fit.py",
    "tracking/passes.py",
    "tracking/steps.py",
    "tracking/linear.py",
    "tracking/quality.py",
    "planning/distancegrid.py",
    "planning/field.py",
    "planning/segments.py",
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

    Where that cannot be written, or belongs to somebody else, it is kept in a folder of this
    process and its children alone, and compiled at each run. Never beside the sources, where
    Numba would keep it: an installed package is not ours to change.
    """
    if config.CACHE_DIR:
        return
    folder = None
    with suppress(OSError):
        folder = owned_folder(user_cache() / f"compiled-{sources_digest()[:16]}")
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="c1c2nav-compiled-"))
        os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for child processes
        atexit.register(_remove, folder, os.getpid())
    config.CACHE_DIR = str(folder)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not a child that was forked
        shutil.rmtree(folder, ignore_errors=True)


def compiled_before() -> bool:
    """Whether compiled code is on disk already; if not, the first frame set waits for it."""
    folder = Path(config.CACHE_DIR) if config.CACHE_DIR else HERE
    return next(folder.rglob("passes.look-*.nbi"), None) is not None


check_cached_code()
use_own_folder()
