"""How far a surface registration may be off: its posterior by importance sampling."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_exact import CUT, Facets, Touches, residuals_at
from nav.registration.surface_kernels import DistanceField, turn_by

SAMPLES, ROUNDS = 1500, 3
WIDER = 1.5  # times the standard deviations: where the samples of a round are drawn
HEAVY = 5.0  # degrees of freedom of the t distribution they are drawn from
LEAST_EFFECTIVE = 60.0  # samples that the weights must be worth


@njit(cache=True, nogil=True)
def _negative_log_likelihoods(
    field: DistanceField,
    facets: Facets,
    touches: Touches,
    rotation: Array,
    place: Array,
    offsets: Array,
) -> Array:  # pragma: no cover - compiled
    """Return half the robust cost (k,) of poses (k, 6) about one, turned about the points' mean."""
    costs = np.empty(len(offsets))
    for k in range(len(offsets)):
        _, distances, _, variances = residuals_at(
            field, facets, touches, turn_by(offsets[k, 3:]) @ rotation, place + offsets[k, :3]
        )
        total = 0.0
        for n in range(len(distances)):
            inside = min(distances[n] ** 2 / (variances[n] * CUT**2), 1.0)
            total += (CUT**2 / 6.0) * (1.0 - (1.0 - inside) ** 3)
        costs[k] = total
    return costs


def posterior_covariance(
    surface: PreparedSurface,
    touches: Touches,
    mean: Array,
    transform: RigidTransform,
    covariance: Array,
) -> Array:
    """Estimate the second moment of a registration's posterior about its best pose.

    The information of a fit takes the surface for planes. Where errors are as large as the bone's
    edges are sharp, the poses that the points allow reach further: here they are sampled, with the
    weights of adaptive importance sampling [1]_.

    Parameters
    ----------
    surface : PreparedSurface
        Where the points were touched.
    touches : Touches
        The points.
    mean : ndarray, shape (3,)
        Theirs, reference frame, mm.
    transform : RigidTransform
        model_from_reference, the best pose.
    covariance : ndarray, shape (6, 6)
        Roughly; left perturbation in the model frame, mm^2 and rad^2.

    Returns
    -------
    ndarray, shape (6, 6)
        As `covariance`, which is returned where the samples say too little.

    References
    ----------
    .. [1] Cappe et al., J. Comput. Graph. Stat. 13(4), 2004.
    """
    place, rotation = transform.apply(mean), transform.rotation.as_matrix()
    # from a perturbation about the origin to one about the points' mean, and back
    about_mean = np.eye(6)
    about_mean[:3, 3:] = -_cross(place)
    current = about_mean @ covariance @ about_mean.T
    rng = np.random.default_rng(0)
    found = None
    for _ in range(ROUNDS):
        root = np.linalg.cholesky(current) * WIDER
        normal = rng.normal(size=(SAMPLES, 6))
        stretch = np.sqrt(HEAVY / rng.chisquare(HEAVY, SAMPLES))
        drawn = normal * stretch[:, None]
        offsets = np.vstack([np.zeros(6), drawn @ root.T])
        costs = _negative_log_likelihoods(
            surface.field, surface.facets, touches, rotation, place, offsets
        )
        square = (drawn**2).sum(axis=1)
        logarithm = costs[0] - costs[1:] + 0.5 * (HEAVY + 6.0) * np.log1p(square / HEAVY)
        weights = np.exp(logarithm - logarithm.max())
        weights /= weights.sum()
        if 1.0 / (weights**2).sum() < LEAST_EFFECTIVE / 4.0:
            break
        current = _moment(offsets[1:], weights)
        if 1.0 / (weights**2).sum() >= LEAST_EFFECTIVE:
            found = current
    if found is None:
        return covariance
    back = np.linalg.inv(about_mean)
    return np.asarray(back @ found @ back.T, float)


def _moment(offsets: Array, weights: Array) -> Array:
    moment: NDArray[np.float64] = (offsets * weights[:, None]).T @ offsets
    return moment + np.diag([1e-8] * 3 + [1e-11] * 3)


def _cross(vector: Array) -> Array:
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
