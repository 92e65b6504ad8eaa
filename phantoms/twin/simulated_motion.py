"""How bodies move between pictures, and the cameras' noise."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.frames import Array

FPS = 30.0


def noise_source(seed: int) -> np.random.Generator:
    """Of the cameras' noise: the quickest of NumPy's generators, for millions a picture."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, 2])))


def body_velocity(before: RigidTransform, now: RigidTransform, seconds: float) -> Array:
    """(6,) left perturbation a second that carries one place to the other."""
    step = now * before.inv()
    rotation: Rotation = step.rotation
    turn = rotation.as_rotvec()
    # rotation about where the needle is, not about the rig's far origin
    centre = now.translation
    move = centre - before.translation - np.cross(turn, centre)
    return np.concatenate([move, turn]) / seconds
