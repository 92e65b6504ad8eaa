"""How the scale at which a tool was printed acts on its pose, and what the cameras see of it.

Growing a tool about its origin is growing it about a camera, which no image of that camera shows,
and a shift from the origin towards the camera. With one camera, a wrong scale is therefore a wrong
distance and leaves no residual; with two, the shifts differ, and the scale can be estimated.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.linear import Linear
from nav.tracking.fit.pixel_moments import GEOMETRY

SEEN = 2e-3  # sd of the relative scale from the pixels alone, below which cameras verify it
WRONG = 2e-3  # relative scale; less is within what a rig's own scale may be off
SURE = 5.0  # sd: a scale that differs from the file's by more is no chance


@dataclass(frozen=True)
class SizeEstimate:
    """What one frame set says of a tool's size, and how the size acts on its pose.

    Parameters
    ----------
    change : float
        True size over the file's minus 1, by the pixels alone; 0 where they show nothing of it.
    sd : float
        Standard deviation of the relative scale, the file's own included.
    pixel_sd : float
        The same from the pixels alone; infinite where they show nothing of it.
    motion : ndarray, shape (6,)
        Error of the estimated motion about the pivot per unit of relative scale, mm and rad.
    applied : bool
        Whether the motion was estimated along with it, not for the file's size.
    """

    change: float
    sd: float
    pixel_sd: float
    motion: Array
    applied: bool = False

    @property
    def expected(self) -> float:
        """What `change` is by pixels and file together."""
        return self.change * (self.sd / self.pixel_sd) ** 2

    @property
    def seen(self) -> bool:
        """Whether the cameras see how large the tool is."""
        return self.pixel_sd < SEEN

    @property
    def wrong(self) -> bool:
        """Whether they see that it is not as large as its file says."""
        return self.seen and abs(self.change) > max(WRONG, SURE * self.pixel_sd)


@dataclass(frozen=True)
class SizeError:
    """How a tool's pose depends on the scale at which it was printed.

    Parameters
    ----------
    motion : ndarray, shape (6,)
        Error of the pose per unit of relative scale, mm and rad.
    sd : float
        Standard deviation of the relative scale.
    checked : bool
        Whether somebody, or cameras together, checked the size.
    """

    motion: Array = field(default_factory=lambda: np.zeros(6))
    sd: float = 0.0
    checked: bool = True


def flow_by_size(fit_result: FitResult) -> Array:
    """Return the flow of each view by the relative scale of the tool.

    Parameters
    ----------
    fit_result : FitResult
        What each view's pixels say.

    Returns
    -------
    ndarray, shape (n, 8)
        Per unit of relative scale.
    """
    marker_views = fit_result.marker_views
    places = np.stack([model.place for model in marker_views.cameras])[marker_views.camera]
    towards = places - fit_result.projection.poses[:, :3, 3]
    return np.asarray(np.einsum("nab,nb->na", fit_result.projection.flow[:, :, :3], towards), float)


def estimate_size(
    linear: Linear,
    used: NDArray[np.bool_],
    solved: tuple[Array, Array],
    chi2: tuple[float, int],
    sd: float,
) -> SizeEstimate:
    """Estimate a tool's size beside a pose that was fitted with the file's.

    Parameters
    ----------
    linear : Linear
        Of the views.
    used : ndarray, shape (n,), bool
        Views that contribute.
    solved : tuple of ndarray
        Unknowns and their normal matrix, from these views.
    chi2 : tuple of float and int
        What the pose leaves of it, and the degrees of freedom.
    sd : float
        Of the file's relative scale.

    Returns
    -------
    SizeEstimate
    """
    unknowns, normal = solved
    fit_result, rows = linear.fit_result, np.flatnonzero(used)
    by_size = flow_by_size(fit_result)[rows]
    said = np.einsum("nab,nb->na", fit_result.information[rows][:, :, :GEOMETRY], by_size)
    cross = np.einsum("nau,na->u", linear.jacobian[rows], said)
    motion = np.linalg.solve(normal, cross)
    own = float(np.einsum("na,na->", by_size, said[:, :GEOMETRY]))
    pull = float(np.einsum("na,na->", by_size, fit_result.gradient[rows, :GEOMETRY]))
    # what the pose cannot explain; rounding leaves some of it with one camera
    left = own - float(cross @ motion)
    if left <= 1e-9 * own:
        return SizeEstimate(0.0, sd, np.inf, motion[:6])
    change = (pull - float(cross @ unknowns)) / left
    left /= max(1.0, (chi2[0] - change**2 * left) / max(chi2[1] - 1, 1))
    return SizeEstimate(change, _together(sd, left), left**-0.5, motion[:6])


def _together(sd: float, information: float) -> float:
    """Return the sd by the file and by the pixels' information."""
    return float(sd / np.sqrt(1.0 + sd**2 * information))


def estimated_with_effects(
    change: float, covariance: Array, prior_sd: float, sd: float
) -> SizeEstimate:
    """Return the size that was estimated along with the pose, as one more random effect.

    Parameters
    ----------
    change : float
        The estimate.
    covariance : ndarray, shape (7,)
        Of motion (6) and scale with the scale.
    prior_sd : float
        Of the effect, as the fit had it.
    sd : float
        Of the file's relative scale.

    Returns
    -------
    SizeEstimate
    """
    variance = float(covariance[6])
    information = 1.0 / variance - prior_sd**-2.0
    motion = -covariance[:6] / variance
    if information * prior_sd**2 <= 1e-6:
        return SizeEstimate(0.0, sd, np.inf, motion)
    free = change / (variance * information)
    both = _together(max(sd, prior_sd), information)
    return SizeEstimate(free, both, information**-0.5, motion, True)
