"""What is known of each camera's images from earlier ones, updated from new ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nav.core.frames import Array
from nav.core.frameset import FrameSet, Picture
from nav.tracking.detect.marker_refinement import START_BLUR
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.median_filter import (
    NO_MEDIAN,
    ROUGH_MEDIAN,
    MedianFilter,
    explains_more,
    is_worth_trying,
    without_median,
)
from nav.tracking.fit.noise_growth import NoiseGrowth, noise_growth
from nav.tracking.fit.normal_equations import curve_information
from nav.tracking.fit.response import Response
from nav.tracking.fit.sharpening import PLAIN, Sharpening, Unsharpened
from nav.tracking.fit.view_solver import quantile
from nav.tracking.follow.exposure import Exposure
from nav.tracking.follow.grid_evidence import EARLY_WAIT, NO_EVIDENCE, GridEvidence
from nav.tracking.follow.pixelgrid import SOUND, PixelGrid, boxes_of, look_at_grid
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.follow.sharpness import Look, Sharpness, can_teach, learn
from nav.tracking.follow.temporal_mixing import ImageHistory

LOOK_AGAIN = 30  # frame sets from one check of a camera's pixels to the next
CONFIRM = 2  # the same after what is odd about them has changed
NOISIER = 1.5  # than a moment ago: then they are checked at once
LOOKS = 0.3  # of a view's variance explained, from which its pixels are those of a marker
ENOUGH = 3  # views of a tool from which a camera's curve is learnt
BLUR_MEMORY = 0.5  # of the newest picture
LEAST_SPREAD = 3.0  # grey levels of noise, where it is not known yet


@dataclass
class CameraState:
    """What is known of a camera's images from earlier ones.

    Parameters
    ----------
    camera_model : CameraModel
        The camera.
    response : Response
        From light to grey levels.
    blur : ndarray, shape (3,)
        Usual blur of its markers, covariance uu, uv, vv, px^2.
    spread : float
        Noise, grey levels; 0 where nothing was seen yet.
    exposure : Exposure
        Its shutter.
    sharpness : Sharpness
        Its sharpening.
    grid : PixelGrid
        Whether its pixels are a sensor's own.
    grid_wait : int
        Frame sets until that is checked again.
    grid_evidence : GridEvidence
        What earlier images say of it.
    growth : NoiseGrowth
        Growth of covariances by errors that pixels share.
    growth_wait : int
        Frame sets until that is estimated again.
    median : MedianFilter
        Whether it filters its images by a median.
    median_wait : int
        Frame sets until that is estimated again.
    alarm : bool
        Whether its images suddenly fit worse.
    history : ImageHistory
        Its last images, and whether earlier ones are mixed into them.
    """

    camera_model: CameraModel
    response: Response
    blur: Array
    spread: float = 0.0
    exposure: Exposure = field(default_factory=Exposure)
    sharpness: Sharpness = field(default_factory=Sharpness)
    grid: PixelGrid = SOUND
    grid_wait: int = 0  # frame sets until its pixels are checked again
    grid_evidence: GridEvidence = NO_EVIDENCE
    growth: NoiseGrowth = field(default_factory=NoiseGrowth)
    growth_wait: int = 0  # frame sets until it is estimated again
    median: MedianFilter = NO_MEDIAN
    median_wait: int = 0  # frame sets until it is estimated again
    alarm: bool = False  # whether its images suddenly fit worse
    history: ImageHistory = field(default_factory=ImageHistory)

    def count_frame_set(self) -> None:
        """Count the frame sets since what is estimated now and then."""
        self.sharpness.since += 1
        self.grid_wait -= 1
        self.growth_wait -= 1
        self.median_wait -= 1

    @property
    def takes_median(self) -> bool:
        """Whether a median filter has to be taken into account.

        Not in images whose sharpening is undone, or whose pixels are not a sensor's own.
        """
        return self.median.filters and self.can_take_median

    @property
    def rough(self) -> float:
        """Px, one sd, that a marker's corners are off beyond what noise explains."""
        return float(np.hypot(self.grid.rough, ROUGH_MEDIAN if self.takes_median else 0.0))

    @property
    def can_take_median(self) -> bool:
        """Whether what a median filter would do is known in its images."""
        return self.sharpness.sharpening == PLAIN and self.grid.sound

    def forget(self) -> None:
        """Forget what was learnt of the images, as nothing fits: it may be why."""
        self.response, self.blur, self.spread = Response(), START_BLUR.copy(), 0.0
        self.sharpness.doubt()
        self.grid_wait = self.growth_wait = self.median_wait = 0


def learn_from_views(
    cameras: Sequence[CameraState], candidate: PoseCandidate, speed: Array | None
) -> None:
    """Learn the usual blur, noise, exposure and response from the views of a tool.

    Parameters
    ----------
    cameras : sequence of CameraState
        All cameras; those that contribute are updated.
    candidate : PoseCandidate
        The tool.
    speed : ndarray, shape (n, 2), or None
        Of the views' middles, px/s; None where it is not confirmed.
    """
    fit_result = candidate.fit_result
    blur, used = fit_result.appearance.blur, np.flatnonzero(candidate.consensus.used)
    camera = fit_result.marker_views.camera[used]
    for index in np.unique(camera):
        own, each = used[camera == index], cameras[index]
        now = np.array([quantile(axis, 0.5) for axis in blur[own].T])
        each.blur = BLUR_MEMORY * now + (1 - BLUR_MEMORY) * each.blur
        each.spread = float(quantile(fit_result.quality.noise[own], 0.5))
        if speed is not None:
            each.exposure.learn(blur[own], speed[own])
        if not candidate.consensus.fits or len(used) < ENOUGH:
            continue  # a fit that fails would corrupt the curve
        each.response.parameters = fit_result.responses[index].parameters
        each.response.learn(curve_information(fit_result.information, own))


def learn_noise_growth(
    states: Sequence[CameraState], candidate: PoseCandidate, pictures: Sequence[Picture]
) -> bool:
    """Learn which errors neighbouring pixels share, from a tool that was found.

    Parameters
    ----------
    states : sequence of CameraState
        Of each camera; updated where due.
    candidate : PoseCandidate
        The tool.
    pictures : sequence of ndarray
        Image of each camera, as it gave them.

    Returns
    -------
    bool
        Whether a camera's growth has changed.
    """
    fit_result, changed = candidate.fit_result, False
    due = [index for index, each in enumerate(states) if each.growth_wait <= 0 or each.alarm]
    if not due:
        return False
    plain = unsharpened_pictures(
        fit_result.marker_views, pictures, fit_result.projection.pose, fit_result.velocity,
        [each.sharpness.sharpening for each in states],
    )  # fmt: skip
    fitted = [
        (
            plain[c].picture
            if c in plain
            else without_median(fit_result, pictures[c], c)
            if each.takes_median
            else pictures[c]
        )
        for c, each in enumerate(states)
    ]
    as_given = [c not in plain for c in range(len(states))]
    for index in due:
        each = states[index]
        sums = noise_growth(fit_result, candidate.consensus.used, fitted, as_given, index)
        if each.alarm and sums[1] > 0.0:
            each.growth = NoiseGrowth()
        changed |= each.growth.learn(*sums)
        each.growth_wait = each.growth.wait
    return changed


def learn_median_filter(
    states: Sequence[CameraState],
    candidate: PoseCandidate,
    pictures: Sequence[Picture],
    look: Callable[[Sequence[bool]], FitResult | None],
) -> bool:
    """Learn whether cameras filter their images by a median, from a tool that was found.

    Parameters
    ----------
    states : sequence of CameraState
        Of each camera; updated where due.
    candidate : PoseCandidate
        The tool.
    pictures : sequence of ndarray
        Image of each camera, as it gave them.
    look : callable
        From whether each camera filters to the fit result with that.

    Returns
    -------
    bool
        Whether a camera is judged differently now.
    """
    fit_result, used = candidate.fit_result, candidate.consensus.used
    before = [each.takes_median for each in states]
    doubtful = []
    for index, each in enumerate(states):
        if not each.can_take_median:
            each.median_wait = 0  # what was known is of other images than the next that can
            continue
        if each.median_wait > 0 and not each.alarm:
            continue
        worth = is_worth_trying(fit_result, used, pictures[index], index)
        if worth is None:
            continue  # a hand before it, say: what is known stays, and is looked at when it sees
        if worth or before[index] or each.alarm or not each.median.looks:
            doubtful.append(index)
        else:
            each.median = each.median.learn(False)
        each.median_wait = each.median.wait
    if not doubtful:
        return False
    plain: FitResult | None = fit_result
    if any(before):
        plain = look([has and c not in doubtful for c, has in enumerate(before)])
    filtered = look([has or c in doubtful for c, has in enumerate(before)])
    if plain is None or filtered is None:
        return False
    for index in doubtful:
        each, filters = states[index], explains_more(plain, filtered, index)
        if filters is not None:
            each.median = each.median.learn(filters)
            each.median_wait = each.median.wait
    return before != [each.takes_median for each in states]


def look_at_pixels(
    states: Sequence[CameraState], candidate: PoseCandidate, frames: FrameSet, usual: Array
) -> bool:
    """Check the pixels of the markers that were found, in the cameras where that is due.

    Parameters
    ----------
    states : sequence of CameraState
        Of each camera; updated where due.
    candidate : PoseCandidate
        The tool.
    frames : FrameSet
        The images.
    usual : ndarray, shape (cameras,)
        Noise, grey levels, on the tool's own markers a moment ago, 0 where not known: another tool
        may lie in other light.

    Returns
    -------
    bool
        Whether a camera's pixels are judged differently now.
    """
    marker_views, changed = candidate.fit_result.marker_views, False
    for index, each in enumerate(states):
        frame = frames.frames.get(each.camera_model.camera.name)
        own = np.flatnonzero(
            (marker_views.camera == index) & (candidate.fit_result.quality.explained > LOOKS)
        )
        if frame is None or not len(own):
            continue
        noise = float(quantile(candidate.fit_result.quality.noise[own], 0.5))
        each.alarm = bool(usual[index] > 0.0 and noise > NOISIER * usual[index])
        if each.grid_wait > 0 and not each.alarm:
            continue
        boxes = boxes_of(candidate.corners[own], each.camera_model.camera.size)
        before = each.grid_evidence
        grid, each.grid_evidence = look_at_grid(
            frame.image, boxes, each.spread or LEAST_SPREAD, before
        )
        learnt = each.grid_evidence.looks != before.looks and not each.grid_evidence.enough
        calm = EARLY_WAIT if learnt else LOOK_AGAIN
        each.grid_wait = calm if grid == each.grid else CONFIRM
        changed |= grid != each.grid
        each.grid = grid
    return changed


def unsharpened_pictures(
    marker_views: MarkerViews,
    pictures: Sequence[Picture],
    start: Array,
    velocity: Array,
    sharpenings: Sequence[Sharpening],
) -> dict[int, Unsharpened]:
    """Undo the sharpening of the images of cameras that sharpen.

    Parameters
    ----------
    marker_views : MarkerViews
        Views of one tool.
    pictures : sequence of ndarray
        Image of each camera, as it gave them.
    start : ndarray, shape (4, 4)
        rig_from_tool, about where the markers are.
    velocity : ndarray, shape (6,)
        Of the tool about its pivot, mm/s and rad/s.
    sharpenings : sequence of Sharpening
        Of each camera.

    Returns
    -------
    dict of int to Unsharpened
        What to use in place of the image, by camera index; without cameras that do not sharpen.
    """
    if all(sharpening == PLAIN for sharpening in sharpenings):
        return {}
    corners, _ = marker_views.project(marker_views.poses(start, velocity))
    return {
        index: Unsharpened(pictures[index], corners[first:last].reshape(-1, 2), sharpenings[index])
        for index, first, last in marker_views.slices
        if sharpenings[index] != PLAIN
    }


def sharpness_due(states: Sequence[CameraState], candidate: PoseCandidate, moving: bool) -> bool:
    """Return whether to estimate how much cameras sharpen, now.

    Not where pixels are not a sensor's own. Only cameras that see enough of what was found are
    taken into account: a covered one would be due for ever.

    Parameters
    ----------
    states : sequence of CameraState
        Of each camera.
    candidate : PoseCandidate
        The tool.
    moving : bool
        Whether the tool moves fast.

    Returns
    -------
    bool
    """
    if not all(each.grid.sound for each in states):
        return False
    due = np.array([each.sharpness.due(each.alarm, moving) for each in states])
    return bool(due.any() and (due & can_teach(candidate.fit_result, len(due))).any())


def learn_sharpness(states: Sequence[CameraState], look: Look) -> bool:
    """Learn how much cameras sharpen from one frame set.

    Parameters
    ----------
    states : sequence of CameraState
        Of each camera; updated.
    look : callable
        From the sharpenings of all cameras to the fit result with them.

    Returns
    -------
    bool
        Whether a camera's sharpening has changed.
    """
    before = [each.sharpness for each in states]
    after = learn(before, look)
    for each, sharpness in zip(states, after, strict=True):
        each.sharpness = sharpness
    return not all(a.sharpening.like(b.sharpening) for a, b in zip(before, after, strict=True))
