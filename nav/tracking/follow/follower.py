"""One tool followed from frame set to frame set: predicted, fitted to the pixels, judged."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Frame, FrameSet, Picture
from nav.frames import Array, orthonormal
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.consensus import Consensus, estimate_consensus
from nav.tracking.fit.direct import SLACK_FROM, SLACK_MOST, DirectFit
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.initial_pose import APART, angle_between, find_start, flat
from nav.tracking.fit.marker_views import CameraModel, MarkerViews, Shape, about_origin, moved_about
from nav.tracking.fit.normal_equations import curve_information
from nav.tracking.fit.pixel_moments import BRIGHTNESS
from nav.tracking.fit.printed_size import SizeError
from nav.tracking.fit.random_effects import Sizes
from nav.tracking.fit.sharpening import Sharpening
from nav.tracking.fit.view_solver import quantile
from nav.tracking.follow.camera_state import (
    CameraState,
    learn_noise_growth,
    noise_growths,
    roughness,
    unsharpened_pictures,
)
from nav.tracking.follow.exposure import mean_or_middle
from nav.tracking.follow.motion_prediction import UNKNOWN, Motion
from nav.tracking.follow.pixelgrid import shift_covariance
from nav.tracking.follow.pose_candidate import MOST_SEEN, PoseCandidate, better, is_same_pose
from nav.tracking.tool import UNCHECKED_SCALE_SD, Tool

MAX_SKEW = 0.1  # s: a view of another time than this is not used
SAME_TIME = 2e-5  # s: at hand speed a micrometre
NEAR, FAR = 0.8, 3.0  # px, blur added while coming near: after a good prediction, after a bad one
CALM = 0.15  # px of surprise, up to which there is no need to come near
DROP = 0.3  # of that share from one frame set to the next
OTHER_VIEW = 0.3  # rad by which a tool is turned, at which its faults act otherwise
SMEARING = 60.0  # px/s: half a pixel in an exposure of 8 ms
ENOUGH = 3  # views of a tool from which a camera's curve is learnt
BLUR_MEMORY = 0.5  # of the newest picture


class Follower:
    """Everything that is remembered about one tool between frame sets.

    Poses are fitted to one frame set alone; what is remembered only starts the fit and, for views
    of different times, says how the tool moves.

    Parameters
    ----------
    tool : Tool
        The tool.
    states : mapping of str to CameraState
        By camera name; shared with the followers of other tools.
    """

    def __init__(self, tool: Tool, states: Mapping[str, CameraState]) -> None:
        self.tool, self.shape = tool, Shape(tool)
        self.states = list(states.values())
        self.motion = Motion(self.shape.middle)
        self.blurs = np.full((len(states), len(tool.markers), 3), np.nan)
        self.offs = np.zeros((len(states), len(tool.markers), 8))
        self.brightness = np.zeros((len(states), len(tool.markers), BRIGHTNESS))
        self.noise = np.zeros(len(states))  # grey levels on its markers, 0 where not known
        self.slack = 0.0
        self.sizes: Sizes | None = None
        self.scale_sd: float | None = None  # of the tool's size, as cameras together saw it last
        self.judged, self.fitted = 0, 0  # frame sets with a pose, and of them whose geometry fits
        self.share = 0.0  # of the markers facing a camera that contributed
        self.last: Array | None = None
        self.pictures: Mapping[str, Frame] = {}  # where it was seen last
        self.surprise = 1.0  # px that the last prediction was off
        self.searched = True  # not followed into this frame set
        self.found: PoseCandidate | None = None  # in the newest frame set, if it was

    def follow(self, frames: FrameSet, pool: Executor, workers: int) -> PoseCandidate | None:
        """Fit the tool where its motion leads.

        Parameters
        ----------
        frames : FrameSet
            The images.
        pool : Executor
            Threads.
        workers : int
            Number of threads to use.

        Returns
        -------
        PoseCandidate or None
            None where the pixels do not show it.
        """
        if not self.motion.expects(frames.time):
            return None
        start = self.motion.predict(frames.time)
        extra = float(np.clip(1.5 * self.surprise, NEAR, FAR)) if self.surprise > CALM else 0.0
        found = self.fit(frames, start, extra, pool, workers)
        if found is None:  # from further away, or by less blur, where a marker is small
            found = self.fit(frames, start, FAR if extra < FAR else NEAR, pool, workers)
        if found is None and self.motion.knows_velocity:  # it may have stopped
            found = self.fit(frames, self.motion.seen[-1][1], FAR, pool, workers, stopped=True)
        if found is not None:
            found = self.resolve_ambiguity(found, frames, pool, workers)
        if found is None or found.apart or found.loose or not found.convincing:
            return None
        return found

    def resolve_ambiguity(
        self, found: PoseCandidate, frames: FrameSet, pool: Executor, workers: int
    ) -> PoseCandidate | None:
        """Decide between what was found and its mirror image.

        One camera that sees a flat part of a tool sees two poses of it.

        Parameters
        ----------
        found : PoseCandidate
            One of them.
        frames : FrameSet
            The images.
        pool : Executor
            Threads.
        workers : int
            Number of threads to use.

        Returns
        -------
        PoseCandidate or None
            None where both may be right.
        """
        # a misread marker beside them would hide that the others are flat
        used = np.flatnonzero(found.sure if found.sure.any() else found.consensus.used)
        marker_views = found.evidence.marker_views
        corners = self.shape.corners[marker_views.marker[used]].reshape(-1, 3)
        if not len(used) or len(np.unique(marker_views.camera[used])) > 1 or not flat(corners):
            return found
        views = [self._view(found, int(k)) for k in used]
        pose = found.matrix
        start = find_start(views, pose)
        if start is None:
            return found
        others = [start.pose, *([] if start.rival is None else [start.rival])]
        for other in (other for other in others if angle_between(other, pose) > APART):
            rival = self.fit(frames, other, NEAR, pool, workers)
            if rival is not None and is_same_pose(found, rival):
                return None
            found = better(found, rival) or found
        return found

    def _view(self, found: PoseCandidate, index: int) -> MarkerView:
        marker_views = found.evidence.marker_views
        camera = marker_views.eyes[marker_views.camera[index]].camera
        marker = self.tool.markers[marker_views.marker[index]]
        return MarkerView(
            camera, marker, found.corners[index], found.corner_covariance[index], True
        )

    def suspect(self, found: PoseCandidate) -> bool:
        """Return whether so much less is seen than a moment ago that it may be elsewhere."""
        return found.share < MOST_SEEN and found.share < self.share - DROP

    def fit(
        self,
        frames: FrameSet,
        start: Array,
        extra: float,
        pool: Executor,
        workers: int,
        stopped: bool = False,
    ) -> PoseCandidate | None:
        """Fit the tool near a pose; remember nothing.

        Parameters
        ----------
        frames : FrameSet
            The images.
        start : ndarray, shape (4, 4)
            rig_from_tool to start from.
        extra : float
            Standard deviation, px, of the blur added while coming near.
        pool : Executor
            Threads.
        workers : int
            Number of threads to use.
        stopped : bool
            Whether it may have stopped, so that how it moved before says nothing.

        Returns
        -------
        PoseCandidate or None
            None where the pixels do not show it.
        """
        marker_views, pictures = self._sights(frames, start)
        if not len(marker_views):
            return None
        timed = bool(marker_views.late.any())
        known = self.motion.knows_velocity and not self.searched and not stopped
        velocity = self.motion.velocity(frames.time) if timed and known else np.zeros(6)
        evidence = self._evidence(marker_views, pictures, start, velocity, extra, pool, workers)
        found = None if evidence is None else self._judge(evidence, frames.time, known)
        if found is None or not timed or known:
            return found
        # not seen moving yet: by this frame set's own views, or each marker is assumed not to bend
        pose = found.matrix
        velocity = found.consensus.velocity
        evidence = self._evidence(marker_views, pictures, pose, velocity, NEAR, pool, workers)
        return found if evidence is None else self._judge(evidence, frames.time, known) or found

    def remember(self, found: PoseCandidate, frames: FrameSet, predicted: bool) -> None:
        """Accept a result as where the tool is now."""
        time, self.pictures, self.found = frames.time, frames.frames, found
        self.surprise = 1.0
        pose = found.matrix
        if predicted:
            off = np.abs(found.projected - found.evidence.began).mean(axis=(1, 2))
            self.surprise = float(off.max())
        if self.searched and not self.motion.continues(time, pose):  # a jump is no velocity
            self.motion.forget()
        self.searched = False
        self.motion.see(time, pose)
        speed = self._speed(found, time)
        self.last = pose
        self.sizes = found.consensus.sizes
        size = found.consensus.size
        if size.seen:
            self.scale_sd = float(np.hypot(size.expected, size.sd))
        self.share = found.share
        self.judged += 1
        self.fitted += found.consensus.fits
        evidence = found.evidence
        good = np.flatnonzero(found.consensus.used)
        camera, marker = evidence.marker_views.camera[good], evidence.marker_views.marker[good]
        self.blurs[camera, marker] = evidence.blur[good]
        self.offs[camera, marker], self.slack = evidence.off[good], evidence.slack
        self.brightness[:] = 0.0
        self.brightness[camera, marker] = evidence.brightness[good]
        for index in np.unique(camera):
            own = good[camera == index]
            state = self.states[index]
            now = np.array([quantile(blur, 0.5) for blur in evidence.blur[own].T])
            state.blur = BLUR_MEMORY * now + (1 - BLUR_MEMORY) * state.blur
            self.noise[index] = state.spread = float(quantile(evidence.noise[own], 0.5))
            if predicted and self.motion.steady:  # else the velocity is not confirmed
                state.exposure.learn(evidence.blur[own], speed[own])
            if not found.consensus.fits or len(good) < ENOUGH:
                continue  # a fit that fails would corrupt the curve
            response = evidence.responses[index]
            state.response.parameters = response.parameters
            state.response.learn(curve_information(evidence.information, own))

    def learn_noise(self, found: PoseCandidate, frames: FrameSet) -> bool:
        """Learn which errors neighbouring pixels share, where due; return whether it changed."""
        pictures = _images(self._sights(frames, found.matrix)[1])
        return learn_noise_growth(self.states, found, pictures)

    def moves_fast(self, found: PoseCandidate, time: float) -> bool:
        """Return whether markers are smeared, by what is known of the tool's motion."""
        speed = np.linalg.norm(self._speed(found, time), axis=1)
        return bool(np.median(speed) > SMEARING)

    def _speed(self, found: PoseCandidate, time: float) -> Array:
        """Return (n, 2) px/s of the views' middles."""
        flow = found.evidence.flow @ self.motion.velocity(time)
        corners = np.einsum("nab,nb->na", found.evidence.by_flow, flow).reshape(-1, 4, 2)
        return np.asarray(corners.mean(axis=1), float)

    def forget(self) -> None:
        """Forget blurs, brightness, offsets and noise, as the tool was not seen."""
        self.blurs[:] = np.nan
        self.brightness[:] = 0.0
        self.offs[:], self.slack = 0.0, 0.0
        self.noise[:] = 0.0
        self.surprise, self.searched = FAR, True

    def seed_from_views(self, views: Sequence[MarkerView], pose: Array) -> None:
        """Begin where markers were seen by themselves, even if a pose has them elsewhere."""
        names = [state.eye.camera.name for state in self.states]
        ids = [marker.id for marker in self.tool.markers]
        camera = np.array([names.index(view.camera.name) for view in views])
        marker = np.array([ids.index(view.marker.id) for view in views])
        order = np.argsort(camera, kind="stable")
        marker_views = MarkerViews(
            [s.eye for s in self.states], self.shape, camera[order], marker[order],
            np.zeros(len(views)),
        )  # fmt: skip
        corners, by_flow = marker_views.project(marker_views.poses(pose, np.zeros(6)))
        seen = np.array([views[k].corners for k in order])
        off = (seen - corners).reshape(-1, 8)
        self.offs[camera[order], marker[order]] = np.linalg.solve(by_flow, off[..., None])[..., 0]
        usual = float(np.median(np.sqrt((off**2).mean(axis=1))))
        self.slack = min(usual, SLACK_MOST) if usual > SLACK_FROM else 0.0
        if self.slack == 0.0:
            self.offs[:] = 0.0

    def _same_view(self, pose: Array) -> float:
        """Return how much of a systematic error is that of the frame set before, 0 to 1."""
        if self.last is None:
            return 1.0
        return float(np.exp(-0.5 * (angle_between(pose, self.last) / OTHER_VIEW) ** 2))

    def _sights(self, frames: FrameSet, start: Array) -> tuple[MarkerViews, list[Frame | None]]:
        cameras, markers, late = [], [], []
        given: list[Frame | None] = []
        for index, state in enumerate(self.states):
            frame = frames.frames.get(state.eye.camera.name)
            off = 0.0 if frame is None else frame.time - frames.time
            if frame is not None and abs(off) > MAX_SKEW:
                frame = None
            given.append(frame)
            if frame is None:
                continue
            chosen = self.shape.seen_from(state.eye, start)
            cameras.append(np.full(len(chosen), index))
            markers.append(chosen)
            late.append(off + self._row_times(state.eye, start, chosen))
        if not cameras:
            none = np.zeros(0, np.int64)
            return MarkerViews(
                [s.eye for s in self.states], self.shape, none, none, np.zeros(0)
            ), given
        times = np.concatenate(late)
        if len(times) and np.abs(times).max() < SAME_TIME:
            times[:] = 0.0
        return (
            MarkerViews(
                [s.eye for s in self.states],
                self.shape,
                np.concatenate(cameras),
                np.concatenate(markers),
                times,
            ),
            given,
        )

    def _row_times(self, eye: CameraModel, start: Array, markers: NDArray[np.int64]) -> Array:
        """Return when each marker's middle row is read, s after the image's middle."""
        if eye.camera.readout == 0.0 or not len(markers):
            return np.zeros(len(markers))
        centres = self.shape.centres[markers] @ start[:3, :3].T + start[:3, 3]
        rows = eye.camera.project(centres)[:, 1]
        return ((rows + 0.5) / eye.camera.size[1] - 0.5) * eye.camera.readout

    def _evidence(
        self,
        marker_views: MarkerViews,
        frames: Sequence[Frame | None],
        start: Array,
        velocity: Array,
        extra: float,
        pool: Executor,
        workers: int,
    ) -> FitResult | None:
        blur = self.blurs[marker_views.camera, marker_views.marker]
        usual = np.stack([state.blur for state in self.states])[marker_views.camera]
        blur = np.where(np.isnan(blur), usual, blur)
        pictures = _images(frames)
        spread = np.array([state.spread for state in self.states])
        responses = [state.response for state in self.states]
        bright, off = (
            known[marker_views.camera, marker_views.marker]
            for known in (self.brightness, self.offs)
        )
        fit = DirectFit(
            marker_views, pictures, responses, blur, spread, bright, off, self.slack,
            unsharpened_pictures(marker_views, pictures, start, velocity, self.sharpenings),
            roughness(self.states), noise_growths(self.states),
            pool, workers,
        )  # fmt: skip
        try:
            return fit.run(start, velocity, extra)
        except np.linalg.LinAlgError:  # what is seen says nothing of some direction
            return None

    @property
    def sharpenings(self) -> list[Sharpening]:
        """What the cameras do to their images, as known so far."""
        return [state.sharpness.sharpening for state in self.states]

    def evidence_if(
        self,
        found: PoseCandidate,
        frames: FrameSet,
        sharpenings: Sequence[Sharpening],
        pool: Executor,
        workers: int,
    ) -> FitResult | None:
        """Return the fit to a candidate's views if the cameras sharpened so; remember nothing."""
        before = found.evidence
        given = self._sights(frames, found.matrix)[1]
        pictures = _images(given)
        plain = unsharpened_pictures(
            before.marker_views, pictures, found.matrix, before.velocity, sharpenings
        )
        fit = DirectFit(
            before.marker_views, pictures, [state.response for state in self.states], before.blur,
            np.array([state.spread for state in self.states]), np.zeros_like(before.brightness),
            before.off, before.slack, plain, roughness(self.states),
            noise_growths(self.states), pool, workers,
        )  # fmt: skip
        try:
            return fit.run(found.matrix, before.velocity, 0.0)
        except np.linalg.LinAlgError:
            return None

    def _judge(self, evidence: FitResult, time: float, moves: bool) -> PoseCandidate | None:
        """Return what evidence says; moves : whether it is known how the tool moves."""
        timed = bool(evidence.marker_views.late.any())
        sd = self.motion.velocity_sd(time) if moves else UNKNOWN
        information = np.diag(sd**-2.0) if timed else None
        if not evidence.good.any():
            return None
        try:
            consensus = estimate_consensus(evidence, information, self.sizes, self.tool.size_sd)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(consensus.covariance).all():
            return None
        pose = orthonormal(moved_about(evidence.pose, consensus.motion, evidence.pivot))
        carry = about_origin(evidence.pivot + consensus.motion[:3])
        # geometry that mostly fits is no property of the tool when it does not: it varies, and
        # what is wrong with a tool shows otherwise from another side
        varies = 1.0 - (1.0 - self.fitted / max(self.judged, 1)) * self._same_view(pose)
        shutter = max(
            self.states[k].exposure.seconds for k in np.unique(evidence.marker_views.camera)
        )
        random = consensus.covariance + varies * consensus.systematic
        late = evidence.marker_views.late[evidence.good]
        random = random + mean_or_middle(self.motion.acceleration(time, pose), shutter, late)
        systematic = (1.0 - varies) * consensus.systematic
        grids = [state.grid for state in self.states]
        if not all(grid.sound for grid in grids):
            systematic = systematic + shift_covariance(
                evidence, consensus.used, consensus.covariance, grids
            )
        size = self._size_error(consensus, carry)
        by_size = size.sd * size.motion
        corners, by_flow = evidence.corners, evidence.by_flow
        residuals = np.einsum("nab,nb->na", by_flow, consensus.left)
        moved = np.einsum("nab,nb->na", by_flow, evidence.flow @ consensus.motion)
        projected = corners + moved.reshape(-1, 4, 2)
        corners = projected + residuals.reshape(-1, 4, 2)
        return PoseCandidate(
            pose,
            carry @ random @ carry.T,
            carry @ systematic @ carry.T + np.outer(by_size, by_size),
            evidence,
            consensus,
            corners,
            projected,
            residuals,
            size,
        )

    def _size_error(self, consensus: Consensus, carry: Array) -> SizeError:
        """Return how the pose depends on the printed size, carried to the rig's origin."""
        size, motion = consensus.size, carry @ consensus.size.motion
        if size.seen:
            bias = 0.0 if size.applied else size.expected  # of a pose for the file's size
            return SizeError(motion, float(np.hypot(bias, size.sd)), True)
        if self.scale_sd is None:
            return SizeError(motion, size.sd, self.tool.scale_sd is not None)
        return SizeError(motion, self.scale_sd, self.scale_sd <= UNCHECKED_SCALE_SD)


def _images(frames: Sequence[Frame | None]) -> list[Picture]:
    """Return each camera's image, or one of a single pixel where it has none."""
    return [np.zeros((1, 1), np.uint8) if frame is None else frame.image for frame in frames]
