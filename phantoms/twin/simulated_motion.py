"""Velocities of bodies between images, and the cameras' noise."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array

FPS = 30.0


def noise_source(seed: int) -> np.random.Generator:
    """Create the generator of the cameras' noise: NumPy's fastest, for millions per image.

    Parameters
    ----------
    seed : int
        The seed.

    Returns
    -------
    numpy.random.Generator
        The generator.
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, 2])))


def body_velocity(before: RigidTransform, now: RigidTransform, seconds: float) -> Array:
    """Compute the left perturbation per second that maps one pose to the other.

    Parameters
    ----------
    before, now : RigidTransform
        Poses, mm.
    seconds : float
        Time between them, s.

    Returns
    -------
    ndarray, shape (6,)
        Translation (mm/s) and rotation (rad/s).
    """
    step = now * before.inv()
    rotation: Rotation = step.rotation
    turn = rotation.as_rotvec()
    # rotation about where the needle is, not about the rig's far origin
    centre = now.translation
    move = centre - before.translation - np.cross(turn, centre)
    return np.concatenate([move, turn]) / seconds
