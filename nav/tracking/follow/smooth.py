"""A running mean of poses, for those who prefer a late number to a noisy one."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool


class Smoother:
    """Average a tool's last poses; a lost tool is lost at once and begins anew.

    A pose so smoothed is late by half of the time that it is averaged over: see `delay`.

    Parameters
    ----------
    frames : int
        Number of frame sets.

    Attributes
    ----------
    delay : float
        The longest so far, s.

    Raises
    ------
    InputError
        Fewer than 2 frame sets.
    """

    def __init__(self, frames: int) -> None:
        if frames < 2:
            raise InputError(f"--smooth: expected 2 frame sets or more, got {frames}")
        self.frames = frames
        self.seen: dict[str, deque[tuple[float, TrackedTool]]] = {}
        self.delay = 0.0  # s, the longest so far

    def smooth(self, tracked: TrackedFrame) -> TrackedFrame:
        """Return the frame with every tool's mean pose."""
        tools = {name: self._tool(name, tracked.time, seen) for name, seen in tracked.tools.items()}
        return replace(tracked, tools=tools)

    def _tool(self, name: str, time: float, seen: TrackedTool | Lost) -> TrackedTool | Lost:
        past = self.seen.setdefault(name, deque(maxlen=self.frames))
        if isinstance(seen, Lost):
            past.clear()
            return seen
        past.append((time, seen))
        self.delay = max(self.delay, time - float(np.mean([when for when, _ in past])))
        return replace(seen, rig_from_tool=mean_pose([tool.rig_from_tool for _, tool in past]))


def mean_pose(poses: Sequence[Pose]) -> Pose:
    """Average poses near one another, their random errors independent.

    Parameters
    ----------
    poses : sequence of Pose
        At least one.

    Returns
    -------
    Pose
        With the covariance of the mean.
    """
    rotation = Rotation.concatenate([pose.transform.rotation for pose in poses]).mean()
    position = np.mean([pose.transform.translation for pose in poses], axis=0)
    covariance = np.mean([pose.covariance for pose in poses], axis=0) / len(poses)
    return Pose(RigidTransform.from_components(position, rotation), covariance)
