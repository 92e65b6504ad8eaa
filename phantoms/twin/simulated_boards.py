"""Calibration boards in the simulation: printed on a sheet that may be bowed."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board
from nav.core.frames import Array
from nav.tracking.marker_dictionaries import marker_pattern
from phantoms.twin.simulated_bodies import BLACK, WHITE, Body, Rectangle

STRIPS = 3  # flat strips per square of a bowed sheet
OVERLAP = 0.4  # mm


def board_body(board: Board, margin: float = 8.0, bow: float = 0.0) -> Body:
    """Build a board's sheet in the board's frame, z away from the viewer.

    Parameters
    ----------
    board : Board
        The board.
    margin : float, optional
        White paper around, mm.
    bow : float, optional
        How far the sheet's middle rises towards the viewer above its left and right ends, mm; it
        bends only one way, as paper does, and keeps its length.

    Returns
    -------
    Body
        Made of flat strips if it is bowed.
    """
    x_edges, y_edges, albedo = _print(board, margin)
    if bow == 0.0:
        return Body("board", (Rectangle(RigidTransform.identity(), x_edges, y_edges, albedo),))
    strips = np.arange(-1, board.columns * STRIPS + 1) * board.square / STRIPS
    strips = np.concatenate([[-margin], strips[strips > -margin], [board.size[0] + margin]])
    strips = np.unique(np.round(strips, 9))
    x, z = bowed(board, bow, strips)
    parts = []
    for left, right, x0, x1, z0, z1 in zip(strips, strips[1:], x, x[1:], z, z[1:], strict=False):
        # a little longer than it is, or pixels on a seam would show what is behind
        first, last = max(left - OVERLAP, strips[0]), min(right + OVERLAP, strips[-1])
        inside = (x_edges > first + 1e-9) & (x_edges < last - 1e-9)
        edges = np.concatenate([[first], x_edges[inside], [last]])
        middle = (edges[1:] + edges[:-1]) / 2
        cells = np.searchsorted(x_edges, middle) - 1
        turn = Rotation.from_rotvec([0.0, -np.arctan2(z1 - z0, x1 - x0), 0.0])
        place = RigidTransform.from_components([x0, 0.0, z0], turn)
        parts.append(Rectangle(place, edges - left, y_edges, albedo[:, cells]))
    return Body("board", tuple(parts))


def bowed(board: Board, bow: float, along: Array) -> tuple[Array, Array]:
    """Map positions on the print to a bowed sheet, a parabola.

    Parameters
    ----------
    board : Board
        The board.
    bow : float
        How far the sheet's middle rises, mm.
    along : ndarray, shape (n,)
        Positions along the print, mm.

    Returns
    -------
    x, z : ndarray, shape (n,)
        Board frame, mm.
    """
    width = board.size[0]
    fine = np.linspace(along.min(), along.max(), 20001)
    # by the arc's length, from the middle
    x = fine.copy()
    for _ in range(3):
        slope = -8.0 * bow / width**2 * (x - width / 2)
        step = np.diff(fine) / np.sqrt(1.0 + ((slope[1:] + slope[:-1]) / 2) ** 2)
        x = np.concatenate([[0.0], np.cumsum(step)])
        x += width / 2 - np.interp(width / 2, fine, x)
    at = np.interp(along, fine, x)
    return at, -bow * (1.0 - (2.0 * (at - width / 2) / width) ** 2)


def board_points(board: Board, bow: float = 0.0) -> Array:
    """Compute the true positions of the inner corners on the sheet.

    Parameters
    ----------
    board : Board
        The board.
    bow : float, optional
        How far the sheet's middle rises, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Board frame, mm.
    """
    points = board.points.copy()
    if bow != 0.0:
        points[:, 0], points[:, 2] = bowed(board, bow, board.points[:, 0])
    return points


def _print(board: Board, margin: float) -> tuple[Array, Array, Array]:
    """Return the borders of all cells by x and y, and their albedo."""
    squares = [np.arange(n + 1) * board.square for n in (board.columns, board.rows)]
    patterns: dict[tuple[int, int], NDArray[np.uint8]] = {}
    offsets = np.zeros(0)
    if board.dictionary is not None and board.marker is not None:
        patterns = {at: marker_pattern(board.dictionary, k) for at, k in board.marker_at.items()}
        cells = len(next(iter(patterns.values())))
        offsets = (board.square - board.marker) / 2 + np.arange(cells + 1) * board.marker / cells
    edges = []
    for lines in squares:
        inner = (lines[:-1, None] + offsets).ravel()
        ends = [lines[0] - margin, lines[-1] + margin]
        edges.append(np.unique(np.round(np.concatenate([ends, lines, inner]), 9)))
    x, y = ((e[1:] + e[:-1]) / 2 for e in edges)
    albedo = np.full((len(y), len(x)), WHITE)
    for j, v in enumerate(y):
        for i, u in enumerate(x):
            albedo[j, i] = WHITE if _is_white(board, patterns, u, v) else BLACK
    return edges[0], edges[1], albedo


def _is_white(
    board: Board, patterns: dict[tuple[int, int], NDArray[np.uint8]], u: float, v: float
) -> bool:
    c, r = int(np.floor(u / board.square)), int(np.floor(v / board.square))
    if not (0 <= c < board.columns and 0 <= r < board.rows):
        return True
    if not board.white_at(c, r):
        return False
    pattern = patterns.get((c, r))
    if pattern is None:
        return True
    assert board.marker is not None
    start = (board.square - board.marker) / 2
    i = int(np.floor((u - c * board.square - start) / board.marker * len(pattern)))
    j = int(np.floor((v - r * board.square - start) / board.marker * len(pattern)))
    inside = 0 <= i < len(pattern) and 0 <= j < len(pattern)
    return not inside or bool(pattern[j, i])
