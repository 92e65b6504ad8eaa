"""A tool's pose fitted to all its pixels in all cameras at once.

Gauss-Newton over the pose: each pass renders every marker through the present pose, camera and
blur, compares it with the pixels, and gives what the marker says of the pose once its own
brightness and blur are eliminated (Schur complement). No corner is made on the way.

Markers that were misaligned, or that a wrong camera file shows elsewhere, do not lie where the
pose has them. As far as the others' disagreement shows, each may lie off by a flow of its own, so
that its pixels are compared where they are; what it says of the pose is carried back.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Picture
from nav.frames import Array
from nav.tracking.fit.accumulate_views import (
    CHANCE,
    EXPLAINED,
    LOOKED,
    NOISE,
    USED,
    accumulate_views,
    view_equations,
    windows,
)
from nav.tracking.fit.expected import expected_greys
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.kernel_arguments import (
    Appearance,
    CameraImage,
    MarkerPatterns,
    PlaneViews,
)
from nav.tracking.fit.marker_views import CORNER_FLOW, MarkerViews, areas, moved_about, shifted
from nav.tracking.fit.normal_equations import (
    follow,
    held_flow,
    marginalised,
    own_flow,
    project_planes,
    step,
    usual_of_each_camera,
)
from nav.tracking.fit.pixel_moments import AT_CURVATURE, BRIGHTNESS, GEOMETRY, RESPONSE
from nav.tracking.fit.quality import WORTH, Quality, worthy
from nav.tracking.fit.response import Response
from nav.tracking.fit.sharpening import UNKNOWN, Unsharpened
from nav.tracking.fit.view_solver import LEAST_NOISE, quantile

# px: largest move of a corner at which a stage ends; the next move would be some 3 % of it
COARSE, FINE = 0.5, 0.12
MOST_COARSE, MOST_FINE = 10, 12
# the same where clipped pixels follow the fit: each pass leaves some of the way
SETTLED, REFILLED, MOST_CLIPPED = 0.03, 0.5, 20  # px, grey levels, passes
FARTHEST = 3.0  # px that corners may move in a pass
LOST = 25.0  # px from the start: it is not there
# px that a corner may be off, one sd, however little noise there is: lenses do not blur quite like
# Gaussians, nor do pixels; measured in tests/bench/coverage.py
MODEL_ERROR = 0.0015
UNEVEN = 0.8  # the same by blur and the light's curvature
TILTED = 0.5  # by the light's slope, as curvature
BY_CHANCE = 2.0  # of the variance that noise gives the curvature, which says nothing
WORTH_SHARING = 16000  # pixels in all windows: waking a thread takes as long as some thousands
FEW = 0.03  # of the pixels of all views: too few to move anything
STEADY = 0.02  # largest change of the blur's sd, px, and of the response, in the last pass
SLACK_FROM, SLACK_MOST = 0.1, 4.0  # px of disagreement from which markers lie off, and at most
CORNERS = CORNER_FLOW.T @ CORNER_FLOW


class DirectFit:
    """One fit of a tool's pose to the pixels of all its views; holds their state between passes.

    Parameters
    ----------
    marker_views : MarkerViews
        The n views to fit to.
    pictures : sequence of ndarray
        Image of each camera, uint8.
    responses : sequence of Response
        Of each camera; copied.
    blur : ndarray, shape (n, 3)
        Blur to start from, covariance uu, uv, vv, px^2.
    spread : ndarray, shape (cameras,)
        Noise seen there before, grey levels; 0 where not known.
    brightness : ndarray, shape (n, BRIGHTNESS)
        As it was a moment ago; zeros where that is not known.
    off : ndarray, shape (n, 8)
        Flow by which markers lay off the pose before.
    slack : float
        Its standard deviation, px.
    unsharpened : mapping of int to Unsharpened
        What to use in place of a camera's image.
    rough : ndarray, shape (cameras,)
        How far corners are off where pixels are not a sensor's own, one standard deviation, px.
    growth : ndarray, shape (cameras,)
        Factor of the variance, as neighbouring pixels share their errors.
    pool : Executor
        Threads.
    workers : int
        Number of threads to use.
    """

    def __init__(
        self,
        marker_views: MarkerViews,
        pictures: Sequence[Picture],
        responses: Sequence[Response],
        blur: Array,
        spread: Array,
        brightness: Array,
        off: Array,
        slack: float,
        unsharpened: Mapping[int, Unsharpened],
        rough: Array,
        growth: Array,
        pool: Executor,
        workers: int,
    ) -> None:
        """Allocate what the passes fill."""
        self.marker_views, self.pictures, self.unsharpened = (
            marker_views,
            list(pictures),
            unsharpened,
        )
        for index, plain in unsharpened.items():
            self.pictures[index] = plain.picture
        self.rough, self.growth = rough, growth
        self.clipped = any(len(plain.clipped_at) for plain in unsharpened.values())
        self.refilled = np.inf if self.clipped else 0.0  # grey levels of change where clipped
        self.responses = [response.copy() for response in responses]
        self.blur, self.prior = blur.copy(), blur.copy()
        self.swing = np.zeros_like(blur)  # the last change of the blur
        self.anchor = np.stack([response.parameters for response in responses])
        self.quality = Quality(marker_views, spread)
        self.pool, self.workers = pool, workers
        count = len(marker_views)
        self.off, self.slack = off.copy(), slack
        self.brightness, self.known = np.zeros((count, BRIGHTNESS)), brightness
        self.cut = np.zeros(count)
        self.free = np.ones(count, np.bool_)
        self.odd = np.zeros((count, (marker_views.shape.count + 2) ** 2), np.int64)
        self.held = False  # whether blurs were kept, or pixels used, that will not be from now on
        self.doubted = False  # whether pixels cut were once all taken back
        shape, marker = marker_views.shape, marker_views.marker
        self.patterns = MarkerPatterns(
            np.ascontiguousarray(shape.changes[marker]), shape.count,
            np.ascontiguousarray(shape.zones[marker]),
        )  # fmt: skip
        self.equations = view_equations(count)
        self.slopes: Array | None = None
        self.corners = self.began = np.zeros((0, 4, 2))  # began: where the first pass has them
        self.by_flow = np.zeros((0, 8, 8))
        self.way = np.inf  # px that corners went since they were projected

    def run(self, pose: Array, velocity: Array, extra: float) -> FitResult | None:
        """Follow the pixels from a pose.

        Parameters
        ----------
        pose : ndarray, shape (4, 4)
            rig_from_tool to start from.
        velocity : ndarray, shape (6,)
            Of the tool about its pivot, mm/s and rad/s, for views of another time than the pose's.
        extra : float
            Standard deviation, px, of the blur added while coming near; 0 where the pose is near
            already.

        Returns
        -------
        FitResult or None
            None where the pixels lead away or say nothing.
        """
        began, way = self.marker_views.pivot(pose), 0.0
        if extra == 0.0:
            self.brightness[:] = self.known
            self.cut = self.quality.usual_cut * (self.known[:, 0] > 0.0)
        for _ in range(MOST_COARSE if extra > 0.0 else 0):
            moved = self._pass(pose, velocity, 2, extra, False)
            if moved is None:
                return None
            pose, move, _ = moved
            way += min(move, FARTHEST)
            if way > LOST:
                return None
            if move < COARSE:
                break
        for _ in range(MOST_FINE if not self.clipped else MOST_CLIPPED):
            moved = self._pass(pose, velocity, 1, 0.0, True)
            if moved is None:
                return None
            before = pose
            pose, move, change = moved
            settled = not self.clipped or (move < SETTLED and self.refilled < REFILLED)
            if move < FINE and change < STEADY and not self.held and settled:
                # what was linearised belongs to the pose before the last step
                return self._evidence(before, velocity)
        if np.abs(self.marker_views.pivot(pose) - began).max() > 100.0:
            return None
        return self._evidence(before, velocity)

    def _pass(
        self, pose: Array, velocity: Array, stride: int, extra: float, free: bool
    ) -> tuple[Array, float, float] | None:
        """Run one pass; return the pose, largest corner move in px, largest other change."""
        marker_views = self.marker_views
        self._lay(pose, velocity)
        corners, by_flow = self.corners, self.by_flow
        if self.slack > 0.0:
            corners = corners + np.einsum("nab,nb->na", by_flow, self.off).reshape(-1, 4, 2)
        if not np.isfinite(corners).all():
            return None
        self._look(corners, velocity, stride, extra, free)
        information, gradient, by_place, rest, stats = self.equations
        if self.slack > 0.0:
            gradient += np.einsum("nab,nb->na", information[:, :, :GEOMETRY], self.off)
        good = worthy(stats, WORTH if free else 0.05)
        if not good.any():
            return None
        noise = np.maximum(stats[:, NOISE], LEAST_NOISE) ** 2
        weight = np.where(good, 1.0 / noise, 0.0)
        scale = self.scale = np.sqrt(np.abs(areas(corners))) / marker_views.shape.count
        found, motion, responses = self._step(information, gradient, weight, free)
        if not found:
            return None
        flow = self.flow @ motion
        move = float((np.abs(flow @ CORNER_FLOW.T).max(axis=1) * scale)[good].max())
        share = min(1.0, FARTHEST / max(move, 1e-12))
        self.moved, self.way = flow * share, self.way + move * share
        change = 0.0
        if free:
            flow, responses = flow * share, responses * share
            self.evidence_off = self.off
            shift = self._lie_off(flow, responses, noise, scale, good)
            change = self._follow(flow + shift, responses, by_place, rest)
        uncut, before, fair = self.cut == 0.0, self.free, worthy(stats, WORTH)
        self.cut, self.free, gone = self.quality.cuts(stats, free)
        gained = fair & self.free & ~before
        self.held = any(2 * gained[a:b].sum() > fair[a:b].sum() for _, a, b in marker_views.slices)
        pixels = stats[:, USED] * fair
        self.held |= bool(pixels[uncut & self.quality.worse(stats)].sum() > FEW * pixels.sum())
        self.brightness[gone] = 0.0
        if free and not self.doubted and self.quality.most_lose_pixels(stats):
            # a finger is not on most of them: it is the pose that is off
            self.cut[:], self.odd[:], self.doubted, self.held = 0.0, 0, True, True
        return moved_about(pose, motion * share, self.pivot), move, change

    def _lay(self, pose: Array, velocity: Array) -> None:
        """Project the markers' planes and corners by a pose."""
        marker_views = self.marker_views
        self.pivot, self.poses = marker_views.pivot(pose), marker_views.poses(pose, velocity)
        self.plane, self.flow = project_planes(
            self.poses, self.pivot, marker_views.rotations, marker_views.translations,
            marker_views.planes, marker_views.shape.count,
        )  # fmt: skip
        if self.way > FARTHEST:
            self._project()
            return
        moved = np.einsum("nab,nb->na", self.by_flow, self.moved)
        self.corners = self.corners + moved.reshape(-1, 4, 2)

    def _project(self) -> None:
        """Project corners through the lenses; in between they are moved by the flow."""
        self.corners, self.by_flow = self.marker_views.project(self.poses)
        self.way = 0.0
        if not len(self.began):
            self.began = self.corners

    def _look(self, corners: Array, velocity: Array, stride: int, extra: float, free: bool) -> None:
        marker_views, count = self.marker_views, self.marker_views.shape.count
        reach = 1.0 + FARTHEST / 2
        if self.slopes is None:  # hardly changed after a step
            self.slopes = marker_views.ray_slopes(corners.mean(axis=1))
        window = windows(
            corners, self.patterns.zones, count, marker_views.camera, marker_views.sizes, reach
        )
        drift = np.zeros((len(marker_views), GEOMETRY))
        for index, first, last in marker_views.slices:
            camera = marker_views.eyes[index].camera
            if camera.readout > 0.0 and velocity.any():
                row = camera.readout / camera.size[1]
                drift[first:last] = (self.flow[first:last] @ velocity) * row
        plane = self.plane if self.slack == 0.0 else shifted(self.plane, self.off, count)

        planes = PlaneViews(window, plane, self.slopes, drift)
        appearance = Appearance(
            self.brightness, self.blur, self.prior, self.free & free, self.cut, self.odd
        )
        if self.clipped and stride == 1:
            self._fill(planes, appearance)

        def run(share: tuple[int, int]) -> None:
            for index, a, b in marker_views.slices:
                first, last = max(a, share[0]), min(b, share[1])
                if first < last:
                    accumulate_views(
                        self._camera_image(index), (first, last), self.patterns, planes,
                        appearance, stride, extra * extra, self.equations,
                    )  # fmt: skip

        own, *others = _shares(window, self.workers)
        running = [self.pool.submit(run, share) for share in others]
        run(own)
        for future in running:
            future.result()

    def _camera_image(self, index: int) -> CameraImage:
        response = self.responses[index]
        return CameraImage(
            self.pictures[index], self.marker_views.eyes[index].rays.grid, response.table,
            response.power, UNKNOWN if index in self.unsharpened else -1.0,
        )  # fmt: skip

    def _fill(self, planes: PlaneViews, appearance: Appearance) -> None:
        """Set clipped pixels of unsharpened images to what the fit expects now."""
        marker_views, changes = self.marker_views, []
        for index, first, last in marker_views.slices:
            plain = self.unsharpened.get(index)
            if plain is None or not len(plain.clipped_at):
                continue
            expected, known = expected_greys(
                plain.clipped_at, plain.bright, self._camera_image(index), (first, last),
                self.patterns, planes, appearance,
            )  # fmt: skip
            changes.append(plain.hold(expected, known))
        self.refilled = max(changes, default=0.0)

    def _lie_off(
        self, flow: Array, responses: Array, noise: Array, scale: Array, good: NDArray[np.bool_]
    ) -> Array:
        """Let markers lie off the pose as they disagree; return the change of flow (n, 8)."""
        information, gradient = self.equations.information, self.equations.gradient
        camera = self.marker_views.camera
        left, excess = own_flow(information, gradient, flow, responses, camera, self.by_flow, noise)
        off = float(np.sqrt(max(quantile(excess[good], 0.5), 0.0))) if good.sum() > 1 else 0.0
        self.slack = min(off, SLACK_MOST) if off > SLACK_FROM else 0.0
        if self.slack == 0.0:
            shift = -self.off
            self.off = np.zeros_like(self.off)
            return shift
        after = held_flow(information, left, held(scale, self.slack) * noise[:, None, None])
        shift = after - self.off
        self.off = after
        return shift

    def _step(
        self, information: Array, gradient: Array, weight: Array, free: bool
    ) -> tuple[bool, Array, Array]:
        """Find a motion that suits most views: whether there is one, (6,), (cameras, 2)."""
        cameras = len(self.marker_views.eyes)
        if self.slack > 0.0:
            slack = held(self.scale, self.slack)
            information, gradient = marginalised(information, gradient, weight, slack)
        prior = np.stack([response.information for response in self.responses])
        off = self.anchor - np.stack([response.parameters for response in self.responses])
        toward = np.einsum("cab,cb->ca", prior, off)
        self.toward = toward if free else np.zeros((cameras, RESPONSE))
        given = cameras if free else 0
        found, motion, responses = step(
            information, gradient, weight, self.flow, self.marker_views.camera, prior[:given],
            toward[:given],
        )  # fmt: skip
        return found, motion, responses if free else np.zeros((cameras, RESPONSE))

    def _follow(self, flow: Array, responses: Array, by_place: Array, rest: Array) -> float:
        """Update brightness, blur, response; return the largest change of the last two."""
        change = follow(
            flow, responses, self.marker_views.camera, by_place, rest, self.brightness, self.blur,
            self.swing,
        )  # fmt: skip
        stats = self.equations.stats
        fair = worthy(stats, WORTH) & ~self.quality.worse(stats)
        most = usual_of_each_camera(
            change, stats[:, USED] * fair, self.marker_views.camera, len(self.responses)
        )
        for response, move in zip(self.responses, responses, strict=True):
            moved = response.moved(np.minimum(np.maximum(move, -0.3), 0.3))
            most = max(most, abs(float(moved[0] - response.parameters[0])))
            response.parameters = moved
        return most

    def _model_error(self, chance: Array) -> Array:
        """Return (n,) px by which each view's corners may be off independently of its noise.

        Light that curves over a marker, beside a finger, is not quite what the model assumes: an
        edge between paper and ink seems off by about the blur times the light's error. chance :
        (n,) variance of the curvature by noise alone.
        """
        curved = (self.brightness[:, AT_CURVATURE:] ** 2).sum(axis=1)
        curved += TILTED**2 * (self.brightness[:, 2:4] ** 2).sum(axis=1)
        gain = np.maximum(self.brightness[:, 0], LEAST_NOISE)
        blur = (self.blur[:, 0] + self.blur[:, 2]) / 2
        uneven = blur * np.maximum(curved - BY_CHANCE * chance, 0.0) / gain**2
        rough = self.rough[self.marker_views.camera]
        return np.sqrt(MODEL_ERROR**2 + UNEVEN**2 * uneven + rough**2)

    def _evidence(self, pose: Array, velocity: Array) -> FitResult:
        information, gradient, _, _, stats = self.equations
        noise = np.maximum(stats[:, NOISE], LEAST_NOISE)
        variance = noise**2 * self.growth[self.marker_views.camera]
        weight = self.quality.trust(stats) / variance
        information, gradient = marginalised(
            information * weight[:, None, None],
            gradient * weight[:, None],
            np.ones(len(weight)),
            held(self.scale, self._model_error(noise**2 * stats[:, CHANCE])),
        )
        self._project()
        return FitResult(
            self.marker_views,
            pose,
            velocity,
            self.pivot,
            np.array(self.poses),
            self.plane,
            self.flow,
            information,
            gradient,
            self.blur,
            self.brightness,
            stats[:, EXPLAINED],
            stats[:, USED] / np.maximum(stats[:, LOOKED], 1.0),
            noise,
            self.quality.good(stats, self.brightness, self.blur),
            self.responses,
            self.toward,
            self.evidence_off,
            self.slack,
            self.scale,
            np.array(stats[:, USED]),
            self.corners,
            self.by_flow,
            self.began,
        )


def _shares(window: NDArray[np.int64], workers: int) -> list[tuple[int, int]]:
    """Return first and last of the views that each worker takes, about as many pixels for each."""
    row0, row1, column0, column1, _ = window.T
    total = np.cumsum((row1 - row0) * (column1 - column0))
    if workers == 1 or total[-1] < WORTH_SHARING:
        return [(0, len(window))]
    cuts = np.searchsorted(total, total[-1] * np.arange(1, workers) / workers) + 1
    edges = np.unique(np.concatenate([[0], cuts, [len(window)]]))
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def held(scale: Array, slack: float | Array) -> Array:
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
