"""Diagnosis of images in which a board is not found: printed or described differently."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from calibration.board import LEAST_SQUARES, Board
from calibration.cameras.board_detection import find_board
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.detect.print_faults import (
    LIKELY,
    LIKELY_CHANCY,
    is_chancy,
    read_any_dictionary,
    read_inverted,
    read_markers,
    read_mirrored,
    read_wide_border,
)
from nav.tracking.marker_dictionaries import marker_dictionary

SAMPLE = 6  # images that are examined
FLAT = 0.2  # of a marker's side: rms distance of a flat board's markers from a homography


@dataclass(frozen=True)
class BoardFault:
    """How a board in an image differs from its file.

    Attributes
    ----------
    words : str
        What was found, and what to do, a clause.
    usable : Board or None
        The board as it really is, where only the file is to be changed.
    """

    words: str
    usable: Board | None = None


def find_board_fault(pictures: Sequence[Picture], board: Board) -> BoardFault | None:
    """Diagnose why a board is not found in any of some images.

    Examines at most `SAMPLE` of them, as each takes about a second.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (height, width)
        Grey levels.
    board : Board
        The board as its file describes it.

    Returns
    -------
    BoardFault or None
        The first fault found; None where no cause is found.
    """
    step = max(1, len(pictures) // SAMPLE)
    for picture in pictures[::step][:SAMPLE]:
        fault = _fault_in(picture, board)
        if fault is not None:
            return fault
    return None


def _fault_in(picture: Picture, board: Board) -> BoardFault | None:
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    if board.is_charuco and find_board(mirrored, board) is not None:
        return BoardFault(f"it is mirrored in them; {UNMIRROR}")
    for words, other in _other_files(board):
        if find_board(picture, other) is not None:
            return BoardFault(words, other)
    if not board.is_charuco:
        return _markers_instead(picture)
    turned = replace(board, inverted=not board.inverted)
    if find_board(mirrored, turned) is not None:
        how = "white on black" if turned.inverted else "black on white"
        return BoardFault(
            f"it is printed {how} and mirrored in them; {UNMIRROR}, and {_inverted(turned)}"
        )
    return _other_markers(picture, board)


UNMIRROR = "turn off mirroring (flip) in the camera's settings and take the images again"


def _inverted(board: Board) -> str:
    return f"write inverted = {str(board.inverted).lower()} into board.toml"


def _other_files(board: Board) -> Iterator[tuple[str, Board]]:
    """Yield the descriptions that the board may have instead, and what to say about each."""
    other = replace(board, inverted=not board.inverted)
    how = "white on black" if other.inverted else "black on white"
    yield f"it is printed {how}: {_inverted(other)}", other
    if board.is_charuco and board.rows % 2 == 0:
        old = replace(board, legacy=not board.legacy)
        yield f"it has the other layout: write legacy = {str(old.legacy).lower()}", old
    columns, rows = board.columns, board.rows
    sizes = [(columns + 1, rows + 1), (columns - 1, rows - 1)]
    if board.is_charuco:
        sizes = [(rows, columns), *sizes, (rows + 1, columns + 1)]
    for size in sizes:
        if min(size) < LEAST_SQUARES or not _enough_markers(board, size):
            continue
        what = "it has"
        if size in ((columns + 1, rows + 1), (rows + 1, columns + 1)):
            what = "board.toml seems to give inner corners for squares: it has"
        advice = f"{what} {size[0]} x {size[1]} squares: write squares = [{size[0]}, {size[1]}]"
        yield advice, replace(board, columns=size[0], rows=size[1])


def _enough_markers(board: Board, size: tuple[int, int]) -> bool:
    if board.dictionary is None:
        return True
    words = marker_dictionary(board.dictionary)
    return size[0] * size[1] // 2 <= len(words.bytesList)


def _markers_instead(picture: Picture) -> BoardFault | None:
    """Detect a board with markers where one without is expected."""
    found = read_any_dictionary(picture, but="")
    if found is None:
        return None
    name, markers = found
    return BoardFault(
        f'there are {len(markers)} markers of {name} in an image: is it a ChArUco board (type = "'
        'charuco")?'
    )


def _other_markers(picture: Picture, board: Board) -> BoardFault | None:
    """Detect markers that are in view but not as the board's file describes them."""
    assert board.dictionary is not None
    least = LIKELY_CHANCY if is_chancy(board.dictionary) else LIKELY
    read = read_markers(board.as_black_on_white(picture), board.dictionary)
    # a wide border's inner cell may be taken for all of it, and the marker read in there
    if len(read_wide_border(picture, board.dictionary)) >= max(least, len(read) // 2):
        return BoardFault("its markers have a border of two cells: print it with a border of one")
    if len(read) >= least:
        if _half_turned(read, board):
            return BoardFault(
                "each of its markers is half turned in its place; OpenCV 4 and OpenCV 5 draw "
                "AprilTags half turned relative to each other: print the board again with "
                "`nav print`"
            )
        return BoardFault(
            f"{len(read)} markers of {board.dictionary} are read in an image, but are not "
            "arranged as in board.toml: is it this board's file?"
        )
    looks: tuple[tuple[str, Callable[[Picture, str], dict[int, Array]]], ...] = (
        (f"white on black: {_inverted(replace(board, inverted=True))}", read_inverted),
        (f"mirrored: {UNMIRROR}", read_mirrored),
    )
    for advice, look in looks:
        found = look(picture, board.dictionary)
        if len(found) >= least:
            return BoardFault(f"{len(found)} of its markers are read in an image {advice}")
    other = read_any_dictionary(picture, but=board.dictionary)
    if other is not None:
        return BoardFault(
            f"{len(other[1])} markers of {other[0]} are in an image, board.toml has "
            f"{board.dictionary}"
        )
    return _plain_chessboard(picture, board)


def _half_turned(read: dict[int, Array], board: Board) -> bool:
    """Return whether markers are in their places, but half turned there."""
    squares = {marker: place for place, marker in board.marker_at.items()}
    known = [k for k in read if k in squares]
    if len(known) < max(LIKELY, 4):
        return False
    square = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]]) - 0.5
    assert board.marker is not None
    side = board.marker / board.square
    places = np.array([np.array(squares[k]) + 0.5 + side * square for k in known])
    pixels = np.array([read[k] for k in known])
    straight, turned = (_off_plane(places, np.roll(pixels, turn, axis=1)) / side for turn in (0, 2))
    return turned < FLAT and 2 * turned < straight


def _off_plane(places: Array, pixels: Array) -> float:
    """Return the rms distance of pixels (n, 4, 2) from places on a plane, in the plane's unit."""
    plane, _ = cv2.findHomography(pixels.reshape(-1, 2), places.reshape(-1, 2))
    if plane is None:
        return float("inf")
    back = cv2.perspectiveTransform(pixels.reshape(-1, 1, 2), plane).reshape(-1, 2)
    return float(np.sqrt(((back - places.reshape(-1, 2)) ** 2).sum(axis=1).mean()))


def _plain_chessboard(picture: Picture, board: Board) -> BoardFault | None:
    for more in (0, 1):
        shape = (board.columns - 1 + more, board.rows - 1 + more)
        found, _ = cv2.findChessboardCornersSB(picture, shape)
        if found:
            return BoardFault(
                "a chessboard without markers is in them, board.toml has a ChArUco board: is it "
                "this board's file?"
            )
    return None
