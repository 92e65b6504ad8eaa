"""How well a pose of touched points on a surface fits: residuals, outliers, probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, chdtrc

from nav.core.frames import Array, Pose
from nav.registration.determinacy import WeakestMotion

LEAST_POINTS = 12  # six are needed by counting; with fewer than twelve many poses fit
OUTLIER = 4.0  # sd
MOST_OUTLIERS = 0.25  # of the points
# A tip in the air or on something else is mostly far off; on other bones, and there only, many
# points are a little off. So many of the points may be nearer than FAR and still be outliers.
FAR, NEAR_OUTLIERS = 10.0, 0.05  # sd, share
REFUSED_TOGETHER = 1e-3  # probability of these residuals and of so many such outliers


@dataclass(frozen=True)
class SurfaceFit:
    """A pose of touched points on a surface, and what is for and against it.

    Parameters
    ----------
    pose : Pose
        model_from_reference with its covariance.
    residuals : ndarray, shape (n,)
        Signed distances of the points, positive outside, mm.
    sd : ndarray, shape (n,)
        Declared standard deviation of each, mm.
    used : ndarray, shape (n,), bool
        False for outliers.
    chi2, freedom : float and int
        Of the points used.
    log_likelihood : float
        Robust, of all points.
    weakest : WeakestMotion
        What is known least.
    places : ndarray, shape (n, 3)
        The points, model frame, mm.
    rows : ndarray, shape (n, 6)
        Derivatives of their distances by a left perturbation of the pose; the normals first.
    surface_share : ndarray, shape (n,)
        Share of the surface's own error in each declared variance.
    """

    pose: Pose
    residuals: Array
    sd: Array
    used: NDArray[np.bool_]
    chi2: float
    freedom: int
    log_likelihood: float
    weakest: WeakestMotion
    places: Array
    rows: Array
    surface_share: Array

    @property
    def explained(self) -> bool:
        """Whether the declared errors explain the residuals."""
        enough = self.used.mean() >= 1.0 - MOST_OUTLIERS and self.used.sum() >= LEAST_POINTS
        return bool(enough and self.probability >= REFUSED_TOGETHER)

    @property
    def near_outliers(self) -> int:
        """Number of outliers that are only a little off."""
        return int((np.abs(self.residuals[~self.used]) <= FAR * self.sd[~self.used]).sum())

    @property
    def probability(self) -> float:
        """Of residuals so large and so many outliers that are only a little off."""
        return fisher(float(chdtrc(self.freedom, self.chi2)), outlier_probability(self))

    @property
    def rms(self) -> float:
        """Of the residuals that are used, mm."""
        return float(np.sqrt(np.mean(self.residuals[self.used] ** 2))) if self.used.any() else 0.0


def outlier_probability(fit: SurfaceFit) -> float:
    """Return how probable so many outliers that are only a little off are on the right bone.

    Parameters
    ----------
    fit : SurfaceFit
        A pose.

    Returns
    -------
    float
    """
    near = fit.near_outliers
    return float(bdtrc(near - 1, len(fit.used), NEAR_OUTLIERS)) if near else 1.0


def fisher(*probabilities: float) -> float:
    """Return the probability of several independent ones together [1]_.

    Parameters
    ----------
    *probabilities : float
        At least one.

    Returns
    -------
    float

    References
    ----------
    .. [1] Fisher, Statistical Methods for Research Workers, 4th ed., 1932, section 21.1.
    """
    if min(probabilities) <= 0.0:
        return 0.0
    return float(chdtrc(2 * len(probabilities), -2.0 * np.log(probabilities).sum()))
