"""The quality of a calibration: how its errors affect measurements, in numbers and words.

Single parameters are correlated and tell little. So setups are drawn from the parameters' joint
covariance, and what each of them would measure is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.cameras.bundle import Fit
from calibration.cameras.direction import directions_of, rays_of
from calibration.cameras.lens_models import Lens
from calibration.cameras.rig_setup import moved
from nav.core.frames import Array

DRAWS = 60
GRID = 7  # points per side of what is compared
WORKING = 60.0  # mm around the working point, each way
CELLS = (8, 5)  # of the image, to measure how much of it the corners cover
# what is recommended everywhere: in the guide, by --help, in messages and in the window
RECOMMENDED_PICTURES = 20  # twice what 'good' requires: some do not fit, or repeat others
RECOMMENDED_TILT = 30  # degrees to each side
# limits of 'good' and 'usable'
GOOD_PIXELS, USABLE_PIXELS = 0.1, 0.5  # px, sd of where a known direction is seen
UNKNOWN_PIXELS = 20.0  # px: a lens with a larger error counts as unknown
# px per axis of corners in images not used: sharp pictures of a stiff board reach 0.1 to 0.45
GOOD_HELD_OUT, USABLE_HELD_OUT = 0.5, 1.0
GOOD_MM, USABLE_MM = 0.02, 0.1  # mm rms in the working volume
ENOUGH_VIEWS, FEW_VIEWS = 10, 5
COVERED, HARDLY_COVERED = 0.6, 0.2
TILTED, HARDLY_TILTED = np.radians(20.0), np.radians(10.0)
GOOD_FOCUS, USABLE_FOCUS = 0.0005, 0.005  # change of focal length: 0.3 and 3 mm of 600 mm
SMEARED = 1.5  # px, sd along the motion
NOT_PREDICTED = (
    "images do not agree with each other: keep focus and zoom fixed, the board stiff, and use "
    "sharp images"
)


@dataclass(frozen=True)
class CameraVerdict:
    """Verdict on one camera's calibration.

    Attributes
    ----------
    word : str
        good, usable or repeat.
    advice : tuple of str
        What to do, sentences.
    pixels : float
        Expected error of the projection of a known direction, rms over the part of the image that
        the board reached, px.
    beyond : float or None
        The same over the rest; None where there is none.
    unreached : tuple of str
        Names of the image's corners that are in the rest.
    held_out : float
        Rms of corners in images not used to predict them, px per axis.
    covered : float
        Share of the image.
    tilt : float
        Range of the boards' tilt in the two directions, the smaller one, rad.
    views : int
        How many views were used.
    """

    word: str
    advice: tuple[str, ...]
    pixels: float
    beyond: float | None
    unreached: tuple[str, ...]
    held_out: float
    covered: float
    tilt: float
    views: int


@dataclass(frozen=True)
class Evidence:
    """What one camera's calibration is judged by.

    Attributes
    ----------
    corners : sequence of ndarray, shape (n, 2)
        Of every view used, px.
    normals : ndarray, shape (n, 3)
        Of the boards, camera frame.
    smear : float
        Standard deviation of the median view's blur along its longer axis, beyond the shorter, px.
    held_out : float
        See `HeldOut`, px.
    rivals : tuple of 2 Lens
        The lens by the chosen model, and by the one that predicts best.
    focus : float
        Relative change of the focal length during the images.
    """

    corners: Sequence[Array]
    normals: Array
    smear: float
    held_out: float
    rivals: tuple[Lens, Lens]
    focus: float = 0.0


def judge_camera(fit: Fit, camera: int, size: tuple[int, int], evidence: Evidence) -> CameraVerdict:
    """Judge one camera's calibration.

    Parameters
    ----------
    fit : Fit
        The fit.
    camera : int
        Index of the camera.
    size : tuple of 2 ints
        Width and height of its images, px.
    evidence : Evidence
        What it is judged by.

    Returns
    -------
    CameraVerdict
        The verdict with advice.
    """
    corners = np.concatenate(evidence.corners)
    directions = directions_of(fit, camera, size, corners)
    at = fit.unknowns.lens[camera]
    squares = directions.variance(fit.covariance[at, at]) + directions.apart(*evidence.rivals)
    inside = directions.reached if directions.reached.any() else ~directions.reached
    spread = float(np.sqrt(squares[inside].mean()))
    beyond = None if inside.all() else float(np.sqrt(squares[~inside].mean()))
    covered, tilt = coverage(corners, size), tilts(evidence.normals)
    views = len(evidence.corners)
    advice, word = [], "good"
    for value, good, usable, suggestion in (
        (-views, -ENOUGH_VIEWS, -FEW_VIEWS, "take more images"),
        (-covered, -COVERED, -HARDLY_COVERED, "fill the corners of the image with the board"),
        (-tilt, -TILTED, -HARDLY_TILTED, "tilt the board more, about both of its axes"),
        (spread, GOOD_PIXELS, USABLE_PIXELS, "take more images, nearer and more tilted"),
        (evidence.held_out, GOOD_HELD_OUT, USABLE_HELD_OUT, NOT_PREDICTED),
        (abs(evidence.focus), GOOD_FOCUS, USABLE_FOCUS, _focus(evidence.focus)),
        (evidence.smear, SMEARED, 2 * SMEARED, "hold the board still"),
        (beyond or 0.0, USABLE_PIXELS, np.inf, _beyond(beyond, directions.unreached)),
    ):
        if value > good:
            advice.append(suggestion)
            word = "repeat" if value > usable or word == "repeat" else "usable"
    return CameraVerdict(
        word, tuple(dict.fromkeys(advice)), spread, beyond, directions.unreached,
        evidence.held_out, covered, tilt, views,
    )  # fmt: skip


def _focus(share: float) -> str:
    return (
        f"its focal length changed by {100 * abs(share):.2g} % during the images: keep focus and "
        "zoom fixed, without autofocus, and let the camera run for half an hour before"
    )


def where(corners: Sequence[str]) -> str:
    """Name the parts of an image that a board never came near.

    Parameters
    ----------
    corners : sequence of str
        Names of the image's corners among them; none for the edge.

    Returns
    -------
    str
        A phrase that completes a sentence.
    """
    if not corners:
        return "at the image's edge"
    if len(corners) == 4:
        return "in the four corners of the image"
    return f"in the {' and '.join(corners)} of the image"


def _beyond(pixels: float | None, corners: Sequence[str]) -> str:
    much = f"to {pixels:.1f} px only" if pixels is not None and pixels < UNKNOWN_PIXELS else "not"
    return f"show the board {where(corners)} too: there directions are known {much}"


def volume_spread(fit: Fit, middle: Array, rng: np.random.Generator) -> float:
    """Estimate the rms error of points measured in the working volume.

    Points are triangulated by drawn setups from what the best one sees, and aligned rigidly.

    Parameters
    ----------
    fit : Fit
        The fit, with its covariance.
    middle : ndarray, shape (3,)
        Centre of the volume, rig frame, mm.
    rng : numpy.random.Generator
        For the draws.

    Returns
    -------
    float
        Rms error, mm.
    """
    side = np.linspace(-WORKING, WORKING, GRID)
    points = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3) + middle
    setup, total = fit.setup, 0.0
    seen = []
    for lens, place in zip(setup.lenses, setup.cameras, strict=True):
        seen.append(lens.project(points @ place[:3, :3].T + place[:3, 3])[0])
    count = fit.unknowns.bow.start
    covariance = fit.covariance[:count, :count]
    for change in drawn(covariance, DRAWS, rng):
        rays, places = [], []
        for k, (lens, place) in enumerate(zip(setup.lenses, setup.cameras, strict=True)):
            by = np.zeros(12)
            by[fit.unknowns.free[k]] = change[fit.unknowns.lens[k]]
            rays.append(rays_of(lens.moved(by), seen[k]))
            places.append(moved(place, change[fit.unknowns.place[k]]) if k else place)
        found = triangulated(rays, places)
        total += float((off_aligned(found, points) ** 2).sum(axis=1).mean())
    return float(np.sqrt(total / DRAWS))


def drawn(covariance: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw errors with a given covariance; unknowns of very different size are allowed.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        The covariance.
    count : int
        Number of draws.
    rng : numpy.random.Generator
        For the draws.

    Returns
    -------
    ndarray, shape (count, n)
        The errors.
    """
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    half = scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(rng.standard_normal((count, len(half))) @ half.T, float)


def off_aligned(found: Array, points: Array) -> Array:
    """Compute the residuals of points after a rigid alignment to others.

    Parameters
    ----------
    found : ndarray, shape (n, 3)
        Points to align, mm.
    points : ndarray, shape (n, 3)
        Points to align them to, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Aligned minus true, about the centroid, mm.
    """
    a, b = found - found.mean(axis=0), points - points.mean(axis=0)
    turn, _ = Rotation.align_vectors(b, a)
    return np.asarray(turn.apply(a) - b, float)


def triangulated(rays: Sequence[Array], places: Sequence[Array]) -> Array:
    """Triangulate points from the rays of several cameras.

    Parameters
    ----------
    rays : sequence of ndarray, shape (n, 3)
        Of each camera, camera frame, z = 1.
    places : sequence of ndarray, shape (4, 4)
        camera_from_rig of each, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Points, rig frame, mm.
    """
    rows = []
    for ray, place in zip(rays, places, strict=True):
        rows.append(ray[:, :1] * place[2] - place[0])
        rows.append(ray[:, 1:2] * place[2] - place[1])
    system = np.stack(rows, axis=1)
    found = np.linalg.solve(
        np.einsum("nrk,nrl->nkl", system[:, :, :3], system[:, :, :3]),
        -np.einsum("nrk,nr->nk", system[:, :, :3], system[:, :, 3])[..., None],
    )
    return np.asarray(found[..., 0], float)


def coverage(pixels: Array, size: tuple[int, int]) -> float:
    """Compute the share of the image's cells in which corners were.

    Parameters
    ----------
    pixels : ndarray, shape (n, 2)
        Corners, px.
    size : tuple of 2 ints
        Width and height of the image, px.

    Returns
    -------
    float
        0 to 1.
    """
    cells = np.array(CELLS)
    place = np.floor(pixels / np.array(size) * cells).astype(int).clip(0, cells - 1)
    return len(np.unique(place, axis=0)) / float(cells.prod())


def tilts(normals: Array) -> float:
    """Compute the range of the boards' tilt in the direction in which they are tilted least.

    Parameters
    ----------
    normals : ndarray, shape (n, 3)
        Of the boards, camera frame.

    Returns
    -------
    float
        From end to end, rad; 0 for fewer than two.
    """
    flat = normals[:, :2] / np.maximum(np.abs(normals[:, 2:]), 1e-6)
    flat = np.arctan(flat - flat.mean(axis=0))
    if len(flat) < 2:
        return 0.0
    _, _, axes = np.linalg.svd(flat, full_matrices=False)
    return float(np.ptp(flat @ axes.T, axis=0).min())
