"""Refinement of a board's inner corners on the grey levels of all pixels around each; compiled.

What is printed within half a square of an inner corner is known: two edges that cross, and on a
ChArUco board a quarter of each of two markers. That pattern, blurred, is fitted to the grey levels
as tracking fits a marker: eight parameters of a plane's flow, brightness, offset and their slopes;
the blur is common to the image's corners. Every pixel belongs to one corner, so that their errors
are independent. The camera's lens need not be known: locally, the board is a homography of the
pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.patch import CornerPatch, CornerPattern, N, derivative, patch_sums
from nav.core.compiled import njit
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.fit.pattern import colour_changes
from nav.tracking.fit.pixel_moments import BRIGHTNESS, COLUMNS, GEOMETRY, pixel_buffers
from nav.tracking.fit.view_solver import HUBER, LEAST_NOISE, MIN_PIXELS, median_residual, solve_view

HALF = 0.5  # squares around a corner whose pixels belong to it
REACH = 12.0  # px from a corner: the lens bends what is farther away, by up to 0.1 px at 20
SHAPE_SD = 0.01  # prior of scale and perspective, relative
STEPS = 15
CONVERGED = 0.002  # px
MOST_MOVE, MOST_WANDER = 1.0, 3.0  # px, per step and in total
LEAST_SCALE = 6.0  # px per square
MODEL_ERROR = 0.002  # px, one sd: lenses do not blur quite like Gaussians
MOST_OFF = 0.35  # of the contrast: sd of the residual, above which it is not a corner
FITTED = 14  # parameters, without the blur


@dataclass(frozen=True)
class Print:
    """What is printed around corners.

    Attributes
    ----------
    white : ndarray of bool, shape (n,)
        Whether the square up and left of each is white.
    markers : ndarray of uint8, shape (m, c + 2, c + 2)
        Patterns with a border of white cells; 1 is white.
    which : ndarray of int, shape (n, 2)
        Markers of the two white squares, the upper one first; of no rows where there are none.
    side : float
        Of a marker, in squares.
    """

    white: NDArray[np.bool_]
    markers: NDArray[np.uint8]
    which: NDArray[np.int64]
    side: float


class PrintedCells(NamedTuple):
    """`Print` as the compiled functions take it.

    Attributes
    ----------
    white, which, side
        See `Print`.
    changes : ndarray of float32
        Colour changes of the markers' patterns.
    cells : int
        Cells per side of a marker.
    """

    white: NDArray[np.bool_]
    changes: NDArray[np.float32]
    which: NDArray[np.int64]
    cells: int
    side: float


@dataclass(frozen=True)
class Corners:
    """Corners refined in one image.

    Attributes
    ----------
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    covariance : ndarray, shape (n, 2, 2)
        Of each, px^2.
    good : ndarray of bool, shape (n,)
        Whether the pixels look like a corner.
    blur : ndarray, shape (3,)
        Common to all: uu, uv, vv, px^2.
    """

    pixels: Array
    covariance: Array
    good: NDArray[np.bool_]
    blur: Array


def refine_corners(picture: Picture, planes: Array, printed: Print) -> Corners:
    """Refine corners on the grey levels around them.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels.
    planes : ndarray, shape (n, 3, 3)
        Homography from pixels to squares, the corner at (1, 1), accurate to about a pixel there and
        to a few degrees.
    printed : Print
        What is printed around each corner.

    Returns
    -------
    Corners
        The refined corners.
    """
    blur = np.array([1.0, 0.0, 1.0])
    cells = printed.markers.shape[1] - 2
    changes = np.array([colour_changes(marker, cells) for marker in printed.markers])
    if not len(changes):
        cells, changes = 0, np.zeros((0, 4, 1), np.float32)
    cut = PrintedCells(printed.white, changes, printed.which, cells, printed.side)
    _, _, good, blurs = _fit_all(picture, planes, cut, blur, True)
    if good.any():
        blur = np.median(blurs[good], axis=0)
    pixels, covariance, good, _ = _fit_all(picture, planes, cut, blur, False)
    return Corners(pixels, covariance + MODEL_ERROR**2 * np.eye(2), good, blur)


@njit(nogil=True, cache=True)
def _fit_all(image, planes, printed, blur, free):
    count = len(planes)
    pixels, covariance = np.zeros((count, 2)), np.zeros((count, 2, 2))
    good, blurs = np.zeros(count, np.bool_), np.zeros((count, 3))
    none = np.full(2, -1, np.int64)
    checks = np.zeros((2, 4, (2 * N + 4) ** 2), np.float32)
    for first in range(2):
        squares = np.zeros((N + 2, N + 2), np.uint8)
        for j in range(N + 2):
            for i in range(N + 2):
                # cell (1, 1) of the padded pattern is the square up and left of the corner
                squares[j, i] = (i + j + first + 1) % 2
        checks[first] = colour_changes(squares, N)
    for k in range(count):
        blurs[k] = blur
        plane = planes[k].copy()
        pattern = CornerPattern(
            checks[0 if printed.white[k] else 1], printed.white[k], printed.changes,
            printed.which[k] if len(printed.which) else none, printed.cells, printed.side,
        )  # fmt: skip
        good[k], covariance[k] = _fit(image, plane, pattern, blurs[k], free)
        pixels[k] = _corner(plane)
    return pixels, covariance, good, blurs


@njit(nogil=True, cache=True)
def _fit(image, plane, pattern, blur, free):
    """Fit one corner, its plane changed in place: whether it is one, (2, 2) covariance."""
    buffers, brightness = pixel_buffers(), np.zeros(BRIGHTNESS)
    moments = buffers.moments
    prior, none = blur.copy(), np.zeros((2, 2))
    start, cut, noise, looked, used = _corner(plane), 0.0, 0.0, 0, 0
    inverse = np.zeros((GEOMETRY, GEOMETRY))
    for step in range(STEPS):
        at = _corner(plane)
        scale = 1.0 / np.sqrt(abs(np.linalg.det(derivative(plane, at))))
        if not (np.isfinite(scale) and scale > LEAST_SCALE):
            return False, none
        patch = CornerPatch(plane, at, min(HALF, REACH / scale), scale)
        totals = patch_sums(image, patch, pattern, blur, brightness, cut, buffers)
        looked, used = totals.looked, totals.used
        if used < MIN_PIXELS / 2 or 2 * used < looked:
            return False, none
        fitted = FITTED + 3 if free else FITTED
        noise = np.sqrt(moments[COLUMNS, COLUMNS] / max(totals.weight - fitted, 1.0))
        solved = solve_view(moments, totals, brightness, blur, prior, free, False)
        if not solved.good:
            return False, none
        flow = np.ascontiguousarray(solved.information[:GEOMETRY, :GEOMETRY])
        firm = (max(noise, LEAST_NOISE) / SHAPE_SD) ** 2
        for a in (1, 5, 6, 7):
            flow[a, a] += firm
        inverse = np.linalg.inv(flow)
        change = inverse @ solved.gradient[:GEOMETRY].copy()
        move = np.sqrt(change[0] ** 2 + change[3] ** 2) * scale
        if not np.isfinite(move):
            return False, none
        share = 1.0 if move < MOST_MOVE else MOST_MOVE / move
        _move(plane, change * share)
        by_flow = np.ascontiguousarray(solved.follow[:, :GEOMETRY])
        moved = solved.rest - by_flow @ (change * share)
        brightness += moved[:BRIGHTNESS]
        if free:
            blur += moved[BRIGHTNESS:]
            blur[0], blur[2] = min(max(blur[0], 0.1), 16.0), min(max(blur[2], 0.1), 16.0)
            most = 0.9 * np.sqrt(blur[0] * blur[2])
            blur[1] = min(max(blur[1], -most), most)
        if step >= 1:
            spread = 1.4826 * median_residual(buffers.histogram, looked)
            cut = HUBER * max(min(noise, spread), LEAST_NOISE)
        now = _corner(plane)
        if np.sqrt(((now - start) ** 2).sum()) > MOST_WANDER:
            return False, none
        if move < CONVERGED and step >= 3:
            break
    # covariance of the corner in squares, propagated to pixels
    places = np.array([[inverse[0, 0], inverse[0, 3]], [inverse[3, 0], inverse[3, 3]]])
    back = np.linalg.inv(derivative(plane, _corner(plane)))
    covariance = back @ places @ back.T * (max(noise, LEAST_NOISE) * looked / used) ** 2
    return noise < MOST_OFF * brightness[0], covariance


@njit(nogil=True, cache=True)
def _corner(plane):
    """Return the pixel of the corner."""
    back = np.linalg.inv(plane) @ np.ones(3)
    return back[:2] / back[2]


@njit(nogil=True, cache=True)
def _move(plane, flow):
    """Move the plane by a flow (8,) about the corner; the unit is a square."""
    a, b, c, d, e, f, g, h = flow
    step = np.array([[1.0 + b, c, a], [e, 1.0 + f, d], [-g, -h, 1.0]])
    centre = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])
    back = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    plane[:] = back @ (step @ (centre @ plane))
