"""The frame of a tool's tip, as other programs are given it: origin there, +Z along the shaft."""

import math

import numpy as np

from nav.core.frames import Array, cross_matrix
from nav.tracking.tool import ToolTip

ALONG = 0.9  # cosine from which an axis says too little of the directions across another


def tool_from_tip(tip: ToolTip | None) -> Array:
    """Return the frame of a tool's tip: origin there, +Z along the shaft towards the tip.

    Parameters
    ----------
    tip : ToolTip or None
        Without a tip the tool's own frame is returned; without an axis, its own directions.

    Returns
    -------
    ndarray, shape (4, 4)
        mm; x is the tool's own x, made perpendicular (its y where x is along the shaft).
    """
    frame = np.eye(4)
    if tip is None:
        return frame
    frame[:3, 3] = tip.position
    if tip.axis is not None:
        frame[:3, :3] = along(np.eye(3), tip.axis)
    return frame


def along(rotation: Array, axis: Array) -> Array:
    """Return a rotation with the given z axis, and x as near as possible to that of another.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Its columns are the axes.
    axis : ndarray, shape (3,)
        Unit vector.

    Returns
    -------
    ndarray, shape (3, 3)
        Where x is along `axis`, within 25 degrees, y takes its part.
    """
    z = axis / math.sqrt(axis @ axis)
    guide = rotation[:, 0] if abs(rotation[:, 0] @ z) < ALONG else rotation[:, 1]
    x = guide - (guide @ z) * z
    x /= math.sqrt(x @ x)
    return np.column_stack((x, cross_matrix(z) @ x, z))
