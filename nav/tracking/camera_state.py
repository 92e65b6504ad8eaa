"""What is known of each camera's pictures from those before, and what it makes of new ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nav.camera.frameset import FrameSet, Picture
from nav.frames import Array
from nav.tracking.exposure import Exposure
from nav.tracking.marker_views import CameraModel, MarkerViews
from nav.tracking.noise_growth import NoiseGrowth, noise_growth
from nav.tracking.pixelgrid import SOUND, PixelGrid, boxes_of, pixel_grid
from nav.tracking.pose_candidate import PoseCandidate
from nav.tracking.response import Response
from nav.tracking.sharpening import PLAIN, Sharpening, Unsharpened
from nav.tracking.sharpness import Look, Sharpness, can_teach, learn
from nav.tracking.view_solver import quantile

LOOK_AGAIN = 30  # frame sets from one look at a camera's pixels to the next
NOISIER = 1.5  # than a moment ago: then they are looked at at once
LOOKS = 0.3  # of a view's variance explained, from which its pixels are those of a marker
LEAST_SPREAD = 3.0  # grey levels of noise, where it is not known yet


@dataclass
class CameraState:
    """What is known of a camera's pictures from those before: its curve, blur px^2, noise, shutter.

    spread : grey levels of noise, 0 where nothing was seen yet. growth : of covariances, by errors
    that pixels share.
    """

    eye: CameraModel
    response: Response
    blur: Array
    spread: float = 0.0
    exposure: Exposure = field(default_factory=Exposure)
    sharpness: Sharpness = field(default_factory=Sharpness)
    grid: PixelGrid = SOUND
    grid_wait: int = 0  # frame sets until its pixels are looked at again
    growth: NoiseGrowth = field(default_factory=NoiseGrowth)
    growth_wait: int = 0  # frame sets until it is looked at again
    alarm: bool = False  # whether its pictures suddenly fit worse


def roughness(states: Sequence[CameraState]) -> Array:
    """Return (cameras,) px by which corners are off where pixels are not a sensor's own."""
    return np.array([each.grid.rough for each in states])


def noise_growths(states: Sequence[CameraState]) -> Array:
    """Return (cameras,) by which covariances from their pixels grow."""
    return np.array([each.growth.factor for each in states])


def learn_noise_growth(
    states: Sequence[CameraState], found: PoseCandidate, pictures: Sequence[Picture]
) -> bool:
    """Learn what errors the pixels of what was found share; return whether it is another now.

    pictures : of each camera, as it gave them.
    """
    evidence, changed = found.evidence, False
    due = [index for index, each in enumerate(states) if each.growth_wait <= 0 or each.alarm]
    if not due:
        return False
    plain = unsharpened_pictures(
        evidence.marker_views, pictures, evidence.pose, evidence.velocity,
        [each.sharpness.sharpening for each in states],
    )  # fmt: skip
    fitted = [plain[c].picture if c in plain else pictures[c] for c in range(len(states))]
    for index in due:
        each = states[index]
        sums = noise_growth(
            evidence, found.consensus.used, fitted, [c not in plain for c in range(len(states))],
            index,
        )  # fmt: skip
        if each.alarm and sums[1] > 0.0:
            each.growth = NoiseGrowth()
        changed |= each.growth.learn(*sums)
        each.growth_wait = each.growth.wait
    return changed


def look_at_pixels(
    states: Sequence[CameraState], found: PoseCandidate, frames: FrameSet, usual: Array
) -> bool:
    """Look at the pixels of what was found where it is due; return whether they are others now.

    usual : (cameras,) grey levels of noise on the tool's own markers a moment ago, 0 where not
    known: another tool may lie in other light.
    """
    marker_views, changed = found.evidence.marker_views, False
    for index, each in enumerate(states):
        frame = frames.frames.get(each.eye.camera.name)
        own = np.flatnonzero((marker_views.camera == index) & (found.evidence.explained > LOOKS))
        if frame is None or not len(own):
            continue
        noise = float(quantile(found.evidence.noise[own], 0.5))
        each.alarm = bool(usual[index] > 0.0 and noise > NOISIER * usual[index])
        if each.grid_wait > 0 and not each.alarm:
            continue
        boxes = boxes_of(found.corners[own], each.eye.camera.size)
        grid = pixel_grid(frame.image, boxes, each.spread or LEAST_SPREAD)
        each.grid_wait, changed = LOOK_AGAIN, changed or grid != each.grid
        each.grid = grid
    return changed


def unsharpened_pictures(
    marker_views: MarkerViews,
    pictures: Sequence[Picture],
    start: Array,
    velocity: Array,
    sharpenings: Sequence[Sharpening],
) -> dict[int, Unsharpened]:
    """Return what to use in place of the pictures of cameras that sharpen, by camera.

    start : (4, 4) rig_from_tool about which markers are. velocity : (6,) of the tool.
    """
    if all(sharpening == PLAIN for sharpening in sharpenings):
        return {}
    corners, _ = marker_views.project(marker_views.poses(start, velocity))
    return {
        index: Unsharpened(pictures[index], corners[first:last].reshape(-1, 2), sharpenings[index])
        for index, first, last in marker_views.slices
        if sharpenings[index] != PLAIN
    }


def sharpness_due(states: Sequence[CameraState], found: PoseCandidate, moving: bool) -> bool:
    """Return whether to look at how much cameras sharpen; not where pixels are no sensor's own.

    Only cameras that see enough of what was found are asked: a covered one would ask for ever.
    moving : whether the tool moves fast.
    """
    if not all(each.grid.sound for each in states):
        return False
    due = np.array([each.sharpness.due(each.alarm, moving) for each in states])
    return bool(due.any() and (due & can_teach(found.evidence, len(due))).any())


def learn_sharpness(states: Sequence[CameraState], look: Look) -> bool:
    """Learn how much cameras sharpen from one frame set; return whether it is another now.

    look : the evidence by such sharpenings of all cameras.
    """
    before = [each.sharpness for each in states]
    after = learn(before, look)
    for each, sharpness in zip(states, after, strict=True):
        each.sharpness = sharpness
    return not all(a.sharpening.like(b.sharpening) for a, b in zip(before, after, strict=True))
