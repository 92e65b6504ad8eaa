"""Taken images searched thoroughly, judged, and kept."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from calibration.board import Board
from calibration.cameras.board_detection import Seen, find_board
from calibration.cameras.calibrate import smear_of
from calibration.cameras.rig_verdict import SMEARED
from calibration.live.quick import Glimpse
from nav.core.files import written_whole
from nav.core.frameset import Picture

MOSTLY = 0.6  # of the corners: a camera that saw so many must find them by the thorough search
Found = dict[int, Seen]


def search(
    images: Mapping[int, Picture],
    glimpses: Mapping[int, Glimpse],
    board: Board,
    names: Sequence[str],
) -> Found | str:
    """Search the taken images for the board.

    Parameters
    ----------
    images : mapping of int to ndarray of uint8, shape (height, width)
        By camera.
    glimpses : mapping of int to Glimpse
        What the fast search found. A camera that saw little of the board then and nothing now is
        left out.
    board : Board
        The board.
    names : sequence of str
        The cameras' names.

    Returns
    -------
    dict of int to Seen, or str
        The board's corners by camera, or why the images are not good enough, a sentence.
    """
    seen: Found = {}
    for camera, image in images.items():
        found = find_board(image, board)
        which = "" if len(names) == 1 else f"{names[camera].upper()} "
        if found is None:
            if len(glimpses[camera].ids) >= MOSTLY * len(board.points):
                return f"The {which}image is not sharp"
        elif smear_of(found.blur) > SMEARED:
            return f"It moved in the {which}image"
        else:
            seen[camera] = found
    return seen or "The image is not sharp"


def write_pictures(
    folder: Path, names: Sequence[str], images: Mapping[int, Picture], number: int
) -> None:
    """Write PNG files of one instant, FOLDER/CAMERA/NUMBER.png, each whole or not at all.

    Parameters
    ----------
    folder : Path
        Folder to write to.
    names : sequence of str
        The cameras' names.
    images : mapping of int to ndarray of uint8, shape (height, width)
        By camera.
    number : int
        Number of the instant.

    Raises
    ------
    InputError
        They cannot be written.
    """
    for camera, image in images.items():
        with written_whole(folder / names[camera] / f"{number:03d}.png") as beside:
            beside.write_bytes(cv2.imencode(".png", image)[1].tobytes())


@lru_cache(maxsize=8)
def warm_up(board: Board) -> None:
    """Compile the functions that search images before they are needed, once for each board.

    Parameters
    ----------
    board : Board
        The board.
    """
    if board.is_charuco:
        size = (60 * board.columns, 60 * board.rows)
        find_board(np.asarray(board.charuco.generateImage(size, None, 30), np.uint8), board)
