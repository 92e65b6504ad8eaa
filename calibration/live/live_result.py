"""The calibration of what was captured, as the window shows it."""

import numpy as np

from calibration.cameras.rig_calibration import RigCalibration
from calibration.cameras.rig_verdict import COVERED, ENOUGH_VIEWS, GOOD_PIXELS, TILTED

HEADINGS = ("camera", "images", "corners off, px", "direction ±, px", "covered", "tilt",
            "lens", "verdict")  # fmt: skip
LIMITS = ("for good", f"{ENOUGH_VIEWS}", "", f"{GOOD_PIXELS:g}", f"{COVERED:.0%}",
          f"{np.degrees(TILTED):.0f}°", "", "")  # fmt: skip
MEANING = {
    "good": "Good. Save it",
    "usable": "Usable, can be better",
    "repeat": "Not good enough",
}
WHAT_NEXT = {
    "good": "the expected errors are within the limits of 'good'",
    "usable": "save it, or take more images as advised below",
    "repeat": "take more images as advised below",
}


def verdict_rows(result: RigCalibration) -> list[tuple[str, ...]]:
    """Return a line of words and numbers per camera, as `HEADINGS`.

    Parameters
    ----------
    result : RigCalibration
        The calibration.

    Returns
    -------
    list of tuple of str
    """
    rows: list[tuple[str, ...]] = []
    found = result.found
    for k, (name, v) in enumerate(zip(result.gathered.cameras, found.verdicts, strict=True)):
        rows.append((
            name, str(v.views), f"{found.rms[k]:.3f}", f"{v.pixels:.3f}",
            f"{v.covered:.0%}", f"{np.degrees(v.tilt):.0f}°", found.fit.models[k], v.word,
        ))  # fmt: skip
    return rows
