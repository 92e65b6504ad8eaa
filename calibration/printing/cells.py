"""Markers as areas: the outline of all black cells of a marker, without inner edges."""

import numpy as np
from numpy.typing import ArrayLike

from nav.core.frames import Array
from nav.tracking.marker_dictionaries import marker_pattern

Point = tuple[int, int]
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # around a cell, clockwise as y runs down


def marker_areas(dictionary: str, marker_id: int, corners: ArrayLike) -> list[Array]:
    """Compute the outlines of a marker's black areas and of the white ones within.

    They are to be filled by the even-odd rule. Neighbouring cells share no drawn edge, so that no
    printer or viewer can leave a fine white line between them.

    Parameters
    ----------
    dictionary : str
        OpenCV's name of the marker dictionary.
    marker_id : int
        Id of the marker.
    corners : array_like, shape (4, 2)
        Corners of the black square, from the top left one clockwise, mm.

    Returns
    -------
    list of ndarray, shape (n, 2)
        Outlines, mm.
    """
    black = marker_pattern(dictionary, marker_id) == 0
    c0, c1, _, c3 = np.asarray(corners, float)
    cell_x, cell_y = (c1 - c0) / len(black), (c3 - c0) / len(black)
    return [c0 + np.array(loop) @ np.array([cell_x, cell_y]) for loop in outlines(black)]


def outlines(black: ArrayLike) -> list[list[Point]]:
    """Trace the closed outlines of the true cells of a grid.

    True cells are on the right of each outline's direction as seen with y down; only corners are
    listed.

    Parameters
    ----------
    black : array_like of bool, shape (rows, columns)
        The grid.

    Returns
    -------
    list of list of (int, int)
        Corner points (x, y) of each outline.
    """
    edges = _edges(np.asarray(black, bool))
    loops = []
    while edges:
        loops.append(_corners(_loop(edges, min(edges))))
    return loops


def _edges(black: np.ndarray) -> dict[Point, list[Point]]:
    """Return the directions of the border edges that begin at each grid point."""
    padded = np.pad(black, 1)
    edges: dict[Point, list[Point]] = {}
    for row, column in np.argwhere(black):
        x, y = int(column), int(row)
        corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]
        outside = [
            (row, column + 1),
            (row + 1, column + 2),
            (row + 2, column + 1),
            (row + 1, column),
        ]
        for corner, step, beyond in zip(corners, STEPS, outside, strict=True):
            if not padded[beyond]:
                edges.setdefault(corner, []).append(step)
    return edges


def _loop(edges: dict[Point, list[Point]], start: Point) -> list[Point]:
    """Trace one closed path along the edges, which are removed.

    As many edges end as begin at each point, so that any path returns to its start.
    """
    at = start
    way: list[Point] = []
    while not way or at != start:
        way.append(at)
        step = edges[at].pop()
        if not edges[at]:
            del edges[at]
        at = (at[0] + step[0], at[1] + step[1])
    return way


def _corners(way: list[Point]) -> list[Point]:
    """Return the path without the points in the middle of straight stretches."""
    kept = []
    for before, at, after in zip([way[-1], *way], way, [*way[1:], way[0]], strict=False):
        if (at[0] - before[0], at[1] - before[1]) != (after[0] - at[0], after[1] - at[1]):
            kept.append(at)
    return kept
