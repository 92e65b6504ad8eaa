"""Taken pictures searched with all care, judged, and kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from calibration.board import Board
from calibration.cameras.board_detection import Seen, find_board
from calibration.cameras.calibrate import smear_of
from calibration.cameras.rig_verdict import SMEARED
from calibration.live.quick import Glimpse
from nav.camera.frameset import Picture
from nav.files import written_whole

MOSTLY = 0.6  # of the board's corners: who saw so many must see them when looking closely
Found = dict[int, Seen]


def search(
    images: Mapping[int, Picture],
    glimpses: Mapping[int, Glimpse],
    board: Board,
    names: Sequence[str],
) -> Found | str:
    """The board in pictures by camera, or why they are not good enough, a sentence.

    glimpses : what was seen of it at first sight. A camera that saw little of it then and nothing
    now is left out.
    """
    seen: Found = {}
    for camera, image in images.items():
        found = find_board(image, board)
        which = "" if len(names) == 1 else f"{names[camera].upper()} "
        if found is None:
            if len(glimpses[camera].ids) >= MOSTLY * len(board.points):
                return f"The {which}picture is not sharp"
        elif smear_of(found.blur) > SMEARED:
            return f"It moved in the {which}picture"
        else:
            seen[camera] = found
    return seen or "The picture is not sharp"


def write_pictures(
    folder: Path, names: Sequence[str], images: Mapping[int, Picture], number: int
) -> None:
    """PNG files of one instant, FOLDER/CAMERA/NUMBER.png, each whole or not at all.

    Raises
    ------
    InputError
        They cannot be written.
    """
    for camera, image in images.items():
        with written_whole(folder / names[camera] / f"{number:03d}.png") as beside:
            beside.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def warm_up(board: Board) -> None:
    """Compile what searches pictures, before it is needed: the first time that takes long."""
    if board.is_charuco:
        size = (60 * board.columns, 60 * board.rows)
        find_board(np.asarray(board.charuco.generateImage(size, None, 30), np.uint8), board)
