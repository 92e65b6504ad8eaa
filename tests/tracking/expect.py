"""What tests of the tracker say about its results."""

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import Tool


def seen(frame: TrackedFrame, tool: str) -> TrackedTool:
    """The tool, which must not be lost."""
    found = frame.tools[tool]
    assert not isinstance(found, Lost), found
    return found


def why(frame: TrackedFrame, tool: str) -> Lost:
    """The reason for which a tool is lost, which it must be."""
    found = frame.tools[tool]
    assert isinstance(found, Lost)
    return found


def tip_of(frame: TrackedFrame, tool: Tool) -> Tip:
    """The tip with its random and systematic errors."""
    found = seen(frame, tool.name)
    tip = tip_from_pose(found.rig_from_tool, tool, found.systematic_pose, found.tip_scale_sd)
    assert tip is not None
    return tip


def tip_off(frame: TrackedFrame, tool: Tool, place: RigidTransform) -> Array:
    """Error of the tip (3,), mm, of a tool that is at `place`."""
    assert tool.tip is not None
    return tip_of(frame, tool).position - np.asarray(place.apply(tool.tip.position), float)


def squared(off: Array, covariance: Array) -> float:
    """Squared Mahalanobis distance."""
    return float(off @ np.linalg.solve(covariance, off))


def sigmas(frame: TrackedFrame, tool: Tool, place: RigidTransform) -> float:
    """Error of the tip by its total covariance: its Mahalanobis distance."""
    return float(np.sqrt(squared(tip_off(frame, tool, place), tip_of(frame, tool).covariance)))
