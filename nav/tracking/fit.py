"""Gauss-Newton of one marker's plane, brightness and blur, compiled: the hot loop of tracking."""

import math

import numpy as np

from nav.compiled import njit
from nav.tracking.photometry import COLUMNS, GEOMETRY, PHOTOMETRY, accumulate

MAX_STEPS = 6  # before the window of pixels is laid anew
CONVERGED = 0.01  # px, largest move of a corner; the next would be its square
MAX_MOVE = 1.5  # px a step; a marker further off than the blur reaches is not pulled in
MAX_WANDER = 2.0  # px that the corners may go before the window of pixels is laid anew
BLUR_RANGE = (0.3, 8.0)  # px, one sd; a pixel's own area alone has 0.29
HUBER = 4.0  # sd of the noise from which a pixel is weighted down
LEAST_NOISE = 0.5  # grey levels
MIN_PIXELS = 60
PLACE = GEOMETRY + PHOTOMETRY  # where the blur's columns begin
DONE, MORE, FAILED = 0, 1, 2


@njit(nogil=True, cache=True)
def fit_plane(image, grid, window, plane, ray_per_pixel, cells, zone, blur, pixels_per_cell):
    """Fit from a start until the corners rest or have wandered off the window.

    Parameters
    ----------
    image, grid, window, ray_per_pixel, cells, zone : see `accumulate`.
    plane : (3, 3) homography from a ray to the marker's plane, cells; changed in place.
    blur : (3,) covariance uu, uv, vv, px^2; changed in place.
    pixels_per_cell : scale of the marker in the picture.

    Returns
    -------
    tuple
        DONE, MORE (call again with a new window) or FAILED; (8, 8) covariance of the flow
        parameters; sd of the grey levels about the fit; share of their variance explained.
    """
    moments = np.empty((COLUMNS + 1, COLUMNS + 1))
    scratch = np.zeros((8, cells.shape[0] + 2))
    guess, cut, wandered = np.zeros(PHOTOMETRY), 0.0, 0.0
    covariance = np.zeros((GEOMETRY, GEOMETRY))
    noise, explained = 0.0, 0.0
    for step in range(MAX_STEPS):
        used, weights = accumulate(
            image, grid, window, plane, ray_per_pixel, cells, zone, blur, guess, cut, moments,
            scratch,
        )  # fmt: skip
        if used < MIN_PIXELS:
            return FAILED, covariance, noise, explained
        brightness, change, covariance, noise, explained = _solve(moments, weights)
        if not brightness[0] > 0.0 or not np.isfinite(change).all():
            return FAILED, covariance, noise, explained
        move = _largest_move(change) * pixels_per_cell
        share = 1.0 if move <= MAX_MOVE else MAX_MOVE / move
        _move(plane, change[:GEOMETRY] * share, cells.shape[0])
        blur += change[PLACE:]
        _bound(blur)
        guess, cut = brightness, HUBER * max(noise, LEAST_NOISE)
        wandered += move * share
        if move < CONVERGED and step >= 1:
            return DONE, covariance, noise, explained
        if wandered > MAX_WANDER:
            return MORE, covariance, noise, explained
    return MORE, covariance, noise, explained


@njit(nogil=True, cache=True)
def _solve(moments, weights):
    """One step from the sums: brightness (linear, solved exactly), change of plane and blur, ..."""
    inner = np.ascontiguousarray(moments[GEOMETRY:PLACE, GEOMETRY:PLACE])
    seen = np.ascontiguousarray(moments[GEOMETRY:PLACE, COLUMNS])
    brightness = np.linalg.solve(inner, seen)
    scale = np.full(COLUMNS, brightness[0])
    scale[GEOMETRY:PLACE] = 1.0
    normal = np.empty((COLUMNS, COLUMNS))
    right = np.empty(COLUMNS)
    for a in range(COLUMNS):
        right[a] = moments[a, COLUMNS] * scale[a]
        for b in range(COLUMNS):
            normal[a, b] = moments[a, b] * scale[a] * scale[b]
    # residuals are against the present brightness: what is left moves plane and blur
    right -= np.ascontiguousarray(normal[:, GEOMETRY:PLACE]) @ brightness
    inverse = np.linalg.inv(normal)
    change = inverse @ right
    squares = moments[COLUMNS, COLUMNS] - 2 * (brightness @ seen)
    squares += brightness @ (inner @ brightness) - change @ right
    squares = max(squares, 0.0)
    variance = squares / max(weights - COLUMNS, 1.0)
    total = moments[COLUMNS, COLUMNS] - moments[GEOMETRY + 1, COLUMNS] ** 2 / weights
    covariance = np.ascontiguousarray(inverse[:GEOMETRY, :GEOMETRY]) * variance
    explained = 1.0 - squares / max(total, 1e-9)
    return brightness, change, covariance, math.sqrt(variance), explained


@njit(nogil=True, cache=True)
def _largest_move(change):
    """Largest move of a corner, cells: the flow at (+-1, +-1)."""
    largest = 0.0
    for x in (-1.0, 1.0):
        for y in (-1.0, 1.0):
            both = change[6] * x + change[7] * y
            dx = change[0] + change[1] * x + change[2] * y + x * both
            dy = change[3] + change[4] * x + change[5] * y + y * both
            largest = max(largest, abs(dx), abs(dy))
    return largest


@njit(nogil=True, cache=True)
def _move(plane, parameters, count):
    """The plane's homography after the flow: a pixel's plane coordinates move by it."""
    half = count / 2.0
    a, b, c, d, e, f, g, h = parameters / half
    # to first order the flow is this homography in centred coordinates
    step = np.array([[1.0 + b, c, a], [e, 1.0 + f, d], [-g, -h, 1.0]])
    centre = np.array([[1 / half, 0.0, -1.0], [0.0, 1 / half, -1.0], [0.0, 0.0, 1.0]])
    back = np.array([[half, 0.0, half], [0.0, half, half], [0.0, 0.0, 1.0]])
    plane[:] = back @ (step @ (centre @ plane))


@njit(nogil=True, cache=True)
def _bound(blur):
    """Hold the axes of the blur's covariance in a sensible range, in place."""
    low, high = BLUR_RANGE[0] ** 2, BLUR_RANGE[1] ** 2
    middle = (blur[0] + blur[2]) / 2
    difference = (blur[0] - blur[2]) / 2
    radius = math.sqrt(difference * difference + blur[1] * blur[1])
    if middle - radius >= low and middle + radius <= high:
        return
    small = min(max(middle - radius, low), high)
    large = min(max(middle + radius, low), high)
    # same axes, bounded lengths
    stretch = 0.0 if radius < 1e-12 else (large - small) / 2 / radius
    blur[0] = (large + small) / 2 + difference * stretch
    blur[2] = (large + small) / 2 - difference * stretch
    blur[1] *= stretch
