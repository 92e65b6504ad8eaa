"""The blurred pattern of a marker and its derivatives, for many pixels at once; compiled.

A marker's plane is measured in cells: the pattern (border included) spans 0 to n in x and y. Under
a Gaussian of (sx, sy) cells and correlation rho the share of a cell is the product of two one-
dimensional ones, exact along straight edges, and at cell corners the tetrachoric series in rho
(Pearson 1900), to the third term. The cells are summed by parts: what counts are the changes of
colour at the edges within reach, and at the corners between four cells.

The processor works on several pixels at once only where the compiler can tell that no array lies
over another. So all quantities have their rows in one array, the sheet, at places known beforehand.
"""

import math
from collections.abc import Callable

import numpy as np

from nav.core.compiled import njit

ROWS = 64  # pixels at once: the sheet stays in the fastest cache
REACH = 3.5  # sd from which on an edge is not seen
FAR = 6.0  # sd beyond which a Gaussian is zero

# rows of the sheet, in: position, blur
X, Y, SX, SY, RHO = (ROWS * k for k in range(5))
# between: the first edges within reach and their place among the colours; an edge's terms (share
# before it, by position, by spread, third Hermite term) for two edges by x and one by y; colours'
# changes at the two; sums along a row of corners
FIRST_X, FIRST_Y, PLACE = (ROWS * k for k in range(5, 8))
TERMS_X, NEXT_X, TERMS_Y = ROWS * 8, ROWS * 12, ROWS * 16
CHANGE, NEXT_CHANGE = (ROWS * k for k in range(20, 22))
PLAIN, SLOPE, WIDEN, THIRD = (ROWS * k for k in range(22, 26))
# out: the pattern and its derivatives
LIGHT, BY_X, BY_Y, BY_SX, BY_SY, BY_XY = (ROWS * k for k in range(26, 32))
PATTERN_SHEET = ROWS * 32


@njit(nogil=True, cache=True)
def colour_changes(cells, n):
    """Tabulate a marker's colours and their changes from cell to cell.

    Beyond the outermost cells the colours continue, as far as edges may be asked for.

    Parameters
    ----------
    cells : ndarray, shape (n + 2, n + 2)
        The pattern with its white zone: 1 white, 0 black.
    n : int
        Cells along a side of the marker, border included.

    Returns
    -------
    ndarray, shape (4, (2 n + 4)^2), float32
        Entry j * (2 n + 4) + i is of row j: the cell before edges i and j; its colour less that of
        the next by x; by y; the same of both.
    """
    width, last = 2 * n + 4, n + 1
    changes = np.zeros((4, width * width), np.float32)
    for j in range(width):
        for i in range(width):
            row, column = min(j, last), min(i, last)
            below, right = min(j + 1, last), min(i + 1, last)
            here, place = float(cells[row, column]), j * width + i
            changes[0, place], changes[1, place] = here, here - cells[row, right]
            changes[2, place] = here - cells[below, column]
            changes[3, place] = here - cells[row, right] - cells[below, column]
            changes[3, place] += cells[below, right]
    return changes


def _edge_terms(position: int, spread: int, first: int, terms: int) -> Callable[..., None]:
    """Compile the terms of the edge `further` after the first; all are places in the sheet."""
    slope, widen, third = terms + ROWS, terms + 2 * ROWS, terms + 3 * ROWS

    @njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
    def fill(sheet, further, count):
        for i in range(count):
            one = 1.0 / sheet[spread + i]
            z = min(max((sheet[first + i] + further - sheet[position + i]) * one, -FAR), FAR)
            # exp(-z^2 / 2) by the series of its 64th root
            t = z * z * (-1.0 / 128.0)
            root = 1.0 + t * (
                1.0 + t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t * (1 / 120 + t * (1 / 720)))))
            )
            root *= root
            root *= root
            root *= root
            root *= root
            root *= root
            density = root * root * 0.3989422804014327
            # Abramowitz and Stegun 26.2.17, right to 7.5e-8
            u = 1.0 / (1.0 + 0.2316419 * abs(z))
            beyond = u * (
                0.319381530
                + u * (-0.356563782 + u * (1.781477937 + u * (-1.821255978 + u * 1.330274429)))
            )
            sheet[terms + i] = 0.5 + math.copysign(0.5 - density * beyond, z)
            sheet[slope + i] = -density * one
            sheet[widen + i] = -density * one * z
            sheet[third + i] = density * (z * z - 1.0)

    return fill


_terms_by_x = _edge_terms(X, SX, FIRST_X, TERMS_X)
_next_terms_by_x = _edge_terms(X, SX, FIRST_X, NEXT_X)
_terms_by_y = _edge_terms(Y, SY, FIRST_Y, TERMS_Y)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _first_edges(sheet, count, n):
    """Find the first edges within reach; return how many there are at most by x (even), by y."""
    width = 2 * n + 4
    columns, rows = 0.0, 0.0
    for i in range(count):
        reach_x, reach_y = REACH * sheet[SX + i], REACH * sheet[SY + i]
        first_x = min(max(math.floor(sheet[X + i] - reach_x), -1.0), float(n)) + 1.0
        first_y = min(max(math.floor(sheet[Y + i] - reach_y), -1.0), float(n)) + 1.0
        columns = max(columns, min(math.floor(sheet[X + i] + reach_x), float(n)) - first_x + 1.0)
        rows = max(rows, min(math.floor(sheet[Y + i] + reach_y), float(n)) - first_y + 1.0)
        sheet[FIRST_X + i], sheet[FIRST_Y + i] = first_x, first_y
        # what is no number must not lead beyond the colours
        sheet[PLACE + i] = min(max(int(first_y * width + first_x), 0), (n + 1) * (width + 1))
    most = n + 2 - n % 2
    return min(max((int(columns) + 1) // 2 * 2, 0), most), min(max(int(rows), 0), n + 1)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def blurred_pattern(sheet, count, changes, n):
    """Compute the blurred pattern and its derivatives at the sheet's positions.

    It begins from the cell after the last edges within reach, and goes back edge by edge: first
    along the last row, then row by row.

    Parameters
    ----------
    sheet : ndarray, shape (PATTERN_SHEET,) or longer
        Rows X to RHO are read (cells); rows LIGHT to BY_XY are written: the pattern, and its
        derivatives by x, y, sx, sy and xy.
    count : int
        Number of positions, up to ROWS.
    changes : ndarray, shape (4, (2 n + 4)^2)
        Of the marker, see `colour_changes`.
    n : int
        Cells along a side of the marker, border included.
    """
    width = 2 * n + 4
    columns, rows = _first_edges(sheet, count, n)
    below = rows * width
    _gather(sheet, LIGHT, count, changes[0], below + columns)
    for i in range(count):
        sheet[BY_X + i], sheet[BY_Y + i], sheet[BY_XY + i] = 0.0, 0.0, 0.0
        sheet[BY_SX + i], sheet[BY_SY + i] = 0.0, 0.0
    for column in range(0, columns, 2):
        _two_columns(sheet, column, count)
        _gather(sheet, CHANGE, count, changes[1], below + column)
        _gather(sheet, NEXT_CHANGE, count, changes[1], below + column + 1)
        for i in range(count):
            one, two = sheet[CHANGE + i], sheet[NEXT_CHANGE + i]
            sheet[LIGHT + i] += one * sheet[TERMS_X + i] + two * sheet[NEXT_X + i]
            sheet[BY_X + i] += one * sheet[TERMS_X + ROWS + i] + two * sheet[NEXT_X + ROWS + i]
            sheet[BY_SX + i] += (
                one * sheet[TERMS_X + 2 * ROWS + i] + two * sheet[NEXT_X + 2 * ROWS + i]
            )
    for row in range(rows):
        _gather(sheet, PLAIN, count, changes[2], row * width + columns)
        for i in range(count):
            sheet[SLOPE + i], sheet[WIDEN + i], sheet[THIRD + i] = 0.0, 0.0, 0.0
        for column in range(0, columns, 2):
            if columns > 2:
                _two_columns(sheet, column, count)
            _gather(sheet, CHANGE, count, changes[3], row * width + column)
            _gather(sheet, NEXT_CHANGE, count, changes[3], row * width + column + 1)
            for i in range(count):
                one, two = sheet[CHANGE + i], sheet[NEXT_CHANGE + i]
                sheet[PLAIN + i] += one * sheet[TERMS_X + i] + two * sheet[NEXT_X + i]
                sheet[SLOPE + i] += one * sheet[TERMS_X + ROWS + i] + two * sheet[NEXT_X + ROWS + i]
                sheet[WIDEN + i] += (
                    one * sheet[TERMS_X + 2 * ROWS + i] + two * sheet[NEXT_X + 2 * ROWS + i]
                )
                sheet[THIRD + i] += (
                    one * sheet[TERMS_X + 3 * ROWS + i] + two * sheet[NEXT_X + 3 * ROWS + i]
                )
        _terms_by_y(sheet, float(row), count)
        _add_row(sheet, count)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _two_columns(sheet, column, count):
    _terms_by_x(sheet, float(column), count)
    _next_terms_by_x(sheet, float(column + 1), count)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _gather(sheet, target, count, changes, further):
    for i in range(count):
        sheet[target + i] = changes[int(sheet[PLACE + i]) + further]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_row(sheet, count):
    """Add the contribution of a row of corners: the tetrachoric series.

    WIDEN is sx times the second derivative by x, THIRD -sx^3 times the third; so by y.
    """
    for i in range(count):
        sx, sy, rho = sheet[SX + i], sheet[SY + i], sheet[RHO + i]
        plain, slope, widen, third = (
            sheet[PLAIN + i], sheet[SLOPE + i], sheet[WIDEN + i], sheet[THIRD + i],
        )  # fmt: skip
        share_y, slope_y, widen_y, third_y = (
            sheet[TERMS_Y + i], sheet[TERMS_Y + ROWS + i],
            sheet[TERMS_Y + 2 * ROWS + i], sheet[TERMS_Y + 3 * ROWS + i],
        )  # fmt: skip
        first, half = rho * sx * sy, 0.5 * rho * rho
        y_by_x, x_by_y = sy / sx, sx / sy
        sheet[LIGHT + i] += (
            plain * share_y
            + first * slope * slope_y
            + half * sx * sy * widen * widen_y
            + rho * rho * rho * (1.0 / 6.0) * third * third_y
        )
        sheet[BY_X + i] += (
            slope * share_y + rho * sy * widen * slope_y - half * y_by_x * third * widen_y
        )
        sheet[BY_Y + i] += (
            plain * slope_y + rho * sx * slope * widen_y - half * x_by_y * widen * third_y
        )
        sheet[BY_SX + i] += widen * share_y - rho * y_by_x * third * slope_y
        sheet[BY_SY + i] += plain * widen_y - rho * x_by_y * slope * third_y
        sheet[BY_XY + i] += slope * slope_y + rho * widen * widen_y
