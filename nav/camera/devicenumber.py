"""A webcam's number as users give it."""

import re

# OpenCV reads hundreds as the choice of a driver's interface, and -1 as any camera
NUMBER = re.compile(r"0*\d{1,2}", re.ASCII)


def webcam_number(text: str) -> int | None:
    """Parse the number of a webcam.

    Parameters
    ----------
    text : str
        As users give it.

    Returns
    -------
    int or None
        0 to 99; None for any other text.
    """
    return int(text) if NUMBER.fullmatch(text) else None
