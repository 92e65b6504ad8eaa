"""A chessboard that looks the same after half a turn, before two cameras that cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board
from calibration.cameras.calibrate import calibrate_cameras
from calibration.cameras.half_turn import AmbiguousHalfTurn, find_turned, half_turn
from tests.calibration.boards import SIZE, off_in_volume, sightings, waved, wide_rig

BOARD = Board(12, 10, 15.0)


def test_half_a_turn_maps_each_corner_to_its_opposite():
    points = np.column_stack([BOARD.points, np.ones(len(BOARD.points))])
    assert (points @ half_turn(BOARD).T)[:, :3] == pytest.approx(BOARD.points[::-1])
    assert BOARD.is_symmetric
    assert Board(9, 7, 15.0).is_symmetric
    assert not Board(10, 7, 15.0).is_symmetric
    assert not Board(12, 10, 15.0, 11.0, "DICT_5X5_250").is_symmetric


def test_each_cameras_way_round_is_found_from_pairs():
    rig, rng = wide_rig(), np.random.default_rng(2)
    seen = sightings(rig, waved(10, rng), rng, 0.01, board=BOARD)
    last = len(BOARD.points) - 1
    for key in [(1, 0), (1, 4), (0, 4), (0, 7), (1, 9)]:
        seen[key] = replace(seen[key], ids=last - seen[key].ids)
    found = calibrate_cameras(BOARD, seen, [SIZE, SIZE], ("left", "right"))
    assert found.chosen.left_out == ()
    assert found.rms.max() < 0.015
    assert off_in_volume(found.fit.setup, rig) < 0.006


def poses(places: list[RigidTransform]) -> list[dict[int, np.ndarray]]:
    right = RigidTransform.from_components([-350.0, 0, 40], Rotation.from_rotvec([0, 0.5, 0]))
    return [
        {k: (eye * place).as_matrix() for k, place in enumerate(places)}
        for eye in (RigidTransform.identity(), right)
    ]


def test_a_camera_that_is_upside_down_is_as_good():
    boards = poses(waved(8, np.random.default_rng(3)))
    for k in boards[1]:
        boards[1][k] = boards[1][k] @ half_turn(BOARD)
    assert find_turned(BOARD, boards) == {(1, k) for k in range(8)}


def test_a_board_that_hardly_moves_is_refused():
    """One place is negligible: both ways round explain it."""
    place = waved(1, np.random.default_rng(4))[0]
    with pytest.raises(AmbiguousHalfTurn):
        find_turned(BOARD, poses([place] * 6))
