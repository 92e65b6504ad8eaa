"""Where each image shows each marker of a tracked tool, by that image's own pixels.

The tool is tracked with its file's geometry. That tolerates markers that are off by some tenths of
a millimetre: each is measured where its own pixels show it, see `nav.tracking.fit.direct`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from nav.camera.rig import Rig
from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import FrameSet
from nav.core.notice import Notice, NoticeCount
from nav.progress_bar import progress_bar
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.marker_views import MarkerViews, shifted
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker

PATIENCE = 2.0  # s before the bar is shown
MOST_MOTION = 1.0  # px that a marker may move between its frame set's time and its own
SEARCH_EVERY = 5  # frame sets of a recording that is followed: whole pictures are searched


@dataclass(frozen=True)
class BodyView:
    """One marker in one image.

    Attributes
    ----------
    frame : int
        Number of the frame set.
    camera : str
        Name of the camera.
    marker : int
        Id of the marker.
    corners : ndarray, shape (4, 2)
        By this image's own pixels, at the frame set's time, px.
    covariance : ndarray, shape (8, 8)
        Of x0, y0, x1, ..., px^2.
    rig_from_tool : ndarray, shape (4, 4)
        Initial pose of its frame set, mm; the same in all its views.
    """

    frame: int
    camera: str
    marker: int
    corners: Array
    covariance: Array
    rig_from_tool: Array


@dataclass(frozen=True)
class Seen:
    """What images show of a tool.

    Attributes
    ----------
    views : tuple of BodyView
        All views of its markers.
    frames : int
        How many frame sets there were.
    tracked : int
        In how many of them the tool was found.
    moving : int
        Views left out because the tool moved between the cameras' times.
    reasons : tuple of Notice
        Why it was lost, the most frequent first.
    """

    views: tuple[BodyView, ...]
    frames: int
    tracked: int
    moving: int
    reasons: tuple[Notice, ...]


def seen_markers(
    frame_sets: Iterable[FrameSet],
    total: int,
    rig: Rig,
    tool: Tool,
    console: Console,
    task: str = "tracking",
    anywhere: bool = False,
) -> Seen:
    """Track a tool through frame sets and collect its markers' corners.

    Parameters
    ----------
    frame_sets : iterable of FrameSet
        Images of the rig's cameras; an InputError raised while reading propagates.
    total : int
        How many there are, for the progress bar; 0 if not known. The bar is shown after two
        seconds.
    rig : Rig
        The calibrated cameras.
    tool : Tool
        The tool to track.
    console : Console
        Where the progress bar is shown.
    task : str, optional
        Text of the progress bar.
    anywhere : bool, optional
        Also take markers that are found only by searching whole images, since they are too far from
        their place in the file to be looked for there.

    Returns
    -------
    Seen
        Views and counts.
    """
    views: list[BodyView] = []
    count = tracked = moving = 0
    reasons = NoticeCount()
    with closing(Tracker(rig, [tool])) as tracker, _late_bar(console, task, total) as advance:
        for frames in frame_sets:
            if anywhere and count % SEARCH_EVERY == 0:
                tracker.search()
            result = tracker.track(frames).tools[tool.name]
            count += 1
            candidate = tracker.tool_states[tool.name].candidate
            if isinstance(result, Lost) or candidate is None:
                reasons.add(result if isinstance(result, Lost) else Notice("not_found"))
            else:
                own, left_out = views_of(candidate, frames.number, tool)
                if anywhere:
                    own += _elsewhere(tracker.views[tool.name], own, candidate, frames.number)
                views += own
                tracked, moving = tracked + 1, moving + left_out
            advance()
    ordered = tuple(reason for reason, _ in reasons.most_common())
    return Seen(tuple(views), count, tracked, moving, ordered)


@contextmanager
def _late_bar(console: Console, task: str, total: int) -> Iterator[Callable[[], None]]:
    """Provide a function to call after each step; the bar is shown once that takes long."""
    bar, began = progress_bar(console), time.monotonic()
    at = bar.add_task(task, total=total or None, note="")

    def advance() -> None:
        bar.advance(at)
        if not bar.live.is_started and time.monotonic() - began > PATIENCE:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()


def _elsewhere(
    detected: Sequence[MarkerView], own: Sequence[BodyView], candidate: PoseCandidate, frame: int
) -> list[BodyView]:
    """Return the markers that a search of the whole images found, and the pose did not."""
    known = {(view.camera, view.marker) for view in own}
    places = Counter((view.camera.name, view.marker.id) for view in detected)
    return [
        BodyView(
            frame, view.camera.name, view.marker.id, view.corners, view.covariance, candidate.matrix
        )
        for view in detected
        if view.refined
        and places[view.camera.name, view.marker.id] == 1
        and (view.camera.name, view.marker.id) not in known
    ]


def views_of(candidate: PoseCandidate, frame: int, tool: Tool) -> tuple[list[BodyView], int]:
    """Return the markers whose appearance fits, and how many are left out because they moved.

    Markers that disagree with the pose are included: their place is to be estimated.

    Parameters
    ----------
    candidate : PoseCandidate
        Pose of the tool, with its fit result.
    frame : int
        Number of the frame set.
    tool : Tool
        The tool.

    Returns
    -------
    views : list of BodyView
        One per marker and camera.
    moving : int
        How many were left out because the tool moved between the cameras' times.
    """
    fit_result, marker_views = candidate.fit_result, candidate.fit_result.marker_views
    corners, covariance = own_corners(candidate), candidate.corner_covariance
    moved = np.abs(_to_frame_time(candidate)).max(axis=(1, 2))
    views, moving = [], 0
    for k in np.flatnonzero(fit_result.quality.good):
        if moved[k] > MOST_MOTION:
            moving += 1
            continue
        if not (np.isfinite(corners[k]).all() and np.isfinite(covariance[k]).all()):
            continue
        camera = marker_views.cameras[marker_views.camera[k]].camera.name
        marker = tool.markers[marker_views.marker[k]].id
        views.append(BodyView(frame, camera, marker, corners[k], covariance[k], candidate.matrix))
    return views, moving


def own_corners(candidate: PoseCandidate) -> Array:
    """Compute each view's corners by its own pixels, at the frame set's time.

    `PoseCandidate.corners` are the pose's plus all residuals: the pose cancels, but to first order
    only. Where markers were allowed to deviate from the pose, it was linearised about where they
    are.

    Parameters
    ----------
    candidate : PoseCandidate
        Pose of the tool, with its fit result.

    Returns
    -------
    ndarray, shape (n, 4, 2)
        Corners, px.
    """
    return candidate.corners + _bend(candidate) + _to_frame_time(candidate)


def _bend(candidate: PoseCandidate) -> Array:
    """Return, (n, 4, 2), the nonlinear part of the deviation of a marker from the pose."""
    fit_result = candidate.fit_result
    if fit_result.appearance.slack == 0.0 or not fit_result.appearance.offset.any():
        return np.zeros_like(candidate.corners)
    count = fit_result.marker_views.shape.count
    exact = _corners_of_planes(
        fit_result.marker_views,
        shifted(fit_result.projection.plane, fit_result.appearance.offset, count),
    )
    linear = np.einsum(
        "nab,nb->na", fit_result.projection.by_flow, fit_result.appearance.offset
    ).reshape(-1, 4, 2)
    return exact - _corners_of_planes(fit_result.marker_views, fit_result.projection.plane) - linear


def _corners_of_planes(marker_views: MarkerViews, planes: Array) -> Array:
    """Project the corners of markers from their homographies from rays to cells: (n, 4, 2) px."""
    count = float(marker_views.shape.count)
    cells = np.array([[0.0, 0.0, 1.0], [count, 0.0, 1.0], [count, count, 1.0], [0.0, count, 1.0]])
    rays = np.einsum("nij,kj->nki", np.linalg.inv(planes), cells)
    pixels = np.empty((len(marker_views), 4, 2))
    for index, first, last in marker_views.slices:
        camera = marker_views.cameras[index].camera
        pixels[first:last] = camera.project_rays(rays[first:last].reshape(-1, 3)).reshape(-1, 4, 2)
    return pixels


def _to_frame_time(candidate: PoseCandidate) -> Array:
    """Return the shift (n, 4, 2), px, from each view's own time to the frame set's time."""
    fit_result, marker_views = candidate.fit_result, candidate.fit_result.marker_views
    if not marker_views.late.any():
        return np.zeros_like(candidate.corners)
    still, _ = marker_views.project(marker_views.poses(fit_result.projection.pose, np.zeros(6)))
    return still - fit_result.projection.corners


def by_frame(views: Sequence[BodyView]) -> dict[int, list[BodyView]]:
    """Group views by frame set, in order.

    Parameters
    ----------
    views : sequence of BodyView
        In any order.

    Returns
    -------
    dict of int to list of BodyView
        By number of the frame set, ascending.
    """
    frames: dict[int, list[BodyView]] = {}
    for view in sorted(views, key=lambda view: view.frame):
        frames.setdefault(view.frame, []).append(view)
    return frames
