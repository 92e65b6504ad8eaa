"""Real chessboards: views that were not used are predicted as well as by OpenCV, or better.

The pictures stay outside the project; without them these tests are skipped.
"""

import cv2
import numpy as np
import pytest

from calibration.board import Board
from calibration.cameras.board_detection import Seen, find_board
from calibration.cameras.calibrate import calibrate_cameras
from nav.camera.image_files import read_picture
from nav.core.errors import Lost
from nav.core.frames import Array
from tests.bench.real_calibration.chessboards import opencv_pairs
from tests.bench.real_calibration.leave_one_out import (
    JOINTLY,
    OURS,
    by_us,
    calibrators,
    held_out_errors,
)
from tests.reference_data import reference_data

BOARD = Board(15, 11, 6.0)
COUNT, SIZE = 6, (640, 480)
# of one per cent: six views tell no smaller difference
AS_GOOD = 1.01


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    folder = reference_data("real-video")
    pictures = [read_picture(folder / f"calib.images.{k}.png") for k in range(COUNT)]
    found = [find_board(picture, BOARD) for picture in pictures if not isinstance(picture, Lost)]
    return [one for one in found if one is not None]


@pytest.fixture(scope="module")
def usual() -> list[Array]:
    """Corners as OpenCV's users refine them."""
    result = []
    for k in range(COUNT):
        picture = read_picture(reference_data("real-video") / f"calib.images.{k}.png")
        assert picture is not None
        found, corners = cv2.findChessboardCorners(picture, (14, 10))
        assert found
        corners = np.asarray(corners, np.float32).reshape(-1, 1, 2)
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
        cv2.cornerSubPix(picture, corners, (5, 5), (-1, -1), stop)
        result.append(np.asarray(corners.reshape(-1, 2), float))
    return result


def off(matrix: Array, distortion: Array, corners: Array) -> Array:
    """Squared px of each corner, the board's pose being free."""
    given = np.asarray(corners, float)
    _, turn, shift = cv2.solvePnP(BOARD.points, given, matrix, distortion)
    turn, shift = cv2.solvePnPRefineLM(BOARD.points, given, matrix, distortion, turn, shift)
    pixels = cv2.projectPoints(BOARD.points, turn, shift, matrix, distortion)[0].reshape(-1, 2)
    return np.asarray(((pixels - given) ** 2).sum(axis=1))


def test_every_corner_of_every_board_is_found(seen, usual):
    assert [len(one.ids) for one in seen] == [len(BOARD.points)] * COUNT
    for one, other in zip(seen, usual, strict=True):
        ours = one.pixels[np.argsort(one.ids)]
        away = min(np.abs(ours - other).max(), np.abs(ours - other[::-1]).max())
        assert away < 1.0


def test_views_left_out_are_predicted_as_well_as_by_opencv(seen, usual):
    ours, theirs = [], []
    for k in range(COUNT):
        kept = [n for n in range(COUNT) if n != k]
        found = calibrate_cameras(BOARD, {(0, n): seen[n] for n in kept}, [SIZE], ["camera"])
        lens = found.fit.setup.lenses[0]
        ours.append(off(lens.matrix, lens.distortion, usual[k]))
        points = [BOARD.points.astype(np.float32)] * len(kept)
        pixels = [usual[n].astype(np.float32).reshape(-1, 1, 2) for n in kept]
        _, matrix, distortion, _, _ = cv2.calibrateCamera(points, pixels, SIZE, None, None)
        theirs.append(off(np.asarray(matrix), np.asarray(distortion), usual[k]))
    assert np.sqrt(np.mean(ours)) < AS_GOOD * np.sqrt(np.mean(theirs))


@pytest.mark.slow
def test_opencvs_own_stereo_pairs_are_usable_and_predicted_as_well_as_by_opencv():
    pictures = opencv_pairs(reference_data("camera", "opencv-stereo-chessboard"))
    found = by_us(pictures, pictures.ours)
    assert found.word == "usable"
    assert max(verdict.pixels for verdict in found.verdicts) < 0.5
    errors = {
        name: held_out_errors(pictures, calibrate, lambda: None, pictures.common[::4])
        for name, calibrate in calibrators(pictures).items()
    }
    for source in pictures.sources:
        ours, theirs = errors[OURS][source], errors[JOINTLY][source]
        assert ours.flat < AS_GOOD * theirs.flat
        assert ours.epipolar < AS_GOOD * theirs.epipolar
