"""How much a surface registration would move if the same bone were touched again."""

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_exact import Touches, fit_exactly

SAMPLES = 100
STEPS = 8


def bootstrap_covariance(
    surface: PreparedSurface, touches: Touches, mean: Array, transform: RigidTransform
) -> Array:
    """Estimate a registration's covariance by resampling the touched points [1]_.

    The information of a fit is linear in its pose; with few points on a curved surface that is too
    optimistic.

    Parameters
    ----------
    surface : PreparedSurface
        Where they were touched.
    touches : Touches
        The points that the registration rests on.
    mean : ndarray, shape (3,)
        Theirs, reference frame, mm.
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
    count = len(touches.points)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(count, np.full(count, 1.0 / count), SAMPLES).astype(float)
    start = transform.rotation.as_matrix(), transform.apply(mean)
    fits = [
        fit_exactly(surface.field, surface.facets, touches, drawn, *start, STEPS)
        for drawn in counts
    ]
    rotations = Rotation.from_matrix(np.stack([rotation for rotation, _ in fits]))
    moved = np.stack([place for _, place in fits])
    samples = RigidTransform.from_components(moved - rotations.apply(mean), rotations)
    # each sample's pose as a left perturbation of the fit's
    change = samples * transform.inv()
    offsets = np.hstack([change.translation, change.rotation.as_rotvec()])
    offsets -= np.median(offsets, axis=0)
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
