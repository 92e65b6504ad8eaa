"""What the results of a pivot calibration mean for the person at the bench."""

import numpy as np

from calibration.needle.pivot_coverage import Turning
from nav.core.errors import InputError
from nav.core.frames import Array

LEAST_POSES = 10
LEAST_TURN = np.radians(5.0)  # of rotations from their mean
# spread of the turning (see Turning), rad: the least accepted, and what is good
LEAST_SPREAD, GOOD_SPREAD = 0.05, 0.15
ONE_AXIS = 0.3  # share of the second spread below which the first is 'one axis only'
MOST_LEFT_OUT, GOOD_LEFT_OUT = 0.3, 0.1  # share of the poses
MOST_RMS = 1.0  # mm
MOST_TIP_SD, GOOD_TIP_SD = 0.3, 0.1  # mm, in the worst direction
GOOD_PLAY = 0.3  # mm, sd per axis
LEAST_INDEPENDENT, GOOD_INDEPENDENT = 6.0, 20.0


class NotCalibrated(InputError):
    """The poses do not give a reliable tip: verdict 'repeat', and what to do."""


def check_turning(turned: Turning) -> None:
    """Refuse a tool that was not turned, or about one axis only.

    Parameters
    ----------
    turned : Turning
        Of the poses.

    Raises
    ------
    NotCalibrated
        The turning is below the limits; the message says what to do.
    """
    if turned.angle < LEAST_TURN:
        raise NotCalibrated(
            f"repeat: the tool was turned by only {np.degrees(turned.angle):.1f} degrees; keep the "
            "tip in the divot and tilt by 30 degrees in all directions"
        )
    if turned.spread[0] >= LEAST_SPREAD:
        return
    if turned.spread[0] < ONE_AXIS * turned.spread[1]:
        raise NotCalibrated(
            f"repeat: the tool was turned about one axis only, {_vector(turned.weakest)} in its "
            "frame; where the tip is along that axis stays unknown. Tilt in all directions"
        )
    raise NotCalibrated(
        f"repeat: the tool was tilted too little ({np.degrees(turned.spread[0]):.1f} degrees rms); "
        "tilt by 30 degrees in all directions"
    )


def check_left_out(left_out: float) -> None:
    """Refuse poses of which too large a share has no pivot or another one.

    Parameters
    ----------
    left_out : float
        Share of the poses left out, 0 to 1.

    Raises
    ------
    NotCalibrated
        The share is above 30 %.
    """
    if left_out > MOST_LEFT_OUT:
        raise NotCalibrated(
            f"repeat: {100 * left_out:.0f} % of the poses do not fit one pivot: the tip left the "
            "divot, or slipped to another place; record only while it is held in the divot"
        )


def check_fit(rms: float, sd: float, independent: float) -> None:
    """Refuse a fit that is too far off one pivot, or determines the tip too poorly.

    Parameters
    ----------
    rms : float
        Of the residuals' lengths, mm.
    sd : float
        Standard deviation of the tip in the worst direction, mm.
    independent : float
        How many independent poses the poses are worth.

    Raises
    ------
    NotCalibrated
        One of them is beyond its limit; the message says what to do.
    """
    if rms > MOST_RMS:
        raise NotCalibrated(
            f"repeat: the tip is {rms:.2f} mm (rms) off one point, at most {MOST_RMS:g} mm is "
            "taken; hold it firmly in a divot that fits it, or check the rig's calibration"
        )
    if independent < LEAST_INDEPENDENT:
        raise NotCalibrated(
            f"repeat: the poses' errors are so strongly correlated that they tell no more than "
            f"{independent:.0f} independent poses would; record longer, turn in all directions, "
            "hold the tip still in the divot"
        )
    if sd > MOST_TIP_SD:
        raise NotCalibrated(
            f"repeat: the tip is known to {sd:.2f} mm (1 sd) only, at most {MOST_TIP_SD:g} mm is "
            "taken; tilt more, in all directions, and record more poses"
        )


def verdict_in_words(
    turned: Turning, left_out: float, play: float, sd: float, independent: float
) -> str:
    """Return the verdict: 'good', or 'usable: ' and what would make it better.

    Parameters
    ----------
    turned : Turning
        Of the poses used.
    left_out : float
        Share of the poses left out, 0 to 1.
    play : float
        Standard deviation per axis of what the poses' covariances do not explain, mm.
    sd : float
        Standard deviation of the tip in the worst direction, mm.
    independent : float
        How many independent poses the poses used are worth.

    Returns
    -------
    str
        One line.
    """
    advice = []
    if turned.spread[0] < GOOD_SPREAD:
        advice.append(
            f"tilt more and in all directions (least known along {_vector(turned.weakest)})"
        )
    if left_out > GOOD_LEFT_OUT:
        advice.append(f"keep the tip in the divot ({100 * left_out:.0f} % of poses left out)")
    if play > GOOD_PLAY:
        advice.append(f"hold the tip still in a divot that fits (it moved by {play:.2f} mm, 1 sd)")
    if independent < GOOD_INDEPENDENT or (sd > GOOD_TIP_SD and not advice):
        advice.append(f"more poses (worth {independent:.0f} independent ones)")
    if sd > GOOD_TIP_SD:
        advice.append(f"the tip is known to {sd:.2f} mm (1 sd) only")
    return f"usable: {'; '.join(advice)}" if advice else "good"


def _vector(direction: Array) -> str:
    return f"[{' '.join(f'{number:.2f}' for number in direction + 0.0)}]"
