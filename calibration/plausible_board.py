"""Whether the sizes of a calibration board are plausible: squares that can be printed and seen."""

from typing import TYPE_CHECKING

from nav.core.errors import InputError
from nav.core.plausibility import Limits

if TYPE_CHECKING:
    from calibration.board import Board

# mm, side of a square: below 4 no camera at 1 m resolves it; 150 makes a board of 1 m
SQUARE = Limits(1.5, 4.0, 150.0, 600.0)
MOST_SQUARES = 100  # per side: more are likely millimetres
SMALL_MARKER = 0.4  # of the square: smaller ones are seldom read


def check_board(board: "Board", where: str) -> tuple[str, ...]:
    """Check the plausibility of the sizes of a board.

    Parameters
    ----------
    board : Board
        The board.
    where : str
        The file's name, with which each sentence begins.

    Returns
    -------
    tuple of str
        Warnings for what is unusual, a sentence each.

    Raises
    ------
    InputError
        A size is impossible; the message names the unit that was likely meant.
    """
    if max(board.columns, board.rows) > MOST_SQUARES:
        raise InputError(
            f"{where}: squares: {board.columns} x {board.rows} are too many; expected how many "
            "there are in a row and in a column"
        )
    statement = f"{where}: square: squares are {board.square:.3g} mm wide"
    found = [SQUARE.judge(board.square, statement)]
    if board.marker is not None and board.marker < SMALL_MARKER * board.square:
        found.append(
            f"{where}: marker: {board.marker:g} mm in squares of {board.square:g} mm is unusual; "
            "expected both in millimetres"
        )
    return tuple(sentence for sentence in found if sentence)
