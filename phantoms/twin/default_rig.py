"""The simulated cameras and their poses, light to import."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array

DISTANCE, BASELINE = 600.0, 350.0  # mm
SIZE = (1920, 1200)
# of the demonstration's cameras, typical of inexpensive ones with a global shutter; and of those
# of the live window, where drawing, tracking and display share two processors
SMALL_SIZE, LIVE_SIZE = (1280, 800), (960, 600)
AIM = np.array([45.0, 15.0, 15.0])  # model frame, mm: what both cameras look at


def default_rig(size: tuple[int, int] = SIZE) -> Rig:
    """Return two cameras about 600 mm above the phantom, 350 mm apart.

    The rig's frame is that of the left one.

    Parameters
    ----------
    size : tuple of 2 ints, optional
        Width and height of the images, px, with the aspect ratio of `SIZE`; the field of view is
        the same.

    Returns
    -------
    Rig
        Cameras 'left' and 'right'.
    """
    height = float(np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2))
    above = AIM + np.array([0.0, height, 0.0])
    aside = np.array([BASELINE / 2, 0.0, 0.0])
    left, right = _camera_from_model(above - aside), _camera_from_model(above + aside)
    return Rig(
        (
            _camera("left", (1601.3, 1601.9, 957.3, 603.8), RigidTransform.identity(), size),
            _camera("right", (1598.6, 1599.0, 963.1, 597.2), right * left.inv(), size),
        )
    )


def nominal_rig_from_model() -> RigidTransform:
    """Return the pose of the phantom in the default rig, before anybody moves it.

    Returns
    -------
    RigidTransform
        rig_from_model, mm.
    """
    height = float(np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2))
    return _camera_from_model(AIM + np.array([-BASELINE / 2, height, 0.0]))


def _camera_from_model(eye: Array) -> RigidTransform:
    z = (AIM - eye) / np.linalg.norm(AIM - eye)
    x = np.array([1.0, 0.0, 0.0]) - z[0] * z
    x /= np.linalg.norm(x)
    rotation = Rotation.from_matrix(np.array([x, np.cross(z, x), z]))
    return RigidTransform.from_components(-rotation.apply(eye), rotation)


def _camera(
    name: str,
    matrix: tuple[float, float, float, float],
    camera_from_rig: RigidTransform,
    size: tuple[int, int],
) -> Camera:
    scale = size[0] / SIZE[0]
    fx, fy = scale * matrix[0], scale * matrix[1]
    cx, cy = scale * (matrix[2] + 0.5) - 0.5, scale * (matrix[3] + 0.5) - 0.5
    distortion = np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01])
    square = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return Camera(name, size, square, distortion, camera_from_rig)
