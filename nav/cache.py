"""Where the user's cache is: what can be made again, kept to save the time."""

import os
from pathlib import Path


def user_cache() -> Path:
    """Folder for this program in the user's cache; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "c1c2nav"
