"""The length of a needle's shaft, for drawing it."""

import numpy as np

from nav.tracking.tool import Tool

# mm; a Tuohy needle's usual shaft, where the markers do not determine it
USUAL_LENGTH = 90.0


def shaft_length(needle: Tool) -> float:
    """Return the length of a needle's shaft that is drawn.

    Parameters
    ----------
    needle : Tool
        With tip, axis and markers, if they are known.

    Returns
    -------
    float
        From the tip back to the nearest marker along the axis, mm, within 40 to 250; else a usual
        length.
    """
    if needle.tip is None or needle.tip.axis is None or not needle.markers:
        return USUAL_LENGTH
    corners = np.vstack([marker.corners for marker in needle.markers])
    behind = (needle.tip.position - corners) @ needle.tip.axis
    return float(np.clip(behind.min(), 40.0, 250.0))
