"""A needle's axis from a guide that holds it: a hole of known direction, as in a divot block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.needle.pivot_verdict import LEAST_POSES, NotCalibrated
from calibration.needle.serial import repetition
from nav.core.errors import InputError
from nav.core.frames import Array

ROUNDING = 1e-9  # rad
MOST_WOBBLE = np.radians(3.0)  # rms: then it is not a guide that holds the shaft


@dataclass(frozen=True)
class GuidedAxis:
    """The axis of a needle in a guide.

    Attributes
    ----------
    axis : ndarray, shape (3,)
        Unit vector, tool frame, hub to tip.
    covariance : ndarray, shape (3, 3)
        Across the axis, rad^2.
    wobble : float
        Rms angle of the guide's direction from its mean, rad.
    poses : int
        How many poses there were.
    independent : float
        How many independent poses they are worth.
    """

    axis: Array
    covariance: Array
    wobble: float
    poses: int
    independent: float

    @property
    def sd(self) -> float:
        """Standard deviation in the worst direction, rad."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance)[-1]))


def guided_axis(rotations: ArrayLike, direction: ArrayLike) -> GuidedAxis:
    """Estimate a needle's axis as the mean direction of a guide in the tool frame.

    The wobble shows how well the shaft fills the guide, if the needle is turned meanwhile. It does
    not show whether the guide points in the direction that is given.

    Parameters
    ----------
    rotations : array_like, shape (n, 3, 3)
        a_from_tool, in the order of time; turn the needle about itself meanwhile.
    direction : array_like, shape (3,)
        Of the guide in frame a, in which the needle is inserted: hub to tip. Any length.

    Returns
    -------
    GuidedAxis
        The axis, its covariance and the wobble.

    Raises
    ------
    NotCalibrated
        Fewer than ten poses, or wobble above 3 degrees rms.
    InputError
        Wrong shapes, numbers that are not finite, or a direction of zero length.
    """
    turns, along = np.asarray(rotations, float), np.asarray(direction, float)
    if turns.ndim != 3 or turns.shape[1:] != (3, 3) or not np.isfinite(turns).all():
        raise InputError(f"guide: expected finite rotations (n, 3, 3), got {turns.shape}")
    if along.shape != (3,) or not np.isfinite(along).all() or not np.linalg.norm(along) > 0:
        raise InputError("guide: expected a direction of three numbers, not all 0")
    if len(turns) < LEAST_POSES:
        raise NotCalibrated(f"repeat: {len(turns)} poses, at least {LEAST_POSES} are needed")
    seen = np.einsum("nji,j->ni", turns, along / np.linalg.norm(along))
    axis = seen.mean(axis=0)
    axis /= np.linalg.norm(axis)
    off = seen - (seen @ axis)[:, None] * axis
    wobble = float(np.sqrt((off**2).sum(axis=1).mean()))
    if wobble > MOST_WOBBLE:
        raise NotCalibrated(
            f"repeat: the shaft wobbled by {np.degrees(wobble):.1f} degrees in the guide, at most "
            f"{np.degrees(MOST_WOBBLE):.0f} are fine; use a guide that holds it"
        )
    count = len(turns)
    repeated = repetition(off / max(wobble, ROUNDING), np.ones(count, np.bool_))
    covariance = off.T @ off / (count - 1) / count * repeated
    return GuidedAxis(axis, covariance, wobble, count, count / repeated)
