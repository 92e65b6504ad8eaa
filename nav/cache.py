"""Where the user's cache is: what can be made again, kept to save the time."""

import os
import tempfile
from pathlib import Path

OTHERS_MAY_WRITE = 0o022


def user_cache() -> Path:
    """Return the folder for this program in the user's cache; it may not exist yet.

    Without a home, a folder of the user's own among the temporary files.
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
    """Return a folder of the cache, made if necessary; None if it is not safe to use.

    Compiled code is loaded from there: the folder and the one that it is in must be the user's,
    and others must not be able to write into them.
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
