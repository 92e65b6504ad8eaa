"""How much a surface registration would move if the same bone were touched again."""

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.registration.surface_kernels import DistanceField, Schedule, fit_resampled

SAMPLES = 100
RESAMPLED = Schedule(1.2, 1.2, 6)


def bootstrap_covariance(field: DistanceField, points: Array, transform: RigidTransform) -> Array:
    """Estimate a registration's covariance by resampling the touched points [1]_.

    The information of a fit is linear in its pose; with few points on a curved surface that is too
    optimistic.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    points : ndarray, shape (n, 3)
        The points that the registration rests on, reference frame, mm.
    transform : RigidTransform
        model_from_reference, fitted to them.

    Returns
    -------
    ndarray, shape (6, 6)
        Of a left perturbation in the model frame, mm^2 and rad^2.

    References
    ----------
    .. [1] Efron, Ann. Stat. 7(1), 1979.
    """
    mean = points.mean(axis=0)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(points), np.full(len(points), 1.0 / len(points)), SAMPLES)
    turned, moved = fit_resampled(
        field,
        np.ascontiguousarray(points - mean),
        counts.astype(float),
        transform.rotation.as_matrix(),
        transform.apply(mean),
        RESAMPLED,
    )
    rotations = Rotation.from_matrix(turned)
    samples = RigidTransform.from_components(moved - rotations.apply(mean), rotations)
    # each sample's pose as a left perturbation of the fit's
    change = samples * transform.inv()
    offsets = np.hstack([change.translation, change.rotation.as_rotvec()])
    offsets -= offsets.mean(axis=0)
    return np.asarray(offsets.T @ offsets / (SAMPLES - 1), float)


def larger_covariance(covariance: Array, other: Array) -> Array:
    """Return the smallest covariance, along their common axes, that is as large as both.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        Positive definite.
    other : ndarray, shape (n, n)
        Positive semi-definite.

    Returns
    -------
    ndarray, shape (n, n)
    """
    values, vectors = eigh(other, covariance)
    back = covariance @ vectors
    return np.asarray(back @ np.diag(np.maximum(values, 1.0)) @ back.T, float)
