"""How far, and about which axes, a tool was turned: what its poses can tell about the tip."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.frames import Array


@dataclass(frozen=True)
class Turning:
    """How the rotations of a tool are spread.

    Attributes
    ----------
    spread : ndarray, shape (3,)
        How far unit vectors fixed in the tool moved, rms, ascending, in radians for small turns:
        the singular values of all (rotation - mean rotation), over the square root of their number.
        The tip along direction k is known worse than the place of a point by the inverse of spread
        k.
    directions : ndarray, shape (3, 3)
        Row k is the unit vector of spread k, tool frame.
    angle : float
        95 % of the rotations are within that angle of their mean, rad.
    """

    spread: Array
    directions: Array
    angle: float

    @property
    def weakest(self) -> Array:
        """The direction along which the tip is known least, (3,), tool frame, largest entry > 0."""
        direction = self.directions[0]
        return direction * np.sign(direction[np.argmax(np.abs(direction))])


def turning(rotations: Array) -> Turning:
    """Measure how rotations are spread.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        a_from_tool.

    Returns
    -------
    Turning
        Spread, principal directions and angle.
    """
    off = rotations - rotations.mean(axis=0)
    values, vectors = np.linalg.eigh(np.einsum("nji,njk->ik", off, off) / len(off))
    turns = Rotation.from_matrix(rotations)
    angles = (turns.mean().inv() * turns).magnitude()
    return Turning(np.sqrt(np.maximum(values, 0.0)), vectors.T, float(np.percentile(angles, 95.0)))


def cone_angles(rotations: Array, axis: Array) -> tuple[float, float]:
    """Measure the full spread of an axis's directions in two perpendicular directions.

    Angles are taken from the mean direction; the two directions are the principal ones.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        a_from_tool.
    axis : ndarray, shape (3,)
        Tool frame, any length.

    Returns
    -------
    tuple of 2 floats
        Degrees, the wider one first.
    """
    directions = rotations @ (axis / np.linalg.norm(axis))
    mean = directions.mean(axis=0)
    if np.linalg.norm(mean) < 1e-9:
        return 360.0, 360.0
    mean = mean / np.linalg.norm(mean)
    along = directions @ mean
    aside = directions - along[:, None] * mean
    lengths = np.linalg.norm(aside, axis=1)
    angles = np.arctan2(lengths, along)
    flat = aside * (angles / np.maximum(lengths, 1e-300))[:, None]
    _, vectors = np.linalg.eigh(flat.T @ flat)
    wide, narrow = np.degrees(np.ptp(flat @ vectors[:, :0:-1], axis=0))
    return float(wide), float(narrow)
