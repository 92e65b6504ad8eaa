"""Why a tool has no pose, in words for the person at the bench."""

import numpy as np

from nav.camera.frameset import FrameSet
from nav.camera.rig import Camera, Rig
from nav.frames import Array
from nav.tracking.tool import Tool


def why_lost(rig: Rig, tool: Tool, frames: FrameSet, last: Array | None) -> str:
    """Why no marker of it was found; `last`, where it was seen last, only guides the words."""
    if not frames.frames:
        return "; ".join(frames.missing.values()) or "no picture from any camera"
    seeing = [camera for camera in rig.cameras if camera.name in frames.frames]
    outside = [
        camera.name for camera in seeing if last is not None and _outside(camera, tool, last)
    ]
    if outside:
        return f"out of view of camera {', '.join(outside)}"
    names = ", ".join(camera.name for camera in seeing)
    return f"no marker of {tool.name} seen by {names}: hidden, too oblique, too blurred or too dark"


def _outside(camera: Camera, tool: Tool, last: Array) -> bool:
    """Whether most of the tool was at or beyond the picture's edge when last seen."""
    points = np.concatenate([marker.corners for marker in tool.markers])
    points = points @ last[:3, :3].T + last[:3, 3]
    if (camera.from_rig(points)[:, 2] <= 1.0).any():
        return True
    width, height = camera.size
    pixels = camera.project(points)
    margin = 10.0
    inside = (pixels > margin).all(axis=1) & (pixels < [width - margin, height - margin]).all(
        axis=1
    )
    return bool(inside.mean() < 0.7)
