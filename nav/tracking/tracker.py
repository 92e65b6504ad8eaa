"""Frames of all cameras in, every tool's pose with covariance out."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Frame, FrameSet
from nav.camera.image_frames import Images, frame_set_of_images
from nav.camera.rig import Rig
from nav.errors import InputError, Lost, lost_by
from nav.frames import Array
from nav.notice import Notice
from nav.tracking.detect.marker_detection import Detector
from nav.tracking.detect.marker_refinement import START_BLUR
from nav.tracking.detect.marker_view import MarkerView, Viewer
from nav.tracking.fit.corner_pose import AMBIGUOUS, starting_poses
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.initial_pose import APART, all_starts, angle_between
from nav.tracking.fit.marker_views import CameraModel
from nav.tracking.fit.response import Response
from nav.tracking.fit.sharpening import Sharpening, unsharpened
from nav.tracking.follow.agreement import CameraAgreement
from nav.tracking.follow.camera_state import (
    CameraState,
    learn_sharpness,
    look_at_pixels,
    sharpness_due,
)
from nav.tracking.follow.contradiction import (
    CameraSupport,
    Contradiction,
    camera_supports,
    find_contradiction,
)
from nav.tracking.follow.follower import FAR, Follower
from nav.tracking.follow.freshness import Freshness, FreshnessMonitor
from nav.tracking.follow.pose_candidate import HALF, MOST_SEEN, PoseCandidate, better, is_same_pose
from nav.tracking.notices import odd_pixels, picture_notices
from nav.tracking.reasons import (
    Doubts,
    contradicted,
    pose_warnings,
    why_apart,
    why_loose,
    why_lost,
)
from nav.tracking.tool import Tool, check_tools
from nav.tracking.tracked_frame import TrackedFrame, TrackedTool

Views = dict[str, list[MarkerView]]
MOST_WORKERS = 4
SEARCH_FIRST, SEARCH_EVERY = 3, 15  # frame sets in which a lost tool is searched for longer
VAGUE = 0.1  # px, sd of a marker's own corners, above which the pose's are given
STEP = 1.0 / 30.0  # s between plain images that have no times
AFTER_DETECTION = 0.5  # px of blur added: corners were refined already


class Tracker:
    """Find tools in frame sets, with all cameras used together.

    A tool seen in the frame set before is looked for where its motion leads; only one that is not
    there is searched for in whole images.

    Parameters
    ----------
    rig : Rig
        The cameras.
    tools : sequence of Tool
        What to look for.

    Attributes
    ----------
    views : dict
        Every marker found in the last frame set, by tool: for diagnosis.

    Raises
    ------
    InputError
        No tools, or tools that cannot be told apart (one id on two of them).
    """

    def __init__(self, rig: Rig, tools: Sequence[Tool]) -> None:
        if not tools:
            raise InputError("tools: none given; give at least one tool file")
        check_tools(tools)
        self.rig, self.tools = rig, tuple(tools)
        self.workers = min(os.cpu_count() or 1, MOST_WORKERS)
        self.detectors = {camera.name: Detector(tools) for camera in rig.cameras}
        self.states = {
            camera.name: CameraState(CameraModel(camera), Response(), START_BLUR.copy())
            for camera in rig.cameras
        }
        self.viewers = {name: Viewer(state.eye) for name, state in self.states.items()}
        self.followers = {tool.name: Follower(tool, self.states) for tool in tools}
        self.doubted: Mapping[str, PoseCandidate] = {}
        self.lost_for = dict.fromkeys(self.followers, 0)
        self.agreement, self.freshness = CameraAgreement(), FreshnessMonitor()
        self.fresh = Freshness()
        self.supports: dict[str, tuple[CameraSupport, ...]] = {}
        self.silent_for: dict[tuple[str, int], int] = {}
        self.views: Views = {}
        self.given = 0, -STEP  # number of the next plain images, time of those before
        self.pool = ThreadPoolExecutor(
            max(self.workers, len(rig.cameras)), thread_name_prefix="tracking"
        )

    def track(self, frames: FrameSet | Images, at: float | None = None) -> TrackedFrame:
        """Track all tools in one frame set, from it alone: no smoothing, nothing old.

        Parameters
        ----------
        frames : FrameSet, mapping, sequence or ndarray
            A frame set, or plain images; see `nav.camera.image_frames.frame_set_of_images`.
        at : float, optional
            Of plain images: the middle of their exposure, s. 1/30 s after those before if not
            given: how a tool moves only tells where the search begins.

        Returns
        -------
        TrackedFrame
            For every tool its pose with covariance, or why there is none.

        Raises
        ------
        InputError
            Plain images of another size, kind or number than the rig's.
        """
        if not isinstance(frames, FrameSet):
            number, before = self.given
            now = before + STEP if at is None else float(at)
            frames = frame_set_of_images(frames, self.rig, number, now)
            self.given = number + 1, now
        began = time.perf_counter()
        self.views = {tool.name: [] for tool in self.tools}
        self.fresh = self.freshness.check(frames)
        for follower in self.followers.values():
            follower.found = None
        tools: dict[str, TrackedTool | Lost] = {}
        absent = []
        doubted: dict[str, PoseCandidate] = {}
        for state in self.states.values():
            state.sharpness.since += 1
            state.grid_wait -= 1
            state.growth_wait -= 1
        for tool, found in zip(self.tools, self._follow(frames), strict=True):
            if found is not None:
                found = self._by_its_pictures(self.followers[tool.name], found, frames)
            if found is not None and (combed := self._rough(found, combed=True)):
                tools[tool.name] = lost_by(combed)
                continue
            if found is None or self.followers[tool.name].suspect(found):
                absent.append(tool)
                if found is not None:
                    doubted[tool.name] = found
                continue
            against = self._ask_silent(tool, found, frames)
            if against is not None:
                tools[tool.name] = self._contradicted(tool, against)
                continue
            self.followers[tool.name].remember(found, frames, True)
            self.lost_for[tool.name] = 0
            tools[tool.name] = self._tracked(tool, found, frames)
        if absent:
            tools |= self._acquire(absent, frames, doubted)
        return TrackedFrame(
            frames.number,
            frames.time,
            {tool.name: tools[tool.name] for tool in self.tools},
            dict(frames.missing),
            time.perf_counter() - began,
            "acquire" if absent else "follow",
            self.agreement.groups(frames.time),
        )

    def _ask_silent(
        self, tool: Tool, found: PoseCandidate, frames: FrameSet
    ) -> Contradiction | None:
        """Search the images of cameras that confirm nothing, now and then while they do not.

        A hand before the camera is the usual reason; but if the camera shows the tool elsewhere,
        the pose is wrong, no matter what the other cameras agree on.
        """
        supports = camera_supports(found)
        spoke = {s.camera for s in self.supports.get(tool.name, ()) if s.confirmed}
        confirmed = {s.camera for s in supports if s.confirmed}
        silent = {s.camera for s in supports if s.doubtful} | (spoke - confirmed)
        due = []
        for index, camera in enumerate(self.rig.cameras):
            key = (tool.name, index)
            count = self.silent_for.get(key, 0)
            self.silent_for[key] = count + 1 if index in silent else 0
            if index in silent and count % SEARCH_EVERY == 0 and camera.name in frames.frames:
                due.append(frames.frames[camera.name])
        views = [view for frame in due for view in self._detect(frame, [tool], False)[tool.name]]
        if views:
            self.views[tool.name] = views
            supports = camera_supports(found, views)
        self.supports[tool.name] = supports
        return find_contradiction(tool, found, supports) if views else None

    def _contradicted(self, tool: Tool, against: Contradiction) -> Lost:
        """Forget a pose that is contradicted; whole images are searched from now on."""
        self.followers[tool.name].motion.forget()
        self.followers[tool.name].forget()
        self.agreement.deny(against.cameras)
        self.supports.pop(tool.name, None)
        self.lost_for[tool.name] += 1
        return contradicted(tool, against)

    def _follow(self, frames: FrameSet) -> list[PoseCandidate | None]:
        """Fit every tool where its motion leads, one after the other; threads share the pixels.

        Tools in threads of their own were no faster: most of the rest holds the interpreter.
        """
        followers = self.followers.values()
        return [follower.follow(frames, self.pool, self.workers) for follower in followers]

    def search(self) -> None:
        """Search whole images for all tools in the next frame set, wherever they were."""
        for follower in self.followers.values():
            follower.motion.forget()

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _acquire(
        self, tools: Sequence[Tool], frames: FrameSet, doubted: Mapping[str, PoseCandidate]
    ) -> dict[str, TrackedTool | Lost]:
        """Search whole images for tools; longer for those that were there a moment ago.

        doubted : what following made of some of them.
        """
        self.doubted = doubted
        found = self._search(tools, frames, False)
        again = [t for t in tools if isinstance(found[t.name], Lost) and self._worth_it(t)]
        if again and frames.frames:
            found |= self._search(again, frames, True)
        for tool in tools:
            lost = isinstance(found[tool.name], Lost)
            self.lost_for[tool.name] = self.lost_for[tool.name] + 1 if lost else 0
        if min(self.lost_for.values()) > 0:
            self._forget_pictures()
        return found

    def _forget_pictures(self) -> None:
        """Forget what was learnt of the images, as nothing fits: it may be why."""
        for state in self.states.values():
            state.response, state.blur, state.spread = Response(), START_BLUR.copy(), 0.0
            state.sharpness.doubt()
            state.grid_wait = state.growth_wait = 0

    def _worth_it(self, tool: Tool) -> bool:
        count = self.lost_for[tool.name]
        return count < SEARCH_FIRST or count % SEARCH_EVERY == 0

    def _search(
        self, tools: Sequence[Tool], frames: FrameSet, thorough: bool
    ) -> dict[str, TrackedTool | Lost]:
        present = [f for name, f in frames.frames.items() if name in self.viewers]
        views: Views = {tool.name: [] for tool in tools}
        looks = self.pool.map(lambda frame: self._detect(frame, tools, thorough), present)
        for seen in looks:
            for name, found in seen.items():
                views[name] += found
        self.views |= views
        return {tool.name: self._begin(tool, views[tool.name], frames) for tool in tools}

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the cameras do to their images that people should know of."""
        return picture_notices(self.states.values())

    def _by_its_pictures(
        self, follower: Follower, found: PoseCandidate, frames: FrameSet
    ) -> PoseCandidate:
        """Learn about the cameras from what was found; return it, fitted anew if they changed."""
        cameras = list(self.states.values())
        anew, fast = (
            look_at_pixels(cameras, found, frames, follower.noise),
            follower.moves_fast(found, frames.time),
        )
        if sharpness_due(cameras, found, fast):

            def look(sharpenings: Sequence[Sharpening]) -> FitResult | None:
                return follower.evidence_if(found, frames, sharpenings, self.pool, self.workers)

            anew |= learn_sharpness(cameras, look)
        if anew:
            again = follower.fit(frames, found.matrix, AFTER_DETECTION, self.pool, self.workers)
            found = again or found
        if not fast and follower.learn_noise(found, frames):
            found = follower.fit(frames, found.matrix, 0.0, self.pool, self.workers) or found
        return found

    def _rough(self, found: PoseCandidate, combed: bool = False) -> list[Notice]:
        """Return what is odd about pixels of cameras that see the tool, or only combed rows."""
        return odd_pixels(list(self.states.values()), found, combed)

    def _detect(self, frame: Frame, tools: Sequence[Tool], thorough: bool) -> Views:
        """Detect some tools' markers in one image, and refine them to its pixels."""
        viewer, state = self.viewers[frame.camera], self.states[frame.camera]
        detected = self.detectors[frame.camera].find(frame.image, tools, thorough)
        image = unsharpened(frame.image, state.sharpness.sharpening)
        found: Views = {}
        for tool in tools:
            views = found[tool.name] = []
            for square in detected[tool.name]:
                marker, at = tool.by_id[square.id], square.corners
                view = viewer.view(image, tool, marker, at, state.blur, state.response)
                view = view or viewer.view(image, tool, marker, at)
                if view is None and square.decoded:
                    view = viewer.detected(marker, square.corners)
                if view is not None:
                    views.append(replace(view, decoded=square.decoded))
        return found

    def _begin(self, tool: Tool, views: list[MarkerView], frames: FrameSet) -> TrackedTool | Lost:
        """Find a tool from detected markers: pose from their corners, then from all its pixels."""
        follower = self.followers[tool.name]
        follower.forget()
        best = self.doubted.get(tool.name)
        starts = starting_poses(views) if views else self._why_lost(tool, frames, views)
        if isinstance(starts, Lost):
            if best is None:
                return starts
            starts = []
        self._look_around(views)
        for start in starts:
            found = self._settle(follower, views, start, frames)
            if best is not None and found is not None and is_same_pose(best, found):
                return AMBIGUOUS
            best = better(best, found)
        if starts and (best is None or not best.consensus.fits):
            best = self._anew(follower, views, starts[0], frames, best)
        if starts and (best is None or best.share < HALF):
            best = self._otherwise(follower, views, frames, best)
        if best is None:
            return self._why_lost(tool, frames, views)
        best = self._by_its_pictures(follower, best, frames)
        if combed := self._rough(best, combed=True):
            return lost_by(combed)
        best = follower.resolve_ambiguity(best, frames, self.pool, self.workers)
        if best is None:
            return AMBIGUOUS
        if not best.convincing:
            return self._why_lost(tool, frames, views)
        supports = camera_supports(best, views)
        against = find_contradiction(tool, best, supports)
        if against is not None:
            return self._contradicted(tool, against)
        if best.apart:
            return why_apart(tool, views)
        if best.loose:
            return lost_by([*self._rough(best), why_loose(tool, best)])
        self.supports[tool.name] = supports
        follower.remember(best, frames, False)
        return self._tracked(tool, best, frames)

    def _anew(
        self,
        follower: Follower,
        views: list[MarkerView],
        start: Array,
        frames: FrameSet,
        before: PoseCandidate | None,
    ) -> PoseCandidate | None:
        """Try with nothing learnt of the cameras' curves, and forget it where that explains more.

        A pose that was wrong may have taught them what is not so.
        """
        learnt = {name: state.response for name, state in self.states.items()}
        for state in self.states.values():
            state.response = Response()
        found = self._settle(follower, views, start, frames)
        if found is not None and better(before, found) is found:
            return found
        for name, state in self.states.items():
            state.response = learnt[name]
        return before

    def _otherwise(
        self,
        follower: Follower,
        views: list[MarkerView],
        frames: FrameSet,
        before: PoseCandidate | None,
    ) -> PoseCandidate | None:
        """Try what each marker by itself would have: few that fit may fit by chance.

        A misread marker hides that the others have a mirror image. What explains the pixels better
        must do so with more markers: a tool misaligned explains few of them well.
        """
        best = before
        for start in all_starts(views):
            if best is not None and angle_between(best.matrix, start) < APART:
                continue
            found = self._settle(follower, views, start, frames)
            if found is not None and (best is None or found.share > best.share):
                best = better(best, found)
            if best is not None and best.share > MOST_SEEN:
                break
        return best

    def _settle(
        self, follower: Follower, views: list[MarkerView], start: Array, frames: FrameSet
    ) -> PoseCandidate | None:
        refined = [view for view in views if view.refined]
        best: PoseCandidate | None = None
        for extra in (AFTER_DETECTION, FAR):
            if refined:
                follower.seed_from_views(refined, start)
            found = follower.fit(frames, start, extra, self.pool, self.workers)
            best = better(best, found)
            if best is not None and best.share > MOST_SEEN:
                return best
        if best is None:
            return None
        # from the pose of those that fit, the others may be found too
        return better(best, follower.fit(frames, best.matrix, FAR, self.pool, self.workers))

    def _look_around(self, views: list[MarkerView]) -> None:
        """Begin with the blur of the markers detected; how noisy the picture is shows later."""
        for camera, state in self.states.items():
            blurs = [view.blur for view in views if view.refined and view.camera.name == camera]
            state.spread = 0.0
            if blurs:
                state.blur = np.median(blurs, axis=0)

    def _why_lost(self, tool: Tool, frames: FrameSet, views: Sequence[MarkerView]) -> Lost:
        follower = self.followers[tool.name]
        eyes = [state.eye for state in self.states.values()]
        return why_lost(eyes, tool, follower.shape, frames, follower.last, follower.pictures, views)

    def _tracked(self, tool: Tool, found: PoseCandidate, frames: FrameSet) -> TrackedTool:
        used = np.flatnonzero(found.consensus.used)
        marker_views = found.evidence.marker_views
        corners: dict[str, dict[int, NDArray[np.float64]]] = {}
        # an oblique marker's own pixels know less of its corners than the pose does
        vague = found.corner_variance > VAGUE**2
        for k in used:
            camera = marker_views.eyes[marker_views.camera[k]].camera.name
            marker = tool.markers[marker_views.marker[k]].id
            own = found.projected[k] if vague[k] else found.corners[k]
            corners.setdefault(camera, {})[marker] = own
        supports = self.supports[tool.name]
        confirming = tuple(self.rig.cameras[s.camera].name for s in supports if s.confirmed)
        if len(confirming) > 1:
            self.agreement.confirm(confirming, frames.time)
        doubts = Doubts(supports, self.fresh)
        return TrackedTool(
            found.pose,
            tuple(sorted({tool.markers[m].id for m in marker_views.marker[used]})),
            float(np.sqrt(np.mean(found.residuals[used] ** 2))),
            corners,
            (
                *pose_warnings(tool, found, self.views[tool.name], doubts),
                *self._rough(found),
            ),
            found.systematic,
            confirming,
            found.size.sd * found.size.motion,
            0.0 if found.consensus.size.seen else found.size.sd,
            tool.print_name,
        )
