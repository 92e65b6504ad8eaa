"""What a batch of pixels says against an image: residuals, derivatives, their products; compiled.

Light becomes grey levels by the camera's response (response.py), which slope and curve over the
marker. All quantities are rows of the sheet (pattern.py).
"""

import math

import numpy as np

from nav.core.compiled import njit
from nav.tracking.fit.kernel_arguments import PixelBuffers
from nav.tracking.fit.pattern import (
    BY_SX,
    BY_SY,
    BY_X,
    BY_XY,
    BY_Y,
    LIGHT,
    PATTERN_SHEET,
    RHO,
    ROWS,
    SX,
    SY,
    X,
    Y,
    blurred_pattern,
)

GEOMETRY = 8  # flow of the plane: see photometry.flow
BRIGHTNESS = 9  # pattern, 1, pattern * x, pattern * y, x, y; the light's x x, x y, y y
AT_CURVATURE = 6  # from there on in the brightness
BLUR = 3  # its covariance: uu, uv, vv, px^2
RESPONSE = 2  # of the camera: see response.py
AT_BRIGHTNESS = GEOMETRY
AT_BLUR = AT_BRIGHTNESS + BRIGHTNESS
AT_RESPONSE = AT_BLUR + BLUR
COLUMNS = AT_RESPONSE + RESPONSE

MOST_NODES = 6
TOTALS = 5  # fields of PixelTotals
HISTOGRAM = 64  # bins of one grey level, of absolute residuals
CLIPPED = 254.0  # grey level from which a pixel says no more than 'at least'
LEAST_LIGHT = 0.3  # of that at a marker's middle, anywhere on it
MOST_LEAN = 0.2  # cells that uneven light may move an edge
LEAST_USED = 1.5  # a pixel further off than so many cuts is not used at all

# Gauss-Legendre nodes and weights on -1/2 to 1/2, a row for each number of nodes
NODES = np.zeros((MOST_NODES + 1, MOST_NODES))
NODE_WEIGHTS = np.zeros((MOST_NODES + 1, MOST_NODES))
for _count in range(1, MOST_NODES + 1):
    _at, _weight = np.polynomial.legendre.leggauss(_count)
    NODES[_count, :_count] = _at / 2
    NODE_WEIGHTS[_count, :_count] = _weight / 2

# more rows of the sheet of pattern.py: the plane by the pixel, motion and the middle of it, sums
# over its nodes, grey levels seen, as expected and by the response, a pixel's weight
X_U, X_V, Y_U, Y_V, ALONG_X, ALONG_Y, MIDDLE_X, MIDDLE_Y = (
    PATTERN_SHEET + ROWS * k for k in range(8)
)
SUMS = PATTERN_SHEET + ROWS * 8  # as LIGHT to BY_XY
SEEN, GREY, STEEP, BEND, INK, RESIDUAL, ROOT = (PATTERN_SHEET + ROWS * k for k in range(14, 21))
BLOCK = PATTERN_SHEET + ROWS * 21  # derivatives, the residual last
SHEET = BLOCK + ROWS * (COLUMNS + 2)  # one empty, to go by two


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def take_in(buffers, count, camera, marker, nodes, brightness, selection):
    """Add the sheet's pixels to the sums.

    Parameters
    ----------
    buffers : PixelBuffers
        Of the sheet, rows X to RHO, X_U to ALONG_Y and SEEN are read, the others written; the rest
        is added to.
    count : int
        Number of pixels in the sheet.
    camera, marker, brightness, selection
        See `accumulate`.
    nodes : int
        Number of Gaussians that motion blur is made of, see `split_blur`.
    """
    draw(buffers.sheet, count, camera, marker, nodes, brightness)
    compare(buffers, count, marker.cells, brightness, camera.unknown, selection)
    derive(buffers.sheet, count, marker.cells / 2.0, brightness)
    add_products(buffers.sheet, count, buffers.moments)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def draw(sheet, count, camera, marker, nodes, brightness):
    """Render the marker as the camera has it at the sheet's pixels, from 0 to 1, with derivatives.

    Parameters
    ----------
    sheet, count, nodes
        See `take_in`.
    camera, marker, brightness
        See `accumulate`.
    """
    lean(sheet, count, marker.cells / 2.0, nodes > 1, camera.power, brightness)
    if nodes == 1:
        blurred_pattern(sheet, count, marker.changes, marker.cells)
    else:
        _smeared_pattern(sheet, count, marker.changes, marker.cells, nodes)
    respond(sheet, count, camera.curve)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def lean(sheet, count, half, smeared, power, brightness):
    """Move positions to where the light that reaches a pixel mostly comes from.

    Blur mixes in more of the brighter side. Of a pattern p in a light L it makes, to first order in
    the blur's covariance S, L (p + (S grad ln L) . grad p): the pattern from S grad ln L further.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Rows X and Y are changed.
    count : int
        Number of pixels in it.
    half : float
        Half the number of cells along a side.
    smeared : bool
        Whether there is motion blur.
    power, brightness
        See `accumulate`.
    """
    white = brightness[0] + brightness[1]
    if not brightness[0] > 0.0 or not white > 0.0:
        return
    # light goes as its grey levels to the power of one by the camera's
    tilt_x, tilt_y = (
        (brightness[2] + brightness[4]) / white,
        (brightness[3] + brightness[5]) / white,
    )
    paper = 1.0 / brightness[0]  # the curvature is that of the gain, and of the ink as well
    xx, xy, yy = paper * brightness[6], paper * brightness[7], paper * brightness[8]
    for i in range(count):
        cx, cy = sheet[X + i] / half - 1.0, sheet[Y + i] / half - 1.0
        level = 1.0 + tilt_x * cx + tilt_y * cy + xx * cx * cx + xy * cx * cy + yy * cy * cy
        one = 1.0 / (max(level, LEAST_LIGHT) * power * half)
        by_x = one * (tilt_x + 2.0 * xx * cx + xy * cy)
        by_y = one * (tilt_y + 2.0 * yy * cy + xy * cx)
        sx, sy = sheet[SX + i], sheet[SY + i]
        spread_x, spread_y, both = sx * sx, sy * sy, sheet[RHO + i] * sx * sy
        if smeared:
            along_x, along_y = sheet[ALONG_X + i], sheet[ALONG_Y + i]
            spread_x += along_x * along_x / 12.0
            spread_y += along_y * along_y / 12.0
            both += along_x * along_y / 12.0
        lean_x, lean_y = spread_x * by_x + both * by_y, both * by_x + spread_y * by_y
        sheet[X + i] += min(max(lean_x, -MOST_LEAN), MOST_LEAN)
        sheet[Y + i] += min(max(lean_y, -MOST_LEAN), MOST_LEAN)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _smeared_pattern(sheet, count, changes, n, nodes):
    """Average patterns along the path that a pixel's light went during the exposure."""
    for i in range(count):
        sheet[MIDDLE_X + i], sheet[MIDDLE_Y + i] = sheet[X + i], sheet[Y + i]
        for a in range(6):
            sheet[SUMS + a * ROWS + i] = 0.0
    for k in range(nodes):
        at, weight = NODES[nodes, k], NODE_WEIGHTS[nodes, k]
        for i in range(count):
            sheet[X + i] = sheet[MIDDLE_X + i] + at * sheet[ALONG_X + i]
            sheet[Y + i] = sheet[MIDDLE_Y + i] + at * sheet[ALONG_Y + i]
        blurred_pattern(sheet, count, changes, n)
        for a in range(6):
            for i in range(count):
                sheet[SUMS + a * ROWS + i] += weight * sheet[LIGHT + a * ROWS + i]
    for i in range(count):
        sheet[X + i], sheet[Y + i] = sheet[MIDDLE_X + i], sheet[MIDDLE_Y + i]
        for a in range(6):
            sheet[LIGHT + a * ROWS + i] = sheet[SUMS + a * ROWS + i]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def respond(sheet, count, curve):
    """Convert light to grey levels from 0 to 1, with the slope and the derivatives by the curve.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Row LIGHT is read; rows GREY, STEEP, BEND and INK are written.
    count : int
        Number of pixels in it.
    curve : ndarray, shape (4, entries)
        See `accumulate`.
    """
    entries = curve.shape[1] - 1
    for i in range(count):
        place = min(max(sheet[LIGHT + i], 0.0), 1.0) * entries
        entry = min(int(place), entries - 1)
        part = place - entry
        sheet[GREY + i] = curve[0, entry] + part * (curve[0, entry + 1] - curve[0, entry])
        sheet[STEEP + i] = curve[1, entry] + part * (curve[1, entry + 1] - curve[1, entry])
        sheet[BEND + i] = curve[2, entry] + part * (curve[2, entry + 1] - curve[2, entry])
        sheet[INK + i] = curve[3, entry] + part * (curve[3, entry + 1] - curve[3, entry])


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def compare(buffers, count, n, brightness, unknown, selection):
    """Compute residuals, and each pixel's weight: zero where it is odd, overexposed or unknown.

    Also zero in cells beside odd ones: what covers a marker is blurred, and shades what is near.

    Parameters
    ----------
    buffers : PixelBuffers
        Rows RESIDUAL and ROOT (root of the weight) of the sheet are written; histogram and totals
        are added to.
    count : int
        Number of pixels in the sheet.
    n : int
        Cells along a side.
    brightness, selection
        See `accumulate`.
    unknown : float
        See `CameraImage`.
    """
    sheet, histogram, totals = buffers.sheet, buffers.histogram, buffers.totals
    cut, beside, odd = selection.cut, selection.beside, selection.odd
    half, width = n / 2.0, n + 2
    dark = brightness[1] / brightness[0] if brightness[0] > 0.0 else 0.0
    for i in range(count):
        cx, cy = sheet[X + i] / half - 1.0, sheet[Y + i] / half - 1.0
        curve = brightness[6] * cx * cx + brightness[7] * cx * cy + brightness[8] * cy * cy
        gain = brightness[0] + brightness[2] * cx + brightness[3] * cy + curve
        expected = brightness[1] + brightness[4] * cx + brightness[5] * cy + dark * curve
        sheet[RESIDUAL + i] = sheet[SEEN + i] - expected - gain * sheet[GREY + i]
    looked, used = 0, 0
    for i in range(count):
        residual, seen, root = sheet[RESIDUAL + i], sheet[SEEN + i], 0.0
        distance = abs(residual)
        if seen != unknown and (seen < CLIPPED or seen - residual < CLIPPED):
            looked += 1
            histogram[min(int(distance), HISTOGRAM - 1)] += 1
            if cut == 0.0 or distance <= cut:
                root = 1.0
            elif distance <= LEAST_USED * cut:
                root = math.sqrt(cut / distance)
            used += root > 0.0
            if root == 0.0 or len(beside) > 0:
                cell = min(max(int(sheet[X + i] + 1.0), 0), n + 1)
                cell += width * min(max(int(sheet[Y + i] + 1.0), 0), n + 1)
                odd[cell] += root == 0.0
                if len(beside) > 0 and beside[cell]:
                    root = 0.0
        sheet[ROOT + i] = root
    totals[0] += looked
    totals[1] += used
    weights, greys, squares = 0.0, 0.0, 0.0
    for i in range(count):
        weight, seen = sheet[ROOT + i] * sheet[ROOT + i], sheet[SEEN + i]
        weights += weight
        greys += weight * seen
        squares += weight * seen * seen
    totals[2] += weights
    totals[3] += greys
    totals[4] += squares


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def derive(sheet, count, half, brightness):
    """Compute the pixels' derivatives, relative to the gain at the marker's middle, times ROOT.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Rows from BLOCK on are written.
    count : int
        Number of pixels in it.
    half : float
        Half the number of cells along a side.
    brightness : ndarray, shape (BRIGHTNESS,)
        Of the last step.
    """
    one = 1.0 / brightness[0] if brightness[0] > 0.0 else 0.0
    dark, tilt_x, tilt_y = one * brightness[1], one * brightness[2], one * brightness[3]
    xx, xy, yy = one * brightness[6], one * brightness[7], one * brightness[8]
    for i in range(count):
        cx, cy = sheet[X + i] / half - 1.0, sheet[Y + i] / half - 1.0
        root, grey = sheet[ROOT + i], sheet[GREY + i]
        curve = xx * cx * cx + xy * cx * cy + yy * cy * cy
        local = root * (1.0 + tilt_x * cx + tilt_y * cy + curve)
        steep = local * sheet[STEEP + i]
        by_x, by_y = steep * sheet[BY_X + i], steep * sheet[BY_Y + i]
        both = cx * by_x + cy * by_y
        sheet[BLOCK + i] = by_x
        sheet[BLOCK + ROWS + i] = by_x * cx
        sheet[BLOCK + 2 * ROWS + i] = by_x * cy
        sheet[BLOCK + 3 * ROWS + i] = by_y
        sheet[BLOCK + 4 * ROWS + i] = by_y * cx
        sheet[BLOCK + 5 * ROWS + i] = by_y * cy
        sheet[BLOCK + 6 * ROWS + i] = both * cx
        sheet[BLOCK + 7 * ROWS + i] = both * cy
        sheet[BLOCK + 8 * ROWS + i] = root * grey
        sheet[BLOCK + 9 * ROWS + i] = root
        sheet[BLOCK + 10 * ROWS + i] = root * grey * cx
        sheet[BLOCK + 11 * ROWS + i] = root * grey * cy
        sheet[BLOCK + 12 * ROWS + i] = root * cx
        sheet[BLOCK + 13 * ROWS + i] = root * cy
        # light multiplies ink as it does paper
        light = root * (grey + dark)
        sheet[BLOCK + 14 * ROWS + i] = light * cx * cx
        sheet[BLOCK + 15 * ROWS + i] = light * cx * cy
        sheet[BLOCK + 16 * ROWS + i] = light * cy * cy
        x_u, x_v, y_u, y_v = sheet[X_U + i], sheet[X_V + i], sheet[Y_U + i], sheet[Y_V + i]
        by_xx = steep * sheet[BY_SX + i] / (2.0 * sheet[SX + i])
        by_yy = steep * sheet[BY_SY + i] / (2.0 * sheet[SY + i])
        by_xy = steep * sheet[BY_XY + i]
        sheet[BLOCK + 17 * ROWS + i] = by_xx * x_u * x_u + by_yy * y_u * y_u + by_xy * x_u * y_u
        sheet[BLOCK + 18 * ROWS + i] = (
            2.0 * by_xx * x_u * x_v + 2.0 * by_yy * y_u * y_v + by_xy * (x_u * y_v + x_v * y_u)
        )
        sheet[BLOCK + 19 * ROWS + i] = by_xx * x_v * x_v + by_yy * y_v * y_v + by_xy * x_v * y_v
        sheet[BLOCK + 20 * ROWS + i] = local * sheet[BEND + i]
        sheet[BLOCK + 21 * ROWS + i] = local * sheet[INK + i]
        sheet[BLOCK + 22 * ROWS + i] = root * sheet[RESIDUAL + i]
        sheet[BLOCK + 23 * ROWS + i] = 0.0


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def add_products(sheet, count, moments):
    """Add the sums of products of every two derivatives; two by two, to read each half as often.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        Rows from BLOCK on are read.
    count : int
        Number of pixels in it.
    moments : ndarray, shape (COLUMNS + 1, COLUMNS + 1)
        The upper triangle is added to.
    """
    for a in range(0, COLUMNS + 1, 2):
        first, second = BLOCK + a * ROWS, BLOCK + (a + 1) * ROWS
        for b in range(a, COLUMNS + 1, 2):
            third, fourth = BLOCK + b * ROWS, BLOCK + (b + 1) * ROWS
            ac, ad, bc, bd = 0.0, 0.0, 0.0, 0.0
            for i in range(count):
                ac += sheet[first + i] * sheet[third + i]
                ad += sheet[first + i] * sheet[fourth + i]
                bc += sheet[second + i] * sheet[third + i]
                bd += sheet[second + i] * sheet[fourth + i]
            moments[a, b] += ac
            if b < COLUMNS:
                moments[a, b + 1] += ad
            if a < COLUMNS:
                moments[a + 1, b] += bc
                if b < COLUMNS:
                    moments[a + 1, b + 1] += bd


@njit(nogil=True, cache=True)
def pixel_buffers():
    """Allocate buffers for the pixels of one view.

    Returns
    -------
    PixelBuffers
        Zeros, but the sheet and the moments, which are not set.
    """
    return PixelBuffers(
        np.empty(SHEET),
        np.empty((COLUMNS + 1, COLUMNS + 1)),
        np.zeros(HISTOGRAM, np.int64),
        np.zeros(TOTALS),
    )
