"""What the results of a body's calibration mean for the person at the bench."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array

LEAST_FRAMES, GOOD_FRAMES = 10, 30
LEAST_TURN = np.radians(10.0)
GOOD_SD, MOST_SD = 0.05, 0.15  # mm, of a marker's corners
GOOD_PICTURES, GOOD_DIRECTIONS = 6, 3  # of one marker
MOST_POOR = 0.25  # share of the markers that may be poorly known
MOST_LEFT_OUT, GOOD_LEFT_OUT = 0.3, 0.1  # share of the views
MOST_RMS, GOOD_RMS = 1.0, 0.15  # px
UNLIKE = 3.0  # ratio of two cameras' residuals, each relative to its noise
MOST_MOVED = 3.0  # mm: a marker so far from its file's place is a different one
SURE, TELLING = 3.0, 5e-4  # sd, and share, by which a size must differ from the printed one
NAMED = 4  # markers that are named at most


@dataclass(frozen=True)
class MarkerCalibration:
    """One marker of a body.

    A marker that was not seen has no displacement and an unknown (infinite) sd.

    Attributes
    ----------
    id : int
        The marker's id.
    displacement : ndarray, shape (6,)
        Shift of its centre (mm) and turn about it (rad) from its file, tool frame.
    covariance : ndarray, shape (6, 6)
        Of the displacement.
    moved : float
        How far the displacement moves its corners, rms, mm.
    sd : float
        Expected error of its corners, rms over them and their three axes together, mm.
    pictures : int
        In how many images it was seen.
    directions : int
        From how many directions, at least 15 degrees apart.
    """

    id: int
    displacement: Array
    covariance: Array
    moved: float
    sd: float
    pictures: int
    directions: int


class NotCalibrated(InputError):
    """The images do not give a reliable geometry: verdict 'repeat'."""


def check_frames(count: int) -> None:
    """Refuse too few frame sets.

    Parameters
    ----------
    count : int
        Frame sets in which two or more markers fit.

    Raises
    ------
    NotCalibrated
        Fewer than `LEAST_FRAMES`.
    """
    if count < LEAST_FRAMES:
        raise NotCalibrated(
            f"repeat: two or more markers of the tool fit in only {count} frame sets, at least "
            f"{LEAST_FRAMES} are needed (better 60); take more images, turning the tool"
        )


def check_turning(turned: float) -> None:
    """Refuse a tool that was not turned.

    Parameters
    ----------
    turned : float
        Largest angle between two poses, rad.

    Raises
    ------
    NotCalibrated
        Less than 10 degrees.
    """
    if turned < LEAST_TURN:
        raise NotCalibrated(
            f"repeat: the tool was turned by only {np.degrees(turned):.1f} degrees; turn every "
            "side to the cameras, and tilt it"
        )


def check_fit(rms: float, left_out: float, frames_out: float, spoiled: str) -> None:
    """Refuse markers that do not form a rigid body, or form that of another file.

    Parameters
    ----------
    rms : float
        Of the corners' residuals, px per axis.
    left_out : float
        Share of the views left out.
    frames_out : float
        Share of the frame sets left out.
    spoiled : str
        Which marker most of the views left out are of, for the message.

    Raises
    ------
    NotCalibrated
        Beyond a limit; the message says what to do.
    """
    if not rms <= MOST_RMS:
        raise NotCalibrated(
            f"repeat: the markers are {rms:.1f} px (rms) off any rigid body near the file's, at "
            f"most {MOST_RMS:g} px is taken; is it this tool's file, and this rig's?"
        )
    if max(left_out, frames_out) > MOST_LEFT_OUT:
        share = 100 * max(left_out, frames_out)
        raise NotCalibrated(
            f"repeat: {share:.0f} % of the views do not fit one rigid body ({spoiled}); is it this "
            "tool's file? Is a face loose? Hold the tool still for each image"
        )


def check_markers(markers: Sequence[MarkerCalibration]) -> None:
    """Refuse markers that are not the file's, or are mostly known too poorly.

    Parameters
    ----------
    markers : sequence of MarkerCalibration
        All markers of the body.

    Raises
    ------
    NotCalibrated
        A marker is more than 3 mm off its file, or more than a quarter are poorly known.
    """
    far = [m for m in markers if m.moved > MOST_MOVED]
    if far:
        raise NotCalibrated(
            f"repeat: marker {far[0].id} is {far[0].moved:.1f} mm off its place in the file, at "
            f"most {MOST_MOVED:g} mm is taken; is it this tool's file?"
        )
    poor = [m for m in markers if m.pictures and m.sd > MOST_SD]
    if len(poor) > MOST_POOR * len(markers):
        raise NotCalibrated(
            f"repeat: {_marker_advice(poor)}; at most {MOST_SD:g} mm is taken of most markers"
        )


def verdict_in_words(
    markers: Sequence[MarkerCalibration],
    frames: int,
    left_out: float,
    rms: float,
    spread: Mapping[str, float],
    scale: tuple[float, float] | None,
) -> str:
    """Return the verdict: 'good', or 'usable: ' and what would make it better.

    Parameters
    ----------
    markers : sequence of MarkerCalibration
        All markers of the body.
    frames : int
        Frame sets used.
    left_out : float
        Share of the views left out.
    rms : float
        Of the corners' residuals, px per axis.
    spread : mapping of str to float
        By camera, the factor by which residuals exceed noise.
    scale : tuple of 2 floats, or None
        True size over printed size minus 1 and its sd, if known.

    Returns
    -------
    str
        One line.
    """
    unseen = [str(m.id) for m in markers if m.pictures == 0]
    poor = [m for m in markers if m.pictures > 0 and _is_poor(m)]
    advice = []
    if unseen:
        which = "marker" if len(unseen) == 1 else "markers"
        place, it = ("its place", "it") if len(unseen) == 1 else ("their places", "them")
        advice.append(
            f"{which} {', '.join(unseen)} never seen near {place}, left as in the file: turn that "
            f"side to the cameras; if that was done, measure {it} and correct the file"
        )
    if poor:
        advice.append(_marker_advice(poor))
    if frames < GOOD_FRAMES:
        advice.append(f"more images ({frames} frame sets used)")
    if left_out > GOOD_LEFT_OUT:
        advice.append(f"hold the tool still ({100 * left_out:.0f} % of views left out)")
    if rms > GOOD_RMS:
        advice.append(
            f"corners are {rms:.2f} px off: hold the tool still, check that its faces are flat, "
            "calibrate the rig again"
        )
    if max(spread.values()) > UNLIKE * min(spread.values()):
        worst, best = max(spread, key=spread.__getitem__), min(spread, key=spread.__getitem__)
        advice.append(
            f"camera {worst} disagrees with camera {best}: has one moved? Calibrate the rig again"
        )
    if size_differs(scale):
        assert scale is not None
        advice.append(size_in_words(scale))
    return f"usable: {'; '.join(advice)}" if advice else "good"


def size_differs(scale: tuple[float, float] | None) -> bool:
    """Return whether the cameras measure a size other than the printed one.

    Parameters
    ----------
    scale : tuple of 2 floats, or None
        True size over printed size minus 1 and its sd, if known.

    Returns
    -------
    bool
        Whether the difference is significant and not negligible.
    """
    return scale is not None and abs(scale[0]) > max(SURE * scale[1], TELLING)


def size_in_words(scale: tuple[float, float]) -> str:
    """Describe a size measured by the rig; the printed one is kept.

    Parameters
    ----------
    scale : tuple of 2 floats
        True size over printed size minus 1 and its sd.

    Returns
    -------
    str
        A clause for the verdict.
    """
    larger = "larger" if scale[0] > 0 else "smaller"
    return (
        f"according to the rig all is {100 * abs(scale[0]):.2f} % {larger} than printed (± "
        f"{100 * scale[1]:.2f} %, the printed size stays): measure a marker, or calibrate the rig "
        "again"
    )


def _is_poor(marker: MarkerCalibration) -> bool:
    few = marker.pictures < GOOD_PICTURES or marker.directions < GOOD_DIRECTIONS
    return few or marker.sd > GOOD_SD


def _marker_advice(poor: Sequence[MarkerCalibration]) -> str:
    reasons = [_why(marker) for marker in sorted(poor, key=lambda m: -m.sd)[:NAMED]]
    if len(poor) > NAMED:
        reasons.append(f"{len(poor) - NAMED} more")
    return f"{', '.join(reasons)}: turn that side to the cameras, in all directions"


def _why(marker: MarkerCalibration) -> str:
    pictures = "1 image" if marker.pictures == 1 else f"{marker.pictures} images"
    ways = "1 direction" if marker.directions == 1 else f"{marker.directions} directions"
    return f"marker {marker.id} was seen in {pictures} from {ways} only (± {marker.sd:.2f} mm)"
