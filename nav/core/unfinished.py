"""Name files that are being written, and remove what interrupted commands have left of them."""

import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

UNFINISHED = re.compile(r"^\..*\.c1c2nav-([0-9a-f]{6})-(\d+)-[0-9a-f]{8}(\.[^/]*)?$")
LONGEST_NAME = 255  # bytes, of one name in most file systems
# s after which an unfinished file is no longer being written, whoever wrote it: longer than any
# command runs
ABANDONED = 86400.0


def unfinished_name(target: Path) -> Path:
    """Return a new name beside a file that says which process is writing it.

    An interrupted command's files are recognised by that name, and removed by the next.

    Parameters
    ----------
    target : Path
        The file that is written.

    Returns
    -------
    Path
        Hidden, in the same folder, with the same suffix.
    """
    unique = f".c1c2nav-{_computer()}-{os.getpid()}-{secrets.token_hex(4)}"
    room = LONGEST_NAME - len(os.fsencode(unique + target.suffix)) - 1
    stem = os.fsdecode(os.fsencode(target.stem)[: max(room, 0)])
    return target.with_name(f".{stem}{unique}{target.suffix}")


def remove_unfinished(folder: Path) -> None:
    """Remove files and folders that interrupted commands have left unfinished.

    Parameters
    ----------
    folder : Path
        Where to look; not its sub-folders. A folder that cannot be read is skipped.
    """
    try:
        entries = [entry for entry in folder.iterdir() if UNFINISHED.match(entry.name)]
    except OSError:
        return
    for entry in entries:
        found = UNFINISHED.match(entry.name)
        assert found is not None
        with suppress(OSError):
            if not _abandoned(found[1], int(found[2]), entry.lstat().st_mtime):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()


def _abandoned(computer: str, process: int, changed: float) -> bool:
    if time.time() - changed > ABANDONED:
        return True
    # Windows has no harmless signal to ask with
    if computer != _computer() or sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _computer() -> str:
    """Return six hex digits for this computer: processes of another one cannot be checked here."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
