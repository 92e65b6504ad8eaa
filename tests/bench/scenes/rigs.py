"""Rigs of one to four cameras that look at one place, as measured and as they truly are."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from tests.bench.scenes.lens import lens, pixels_of
from tests.bench.scenes.shapes import Floats

NAMES = ("left", "right", "upper", "lower")
# directions from the place looked at, in halves of the angle between the first two cameras
DIRECTIONS = {
    1: ((0.2, -0.1),),
    2: ((-1.0, -0.1), (1.0, 0.15)),
    3: ((-1.0, 0.2), (1.0, 0.3), (0.1, -1.3)),
    4: ((-1.0, -0.2), (1.0, -0.1), (-0.1, -1.3), (0.2, 1.2)),
}


def make_rig(
    count: int,
    size: tuple[int, int],
    focal: float,
    distance: float,
    angle: float,
    kind: str,
    readout: float,
    rng: np.random.Generator,
) -> tuple[Rig, RigidTransform]:
    """A rig, and rig_from_scene: scene is the frame with the place looked at as its origin.

    The scene's x is right, y down and z away from the cameras, which stand `distance` mm off,
    neighbours `angle` rad apart. focal : px. kind : of lens. readout : s.
    """
    # the rig frame is nobody's camera, so that no identity hides a wrong transform
    turn = Rotation.from_rotvec(rng.uniform(-0.25, 0.25, 3))
    rig_from_scene = RigidTransform.from_components(rng.uniform(-60, 60, 3), turn)
    cameras = []
    for name, direction in zip(NAMES, DIRECTIONS[count], strict=False):
        side, below = np.array(direction) * angle / 2
        eye = np.array([np.sin(side) * np.cos(below), np.sin(below), -np.cos(side) * np.cos(below)])
        aim = rng.uniform(-6, 6, 3)
        eye = eye * distance * rng.uniform(0.98, 1.02)
        camera_from_scene = _looking(eye, aim, np.radians(rng.uniform(-4, 4)))
        fx = focal * rng.uniform(0.99, 1.01)
        fy = fx * rng.uniform(0.999, 1.001)
        cx, cy = (np.array(size) - 1) / 2 + rng.uniform(-0.01, 0.01, 2) * size[0]
        matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        place = camera_from_scene * rig_from_scene.inv()
        cameras.append(Camera(name, size, matrix, lens(kind, rng), place, readout))
    return Rig(tuple(cameras)), rig_from_scene


def misaligned(
    rig: Rig, off: float, volume: Floats, rng: np.random.Generator
) -> list[RigidTransform]:
    """camera_from_rig of cameras bumped so that points `volume` (n, 3) shift by `off` px rms."""
    places = []
    for camera in rig.cameras:
        to_pixels = camera.matrix[0, 0]
        centre = camera.from_rig(volume).mean(axis=0)
        turn = rng.normal(0.0, 1.0, 3) / to_pixels * np.array([1.0, 1.0, 2.0])
        shift = rng.normal(0.0, 0.5, 3) * centre[2] / to_pixels
        true = camera.camera_from_rig
        for _ in range(5):  # nearly linear: the scale settles at once
            bump = RigidTransform.from_components(shift, Rotation.from_rotvec(turn))
            true = bump * camera.camera_from_rig
            drawn = pixels_of(true.apply(volume), camera.matrix, camera.distortion)
            said = pixels_of(camera.from_rig(volume), camera.matrix, camera.distortion)
            scale = off / np.sqrt(((drawn - said) ** 2).sum(axis=1).mean())
            turn, shift = scale * turn, scale * shift
        places.append(true)
    return places


def _looking(eye: Floats, aim: Floats, roll: float) -> RigidTransform:
    """camera_from_scene of a camera at `eye` that looks at `aim`; y stays about down."""
    z = (aim - eye) / np.linalg.norm(aim - eye)
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    level = Rotation.from_matrix(np.array([x, np.cross(z, x), z]))
    turn = Rotation.from_rotvec([0.0, 0.0, roll]) * level
    return RigidTransform.from_components(-turn.apply(eye), turn)
