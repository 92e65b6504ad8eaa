"""Which markers of a tool the cameras should see in one frame set, and when each is seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet, Picture
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.tool_shape import Shape

MAX_SKEW = 0.1  # s: a view of another time than this is not used
SAME_TIME = 2e-5  # s: at hand speed a micrometre


def visible_views(
    shape: Shape, cameras: Sequence[CameraModel], frames: FrameSet, pose: Array
) -> MarkerViews:
    """Return the views of a tool's markers that face a camera with an image.

    Parameters
    ----------
    shape : Shape
        Of the tool.
    cameras : sequence of CameraModel
        All cameras.
    frames : FrameSet
        The images.
    pose : ndarray, shape (4, 4)
        rig_from_tool, about.

    Returns
    -------
    MarkerViews
        With the time of each.
    """
    given = [_frame_of(camera, frames) for camera in cameras]
    chosen = [
        np.zeros(0, np.int64) if frame is None else shape.seen_from(camera, pose)
        for camera, frame in zip(cameras, given, strict=True)
    ]
    camera = np.repeat(np.arange(len(cameras)), [len(own) for own in chosen])
    marker = np.concatenate(chosen)
    return retimed(MarkerViews(cameras, shape, camera, marker, np.zeros(len(marker))), frames, pose)


def retimed(marker_views: MarkerViews, frames: FrameSet, pose: Array) -> MarkerViews:
    """Return the same views with the times of the rows where a pose has them.

    Parameters
    ----------
    marker_views : MarkerViews
        Of one tool.
    frames : FrameSet
        The images.
    pose : ndarray, shape (4, 4)
        rig_from_tool.

    Returns
    -------
    MarkerViews
    """
    times = np.zeros(len(marker_views))
    for index, camera in enumerate(marker_views.cameras):
        own, frame = marker_views.camera == index, _frame_of(camera, frames)
        times[own] = _row_times(marker_views.shape, camera, pose, marker_views.marker[own])
        times[own] += 0.0 if frame is None else frame.time - frames.time
    if len(times) and np.abs(times).max() < SAME_TIME:
        times[:] = 0.0
    return MarkerViews(
        marker_views.cameras, marker_views.shape, marker_views.camera, marker_views.marker, times
    )


def pictures_of(cameras: Sequence[CameraModel], frames: FrameSet) -> list[Picture]:
    """Return each camera's image, or one of a single pixel where it has none of about this time.

    Parameters
    ----------
    cameras : sequence of CameraModel
        All cameras.
    frames : FrameSet
        The images.

    Returns
    -------
    list of ndarray, uint8
    """
    given = [_frame_of(camera, frames) for camera in cameras]
    return [np.zeros((1, 1), np.uint8) if frame is None else frame.image for frame in given]


def _frame_of(camera: CameraModel, frames: FrameSet) -> Frame | None:
    frame = frames.frames.get(camera.camera.name)
    return None if frame is None or abs(frame.time - frames.time) > MAX_SKEW else frame


def _row_times(shape: Shape, camera: CameraModel, pose: Array, markers: NDArray[np.int64]) -> Array:
    """Return when each marker's middle row is read, s after the image's middle."""
    if camera.camera.readout == 0.0 or not len(markers):
        return np.zeros(len(markers))
    centres = shape.centres[markers] @ pose[:3, :3].T + pose[:3, 3]
    rows = camera.camera.project(centres)[:, 1]
    return ((rows + 0.5) / camera.camera.size[1] - 0.5) * camera.camera.readout
