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

import numpy as np

from nav.compiled import njit

ROWS = 64  # pixels at once: the sheet stays in the fastest cache
REACH = 3.5  # sd from which on an edge is not seen
FAR = 6.0  # sd beyond which a Gaussian is zero

# rows of the sheet, in: position, blur; between: the first edges within reach, an edge's terms by
# x and by y, colours' change, sums of a line of corners; out: pattern and its derivatives
X, Y, SX, SY, RHO = (ROWS * k for k in range(5))
FIRST_X, FIRST_Y = (ROWS * k for k in range(5, 7))
SHARE_X, SLOPE_X, WIDEN_X, THIRD_X = (ROWS * k for k in range(7, 11))
SHARE_Y, SLOPE_Y, WIDEN_Y, THIRD_Y = (ROWS * k for k in range(11, 15))
CHANGE, PLAIN, SLOPE, WIDEN, THIRD = (ROWS * k for k in range(15, 20))
LIGHT, BY_X, BY_Y, BY_SX, BY_SY, BY_XY = (ROWS * k for k in range(20, 26))
PATTERN_SHEET = ROWS * 26


@njit(nogil=True, cache=True)
def colour_changes(cells, n):
    """Colours and their changes (4, (n + 3)^2), flat; entry j * (n + 3) + i is of edge or cell i.

    Rows: the cell before edge i and j; its less that of the next by x; by y; the same of both.
    """
    width = n + 3
    changes = np.zeros((4, width * width))
    for j in range(width):
        for i in range(width):
            here = float(cells[min(j, n + 1), min(i, n + 1)])
            right = float(cells[min(j, n + 1), min(i + 1, n + 1)])
            below = float(cells[min(j + 1, n + 1), min(i, n + 1)])
            both = float(cells[min(j + 1, n + 1), min(i + 1, n + 1)])
            place = j * width + i
            changes[0, place], changes[1, place] = here, here - right
            changes[2, place], changes[3, place] = here - below, here - right - below + both
    return changes


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _terms_by_x(sheet, further, count):
    """An edge's terms: share before it, by position, by spread, third Hermite term."""
    for i in range(count):
        one = 1.0 / sheet[SX + i]
        z = min(max((sheet[FIRST_X + i] + further - sheet[X + i]) * one, -FAR), FAR)
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
        sheet[SHARE_X + i] = 0.5 + math.copysign(0.5 - density * beyond, z)
        sheet[SLOPE_X + i] = -density * one
        sheet[WIDEN_X + i] = -density * one * z
        sheet[THIRD_X + i] = density * (z * z - 1.0)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _terms_by_y(sheet, further, count):
    """The same by y."""
    for i in range(count):
        one = 1.0 / sheet[SY + i]
        z = min(max((sheet[FIRST_Y + i] + further - sheet[Y + i]) * one, -FAR), FAR)
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
        u = 1.0 / (1.0 + 0.2316419 * abs(z))
        beyond = u * (
            0.319381530
            + u * (-0.356563782 + u * (1.781477937 + u * (-1.821255978 + u * 1.330274429)))
        )
        sheet[SHARE_Y + i] = 0.5 + math.copysign(0.5 - density * beyond, z)
        sheet[SLOPE_Y + i] = -density * one
        sheet[WIDEN_Y + i] = -density * one * z
        sheet[THIRD_Y + i] = density * (z * z - 1.0)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def blurred_pattern(sheet, count, changes, n):
    """Pattern at the sheet's first `count` positions (cells), and by x, y, sx, sy and xy."""
    width = n + 3
    colour, by_column, by_row, by_both = changes[0], changes[1], changes[2], changes[3]
    edges_x, edges_y = 0.0, 0.0
    for i in range(count):
        reach_x, reach_y = REACH * sheet[SX + i], REACH * sheet[SY + i]
        first_x = min(max(math.floor(sheet[X + i] - reach_x), -1.0), float(n)) + 1.0
        first_y = min(max(math.floor(sheet[Y + i] - reach_y), -1.0), float(n)) + 1.0
        edges_x = max(edges_x, min(math.floor(sheet[X + i] + reach_x), float(n)) - first_x + 1.0)
        edges_y = max(edges_y, min(math.floor(sheet[Y + i] + reach_y), float(n)) - first_y + 1.0)
        sheet[FIRST_X + i], sheet[FIRST_Y + i] = first_x, first_y
    columns, rows = int(edges_x), int(edges_y)
    for i in range(count):
        i_last = min(int(sheet[FIRST_X + i]) + columns, n + 2)
        j_last = min(int(sheet[FIRST_Y + i]) + rows, n + 2)
        sheet[LIGHT + i] = colour[j_last * width + i_last]
    for i in range(count):
        sheet[BY_X + i], sheet[BY_Y + i], sheet[BY_XY + i] = 0.0, 0.0, 0.0
        sheet[BY_SX + i], sheet[BY_SY + i] = 0.0, 0.0
    for column in range(columns):
        _terms_by_x(sheet, float(column), count)
        for i in range(count):
            at = min(int(sheet[FIRST_X + i]) + column, n + 2)
            j_last = min(int(sheet[FIRST_Y + i]) + rows, n + 2)
            sheet[CHANGE + i] = by_column[j_last * width + at]
        for i in range(count):
            change = sheet[CHANGE + i]
            sheet[LIGHT + i] += change * sheet[SHARE_X + i]
            sheet[BY_X + i] += change * sheet[SLOPE_X + i]
            sheet[BY_SX + i] += change * sheet[WIDEN_X + i]
    for row in range(rows):
        for i in range(count):
            i_last = min(int(sheet[FIRST_X + i]) + columns, n + 2)
            at = min(int(sheet[FIRST_Y + i]) + row, n + 2)
            sheet[PLAIN + i] = by_row[at * width + i_last]
        for i in range(count):
            sheet[SLOPE + i], sheet[WIDEN + i], sheet[THIRD + i] = 0.0, 0.0, 0.0
        for column in range(columns):
            _terms_by_x(sheet, float(column), count)
            for i in range(count):
                at = min(int(sheet[FIRST_Y + i]) + row, n + 2) * width
                at += min(int(sheet[FIRST_X + i]) + column, n + 2)
                sheet[CHANGE + i] = by_both[at]
            for i in range(count):
                change = sheet[CHANGE + i]
                sheet[PLAIN + i] += change * sheet[SHARE_X + i]
                sheet[SLOPE + i] += change * sheet[SLOPE_X + i]
                sheet[WIDEN + i] += change * sheet[WIDEN_X + i]
                sheet[THIRD + i] += change * sheet[THIRD_X + i]
        _terms_by_y(sheet, float(row), count)
        _add_row(sheet, count)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_row(sheet, count):
    """Add what a row of corners does: the tetrachoric series.

    WIDEN is sx times the second derivative by x, THIRD -sx^3 times the third; so by y.
    """
    for i in range(count):
        sx, sy, rho = sheet[SX + i], sheet[SY + i], sheet[RHO + i]
        plain, slope, widen, third = (
            sheet[PLAIN + i], sheet[SLOPE + i], sheet[WIDEN + i], sheet[THIRD + i],
        )  # fmt: skip
        share_y, slope_y, widen_y, third_y = (
            sheet[SHARE_Y + i], sheet[SLOPE_Y + i], sheet[WIDEN_Y + i], sheet[THIRD_Y + i],
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
