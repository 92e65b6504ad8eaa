"""Are calibrated cameras right, and their predicted errors true? `make bench-calibration`.

Corners with noise, many times; and rendered pictures, a few times, because they cost minutes.
OpenCV calibrates from the same corners, or from its own in the same pictures.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calibration.cameras.board_detection import Seen, find_board
from calibration.cameras.calibrate import Calibration, calibrate_cameras
from calibration.cameras.lens_models import DISTORTION, Lens
from calibration.cameras.rig_setup import Setup
from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import Picture
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.calibration.boards import BOARD, SIZE, off_in_volume, sightings, waved, wide_rig

LENSES = {
    "usual": np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01]),
    "barrel": np.array([-0.32, 0.14, -0.0006, 0.0004, -0.03]),
    "rational": np.array([0.3, -0.1, 0.001, -0.0005, 0.02, 0.28, -0.05, 0.01]),
}
PAIRS = 24
CORNER_SD = 0.01  # px, of corners without pictures
PRINTED = 0.997  # by how much a printer prints too small; the ruler tells
BOW = 0.5  # mm
NAMES = ("left", "right")


@dataclass(frozen=True)
class Run:
    """One calibration against the truth: percent, mm, and predicted by us."""

    focal: Array
    focal_z: Array
    volume: float
    predicted: float
    bow: float
    opencv_focal: Array
    opencv_volume: float


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser("bench-calibration", description=__doc__)
    parser.add_argument("--repeats", type=int, default=50, help="of corners with noise")
    parser.add_argument("--pictures", type=int, default=3, help="runs with rendered pictures")
    options = parser.parse_args()
    console = Console(width=130)
    table = Table()
    for heading in ("from", "board", "runs", "focal off, %", "z", "points off, mm", "predicted",
                    "bow, mm", "OpenCV: focal, %", "points"):  # fmt: skip
        table.add_column(heading, justify="right")
    for bow in (0.0, BOW):
        seeds = track(range(options.repeats), f"corners, bow {bow:g} mm", console=console)
        _row(table, "corners", bow, [_corners(seed, bow) for seed in seeds])
    for bow in (0.0, BOW):
        seeds = track(range(options.pictures), f"pictures, bow {bow:g} mm", console=console)
        runs = [_pictures(seed, bow) for seed in seeds]
        if runs:
            _row(table, "pictures", bow, runs)
    console.print(table)


def _row(table: Table, source: str, bow: float, runs: Sequence[Run]) -> None:
    def rms(values: Sequence[Array] | Sequence[float]) -> float:
        return float(np.sqrt(np.mean(np.square(values))))

    table.add_row(
        source,
        f"bowed {bow:g} mm" if bow else "flat",
        str(len(runs)),
        f"{rms([r.focal for r in runs]):.4f}",
        f"{rms([r.focal_z for r in runs]):.2f}",
        f"{rms([r.volume for r in runs]):.4f}",
        f"{rms([r.predicted for r in runs]):.4f}",
        f"{np.mean([r.bow for r in runs]):.3f}",
        f"{rms([r.opencv_focal for r in runs]):.4f}",
        f"{rms([r.opencv_volume for r in runs]):.4f}",
    )


def _rig(seed: int) -> Rig:
    return wide_rig(2, list(LENSES.values())[seed % len(LENSES)])


def _corners(seed: int, bow: float) -> Run:
    rng, board = np.random.default_rng([seed, 1]), BOARD.scaled(PRINTED)
    rig = _rig(seed)
    seen = sightings(rig, waved(PAIRS, rng), rng, CORNER_SD, bow, board)
    found = calibrate_cameras(board, seen, [SIZE, SIZE], NAMES)
    return _run(found, rig, seen)


def _pictures(seed: int, bow: float) -> Run:
    rng, board = np.random.default_rng([seed, 2]), BOARD.scaled(PRINTED)
    rig = _rig(seed)
    rooms = [SimulatedCamera(c, Optics(blur=0.8, noise=2.0), rng) for c in rig.cameras]
    detector = cv2.aruco.CharucoDetector(board.charuco)
    ours: dict[tuple[int, int], Seen] = {}
    theirs: dict[tuple[int, int], Seen] = {}
    for instant, place in enumerate(waved(PAIRS, rng)):
        for camera, room in enumerate(rooms):
            picture = room.picture([Placed(board_body(board, bow=bow), place)])
            seen, other = find_board(picture, board), _by_opencv(picture, detector)
            if seen is not None:
                ours[camera, instant] = seen
            if other is not None:
                theirs[camera, instant] = other
    found = calibrate_cameras(board, ours, [SIZE, SIZE], NAMES)
    return _run(found, rig, theirs)


def _by_opencv(picture: Picture, detector: cv2.aruco.CharucoDetector) -> Seen | None:
    corners, ids, _, _ = detector.detectBoard(picture)
    if ids is None or len(ids) < 8:
        return None
    order = np.argsort(ids.ravel())
    pixels = np.asarray(corners, float).reshape(-1, 2)[order]
    return Seen(ids.ravel()[order], pixels, np.zeros((len(ids), 2, 2)), np.zeros(3))


def _run(found: Calibration, rig: Rig, for_opencv: Mapping[tuple[int, int], Seen]) -> Run:
    board = BOARD.scaled(PRINTED)
    true = np.array([camera.matrix[0, 0] for camera in rig.cameras])
    lenses, at = found.fit.setup.lenses, [s.start for s in found.fit.unknowns.lens]
    focal = np.array([lens.pinhole[0] for lens in lenses])
    sd = np.sqrt(np.diag(found.fit.covariance)[at])
    theirs = _opencv(board.points, for_opencv)
    assert found.volume is not None
    return Run(
        100 * (focal / true - 1),
        (focal - true) / sd,
        off_in_volume(found.fit.setup, rig),
        found.volume,
        found.bow,
        100 * (np.array([lens.pinhole[0] for lens in theirs.lenses]) / true - 1),
        off_in_volume(theirs, rig),
    )


def _opencv(points: Array, seen: Mapping[tuple[int, int], Seen]) -> Setup:
    """`calibrateCamera` of each, then `stereoCalibrate`, as is usual."""
    start = []
    for camera in range(2):
        own = [s for (k, _), s in sorted(seen.items()) if k == camera]
        given = [points[s.ids].astype(np.float32) for s in own]
        pixels = [s.pixels.astype(np.float32) for s in own]
        start.append(cv2.calibrateCamera(given, pixels, SIZE, None, None)[1:3])
    boards, left, right = [], [], []
    for instant in sorted({k for c, k in seen if c == 0} & {k for c, k in seen if c == 1}):
        a, b = seen[0, instant], seen[1, instant]
        ids = np.intersect1d(a.ids, b.ids)
        boards.append(points[ids].astype(np.float32))
        left.append(a.pixels[np.searchsorted(a.ids, ids)].astype(np.float32))
        right.append(b.pixels[np.searchsorted(b.ids, ids)].astype(np.float32))
    both = cv2.stereoCalibrate(
        boards, left, right, *start[0], *start[1], SIZE, flags=cv2.CALIB_USE_INTRINSIC_GUESS
    )
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = both[5], np.ravel(both[6])
    return Setup((_lens(*both[1:3]), _lens(*both[3:5])), (np.eye(4), place), {})


def _lens(matrix: Array, distortion: Array) -> Lens:
    given = np.zeros(DISTORTION)
    flat = np.ravel(distortion)[:DISTORTION]
    given[: len(flat)] = flat
    return Lens(matrix[[0, 1, 0, 1], [0, 1, 2, 2]], given)


if __name__ == "__main__":
    main()
