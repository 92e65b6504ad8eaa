"""Inner corners of a board from the light of all pixels around each; compiled.

What is printed within half a square of an inner corner is known: two edges that cross, and on a
ChArUco board a quarter of each of two markers. That pattern, blurred, is fitted to the grey levels
as tracking fits a marker: eight numbers of a plane's flow, brightness, offset and their slopes; the
blur is that of the picture's corners in common. Every pixel belongs to one corner, so that their
errors are independent. The camera's lens need not be known: nearby, the board is a homography of
the pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Picture
from nav.compiled import njit
from nav.frames import Array
from nav.tracking.fit import HUBER, LEAST_NOISE, MIN_PIXELS, median_residual, solve_view
from nav.tracking.pattern import (
    BY_SX,
    BY_SY,
    BY_X,
    BY_XY,
    BY_Y,
    LIGHT,
    RHO,
    ROWS,
    SX,
    SY,
    X,
    Y,
    blurred_pattern,
    colour_changes,
)
from nav.tracking.response import LINEAR
from nav.tracking.sums import (
    BRIGHTNESS,
    COLUMNS,
    GEOMETRY,
    HISTOGRAM,
    MIDDLE_X,
    MIDDLE_Y,
    SEEN,
    SHEET,
    SUMS,
    X_U,
    X_V,
    Y_U,
    Y_V,
    add_products,
    compare,
    derive,
    lean,
    respond,
)

N = 2  # squares a side of the pattern, the corner in its middle
HALF = 0.5  # squares around a corner that are its own
REACH = 12.0  # px from a corner: the lens bends what is further, by up to 0.1 px at 20
SHAPE_SD = 0.01  # what is known of scale and perspective beforehand, a share
STEPS = 15
CONVERGED = 0.002  # px
MOST_MOVE, MOST_WANDER = 1.0, 3.0  # px, in a step and in all
LEAST_SCALE = 6.0  # px a square
MODEL_ERROR = 0.002  # px, one sd: lenses do not blur quite like Gaussians
MOST_OFF = 0.35  # of the contrast, residual's sd: then it is no corner
FITTED = 14  # numbers, but for the blur


@dataclass(frozen=True)
class Print:
    """What is printed around corners.

    white : (n,) whether the square up and left of each is white. markers : (m, c + 2, c + 2) uint8
    patterns with a white cell around, 1 white. which : (n, 2) markers of the two white squares,
    the upper one first, or of no rows where there are none. side : of a marker, squares.
    """

    white: NDArray[np.bool_]
    markers: NDArray[np.uint8]
    which: NDArray[np.int64]
    side: float


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


def refine_corners(picture: Picture, planes: Array, printed: Print) -> Corners:
    """Corners refined to the light around them.

    Parameters
    ----------
    picture : (height, width), uint8.
    planes : (n, 3, 3) homography from pixels to squares, the corner at (1, 1), right to about a
        pixel there and to a few degrees.
    printed : what is around each.
    """
    blur = np.array([1.0, 0.0, 1.0])
    cells = printed.markers.shape[1] - 2
    changes = np.array([colour_changes(marker, cells) for marker in printed.markers])
    if not len(changes):
        cells, changes = 0, np.zeros((0, 4, 1), np.float32)
    given = (picture, planes, printed.white, changes, printed.which, cells, printed.side)
    _, _, good, blurs = _fit_all(*given, blur, True)
    if good.any():
        blur = np.median(blurs[good], axis=0)
    pixels, covariance, good, _ = _fit_all(*given, blur, False)
    return Corners(pixels, covariance + MODEL_ERROR**2 * np.eye(2), good, blur)


@njit(nogil=True, cache=True)
def _fit_all(image, planes, white, markers, which, cells, side, blur, free):
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
        own = which[k] if len(which) else none
        good[k], covariance[k] = _fit(
            image, plane, checks[0 if white[k] else 1], white[k], markers, own, cells, side,
            blurs[k], free,
        )  # fmt: skip
        pixels[k] = _corner(plane)
    return pixels, covariance, good, blurs


@njit(nogil=True, cache=True)
def _fit(image, plane, checks, white, markers, which, cells, side, blur, free):
    """Fit one corner, its plane changed in place: whether it is one, (2, 2) covariance."""
    moments, histogram = np.empty((COLUMNS + 1, COLUMNS + 1)), np.zeros(HISTOGRAM, np.int64)
    sheet, brightness = np.empty(SHEET), np.zeros(BRIGHTNESS)
    prior, none = blur.copy(), np.zeros((2, 2))
    start, cut, noise, looked, used = _corner(plane), 0.0, 0.0, 0.0, 0.0
    inverse = np.zeros((GEOMETRY, GEOMETRY))
    for step in range(STEPS):
        at = _corner(plane)
        scale = 1.0 / np.sqrt(abs(np.linalg.det(_derivative(plane, at))))
        if not (np.isfinite(scale) and scale > LEAST_SCALE):
            return False, none
        totals = _sums(
            image, plane, at, min(HALF, REACH / scale), scale, checks, white, markers, which,
            cells, side, blur, brightness, cut, moments, histogram, sheet,
        )  # fmt: skip
        looked, used, weight = totals[0], totals[1], totals[2]
        if used < MIN_PIXELS / 2 or 2 * used < looked:
            return False, none
        fitted = FITTED + 3 if free else FITTED
        noise = np.sqrt(moments[COLUMNS, COLUMNS] / max(weight - fitted, 1.0))
        information, right, follow, rest, _, _, _, fine = solve_view(
            moments, weight, totals[3], totals[4], brightness, blur, prior, free, False
        )
        if not fine:
            return False, none
        flow = np.ascontiguousarray(information[:GEOMETRY, :GEOMETRY])
        firm = (max(noise, LEAST_NOISE) / SHAPE_SD) ** 2
        for a in (1, 5, 6, 7):
            flow[a, a] += firm
        inverse = np.linalg.inv(flow)
        change = inverse @ right[:GEOMETRY].copy()
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
        if step >= 1:
            spread = 1.4826 * median_residual(histogram, looked)
            cut = HUBER * max(min(noise, spread), LEAST_NOISE)
        now = _corner(plane)
        if np.sqrt(((now - start) ** 2).sum()) > MOST_WANDER:
            return False, none
        if move < CONVERGED and step >= 3:
            break
    # the corner's place in squares, carried to pixels
    places = np.array([[inverse[0, 0], inverse[0, 3]], [inverse[3, 0], inverse[3, 3]]])
    back = np.linalg.inv(_derivative(plane, _corner(plane)))
    covariance = back @ places @ back.T * (max(noise, LEAST_NOISE) * looked / used) ** 2
    return noise < MOST_OFF * brightness[0], covariance


@njit(nogil=True, cache=True)
def _sums(
    image, plane, at, reach, scale, checks, white, markers, which, cells, side, blur, brightness,
    cut, moments, histogram, sheet,
):  # fmt: skip
    """As `accumulate`, of the pixels within `reach` squares of a corner at pixel `at`."""
    moments[:] = 0.0
    histogram[:] = 0
    totals, by_pixel = np.zeros(5), _derivative(plane, at)
    xx, yy, xy = _spread(by_pixel, blur)
    sx, sy = np.sqrt(xx), np.sqrt(yy)
    rho = min(max(xy / (sx * sy), -0.85), 0.85)
    far = 2.0 * reach * scale + 2.0
    height, width = image.shape
    count = 0
    for v in range(max(int(at[1] - far), 0), min(int(at[1] + far) + 2, height)):
        for u in range(max(int(at[0] - far), 0), min(int(at[0] + far) + 2, width)):
            w = plane[2, 0] * u + plane[2, 1] * v + plane[2, 2]
            x = (plane[0, 0] * u + plane[0, 1] * v + plane[0, 2]) / w
            y = (plane[1, 0] * u + plane[1, 1] * v + plane[1, 2]) / w
            if abs(x - 1.0) > reach or abs(y - 1.0) > reach:
                continue
            sheet[X + count], sheet[Y + count] = x, y
            sheet[SX + count], sheet[SY + count], sheet[RHO + count] = sx, sy, rho
            sheet[X_U + count], sheet[X_V + count] = by_pixel[0, 0], by_pixel[0, 1]
            sheet[Y_U + count], sheet[Y_V + count] = by_pixel[1, 0], by_pixel[1, 1]
            sheet[SEEN + count] = float(image[v, u])
            count += 1
            if count == ROWS:
                _take_in(
                    sheet, count, checks, white, markers, which, cells, side, brightness, cut,
                    moments, histogram, totals,
                )  # fmt: skip
                count = 0
    _take_in(
        sheet, count, checks, white, markers, which, cells, side, brightness, cut, moments,
        histogram, totals,
    )  # fmt: skip
    for a in range(COLUMNS + 1):
        for b in range(a):
            moments[a, b] = moments[b, a]
    return totals


@njit(nogil=True, cache=True)
def _take_in(
    sheet, count, checks, white, markers, which, cells, side, brightness, cut, moments, histogram,
    totals,
):  # fmt: skip
    """Add the sheet's pixels to the sums: squares, less what the markers' black cells take."""
    lean(sheet, count, 1.0, False, 1.0, brightness)
    blurred_pattern(sheet, count, checks, N)
    if which[0] >= 0:
        for i in range(count):
            sheet[MIDDLE_X + i], sheet[MIDDLE_Y + i] = sheet[X + i], sheet[Y + i]
            for a in range(6):
                sheet[SUMS + a * ROWS + i] = sheet[LIGHT + a * ROWS + i]
        cell = side / cells
        for m in range(2):
            # white squares: up and left, down and right; or up and right, down and left
            left = (1.0 - side) / 2 + (m if white else 1 - m)
            top = (1.0 - side) / 2 + m
            for i in range(count):
                sheet[X + i] = (sheet[MIDDLE_X + i] - left) / cell
                sheet[Y + i] = (sheet[MIDDLE_Y + i] - top) / cell
                sheet[SX + i] /= cell
                sheet[SY + i] /= cell
            blurred_pattern(sheet, count, markers[which[m]], cells)
            for i in range(count):
                sheet[SUMS + i] += sheet[LIGHT + i] - 1.0
                sheet[SUMS + ROWS + i] += sheet[BY_X + i] / cell
                sheet[SUMS + 2 * ROWS + i] += sheet[BY_Y + i] / cell
                sheet[SUMS + 3 * ROWS + i] += sheet[BY_SX + i] / cell
                sheet[SUMS + 4 * ROWS + i] += sheet[BY_SY + i] / cell
                sheet[SUMS + 5 * ROWS + i] += sheet[BY_XY + i] / (cell * cell)
                sheet[SX + i] *= cell
                sheet[SY + i] *= cell
        for i in range(count):
            sheet[X + i], sheet[Y + i] = sheet[MIDDLE_X + i], sheet[MIDDLE_Y + i]
            for a in range(6):
                sheet[LIGHT + a * ROWS + i] = sheet[SUMS + a * ROWS + i]
    respond(sheet, count, LINEAR)
    beside, odd = np.zeros((N + 2) ** 2, np.bool_), np.zeros((N + 2) ** 2, np.int64)
    compare(sheet, count, N, brightness, cut, beside, odd, histogram, totals)
    derive(sheet, count, 1.0, brightness)
    add_products(sheet, count, moments)


@njit(nogil=True, cache=True)
def _spread(by_pixel, blur):
    """Blur in squares: xx, yy, xy."""
    uu, uv, vv = blur[0], blur[1], blur[2]
    x_u, x_v, y_u, y_v = by_pixel[0, 0], by_pixel[0, 1], by_pixel[1, 0], by_pixel[1, 1]
    xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
    yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
    xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
    return xx, yy, xy


@njit(nogil=True, cache=True)
def _corner(plane):
    """Pixel of the corner."""
    back = np.linalg.inv(plane) @ np.ones(3)
    return back[:2] / back[2]


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
    """Move the plane by a flow (8,) about the corner; a square is a unit."""
    a, b, c, d, e, f, g, h = flow
    step = np.array([[1.0 + b, c, a], [e, 1.0 + f, d], [-g, -h, 1.0]])
    centre = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])
    back = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    plane[:] = back @ (step @ (centre @ plane))
