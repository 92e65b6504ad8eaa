"""Poses of a recorded frame that nothing can be computed with: a spoilt or a foreign file."""

from dataclasses import replace

import numpy as np

from nav.core.covariance import CovarianceError, checked_covariance
from nav.core.errors import Lost
from nav.core.textfile import MOST_NUMBER
from nav.core.tracked_frame import TrackedFrame, TrackedTool

ANY_SD = np.full(6, MOST_NUMBER)  # mm, rad: how vague a pose may be is for those who use it


def checked_frame(frame: TrackedFrame) -> TrackedFrame:
    """Return a frame without poses whose products are not finite, or whose errors no covariance.

    Parameters
    ----------
    frame : TrackedFrame
        As it was recorded.

    Returns
    -------
    TrackedFrame
        The same one, or one in which such tools are lost, with that reason.
    """
    spoilt = {
        name: why
        for name, tool in frame.tools.items()
        if isinstance(tool, TrackedTool) and (why := _why_spoilt(name, tool)) is not None
    }
    return replace(frame, tools={**frame.tools, **spoilt}) if spoilt else frame


def _why_spoilt(name: str, tool: TrackedTool) -> Lost | None:
    pose = tool.rig_from_tool
    numbers = (pose.transform.translation, pose.covariance, tool.systematic, tool.size_error)
    if not all(bool((np.abs(each) <= MOST_NUMBER).all()) for each in numbers):
        return Lost("reported_not_finite", {"tool": name})
    try:
        checked_covariance((pose.covariance, tool.systematic), ANY_SD)
    except CovarianceError as error:
        return Lost("reported_no_covariance", {"tool": name, "problem": str(error)})
    return None
