"""Is a 4 x 4 matrix that came from elsewhere a rigid transform, and if not, why?"""

from typing import Literal

import numpy as np

from nav.core.frames import Array

NOT_RIGID = 0.01  # largest deviation of R R' from the identity: matrices rounded to three digits
LAST_ROW = 1e-6
FARTHEST = 1e5  # mm: no tracker of this field reaches that far
RigidFault = Literal["", "not finite", "last row", "far", "scales", "shears", "mirrors"]


def rigid_fault(matrix: Array) -> RigidFault:
    """Return what keeps a matrix from being a rigid transform in millimetres.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Homogeneous.

    Returns
    -------
    str
        "not finite"; "last row": it is not 0 0 0 1; "far": farther away than any tracker reaches;
        "scales", "shears" or "mirrors"; empty where it is rigid.
    """
    if not np.isfinite(matrix).all():
        return "not finite"
    rotation, translation = matrix[:3, :3], matrix[:3, 3]
    if np.abs(matrix[3] - [0.0, 0.0, 0.0, 1.0]).max() > LAST_ROW:
        return "last row"
    if np.abs(translation).max() > FARTHEST:
        return "far"
    if np.abs(rotation).max() >= 1.0 + NOT_RIGID:
        return "scales"
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > NOT_RIGID:
        lengths = np.linalg.norm(rotation, axis=0)
        return "scales" if np.abs(lengths - 1.0).max() > NOT_RIGID / 2 else "shears"
    return "mirrors" if np.linalg.det(rotation) < 0.0 else ""
