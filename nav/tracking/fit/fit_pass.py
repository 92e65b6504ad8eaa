"""One pass of a fit to pixels: project, accumulate, solve, and what changes with the step."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.tracking.fit.accumulate_views import NOISE, USED, accumulate_views, windows
from nav.tracking.fit.expected import expected_greys
from nav.tracking.fit.fit_result import Projection, ViewAppearance
from nav.tracking.fit.fit_state import FitInput, FitState, PassResult, PixelCuts
from nav.tracking.fit.kernel_arguments import Appearance, PlaneViews, ViewEquations
from nav.tracking.fit.marker_views import CORNER_FLOW, areas, moved_about, shifted
from nav.tracking.fit.normal_equations import (
    follow,
    marginalised,
    offset_flow,
    own_flow,
    step,
    usual_of_each_camera,
)
from nav.tracking.fit.pixel_moments import GEOMETRY, RESPONSE
from nav.tracking.fit.plane_projection import project_planes
from nav.tracking.fit.quality import WORTH, worthy
from nav.tracking.fit.view_solver import LEAST_NOISE, quantile
from nav.tracking.fit.workers import Workers

FARTHEST = 3.0  # px that corners may move in a pass
WORTH_COARSE = 0.05  # of the variance explained, from which a view contributes while coming near
WORTH_SHARING = 16000  # pixels in all windows: waking a thread takes as long as some thousands
FEW = 0.03  # of the pixels of all views: too few to move anything
SLACK_FROM, SLACK_MOST = 0.1, 4.0  # px of disagreement from which markers lie off, and at most
MOST_CURVE = 0.3  # change of a response's parameter in a pass
CORNERS = CORNER_FLOW.T @ CORNER_FLOW


@dataclass(frozen=True)
class PassKind:
    """What one pass does.

    Parameters
    ----------
    stride : int
        1 uses every pixel, 2 every other row and column.
    free : bool
        Whether blur, response and offsets change with it, or the pose alone.
    """

    stride: int
    free: bool


COARSE_PASS, FINE_PASS = PassKind(2, False), PassKind(1, True)


def fit_pass(
    given: FitInput, state: FitState, velocity: Array, kind: PassKind, extra: float,
    workers: Workers,
) -> PassResult | None:  # fmt: skip
    """Take one step of Gauss-Newton.

    Parameters
    ----------
    given : FitInput
        The views and their images.
    state : FitState
        Of the pass before.
    velocity : ndarray, shape (6,)
        Of the tool about its pivot, mm/s and rad/s.
    kind : PassKind
        COARSE_PASS or FINE_PASS.
    extra : float
        Standard deviation, px, of the blur added.
    workers : Workers
        Threads.

    Returns
    -------
    PassResult or None
        None where the pixels say nothing.
    """
    projected = _project(given, state, velocity)
    if projected is None:
        return None
    projection, corners, way = projected
    state, refilled = _accumulate(given, state, projection, corners, velocity, kind, extra, workers)
    look, stats = state.appearance, state.equations.stats
    good = worthy(stats, WORTH if kind.free else WORTH_COARSE)
    if not good.any():
        return None
    noise = np.maximum(stats[:, NOISE], LEAST_NOISE) ** 2
    solved = _solve(given, state, projection, np.where(good, 1.0 / noise, 0.0), kind.free)
    if solved is None:
        return None
    motion, curves, toward = solved
    flow = projection.flow @ motion
    move = float((np.abs(flow @ CORNER_FLOW.T).max(axis=1) * projection.scale)[good].max())
    share = min(1.0, FARTHEST / max(move, 1e-12))
    flow, change, after = flow * share, 0.0, state
    if kind.free:
        after, change = _update(given, state, projection, flow, curves * share, noise, good)
    after, settled = _cut(given, after, kind.free)
    after = replace(
        after,
        pose=moved_about(state.pose, motion * share, projection.pivot),
        projection=projection,
        moved=flow,
        way=way + move * share,
        start_corners=projection.corners if state.start_corners is None else state.start_corners,
    )
    return PassResult(
        after, projection, state.equations, look.offset, toward, move, change, refilled, settled
    )


def _project(
    given: FitInput, state: FitState, velocity: Array
) -> tuple[Projection, Array, float] | None:
    """Project the markers' planes and corners; None where corners are not finite.

    Also the corners (n, 4, 2) where the markers are seen, and how far corners went since they were
    projected: they go through the lenses now and then; in between they are moved by the flow.
    """
    marker_views, before, look = given.marker_views, state.projection, state.appearance
    pivot, poses = marker_views.pivot(state.pose), marker_views.poses(state.pose, velocity)
    plane, flow = project_planes(
        poses, pivot, marker_views.rotations, marker_views.translations, marker_views.planes,
        marker_views.shape.count,
    )  # fmt: skip
    if before is None or state.moved is None or state.way > FARTHEST:
        (corners, by_flow), way = marker_views.project(poses), 0.0
    else:
        moved = np.einsum("nab,nb->na", before.by_flow, state.moved)
        corners, by_flow, way = before.corners + moved.reshape(-1, 4, 2), before.by_flow, state.way
    seen = corners
    if look.slack > 0.0:
        seen = corners + np.einsum("nab,nb->na", by_flow, look.offset).reshape(-1, 4, 2)
    if not np.isfinite(seen).all():
        return None
    scale = np.sqrt(np.abs(areas(seen))) / marker_views.shape.count
    return Projection(state.pose, pivot, poses, plane, flow, corners, by_flow, scale), seen, way


def _accumulate(
    given: FitInput, state: FitState, projection: Projection, corners: Array, velocity: Array,
    kind: PassKind, extra: float, workers: Workers,
) -> tuple[FitState, float]:  # fmt: skip
    """Sum what all pixels say; return the state with it, and the change of clipped pixels."""
    marker_views, look, cuts = given.marker_views, state.appearance, state.cuts
    ray_per_pixel = state.ray_per_pixel
    if ray_per_pixel is None:
        ray_per_pixel = marker_views.ray_slopes(corners.mean(axis=1))
    window = windows(
        corners, given.patterns.zones, given.patterns.cells, marker_views.camera,
        marker_views.sizes, 1.0 + FARTHEST / 2,
    )  # fmt: skip
    plane = projection.plane
    if look.slack > 0.0:
        plane = shifted(plane, look.offset, given.patterns.cells)
    planes = PlaneViews(window, plane, ray_per_pixel, _drift(given, projection.flow, velocity))
    appearance = Appearance(
        look.brightness.copy(), look.blur, given.before.blur, cuts.free & kind.free, cuts.cut,
        cuts.odd.copy(),
    )  # fmt: skip
    refilled = 0.0
    if given.clipped and kind.stride == 1:
        refilled = _fill(given, state, planes, appearance)
    equations = ViewEquations(*(array.copy() for array in state.equations))

    def run(share: tuple[int, int]) -> None:
        for index, a, b in marker_views.slices:
            between = max(a, share[0]), min(b, share[1])
            if between[0] < between[1]:
                accumulate_views(
                    given.camera_image(index, state.responses[index]), between, given.patterns,
                    planes, appearance, kind.stride, extra * extra, equations,
                )  # fmt: skip

    workers.run(run, _shares(window, workers.count))
    if look.slack > 0.0:
        back = np.einsum("nab,nb->na", equations.information[:, :, :GEOMETRY], look.offset)
        equations = equations._replace(gradient=equations.gradient + back)
    accumulated = replace(
        state,
        appearance=replace(look, brightness=appearance.brightness),
        cuts=replace(cuts, odd=appearance.odd),
        equations=equations,
        ray_per_pixel=ray_per_pixel,
    )
    return accumulated, refilled


def _drift(given: FitInput, flow: Array, velocity: Array) -> Array:
    """Return the flow (n, 8) per image row, as a rolling shutter reads rows in turn."""
    drift = np.zeros((len(flow), GEOMETRY))
    for index, first, last in given.marker_views.slices:
        camera = given.marker_views.cameras[index].camera
        if camera.readout != 0.0 and velocity.any():
            row = camera.readout / camera.size[1]
            drift[first:last] = (flow[first:last] @ velocity) * row
    return drift


def _fill(given: FitInput, state: FitState, planes: PlaneViews, appearance: Appearance) -> float:
    """Set clipped pixels of unsharpened images to what the fit expects; return their change."""
    changes = []
    for index, first, last in given.marker_views.slices:
        plain = given.cameras[index].unsharpened
        if plain is None or not len(plain.clipped_at):
            continue
        image = given.camera_image(index, state.responses[index])
        expected, known = expected_greys(
            plain.clipped_at, plain.bright, image, (first, last), given.patterns, planes, appearance
        )
        changes.append(plain.hold(expected, known))
    return max(changes, default=0.0)


def _solve(
    given: FitInput, state: FitState, projection: Projection, weight: Array, free: bool
) -> tuple[Array, Array, Array] | None:
    """Find the motion (6,) that suits most views, with changes of the curves (cameras, 2).

    Last the pull (cameras, 2) of what was known of the curves.
    """
    equations, look = state.equations, state.appearance
    information, gradient = equations.information, equations.gradient
    if look.slack > 0.0:
        prior_information = offset_information(projection.scale, look.slack)
        information, gradient = marginalised(information, gradient, weight, prior_information)
    prior = given.response_information
    parameters = np.stack([response.parameters for response in state.responses])
    toward = np.einsum("cab,cb->ca", prior, given.response_before - parameters)
    none = np.zeros((len(prior), RESPONSE))
    cameras = len(prior) if free else 0
    solvable, motion, curves = step(
        information, gradient, weight, projection.flow, given.marker_views.camera,
        prior[:cameras], toward[:cameras],
    )  # fmt: skip
    if not solvable:
        return None
    return motion, curves if free else none, toward if free else none


def _update(
    given: FitInput, state: FitState, projection: Projection, flow: Array, curves: Array,
    noise: Array, good: NDArray[np.bool_],
) -> tuple[FitState, float]:  # fmt: skip
    """Change offsets, brightness, blur and responses with a step; return also the largest change.

    The change is that of blur and responses.
    """
    camera, equations, look = given.marker_views.camera, state.equations, state.appearance
    offset, slack = _offset(given, state, projection, flow, curves, noise, good)
    brightness, blur, swing = look.brightness.copy(), look.blur.copy(), state.swing.copy()
    change = follow(
        flow + (offset - look.offset), curves, camera, equations.follow, equations.rest,
        brightness, blur, swing,
    )  # fmt: skip
    stats = equations.stats
    fair = worthy(stats, WORTH) & ~given.quality.worse(stats)
    most = usual_of_each_camera(change, stats[:, USED] * fair, camera, len(given.cameras))
    responses = []
    for response, move in zip(state.responses, curves, strict=True):
        moved = response.moved(np.minimum(np.maximum(move, -MOST_CURVE), MOST_CURVE))
        most = max(most, abs(float(moved[0] - response.parameters[0])))
        responses.append(response.with_parameters(moved))
    changed = replace(
        state,
        responses=responses,
        appearance=ViewAppearance(blur, brightness, offset, slack),
        swing=swing,
    )
    return changed, most


def _offset(
    given: FitInput, state: FitState, projection: Projection, flow: Array, curves: Array,
    noise: Array, good: NDArray[np.bool_],
) -> tuple[Array, float]:  # fmt: skip
    """Let markers lie off the pose as they disagree: flow (n, 8), and its sd, px."""
    information, gradient = state.equations.information, state.equations.gradient
    left, excess = own_flow(
        information, gradient, flow, curves, given.marker_views.camera, projection.by_flow, noise
    )
    usual = float(np.sqrt(max(quantile(excess[good], 0.5), 0.0))) if good.sum() > 1 else 0.0
    slack = min(usual, SLACK_MOST) if usual > SLACK_FROM else 0.0
    if slack == 0.0:
        return np.zeros_like(flow), slack
    prior_information = offset_information(projection.scale, slack) * noise[:, None, None]
    return offset_flow(information, left, prior_information), slack


def _cut(given: FitInput, state: FitState, near: bool) -> tuple[FitState, bool]:
    """Choose which pixels count from now on; return also whether that has settled."""
    before, quality, stats = state.cuts, given.quality, state.equations.stats
    fair, uncut = worthy(stats, WORTH), before.cut == 0.0
    cut, free, gone = quality.cuts(stats, near)
    gained, slices = fair & free & ~before.free, given.marker_views.slices
    settled = not any(2 * gained[a:b].sum() > fair[a:b].sum() for _, a, b in slices)
    pixels = stats[:, USED] * fair
    settled &= not pixels[uncut & quality.worse(stats)].sum() > FEW * pixels.sum()
    look = state.appearance
    if gone.any():
        look = replace(look, brightness=np.where(gone[:, None], 0.0, look.brightness))
    cuts = PixelCuts(cut, free, before.odd, before.restarted)
    if near and not before.restarted and quality.most_lose_pixels(stats):
        # a finger is not on most of them: it is the pose that is off
        cuts = PixelCuts(np.zeros_like(cut), free, np.zeros_like(before.odd), True)
        settled = False
    return replace(state, appearance=look, cuts=cuts), settled


def _shares(window: NDArray[np.int64], workers: int) -> list[tuple[int, int]]:
    """Return first and last of the views that each worker takes, about as many pixels for each."""
    row0, row1, column0, column1, _ = window.T
    total = np.cumsum((row1 - row0) * (column1 - column0))
    if workers == 1 or total[-1] < WORTH_SHARING:
        return [(0, len(window))]
    cuts = np.searchsorted(total, total[-1] * np.arange(1, workers) / workers) + 1
    edges = np.unique(np.concatenate([[0], cuts, [len(window)]]))
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def offset_information(scale: Array, slack: float | Array) -> Array:
    """Return the information that no corner lies off the pose by more than the slack.

    Parameters
    ----------
    scale : ndarray, shape (n,)
        Size of a cell in each view, px.
    slack : float or ndarray, shape (n,)
        One standard deviation of a corner, px.

    Returns
    -------
    ndarray, shape (n, 8, 8)
        Of the flow.
    """
    return CORNERS * ((scale / slack) ** 2)[:, None, None]
