"""Turn a fit's result into a pose with all its errors."""

from collections.abc import Sequence

import numpy as np

from nav.core.frames import Array, orthonormal
from nav.tracking.fit.consensus import Consensus, estimate_consensus
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.initial_pose import angle_between
from nav.tracking.fit.marker_views import about_origin, moved_about
from nav.tracking.fit.printed_size import SizeError
from nav.tracking.follow.camera_state import CameraState
from nav.tracking.follow.capture_times import has_time_errors, time_covariance
from nav.tracking.follow.exposure import mean_or_middle
from nav.tracking.follow.motion_prediction import UNKNOWN
from nav.tracking.follow.pixelgrid import shift_covariance
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.follow.tool_state import ToolState
from nav.tracking.tool import UNCHECKED_SCALE_SD, Tool

OTHER_VIEW = 0.3  # rad by which a tool is turned, at which its faults act otherwise


def judge(
    fit_result: FitResult,
    state: ToolState,
    cameras: Sequence[CameraState],
    time: float,
    moves: bool,
) -> PoseCandidate | None:
    """Return the pose that a fit's views agree on.

    Parameters
    ----------
    fit_result : FitResult
        What the pixels say.
    state : ToolState
        What is known of the tool.
    cameras : sequence of CameraState
        All cameras.
    time : float
        Of the frame set, s.
    moves : bool
        Whether it is known how the tool moves.

    Returns
    -------
    PoseCandidate or None
        None where the views say nothing.
    """
    views, projection = fit_result.marker_views, fit_result.projection
    tool = views.shape.tool
    sd = state.motion.velocity_sd(time) if moves else UNKNOWN
    information = np.diag(sd**-2.0) if views.late.any() else None
    if not fit_result.quality.good.any():
        return None
    try:
        consensus = estimate_consensus(fit_result, information, state.sizes, tool.size_sd)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(consensus.covariance).all():
        return None
    pose = orthonormal(moved_about(projection.pose, consensus.motion, projection.pivot))
    carry = about_origin(projection.pivot + consensus.motion[:3])
    # geometry that mostly fits is no property of the tool when it does not: it varies, and
    # what is wrong with a tool shows otherwise from another side
    varies = 1.0 - (1.0 - state.fitted / max(state.judged, 1)) * _same_view(pose, state.last)
    shutter = max(cameras[k].exposure.seconds for k in np.unique(views.camera))
    random = consensus.covariance + varies * consensus.systematic
    late = views.late[fit_result.quality.good]
    random = random + mean_or_middle(state.motion.acceleration(time, pose), shutter, late)
    systematic = (1.0 - varies) * consensus.systematic
    grids = [each.grid for each in cameras]
    if not all(grid.sound for grid in grids):
        systematic = systematic + shift_covariance(
            fit_result, consensus.used, consensus.covariance, grids
        )
    if has_time_errors(views.cameras):
        timed = views.late.any()
        velocity = (
            fit_result.velocity + consensus.velocity if timed else state.motion.velocity(time)
        )
        systematic = systematic + time_covariance(fit_result, consensus.used, velocity)
    size = _size_error(tool, state, consensus, carry)
    by_size = size.sd * size.motion
    by_flow = projection.by_flow
    residuals = np.einsum("nab,nb->na", by_flow, consensus.left)
    moved = np.einsum("nab,nb->na", by_flow, projection.flow @ consensus.motion)
    projected = projection.corners + moved.reshape(-1, 4, 2)
    return PoseCandidate(
        matrix=pose,
        random=carry @ random @ carry.T,
        systematic=carry @ systematic @ carry.T + np.outer(by_size, by_size),
        fit_result=fit_result,
        consensus=consensus,
        corners=projected + residuals.reshape(-1, 4, 2),
        projected=projected,
        residuals=residuals,
        size=size,
    )


def _same_view(pose: Array, last: Array | None) -> float:
    """Return how much of a systematic error is that of the frame set before, 0 to 1."""
    if last is None:
        return 1.0
    return float(np.exp(-0.5 * (angle_between(pose, last) / OTHER_VIEW) ** 2))


def _size_error(tool: Tool, state: ToolState, consensus: Consensus, carry: Array) -> SizeError:
    """Return how the pose depends on the printed size, carried to the rig's origin."""
    size, motion = consensus.size, carry @ consensus.size.motion
    if size.seen:
        bias = 0.0 if size.applied else size.expected  # of a pose for the file's size
        return SizeError(motion, float(np.hypot(bias, size.sd)), True)
    if state.scale_sd is None:
        return SizeError(motion, size.sd, tool.scale_sd is not None)
    return SizeError(motion, state.scale_sd, state.scale_sd <= UNCHECKED_SCALE_SD)
