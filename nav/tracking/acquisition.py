"""A tool searched for in whole images: its markers detected, a pose to start from, the fit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nav.core.errors import Lost, lost_by
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.detect.marker_detection import Detector
from nav.tracking.detect.marker_view import MarkerView, Viewer
from nav.tracking.fit.corner_pose import AMBIGUOUS, starting_poses
from nav.tracking.fit.initial_pose import APART, all_starts, angle_between
from nav.tracking.fit.response import Response
from nav.tracking.fit.sharpening import unsharpened
from nav.tracking.fit.workers import Workers
from nav.tracking.follow.camera_state import CameraState
from nav.tracking.follow.contradiction import Contradiction, camera_supports, find_contradiction
from nav.tracking.follow.follower import AFTER_DETECTION, FAR, Follower
from nav.tracking.follow.pose_candidate import HALF, MOST_SEEN, PoseCandidate, better, is_same_pose
from nav.tracking.follow.tool_state import ToolState, remember, seed_from_views
from nav.tracking.notices import odd_pixels
from nav.tracking.reasons import why_apart, why_loose, why_lost
from nav.tracking.tool import Tool

Views = dict[str, list[MarkerView]]


class Acquisition:
    """Find tools without knowing where they are.

    Parameters
    ----------
    tools : sequence of Tool
        All tools that are told apart.
    cameras : mapping of str to CameraState
        By name.
    workers : Workers
        Threads.
    """

    def __init__(
        self, tools: Sequence[Tool], cameras: Mapping[str, CameraState], workers: Workers
    ) -> None:
        self.cameras, self.workers = cameras, workers
        self.detectors = {name: Detector(tools) for name in cameras}
        self.viewers = {name: Viewer(each.camera_model) for name, each in cameras.items()}

    def detect_all(self, frames: FrameSet, tools: Sequence[Tool], thorough: bool) -> Views:
        """Detect some tools' markers in all images of a frame set.

        Parameters
        ----------
        frames : FrameSet
            The images.
        tools : sequence of Tool
            Which tools.
        thorough : bool
            Look longer.

        Returns
        -------
        dict of str to list of MarkerView
            By tool.
        """
        present = [frame for name, frame in frames.frames.items() if name in self.viewers]
        views: Views = {tool.name: [] for tool in tools}
        detect = lambda frame: self.detect(frame, tools, thorough)  # noqa: E731
        for seen in self.workers.executor.map(detect, present):
            for name, own in seen.items():
                views[name] += own
        return views

    def detect(self, frame: Frame, tools: Sequence[Tool], thorough: bool) -> Views:
        """Detect some tools' markers in one image, and refine them to its pixels.

        Parameters
        ----------
        frame : Frame
            The image.
        tools : sequence of Tool
            Which tools.
        thorough : bool
            Look longer.

        Returns
        -------
        dict of str to list of MarkerView
            By tool.
        """
        viewer, state = self.viewers[frame.camera], self.cameras[frame.camera]
        detected = self.detectors[frame.camera].find(frame.image, tools, thorough)
        image = unsharpened(frame.image, state.sharpness.sharpening)
        seen: Views = {}
        for tool in tools:
            views = seen[tool.name] = []
            for square in detected[tool.name]:
                marker, at = tool.by_id[square.id], square.corners
                view = viewer.view(image, tool, marker, at, state.blur, state.response)
                view = view or viewer.view(image, tool, marker, at)
                if view is None and square.decoded:
                    view = viewer.detected(marker, square.corners)
                if view is not None:
                    views.append(replace(view, decoded=square.decoded))
        return seen

    def begin(
        self,
        follower: Follower,
        state: ToolState,
        views: list[MarkerView],
        frames: FrameSet,
        doubted: PoseCandidate | None,
    ) -> tuple[PoseCandidate | Contradiction | Lost, ToolState]:
        """Find a tool from detected markers: pose from their corners, then from all its pixels.

        Parameters
        ----------
        follower : Follower
            Of the tool.
        state : ToolState
            What is remembered of it.
        views : list of MarkerView
            Its markers.
        frames : FrameSet
            The images.
        doubted : PoseCandidate or None
            What following made of it.

        Returns
        -------
        outcome : PoseCandidate, Contradiction or Lost
            Where it is, or why there is no pose.
        state : ToolState
            What is remembered now.
        """
        tool, state = follower.tool, state.forget_views()
        starts = starting_poses(views) if views else self._lost(follower, state, frames, views)
        if isinstance(starts, Lost):
            if doubted is None:
                return starts, state
            starts = []
        self._look_around(views)
        best = doubted
        for start in starts:
            candidate, state = self._settle(follower, state, views, start, frames)
            if best is not None and candidate is not None and is_same_pose(best, candidate):
                return AMBIGUOUS, state
            best = better(best, candidate)
        if starts and (best is None or not best.consensus.fits):
            best, state = self._with_plain_response(follower, state, views, starts[0], frames, best)
        if starts and (best is None or best.share < HALF):
            best, state = self._from_single_markers(follower, state, views, frames, best)
        if best is None:
            return self._lost(follower, state, frames, views), state
        best = follower.learn_cameras(state, best, frames, self.workers)
        if combed := odd_pixels(follower.cameras, best, True):
            return lost_by(combed), state
        best = follower.resolve_ambiguity(state, best, frames, self.workers)
        if best is None:
            return AMBIGUOUS, state
        if not best.convincing:
            return self._lost(follower, state, frames, views), state
        supports = camera_supports(best, views)
        against = find_contradiction(tool, best, supports)
        if against is not None:
            return against, state
        if best.apart:
            return why_apart(tool, views), state
        if best.loose:
            why = [*odd_pixels(follower.cameras, best, False), why_loose(tool, best)]
            return lost_by(why), state
        state = replace(state, supports=supports)
        return best, remember(state, follower.cameras, best, frames, False)

    def _settle(
        self,
        follower: Follower,
        state: ToolState,
        views: list[MarkerView],
        start: Array,
        frames: FrameSet,
    ) -> tuple[PoseCandidate | None, ToolState]:
        """Fit the tool near a start, with markers where they were seen by themselves."""
        refined = [view for view in views if view.refined]
        if refined:
            state = seed_from_views(state, follower.shape, follower.cameras, refined, start)
        best: PoseCandidate | None = None
        for extra in (AFTER_DETECTION, FAR):
            best = better(best, follower.fit(state, frames, start, extra, self.workers))
            if best is not None and best.share > MOST_SEEN:
                return best, state
        if best is None:
            return None, state
        # from the pose of those that fit, the others may be found too
        again = follower.fit(state, frames, best.matrix, FAR, self.workers)
        return better(best, again), state

    def _with_plain_response(
        self,
        follower: Follower,
        state: ToolState,
        views: list[MarkerView],
        start: Array,
        frames: FrameSet,
        before: PoseCandidate | None,
    ) -> tuple[PoseCandidate | None, ToolState]:
        """Try with nothing learnt of the cameras' curves, and forget it where that explains more.

        A pose that was wrong may have taught them what is not so.
        """
        learnt = {name: each.response for name, each in self.cameras.items()}
        for each in self.cameras.values():
            each.response = Response()
        candidate, state = self._settle(follower, state, views, start, frames)
        if candidate is not None and better(before, candidate) is candidate:
            return candidate, state
        for name, each in self.cameras.items():
            each.response = learnt[name]
        return before, state

    def _from_single_markers(
        self,
        follower: Follower,
        state: ToolState,
        views: list[MarkerView],
        frames: FrameSet,
        before: PoseCandidate | None,
    ) -> tuple[PoseCandidate | None, ToolState]:
        """Try what each marker by itself would have: few that fit may fit by chance.

        A misread marker hides that the others have a mirror image. What explains the pixels better
        must do so with more markers: a tool misaligned explains few of them well.
        """
        best = before
        for start in all_starts(views):
            if best is not None and angle_between(best.matrix, start) < APART:
                continue
            candidate, state = self._settle(follower, state, views, start, frames)
            if candidate is not None and (best is None or candidate.share > best.share):
                best = better(best, candidate)
            if best is not None and best.share > MOST_SEEN:
                break
        return best, state

    def _look_around(self, views: list[MarkerView]) -> None:
        """Begin with the blur of the markers detected; how noisy the picture is shows later."""
        for name, each in self.cameras.items():
            blurs = [view.blur for view in views if view.refined and view.camera.name == name]
            each.spread = 0.0
            if blurs:
                each.blur = np.median(blurs, axis=0)

    def _lost(
        self,
        follower: Follower,
        state: ToolState,
        frames: FrameSet,
        views: Sequence[MarkerView],
    ) -> Lost:
        return why_lost(
            follower.camera_models, follower.tool, follower.shape, frames, state.last,
            state.pictures, views,
        )  # fmt: skip
