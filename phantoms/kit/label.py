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
    """Build the cutter of a text in a flat face, readable from outside.

    Parameters
    ----------
    text : str
        Characters that `engraving` knows.
    height : float
        Of a capital letter, mm.
    at : array_like, shape (3,)
        Its middle, on the face, mm.
    right, up : array_like, shape (3,)
        Unit vectors in the face as a reader sees it; their cross product points outwards.

    Returns
    -------
    Manifold
        In the frame of `at`, ENGRAVED deep.
    """
    u, v = np.asarray(right, float), np.asarray(up, float)
    turn = Rotation.from_matrix(np.column_stack([u, v, np.cross(u, v)]))
    return placed(
        engraving(text, height, ENGRAVED, stroke=1.0),
        RigidTransform.from_components(np.asarray(at, float), turn),
    )
