"""Prior of cord and dura, before a scan is looked at: predicted from the surrounding bones.

Radii of both in the unbent canal (see canal_frame) follow by linear regression from measures of the
bony canal and from the bones' relative poses; the covariance of the regression's residuals gives
the prior's modes. `scripts/make_canal_prior.py` makes the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.reconstruction.canal_frame import (
    BONES,
    CanalFrame,
    PolarGrid,
    canal_frame,
    hits,
)
from nav.reconstruction.chain import mean_chain
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.volume import Array

SPAN = 6.0  # mm above and below a bone's height, where its canal is measured
ARC = np.radians(30.0)  # to either side of a direction
MOST = 40.0  # mm, of a ray that meets no bone
MEASURED = ("C1", "C2", "C3", "C4")
FITTED_MM, FITTED_RAD = 0.3, 0.02  # accuracy of a fitted chain's measures
# pairs of child and parent whose relative pose is a feature
LIES = (("C1", "C2"), ("C3", "C2"), ("C4", "C3"))


@dataclass(frozen=True)
class CanalPrior:
    """Prior of cord and dura.

    Parameters
    ----------
    grid : PolarGrid
        Of both surfaces.
    unbent_from_root : RigidTransform
        Of the mean chain.
    stations : ndarray, shape (5,)
        Heights at which a point moves with one bone alone, unbent frame, mm.
    mean : ndarray, shape (2, k, count)
        Radii of cord and dura at the features' mean, mm.
    features_mean, features_sd : ndarray, shape (f,)
        Of the features, see `canal_features`.
    slope : ndarray, shape (f, m)
        Mode weights by standardised feature.
    modes : ndarray, shape (m, 2, k, count)
        Displacement by one unit of a mode's weight, mm.
    spread : ndarray, shape (m,)
        Standard deviation of a weight about the regression.
    rest : ndarray, shape (2, k, count)
        Standard deviation that the modes leave out, mm.
    ends : ndarray, shape (2,)
        Heights of C4's lower end and the foramen magnum's rim, unbent frame, mm.
    """

    grid: PolarGrid
    unbent_from_root: RigidTransform
    stations: Array
    mean: Array
    features_mean: Array
    features_sd: Array
    slope: Array
    modes: Array
    spread: Array
    rest: Array
    ends: Array

    def expected(self, features: Array) -> Array:
        """Predict the mode weights from the bones.

        Parameters
        ----------
        features : ndarray, shape (f,)
            See `canal_features`.

        Returns
        -------
        ndarray, shape (m,)
            Mode weights.
        """
        scaled = (features - self.features_mean) / self.features_sd
        # the regression is not extrapolated far beyond the training data
        return np.clip(scaled, -3.5, 3.5) @ self.slope

    def radii(self, weights: Array) -> Array:
        """Return the radii for mode weights.

        Parameters
        ----------
        weights : ndarray, shape (m,)
            Of the modes.

        Returns
        -------
        ndarray, shape (2, k, count)
            Of cord and dura, mm.
        """
        return self.mean + np.tensordot(weights, self.modes, 1)


@lru_cache(maxsize=1)
def load_canal_prior() -> CanalPrior:
    """Load the prior that comes with the program.

    Returns
    -------
    CanalPrior
        Of cord and dura; the same object at every call.
    """
    path = files("nav.reconstruction") / "data" / "canal_prior.npz"
    with path.open("rb") as file, np.load(file) as data:
        return canal_prior_from_arrays({name: data[name] for name in data.files})


def canal_prior_from_arrays(data: Mapping[str, NDArray]) -> CanalPrior:
    """Build the prior from the arrays of its file.

    Parameters
    ----------
    data : mapping of str to ndarray
        As `scripts/make_canal_prior.py` writes them.

    Returns
    -------
    CanalPrior
        Of cord and dura.
    """
    v = {name: np.asarray(value, float) for name, value in data.items()}
    return CanalPrior(
        PolarGrid(v["heights"], v["axis"], v["mean"].shape[2]),
        RigidTransform.from_matrix(v["unbent_from_root"]),
        v["stations"],
        v["mean"],
        v["features_mean"],
        v["features_sd"],
        v["slope"],
        v["modes"] * v["modes_scale"],
        v["spread"],
        v["rest"],
        v["ends"],
    )


def unbent_poses(prior: ShapePrior, unbent_from_root: RigidTransform) -> dict[str, RigidTransform]:
    """Return the mean chain's poses in the unbent frame.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    unbent_from_root : RigidTransform
        Of the mean chain.

    Returns
    -------
    dict of str to RigidTransform
        unbent_from_bone by name.
    """
    return mean_chain(prior, unbent_from_root).poses


def frame_of(
    prior: ShapePrior, canal: CanalPrior, poses: Mapping[str, RigidTransform]
) -> CanalFrame:
    """Return the canal frame of a chain's poses.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    canal : CanalPrior
        Of cord and dura.
    poses : mapping of str to RigidTransform
        model_from_bone by name.

    Returns
    -------
    CanalFrame
        Of these poses.
    """
    return canal_frame(poses, unbent_poses(prior, canal.unbent_from_root), canal.stations)


def canal_features(
    grid: PolarGrid,
    unbent: Mapping[str, RigidTransform],
    poses: Mapping[str, RigidTransform],
    surfaces: Mapping[str, tuple[Array, NDArray[np.int32]]],
) -> Array:
    """Measure the bony canal.

    Parameters
    ----------
    grid : PolarGrid
        Source of the rays.
    unbent : mapping of str to RigidTransform
        Mean poses, unbent_from_bone.
    poses : mapping of str to RigidTransform
        model_from_bone.
    surfaces : mapping of str to (ndarray, ndarray)
        Vertices, own frame, mm, and triangles of the bones by name.

    Returns
    -------
    ndarray, shape (26,)
        For C1 to C4 the distance from the axis to the canal's nearest bone in front, behind and
        beside (mean of both sides), mm; then the pose of C1 on C2 against the mean, translation,
        mm, and rotation vector, rad; and for C3 on C2 and C4 on C3 the translation and the
        rotation about x.
    """
    starts, directions = grid.rays()
    found = []
    for name in MEASURED:
        height = unbent[name].translation[2]
        rows = np.abs(grid.heights - height) <= SPAN
        vertices, triangles = surfaces[name]
        far = hits(unbent[name].apply(vertices), triangles, starts[rows], directions[rows])
        nearest = [
            min(float(far[:, _near(grid.angles, angle)].min()), MOST)
            for angle in (-0.5 * np.pi, 0.5 * np.pi, 0.0, np.pi)
        ]
        found += [nearest[0], nearest[1], 0.5 * (nearest[2] + nearest[3])]
    for child, parent in LIES:
        moved = poses[parent] * unbent[parent].inv()
        off = (moved.inv() * poses[child]) * unbent[child].inv()
        turn = off.rotation.as_rotvec()
        shift = (moved.inv() * poses[child]).translation - unbent[child].translation
        six = np.concatenate([shift, turn])
        found += list(six if child == "C1" else six[[0, 1, 2, 3]])
    return np.array(found)


def feature_sd() -> Array:
    """Return the accuracy with which a fitted chain knows each feature.

    Returns
    -------
    ndarray, shape (26,)
        Standard deviations, mm and rad.
    """
    by_lie = [FITTED_MM] * 3 + [FITTED_RAD] * 3
    return np.array([FITTED_MM] * 3 * len(MEASURED) + by_lie + 2 * by_lie[:4])


def _near(angles: Array, angle: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs((angles - angle + np.pi) % (2.0 * np.pi) - np.pi) <= ARC)


__all__ = [
    "BONES",
    "CanalPrior",
    "canal_features",
    "canal_prior_from_arrays",
    "feature_sd",
    "frame_of",
    "load_canal_prior",
    "unbent_poses",
]
