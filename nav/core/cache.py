"""The user's cache folder: what can be made again, kept to save time."""

import os
import tempfile
from pathlib import Path

OTHERS_MAY_WRITE = 0o022


def user_cache() -> Path:
    """Return the folder of this program in the user's cache.

    ``$XDG_CACHE_HOME/c1c2nav`` or ``~/.cache/c1c2nav``; without a home folder, a folder named after
    the user among the temporary files.

    Returns
    -------
    Path
        The folder, which may not exist yet.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # others are to be ignored (XDG base directory specification)
        return given / "c1c2nav"
    try:
        return Path.home() / ".cache" / "c1c2nav"
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"c1c2nav-{user}"


def owned_folder(folder: Path) -> Path | None:
    """Return a folder of the cache, created if necessary, where it is safe to use.

    Compiled code is loaded from it: the folder and its parent must belong to the user, and nobody
    else may be able to write to them.

    Parameters
    ----------
    folder : Path
        Folder below `user_cache`, or that one itself.

    Returns
    -------
    Path or None
        The folder; None where it cannot be created or written, or belongs to somebody else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (folder.parent, folder) if folder != user_cache() else (folder,):
            if not _is_safe(path):
                return None
        return folder if os.access(folder, os.W_OK | os.X_OK) else None
    except OSError:
        return None


def _is_safe(folder: Path) -> bool:
    if not hasattr(os, "geteuid"):
        return True
    found = folder.stat()
    if found.st_uid != os.geteuid():
        return False
    if found.st_mode & OTHERS_MAY_WRITE:
        folder.chmod(found.st_mode & ~OTHERS_MAY_WRITE & 0o7777)
    return True
