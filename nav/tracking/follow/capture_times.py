"""When images were taken, by their times and what is known of the cameras' delays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import FrameSet
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.linear import Linear
from nav.tracking.fit.pixel_moments import GEOMETRY


def without_delays(frames: FrameSet, rig: Rig) -> FrameSet:
    """Subtract each camera's delay from its image's time.

    The frame set's time moves by the mean, so that it stays in the middle of its images' times.

    Parameters
    ----------
    frames : FrameSet
        With times as they were recorded.
    rig : Rig
        With the cameras' delays.

    Returns
    -------
    FrameSet
        The same object where no camera has a delay.
    """
    delays = {camera.name: camera.delay for camera in rig.cameras if camera.name in frames.frames}
    if not any(delays.values()):
        return frames
    taken = {
        name: replace(frame, time=frame.time - delays[name])
        for name, frame in frames.frames.items()
    }
    shift = sum(delays.values()) / len(delays)
    return replace(frames, time=frames.time - shift, frames=taken)


def has_time_errors(cameras: Sequence[CameraModel]) -> bool:
    """Return whether any camera's delay or readout is known with an uncertainty."""
    return any(each.camera.delay_sd > 0.0 or each.camera.readout_sd > 0.0 for each in cameras)


def time_covariance(fit_result: FitResult, used: NDArray[np.bool_], velocity: Array) -> Array:
    """Return the covariance that uncertain delays and readouts cause in a moving tool's pose.

    An error of a camera's time shifts what it sees along the tool's motion. The pose follows by
    that camera's share of the information. The velocity is taken as known: where it is estimated
    from the same images it absorbs a part of the error, so that the result is a little too large.

    Parameters
    ----------
    fit_result : FitResult
        What the pixels of each view say.
    used : ndarray, shape (n,), bool
        Views that contribute.
    velocity : ndarray, shape (6,)
        Of the tool about the fit's pivot, mm/s and rad/s.

    Returns
    -------
    ndarray, shape (6, 6)
        About the pivot, mm^2 and rad^2.
    """
    linear, views = Linear(fit_result, None), fit_result.marker_views
    by_time = np.zeros(linear.jacobian.shape[:2])
    by_time[:, :GEOMETRY] = fit_result.projection.flow @ velocity
    pulls = np.einsum("nab,nac,nc->nb", linear.jacobian, fit_result.information, by_time)
    inverse = np.linalg.inv(linear.solve(used)[1])[:6]
    total = np.zeros((6, 6))
    for index, model in enumerate(views.cameras):
        own = used & (views.camera == index)
        if not own.any():
            continue
        rows = fit_result.projection.corners[own, :, 1].mean(axis=1)
        within = (rows + 0.5) / model.camera.size[1] - 0.5
        for sd, share in (
            (model.camera.delay_sd, np.ones(int(own.sum()))),
            (model.camera.readout_sd, within),
        ):
            error = sd * (inverse @ (share @ pulls[own]))
            total += np.outer(error, error)
    return total
