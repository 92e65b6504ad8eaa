"""Frames of all cameras in, every tool's pose with covariance out."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Frame, FrameSet
from nav.camera.rig import Rig
from nav.errors import InputError, Lost
from nav.tracking.detect import Detector
from nav.tracking.follower import FAR, Follower, Found, Seeing
from nav.tracking.refine import START_BLUR
from nav.tracking.response import Response
from nav.tracking.result import TrackedFrame, TrackedTool
from nav.tracking.sight import Eye
from nav.tracking.start import find_start
from nav.tracking.tool import Tool, check_tools
from nav.tracking.views import MarkerView, Viewer
from nav.tracking.why_lost import why_lost

Views = dict[str, list[MarkerView]]
MOST_WORKERS = 4
AFTER_DETECTION = 0.5  # px of blur added: corners were refined already


class Tracker:
    """Finds tools in frame sets, with all cameras used together.

    A tool seen in the frame set before is looked for where its motion leads; only one that is not
    there is searched in the whole pictures. `views` holds every marker that was found in the last
    frame set, by tool: for diagnosis.

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
        self.seeing = {
            camera.name: Seeing(Eye(camera), Response(), START_BLUR.copy())
            for camera in rig.cameras
        }
        self.viewers = {name: Viewer(seeing.eye) for name, seeing in self.seeing.items()}
        self.followers = {tool.name: Follower(tool, self.seeing) for tool in tools}
        self.views: Views = {}
        self.pool = ThreadPoolExecutor(
            max(self.workers, len(rig.cameras)), thread_name_prefix="tracking"
        )

    def track(self, frames: FrameSet) -> TrackedFrame:
        """Poses of all tools from one frame set alone: no smoothing, nothing old."""
        began = time.perf_counter()
        self.views = {tool.name: [] for tool in self.tools}
        tools: dict[str, TrackedTool | Lost] = {}
        absent = []
        for tool in self.tools:
            follower = self.followers[tool.name]
            found = follower.follow(frames, self.pool, self.workers)
            if found is None:
                absent.append(tool)
                continue
            follower.remember(found, frames.time, True)
            tools[tool.name] = self._tracked(tool, found)
        if absent:
            tools |= self._acquire(absent, frames)
        return TrackedFrame(
            frames.number,
            frames.time,
            {tool.name: tools[tool.name] for tool in self.tools},
            dict(frames.missing),
            time.perf_counter() - began,
            "acquire" if absent else "follow",
        )

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _acquire(self, tools: Sequence[Tool], frames: FrameSet) -> dict[str, TrackedTool | Lost]:
        """Search the whole pictures for tools."""
        present = [f for name, f in frames.frames.items() if name in self.viewers]
        views: Views = {tool.name: [] for tool in tools}
        for seen in self.pool.map(lambda frame: self._detect(frame, tools), present):
            for name, found in seen.items():
                views[name] += found
        self.views |= views
        return {tool.name: self._begin(tool, views[tool.name], frames) for tool in tools}

    def _detect(self, frame: Frame, tools: Sequence[Tool]) -> Views:
        """Some tools' markers in one picture, refined to its light."""
        viewer, seeing = self.viewers[frame.camera], self.seeing[frame.camera]
        detected = self.detectors[frame.camera].find(frame.image)
        found: Views = {}
        for tool in tools:
            views = found[tool.name] = []
            for marker_id, corners in detected[tool.dictionary]:
                marker = tool.by_id.get(marker_id)
                if marker is None:
                    continue
                view = viewer.view(
                    frame.image, tool, marker, corners, seeing.blur, seeing.response.table
                )
                views.append(view or viewer.detected(marker, corners))
        return found

    def _begin(self, tool: Tool, views: list[MarkerView], frames: FrameSet) -> TrackedTool | Lost:
        follower = self.followers[tool.name]
        follower.forget()
        if not views:
            return Lost(why_lost(self.rig, tool, frames, follower.last))
        start = find_start(views, None)
        if start is None:
            ids = sorted({view.marker.id for view in views})
            return Lost(f"markers {', '.join(map(str, ids))} do not fit together")
        refined = [view for view in views if view.refined]
        for camera, seeing in self.seeing.items():
            own = [view.blur for view in refined if view.camera.name == camera]
            seeing.spread = 0.0
            if own:
                seeing.blur = np.median(own, axis=0)
        if refined:
            follower.suppose(refined, start.pose)
        found = follower.fit(frames, start.pose, AFTER_DETECTION, self.pool, self.workers)
        if found is None:
            found = follower.fit(frames, start.pose, FAR, self.pool, self.workers)
        if found is None:
            return Lost("its pixels do not look like its markers")
        follower.remember(found, frames.time, False)
        return self._tracked(tool, found)

    def _tracked(self, tool: Tool, found: Found) -> TrackedTool:
        used = np.flatnonzero(found.consensus.used)
        sights = found.evidence.sights
        corners: dict[str, dict[int, NDArray[np.float64]]] = {}
        for k in used:
            camera = sights.eyes[sights.camera[k]].camera.name
            marker = tool.markers[sights.marker[k]].id
            corners.setdefault(camera, {})[marker] = found.corners[k]
        return TrackedTool(
            found.pose,
            tuple(sorted({tool.markers[m].id for m in sights.marker[used]})),
            float(np.sqrt(np.mean(found.residuals[used] ** 2))),
            corners,
            _warning(tool, found),
        )


def _warning(tool: Tool, found: Found) -> str:
    return ""
