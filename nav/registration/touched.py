"""Touched fiducials with where the case has them and how well each was touched."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.registration.points import joint_covariance

if TYPE_CHECKING:  # compiled: loaded only where it is used
    from nav.registration.prepared_surface import PreparedSurface
    from nav.registration.surface_pose import FiducialPairs


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
        Of the errors that a touch shares with no other, mm^2.
    registering : ndarray, shape (n,), bool
        False for check points.
    shared : ndarray, shape (n, 3, k)
        Errors that all touches share (tip, scale), mm: column j is how one standard deviation of
        the j-th moves each touched point. k is 0 where there are none.
    """

    labels: tuple[str, ...]
    model: Array
    touched: Array
    covariance: Array
    registering: NDArray[np.bool_]
    shared: Array = field(default_factory=lambda: np.zeros((0, 3, 0)))

    def __post_init__(self) -> None:
        if self.shared.shape[2] == 0:
            object.__setattr__(self, "shared", np.zeros((len(self.labels), 3, 0)))

    @cached_property
    def weights(self) -> Array:
        """Inverse of each touch's mean variance per axis, (n,), mm^-2.

        Of the errors that all share only what differs between touches: no residual shows the rest.
        """
        varying = self.shared - self.shared.mean(axis=0)
        variance = np.trace(self.covariance, axis1=1, axis2=2) + (varying**2).sum(axis=(1, 2))
        return np.asarray(3.0 / variance, float)

    def joint(self, rotation: Array) -> Array:
        """Return the covariance of all coordinates together, turned into another frame.

        Parameters
        ----------
        rotation : ndarray, shape (3, 3)
            From the reference frame.

        Returns
        -------
        ndarray, shape (3n, 3n)
            In mm^2.
        """
        return joint_covariance(rotation, self.covariance, self.shared)

    def take(self, which: NDArray[np.bool_]) -> "TouchedPoints":
        """Return some of the points."""
        index = np.flatnonzero(which)
        return TouchedPoints(
            tuple(self.labels[k] for k in index),
            self.model[index],
            self.touched[index],
            self.covariance[index],
            self.registering[index],
            self.shared[index],
        )


@dataclass(frozen=True)
class TouchedBone:
    """Points touched on bone, with the bone's surface.

    Parameters
    ----------
    surface : PreparedSurface
        Of the case's bones, model frame, mm.
    points : ndarray, shape (n, 3)
        Reference frame, mm.
    sigma : float
        Error of a touch along the normal that the covariances do not include, one standard
        deviation, mm.
    covariance : ndarray, shape (n, 3, 3), optional
        Of the points, mm^2.
    landmarks : pair of ndarray, shape (m, 3), optional
        Rough landmarks, model frame and reference frame, mm.
    fiducials : FiducialPairs, optional
        Touched fiducials that are estimated together with the points.
    """

    surface: "PreparedSurface"
    points: Array
    sigma: float
    covariance: Array | None = None
    landmarks: tuple[Array, Array] | None = None
    fiducials: "FiducialPairs | None" = None
