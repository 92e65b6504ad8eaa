"""What tracking hands on: for every tool a pose with covariance, or why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.errors import Lost
from nav.frames import Array, Pose

NO_TOOL = Lost("no such tool")


def _nothing() -> Array:
    return np.zeros((6, 6))


@dataclass(frozen=True)
class TrackedTool:
    """One tool in one frame set.

    rig_from_tool : random errors (pixels) only in its covariance.
    systematic : (6, 6) covariance of errors that last from frame to frame: misaligned markers,
        cameras moved, as far as the markers' disagreement shows them.
    marker_ids : distinct ids used.
    rms_px : rms of the equivalent corner residual per axis, pixels.
    corners : camera name -> {marker id: (4, 2) corners, pixels} by each marker's own light, or by
        the pose where that says little.
    warning : empty, or what a user should know ('geometry doubtful').
    cameras : names of those whose pictures confirm the pose; empty where the source of the poses
        does not say.
    """

    rig_from_tool: Pose
    marker_ids: tuple[int, ...]
    rms_px: float
    corners: Mapping[str, Mapping[int, NDArray[np.float64]]] = field(default_factory=dict)
    warning: str = ""
    systematic: Array = field(default_factory=_nothing)
    cameras: tuple[str, ...] = ()

    @property
    def systematic_pose(self) -> Pose:
        """rig_from_tool with the covariance of its systematic errors."""
        return Pose(self.rig_from_tool.transform, self.systematic)


@dataclass(frozen=True)
class Tip:
    """A needle tip in some frame, mm: position, and unit heading (hub towards tip) if known.

    random : (3, 3) covariance from pixels, averages out over frames, mm^2.
    systematic : (3, 3) covariance from calibration and registration, does not, mm^2.
    """

    position: Array
    heading: Array | None
    random: Array
    systematic: Array

    @property
    def covariance(self) -> Array:
        """Total (3, 3), for display and alarms."""
        return self.random + self.systematic


Tools = Mapping[str, TrackedTool | Lost]


@dataclass(frozen=True)
class TrackedFrame:
    """All tools of one frame set; `time` in s, `camera_lost` names cameras without a picture.

    mode : 'follow' where no whole picture was searched, else 'acquire'.
    agreeing : groups of cameras whose places in the rig file were shown to fit together, by tools
        that they saw at the same time.
    """

    number: int
    time: float
    tools: Tools
    camera_lost: Mapping[str, str] = field(default_factory=dict)
    track_seconds: float = 0.0
    mode: str = "acquire"
    agreeing: tuple[frozenset[str], ...] = ()

    def pose(self, tool: str, relative_to: str | None = None) -> Pose | Lost:
        """``rig_from_tool``, or ``reference_from_tool`` with both poses' random errors."""
        return self._pose(tool, relative_to, lambda seen: seen.rig_from_tool)

    def systematic_pose(self, tool: str, relative_to: str | None = None) -> Pose | Lost:
        """The same pose with the covariance of its systematic errors."""
        return self._pose(tool, relative_to, lambda seen: seen.systematic_pose)

    def _pose(
        self, tool: str, relative_to: str | None, of: Callable[[TrackedTool], Pose]
    ) -> Pose | Lost:
        seen = self.tools.get(tool, NO_TOOL)
        if relative_to is None:
            return seen if isinstance(seen, Lost) else of(seen)
        if tool == relative_to:
            return seen if isinstance(seen, Lost) else Pose(RigidTransform.identity())
        base = self.tools.get(relative_to, NO_TOOL)
        if isinstance(base, Lost):
            return Lost(f"reference lost: {base.reason}")
        if isinstance(seen, Lost):
            return seen
        if not self._tied(seen, base):
            return Lost(
                f"{tool} is seen by {' and '.join(seen.cameras)} only, {relative_to} by "
                f"{' and '.join(base.cameras)} only, and nothing yet shows that these cameras' "
                "places fit together: show one of the tools to both at once"
            )
        return of(base).inv() @ of(seen)

    def _tied(self, first: TrackedTool, second: TrackedTool) -> bool:
        """Whether two poses have a camera in common, or cameras that were shown to agree."""
        if not first.cameras or not second.cameras:
            return True  # of another source, which answers for that itself
        one, other = set(first.cameras), set(second.cameras)
        return bool(one & other) or any(one & group and other & group for group in self.agreeing)
