"""What tracking returns: for every tool a pose with covariance, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array, Pose, adjoint
from nav.core.frameset import FrameSet
from nav.core.notice import Notice

NO_TOOL = Lost("no_such_tool")


def _nothing() -> Array:
    return np.zeros((6, 6))


def _no_motion() -> Array:
    return np.zeros(6)


@dataclass(frozen=True)
class TrackedTool:
    """One tool in one frame set.

    Parameters
    ----------
    rig_from_tool : Pose
        Its covariance holds random errors (pixels) only.
    marker_ids : tuple of int
        Distinct ids used; empty where the pose does not come from printed markers.
    rms_px : float or None
        Of the equivalent corners' residuals, per axis, px; None where there are none.
    corners : mapping
        Camera name to {marker id: corners (4, 2), px}: by each marker's own pixels, or by the pose
        where those say little.
    warnings : tuple of Notice
        What a user should know ("geometry_doubtful").
    systematic : ndarray, shape (6, 6)
        Covariance of errors that last from frame to frame: misaligned markers, cameras that moved,
        as far as the markers' disagreement shows them, and the scale of the print.
    cameras : tuple of str
        Those whose images confirm the pose; empty where the source of the poses does not say.
    size_error : ndarray, shape (6,)
        Error of the pose by one standard deviation of the print's scale; in `systematic` too.
    tip_scale_sd : float
        Relative error of the tip's place in the tool's frame, if it was calibrated with cameras
        that do not see the tool's size; 0 where they do.
    print_name : str, optional
        Of the tool's print: tools of one print share its scale.
    """

    rig_from_tool: Pose
    marker_ids: tuple[int, ...] = ()
    rms_px: float | None = None
    corners: Mapping[str, Mapping[int, NDArray[np.float64]]] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    systematic: Array = field(default_factory=_nothing)
    cameras: tuple[str, ...] = ()
    size_error: Array = field(default_factory=_no_motion)
    tip_scale_sd: float = 0.0
    print_name: str | None = None

    @property
    def systematic_pose(self) -> Pose:
        """rig_from_tool with the covariance of its systematic errors."""
        return Pose(self.rig_from_tool.transform, self.systematic)


@dataclass(frozen=True)
class Tip:
    """A needle tip in some frame.

    Parameters
    ----------
    position : ndarray, shape (3,)
        mm.
    heading : ndarray, shape (3,), or None
        Unit vector from hub to tip, if it is known.
    random : ndarray, shape (3, 3)
        Covariance from pixels, mm^2; averages out over frames.
    systematic : ndarray, shape (3, 3)
        Covariance from calibration and registration, mm^2; does not average out.
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
    """All tools at one instant, and what the source of the poses adds for people to see.

    Parameters
    ----------
    number : int
        Of the frame.
    time : float
        s.
    tools : mapping
        By name: TrackedTool, or Lost with the reason.
    camera_lost : mapping
        Why a camera has no image, by its name.
    track_seconds : float
        How long tracking took, s.
    mode : str
        "follow" where no whole image was searched, else "acquire".
    agreeing : tuple of frozenset
        Groups of cameras whose extrinsics were shown to agree, by tools that they saw at the same
        time.
    captured_at : float, optional
        When it was measured, by this machine's monotonic clock, s; None: just now.
    images : FrameSet, optional
        That it was measured in; only for display.
    notices : tuple of Notice
        Notices about the source.
    """

    number: int
    time: float
    tools: Tools
    camera_lost: Mapping[str, Notice] = field(default_factory=dict)
    track_seconds: float = 0.0
    mode: str = "acquire"
    agreeing: tuple[frozenset[str], ...] = ()
    captured_at: float | None = None
    images: FrameSet | None = None
    notices: tuple[Notice, ...] = ()

    def without_images(self) -> "TrackedFrame":
        """Return the same frame without its images.

        Returns
        -------
        TrackedFrame
            Small enough to be kept, or to be sent to another process.
        """
        return self if self.images is None else replace(self, images=None)

    def pose(self, tool: str, relative_to: str | None = None) -> Pose | Lost:
        """Return a tool's pose with the covariance of its random errors.

        Parameters
        ----------
        tool : str
            Its name.
        relative_to : str, optional
            Name of another tool: then reference_from_tool, with both poses' errors.

        Returns
        -------
        Pose or Lost
            rig_from_tool or reference_from_tool; or why there is none.
        """
        poses = self.poses(tool, relative_to, systematic=False)
        return poses if isinstance(poses, Lost) else poses[0]

    def systematic_pose(self, tool: str, relative_to: str | None = None) -> Pose | Lost:
        """Return a tool's pose with the covariance of its systematic errors.

        Parameters
        ----------
        tool : str
            Its name.
        relative_to : str, optional
            As of `pose`.

        Returns
        -------
        Pose or Lost
            As of `pose`.
        """
        poses = self.poses(tool, relative_to)
        return poses if isinstance(poses, Lost) else poses[1]

    def poses(
        self, tool: str, relative_to: str | None = None, systematic: bool = True
    ) -> tuple[Pose, Pose] | Lost:
        """Return `pose` and `systematic_pose` together, which takes half as long.

        Parameters
        ----------
        tool : str
            Its name.
        relative_to : str, optional
            As of `pose`.
        systematic : bool
            False leaves the systematic errors out: the second pose has none.

        Returns
        -------
        random, systematic : Pose
            The same pose with the covariance of its random and of its systematic errors; or Lost,
            as of `pose`.
        """
        lost = self.lost_reason(tool, relative_to)
        if lost is not None:
            return lost
        if tool == relative_to:
            return Pose(RigidTransform.identity()), Pose(RigidTransform.identity())
        seen, base = self.tools[tool], self.tools.get(relative_to or "")
        assert isinstance(seen, TrackedTool)
        if not isinstance(base, TrackedTool):
            return seen.rig_from_tool, seen.systematic_pose
        base_from_rig = base.rig_from_tool.transform.inv()
        transform, carry = base_from_rig * seen.rig_from_tool.transform, adjoint(base_from_rig)

        def relative_covariance(base_covariance: Array, tool_covariance: Array) -> Array:
            return carry @ base_covariance @ carry.T + carry @ tool_covariance @ carry.T

        random = relative_covariance(base.rig_from_tool.covariance, seen.rig_from_tool.covariance)
        if not systematic:
            return Pose(transform, random), Pose(transform)
        systematic_covariance = relative_covariance(base.systematic, seen.systematic)
        if seen.print_name is not None and seen.print_name == base.print_name:
            # one print, one scale: the two errors are one, and most of it cancels
            cross = np.outer(carry @ seen.size_error, carry @ base.size_error)
            systematic_covariance = systematic_covariance - cross - cross.T
        return Pose(transform, random), Pose(transform, systematic_covariance)

    def lost_reason(self, tool: str, relative_to: str | None = None) -> Lost | None:
        """Return why `pose` has none, without computing it.

        Parameters
        ----------
        tool : str
            Its name.
        relative_to : str, optional
            As of `pose`.

        Returns
        -------
        Lost or None
            None where there is a pose.
        """
        seen = self.tools.get(tool, NO_TOOL)
        if relative_to is None or tool == relative_to:
            return seen if isinstance(seen, Lost) else None
        base = self.tools.get(relative_to, NO_TOOL)
        if isinstance(base, Lost):
            return Lost("reference_lost", {"reason": base})
        if isinstance(seen, Lost):
            return seen
        if not self._tied(seen, base):
            facts = {"tool": tool, "cameras": seen.cameras, "reference": relative_to}
            return Lost("not_tied", {**facts, "others": base.cameras})
        return None

    def _tied(self, first: TrackedTool, second: TrackedTool) -> bool:
        """Whether two poses have a camera in common, or cameras that were shown to agree."""
        if not first.cameras or not second.cameras:
            return True  # of another source of poses, which is responsible for that
        one, other = set(first.cameras), set(second.cameras)
        return bool(one & other) or any(one & group and other & group for group in self.agreeing)
