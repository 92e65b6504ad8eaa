"""Frames of all cameras in, every tool's pose with covariance out."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Frame, FrameSet
from nav.camera.rig import Rig
from nav.errors import InputError, Lost
from nav.tracking.detect import Detector
from nav.tracking.pose import PoseFit, fit_pose
from nav.tracking.result import TrackedFrame, TrackedTool
from nav.tracking.tool import Tool, check_tools
from nav.tracking.views import MarkerView, Viewer
from nav.tracking.why_lost import why_lost

Found = dict[str, list[MarkerView]]


class Tracker:
    """Finds tools in frame sets, with all cameras used together.

    One thread a camera finds and refines markers; the poses are fitted to all of them. `views`
    holds every marker that was found in the last frame set, by tool: for diagnosis.

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
        self.detectors = {camera.name: Detector(tools) for camera in rig.cameras}
        self.viewers = {camera.name: Viewer(camera) for camera in rig.cameras}
        self.last: dict[str, PoseFit] = {}
        self.views: Found = {}
        self.pool = ThreadPoolExecutor(len(rig.cameras), thread_name_prefix="camera")

    def track(self, frames: FrameSet) -> TrackedFrame:
        """Poses of all tools from one frame set alone: no smoothing, nothing old."""
        began = time.perf_counter()
        present = [f for name, f in frames.frames.items() if name in self.viewers]
        views: Found = {tool.name: [] for tool in self.tools}
        for found in self.pool.map(self._look, present):
            for tool, seen in found.items():
                views[tool] += seen
        self.views = views
        tools = {tool.name: self._tool(tool, views[tool.name], frames) for tool in self.tools}
        return TrackedFrame(
            frames.number, frames.time, tools, dict(frames.missing), time.perf_counter() - began
        )

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _look(self, frame: Frame) -> Found:
        """All tools' markers in one picture, refined to its light."""
        viewer = self.viewers[frame.camera]
        detected = self.detectors[frame.camera].find(frame.image)
        found: Found = {}
        for tool in self.tools:
            views = found[tool.name] = []
            for marker_id, corners in detected[tool.dictionary]:
                marker = tool.by_id.get(marker_id)
                if marker is None:
                    continue
                view = viewer.view(frame.image, tool, marker, corners)
                views.append(view or viewer.detected(marker, corners))
        viewer.remember_blur([view for views in found.values() for view in views])
        return found

    def _tool(self, tool: Tool, views: list[MarkerView], frames: FrameSet) -> TrackedTool | Lost:
        last = self.last.get(tool.name)
        if not views:
            seen_last = None if last is None else last.rig_from_tool
            return Lost(why_lost(self.rig, tool, frames, seen_last))
        guess = None if last is None else last.rig_from_tool.transform.as_matrix()
        fit = fit_pose(views, guess)
        if isinstance(fit, Lost):
            return fit
        self.last[tool.name] = fit
        return TrackedTool(
            fit.rig_from_tool,
            tuple(sorted({view.marker.id for view in fit.used})),
            fit.rms_px,
            _corners(fit.used),
            _warning(fit),
        )


def _corners(views: Sequence[MarkerView]) -> Mapping[str, Mapping[int, NDArray[np.float64]]]:
    corners: dict[str, dict[int, NDArray[np.float64]]] = {}
    for view in views:
        corners.setdefault(view.camera.name, {})[view.marker.id] = view.corners
    return corners


def _warning(fit: PoseFit) -> str:
    said = []
    if fit.doubtful:
        said.append(f"geometry doubtful: corners {fit.geometric_px:.2f} px off beyond noise")
    said += [f"marker {v.marker.id} left out in {v.camera.name}" for v in fit.left_out]
    return "; ".join(said)
