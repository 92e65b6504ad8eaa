"""A board found in an image: its inner corners, by id, with their covariances."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.cameras.corner_refinement import Print, refine_corners
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.marker_dictionaries import marker_pattern

LEAST_CORNERS = 8  # of a board in an image, to determine a pose
NEAR = 1.6  # squares: radius of the corners that determine the plane around one
MOST_OFF = 0.15  # squares that a corner may be off where its neighbours predict it


@dataclass(frozen=True)
class Seen:
    """Inner corners of a board in one image.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        Ids of the corners, as in `Board.points`.
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    covariance : ndarray, shape (n, 2, 2)
        Of each, px^2.
    blur : ndarray, shape (3,)
        Common to all: uu, uv, vv, px^2.
    """

    ids: NDArray[np.int64]
    pixels: Array
    covariance: Array
    blur: Array


def find_board(picture: Picture, board: Board) -> Seen | None:
    """Find a board's corners in an image, refined on the grey levels around them.

    Without markers all corners must be in view, and a board that looks the same after half a turn
    (both numbers of squares even, or both odd) may be taken for its turned self.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels.
    board : Board
        The board.

    Returns
    -------
    Seen or None
        The corners; None where the board is not seen.
    """
    picture = board.as_black_on_white(picture)
    found = _by_markers(picture, board) if board.is_charuco else _by_squares(picture, board)
    if found is None:
        return None
    ids, pixels = found
    planes, fitting = _planes(board, ids, pixels)
    ids, planes = ids[fitting], planes[fitting]
    if len(ids) < LEAST_CORNERS:
        return None
    fitted = refine_corners(picture, planes, _printed(board, ids))
    good = fitted.good
    if good.sum() < LEAST_CORNERS or _on_a_line(board.points[ids[good], :2]):
        return None
    return Seen(ids[good], fitted.pixels[good], fitted.covariance[good], fitted.blur)


def _printed(board: Board, ids: NDArray[np.int64]) -> Print:
    """Return what is printed around some corners."""
    place = np.round(board.points[ids, :2] / board.square).astype(int) - 1
    white = np.array([board.white_at(column, row) for column, row in place])
    if board.dictionary is None or board.marker is None:
        none = np.zeros((0, 3, 3), np.uint8)
        return Print(white, none, np.zeros((0, 2), np.int64), 0.0)
    patterns = [marker_pattern(board.dictionary, k) for k in board.marker_at.values()]
    markers = np.array([np.pad(p, 1, constant_values=1) for p in patterns], np.uint8)
    which = np.array(
        [
            (board.marker_at[c + 1 - w, r], board.marker_at[c + w, r + 1])
            for (c, r), w in zip(place, white.astype(int), strict=True)
        ]
    )
    return Print(white, markers, which, board.marker / board.square)


def _by_markers(picture: Picture, board: Board) -> tuple[NDArray[np.int64], Array] | None:
    corners, ids, _, _ = cv2.aruco.CharucoDetector(board.charuco).detectBoard(picture)
    if ids is None or len(ids) < LEAST_CORNERS:
        return None
    return np.asarray(ids, np.int64).ravel(), np.asarray(corners, float).reshape(-1, 2)


def _by_squares(picture: Picture, board: Board) -> tuple[NDArray[np.int64], Array] | None:
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    shape = (board.columns - 1, board.rows - 1)
    found, corners = cv2.findChessboardCornersSB(picture, shape, flags=flags)
    if not found:
        return None
    pixels = np.asarray(corners, float).reshape(-1, 2)
    ids = np.arange(len(pixels))
    if _mirrored(pixels, shape[0]):
        return None
    # the first square is black: find at which end of the board it is
    return (ids, pixels) if _first_is_black(picture, pixels, shape[0]) else (ids[::-1], pixels)


def _mirrored(pixels: Array, columns: int) -> bool:
    right, down = pixels[columns - 1] - pixels[0], pixels[-columns] - pixels[0]
    return bool(right[0] * down[1] - right[1] * down[0] <= 0)


def _first_is_black(picture: Picture, pixels: Array, columns: int) -> bool:
    """Return whether the square between the first four inner corners is black, as at (1, 1)."""
    four = pixels[[0, 1, columns, columns + 1]]
    inside = four.mean(axis=0)
    beside = inside + (four[1] - four[0])
    values = [float(picture[round(v), round(u)]) for u, v in (inside, beside)]
    return values[0] < values[1]


def _planes(board: Board, ids: NDArray[np.int64], pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Fit homographies (n, 3, 3) from pixels to squares around each corner; flag valid ones."""
    squares = board.points[ids, :2] / board.square
    planes, fitting = np.zeros((len(ids), 3, 3)), np.zeros(len(ids), np.bool_)
    for k in range(len(ids)):
        away = np.linalg.norm(squares - squares[k], axis=1)
        near = away < NEAR
        if near.sum() < 5 or _on_a_line(squares[near]):
            near = away <= np.sort(away)[min(8, len(away) - 1)]
        plane, _ = cv2.findHomography(pixels[near], squares[near] - squares[k] + 1.0)
        if plane is None:
            continue
        at = plane @ [*pixels[k], 1.0]
        off = at[:2] / at[2] - 1.0
        shift = np.eye(3)
        shift[:2, 2] = -off  # begin where the corner was found
        planes[k] = shift @ plane
        fitting[k] = np.linalg.norm(off) < MOST_OFF
    return planes, fitting


def _on_a_line(points: Array) -> bool:
    return bool(np.linalg.matrix_rank(points - points.mean(axis=0), tol=0.1) < 2)
