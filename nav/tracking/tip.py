"""From tool poses to the needle's tip."""

import numpy as np

from nav.errors import Lost
from nav.frames import Pose
from nav.tracking.result import Tip, TrackedFrame
from nav.tracking.tool import Tool


def tip_from_pose(frame_from_tool: Pose, tool: Tool) -> Tip | None:
    """The tip of a tool in the frame of its pose; None for a tool without a tip."""
    if tool.tip is None:
        return None
    position, random = frame_from_tool.apply(tool.tip.position)
    rotation = frame_from_tool.transform.rotation.as_matrix()
    heading = None if tool.tip.axis is None else rotation @ tool.tip.axis
    return Tip(position, heading, random, rotation @ tool.tip.covariance @ rotation.T)


def tip_in_reference(tracked: TrackedFrame, needle: Tool, reference: str) -> Tip | Lost:
    """The needle's tip in the reference body's frame, mm, or why it is not known.

    Random errors are both poses' (the reference's rotation with its lever arm), the systematic one
    is the tip calibration's.
    """
    pose = tracked.pose(needle.name, relative_to=reference)
    if isinstance(pose, Lost):
        return pose
    tip = tip_from_pose(pose, needle)
    if tip is None:
        return Lost(f"{needle.name} has no tip: calibrate it first")
    if not np.all(np.isfinite(tip.position)):
        return Lost("tip is not finite")
    return tip
