"""Messages on what cameras do to their images that users should know of."""

from collections.abc import Iterable, Sequence

import numpy as np

from nav.tracking.fit.noise_growth import NoiseGrowth
from nav.tracking.fit.sharpening import Sharpening
from nav.tracking.follow.camera_state import CameraState
from nav.tracking.follow.pixelgrid import PixelGrid
from nav.tracking.follow.pose_candidate import PoseCandidate

WORTH_SAYING = 0.03  # of an edge's contrast: a smaller halo is not reported

WORTH_GROWTH = 1.4  # of the variance, below which it is not reported


def sharpening_notice(camera: str, sharpening: Sharpening) -> str:
    """Return the notice that a camera sharpens.

    Parameters
    ----------
    camera : str
        Its name.
    sharpening : Sharpening
        What was learnt.

    Returns
    -------
    str
        Empty if it hardly sharpens.
    """
    halo = sharpening.halo
    if halo < WORTH_SAYING:
        return ""
    return (
        f"{camera}: picture is sharpened (halo {100 * halo:.0f} %):"
        " set the camera's sharpness to its lowest"
    )


def pixel_notice(camera: str, grid: PixelGrid) -> str:
    """Return the notice that a camera's pixels are not a sensor's own.

    Parameters
    ----------
    camera : str
        Its name.
    grid : PixelGrid
        What is odd about them.

    Returns
    -------
    str
        Empty if nothing is.
    """
    if grid.interlaced:
        return (
            f"rows of {camera} alternate like a comb: interlaced pictures? Use a progressive"
            " source, or deinterlace"
        )
    said = []
    if any(grid.enlarged):
        rows, columns = grid.enlarged
        what = "rows" if not columns else "columns" if not rows else "pixels"
        how = "copied from" if grid.copied else "mixed from"
        said.append(
            f"{what} of {camera} are {how} their neighbours, every {max(rows, columns)} px:"
            " enlarged pictures? Use the camera's own size"
        )
    if grid.two_tone:
        said.append(
            f"pictures of {camera} are black and white without grey: thresholded? Use grey ones"
        )
    return "; ".join(said)


def noise_notice(camera: str, growth: NoiseGrowth) -> str:
    """Return the notice that a camera's pixels share their errors.

    Parameters
    ----------
    camera : str
        Its name.
    growth : NoiseGrowth
        What was learnt.

    Returns
    -------
    str
        Empty if they hardly do.
    """
    if growth.factor < WORTH_GROWTH:
        return ""
    return (
        f"{camera}: neighbouring pixels share their errors (variance x {growth.factor:.1f}):"
        " smoothed, compressed or enlarged pictures? Turn off noise reduction and digital zoom,"
        " and compress less"
    )


def picture_notices(cameras: Iterable[CameraState]) -> tuple[str, ...]:
    """Return notices of what cameras do to their images.

    Parameters
    ----------
    cameras : iterable of CameraState
        Of each camera.

    Returns
    -------
    tuple of str
        One sentence each.
    """
    said = []
    for state in cameras:
        name = state.camera_model.camera.name
        sharp = sharpening_notice(name, state.sharpness.sharpening)
        shared = noise_notice(name, state.growth)
        if sharp and shared:  # one picture, one notice
            shared = shared.removeprefix(f"{name}: ")
        said.append("; ".join(filter(None, (sharp, shared))))
        said.append(pixel_notice(name, state.grid))
    return tuple(sentence for sentence in said if sentence)


def odd_pixels(
    cameras: Sequence[CameraState], found: PoseCandidate, combed: bool = False
) -> list[str]:
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
    list of str
        One sentence each.
    """
    states = [cameras[c] for c in np.unique(found.fit_result.marker_views.camera)]
    return [
        pixel_notice(s.camera_model.camera.name, s.grid)
        for s in states
        if s.grid.interlaced or not (combed or s.grid.sound)
    ]
