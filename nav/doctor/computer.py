"""Disk, processor, memory and clock."""

import os
import shutil
import time
from pathlib import Path

from nav.doctor.check import Check, Status

LOW_DISK, NO_DISK = 5e9, 0.5e9  # bytes; recordings of pictures take gigabytes
MEMORY = 3.5e9  # bytes; what is left of 4 GB
CORES = 2


def check_disk(folder: Path) -> list[Check]:
    """Check the free space of the folder where results go, and whether it can be written.

    Parameters
    ----------
    folder : Path
        Exists.

    Returns
    -------
    list of Check
        One.
    """
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return [Check("disk", "fail", f"{folder} cannot be written", "work in another folder")]
    if free < LOW_DISK:
        status: Status = "fail" if free < NO_DISK else "warn"
        return [Check("disk", status, text, "make room: recordings need some gigabytes")]
    return [Check("disk", "ok", text)]


def check_computer(cores: int | None = None, memory: float | None = None) -> list[Check]:
    """Check processor cores and memory.

    Parameters
    ----------
    cores : int, optional
        By default those that this process may use.
    memory : float, optional
        In bytes; by default that of the computer, if it is known.

    Returns
    -------
    list of Check
        One.
    """
    if cores is None:
        own = getattr(os, "sched_getaffinity", None)
        cores = len(own(0)) if own else os.cpu_count() or 1
    if memory is None and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    text = f"{cores} cores" + (f", {memory / 1e9:.0f} GB memory" if memory else "")
    if cores < CORES or (memory is not None and memory < MEMORY):
        return [Check("computer", "warn", text, "2 cores and 4 GB are the least for two cameras")]
    return [Check("computer", "ok", text)]


def check_clock(now: float | None = None) -> list[Check]:
    """Check the date, which is written into every file, and the clock that times the images.

    Parameters
    ----------
    now : float, optional
        Seconds since 1970; by default those of the system.

    Returns
    -------
    list of Check
        One.
    """
    now = time.time() if now is None else now
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < Path(__file__).stat().st_mtime - 86400:
        return [
            Check("clock", "warn", f"{text}: before this program was installed", "set the date")
        ]
    resolution = time.get_clock_info("monotonic").resolution
    if resolution > 2e-3:
        advice = "times of images are that coarse on this system"
        return [Check("clock", "warn", f"{text}, steps of {resolution * 1e3:.0f} ms", advice)]
    return [Check("clock", "ok", text)]
