"""What errors that all touches share leave at check points, which they move as well."""

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array, point_jacobian
from nav.registration.touched import TouchedPoints


def check_covariances(
    used: TouchedPoints, checks: TouchedPoints, transform: RigidTransform
) -> tuple[Array, Array]:
    """Return what may be seen at check points that are touched with the same errors.

    A shared error moves the registration and the check point too: most of it cancels.

    Parameters
    ----------
    used : TouchedPoints
        Those that were registered with.
    checks : TouchedPoints
        Check points, n of them, with the same shared errors.
    transform : RigidTransform
        model_from_reference.

    Returns
    -------
    registration : ndarray, shape (6, 6)
        Covariance of the registration by the errors of each touch alone.
    seen : ndarray, shape (n, 3, k)
        What is seen of each shared error at each check point, model frame, mm.
    """
    rotation = transform.rotation.as_matrix()
    stacked = point_jacobian(transform.apply(used.touched)).reshape(-1, 6)
    weighted = np.linalg.solve(used.joint(rotation), stacked)
    gain = np.linalg.solve(stacked.T @ weighted, weighted.T)
    blocks = gain.reshape(6, len(used.labels), 3).transpose(1, 0, 2)
    own = rotation @ used.covariance @ rotation.T
    registration = np.einsum("nai,nij,nbj->ab", blocks, own, blocks)
    moved = np.einsum("nai,nik->ak", blocks, rotation @ used.shared)
    seen = rotation @ checks.shared - point_jacobian(transform.apply(checks.touched)) @ moved
    return registration, seen
