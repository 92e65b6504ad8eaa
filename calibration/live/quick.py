"""Fast detection of the board in live images; its corners are not refined."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.cameras.board_detection import LEAST_CORNERS
from nav.core.frames import Array
from nav.core.frameset import Picture

WIDEST = 1920  # px: larger pictures are shrunk for this
SMALL = 800  # px: up to here all of OpenCV's thresholds are cheap
WINDOW = 13  # px, of the one threshold taken in larger pictures: 2.4 times as fast as all three
CHESS_WIDEST = 960  # px: the search for a chessboard that is absent takes long


@dataclass(frozen=True)
class Glimpse:
    """Inner corners of a board, accurate to about a pixel.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        Ids of the corners.
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    """

    ids: NDArray[np.int64]
    pixels: Array


class Spotter:
    """Detector of one board in one camera's images.

    Measured on one core: 25 ms for an image of 1920 x 1200 with a board of 12 x 9 squares.

    Parameters
    ----------
    board : Board
        The board.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self._detectors: dict[bool, Any] = {}

    def find(self, picture: Picture) -> Glimpse | None:
        """Find the board's corners; return None where fewer than eight are seen."""
        picture = self.board.as_black_on_white(picture)
        widest = WIDEST if self.board.is_charuco else CHESS_WIDEST
        scale = max(1.0, picture.shape[1] / widest)
        small = picture
        if scale > 1.0:
            size = (round(picture.shape[1] / scale), round(picture.shape[0] / scale))
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = self._by_markers(small) if self.board.is_charuco else self._by_squares(small)
        if found is None or len(found.ids) < LEAST_CORNERS:
            return None
        # the centre of the first pixel is (0, 0)
        return Glimpse(found.ids, (found.pixels + 0.5) * scale - 0.5)

    def _by_markers(self, picture: Picture) -> Glimpse | None:
        corners, ids, _, _ = self._detector(picture.shape[1] <= SMALL).detectBoard(picture)
        if ids is None:
            return None
        return Glimpse(np.asarray(ids, np.int64).ravel(), np.asarray(corners, float).reshape(-1, 2))

    def _detector(self, small: bool) -> Any:
        if small not in self._detectors:
            parameters = cv2.aruco.DetectorParameters()
            if not small:
                parameters.adaptiveThreshWinSizeMin = WINDOW
                parameters.adaptiveThreshWinSizeMax = WINDOW
            self._detectors[small] = cv2.aruco.CharucoDetector(
                self.board.charuco, cv2.aruco.CharucoParameters(), parameters
            )
        return self._detectors[small]

    def _by_squares(self, picture: Picture) -> Glimpse | None:
        shape = (self.board.columns - 1, self.board.rows - 1)
        flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
        found, corners = cv2.findChessboardCorners(
            picture, shape, flags=flags | cv2.CALIB_CB_FAST_CHECK
        )
        if not found:
            return None
        pixels = np.asarray(corners, float).reshape(-1, 2)
        return Glimpse(np.arange(len(pixels), dtype=np.int64), pixels)
