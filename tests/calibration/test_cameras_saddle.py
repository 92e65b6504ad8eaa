"""Corners of boards from their light: how far off, and how well that is known."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board
from calibration.cameras.board_detection import find_board
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body, board_points
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.synthetic import camera

SEEN = camera("left", (560, 440), 1200.0)
CHARUCO = Board(8, 6, 15.0, 11.0, "DICT_5X5_250")
LEGACY = Board(8, 6, 15.0, 11.0, "DICT_5X5_250", legacy=True)
CHESSBOARD = Board(8, 5, 16.0)


def place(board: Board, turn: tuple[float, float, float]) -> RigidTransform:
    rotation = Rotation.from_rotvec(turn)
    middle = rotation.apply([*np.array(board.size) / 2, 0.0])
    return RigidTransform.from_components(np.array([0.0, 0.0, 400.0]) - middle, rotation)


@pytest.mark.parametrize("bow", [0.0, 0.3])
@pytest.mark.parametrize("board", [CHARUCO, LEGACY, CHESSBOARD], ids=["charuco", "legacy", "chess"])
def test_corners_are_right_to_hundredths_of_a_pixel_and_say_how_right(board, bow):
    room = SimulatedCamera(SEEN, Optics(blur=0.9, noise=2.0), np.random.default_rng(1))
    squares, count = 0.0, 0
    for turn in ((0.1, 0.3, 0.2), (-0.4, 0.2, -0.3), (0.3, -0.4, 0.1)):
        at = place(board, turn)
        picture = room.picture([Placed(board_body(board, bow=bow), at)])
        seen = find_board(picture, board)
        assert seen is not None
        assert len(seen.ids) == len(board.points)
        off = seen.pixels - SEEN.project(at.apply(board_points(board, bow)))[seen.ids]
        assert np.sqrt((off**2).mean()) < 0.01
        assert np.abs(off).max() < 0.05
        squares += float(
            np.einsum("na,na->", off, np.linalg.solve(seen.covariance, off[..., None])[..., 0])
        )
        count += off.size
    assert 0.5 < squares / count < 1.3


def test_uneven_light_and_display_gamma_move_no_corner():
    """The cross of two edges is symmetric: what bends black and white bends both alike."""
    at = place(CHARUCO, (0.2, -0.3, 0.4))
    for optics in (
        Optics(blur=1.2, noise=1.0, gradient=(0.6, 0.4)),
        Optics(blur=1.2, noise=1.0, gamma=2.2),
    ):
        room = SimulatedCamera(SEEN, optics, np.random.default_rng(2))
        seen = find_board(room.picture([Placed(board_body(CHARUCO), at)]), CHARUCO)
        assert seen is not None
        off = seen.pixels - SEEN.project(at.apply(CHARUCO.points))[seen.ids]
        assert np.sqrt((off**2).mean()) < 0.05


def test_part_of_a_charuco_board_is_enough():
    at = RigidTransform.from_translation([60.0, 30.0, 0.0]) * place(CHARUCO, (0.1, 0.2, 0.1))
    room = SimulatedCamera(SEEN, Optics(blur=0.8), np.random.default_rng(3))
    seen = find_board(room.picture([Placed(board_body(CHARUCO), at)]), CHARUCO)
    assert seen is not None
    assert len(seen.ids) < len(CHARUCO.points)
    off = seen.pixels - SEEN.project(at.apply(CHARUCO.points))[seen.ids]
    assert np.abs(off).max() < 0.05


def test_another_board_is_not_taken_for_this_one():
    room = SimulatedCamera(SEEN, Optics(blur=0.8), np.random.default_rng(4))
    picture = room.picture([Placed(board_body(CHARUCO), place(CHARUCO, (0.1, 0.2, 0.1)))])
    for other in (
        Board(6, 8, 15.0, 11.0, "DICT_5X5_250"),
        Board(8, 6, 15.0, 11.0, "DICT_4X4_50"),
        Board(9, 6, 15.0),
    ):
        assert find_board(picture, other) is None
    assert find_board(np.full((440, 560), 120, np.uint8), CHARUCO) is None
