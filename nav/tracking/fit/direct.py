"""A tool's pose fitted to all its pixels in all cameras at once.

Gauss-Newton over the pose: each pass renders every marker through the present pose, camera and
blur, compares it with the pixels, and gives what the marker says of the pose once its own
brightness and blur are eliminated (Schur complement). No corner is made on the way.

Markers that were misaligned, or that a wrong camera file shows elsewhere, do not lie where the
pose has them. As far as the others' disagreement shows, each may lie off by a flow of its own, so
that its pixels are compared where they are; what it says of the pose is carried back.
"""

import numpy as np

from nav.core.frames import Array
from nav.tracking.fit.accumulate_views import CHANCE, EXPLAINED, LOOKED, NOISE, USED
from nav.tracking.fit.fit_pass import COARSE_PASS, FARTHEST, FINE_PASS, fit_pass, offset_information
from nav.tracking.fit.fit_result import FitResult, Projection, ViewAppearance, ViewQuality
from nav.tracking.fit.fit_state import FitInput, PassResult, initial_state
from nav.tracking.fit.normal_equations import marginalised
from nav.tracking.fit.pixel_moments import AT_CURVATURE
from nav.tracking.fit.view_solver import LEAST_NOISE
from nav.tracking.fit.workers import Workers

# px: largest move of a corner at which a stage ends; the next move would be some 3 % of it
COARSE, FINE = 0.5, 0.12
MOST_COARSE, MOST_FINE = 10, 12
# the same where clipped pixels follow the fit: each pass leaves some of the way
SETTLED, REFILLED, MOST_CLIPPED = 0.03, 0.5, 20  # px, grey levels, passes
LOST = 25.0  # px from the start: it is not there
LOST_MM = 100.0
STEADY = 0.02  # largest change of the blur's sd, px, and of the response, in the last pass
# px that a corner may be off, one sd, however little noise there is: lenses do not blur quite like
# Gaussians, nor do pixels; measured in tests/bench/coverage.py
MODEL_ERROR = 0.0015
UNEVEN = 0.8  # the same by blur and the light's curvature
TILTED = 0.5  # by the light's slope, as curvature
BY_CHANCE = 2.0  # of the variance that noise gives the curvature, which says nothing


def fit_pixels(
    given: FitInput, pose: Array, velocity: Array, extra: float, workers: Workers
) -> FitResult | None:
    """Follow the pixels from a pose.

    Parameters
    ----------
    given : FitInput
        The views and their images.
    pose : ndarray, shape (4, 4)
        rig_from_tool to start from.
    velocity : ndarray, shape (6,)
        Of the tool about its pivot, mm/s and rad/s, for views of another time than the pose's.
    extra : float
        Standard deviation, px, of the blur added while coming near; 0 where the pose is near
        already.
    workers : Workers
        Threads.

    Returns
    -------
    FitResult or None
        None where the pixels lead away or say nothing.
    """
    state, way = initial_state(given, pose, extra == 0.0), 0.0
    last: PassResult | None = None
    for _ in range(MOST_COARSE if extra > 0.0 else 0):
        done = fit_pass(given, state, velocity, COARSE_PASS, extra, workers)
        if done is None:
            return None
        state = done.state
        way += min(done.move, FARTHEST)
        if way > LOST:
            return None
        if done.move < COARSE:
            break
    for _ in range(MOST_CLIPPED if given.clipped else MOST_FINE):
        last = fit_pass(given, state, velocity, FINE_PASS, 0.0, workers)
        if last is None:
            return None
        state = last.state
        if _converged(given, last):
            return _result(given, last, velocity)
    pivot = given.marker_views.pivot
    if last is None or np.abs(pivot(state.pose) - pivot(pose)).max() > LOST_MM:
        return None
    return _result(given, last, velocity)


def _converged(given: FitInput, done: PassResult) -> bool:
    at_rest = not given.clipped or (done.move < SETTLED and done.refilled < REFILLED)
    return done.move < FINE and done.change < STEADY and done.settled and at_rest


def _result(given: FitInput, last: PassResult, velocity: Array) -> FitResult:
    """Return what the last pass says: it was linearised about the pose before its step."""
    marker_views, state, stats = given.marker_views, last.state, last.equations.stats
    noise = np.maximum(stats[:, NOISE], LEAST_NOISE)
    growth = np.array([each.growth for each in given.cameras])
    weight = given.quality.trust(stats) / (noise**2 * growth[marker_views.camera])
    model_error = _model_error(given, state.appearance, noise**2 * stats[:, CHANCE])
    information, gradient = marginalised(
        last.equations.information * weight[:, None, None],
        last.equations.gradient * weight[:, None],
        np.ones(len(weight)),
        offset_information(last.projection.scale, model_error),
    )
    at, look = last.projection, state.appearance
    corners, by_flow = marker_views.project(at.poses)
    return FitResult(
        marker_views=marker_views,
        velocity=velocity,
        projection=Projection(
            at.pose, at.pivot, at.poses, at.plane, at.flow, corners, by_flow, at.scale
        ),
        information=information,
        gradient=gradient,
        appearance=ViewAppearance(look.blur, look.brightness, last.offset, look.slack),
        quality=ViewQuality(
            good=given.quality.good(stats, look.brightness, look.blur),
            explained=stats[:, EXPLAINED],
            visible=stats[:, USED] / np.maximum(stats[:, LOOKED], 1.0),
            noise=noise,
            pixels=np.array(stats[:, USED]),
        ),
        responses=state.responses,
        toward=last.toward,
        start_corners=at.corners if state.start_corners is None else state.start_corners,
    )


def _model_error(given: FitInput, look: ViewAppearance, chance: Array) -> Array:
    """Return (n,) px by which each view's corners may be off independently of its noise.

    Light that curves over a marker, beside a finger, is not quite what the model assumes: an edge
    between paper and ink seems off by about the blur times the light's error. chance : (n,)
    variance of the curvature by noise alone.
    """
    curved = (look.brightness[:, AT_CURVATURE:] ** 2).sum(axis=1)
    curved += TILTED**2 * (look.brightness[:, 2:4] ** 2).sum(axis=1)
    gain = np.maximum(look.brightness[:, 0], LEAST_NOISE)
    blur = (look.blur[:, 0] + look.blur[:, 2]) / 2
    uneven = blur * np.maximum(curved - BY_CHANCE * chance, 0.0) / gain**2
    rough = np.array([each.roughness for each in given.cameras])[given.marker_views.camera]
    return np.sqrt(MODEL_ERROR**2 + UNEVEN**2 * uneven + rough**2)
