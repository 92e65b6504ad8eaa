"""Damage of a JPEG's compressed pixels, as the decoder reports it."""

import re
import struct
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.picture_file import JPEG_END
from nav.camera.quiet_opencv import messages_caught

JPEG_DAMAGED = ("Corrupt JPEG data", "Premature end of JPEG", "Invalid SOS parameters")
JPEG_SURPLUS = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
MOST_SURPLUS = 8  # bytes before the end mark
FIRST_RESTART, RESTART_MARKS = 0xD0, 8
RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
LARGEST = 65500  # px, side of an image that libjpeg decodes


def tells_of_damage(message: str) -> bool:
    """Return whether libjpeg has filled up what it could not read.

    Parameters
    ----------
    message : str
        As it wrote it to standard error.

    Returns
    -------
    bool
        False for a few bytes too many, which some cameras write.
    """
    surplus = JPEG_SURPLUS.search(message)
    if surplus:
        return int(surplus[1]) > MOST_SURPLUS
    return message.startswith(JPEG_DAMAGED)


def are_parts_damaged(
    head: bytes,
    scan: bytes,
    frame: int,
    unit: tuple[int, int],
    units: tuple[int, int],
    interval: int,
    which: NDArray[np.bool_] | None = None,
) -> bool:
    """Decode the parts between restart marks as images of their own, and hear what is said.

    Each part begins anew, so that it is an image of as many units in one row, or in several whole
    rows.

    Parameters
    ----------
    head : bytes
        Up to the compressed pixels.
    scan : bytes
        From there, with the end mark.
    frame : int
        Where height and width are written in the head.
    unit : tuple of int
        Width and height of the units of compression, px.
    units : tuple of int
        How many are beside and below each other.
    interval : int
        Units from one restart to the next; 0 where there are none.
    which : ndarray, shape (n,), bool, optional
        Which parts to look at; all if not given.

    Returns
    -------
    bool
        Whether one is damaged, or there are more or fewer than there should be.
    """
    columns, count = units[0], units[0] * units[1]
    length = interval or count
    parts = (
        RESTART.split(scan.removesuffix(JPEG_END)) if interval else [scan.removesuffix(JPEG_END)]
    )
    if len(parts) != -(-count // length):
        return True
    with messages_caught() as messages:
        for k in np.arange(len(parts)) if which is None else np.flatnonzero(which):
            own = min(length, count - int(k) * length)
            rows = own // columns if own % columns == 0 else 1
            width, height = own // rows * unit[0], rows * unit[1]
            if max(width, height) > LARGEST:
                return True
            size = struct.pack(">HH", height, width)
            whole = head[:frame] + size + head[frame + len(size) :] + parts[k] + JPEG_END
            with suppress(cv2.error):
                cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_GRAYSCALE)
    return any(map(tells_of_damage, messages))
