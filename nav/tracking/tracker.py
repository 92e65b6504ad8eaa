"""Frames of all cameras in, every tool's pose with covariance out."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nav.camera.image_frames import Images, frame_set_of_images
from nav.camera.rig import Rig
from nav.core.errors import InputError, Lost, lost_by
from nav.core.frameset import FrameSet
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.tracking.acquisition import Acquisition, Views
from nav.tracking.detect.marker_refinement import START_BLUR
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.response import Response
from nav.tracking.fit.workers import Workers
from nav.tracking.follow.agreement import CameraAgreement
from nav.tracking.follow.camera_state import CameraState
from nav.tracking.follow.capture_times import without_delays
from nav.tracking.follow.contradiction import Contradiction, camera_supports, find_contradiction
from nav.tracking.follow.follower import Follower
from nav.tracking.follow.freshness import Freshness, FreshnessMonitor
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.follow.repeated_parts import cameras_with_old_parts
from nav.tracking.follow.tool_state import ToolState, initial_tool_state, remember
from nav.tracking.notices import odd_pixels, picture_notices
from nav.tracking.reasons import Doubts, contradicted, pose_warnings
from nav.tracking.tool import Tool, check_tools

MOST_WORKERS = 4
SEARCH_FIRST, SEARCH_EVERY = 3, 15  # frame sets in which a lost tool is searched for longer
VAGUE = 0.1  # px, sd of a marker's own corners, above which the pose's are given
STEP = 1.0 / 30.0  # s between plain images that have no times


@dataclass(frozen=True)
class Absent:
    """A tool that is not where it was followed to.

    Parameters
    ----------
    doubted : PoseCandidate or None
        What following made of it, if so little is seen of it there that it may be elsewhere.
    """

    doubted: PoseCandidate | None


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
        Every marker found by searching the last frame set, by tool: for diagnosis.
    tool_states : dict
        What is remembered of each tool, by name; its `candidate` is the last frame set's.
    camera_states : dict
        What is known of each camera's images, by name.

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
        count = min(os.cpu_count() or 1, MOST_WORKERS)
        threads = max(count, len(rig.cameras))
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="tracking")
        self.workers = Workers(self.pool, count)
        self.camera_states = {
            camera.name: CameraState(CameraModel(camera), Response(), START_BLUR.copy())
            for camera in rig.cameras
        }
        cameras = list(self.camera_states.values())
        self.followers = {tool.name: Follower(tool, cameras) for tool in tools}
        self.tool_states = {
            name: initial_tool_state(follower.shape, len(cameras))
            for name, follower in self.followers.items()
        }
        self.acquisition = Acquisition(tools, self.camera_states, self.workers)
        self.agreement, self.freshness = CameraAgreement(), FreshnessMonitor()
        self.views: Views = {}
        self.given = 0, -STEP  # number of the next plain images, time of those before

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
        frames = without_delays(self._frame_set(frames, at), self.rig)
        began = time.perf_counter()
        fresh = self._start_frame_set(frames)
        candidates = {name: self._follow(name, frames) for name in self.followers}
        results = {
            tool.name: self._confirm(tool, candidates[tool.name], frames, fresh)
            for tool in self.tools
        }
        absent = {name: each for name, each in results.items() if isinstance(each, Absent)}
        acquired = self._acquire(absent, frames, fresh) if absent else {}
        tools = {name: each for name, each in results.items() if not isinstance(each, Absent)}
        tools |= acquired
        return TrackedFrame(
            frames.number,
            frames.time,
            {tool.name: tools[tool.name] for tool in self.tools},
            dict(frames.missing),
            time.perf_counter() - began,
            "acquire" if absent else "follow",
            self.agreement.groups(frames.time),
        )

    def search(self) -> None:
        """Search whole images for all tools in the next frame set, wherever they were."""
        self.tool_states = {name: state.forget_motion() for name, state in self.tool_states.items()}

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the cameras do to their images, as notices."""
        return picture_notices(self.camera_states.values())

    def _frame_set(self, frames: FrameSet | Images, at: float | None) -> FrameSet:
        """Return plain images as a frame set."""
        if isinstance(frames, FrameSet):
            return frames
        number, before = self.given
        now = before + STEP if at is None else float(at)
        made = frame_set_of_images(frames, self.rig, number, now)
        self.given = number + 1, now
        return made

    def _start_frame_set(self, frames: FrameSet) -> Freshness:
        """Forget the last frame set's results; return which cameras repeat images or stopped."""
        self.views = {tool.name: [] for tool in self.tools}
        self.tool_states = {
            name: replace(state, candidate=None) for name, state in self.tool_states.items()
        }
        fresh = self.freshness.check(frames)
        for name, each in self.camera_states.items():
            each.count_frame_set()
            if name in frames.frames and name not in fresh.repeated:
                each.history = each.history.after(frames.frames[name])
        return fresh

    def _follow(self, name: str, frames: FrameSet) -> PoseCandidate | None:
        """Fit one tool where its motion leads; threads share the pixels.

        Tools in threads of their own were no faster: most of the rest holds the interpreter.
        """
        return self.followers[name].follow(self.tool_states[name], frames, self.workers)

    def _confirm(
        self,
        tool: Tool,
        candidate: PoseCandidate | None,
        frames: FrameSet,
        fresh: Freshness,
    ) -> TrackedTool | Lost | Absent:
        """Accept what following found, if nothing speaks against it."""
        follower, state = self.followers[tool.name], self.tool_states[tool.name]
        if candidate is None:
            return Absent(None)
        candidate = follower.learn_cameras(state, candidate, frames, self.workers)
        if combed := odd_pixels(follower.cameras, candidate, True):
            return lost_by(combed)
        if state.suspects(candidate):
            return Absent(candidate)
        state, against = self._ask_silent(tool, state, candidate, frames)
        self.tool_states[tool.name] = state
        if against is not None:
            return self._contradicted(tool, against)
        state = remember(state, follower.cameras, candidate, frames, True)
        self.tool_states[tool.name] = replace(state, lost_for=0)
        return self._report(tool, candidate, frames, fresh)

    def _ask_silent(
        self, tool: Tool, state: ToolState, candidate: PoseCandidate, frames: FrameSet
    ) -> tuple[ToolState, Contradiction | None]:
        """Search the images of cameras that confirm nothing, now and then while they do not.

        A hand before the camera is the usual reason; but if the camera shows the tool elsewhere,
        the pose is wrong, no matter what the other cameras agree on.
        """
        supports = camera_supports(candidate)
        spoke = {s.camera for s in state.supports if s.confirmed}
        confirmed = {s.camera for s in supports if s.confirmed}
        silent = {s.camera for s in supports if s.doubtful} | (spoke - confirmed)
        due = [
            frames.frames[camera.name]
            for index, camera in enumerate(self.rig.cameras)
            if index in silent
            and state.silent_for[index] % SEARCH_EVERY == 0
            and camera.name in frames.frames
        ]
        silent_for = tuple(
            count + 1 if index in silent else 0 for index, count in enumerate(state.silent_for)
        )
        detect = self.acquisition.detect
        views = [view for frame in due for view in detect(frame, [tool], False)[tool.name]]
        if views:
            self.views[tool.name] = views
            supports = camera_supports(candidate, views)
        state = replace(state, supports=supports, silent_for=silent_for)
        return state, find_contradiction(tool, candidate, supports) if views else None

    def _contradicted(self, tool: Tool, against: Contradiction) -> Lost:
        """Forget a pose that is contradicted; whole images are searched from now on."""
        state = self.tool_states[tool.name].forget_motion().forget_views()
        self.tool_states[tool.name] = replace(state, supports=(), lost_for=state.lost_for + 1)
        self.agreement.deny(against.cameras)
        return contradicted(tool, against)

    def _acquire(
        self, absent: Mapping[str, Absent], frames: FrameSet, fresh: Freshness
    ) -> dict[str, TrackedTool | Lost]:
        """Search whole images for tools; longer for those that were there a moment ago."""
        results = self._search(absent, frames, fresh, False)
        again = {
            name: each
            for name, each in absent.items()
            if isinstance(results[name], Lost) and self._worth_it(name)
        }
        if again and frames.frames:
            results |= self._search(again, frames, fresh, True)
        for name, result in results.items():
            state = self.tool_states[name]
            lost_for = state.lost_for + 1 if isinstance(result, Lost) else 0
            self.tool_states[name] = replace(state, lost_for=lost_for)
        if min(state.lost_for for state in self.tool_states.values()) > 0:
            for each in self.camera_states.values():
                each.forget()
        return results

    def _worth_it(self, name: str) -> bool:
        count = self.tool_states[name].lost_for
        return count < SEARCH_FIRST or count % SEARCH_EVERY == 0

    def _search(
        self, absent: Mapping[str, Absent], frames: FrameSet, fresh: Freshness, thorough: bool
    ) -> dict[str, TrackedTool | Lost]:
        """Search whole images once."""
        tools = [tool for tool in self.tools if tool.name in absent]
        views = self.acquisition.detect_all(frames, tools, thorough)
        self.views |= views
        results: dict[str, TrackedTool | Lost] = {}
        for tool in tools:
            name = tool.name
            outcome, self.tool_states[name] = self.acquisition.begin(
                self.followers[name], self.tool_states[name], views[name], frames,
                absent[name].doubted,
            )  # fmt: skip
            if isinstance(outcome, Contradiction):
                results[name] = self._contradicted(tool, outcome)
            elif isinstance(outcome, Lost):
                results[name] = outcome
            else:
                results[name] = self._report(tool, outcome, frames, fresh)
        return results

    def _report(
        self, tool: Tool, candidate: PoseCandidate, frames: FrameSet, fresh: Freshness
    ) -> TrackedTool:
        """Return the result for a tool that was found."""
        used = np.flatnonzero(candidate.consensus.used)
        marker_views = candidate.fit_result.marker_views
        corners: dict[str, dict[int, NDArray[np.float64]]] = {}
        # an oblique marker's own pixels know less of its corners than the pose does
        vague = candidate.corner_variance > VAGUE**2
        for k in used:
            camera = marker_views.cameras[marker_views.camera[k]].camera.name
            marker = tool.markers[marker_views.marker[k]].id
            own = candidate.projected[k] if vague[k] else candidate.corners[k]
            corners.setdefault(camera, {})[marker] = own
        supports = self.tool_states[tool.name].supports
        confirming = tuple(self.rig.cameras[s.camera].name for s in supports if s.confirmed)
        if len(confirming) > 1:
            self.agreement.confirm(confirming, frames.time)
        histories = [
            each.history.frames if name in frames.frames and name not in fresh.repeated else ()
            for name, each in self.camera_states.items()
        ]
        seen = tuple(self.tool_states[tool.name].motion.seen)
        old = cameras_with_old_parts(candidate, histories, seen)
        doubts = pose_warnings(tool, candidate, self.views[tool.name], Doubts(supports, fresh, old))
        odd = odd_pixels(self.followers[tool.name].cameras, candidate)
        return TrackedTool(
            rig_from_tool=candidate.pose,
            marker_ids=tuple(sorted({tool.markers[m].id for m in marker_views.marker[used]})),
            rms_px=float(np.sqrt(np.mean(candidate.residuals[used] ** 2))),
            corners=corners,
            warnings=(*doubts, *odd),
            systematic=candidate.systematic,
            cameras=confirming,
            size_error=candidate.size.sd * candidate.size.motion,
            tip_scale_sd=0.0 if candidate.consensus.size.seen else candidate.size.sd,
            print_name=tool.print_name,
        )
