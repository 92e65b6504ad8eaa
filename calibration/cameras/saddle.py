"""Inner corners of a board from the light of all pixels around each; compiled.

Around an inner corner four squares meet in two straight edges. That pattern, blurred, is fitted to
the grey levels as tracking fits a marker: place of the corner and direction of the two edges (four
numbers; a cross of two lines has no size), brightness, offset and their slopes; the blur is that of
the picture's corners in common. The camera's lens need not be known: nearby, the board is a
homography of the pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Picture
from nav.camera.rays import STEP
from nav.compiled import njit
from nav.frames import Array
from nav.tracking.fit import HUBER, LEAST_NOISE, MIN_PIXELS, median_residual, solve_view
from nav.tracking.photometry import accumulate
from nav.tracking.response import LINEAR
from nav.tracking.sums import BRIGHTNESS, COLUMNS, GEOMETRY, HISTOGRAM, SHEET

N = 2  # squares a side of the pattern, the corner in the middle
FREE = np.array([0, 2, 3, 4])  # of the flow: shift, and how each edge turns
REACH = 9.0  # px from a corner: lenses bend edges further out
RIM = 2.5  # sd of the blur kept away from what else is there, as accumulate does
LEAST_REACH = 1.5  # px of edge that must be left
STEPS = 12
CONVERGED = 0.002  # px
MOST_MOVE, MOST_WANDER = 1.0, 3.0  # px, in a step and in all
MODEL_ERROR = 0.002  # px, one sd: lenses do not blur quite like Gaussians
MOST_OFF = 0.35  # of the contrast, residual's sd: then it is no corner


@dataclass(frozen=True)
class Corners:
    """Corners refined in one picture.

    pixels : (n, 2). covariance : (n, 2, 2), px^2. good : (n,) whether the pixels look like a
    corner. blur : (3,) of all, px^2: uu, uv, vv.
    """

    pixels: Array
    covariance: Array
    good: NDArray[np.bool_]
    blur: Array


def refine_corners(
    picture: Picture, planes: Array, white: NDArray[np.bool_], margin: float
) -> Corners:
    """Corners refined to the light around them.

    Parameters
    ----------
    picture : (height, width), uint8.
    planes : (n, 3, 3) homography from pixels to squares, the corner at (1, 1), right to about a
        pixel there and to a few degrees.
    white : (n,) whether the square up and left of each corner is white.
    margin : squares from a corner, in which nothing else is printed; 1 where squares are empty.
    """
    grid = _pixels_as_rays(picture.shape)
    blur = np.array([1.0, 0.0, 1.0])
    args = (picture, grid, planes, white, margin)
    _, _, good, blurs = _fit_all(*args, blur, True)
    if good.any():
        blur = np.median(blurs[good], axis=0)
    pixels, covariance, good, _ = _fit_all(*args, blur, False)
    return Corners(pixels, covariance + MODEL_ERROR**2 * np.eye(2), good, blur)


def _pixels_as_rays(shape: tuple[int, ...]) -> Array:
    """A grid of rays, as `RayGrid`, that are the pixels themselves."""
    rows, columns = (int(np.ceil(size / STEP)) + 4 for size in shape[:2])
    u, v = np.meshgrid((np.arange(columns) - 1) * STEP, (np.arange(rows) - 1) * STEP)
    return np.stack([u, v], axis=-1)


@njit(nogil=True, cache=True)
def _fit_all(image, grid, planes, white, margin, blur, free):
    count = len(planes)
    pixels, covariance = np.zeros((count, 2)), np.zeros((count, 2, 2))
    good, blurs = np.zeros(count, np.bool_), np.zeros((count, 3))
    checks = np.zeros((2, N + 2, N + 2), np.uint8)
    for first in range(2):
        for j in range(N + 2):
            for i in range(N + 2):
                # cell (1, 1) of the padded pattern is the square up and left of the corner
                checks[first, j, i] = (i + j + first + 1) % 2
    for k in range(count):
        blurs[k] = blur
        plane = planes[k].copy()
        good[k], covariance[k] = _fit(
            image, grid, plane, checks[0 if white[k] else 1], margin, blurs[k], free
        )
        pixels[k] = _corner(plane)
    return pixels, covariance, good, blurs


@njit(nogil=True, cache=True)
def _corner(plane):
    """Pixel of the corner."""
    back = np.linalg.inv(plane) @ np.ones(3)
    return back[:2] / back[2]


@njit(nogil=True, cache=True)
def _fit(image, grid, plane, cells, margin, blur, free):
    """Fit one corner, its plane changed in place: whether it is one, (2, 2) covariance."""
    moments, histogram = np.empty((COLUMNS + 1, COLUMNS + 1)), np.zeros(HISTOGRAM, np.int64)
    sheet, brightness, drift = np.empty(SHEET), np.zeros(BRIGHTNESS), np.zeros(8)
    beside, odd = np.zeros((N + 2) ** 2, np.bool_), np.zeros((N + 2) ** 2, np.int64)
    identity, prior, none = np.eye(2), blur.copy(), np.zeros((2, 2))
    start, cut = _corner(plane), 0.0
    for step in range(STEPS):
        at = _corner(plane)
        by_pixel = _derivative(plane, at)
        scale = 1.0 / np.sqrt(abs(np.linalg.det(by_pixel)))
        sd = np.sqrt(max((blur[0] + blur[2]) / 2.0, 0.1))
        near = min(margin, (REACH + RIM * sd) / scale)
        reach = near * scale - RIM * sd
        if not (np.isfinite(scale) and reach >= LEAST_REACH):
            return False, none
        window = np.empty(5, np.int64)
        for axis in range(2):
            size = image.shape[1 - axis]
            far = 1.5 * (reach + 1.0) + 1.0
            if at[axis] - far < 0 or at[axis] + far > size - 1:
                return False, none
            window[2 - 2 * axis] = int(at[axis] - far)
            window[3 - 2 * axis] = int(at[axis] + far) + 2
        window[4] = int(at[1])
        looked, used, weight, grey, square = accumulate(
            image, grid, window, plane, identity, cells, N, near - 1.0, blur, LINEAR, 1.0,
            brightness, drift, 1, cut, beside, odd, moments, histogram, sheet,
        )  # fmt: skip
        if used < MIN_PIXELS / 2 or 2 * used < looked:
            return False, none
        fitted = 13 if free else 10
        noise = np.sqrt(moments[COLUMNS, COLUMNS] / max(weight - fitted, 1.0))
        information, right, follow, rest, _, _, _, fine = solve_view(
            moments, weight, grey, square, brightness, blur, prior, free, False
        )
        if not fine:
            return False, none
        few, say = np.empty((4, 4)), np.empty(4)
        for a in range(4):
            say[a] = right[FREE[a]]
            for b in range(4):
                few[a, b] = information[FREE[a], FREE[b]]
        trace = np.trace(few)
        if not trace > 0.0:
            return False, none
        inverse = np.linalg.inv(few + 1e-9 * trace * np.eye(4))
        change = np.zeros(GEOMETRY)
        own = inverse @ say
        for a in range(4):
            change[FREE[a]] = own[a]
        move = np.sqrt(change[0] ** 2 + change[3] ** 2) * scale
        if not np.isfinite(move):
            return False, none
        share = 1.0 if move < MOST_MOVE else MOST_MOVE / move
        _move(plane, change * share)
        moved = rest - np.ascontiguousarray(follow[:, :GEOMETRY]) @ (change * share)
        brightness += moved[:BRIGHTNESS]
        if free:
            blur += moved[BRIGHTNESS:]
            blur[0], blur[2] = min(max(blur[0], 0.1), 16.0), min(max(blur[2], 0.1), 16.0)
            most = 0.9 * np.sqrt(blur[0] * blur[2])
            blur[1] = min(max(blur[1], -most), most)
        spread = 1.4826 * median_residual(histogram, looked)
        if step >= 1:
            cut = HUBER * max(min(noise, spread), LEAST_NOISE)
        now = _corner(plane)
        if np.sqrt(((now - start) ** 2).sum()) > MOST_WANDER:
            return False, none
        if move < CONVERGED and step >= 3:
            break
    # the corner's place in squares, carried to pixels
    places = np.empty((2, 2))
    for a in range(2):
        for b in range(2):
            places[a, b] = inverse[2 * a, 2 * b]
    back = np.linalg.inv(_derivative(plane, _corner(plane)))
    covariance = back @ places @ back.T * (max(noise, LEAST_NOISE) * looked / used) ** 2
    return noise < MOST_OFF * brightness[0], covariance


@njit(nogil=True, cache=True)
def _derivative(plane, at):
    """(2, 2) squares by pixels."""
    w = plane[2, 0] * at[0] + plane[2, 1] * at[1] + plane[2, 2]
    x = (plane[0, 0] * at[0] + plane[0, 1] * at[1] + plane[0, 2]) / w
    y = (plane[1, 0] * at[0] + plane[1, 1] * at[1] + plane[1, 2]) / w
    result = np.empty((2, 2))
    for c in range(2):
        result[0, c] = (plane[0, c] - x * plane[2, c]) / w
        result[1, c] = (plane[1, c] - y * plane[2, c]) / w
    return result


@njit(nogil=True, cache=True)
def _move(plane, flow):
    """Move the plane by shift and edges' turn, about the corner; a square is a unit."""
    a, c, d, e = flow[0], flow[2], flow[3], flow[4]
    # about (1, 1): x + a + c (y - 1), y + d + e (x - 1)
    step = np.array([[1.0, c, a - c], [e, 1.0, d - e], [0.0, 0.0, 1.0]])
    plane[:] = step @ plane
