"""Boards that look the same after half a turn: which way round each camera saw them.

A chessboard with both numbers of squares even, or both odd, has no distinguished top. Each camera
may have named its corners from either end, independently at every instant. Where two cameras see
the board at once, their relative pose must be the same at all instants; turned boards scatter it,
as the board moves.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board import Board
from calibration.cameras.initial_rig import alike_poses, closest_cameras
from nav.core.frames import Array

LEAST_LEAD = 2  # instants by which one way round must explain more than any other
SAME_TURN = 0.1  # rad: relative poses farther apart are different


class AmbiguousHalfTurn(Exception):
    """Both ways round explain what two cameras see."""


def half_turn(board: Board) -> Array:
    """Compute half a turn about the board's centre.

    Parameters
    ----------
    board : Board
        The board.

    Returns
    -------
    ndarray, shape (4, 4)
        board_from_turned_board, mm.
    """
    result = np.diag([-1.0, -1.0, 1.0, 1.0])
    result[:2, 3] = board.size
    return result


def find_turned(board: Board, boards: Sequence[Mapping[int, Array]]) -> set[tuple[int, int]]:
    """Find where corners are to be named from the other end of the board.

    Parameters
    ----------
    board : Board
        The board.
    boards : sequence of mapping of int to ndarray, shape (4, 4)
        camera_from_board by instant, of each camera.

    Returns
    -------
    set of (int, int)
        Camera and instant.

    Raises
    ------
    AmbiguousHalfTurn
        Two ways round fit equally well, for cameras that see the board together.
    """
    if not board.is_symmetric:
        return set()
    turned: set[tuple[int, int]] = set()
    done, turn = {0}, half_turn(board)
    placed = [dict(own) for own in boards]
    while len(done) < len(boards):
        a, b, common = closest_cameras(done, placed)
        if not common:
            break
        for instant in _against(common, placed[a], placed[b], turn):
            turned.add((b, instant))
            placed[b][instant] = placed[b][instant] @ turn
        done.add(b)
    return turned


def _against(
    common: Sequence[int], one: Mapping[int, Array], other: Mapping[int, Array], turn: Array
) -> list[int]:
    """Return instants at which the other camera's board is turned relative to the first one's."""
    back = [np.linalg.inv(one[k]) for k in common]
    straight = [other[k] @ inverse for k, inverse in zip(common, back, strict=True)]
    swapped = [other[k] @ turn @ inverse for k, inverse in zip(common, back, strict=True)]
    every = straight + swapped
    groups = [alike_poses(every, k) for k in range(len(every))]
    counts = [int((g[: len(common)] | g[len(common) :]).sum()) for g in groups]
    best = int(np.argmax(counts))
    angles = (Rotation.from_matrix([p[:3, :3] for p in every])
              * Rotation.from_matrix(every[best][:3, :3]).inv()).magnitude()  # fmt: skip
    rivals = [n for n, angle in zip(counts, angles, strict=True) if angle > SAME_TURN]
    if rivals and counts[best] - max(rivals) < LEAST_LEAD:
        raise AmbiguousHalfTurn
    likeness = angles.reshape(2, -1)
    return [k for n, k in enumerate(common) if likeness[1, n] < likeness[0, n]]
