"""From tool poses to the needle's tip."""

import numpy as np

from nav.core.covariance import covariance_root
from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.tracked_frame import Tip, TrackedFrame
from nav.tracking.tool import Tool


def tip_from_pose(
    frame_from_tool: Pose,
    tool: Tool,
    systematic_pose: Pose | None = None,
    tip_scale_sd: float = 0.0,
) -> Tip | None:
    """Return the tip of a tool in the frame of its pose.

    Parameters
    ----------
    frame_from_tool : Pose
        With the covariance of its random errors.
    tool : Tool
        The tool.
    systematic_pose : Pose, optional
        The same pose with the covariance of its systematic errors, if it has any.
    tip_scale_sd : float
        Relative error of the tip's place in the tool's frame by the scale of the print.

    Returns
    -------
    Tip or None
        mm; None for a tool without a tip.
    """
    if tool.tip is None:
        return None
    position, random = frame_from_tool.apply(tool.tip.position)
    rotation = frame_from_tool.transform.as_matrix()[:3, :3]
    heading = None if tool.tip.axis is None else rotation @ tool.tip.axis
    calibration = tip_error_columns(rotation, tool, tip_scale_sd)
    systematic = calibration @ calibration.T
    if systematic_pose is not None:
        systematic = systematic + systematic_pose.apply(tool.tip.position)[1]
    return Tip(position, heading, random, systematic)


def tip_error_columns(rotation: Array, tool: Tool, tip_scale_sd: float = 0.0) -> Array:
    """Return how the errors of a tip's calibration move it: the same ones in every frame.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        frame_from_tool.
    tool : Tool
        With a tip.
    tip_scale_sd : float
        Relative error of the tip's place in the tool's frame by the scale of the print.

    Returns
    -------
    ndarray, shape (3, 4)
        One standard deviation of each in a column, in the frame, mm.
    """
    assert tool.tip is not None
    by_scale = tip_scale_sd * tool.tip.position
    root = covariance_root(tool.tip.covariance)
    return np.asarray(rotation @ np.column_stack([root, by_scale]))


def tip_in_reference(tracked: TrackedFrame, needle: Tool, reference: str) -> Tip | Lost:
    """Return the needle's tip in the reference body's frame.

    Random errors are those of both poses (the reference's rotation with its lever arm); the
    systematic ones are those of the tip's calibration, and of tools and rig that are not as their
    files say.

    Parameters
    ----------
    tracked : TrackedFrame
        One frame set's poses.
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.

    Returns
    -------
    Tip or Lost
        In mm; or why it is not known.
    """
    poses = tracked.poses(needle.name, relative_to=reference)
    if isinstance(poses, Lost):
        return poses
    seen = tracked.tools[needle.name]
    scale_sd = 0.0 if isinstance(seen, Lost) else seen.tip_scale_sd
    tip = tip_from_pose(poses[0], needle, poses[1], scale_sd)
    if tip is None:
        return Lost("no_tip", {"tool": needle.name})
    if not np.all(np.isfinite(tip.position)):
        return Lost("tip_not_finite")
    return tip
