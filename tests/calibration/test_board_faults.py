"""A board that is not found as its file has it: what is in the picture instead is named."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.board import Board, load_board, save_board
from calibration.cameras.board_detection import find_board
from calibration.cameras.board_faults import find_board_fault
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.marker_dictionaries import marker_dictionary

pytestmark = pytest.mark.slow  # minutes: `make test-slow`

CHARUCO = Board(9, 6, 15.0, 11.0, "DICT_APRILTAG_36h11")
CHESS = Board(8, 6, 15.0)
PIXELS = 64  # of a square of the sheet
SIZE = (800, 600)


def sheet(board: Board, turn: int = 0, border: int = 1) -> Picture:
    """A board as printed; each marker turned on its place by quarter turns."""
    result = np.full((board.rows * PIXELS, board.columns * PIXELS), 235, np.uint8)
    for row in range(board.rows):
        for column in range(board.columns):
            if not board.white_at(column, row):
                result[_cell(row), _cell(column)] = 20
    if board.dictionary is not None and board.marker is not None:
        words = marker_dictionary(board.dictionary)
        side = int(PIXELS * board.marker / board.square) // 10 * 10
        start = (PIXELS - side) // 2
        for (column, row), k in board.marker_at.items():
            drawn = cv2.aruco.generateImageMarker(words, k, side, borderBits=border)
            y, x = row * PIXELS + start, column * PIXELS + start
            result[y : y + side, x : x + side] = np.clip(np.rot90(drawn, turn), 20, 235)
    wide = np.full((result.shape[0] + PIXELS, result.shape[1] + PIXELS), 235, np.uint8)
    wide[PIXELS // 2 : -PIXELS // 2, PIXELS // 2 : -PIXELS // 2] = result
    return np.asarray(255 - wide, np.uint8) if board.inverted else wide


def _cell(index: int) -> slice:
    return slice(index * PIXELS, (index + 1) * PIXELS)


def seen(printed: Picture) -> Picture:
    height, width = printed.shape
    flat = np.array([[0.0, 0], [width, 0], [width, height], [0, height]])
    at: Array = np.array([[70.0, 60], [735, 90], [700, 540], [50, 500]])
    plane = cv2.getPerspectiveTransform(flat.astype(np.float32), at.astype(np.float32))
    picture = cv2.warpPerspective(printed, plane, SIZE, flags=cv2.INTER_AREA, borderValue=120)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def mirrored(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1])


def words(picture: Picture, board: Board) -> str:
    assert find_board(picture, board) is None
    fault = find_board_fault([picture], board)
    assert fault is not None
    if fault.usable is not None:
        assert find_board(picture, fault.usable) is not None
    return fault.words


@pytest.mark.parametrize("board", [CHARUCO, CHESS, Board(10, 7, 15.0)])
def test_an_inverted_board_is_used_where_its_file_says_so(board, tmp_path):
    other = replace(board, inverted=True)
    picture = seen(sheet(other))
    found, plain = find_board(picture, other), find_board(seen(sheet(board)), board)
    assert found is not None
    assert plain is not None
    assert len(found.ids) == len(board.points)
    by_id = plain.pixels[np.argsort(plain.ids)]
    off = found.pixels[np.argsort(found.ids)] - by_id
    assert min(np.abs(off).max(), np.abs(found.pixels - by_id[found.ids[::-1]]).max()) < 0.1
    save_board(tmp_path / "board.toml", other)
    assert load_board(tmp_path / "board.toml") == other


def test_an_inverted_board_is_named():
    assert "write inverted = true" in words(seen(sheet(replace(CHARUCO, inverted=True))), CHARUCO)
    assert "write inverted = true" in words(seen(sheet(replace(CHESS, inverted=True))), CHESS)
    plain = replace(CHARUCO, inverted=True)
    assert "write inverted = false" in words(seen(sheet(CHARUCO)), plain)


def test_a_mirrored_picture_is_named():
    assert "mirrored" in words(mirrored(seen(sheet(CHARUCO))), CHARUCO)
    both = mirrored(seen(sheet(replace(CHARUCO, inverted=True))))
    said = words(both, CHARUCO)
    assert "mirrored" in said
    assert "inverted = true" in said
    assert "mirrored" in words(both, replace(CHARUCO, inverted=True))


def test_other_layouts_and_sizes_are_named():
    assert "legacy = true" in words(seen(sheet(replace(CHARUCO, legacy=True))), CHARUCO)
    assert "squares = [9, 6]" in words(seen(sheet(CHARUCO)), replace(CHARUCO, columns=6, rows=9))
    for board in (CHARUCO, CHESS):
        inner = replace(board, columns=board.columns - 1, rows=board.rows - 1)
        said = words(seen(sheet(board)), inner)
        assert "inner corners" in said
        assert f"squares = [{board.columns}, {board.rows}]" in said


def test_other_markers_are_named():
    assert "half turned" in words(seen(sheet(CHARUCO, turn=2)), CHARUCO)
    assert "border of two cells" in words(seen(sheet(CHARUCO, border=2)), CHARUCO)
    other = replace(CHARUCO, dictionary="DICT_5X5_250")
    assert "markers of DICT_5X5_50" in words(seen(sheet(other)), CHARUCO)
    assert "ChArUco" in words(seen(sheet(CHARUCO)), CHESS)
    assert "without markers" in words(seen(sheet(Board(9, 6, 15.0))), CHARUCO)


def test_a_picture_without_a_board_says_nothing():
    assert find_board_fault([np.full((600, 800), 120, np.uint8)], CHARUCO) is None
    assert find_board_fault([], CHESS) is None
