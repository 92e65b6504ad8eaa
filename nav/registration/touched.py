"""Touched fiducials with where the case has them and how well each was touched."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array


@dataclass(frozen=True)
class TouchedPoints:
    """Touched fiducials, in the order of touching.

    Parameters
    ----------
    labels : tuple of str
        Of the n points.
    model : ndarray, shape (n, 3)
        Where the case has them, model frame, mm.
    touched : ndarray, shape (n, 3)
        Where they were touched, reference frame, mm.
    covariance : ndarray, shape (n, 3, 3)
        Of all errors of a touch, mm^2.
    registering : ndarray, shape (n,), bool
        False for check points.
    """

    labels: tuple[str, ...]
    model: Array
    touched: Array
    covariance: Array
    registering: NDArray[np.bool_]

    @cached_property
    def weights(self) -> Array:
        """Inverse of each touch's mean variance per axis, (n,), mm^-2."""
        return np.asarray(3.0 / np.trace(self.covariance, axis1=1, axis2=2), float)

    def take(self, which: NDArray[np.bool_]) -> "TouchedPoints":
        """Return some of the points."""
        index = np.flatnonzero(which)
        return TouchedPoints(
            tuple(self.labels[k] for k in index),
            self.model[index],
            self.touched[index],
            self.covariance[index],
            self.registering[index],
        )
