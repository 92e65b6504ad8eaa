"""A rig of two cameras, a board waved before it, and how well a calibration measures points."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board
from calibration.cameras.board_detection import Seen
from calibration.cameras.direction import rays_of
from calibration.cameras.lens_models import DISTORTION, Lens
from calibration.cameras.rig_setup import Setup
from calibration.cameras.rig_verdict import off_aligned, triangulated
from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from phantoms.twin.simulated_boards import board_points
from tests.synthetic import looking_at

BOARD = Board(12, 9, 15.0, 11.0, "DICT_5X5_250")
SIZE = (1920, 1200)
AIM = np.array([0.0, 0.0, 600.0])  # mm, rig frame: the middle of the working volume
LENS = np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01])


def wide_rig(count: int = 2, lens: Array = LENS) -> Rig:
    """Cameras of 1920 x 1200, 350 mm apart, 600 mm from their aim; the first in the origin."""
    first = looking_at(np.zeros(3), AIM)
    cameras = []
    for k in range(count):
        eye = np.array([350.0 * k, 0.0, 30.0 * k])
        place = looking_at(eye, AIM) * first.inv() if k == 0 else looking_at(eye, AIM)
        matrix = np.array([[1600.0 + k, 0, 957.3 - k], [0, 1600.6, 603.8], [0, 0, 1.0]])
        cameras.append(Camera(("left", "right")[k], SIZE, matrix, lens, place))
    return Rig(tuple(cameras))


def waved(count: int, rng: np.random.Generator, wander: float = 70.0) -> list[RigidTransform]:
    """rig_from_board of a board held in front of the cameras, tilted by up to 40 degrees."""
    places = []
    for _ in range(count):
        tilt, way = rng.uniform(0.0, 0.7), rng.uniform(0.0, 2 * np.pi)
        turn = Rotation.from_rotvec(tilt * np.array([np.cos(way), np.sin(way), 0.0]))
        turn = turn * Rotation.from_rotvec([0.0, 0.0, rng.uniform(-0.6, 0.6)])
        middle = turn.apply([*np.array(BOARD.size) / 2, 0.0])
        at = AIM + rng.uniform(-wander, wander, 3) - middle
        places.append(RigidTransform.from_components(at, turn))
    return places


def sightings(
    rig: Rig,
    places: Sequence[RigidTransform],
    rng: np.random.Generator,
    sd: float,
    bow: float = 0.0,
    board: Board = BOARD,
) -> dict[tuple[int, int], Seen]:
    """The board's corners as cameras see them, each off by `sd` px per axis."""
    true = board_points(board, bow)
    seen = {}
    for instant, place in enumerate(places):
        for k, camera in enumerate(rig.cameras):
            pixels = camera.project(place.apply(true))
            inside = ((pixels > 5) & (pixels < np.array(camera.size) - 5)).all(axis=1)
            ids = np.flatnonzero(inside)
            if len(ids) < 20:
                continue
            noisy = pixels[ids] + rng.normal(0.0, sd, (len(ids), 2))
            spread = np.tile(np.eye(2) * sd**2, (len(ids), 1, 1))
            seen[k, instant] = Seen(ids, noisy, spread, np.array([0.7, 0.0, 0.7]))
    return seen


def off_in_volume(setup: Setup, rig: Rig, size: float = 60.0) -> float:
    """mm rms of points around the aim: seen by the true rig, measured by the calibrated one."""
    side = np.linspace(-size, size, 5)
    points = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3) + AIM
    rays = [
        rays_of(lens, camera.project(points))
        for lens, camera in zip(setup.lenses, rig.cameras, strict=True)
    ]
    found = triangulated(rays, setup.cameras)
    return float(np.sqrt((off_aligned(found, points) ** 2).sum(axis=1).mean()))


def as_setup(rig: Rig) -> Setup:
    """A rig as calibration has it."""
    lenses = []
    for camera in rig.cameras:
        distortion = np.zeros(DISTORTION)
        distortion[: len(camera.distortion)] = camera.distortion
        lenses.append(Lens(camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]], distortion))
    places = tuple(camera.camera_from_rig.as_matrix() for camera in rig.cameras)
    return Setup(tuple(lenses), places, {})
