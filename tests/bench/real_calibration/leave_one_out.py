"""Held-out error: calibrate without one picture (or pair), then predict its corners.

The board is placed in the picture that was left out by one pose, common to its cameras, by least
squares of pixels; lenses and places of the cameras stay. Two cameras are also judged without any
board: by how far corners lie off the epipolar lines of each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.board import Board
from calibration.cameras.board_detection import Seen
from calibration.cameras.calibrate import Calibration, calibrate_cameras
from calibration.cameras.shape import shaped
from nav.core.frames import Array
from tests.bench.real_calibration.chessboards import BoardPictures, Corners

OURS = "ours"
JOINTLY, FIXED = "OpenCV", "OpenCV, lenses fixed"  # what stereoCalibrate may change


@dataclass(frozen=True)
class CalibratedCamera:
    """A lens (OpenCV's matrix and distortion) and its camera_from_rig (4, 4), mm."""

    matrix: Array
    distortion: Array
    camera_from_rig: Array


@dataclass(frozen=True)
class Calibrated:
    """Cameras, and the board's corners (n, 3) as calibration has them, mm."""

    cameras: tuple[CalibratedCamera, ...]
    points: Array


@dataclass(frozen=True)
class HeldOutError:
    """Of all pictures left out in turn, px.

    flat : rms per axis, the board taken for flat. as_shaped : the same with the shape that the
    calibration gave it. epipolar : rms distance of corresponding corners, as far as two cameras'
    geometry contradicts them; None of one camera. worst : rms of the worst picture, flat.
    """

    flat: float
    as_shaped: float
    epipolar: float | None
    worst: float


def by_us(pictures: BoardPictures, corners: Corners) -> Calibration:
    """Calibrate as `nav calibrate` does."""
    return calibrate_cameras(pictures.board, corners, pictures.sizes, pictures.cameras)


def our_cameras(found: Calibration, board: Board) -> Calibrated:
    """Return the cameras of our calibration."""
    setup = found.fit.setup
    cameras = tuple(
        CalibratedCamera(lens.matrix, lens.distortion, place)
        for lens, place in zip(setup.lenses, setup.cameras, strict=True)
    )
    return Calibrated(cameras, shaped(board.points, board.size, setup.bow))


def by_opencv(pictures: BoardPictures, corners: Corners, lenses_fixed: bool = False) -> Calibrated:
    """Calibrate by `calibrateCamera` of each camera (five numbers), then `stereoCalibrate`."""
    points = pictures.board.points
    lenses = []
    for camera, size in enumerate(pictures.sizes):
        own = [seen for (k, _), seen in sorted(corners.items()) if k == camera]
        given = [points[seen.ids].astype(np.float32) for seen in own]
        pixels = [seen.pixels.astype(np.float32) for seen in own]
        _, matrix, distortion, _, _ = cv2.calibrateCamera(given, pixels, size, None, None)
        lenses.append((np.asarray(matrix), np.asarray(distortion)))
    if len(lenses) == 1:
        return Calibrated((CalibratedCamera(*lenses[0], np.eye(4)),), points)
    both = sorted({k for c, k in corners if c == 0} & {k for c, k in corners if c == 1})
    pairs = [(corners[0, k], corners[1, k]) for k in both]
    ids = [np.intersect1d(a.ids, b.ids) for a, b in pairs]
    found = cv2.stereoCalibrate(
        [points[i].astype(np.float32) for i in ids],
        [_pixels(a, i).astype(np.float32) for (a, _), i in zip(pairs, ids, strict=True)],
        [_pixels(b, i).astype(np.float32) for (_, b), i in zip(pairs, ids, strict=True)],
        *lenses[0], *lenses[1], pictures.sizes[0],
        flags=cv2.CALIB_FIX_INTRINSIC if lenses_fixed else cv2.CALIB_USE_INTRINSIC_GUESS,
    )  # fmt: skip
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = found[5], np.ravel(found[6])
    left = CalibratedCamera(np.asarray(found[1]), np.asarray(found[2]), np.eye(4))
    return Calibrated((left, CalibratedCamera(found[3], found[4], place)), points)


def calibrators(pictures: BoardPictures) -> dict[str, Callable[[Sequence[int]], Calibrated]]:
    """Return who calibrates from which instants, each from corners of their own."""

    def kept(corners: Corners, instants: Sequence[int]) -> Corners:
        return {key: seen for key, seen in corners.items() if key[1] in instants}

    result: dict[str, Callable[[Sequence[int]], Calibrated]] = {
        OURS: lambda chosen: our_cameras(
            by_us(pictures, kept(pictures.ours, chosen)), pictures.board
        ),
        JOINTLY: lambda chosen: by_opencv(pictures, kept(pictures.opencv, chosen)),
    }
    if len(pictures.cameras) > 1:
        result[FIXED] = lambda chosen: by_opencv(pictures, kept(pictures.opencv, chosen), True)
    return result


def held_out_errors(
    pictures: BoardPictures,
    calibrate: Callable[[Sequence[int]], Calibrated],
    advance: Callable[[], None],
    left_out: Sequence[int] | None = None,
) -> dict[str, HeldOutError]:
    """Return the held-out error on the corners of each source, by its name.

    Parameters
    ----------
    calibrate : from given instants, those that it found the board in.
    advance : called after each instant.
    left_out : instants to leave out one at a time, by default all that both sources found in every
        camera.
    """
    every = sorted({k for c in pictures.sources.values() for _, k in c})
    flat: dict[str, list[Array]] = {name: [] for name in pictures.sources}
    as_shaped: dict[str, list[Array]] = {name: [] for name in pictures.sources}
    epipolar: dict[str, list[Array]] = {name: [] for name in pictures.sources}
    for held in pictures.common if left_out is None else left_out:
        found = calibrate([k for k in every if k != held])
        for name, corners in pictures.sources.items():
            views = [corners[c, held] for c in range(len(pictures.cameras))]
            flat[name].append(placed_residuals(found.cameras, pictures.board.points, views))
            as_shaped[name].append(placed_residuals(found.cameras, found.points, views))
            if len(views) == 2:
                epipolar[name].append(epipolar_distances(found.cameras, views))
        advance()
    return {
        name: HeldOutError(
            _rms(flat[name]),
            _rms(as_shaped[name]),
            _rms(epipolar[name]) if epipolar[name] else None,
            max(_rms([own]) for own in flat[name]),
        )
        for name in pictures.sources
    }


def placed_residuals(
    cameras: Sequence[CalibratedCamera], points: Array, views: Sequence[Seen]
) -> Array:
    """Return (2 n,) px, seen less expected, of the pose that suits all cameras' corners best."""
    first = cameras[0]
    _, turn, shift = cv2.solvePnP(
        points[views[0].ids], views[0].pixels, first.matrix, first.distortion
    )
    back = np.linalg.inv(first.camera_from_rig)
    start = back @ _pose(np.concatenate([np.ravel(turn), np.ravel(shift)]))
    begin = np.concatenate([np.ravel(cv2.Rodrigues(start[:3, :3])[0]), start[:3, 3]])

    def residuals(motion: Array) -> Array:
        rig_from_board, parts = _pose(motion), []
        for camera, seen in zip(cameras, views, strict=True):
            place = camera.camera_from_rig @ rig_from_board
            pixels, _ = cv2.projectPoints(
                points[seen.ids], cv2.Rodrigues(place[:3, :3])[0], place[:3, 3],
                camera.matrix, camera.distortion,
            )  # fmt: skip
            parts.append((seen.pixels - np.asarray(pixels).reshape(-1, 2)).ravel())
        return np.concatenate(parts)

    return residuals(least_squares(residuals, begin, x_scale="jac", method="lm").x)


def epipolar_distances(cameras: Sequence[CalibratedCamera], views: Sequence[Seen]) -> Array:
    """Return (n,) px by which corners that two cameras share contradict their geometry (Sampson).

    Of ideal pixels, on the scale of the first camera's focal length.
    """
    left, right = cameras
    ids = np.intersect1d(views[0].ids, views[1].ids)
    rays = []
    for camera, seen in zip(cameras, views, strict=True):
        given = np.ascontiguousarray(_pixels(seen, ids).reshape(-1, 1, 2))
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12)
        ideal = cv2.undistortPoints(given, camera.matrix, camera.distortion, criteria=stop)
        rays.append(np.column_stack([np.asarray(ideal).reshape(-1, 2), np.ones(len(ids))]))
    place = right.camera_from_rig @ np.linalg.inv(left.camera_from_rig)
    x, y, z = place[:3, 3]
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ place[:3, :3]
    lines, back = rays[0] @ essential.T, rays[1] @ essential
    slopes = (lines[:, :2] ** 2).sum(axis=1) + (back[:, :2] ** 2).sum(axis=1)
    off = (rays[1] * lines).sum(axis=1) / np.sqrt(slopes)
    return np.asarray(off * left.matrix[0, 0], float)


def _pose(motion: Array) -> Array:
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.asarray(motion[:3]))[0]
    pose[:3, 3] = motion[3:]
    return pose


def _pixels(seen: Seen, ids: NDArray[np.intp]) -> Array:
    """(m, 2) of some of the corners."""
    order = np.argsort(seen.ids)
    return np.asarray(seen.pixels[order[np.searchsorted(seen.ids[order], ids)]], float)


def _rms(parts: Sequence[Array]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
