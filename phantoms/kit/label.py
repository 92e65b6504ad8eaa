"""Engraved labels on the faces of parts."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.kit.solid import placed
from phantoms.kit.tools_lettering import engraving

ENGRAVED = 0.6  # mm, depth


def label(text: str, height: float, at: ArrayLike, right: ArrayLike, up: ArrayLike) -> Manifold:
    """Cutter of a text in a flat face, readable from outside.

    Parameters
    ----------
    at : array, shape (3,)
        Its middle, on the face, mm.
    right, up : array, shape (3,)
        Unit vectors in the face as a reader sees it; their product points outwards.
    """
    u, v = np.asarray(right, float), np.asarray(up, float)
    turn = Rotation.from_matrix(np.column_stack([u, v, np.cross(u, v)]))
    return placed(
        engraving(text, height, ENGRAVED, stroke=1.0),
        RigidTransform.from_components(np.asarray(at, float), turn),
    )
