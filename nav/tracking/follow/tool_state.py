"""What is remembered of one tool from frame set to frame set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.fit_pass import SLACK_FROM, SLACK_MOST
from nav.tracking.fit.fit_result import ViewAppearance
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.pixel_moments import BRIGHTNESS, GEOMETRY
from nav.tracking.fit.random_effects import Sizes
from nav.tracking.fit.tool_shape import Shape
from nav.tracking.follow.camera_state import CameraState, learn_from_views
from nav.tracking.follow.contradiction import CameraSupport
from nav.tracking.follow.motion_prediction import Motion
from nav.tracking.follow.pose_candidate import MOST_SEEN, PoseCandidate

DROP = 0.3  # of the share of markers seen, from one frame set to the next
# px that a prediction may be off: of a tool found by a search, and of one that was lost
UNPREDICTED, AFTER_LOSS = 1.0, 3.0


@dataclass(frozen=True)
class ViewMemory:
    """How each marker looked in each camera.

    Parameters
    ----------
    blur : ndarray, shape (cameras, markers, 3)
        Covariance uu, uv, vv, px^2; not a number where it is not known.
    brightness : ndarray, shape (cameras, markers, BRIGHTNESS)
        Zeros where it is not known.
    offset : ndarray, shape (cameras, markers, 8)
        Flow by which markers lay off the pose.
    slack : float
        Standard deviation of that, px; 0 if none.
    """

    blur: Array
    brightness: Array
    offset: Array
    slack: float = 0.0

    def of(self, marker_views: MarkerViews, usual_blur: Array) -> ViewAppearance:
        """Return how some views looked; their cameras' usual blur (cameras, 3) where not known."""
        camera, marker = marker_views.camera, marker_views.marker
        blur = self.blur[camera, marker]
        blur = np.where(np.isnan(blur), usual_blur[camera], blur)
        return ViewAppearance(
            blur, self.brightness[camera, marker], self.offset[camera, marker], self.slack
        )

    def after(self, candidate: PoseCandidate) -> "ViewMemory":
        """Return the memory with the views of a candidate that contribute."""
        used = np.flatnonzero(candidate.consensus.used)
        views, look = candidate.fit_result.marker_views, candidate.fit_result.appearance
        camera, marker = views.camera[used], views.marker[used]
        blur, offset, brightness = (
            self.blur.copy(),
            self.offset.copy(),
            np.zeros_like(self.brightness),
        )
        blur[camera, marker] = look.blur[used]
        offset[camera, marker] = look.offset[used]
        brightness[camera, marker] = look.brightness[used]
        return ViewMemory(blur, brightness, offset, look.slack)


def empty_memory(cameras: int, markers: int) -> ViewMemory:
    """Return a memory of nothing.

    Parameters
    ----------
    cameras, markers : int
        How many there are.

    Returns
    -------
    ViewMemory
    """
    return ViewMemory(
        np.full((cameras, markers, 3), np.nan),
        np.zeros((cameras, markers, BRIGHTNESS)),
        np.zeros((cameras, markers, GEOMETRY)),
    )


@dataclass(frozen=True)
class ToolState:
    """What is remembered of one tool between frame sets.

    Poses are fitted to one frame set alone; what is remembered only starts the fit and, for views
    of different times, says how the tool moves.

    Parameters
    ----------
    motion : Motion
        Its last poses.
    views : ViewMemory
        How its markers looked.
    noise : ndarray, shape (cameras,)
        Grey levels on its markers, 0 where not known.
    sizes : Sizes or None
        Of random effects found in an earlier frame set.
    scale_sd : float or None
        Of the tool's size, as cameras together saw it last.
    judged, fitted : int
        Frame sets with a pose, and of them those whose geometry fits.
    share : float
        Of the markers facing a camera that contributed.
    last : ndarray, shape (4, 4), or None
        rig_from_tool where it was seen last.
    pictures : mapping of str to Frame
        The images then, by camera.
    surprise : float
        Px that the last prediction was off.
    searched : bool
        Whether it was not followed into this frame set.
    lost_for : int
        Frame sets in a row in which it was not found.
    supports : tuple of CameraSupport
        Support of each camera for its pose.
    silent_for : tuple of int
        Frame sets in a row in which each camera confirmed nothing.
    candidate : PoseCandidate or None
        In the newest frame set, if it was found.
    """

    motion: Motion
    views: ViewMemory
    noise: Array
    silent_for: tuple[int, ...]
    sizes: Sizes | None = None
    scale_sd: float | None = None
    judged: int = 0
    fitted: int = 0
    share: float = 0.0
    last: Array | None = None
    pictures: Mapping[str, Frame] = field(default_factory=dict)
    surprise: float = UNPREDICTED
    searched: bool = True
    lost_for: int = 0
    supports: tuple[CameraSupport, ...] = ()
    candidate: PoseCandidate | None = None

    def forget_views(self) -> "ToolState":
        """Return the state without blurs, brightness, offsets and noise, as it was not seen."""
        cameras, markers = self.views.blur.shape[:2]
        return replace(
            self,
            views=empty_memory(cameras, markers),
            noise=np.zeros_like(self.noise),
            surprise=AFTER_LOSS,
            searched=True,
        )

    def forget_motion(self) -> "ToolState":
        """Return the state without poses, as where the tool was says nothing of where it goes."""
        return replace(self, motion=Motion(self.motion.middle))

    def suspects(self, candidate: PoseCandidate) -> bool:
        """Return whether so much less is seen than a moment ago that it may be elsewhere."""
        return candidate.share < MOST_SEEN and candidate.share < self.share - DROP


def initial_tool_state(shape: Shape, cameras: int) -> ToolState:
    """Return the state of a tool that was never seen.

    Parameters
    ----------
    shape : Shape
        Of the tool.
    cameras : int
        How many there are.

    Returns
    -------
    ToolState
    """
    return ToolState(
        Motion(shape.middle),
        empty_memory(cameras, len(shape.sides)),
        np.zeros(cameras),
        (0,) * cameras,
    )


def remember(
    state: ToolState,
    cameras: Sequence[CameraState],
    candidate: PoseCandidate,
    frames: FrameSet,
    predicted: bool,
) -> ToolState:
    """Accept a candidate as where the tool is now; the cameras learn from its views.

    Parameters
    ----------
    state : ToolState
        Before.
    cameras : sequence of CameraState
        All cameras; updated.
    candidate : PoseCandidate
        What was found in a frame set.
    frames : FrameSet
        Its images.
    predicted : bool
        Whether the tool was followed there, not searched.

    Returns
    -------
    ToolState
        After.
    """
    fit_result, pose, motion = candidate.fit_result, candidate.matrix, state.motion.copy()
    surprise = UNPREDICTED
    if predicted:
        wrong = np.abs(candidate.projected - fit_result.start_corners).mean(axis=(1, 2))
        surprise = float(wrong.max())
    if state.searched and not motion.continues(frames.time, pose):  # a jump is no velocity
        motion.forget()
    motion.see(frames.time, pose)
    steady = predicted and motion.steady  # else the velocity is not confirmed
    speed = image_speed(motion, candidate, frames.time) if steady else None
    learn_from_views(cameras, candidate, speed)
    size, scale_sd = candidate.consensus.size, state.scale_sd
    if size.seen:
        scale_sd = float(np.hypot(size.expected, size.sd))
    seen = np.isin(
        np.arange(len(cameras)), fit_result.marker_views.camera[candidate.consensus.used]
    )
    return replace(
        state,
        motion=motion,
        views=state.views.after(candidate),
        noise=np.where(seen, [each.spread for each in cameras], state.noise),
        sizes=candidate.consensus.sizes,
        scale_sd=scale_sd,
        judged=state.judged + 1,
        fitted=state.fitted + candidate.consensus.fits,
        share=candidate.share,
        last=pose,
        pictures=frames.frames,
        surprise=surprise,
        searched=False,
        candidate=candidate,
    )


def image_speed(motion: Motion, candidate: PoseCandidate, time: float) -> Array:
    """Return how fast markers move in the images.

    Parameters
    ----------
    motion : Motion
        Of the tool.
    candidate : PoseCandidate
        Where it is.
    time : float
        In s.

    Returns
    -------
    ndarray, shape (n, 2)
        Of the views' middles, px/s.
    """
    projection = candidate.fit_result.projection
    flow = projection.flow @ motion.velocity(time)
    corners = np.einsum("nab,nb->na", projection.by_flow, flow).reshape(-1, 4, 2)
    return np.asarray(corners.mean(axis=1), float)


def seed_from_views(
    state: ToolState,
    shape: Shape,
    cameras: Sequence[CameraState],
    views: Sequence[MarkerView],
    pose: Array,
) -> ToolState:
    """Begin where markers were seen by themselves, even if a pose has them elsewhere.

    Parameters
    ----------
    state : ToolState
        Before.
    shape : Shape
        Of the tool.
    cameras : sequence of CameraState
        All cameras.
    views : sequence of MarkerView
        Markers of the tool, refined.
    pose : ndarray, shape (4, 4)
        rig_from_tool to start from.

    Returns
    -------
    ToolState
        With offsets, if the markers disagree.
    """
    names = [each.camera_model.camera.name for each in cameras]
    ids = [marker.id for marker in shape.tool.markers]
    camera = np.array([names.index(view.camera.name) for view in views])
    marker = np.array([ids.index(view.marker.id) for view in views])
    order: NDArray[np.int64] = np.argsort(camera, kind="stable")
    camera, marker = camera[order], marker[order]
    models = [each.camera_model for each in cameras]
    marker_views = MarkerViews(models, shape, camera, marker, np.zeros(len(views)))
    corners, by_flow = marker_views.project(marker_views.poses(pose, np.zeros(6)))
    seen = np.array([views[k].corners for k in order])
    residual = (seen - corners).reshape(-1, 8)
    usual = float(np.median(np.sqrt((residual**2).mean(axis=1))))
    slack = min(usual, SLACK_MOST) if usual > SLACK_FROM else 0.0
    offset = np.zeros_like(state.views.offset)
    if slack > 0.0:
        offset = state.views.offset.copy()
        offset[camera, marker] = np.linalg.solve(by_flow, residual[..., None])[..., 0]
    return replace(state, views=replace(state.views, offset=offset, slack=slack))
