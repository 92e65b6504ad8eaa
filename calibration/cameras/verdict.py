"""How good a calibration is: what its errors make of what will be measured, in numbers and words.

Single parameters are correlated and tell little. So setups are drawn from the parameters' joint
covariance, and what each of them would measure is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from calibration.cameras.bundle import Fit, moved
from calibration.cameras.lens import Lens
from nav.frames import Array

DRAWS = 60
GRID = 7  # points a side of what is compared
WORKING = 60.0  # mm around the working point, each way
CELLS = (8, 5)  # of the picture, to tell how much of it the corners cover
# limits of 'good' and 'usable'
GOOD_PIXELS, USABLE_PIXELS = 0.1, 0.5  # px, sd of where a known direction is seen
GOOD_MM, USABLE_MM = 0.02, 0.1  # mm rms in the working volume
ENOUGH_VIEWS, FEW_VIEWS = 10, 5
COVERED, HARDLY_COVERED = 0.6, 0.2
TILTED, HARDLY_TILTED = np.radians(20.0), np.radians(10.0)
SMEARED = 1.5  # px, sd along the motion


@dataclass(frozen=True)
class CameraVerdict:
    """One camera's calibration judged.

    word : good, usable or repeat. advice : what to do, sentences. pixels : sd of where a known
    direction is seen, rms over the picture. covered : share of the picture. tilt : rad, of boards
    to each other in the two directions, the lesser.
    """

    word: str
    advice: tuple[str, ...]
    pixels: float
    covered: float
    tilt: float
    views: int


def judge_camera(
    fit: Fit, camera: int, size: tuple[int, int], pixels: Sequence[Array], normals: Array,
    smear: float, rng: np.random.Generator,
) -> CameraVerdict:  # fmt: skip
    """Verdict of one camera.

    pixels : corners of every view used. normals : (n, 3) of the boards, camera frame. smear : px,
    sd of the usual view's blur along its longer axis, less the shorter.
    """
    spread = direction_spread(fit, camera, size, rng)
    covered = coverage(np.concatenate(pixels), size)
    tilt = tilts(normals)
    advice, word = [], "good"
    for value, good, usable, say in (
        (-len(pixels), -ENOUGH_VIEWS, -FEW_VIEWS, "take more pictures"),
        (-covered, -COVERED, -HARDLY_COVERED, "fill the corners of the picture with the board"),
        (-tilt, -TILTED, -HARDLY_TILTED, "tilt the board more, about both of its axes"),
        (spread, GOOD_PIXELS, USABLE_PIXELS, "take more pictures, nearer and more tilted"),
        (smear, SMEARED, 2 * SMEARED, "hold the board still"),
    ):
        if value > good:
            advice.append(say)
            word = "repeat" if value > usable or word == "repeat" else "usable"
    return CameraVerdict(word, tuple(dict.fromkeys(advice)), spread, covered, tilt, len(pixels))


def direction_spread(
    fit: Fit, camera: int, size: tuple[int, int], rng: np.random.Generator
) -> float:
    """px rms by which drawn lenses disagree on where directions are seen, turns left aside."""
    lens, at = fit.setup.lenses[camera], fit.unknowns.lens[camera]
    covariance = fit.covariance[at, at]
    u, v = np.meshgrid(*(np.linspace(0.03, 0.97, GRID) * s for s in size))
    pixels = np.column_stack([u.ravel(), v.ravel()])
    rays = rays_of(lens, pixels)
    # a turn of the camera is not its lens's
    _, by_point, _ = lens.project(rays)
    turns = np.stack([np.cross(np.eye(3)[k], rays) for k in range(3)], axis=2)
    by_turn = (by_point @ turns).reshape(-1, 3)
    total = 0.0
    for change in rng.multivariate_normal(np.zeros(len(covariance)), covariance, DRAWS):
        by = np.zeros(12)
        by[fit.unknowns.free[camera]] = change
        off = (lens.moved(by).project(rays)[0] - pixels).ravel()
        off = off - by_turn @ np.linalg.lstsq(by_turn, off, rcond=None)[0]
        total += float((off**2).mean() * 2)
    return float(np.sqrt(total / DRAWS))


def volume_spread(fit: Fit, middle: Array, rng: np.random.Generator) -> float:
    """mm rms by which points around a middle (3,), rig frame, are measured wrong.

    Points are triangulated by drawn setups from what the best one sees, and aligned rigidly.
    """
    side = np.linspace(-WORKING, WORKING, GRID)
    points = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3) + middle
    setup, total = fit.setup, 0.0
    seen = []
    for lens, place in zip(setup.lenses, setup.cameras, strict=True):
        seen.append(lens.project(points @ place[:3, :3].T + place[:3, 3])[0])
    count = fit.unknowns.bow.start
    covariance = fit.covariance[:count, :count]
    for change in rng.multivariate_normal(np.zeros(count), covariance, DRAWS):
        rays, places = [], []
        for k, (lens, place) in enumerate(zip(setup.lenses, setup.cameras, strict=True)):
            by = np.zeros(12)
            by[fit.unknowns.free[k]] = change[fit.unknowns.lens[k]]
            rays.append(rays_of(lens.moved(by), seen[k]))
            places.append(moved(place, change[fit.unknowns.place[k]]) if k else place)
        found = triangulated(rays, places)
        total += float((off_aligned(found, points) ** 2).sum(axis=1).mean())
    return float(np.sqrt(total / DRAWS))


def off_aligned(found: Array, points: Array) -> Array:
    """(n, 3) how far points are from where others are, once the two sets lie on each other."""
    a, b = found - found.mean(axis=0), points - points.mean(axis=0)
    turn, _ = Rotation.align_vectors(b, a)
    return np.asarray(turn.apply(a) - b, float)


def rays_of(lens: Lens, pixels: Array) -> Array:
    """(n, 3) rays, z 1, of pixels (n, 2)."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12)
    given = np.ascontiguousarray(pixels.reshape(-1, 1, 2))
    ideal = cv2.undistortPoints(given, lens.matrix, lens.distortion, criteria=stop)
    return np.column_stack([np.asarray(ideal).reshape(-1, 2), np.ones(len(pixels))])


def triangulated(rays: Sequence[Array], places: Sequence[Array]) -> Array:
    """(n, 3) points, rig frame, of rays (n, 3) in cameras at camera_from_rig (4, 4)."""
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
    """Share of the picture's cells in which corners lay."""
    cells = np.array(CELLS)
    place = np.floor(pixels / np.array(size) * cells).astype(int).clip(0, cells - 1)
    return len(np.unique(place, axis=0)) / float(cells.prod())


def tilts(normals: Array) -> float:
    """rad from board to board in that direction in which they are tilted less, end to end."""
    flat = normals[:, :2] / np.maximum(np.abs(normals[:, 2:]), 1e-6)
    flat = np.arctan(flat - flat.mean(axis=0))
    if len(flat) < 2:
        return 0.0
    _, _, axes = np.linalg.svd(flat, full_matrices=False)
    return float(np.ptp(flat @ axes.T, axis=0).min())
