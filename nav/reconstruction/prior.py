"""Shape prior: shapes and relative poses of C1 to C4 and the adjacent bones.

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
SIDES = ("left", "right")
# along an artery upwards, and the bone of each: foramina of C4 and C3, entry to and exit from C2,
# C1's foramen, behind its lateral mass, and where the artery has entered the dura
STATIONS = {
    "C4": "C4",
    "C3": "C3",
    "C2low": "C2",
    "C2out": "C2",
    "C1": "C1",
    "groove": "C1",
    "pierce": "C1",
}
# child -> parent: each bone's parent is its neighbour towards C2
PARENT = {"C1": "C2", "occiput": "C1", "C3": "C2", "C4": "C3", "C5": "C4"}


@dataclass(frozen=True)
class BonePrior:
    """One bone in its own frame.

    Parameters
    ----------
    name : str
        Of the bone.
    mean : ndarray, shape (n, 3)
        Vertices, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
    modes : ndarray, shape (k, n, 3)
        Displacement of the vertices by one standard deviation of each mode, mm.
    """

    name: str
    mean: Array
    triangles: Triangles
    modes: Array

    def shaped(self, weights: Array) -> Array:
        """Return the vertices for mode weights.

        Parameters
        ----------
        weights : ndarray, shape (k,)
            In standard deviations.

        Returns
        -------
        ndarray, shape (n, 3)
            Own frame, mm.
        """
        return self.mean + np.tensordot(weights, self.modes, 1)


@dataclass(frozen=True)
class JointPrior:
    """Pose of a bone on its parent.

    Parameters
    ----------
    child, parent : str
        Names of the bones.
    parent_from_child : RigidTransform
        Mean pose.
    sd : ndarray, shape (6,)
        Of translation, mm, and rotation vector, rad, in the parent's frame; wider than the
        parametric anatomy's, as patients flex and turn.
    """

    child: str
    parent: str
    parent_from_child: RigidTransform
    sd: Array


@dataclass(frozen=True)
class Station:
    """A point on an artery's usual course, tied to a bone's surface.

    Parameters
    ----------
    bone : str
        Name of the bone.
    vertices : ndarray of int, shape (k,)
        Of its surface; the point follows their mean.
    offset, sd : ndarray, shape (3,)
        From that mean, and its spread, in the bone's frame, mm.
    """

    bone: str
    vertices: NDArray[np.intp]
    offset: Array
    sd: Array


@dataclass(frozen=True)
class ShapePrior:
    """All bones, the joints between them, and the arteries' usual course.

    Parameters
    ----------
    bones : dict of str to BonePrior
        By name.
    joints : tuple of JointPrior
        Of each bone on its parent.
    stations : dict of str to dict of str to Station
        By side ("left", "right") and name, in the order of STATIONS.
    count : int
        Number of shape modes.
    """

    bones: dict[str, BonePrior]
    joints: tuple[JointPrior, ...]
    stations: dict[str, dict[str, Station]]
    count: int

    def bone(self, name: str) -> BonePrior:
        """Return a bone's prior by its name."""
        return self.bones[name]


@lru_cache(maxsize=1)
def load_prior() -> ShapePrior:
    """Load the shape prior that comes with the program.

    Returns
    -------
    ShapePrior
        The same object at every call.
    """
    path = files("nav.reconstruction") / "data" / "shape_prior.npz"
    with path.open("rb") as file, np.load(file) as data:
        return prior_from_arrays({name: data[name] for name in data.files})


def prior_from_arrays(data: dict[str, NDArray]) -> ShapePrior:
    """Build the prior from the arrays of its file.

    Parameters
    ----------
    data : dict of str to ndarray
        As `scripts/shape_prior.py` writes them.

    Returns
    -------
    ShapePrior
        Of the chain.
    """
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
    stations = {side: {name: _station(data, side, name) for name in STATIONS} for side in SIDES}
    return ShapePrior(bones, joints, stations, int(data["C2_modes"].shape[0]))


def _station(data: dict[str, NDArray], side: str, name: str) -> Station:
    key = f"artery_{side}_{name}"
    return Station(
        STATIONS[name],
        data[f"{key}_vertices"].astype(np.intp),
        data[f"{key}_offset"].astype(float),
        data[f"{key}_sd"].astype(float),
    )
