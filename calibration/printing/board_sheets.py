"""Calibration targets for each sheet of paper, and a page of each."""

from calibration.board import Board
from calibration.printing.cells import marker_areas
from calibration.printing.footer import draw_footer
from calibration.printing.page import Page
from calibration.printing.paper import Box, Paper
from nav.core.frames import Array

DICTIONARY = "DICT_5X5_250"  # seven cells per side, the border's two among them

# Markers have cells of a round number of tenths of a millimetre; the chessboard is smaller, for
# its finder wants a white zone as wide as a square.
SMALL_SHEET = {
    "charuco": Board(12, 9, 17.0, 12.6, DICTIONARY),
    "charuco-close": Board(20, 15, 10.0, 7.0, DICTIONARY),
    "chessboard": Board(12, 9, 15.0),
}
LARGE_SHEET = {
    "charuco": Board(14, 10, 24.0, 17.5, DICTIONARY),
    "charuco-close": Board(24, 17, 14.0, 10.5, DICTIONARY),
    "chessboard": Board(12, 9, 23.0),
}
BOARDS = {"a4": SMALL_SHEET, "letter": SMALL_SHEET, "a3": LARGE_SHEET}
TITLES = {
    "charuco": "ChArUco board",
    "charuco-close": "ChArUco board for close work",
    "chessboard": "Chessboard",
}
IF_NOT_100 = (
    "If it is not 100.0 mm, hand what you measured to the calibration:",
    "--ruler MEASURED_MM",
)


def boards_for(paper: Paper) -> dict[str, Board]:
    """Return the targets for a sheet of paper.

    Parameters
    ----------
    paper : Paper
        The paper.

    Returns
    -------
    dict of str to Board
        By the stem of their files.
    """
    return BOARDS[paper.name]


def board_page(paper: Paper, name: str, board: Board) -> bytes:
    """Draw a PDF of one page: the board in the middle, ruler and text below.

    Parameters
    ----------
    paper : Paper
        The paper.
    name : str
        Stem of the board's files, a key of `TITLES`.
    board : Board
        The board.

    Returns
    -------
    bytes
        The PDF file.
    """
    file = f"{name}.pdf"
    page = Page(paper, f"{TITLES[name]} ({file})")
    box = paper.area.centred(*board.size)
    page.fill(_black_squares(board, box))
    if board.is_charuco:
        _draw_markers(page, board, box)
    facts = (*board_facts(board), f"Goes with {name}.toml, which holds these sizes.")
    draw_footer(page, paper.footer, file, TITLES[name], facts, IF_NOT_100)
    return page.finished()


def board_facts(board: Board) -> tuple[str, ...]:
    """Describe a board.

    Parameters
    ----------
    board : Board
        The board.

    Returns
    -------
    tuple of str
        Two lines.
    """
    squares = f"{board.columns} x {board.rows} squares of {board.square:g} mm"
    if board.dictionary is None:
        inner = f"{board.columns - 1} x {board.rows - 1} inner corners, no markers"
        return squares, inner
    markers = f"markers of {board.marker:g} mm, {board.dictionary}, ids 0 to {last_id(board)}"
    return squares, markers


def last_id(board: Board) -> int:
    """Return the highest marker id of a ChArUco board; ids begin at 0.

    Parameters
    ----------
    board : Board
        A ChArUco board.

    Returns
    -------
    int
        The id.
    """
    return int(board.charuco.getIds().max())


def _black_squares(board: Board, box: Box) -> list[list[tuple[float, float]]]:
    squares = []
    for row in range(board.rows):
        for column in range(board.columns):
            if not board.white_at(column, row):
                x0, y0 = box.left + column * board.square, box.top + row * board.square
                x1, y1 = x0 + board.square, y0 + board.square
                squares.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return squares


def _draw_markers(page: Page, board: Board, box: Box) -> None:
    assert board.dictionary is not None
    offset = (box.left, box.top)
    for marker_id, corners in zip(
        board.charuco.getIds().ravel(), board.charuco.getObjPoints(), strict=True
    ):
        flat: Array = corners[:, :2] + offset
        page.fill(marker_areas(board.dictionary, int(marker_id), flat))
