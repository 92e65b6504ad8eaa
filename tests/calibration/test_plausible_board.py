"""Boards in other units are refused or said."""

import pytest

from calibration.board import Board
from calibration.plausible_board import check_board
from nav.core.errors import InputError


def board(square: float, marker: float = 0.73) -> Board:
    return Board(12, 9, square, square * marker, "DICT_5X5_250")


def test_usual_boards_have_no_warnings():
    for square in (5.0, 15.0, 30.0, 100.0):
        assert check_board(board(square), "board.toml") == ()


@pytest.mark.parametrize(
    ("square", "unit"),
    [(0.015, "metres"), (15000.0, "micrometres"), (1.0, "inches or centimetres")],
)
def test_squares_in_another_unit_are_refused_by_its_name(square, unit):
    with pytest.raises(InputError, match=f"mm wide: are these {unit}\\? Write"):
        check_board(board(square), "board.toml")


def test_squares_in_centimetres_are_said():
    (warning,) = check_board(board(2.4), "board.toml")
    assert "centimetres" in warning


def test_a_marker_in_another_unit_is_said():
    (warning,) = check_board(board(15.0, 0.001), "board.toml")
    assert "marker: 0.015 mm in squares of 15 mm is unusual" in warning


def test_millimetres_for_squares_are_refused():
    with pytest.raises(InputError, match="squares: 180 x 135 are too many"):
        check_board(Board(180, 135, 15.0), "board.toml")
