"""Notices about what cameras do to their images."""

from collections.abc import Iterable, Sequence

import numpy as np

from nav.core.notice import Notice
from nav.tracking.fit.noise_growth import NoiseGrowth
from nav.tracking.fit.sharpening import Sharpening
from nav.tracking.follow.camera_state import CameraState
from nav.tracking.follow.pixelgrid import PixelGrid
from nav.tracking.follow.pose_candidate import PoseCandidate

# codes of `picture_notices`
TOLD_OF_PICTURES = frozenset(
    ("interlaced", "deinterlaced", "pixels_copied", "pixels_mixed", "two_tone", "sharpened",
     "noise_shared", "sharpened_noise_shared", "median_filtered", "few_levels", "images_mixed")
)  # fmt: skip
WORTH_SAYING = 0.03  # of an edge's contrast: a smaller halo is not reported

WORTH_GROWTH = 1.4  # of the variance, below which it is not reported


def pixel_notices(camera: str, grid: PixelGrid) -> tuple[Notice, ...]:
    """Return notices that a camera's pixels are not a sensor's own.

    Parameters
    ----------
    camera : str
        Its name.
    grid : PixelGrid
        What is odd about them.

    Returns
    -------
    tuple of Notice
        Empty if nothing is.
    """
    if grid.interlaced:
        return (Notice("interlaced", {"camera": camera}),)
    said = []
    rows, columns = grid.enlarged
    halved = any(grid.between) or (not grid.copied and rows != columns)
    if halved:
        what = Notice("rows" if rows or grid.between[0] else "columns")
        said.append(Notice("deinterlaced", {"what": what, "camera": camera}))
    elif any(grid.enlarged):
        what = Notice("rows") if not columns else Notice("columns" if not rows else "pixels")
        code = "pixels_copied" if grid.copied else "pixels_mixed"
        facts = {"what": what, "camera": camera, "period": max(rows, columns)}
        said.append(Notice(code, facts))
    if grid.two_tone:
        said.append(Notice("two_tone", {"camera": camera}))
    if grid.levels:
        said.append(Notice("few_levels", {"camera": camera, "levels": grid.levels}))
    return tuple(said)


def picture_notices(cameras: Iterable[CameraState]) -> tuple[Notice, ...]:
    """Return notices of what cameras do to their images.

    Parameters
    ----------
    cameras : iterable of CameraState
        Of each camera.

    Returns
    -------
    tuple of Notice
        Empty where they hardly do anything.
    """
    said: list[Notice] = []
    for state in cameras:
        name = state.camera_model.camera.name
        said += _processing(name, state.sharpness.sharpening, state.growth)
        if state.takes_median:
            said.append(Notice("median_filtered", {"camera": name}))
        said += pixel_notices(name, state.grid)
        said += _mixed(state)
    return tuple(said)


def _mixed(state: CameraState) -> list[Notice]:
    """Return that a camera mixes images, if it does."""
    name = state.camera_model.camera.name
    return [Notice("images_mixed", {"camera": name})] if state.history.mixed else []


def _processing(camera: str, sharpening: Sharpening, growth: NoiseGrowth) -> list[Notice]:
    """Return how a camera processes its pixels; one image, one notice."""
    facts: dict[str, str | float] = {"camera": camera}
    sharp, shared = sharpening.halo >= WORTH_SAYING, growth.factor >= WORTH_GROWTH
    if sharp:
        facts["halo_percent"] = 100.0 * sharpening.halo
    if shared:
        facts["growth"] = growth.factor
    if sharp and shared:
        return [Notice("sharpened_noise_shared", facts)]
    if sharp:
        return [Notice("sharpened", facts)]
    return [Notice("noise_shared", facts)] if shared else []


def odd_pixels(
    cameras: Sequence[CameraState], found: PoseCandidate, combed: bool = False
) -> list[Notice]:
    """Return notices of what is odd about the pixels of cameras that see a tool.

    Parameters
    ----------
    cameras : sequence of CameraState
        Of each camera of the rig.
    found : PoseCandidate
        The tool.
    combed : bool
        Whether only interlaced images are reported.

    Returns
    -------
    list of Notice
        Empty where nothing is.
    """
    states = [cameras[c] for c in np.unique(found.fit_result.marker_views.camera)]
    notices: list[Notice] = []
    for state in states:
        if state.grid.interlaced or not (combed or state.grid.sound):
            notices += pixel_notices(state.camera_model.camera.name, state.grid)
        if not combed:
            notices += _mixed(state)
    return notices
