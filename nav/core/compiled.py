"""Numba's `njit`, with compiled code kept on disk separately for every state of the sources.

Numba keeps a function's compiled code until the function's own file changes, and does not notice a
change in another file that is compiled into it. So the folder's name holds a digest of all that
compiled functions import; copies of the same sources share it. Damaged files are compiled again; a
folder into which others may write is not used.
"""

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba import njit

from nav.core.cache import owned_folder, user_cache
from nav.core.codecache import check_cached_code, share_cached_code

config: Any = numba.config  # its settings are made when it is imported
HERE = Path(__file__).parents[1]
PACKAGES = ("nav", "calibration", "phantoms")
COMPILES = re.compile(rb"^from nav\.core\.compiled import .*\bnjit\b", re.MULTILINE)
IMPORTS = re.compile(rb"^from ((?:nav|calibration|phantoms)\.[\w.]+) import ", re.MULTILINE)

__all__ = ["compiled_before", "compiled_sources", "njit", "sources_digest", "use_own_folder"]


def compiled_sources(root: Path = HERE.parent) -> dict[str, bytes]:
    """Return the contents of all files that compiled code depends on.

    Those are the files with compiled functions, and what these import: functions that are compiled
    into theirs, and constants.

    Parameters
    ----------
    root : Path, optional
        Folder that contains the packages.

    Returns
    -------
    dict of str to bytes
        Contents by path relative to `root`, sorted by path.

    Raises
    ------
    OSError
        One of them cannot be read.
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
    }
    compiling = [name for name, text in files.items() if COMPILES.search(text)]
    imported = {
        module.decode().replace(".", "/") + ".py"
        for name in compiling
        for module in IMPORTS.findall(files[name])
    }
    return {name: files[name] for name in sorted({*compiling, *imported} & set(files))}


def sources_digest(root: Path = HERE.parent) -> str:
    """Return the SHA-256 digest of the sources of compiled code.

    Parameters
    ----------
    root : Path, optional
        As for `compiled_sources`.

    Returns
    -------
    str
        Hexadecimal digest of the files' paths and contents.

    Raises
    ------
    OSError
        One of them cannot be read.
    """
    digest = hashlib.sha256()
    for name, text in compiled_sources(root).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
    return digest.hexdigest()


def use_own_folder() -> None:
    """Keep compiled code in the user's cache, unless NUMBA_CACHE_DIR names a folder.

    Where the cache cannot be written, or belongs to somebody else, the code is kept in a temporary
    folder of this process and its children, and compiled at each run. It is never kept beside the
    sources, which is Numba's default: an installed package is not ours to change.
    """
    if config.CACHE_DIR:
        return
    folder = None
    with suppress(OSError):
        folder = owned_folder(user_cache() / f"compiled-{sources_digest()[:16]}")
    if folder is not None:
        share_cached_code(HERE.parent / package for package in PACKAGES)
    else:
        folder = Path(tempfile.mkdtemp(prefix="c1c2nav-compiled-"))
        os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for child processes
        atexit.register(_remove, folder, os.getpid())
    config.CACHE_DIR = str(folder)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not a child that was forked
        shutil.rmtree(folder, ignore_errors=True)


def compiled_before() -> bool:
    """Return whether compiled code is on disk already.

    Returns
    -------
    bool
        If False, the first frame set waits for the compilation.
    """
    folder = Path(config.CACHE_DIR) if config.CACHE_DIR else HERE
    return next(folder.rglob("accumulate_views.accumulate_views-*.nbi"), None) is not None


check_cached_code()
use_own_folder()
