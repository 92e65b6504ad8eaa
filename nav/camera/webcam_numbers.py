"""Webcams' numbers as users give them, and which camera of a rig each is."""

import re
from collections.abc import Sequence

from nav.assignments import split_assignment
from nav.core.errors import InputError

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


def parse_webcams(options: Sequence[str], names: Sequence[str] | None = None) -> dict[str, int]:
    """Parse options like ``left=0``.

    Parameters
    ----------
    options : sequence of str
        NAME=NUMBER each.
    names : sequence of str, optional
        Cameras of the rig, each of which must be given. Without it, any name is a camera.

    Returns
    -------
    dict of str to int
        Webcam number by camera name, in the options' order.

    Raises
    ------
    InputError
        Not NAME=NUMBER, a name that the rig does not have, a name or number twice, or one missing.
    """
    wanted = " ".join(f"--camera {name}=NUMBER" for name in names or ())
    webcams: dict[str, int] = {}
    for option in options:
        name, number = split_assignment(option)
        if not name:
            raise InputError(
                f"--camera {option}: expected NAME=NUMBER, as in {wanted or '--camera left=0'}"
            )
        if names is not None and name not in names:
            raise InputError(
                f"--camera {option}: the rig has no camera {name}; it has {', '.join(names)}"
            )
        webcam = webcam_number(number)
        if webcam is None:
            raise InputError(
                f"--camera {option}: expected a webcam's number, got {number!r}; "
                "nav doctor lists them"
            )
        if name in webcams:
            raise InputError(f"--camera {option}: camera {name} is given twice")
        other = next((n for n, index in webcams.items() if index == webcam), None)
        if other is not None:
            raise InputError(f"--camera {option}: webcam {webcam} is camera {other} already")
        webcams[name] = webcam
    missing = [name for name in names or () if name not in webcams]
    if missing:
        raise InputError(f"--camera {missing[0]}=NUMBER is missing; expected {wanted}")
    return webcams
