"""What the pixels of all of a tool's views say about its pose: the result of the direct fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.frames import Array
from nav.tracking.marker_views import MarkerViews
from nav.tracking.response import Response


@dataclass(frozen=True)
class FitResult:
    """What the pixels of every view say about the pose, linear about where the passes ended.

    pose : (4, 4) rig_from_tool there. velocity : (6,) about the pivot, mm/s, rad/s.
    flow : (n, 8, 6) flow by motion about the pivot. information : (n, 10, 10) of flow and
    response, in units of the noise; gradient : (n, 10).
    explained, visible, noise : (n,). good : (n,) whether a view looks like its marker.
    responses : the cameras' curves; toward : (cameras, 2) pull of what was known of them.
    off : (n, 8) flow by which each marker lies off the pose; slack : px, sd of that, 0 if none.
    scale : (n,) px per cell. pixels : (n,) how many contributed.
    corners : (n, 4, 2) px at the pose; by_flow : (n, 8, 8) their derivative by flow.
    began : (n, 4, 2) corners at the pose that the fit began from.
    """

    marker_views: MarkerViews
    pose: Array
    velocity: Array
    pivot: Array
    poses: Array
    plane: Array
    flow: Array
    information: Array
    gradient: Array
    blur: Array
    brightness: Array
    explained: Array
    visible: Array
    noise: Array
    good: NDArray[np.bool_]
    responses: Sequence[Response]
    toward: Array
    off: Array
    slack: float
    scale: Array
    pixels: Array
    corners: Array
    by_flow: Array
    began: Array
