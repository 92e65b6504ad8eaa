"""Relative motion of bones between CT and touching: the neck was positioned differently."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.special import chdtrc

from nav.core.frames import Array
from nav.registration.goodness_of_fit import LEAST_POINTS, SurfaceFit
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_exact import CUT
from nav.registration.surface_pose import TouchedSurface, describe_fit, fit_near

ROUNDS = 6  # of fitting each bone and giving each point to its nearest
FREEDOM = 6  # of a motion of one bone against the other
LEAST_MOTION = 1.0  # mm rms over the bone: surfaces that err smoothly look like less
DOUBTED, CERTAIN = 1e-2, 1e-4  # probability by chance of points that fit so much better apart
EXPLAINS = 1e-8  # the same, where it is to explain points that do not fit: more is tried then
TRIED = tuple(np.radians((-20.0, -10.0, 10.0, 20.0)))  # turns of a bone to start from
TURNS = ("nodding", "tilting sideways", "turning left or right")


@dataclass(frozen=True)
class BoneMotion:
    """How one bone moved against another since the CT, as touched points show it.

    Parameters
    ----------
    bone, other : int
        Which surface moved against which: the other one has more points.
    angle : float
        Of the turn, degrees.
    axis : int
        Model axis that it is mostly about.
    distance : float
        Displacement of the bone, rms over its surface, mm.
    probability : float
        That points on bones that did not move fit so much better apart.
    """

    bone: int
    other: int
    angle: float
    axis: int
    distance: float
    probability: float

    @property
    def certain(self) -> bool:
        """Whether it cannot be chance."""
        return self.probability < CERTAIN

    def words(self, names: Sequence[str]) -> str:
        """Describe the motion, and what to do about it.

        Parameters
        ----------
        names : sequence of str
            Of the surfaces.

        Returns
        -------
        str
        """
        bone, other = names[self.bone], names[self.other]
        may = "moved" if self.certain else "may have moved"
        return (
            f"{bone} {may} against {other} since the CT, by {self.angle:.0f} degrees (mostly "
            f"{TURNS[self.axis]}), {self.distance:.1f} mm: the points fit each bone alone better "
            "than both as one; register to the bone that is punctured beside alone, with "
            f"--structure {other} or --structure {bone}"
        )


def find_bone_motion(
    surface: PreparedSurface, touched: TouchedSurface, fit: SurfaceFit, refused: bool = False
) -> BoneMotion | None:
    """Test whether points fit each bone alone better than all bones in one piece.

    Parameters
    ----------
    surface : PreparedSurface
        All bones.
    touched : TouchedSurface
        Points on them.
    fit : SurfaceFit
        The best pose of all in one piece; it need not explain them.
    refused : bool
        Whether it was refused: then larger motions are tried, and less probable ones count.

    Returns
    -------
    BoneMotion or None
        None where it does not show, or fewer than two bones have points enough.
    """
    whole = fit.pose.transform
    trees = [KDTree(one.vertices) for one in surface.surfaces]
    apart = [
        _fit_apart(surface, touched, poses, trees) for poses in _starts(surface, whole, refused)
    ]
    best = max(apart, key=lambda one: one.log_likelihood)
    counts = np.bincount(best.owner, minlength=len(trees))
    other = int(np.argmax(counts))
    reference = best.fits[other]
    if reference is None or not reference.explained:
        return None
    found: list[BoneMotion] = []
    for number, one in enumerate(best.fits):
        if number == other or one is None or not one.explained:
            continue
        pair = touched.take((best.owner == number) | (best.owner == other))
        # the best that both do in one piece, from the pose of all and from that of each
        together = max(
            describe_fit(surface, pair, fit_near(surface, pair, start)).log_likelihood
            for start in (whole, one.pose.transform, reference.pose.transform)
        )
        gained = 2.0 * (one.log_likelihood + reference.log_likelihood - together)
        inflated = max(1.0, (one.chi2 + reference.chi2) / (one.freedom + reference.freedom))
        probability = float(chdtrc(FREEDOM, max(gained / inflated, 0.0)))
        motion = reference.pose.transform * one.pose.transform.inv()
        vertices = surface.surfaces[number].vertices
        moved = motion.apply(vertices) - vertices
        distance = float(np.sqrt((moved**2).sum(axis=1).mean()))
        if probability < (EXPLAINS if refused else DOUBTED) and distance >= LEAST_MOTION:
            turn = motion.rotation.as_rotvec(degrees=True)
            axis, angle = int(np.argmax(np.abs(turn))), float(np.linalg.norm(turn))
            found.append(BoneMotion(number, other, angle, axis, distance, probability))
    return min(found, key=lambda one: one.probability, default=None)


@dataclass(frozen=True)
class _Apart:
    """Points given to the bones, and each bone's own fit; None where it has too few."""

    owner: NDArray[np.intp]
    fits: tuple[SurfaceFit | None, ...]

    @property
    def log_likelihood(self) -> float:
        """Of all; a point of a bone without a fit counts as an outlier."""
        own = sum(one.log_likelihood for one in self.fits if one is not None)
        left = sum(int((self.owner == k).sum()) for k, one in enumerate(self.fits) if one is None)
        return own - left * CUT**2 / 6.0


def _starts(
    surface: PreparedSurface, whole: RigidTransform, turned: bool
) -> list[list[RigidTransform]]:
    """Return poses by bone to start from: in one piece, and with each bone turned."""
    count = len(surface.surfaces)
    starts = [[whole] * count]
    if not turned or count < 2:
        return starts
    for number, one in enumerate(surface.surfaces):
        middle = one.vertices.mean(axis=0)
        for axis in range(3):
            for angle in TRIED:
                turn = Rotation.from_rotvec(angle * np.eye(3)[axis])
                back = RigidTransform.from_components(middle - turn.apply(middle), turn)
                starts.append([back * whole if k == number else whole for k in range(count)])
    return starts


def _fit_apart(
    surface: PreparedSurface,
    touched: TouchedSurface,
    poses: Sequence[RigidTransform],
    trees: Sequence[KDTree],
) -> _Apart:
    """Fit each bone to its points and give each point to the bone it is nearest to, in turn."""
    owner = owners(surface, touched, poses, trees)
    for _ in range(ROUNDS):
        fits: list[SurfaceFit | None] = []
        for number, pose in enumerate(poses):
            mine = owner == number
            some = touched.take(mine) if mine.sum() >= LEAST_POINTS else None
            fits.append(
                None if some is None else describe_fit(surface, some, fit_near(surface, some, pose))
            )
        main = fits[int(np.argmax(np.bincount(owner, minlength=len(fits))))]
        found = _Apart(owner, tuple(fits))
        if main is None:
            return found
        poses = [(main if one is None else one).pose.transform for one in fits]
        owner = owners(surface, touched, poses, trees)
        if (owner == found.owner).all():
            break
    return found


def owners(
    surface: PreparedSurface,
    touched: TouchedSurface,
    poses: Sequence[RigidTransform],
    trees: Sequence[KDTree] | None = None,
) -> NDArray[np.intp]:
    """Return which bone each point is nearest to.

    Parameters
    ----------
    surface : PreparedSurface
        The bones.
    touched : TouchedSurface
        The n points.
    poses : sequence of RigidTransform
        model_from_reference by each bone.
    trees : sequence of KDTree, optional
        Of the bones' vertices.

    Returns
    -------
    ndarray, shape (n,)
    """
    known = [KDTree(one.vertices) for one in surface.surfaces] if trees is None else trees
    distances: list[Array] = [
        tree.query(pose.apply(touched.points))[0] for tree, pose in zip(known, poses, strict=True)
    ]
    return np.argmin(np.array(distances), axis=0)
