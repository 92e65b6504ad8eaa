"""Memory of the computer: how much is available, and giving back what the C library keeps."""

import ctypes
import gc
import sys
from pathlib import Path

MEMORY_STATE = Path("/proc/meminfo")


def give_memory_back(collect: bool = True) -> None:
    """Give freed memory back to the system, where the C library keeps it (glibc).

    Parameters
    ----------
    collect : bool
        Collect garbage first, which takes tenths of a second in a large program.
    """
    if collect:
        gc.collect()
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):
            return  # another C library


def available_memory() -> int | None:
    """Return how much memory can be used without others being moved to the disk.

    Returns
    -------
    int or None
        Bytes; None where the system does not say it (other systems than Linux).
    """
    try:
        for line in MEMORY_STATE.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
