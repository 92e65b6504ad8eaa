"""The shape prior: how C1 to C4 and what adjoins them may look and lie.

A statistical shape model [1]_ of the parametric anatomy: for each bone a mean surface in its own
frame and modes of variation that all bones share, and for each joint of the chain the mean pose of
the one bone on the other with its spread. `scripts/shape_prior.py` makes the file.

References
----------
.. [1] Cootes et al., Active shape models, CVIU 61(1), 1995.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

Array = NDArray[np.float64]
Triangles = NDArray[np.int32]

BONES = ("occiput", "C1", "C2", "C3", "C4", "C5")
ROOT = "C2"
# child -> parent: each bone hangs on its neighbour towards C2
PARENT = {"C1": "C2", "occiput": "C1", "C3": "C2", "C4": "C3", "C5": "C4"}


@dataclass(frozen=True)
class BonePrior:
    """One bone in its own frame.

    Parameters
    ----------
    mean : ndarray, shape (n, 3)
        Vertices, mm. triangles : (m, 3), counter-clockwise from outside.
    modes : ndarray, shape (k, n, 3)
        Displacement of the vertices by one standard deviation of each mode, mm.
    """

    name: str
    mean: Array
    triangles: Triangles
    modes: Array

    def shaped(self, weights: Array) -> Array:
        """Return the vertices (n, 3) for mode weights (k,), own frame, mm."""
        return self.mean + np.tensordot(weights, self.modes, 1)


@dataclass(frozen=True)
class JointPrior:
    """How a bone lies on its parent.

    Parameters
    ----------
    parent_from_child : mean pose. sd : (6,), of translation, mm, and rotation vector, rad, in the
        parent's frame; wider than the parametric anatomy's, as patients flex and turn.
    """

    child: str
    parent: str
    parent_from_child: RigidTransform
    sd: Array


@dataclass(frozen=True)
class ShapePrior:
    """All bones, and the joints between them.

    cord, dura : (r, c, 3) rings of vertices, mean, each ring in the frame of the bone `ring_bone`
    names; modes of them are in `soft_modes`, by the bones' own mode weights.
    """

    bones: dict[str, BonePrior]
    joints: tuple[JointPrior, ...]
    count: int

    def bone(self, name: str) -> BonePrior:
        """Return a bone's prior by its name."""
        return self.bones[name]


@lru_cache(maxsize=1)
def load_prior() -> ShapePrior:
    """Load the shape prior that comes with the program."""
    path = files("nav.reconstruction") / "data" / "shape_prior.npz"
    with path.open("rb") as file, np.load(file) as data:
        return prior_from_arrays({name: data[name] for name in data.files})


def prior_from_arrays(data: dict[str, NDArray]) -> ShapePrior:
    """Build the prior from the arrays of its file."""
    bones = {
        name: BonePrior(
            name,
            data[f"{name}_mean"].astype(float),
            data[f"{name}_triangles"].astype(np.int32),
            data[f"{name}_modes"].astype(float) * data[f"{name}_scale"],
        )
        for name in BONES
    }
    joints = tuple(
        JointPrior(
            child,
            parent,
            RigidTransform.from_matrix(data[f"{child}_on_{parent}"].astype(float)),
            data[f"{child}_on_{parent}_sd"].astype(float),
        )
        for child, parent in PARENT.items()
    )
    return ShapePrior(bones, joints, int(data["C2_modes"].shape[0]))
