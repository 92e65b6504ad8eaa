"""One tool in one frame set: predicted, fitted to the pixels, judged."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nav.core.frames import Array
from nav.core.frameset import FrameSet, Picture
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.direct import fit_pixels
from nav.tracking.fit.fit_result import FitResult, ViewAppearance
from nav.tracking.fit.fit_state import CameraInput, FitInput
from nav.tracking.fit.initial_pose import APART, angle_between, find_start, flat
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.median_filter import without_median
from nav.tracking.fit.sharpening import Sharpening
from nav.tracking.fit.tool_shape import Shape
from nav.tracking.fit.workers import Workers
from nav.tracking.follow.camera_state import (
    CameraState,
    learn_median_filter,
    learn_noise_growth,
    learn_sharpness,
    look_at_pixels,
    sharpness_due,
    unsharpened_pictures,
)
from nav.tracking.follow.judgement import judge
from nav.tracking.follow.pose_candidate import PoseCandidate, better, is_same_pose
from nav.tracking.follow.tool_state import ToolState, image_speed
from nav.tracking.follow.visible_views import pictures_of, retimed, visible_views
from nav.tracking.tool import Tool

NEAR, FAR = 0.8, 3.0  # px, blur added while coming near: after a good prediction, after a bad one
AFTER_DETECTION = 0.5  # px of blur added: corners were refined already
SAME_PLACE = 2e-3  # mm by which a tool moves between a row's time as expected and as found
CALM = 0.15  # px of surprise, up to which there is no need to come near
MEDIAN_FITS = 2  # after the first: what the filter does is known better each time
SMEARING = 60.0  # px/s: half a pixel in an exposure of 8 ms


class Follower:
    """Find one tool near a pose; remembers nothing itself.

    Parameters
    ----------
    tool : Tool
        The tool.
    cameras : sequence of CameraState
        All cameras; shared with the followers of other tools.
    """

    def __init__(self, tool: Tool, cameras: Sequence[CameraState]) -> None:
        self.tool, self.shape, self.cameras = tool, Shape(tool), cameras
        self.camera_models = [each.camera_model for each in cameras]

    def follow(self, state: ToolState, frames: FrameSet, workers: Workers) -> PoseCandidate | None:
        """Fit the tool where its motion leads.

        Parameters
        ----------
        state : ToolState
            What is remembered of it.
        frames : FrameSet
            The images.
        workers : Workers
            Threads.

        Returns
        -------
        PoseCandidate or None
            None where the pixels do not show it.
        """
        motion, surprise = state.motion, state.surprise
        if not motion.expects(frames.time):
            return None
        start = motion.predict(frames.time)
        extra = float(np.clip(1.5 * surprise, NEAR, FAR)) if surprise > CALM else 0.0
        candidate = self.fit(state, frames, start, extra, workers)
        if candidate is None:  # from further away, or by less blur, where a marker is small
            extra = FAR if extra < FAR else NEAR
            candidate = self.fit(state, frames, start, extra, workers)
        if candidate is None and motion.knows_velocity:  # it may have stopped
            candidate = self.fit(state, frames, motion.seen[-1][1], FAR, workers, stopped=True)
        if candidate is not None:
            candidate = self.resolve_ambiguity(state, candidate, frames, workers)
        if candidate is None or candidate.apart or candidate.loose or not candidate.convincing:
            return None
        return candidate

    def fit(
        self,
        state: ToolState,
        frames: FrameSet,
        start: Array,
        extra: float,
        workers: Workers,
        stopped: bool = False,
    ) -> PoseCandidate | None:
        """Fit the tool near a pose.

        Parameters
        ----------
        state : ToolState
            What is remembered of it.
        frames : FrameSet
            The images.
        start : ndarray, shape (4, 4)
            rig_from_tool to start from.
        extra : float
            Standard deviation, px, of the blur added while coming near.
        workers : Workers
            Threads.
        stopped : bool
            Whether it may have stopped, so that how it moved before says nothing.

        Returns
        -------
        PoseCandidate or None
            None where the pixels do not show it.
        """
        marker_views = visible_views(self.shape, self.camera_models, frames, start)
        if not len(marker_views):
            return None
        pictures = pictures_of(self.camera_models, frames)
        usual = np.stack([each.blur for each in self.cameras])
        before, motion, time = state.views.of(marker_views, usual), state.motion, frames.time
        timed = bool(marker_views.late.any())
        known = motion.knows_velocity and not state.searched and not stopped
        velocity = motion.velocity(time) if timed and known else np.zeros(6)
        fit_result = self._fit(marker_views, pictures, before, start, velocity, extra, workers)
        if fit_result is None:
            return None
        candidate = judge(fit_result, state, self.cameras, time, known)
        if candidate is None or not timed:
            return candidate
        # a rolling shutter reads each marker when its row's turn comes: where it is, not was
        found = retimed(marker_views, frames, candidate.matrix)
        off = np.abs(found.late - marker_views.late).max() * np.linalg.norm(velocity[:3])
        if known and off < SAME_PLACE:
            return candidate
        extra = 0.0
        if not known:  # by this frame set's own views, or each marker is assumed not to bend
            velocity, extra = candidate.consensus.velocity, NEAR
        fit_result = self._fit(found, pictures, before, candidate.matrix, velocity, extra, workers)
        if fit_result is None:
            return candidate
        return judge(fit_result, state, self.cameras, time, known) or candidate

    def _fit(
        self,
        marker_views: MarkerViews,
        pictures: Sequence[Picture],
        before: ViewAppearance,
        start: Array,
        velocity: Array,
        extra: float,
        workers: Workers,
        sharpenings: Sequence[Sharpening] | None = None,
        medians: Sequence[bool] | None = None,
    ) -> FitResult | None:
        """Fit the pixels of some views, with the cameras' filters as known or as given."""
        if sharpenings is None:
            sharpenings = [each.sharpness.sharpening for each in self.cameras]
        if medians is None:
            medians = [each.takes_median for each in self.cameras]
        plain = unsharpened_pictures(marker_views, pictures, start, velocity, sharpenings)
        cameras = [
            CameraInput(
                picture, plain.get(index), each.response, each.spread, each.rough,
                each.growth.factor,
            )
            for index, (each, picture) in enumerate(zip(self.cameras, pictures, strict=True))
        ]  # fmt: skip
        given = FitInput(marker_views, cameras, before)
        try:
            fit_result = fit_pixels(given, start, velocity, extra, workers)
            if fit_result is None or not any(medians):
                return fit_result
            return _fit_filtered(given, fit_result, medians, workers)
        except np.linalg.LinAlgError:  # what is seen says nothing of some direction
            return None

    def resolve_ambiguity(
        self, state: ToolState, candidate: PoseCandidate, frames: FrameSet, workers: Workers
    ) -> PoseCandidate | None:
        """Decide between what was found and its mirror image.

        One camera that sees a flat part of a tool sees two poses of it.

        Parameters
        ----------
        state : ToolState
            What is remembered of the tool.
        candidate : PoseCandidate
            One of them.
        frames : FrameSet
            The images.
        workers : Workers
            Threads.

        Returns
        -------
        PoseCandidate or None
            None where both may be right.
        """
        # a misread marker beside them would hide that the others are flat
        used = np.flatnonzero(candidate.sure if candidate.sure.any() else candidate.consensus.used)
        marker_views = candidate.fit_result.marker_views
        corners = self.shape.corners[marker_views.marker[used]].reshape(-1, 3)
        if not len(used) or len(np.unique(marker_views.camera[used])) > 1 or not flat(corners):
            return candidate
        pose = candidate.matrix
        start = find_start([self._view(candidate, int(k)) for k in used], pose)
        if start is None:
            return candidate
        others = [start.pose, *([] if start.rival is None else [start.rival])]
        for other in (other for other in others if angle_between(other, pose) > APART):
            rival = self.fit(state, frames, other, NEAR, workers)
            if rival is not None and is_same_pose(candidate, rival):
                return None
            candidate = better(candidate, rival) or candidate
        return candidate

    def _view(self, candidate: PoseCandidate, index: int) -> MarkerView:
        views = candidate.fit_result.marker_views
        camera, marker = views.cameras[views.camera[index]].camera, views.marker[index]
        corners, covariance = candidate.corners[index], candidate.corner_covariance[index]
        return MarkerView(camera, self.tool.markers[marker], corners, covariance, True)

    def learn_cameras(
        self, state: ToolState, candidate: PoseCandidate, frames: FrameSet, workers: Workers
    ) -> PoseCandidate:
        """Learn about the cameras from what was found.

        Parameters
        ----------
        state : ToolState
            What is remembered of the tool.
        candidate : PoseCandidate
            Where it is.
        frames : FrameSet
            The images.
        workers : Workers
            Threads.

        Returns
        -------
        PoseCandidate
            The same; fitted again if the cameras are judged differently now.
        """
        cameras, pictures = self.cameras, pictures_of(self.camera_models, frames)
        changed = look_at_pixels(cameras, candidate, frames, state.noise)
        speed = np.linalg.norm(image_speed(state.motion, candidate, frames.time), axis=1)
        fast = bool(np.median(speed) > SMEARING)
        if sharpness_due(cameras, candidate, fast):

            def look(sharpenings: Sequence[Sharpening]) -> FitResult | None:
                return self._fit_if(candidate, pictures, workers, sharpenings=sharpenings)

            changed |= learn_sharpness(cameras, look)
        fitted = candidate
        if changed:
            again = self.fit(state, frames, candidate.matrix, AFTER_DETECTION, workers)
            fitted = again or candidate
        if not fast:
            found = fitted

            def look_filtered(medians: Sequence[bool]) -> FitResult | None:
                return self._fit_if(found, pictures, workers, medians=medians)

            if learn_median_filter(cameras, fitted, pictures, look_filtered):
                fitted = self.fit(state, frames, fitted.matrix, 0.0, workers) or fitted
        if not fast and learn_noise_growth(cameras, fitted, pictures):
            fitted = self.fit(state, frames, fitted.matrix, 0.0, workers) or fitted
        return fitted

    def _fit_if(
        self,
        candidate: PoseCandidate,
        pictures: Sequence[Picture],
        workers: Workers,
        sharpenings: Sequence[Sharpening] | None = None,
        medians: Sequence[bool] | None = None,
    ) -> FitResult | None:
        """Return the fit to a candidate's views if the cameras filtered their images so."""
        before = candidate.fit_result
        look = before.appearance
        unlit = ViewAppearance(look.blur, np.zeros_like(look.brightness), look.offset, look.slack)
        return self._fit(
            before.marker_views, pictures, unlit, candidate.matrix, before.velocity, 0.0, workers,
            sharpenings, medians,
        )  # fmt: skip


def _fit_filtered(
    given: FitInput, fit_result: FitResult, medians: Sequence[bool], workers: Workers
) -> FitResult | None:
    """Fit again without what median filters do to the markers, as far as that is known now."""
    for _ in range(MEDIAN_FITS):
        cameras = [
            replace(camera, picture=without_median(fit_result, camera.picture, index))
            if medians[index]
            else camera
            for index, camera in enumerate(given.cameras)
        ]
        again = fit_pixels(
            FitInput(given.marker_views, cameras, fit_result.appearance),
            fit_result.projection.pose, fit_result.velocity, 0.0, workers,
        )  # fmt: skip
        if again is None:
            return None
        fit_result = again
    return fit_result
