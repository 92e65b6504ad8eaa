"""Where poses come from: our cameras, a recording, the twin or another tracker."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.covariance import MOST_POSE_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError, Lost
from nav.core.frames import Array, Pose, adjoint
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool

SILENCE = (
    0.2  # s after which a report of another tracker is old: three of the slowest ones' periods
)


class PoseSource(Protocol):
    """A source of tracked frames; everything after it works with any source.

    A frame comes as soon as it is measured, and at least ten times per second even if every tool
    is lost: the time between two frames is how long a display goes on showing the one before.
    """

    def __iter__(self) -> Iterator[TrackedFrame]: ...

    def close(self) -> None:
        """Free devices, files and threads; an iteration in progress ends."""
        ...


@dataclass(frozen=True)
class StatedErrors:
    """The errors that the maker of a tracker, or a measurement of one's own, states for its poses.

    How much of them averages out over frames is not stated, so none is taken to: they count as
    systematic.

    Parameters
    ----------
    position_sd : float
        Of the tool's origin, mm, one standard deviation per axis: a stated rms of the distance
        divided by the square root of 3.
    rotation_sd : float
        rad, one standard deviation per axis.

    Raises
    ------
    InputError
        One of them is not above 0, or is not plausible.
    """

    position_sd: float
    rotation_sd: float

    def __post_init__(self) -> None:
        fields = (("position_sd", "mm"), ("rotation_sd", "rad"))
        for (name, unit), most in zip(fields, MOST_POSE_SD, strict=True):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= most):
                raise InputError(
                    f"{name}: expected a number above 0 and at most {most:g} {unit} (one standard "
                    f"deviation per axis), got {value:g}"
                )

    def covariance(self, rig_from_tool: RigidTransform) -> Array:
        """Return the covariance of a pose with these errors.

        Parameters
        ----------
        rig_from_tool : RigidTransform
            The pose, mm.

        Returns
        -------
        ndarray, shape (6, 6)
            Of a left perturbation, in the rig's frame; mm and rad.
        """
        carry = adjoint(rig_from_tool)
        variances = np.repeat([self.position_sd**2, self.rotation_sd**2], 3)
        return np.asarray((carry * variances) @ carry.T, float)


@dataclass(frozen=True)
class ReportedPose:
    """The last that another tracker reported of a tool.

    Parameters
    ----------
    time : float
        When it was measured, s, on the clock of the frames that it becomes part of.
    rig_from_tool : RigidTransform, optional
        In the tracker's own frame, mm; None where it reports none.
    covariance : ndarray, shape (6, 6), optional
        Of the pose, as `nav.core.frames.Pose` has it; most trackers give none.
    status : str
        In the tracker's words: why there is no pose, or what is doubtful about it.
    """

    time: float
    rig_from_tool: RigidTransform | None = None
    covariance: Array | None = None
    status: str = ""


def tracked_tool(
    tool: str,
    report: ReportedPose | None,
    now: float,
    stated: StatedErrors | None = None,
    silence: float = SILENCE,
) -> TrackedTool | Lost:
    """Return what is known now of a tool that another tracker tracks.

    Parameters
    ----------
    tool : str
        Its name.
    report : ReportedPose or None
        The last of this tool; None before the first.
    now : float
        Time of the frame, s.
    stated : StatedErrors, optional
        Used where the report has no covariance.
    silence : float
        Longest time since the report, s.

    Returns
    -------
    TrackedTool or Lost
        Lost where the tracker reports no pose or nothing any more, where the pose is no pose, and
        where nothing says how far it may be off.
    """
    if report is None:
        return Lost("not_reported", {"tool": tool})
    if not now - report.time <= silence:
        return Lost("report_late", {"tool": tool, "seconds": now - report.time})
    pose = report.rig_from_tool
    if pose is None:
        if report.status:
            facts = {"tool": tool, "status": report.status}
            return Lost("not_seen_by_tracker_status", facts)
        return Lost("not_seen_by_tracker", {"tool": tool})
    if not np.isfinite(pose.as_matrix()).all():
        return Lost("reported_not_finite", {"tool": tool})
    random, systematic = np.zeros((6, 6)), np.zeros((6, 6))
    if report.covariance is not None:
        try:
            random = checked_covariance(report.covariance, np.repeat(MOST_POSE_SD, 3))
        except CovarianceError as error:
            return Lost("reported_no_covariance", {"tool": tool, "problem": str(error)})
    elif stated is not None:
        systematic = stated.covariance(pose)
    else:
        return Lost("error_not_known", {"tool": tool})
    told = (Notice("tracker_status", {"status": report.status}),) if report.status else ()
    return TrackedTool(Pose(pose, random), warnings=told, systematic=systematic)
