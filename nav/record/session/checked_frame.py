"""Poses of a recorded frame that nothing can be computed with: a spoilt or a foreign file."""

from dataclasses import replace

import numpy as np

from nav.core.errors import Lost
from nav.core.textfile import MOST_NUMBER
from nav.core.tracked_frame import TrackedFrame, TrackedTool


def checked_frame(frame: TrackedFrame) -> TrackedFrame:
    """Return a frame without poses whose numbers are not finite, or whose products are not.

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
        name: Lost("reported_not_finite", {"tool": name})
        for name, tool in frame.tools.items()
        if isinstance(tool, TrackedTool) and not _is_finite(tool)
    }
    return replace(frame, tools={**frame.tools, **spoilt}) if spoilt else frame


def _is_finite(tool: TrackedTool) -> bool:
    pose = tool.rig_from_tool
    numbers = (pose.transform.translation, pose.covariance, tool.systematic, tool.size_error)
    return all(bool((np.abs(each) <= MOST_NUMBER).all()) for each in numbers)
