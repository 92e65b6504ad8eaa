"""board.toml: what a board is, as OpenCV has it."""

from pathlib import Path

import numpy as np
import pytest

from calibration.board import Board, load_board, save_board
from nav.core.errors import InputError

PIXELS = 40  # a square


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("squares", [(12, 9), (8, 6), (5, 8), (7, 7)])
def test_colours_and_corners_are_opencvs(squares, legacy):
    board = Board(*squares, 15.0, 11.0, "DICT_5X5_250", legacy)
    picture = board.charuco.generateImage((squares[0] * PIXELS, squares[1] * PIXELS))
    for row in range(board.rows):
        for column in range(board.columns):
            white = picture[row * PIXELS + 2, column * PIXELS + 2] > 128
            assert white == board.white_at(column, row)
    assert np.allclose(board.charuco.getChessboardCorners(), board.points)


@pytest.mark.parametrize(
    "board",
    [
        Board(12, 9, 15.0, 11.0, "DICT_5X5_250"),
        Board(10, 7, 24.5),
        Board(6, 8, 9.0, 7.0, "DICT_4X4_50", True),
    ],
)
def test_a_board_is_read_as_it_was_written(board, tmp_path):
    path = tmp_path / "board.toml"
    save_board(path, board)
    assert load_board(path) == board


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('type = "chess"', "type"),
        ("squares = [12, 2]", "squares"),
        ("squares = [12, 9, 3]", "squares: expected 2 entries, got 3"),
        ("squares = [30, 30]", "need 450 markers, DICT_5X5_250 has 250"),
        ("marker = 15.0", "marker: expected less than square"),
        ('dictionary = "DICT_5X5"', 'unknown dictionary "DICT_5X5"'),
        ("square = -15.0", "square"),
        ("colour = 3", "colour"),
    ],
)
def test_what_is_wrong_with_a_board_is_said_in_one_line(change, says, tmp_path: Path):
    lines = {
        "format": 'format = "c1c2nav/board/1"',
        "type": 'type = "charuco"',
        "squares": "squares = [12, 9]",
        "square": "square = 15.0",
        "marker": "marker = 11.0",
        "dictionary": 'dictionary = "DICT_5X5_250"',
    }
    lines[change.split(" = ")[0]] = change
    path = tmp_path / "board.toml"
    path.write_text("\n".join(lines.values()))
    with pytest.raises(InputError, match=r"board\.toml") as error:
        load_board(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
