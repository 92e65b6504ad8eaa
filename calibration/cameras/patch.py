"""Normal equations of the pixels around one corner of a board against its rendering; compiled.

The corner's four squares are a pattern of two by two cells, the markers in the white ones patterns
of their own; both are blurred by the tracker's kernel, and their grey levels add up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.tracking.fit.kernel_arguments import PixelSelection, PixelTotals
from nav.tracking.fit.pattern import (
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
)
from nav.tracking.fit.pixel_moments import (
    COLUMNS,
    MIDDLE_X,
    MIDDLE_Y,
    SEEN,
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
from nav.tracking.fit.response import LINEAR

N = 2  # squares per side of the pattern, the corner in its centre


class CornerPattern(NamedTuple):
    """What is printed around one corner.

    Parameters
    ----------
    checks : ndarray of float32
        Colour changes of the pattern of squares.
    white : bool
        Whether the square up and left of the corner is white.
    markers : ndarray of float32
        Colour changes of the markers' patterns.
    which : ndarray of int, shape (2,)
        Markers of the two white squares; -1 for none.
    cells : int
        Cells per side of a marker.
    side : float
        Of a marker, squares.
    """

    checks: NDArray[np.float32]
    white: bool
    markers: NDArray[np.float32]
    which: NDArray[np.int64]
    cells: int
    side: float


class CornerPatch(NamedTuple):
    """Which pixels belong to one corner.

    Parameters
    ----------
    plane : ndarray, shape (3, 3)
        Homography from pixels to squares, the corner at (1, 1).
    at : ndarray, shape (2,)
        Pixel of the corner.
    reach : float
        Half side of the patch, squares.
    scale : float
        Px per square at the corner.
    """

    plane: Array
    at: Array
    reach: float
    scale: float


@njit(nogil=True, cache=True)
def patch_sums(image, patch, pattern, blur, brightness, cut, buffers):
    """Accumulate the moments of the pixels within `reach` of a corner, as `accumulate` does.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
        Grey levels.
    patch : CornerPatch
        Which pixels belong to the corner.
    pattern : CornerPattern
        What is printed there.
    blur : ndarray, shape (3,)
        uu, uv, vv, px^2.
    brightness : ndarray, shape (BRIGHTNESS,)
        Current brightness parameters.
    cut : float
        Threshold of the residuals' weights.
    buffers : PixelBuffers
        Filled.

    Returns
    -------
    PixelTotals
    """
    sheet, moments, totals = buffers.sheet, buffers.moments, buffers.totals
    plane, at, reach, scale = patch.plane, patch.at, patch.reach, patch.scale
    moments[:] = 0.0
    buffers.histogram[:] = 0
    totals[:] = 0.0
    by_pixel = derivative(plane, at)
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
                _take_in(buffers, count, pattern, brightness, cut)
                count = 0
    _take_in(buffers, count, pattern, brightness, cut)
    for a in range(COLUMNS + 1):
        for b in range(a):
            moments[a, b] = moments[b, a]
    return PixelTotals(int(totals[0]), int(totals[1]), totals[2], totals[3], totals[4])


@njit(nogil=True, cache=True)
def _take_in(buffers, count, pattern, brightness, cut):
    """Add the sheet's pixels to the sums: squares, minus what the markers' black cells absorb."""
    sheet, which, cells, side = buffers.sheet, pattern.which, pattern.cells, pattern.side
    lean(sheet, count, 1.0, False, 1.0, brightness)
    blurred_pattern(sheet, count, pattern.checks, N)
    if which[0] >= 0:
        for i in range(count):
            sheet[MIDDLE_X + i], sheet[MIDDLE_Y + i] = sheet[X + i], sheet[Y + i]
            for a in range(6):
                sheet[SUMS + a * ROWS + i] = sheet[LIGHT + a * ROWS + i]
        cell = side / cells
        for m in range(2):
            # white squares: up and left, down and right; or up and right, down and left
            left = (1.0 - side) / 2 + (m if pattern.white else 1 - m)
            top = (1.0 - side) / 2 + m
            for i in range(count):
                sheet[X + i] = (sheet[MIDDLE_X + i] - left) / cell
                sheet[Y + i] = (sheet[MIDDLE_Y + i] - top) / cell
                sheet[SX + i] /= cell
                sheet[SY + i] /= cell
            blurred_pattern(sheet, count, pattern.markers[which[m]], cells)
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
    beside, odd = np.zeros(0, np.bool_), np.zeros((N + 2) ** 2, np.int64)
    compare(buffers, count, N, brightness, -1.0, PixelSelection(cut, beside, odd))
    derive(sheet, count, 1.0, brightness)
    add_products(sheet, count, buffers.moments)


@njit(nogil=True, cache=True)
def _spread(by_pixel, blur):
    """Return the blur in squares: xx, yy, xy."""
    uu, uv, vv = blur[0], blur[1], blur[2]
    x_u, x_v, y_u, y_v = by_pixel[0, 0], by_pixel[0, 1], by_pixel[1, 0], by_pixel[1, 1]
    xx = x_u * x_u * uu + 2 * x_u * x_v * uv + x_v * x_v * vv
    yy = y_u * y_u * uu + 2 * y_u * y_v * uv + y_v * y_v * vv
    xy = x_u * y_u * uu + (x_u * y_v + x_v * y_u) * uv + x_v * y_v * vv
    return xx, yy, xy


@njit(nogil=True, cache=True)
def derivative(plane, at):
    """Compute the derivative of squares by pixels.

    Parameters
    ----------
    plane : ndarray, shape (3, 3)
        Homography from pixels to squares.
    at : ndarray, shape (2,)
        Pixel.

    Returns
    -------
    ndarray, shape (2, 2)
        Jacobian, squares per px.
    """
    w = plane[2, 0] * at[0] + plane[2, 1] * at[1] + plane[2, 2]
    x = (plane[0, 0] * at[0] + plane[0, 1] * at[1] + plane[0, 2]) / w
    y = (plane[1, 0] * at[0] + plane[1, 1] * at[1] + plane[1, 2]) / w
    result = np.empty((2, 2))
    for c in range(2):
        result[0, c] = (plane[0, c] - x * plane[2, c]) / w
        result[1, c] = (plane[1, c] - y * plane[2, c]) / w
    return result
