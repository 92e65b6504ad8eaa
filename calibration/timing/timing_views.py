"""What each camera by itself sees of moving tools, image by image.

Cameras whose times do not fit together disagree about a moving tool. So each is tracked alone, as
if it had no delay and a global shutter; every marker is measured where its own pixels show it.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np
from rich.console import Console

from calibration.timing.timing_fit import ToolViews
from calibration.tools.body_views import BodyView, views_of
from nav.camera.rig import Camera, Rig
from nav.core.errors import Lost
from nav.core.frameset import FrameSet
from nav.progress_bar import progress_bar
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker


def timing_views(
    frame_sets: Iterable[FrameSet], total: int, rig: Rig, tools: Sequence[Tool], console: Console
) -> tuple[list[ToolViews], dict[str, list[float]]]:
    """Track tools through a recording, with each camera alone.

    Parameters
    ----------
    frame_sets : iterable of FrameSet
        The recording; an InputError raised while reading propagates.
    total : int
        How many there are, for the progress bar; 0 if not known.
    rig : Rig
        The cameras; their delays and readouts are not used.
    tools : sequence of Tool
        What moved.
    console : Console
        Where progress is shown.

    Returns
    -------
    views : list of ToolViews
        Of the tools that were seen.
    times : dict of str to list of float
        When each camera has an image, s, by its name.
    """
    cameras = [untimed(camera) for camera in rig.cameras]
    found: dict[str, list[tuple[int, float, BodyView]]] = {tool.name: [] for tool in tools}
    times: dict[str, list[float]] = {name: [] for name in rig.names}
    with ExitStack() as stack:
        trackers = [
            stack.enter_context(closing(Tracker(Rig((camera,)), tools))) for camera in cameras
        ]
        bar = stack.enter_context(progress_bar(console))
        task = bar.add_task("tracking", total=total or None, note="")
        for frames in frame_sets:
            for index, (camera, tracker) in enumerate(zip(cameras, trackers, strict=True)):
                frame = frames.frames.get(camera.name)
                if frame is None:
                    continue
                times[camera.name].append(frame.time)
                alone = FrameSet(frames.number, frame.time, {camera.name: frame})
                tracked = tracker.track(alone)
                for tool in tools:
                    candidate = tracker.tool_states[tool.name].candidate
                    if candidate is None or isinstance(tracked.tools[tool.name], Lost):
                        continue
                    own, _ = views_of(candidate, frames.number, tool)
                    found[tool.name] += [(index, frame.time, view) for view in own]
            bar.update(task, advance=1)
    return [_tool_views(tool, found[tool.name]) for tool in tools if found[tool.name]], times


def untimed(camera: Camera) -> Camera:
    """Return a camera without what is known of its times."""
    return replace(camera, delay=0.0, delay_sd=0.0, readout=0.0, readout_sd=0.0, timing=None)


def _tool_views(tool: Tool, found: Sequence[tuple[int, float, BodyView]]) -> ToolViews:
    corners = {marker.id: marker.corners for marker in tool.markers}
    return ToolViews(
        tool.name,
        np.array([index for index, _, _ in found]),
        np.array([time for _, time, _ in found]),
        np.array([corners[view.marker] for _, _, view in found]),
        np.array([view.corners for _, _, view in found]),
        np.array([view.covariance for _, _, view in found]),
        np.array([view.rig_from_tool for _, _, view in found]),
    )
