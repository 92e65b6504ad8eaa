"""Give freed memory that the C library keeps back to the system."""

import ctypes
import gc
import sys


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
