"""How long a shutter is open, learnt from smeared markers, and what that leaves open of a pose.

A marker that passes with a speed f (px/s) while the shutter is open for T is smeared by a
covariance of f f' T^2 / 12, on top of a blur that is equal in all directions. What is seen then is
the mean over the exposure. A tool that accelerates by a is, in the middle of the exposure, a T^2 /
24 away from its mean: for a hand and 20 ms some micrometres. The same holds for views of another
time.
"""

from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array

KEEP = 0.99  # of what was learnt, per frame set
CHANGED = 0.25  # of a hand's acceleration, per axis, from one frame set to the next (sd, 30 per s)
SLOW = 20.0  # px/s: a slower marker says next to nothing


@dataclass
class Exposure:
    """One camera's exposure time as known so far: a least-squares fit of T^2 / 12.

    Parameters
    ----------
    above, below : float
        Numerator and denominator of the fit.
    """

    above: float = 0.0
    below: float = SLOW**4

    def learn(self, blur: Array, speed: Array) -> None:
        """Take views of moving markers into account.

        Parameters
        ----------
        blur : ndarray, shape (n, 3)
            Covariance uu, uv, vv, px^2.
        speed : ndarray, shape (n, 2)
            Of the markers' middles, px/s.
        """
        u, v = speed.T
        along = (blur[:, 0] - blur[:, 2]) * (u * u - v * v) + 4.0 * blur[:, 1] * u * v
        self.above = KEEP * self.above + float(along.sum())
        self.below = KEEP * (self.below - SLOW**4) + float(((u * u + v * v) ** 2).sum()) + SLOW**4

    @property
    def seconds(self) -> float:
        """Exposure time T, s; 0 while nothing has moved."""
        return float(np.sqrt(12.0 * max(self.above, 0.0) / self.below))


def mean_or_middle(acceleration: Array, seconds: float, late: Array) -> Array:
    """Return the covariance between the mean of all exposures and the pose at its own time.

    Parameters
    ----------
    acceleration : ndarray, shape (6,)
        As of a moment before, mm/s^2 and rad/s^2.
    seconds : float
        Of an exposure.
    late : ndarray, shape (n,)
        By how many seconds views are off the pose's time; even motion meanwhile is already taken
        into account.

    Returns
    -------
    ndarray, shape (6, 6)
        mm^2 and rad^2.
    """
    difference = acceleration * (seconds**2 / 24.0 + float(np.mean(late**2)) / 2.0)
    changed = CHANGED**2 * np.repeat(
        [difference[:3] @ difference[:3], difference[3:] @ difference[3:]], 3
    )
    return np.outer(difference, difference) + np.diag(changed)
