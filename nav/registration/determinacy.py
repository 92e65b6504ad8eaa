"""Which motion of a registered surface the touched points do not determine, in directions."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from nav.core.frames import Array, point_jacobian


@dataclass(frozen=True)
class WeakestMotion:
    """The rigid motion that a registration knows least.

    Parameters
    ----------
    sd : float
        Standard deviation along it, as rms displacement of the surface, mm.
    turn : ndarray, shape (3,)
        Its rotation about the surface's middle, per mm of `sd`, rad; model frame.
    shift : ndarray, shape (3,)
        Its translation of the surface's middle, per mm of `sd`, mm; model frame.
    turns : bool
        Whether the rotation moves the surface more than the translation does.
    """

    sd: float
    turn: Array
    shift: Array
    turns: bool

    @property
    def axis(self) -> int:
        """The axis of the model frame nearest to the rotation's, or to the translation: 0, 1, 2."""
        return int(np.argmax(np.abs(self.turn if self.turns else self.shift)))


def weakest_motion(covariance: Array, places: Array) -> WeakestMotion:
    """Find the rigid motion with the largest standard deviation, measured on a surface.

    Translations and rotations have no common unit; the displacement that a motion gives the surface
    makes them comparable.

    Parameters
    ----------
    covariance : ndarray, shape (6, 6)
        Of a left perturbation in the model frame, mm^2 and rad^2.
    places : ndarray, shape (p, 3)
        Spread evenly over the surface, model frame, mm.

    Returns
    -------
    WeakestMotion
    """
    jacobian = point_jacobian(places)
    metric = np.einsum("nia,nib->ab", jacobian, jacobian) / len(places)
    # of the covariance in a basis in which the metric is the identity
    root = np.linalg.cholesky(metric).T
    values, vectors = eigh(root @ covariance @ root.T)
    motion = np.linalg.solve(root, vectors[:, -1])
    middle = places.mean(axis=0)
    turn = motion[3:]
    shift = motion[:3] + np.cross(turn, middle)
    turning = np.cross(turn, places - middle)
    by_turn = float(np.sqrt((turning**2).sum(axis=1).mean()))
    return WeakestMotion(
        float(np.sqrt(max(values[-1], 0.0))), turn, shift, by_turn > float(np.linalg.norm(shift))
    )
