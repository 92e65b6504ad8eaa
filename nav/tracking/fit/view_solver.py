"""One step of a marker's fit from its pixels' sums, and a marker's plane fitted alone; compiled."""

import math
from typing import Any

import numpy as np

from nav.core.compiled import njit
from nav.tracking.fit.kernel_arguments import PixelSelection, ViewStep
from nav.tracking.fit.photometry import accumulate
from nav.tracking.fit.pixel_moments import (
    AT_BLUR,
    AT_BRIGHTNESS,
    AT_CURVATURE,
    AT_RESPONSE,
    BLUR,
    BRIGHTNESS,
    COLUMNS,
    GEOMETRY,
    HISTOGRAM,
    RESPONSE,
    pixel_buffers,
)

MAX_STEPS = 8  # before the window of pixels is laid anew
CONVERGED = 0.01  # px, largest move of a corner; the next would be its square
MAX_MOVE = 1.5  # px per step; a marker further off than the blur reaches is not pulled in
MAX_WANDER = 2.0  # px that the corners may go before the window of pixels is laid anew
BLUR_RANGE = (0.3, 8.0)  # px, one sd; a pixel's own area alone has 0.29
BLUR_SD = 3.0  # px^2: what is known of a marker's blur before it is seen
ODD_SHARE = 0.5  # of a cell's pixels, above which it and its neighbours are not used
MOST_BESIDE = 0.5  # of a marker's cells that may be so
HUBER = 4.0  # sd of the noise from which a pixel is weighted down
LEAST_NOISE = 0.5  # grey levels
MIN_PIXELS = 40
LEAST_SAID = 1e-6  # grey levels^2: pixels without any slope say nothing of a plane
PLACE = GEOMETRY + RESPONSE  # what is not eliminated
DONE, MORE, FAILED = 0, 1, 2


@njit(nogil=True, cache=True)
def quantile(values, share):
    """Return a quantile by the nearest value: for few numbers, many times.

    Parameters
    ----------
    values : ndarray, shape (n,)
        At least one.
    share : float
        0 to 1.

    Returns
    -------
    float
    """
    return np.sort(values)[int(share * (len(values) - 1) + 0.5)]


@njit(nogil=True, cache=True)
def median_residual(histogram, looked):
    """Return the median of the absolute residuals.

    Parameters
    ----------
    histogram : ndarray, shape (HISTOGRAM,)
        Of the absolute residuals, bins of one grey level.
    looked : int
        Number of pixels.

    Returns
    -------
    float
        Grey levels, interpolated within the bin.
    """
    below, half = 0.0, looked / 2.0
    for level in range(HISTOGRAM):
        if below + histogram[level] >= half:
            return level + (half - below) / max(histogram[level], 1)
        below += histogram[level]
    return float(HISTOGRAM)


@njit(nogil=True, cache=True)
def solve_view(moments, totals, brightness, blur, prior, free_blur, free_curvature):
    """Take one Gauss-Newton step in what only this view has, and eliminate that.

    Parameters
    ----------
    moments : ndarray, shape (COLUMNS + 1, COLUMNS + 1)
        See `PixelBuffers`.
    totals : PixelTotals
        What `accumulate` returns.
    brightness : ndarray, shape (BRIGHTNESS,)
        Changed in place, to fit best with the geometry as it is.
    blur, prior : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2, now and expected.
    free_blur, free_curvature : bool
        Whether the blur, and the light's curvature, may change.

    Returns
    -------
    ViewStep
    """
    weight, grey, square = totals.weight, totals.grey, totals.square
    information, right = np.zeros((PLACE, PLACE)), np.zeros(PLACE)
    follow: Any = np.zeros((BRIGHTNESS + BLUR, PLACE))
    rest: Any = np.zeros(BRIGHTNESS + BLUR)
    inner = moments[AT_BRIGHTNESS:AT_BLUR, AT_BRIGHTNESS:AT_BLUR].copy()
    seen = moments[AT_BRIGHTNESS:AT_BLUR, COLUMNS].copy()
    for a in range(BRIGHTNESS):
        inner[a, a] += 1e-9 * weight
        if a >= AT_CURVATURE and not free_curvature:
            _fix(inner, seen, a)
    change = np.linalg.solve(inner, seen)
    brightness += change
    gain = brightness[0]
    if not gain > 0.0 or not np.isfinite(change).all():
        return ViewStep(information, right, follow, rest, 0.0, 0.0, 0.0, False)
    # what is left after the brightness: moves plane, blur and response, brightness again with them
    normal = np.empty((COLUMNS, COLUMNS))
    gradient = np.empty(COLUMNS)
    for a in range(COLUMNS):
        own = 1.0 if AT_BRIGHTNESS <= a < AT_BLUR else gain
        gradient[a] = own * moments[a, COLUMNS]
        for b in range(BRIGHTNESS):
            gradient[a] -= own * moments[a, AT_BRIGHTNESS + b] * change[b]
        for b in range(COLUMNS):
            other = 1.0 if AT_BRIGHTNESS <= b < AT_BLUR else gain
            normal[a, b] = own * other * moments[a, b]
    squares = moments[COLUMNS, COLUMNS] - 2.0 * (change @ seen) + change @ (inner @ change)
    variance = max(squares, 0.0) / max(weight - COLUMNS, 1.0)
    for a in range(BRIGHTNESS):
        normal[AT_BRIGHTNESS + a, AT_BRIGHTNESS + a] += 1e-9 * weight
        if a >= AT_CURVATURE and not free_curvature:
            _fix(normal, gradient, AT_BRIGHTNESS + a)
    firm = max(variance, LEAST_NOISE * LEAST_NOISE) / (BLUR_SD * BLUR_SD)
    for a in range(BLUR):
        if not free_blur:
            _fix(normal, gradient, AT_BLUR + a)
        else:
            normal[AT_BLUR + a, AT_BLUR + a] += firm
            gradient[AT_BLUR + a] += firm * (prior[a] - blur[a])
    own_block = np.ascontiguousarray(normal[AT_BRIGHTNESS:AT_RESPONSE, AT_BRIGHTNESS:AT_RESPONSE])
    cross = np.empty((BRIGHTNESS + BLUR, PLACE))
    cross[:, :GEOMETRY] = normal[AT_BRIGHTNESS:AT_RESPONSE, :GEOMETRY]
    cross[:, GEOMETRY:] = normal[AT_BRIGHTNESS:AT_RESPONSE, AT_RESPONSE:]
    inverse = np.linalg.inv(own_block)
    follow = inverse @ cross
    rest = inverse @ gradient[AT_BRIGHTNESS:AT_RESPONSE].copy()
    chance = np.trace(inverse[AT_CURVATURE:BRIGHTNESS, AT_CURVATURE:BRIGHTNESS])
    information[:GEOMETRY, :GEOMETRY] = normal[:GEOMETRY, :GEOMETRY]
    information[:GEOMETRY, GEOMETRY:] = normal[:GEOMETRY, AT_RESPONSE:]
    information[GEOMETRY:, :GEOMETRY] = normal[AT_RESPONSE:, :GEOMETRY]
    information[GEOMETRY:, GEOMETRY:] = normal[AT_RESPONSE:, AT_RESPONSE:]
    information -= cross.T.copy() @ follow
    right[:GEOMETRY] = gradient[:GEOMETRY]
    right[GEOMETRY:] = gradient[AT_RESPONSE:]
    right -= cross.T.copy() @ rest
    # residual variance once all steps are done: what the pixels' noise leaves
    left = squares - rest @ gradient[AT_BRIGHTNESS:AT_RESPONSE]
    said = np.trace(information[:GEOMETRY, :GEOMETRY])
    if not said > LEAST_SAID or not np.isfinite(information).all():
        return ViewStep(information, right, follow, rest, 0.0, 0.0, 0.0, False)
    for a in range(PLACE):
        information[a, a] *= 1.0 + 1e-12
    step = np.linalg.solve(information + 1e-9 * np.trace(information) * np.eye(PLACE), right)
    left -= step @ right
    variance = max(left, 0.0) / max(weight - COLUMNS, 1.0)
    total = square - grey * grey / max(weight, 1.0)
    explained = 1.0 - max(left, 0.0) / total if total > weight else 0.0
    return ViewStep(information, right, follow, rest, math.sqrt(variance), explained, chance, True)


@njit(nogil=True, cache=True)
def near_odd(odd, looked, width, stride, buffer):
    """Return the cells with pixels that are not the marker's, and the cells next to them.

    None while coming near, nor if they were most of the cells: then the pose is off, or the marker
    is another.

    Parameters
    ----------
    odd : ndarray, shape (width^2,)
        How many such pixels each cell has.
    looked : float
        Number of pixels of the marker.
    width : int
        Cells along a side, white zone included.
    stride : int
        See `accumulate`.
    buffer : ndarray, shape (width^2,), bool
        Filled.

    Returns
    -------
    ndarray, shape (width^2,) or (0,), bool
        `buffer`; an empty part of it where there are none.
    """
    least = ODD_SHARE * looked / ((width - 1) * (width - 1))
    if stride > 1 or not (odd > least).any():
        return buffer[:0]
    buffer[:] = False
    for j in range(width):
        for i in range(width):
            if odd[j * width + i] <= least:
                continue
            for y in range(max(j - 1, 0), min(j + 2, width)):
                for x in range(max(i - 1, 0), min(i + 2, width)):
                    buffer[y * width + x] = True
    return buffer[:0] if buffer.sum() > MOST_BESIDE * buffer.size else buffer


@njit(nogil=True, cache=True)
def _fix(normal, right, place):
    """Take an unknown out of normal equations: it stays as it is."""
    normal[place, :] = 0.0
    normal[:, place] = 0.0
    normal[place, place] = 1.0
    right[place] = 0.0


@njit(nogil=True, cache=True)
def fit_plane(camera, marker, view, blur, scale):
    """Fit one marker from a start until its corners rest or have wandered off the window.

    Parameters
    ----------
    camera, marker
        See `accumulate`.
    view : PlaneView
        See `accumulate`; its plane is changed in place.
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2; changed in place.
    scale : float
        Size of a cell, px.

    Returns
    -------
    state : int
        DONE, MORE (call again with a new window) or FAILED.
    covariance : ndarray, shape (8, 8)
        Of the flow parameters.
    noise : float
        Standard deviation of the grey levels about the fit.
    explained : float
        Share of their variance explained.
    """
    buffers, n = pixel_buffers(), marker.cells
    brightness, cut, wandered = np.zeros(BRIGHTNESS), 0.0, 0.0
    covariance = np.zeros((GEOMETRY, GEOMETRY))
    start = blur.copy()
    noise, explained = 0.0, 0.0
    looked = 0
    odd, excluded = np.zeros((n + 2) ** 2, np.int64), np.zeros((n + 2) ** 2, np.bool_)
    for step in range(MAX_STEPS):
        beside = near_odd(odd, looked, n + 2, 1, excluded)
        odd[:] = 0
        selection = PixelSelection(cut, beside, odd)
        totals = accumulate(camera, marker, view, blur, brightness, 1, selection, buffers)
        looked, used = totals.looked, totals.used
        if min(used, totals.weight) < MIN_PIXELS or 2 * used < looked:
            return FAILED, covariance, noise, explained
        solved = solve_view(buffers.moments, totals, brightness, blur, start, True, True)
        noise, explained = solved.noise, solved.explained
        if not solved.good:
            return FAILED, covariance, noise, explained
        flow_information = np.ascontiguousarray(solved.information[:GEOMETRY, :GEOMETRY])
        inverse = np.linalg.inv(
            flow_information + 1e-10 * np.trace(flow_information) * np.eye(GEOMETRY)
        )
        change = inverse @ solved.gradient[:GEOMETRY].copy()
        if not np.isfinite(change).all():
            return FAILED, covariance, noise, explained
        # where pixels had to be left out, what covers them also touches others
        covariance = inverse * (noise * looked / used) ** 2
        move = _largest_move(change) * scale
        share = 1.0 if move <= MAX_MOVE else MAX_MOVE / move
        _move(view.plane, change * share, n)
        by_flow = np.ascontiguousarray(solved.follow[:, :GEOMETRY])
        moved = solved.rest - by_flow @ (change * share)
        brightness += moved[:BRIGHTNESS]
        blur += moved[BRIGHTNESS:]
        bound_blur(blur)
        if step >= 1:
            spread = 1.4826 * median_residual(buffers.histogram, looked)
            cut = HUBER * max(min(noise, spread), LEAST_NOISE)
        wandered += move * share
        if move < CONVERGED and step >= 2:
            return DONE, covariance, noise, explained
        if wandered > MAX_WANDER:
            return MORE, covariance, noise, explained
    return MORE, covariance, noise, explained


@njit(nogil=True, cache=True)
def _largest_move(change):
    """Return the largest move of a corner, cells: the flow at (+-1, +-1)."""
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
    """Apply the flow to the plane's homography: a pixel's plane coordinates move by it."""
    half = count / 2.0
    a, b, c, d, e, f, g, h = parameters / half
    # to first order the flow is this homography in centred coordinates
    step = np.array([[1.0 + b, c, a], [e, 1.0 + f, d], [-g, -h, 1.0]])
    centre = np.array([[1 / half, 0.0, -1.0], [0.0, 1 / half, -1.0], [0.0, 0.0, 1.0]])
    back = np.array([[half, 0.0, half], [0.0, half, half], [0.0, 0.0, 1.0]])
    plane[:] = back @ (step @ (centre @ plane))


@njit(nogil=True, cache=True)
def bound_blur(blur):
    """Bound the axes of the blur's covariance to a sensible range, in place.

    Parameters
    ----------
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2.
    """
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
