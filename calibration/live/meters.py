"""Progress of one camera's captures, as bars with their goals."""

import numpy as np

from calibration.cameras.rig_verdict import (
    COVERED,
    FEW_VIEWS,
    HARDLY_COVERED,
    HARDLY_TILTED,
    TILTED,
)
from calibration.live.progress import FEW_TOGETHER, SPARE, TOGETHER, CameraProgress, Progress
from nav.view.meter_bars import Meter


def meters(camera: CameraProgress, progress: Progress) -> tuple[Meter, ...]:
    """Compare one camera's captures with how much is enough.

    Parameters
    ----------
    camera : CameraProgress
        Of the camera.
    progress : Progress
        Of all cameras.

    Returns
    -------
    tuple of Meter
        Images, coverage, tilt, and with several cameras common captures.
    """
    goal = np.degrees(SPARE * TILTED)
    result = [
        _meter("images", f"{camera.views} of {progress.least}", camera.views, FEW_VIEWS,
               progress.least),
        _meter("covered", f"{camera.covered:.0%} of {COVERED:.0%}", camera.covered,
               HARDLY_COVERED, COVERED),
        _meter("tilt", f"{np.degrees(camera.tilt):.0f}° of {goal:.0f}°", camera.tilt,
               HARDLY_TILTED, SPARE * TILTED),
    ]  # fmt: skip
    if len(progress.cameras) > 1:
        name = "both at once" if len(progress.cameras) == 2 else "with another"
        result.append(
            _meter(name, f"{camera.together} of {TOGETHER}", camera.together,
                   FEW_TOGETHER, TOGETHER)
        )  # fmt: skip
    return tuple(result)


def _meter(name: str, value: str, have: float, few: float, enough: float) -> Meter:
    status = "seen" if have >= enough else "doubtful" if have >= few else "unknown"
    return Meter(name, value, have / enough, status)
