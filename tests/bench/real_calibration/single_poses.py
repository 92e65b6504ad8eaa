"""Poses of single markers, both that may look the same, and which of them pictures agree on.

A square seen nearly flat by one camera has two poses that look much the same (Schweighofer and
Pinz 2006). Two tags of a rigid wall have the same relative pose in every picture that shows both:
the wrong one of two poses does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nav.core.frames import Array
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.corner_pose import DECISIVE
from nav.tracking.fit.initial_pose import angle_between, find_start
from nav.tracking.fit.reprojection import ViewStack
from tests.bench.real_calibration.tag_views import Views

STEPS, CONVERGED = 20, 1e-6
FREEDOM = 1.386  # median of a chi-square with two degrees of freedom: eight numbers, six unknowns
SAME_SD = np.radians(3.0)  # of relative rotations in two pictures, beyond what corners explain
MOST_APART = 16.0  # squared, sd: what disagrees more is wrong, however much
SWEEPS = 20
MOST_ROTATION_SD = np.radians(20.0)  # a pose whose rotation is known no better says nothing


@dataclass(frozen=True)
class SinglePose:
    """One pose of a tag: camera_from_tag (4, 4), mm; its chi-square; rotation's variance, rad^2."""

    matrix: Array
    chi2: float
    variance: float


@dataclass(frozen=True)
class SinglePoses:
    """Poses by picture and tag, the right one of two by agreement.

    others : the second pose, where there is one. twofold : which have one that their own corners do
    not exclude. overturned : of these, which have the one that fits their corners less well.
    undecided : which of them neither corners nor other pictures decide.
    """

    poses: Mapping[tuple[int, int], SinglePose]
    others: Mapping[tuple[int, int], SinglePose]
    twofold: frozenset[tuple[int, int]]
    overturned: frozenset[tuple[int, int]]
    undecided: frozenset[tuple[int, int]]

    @property
    def decided(self) -> dict[tuple[int, int], SinglePose]:
        """Without those that are undecided."""
        return {key: pose for key, pose in self.poses.items() if key not in self.undecided}


def single_poses(views: Views) -> SinglePoses:
    """Return the pose of every tag in every picture."""
    candidates = {key: _candidates(view) for key, view in views.items()}
    candidates = {key: own for key, own in candidates.items() if own}
    spread = max(float(np.median([own[0].chi2 for own in candidates.values()])) / FREEDOM, 1.0)
    candidates = {
        key: [replace(p, chi2=p.chi2 / spread, variance=p.variance * spread) for p in own]
        for key, own in candidates.items()
    }
    candidates = {
        key: own for key, own in candidates.items() if own[0].variance < MOST_ROTATION_SD**2
    }
    agreement = _Agreement(candidates)
    choice = agreement.choose()
    twofold = {
        key for key, own in candidates.items()
        if len(own) > 1 and own[1].chi2 - own[0].chi2 < DECISIVE
    }  # fmt: skip
    undecided = {key for key in twofold if agreement.lead(key, choice) < DECISIVE}
    return SinglePoses(
        {key: own[choice[key]] for key, own in candidates.items()},
        {key: own[1 - choice[key]] for key, own in candidates.items() if len(own) > 1},
        frozenset(twofold),
        frozenset(key for key in twofold if choice[key]),
        frozenset(undecided),
    )


def _candidates(view: MarkerView) -> list[SinglePose]:
    """The pose that fits the corners best, and the other one where there is one; fitted."""
    start = find_start([view], None)
    if start is None:
        return []
    starts = [start.pose] if start.rival is None else [start.pose, start.rival]
    fitted = [pose for pose in (_fitted(s, ViewStack([view])) for s in starts) if pose is not None]
    fitted = sorted(fitted, key=lambda pose: pose.chi2)
    if len(fitted) == 2 and angle_between(fitted[0].matrix, fitted[1].matrix) < SAME_SD:
        return fitted[:1]
    return fitted


def _fitted(pose: Array, stack: ViewStack) -> SinglePose | None:
    """Gauss-Newton on the corners' Mahalanobis distance."""
    weights, damping = stack.weights(0.0), 1e-3
    residuals, jacobian = stack.linearised(pose)
    chi2 = float(np.einsum("ni,nij,nj->", residuals, weights, residuals))
    for _ in range(STEPS):
        weighted = weights @ jacobian
        normal = np.einsum("nia,nib->ab", jacobian, weighted)
        damped = normal + damping * np.diag(np.diag(normal))
        step = np.linalg.solve(damped, np.einsum("nia,ni->a", weighted, residuals))
        trial = stack.moved(pose, step)
        residuals_after, jacobian_after = stack.linearised(trial)
        after = float(np.einsum("ni,nij,nj->", residuals_after, weights, residuals_after))
        if after > chi2:
            damping *= 10.0
            continue
        fell, chi2, damping = chi2 - after, after, damping / 10.0
        pose, residuals, jacobian = trial, residuals_after, jacobian_after
        if fell < CONVERGED * (1.0 + chi2):
            break
    covariance = np.linalg.inv(np.einsum("nia,nij,njb->ab", jacobian, weights, jacobian))
    if not stack.in_front(pose):
        return None
    return SinglePose(pose, chi2, float(np.trace(covariance[3:, 3:])))


class _Agreement:
    """How well relative rotations agree between pictures, for a choice among two poses each."""

    def __init__(self, candidates: Mapping[tuple[int, int], Sequence[SinglePose]]) -> None:
        self.candidates = candidates
        tags: dict[int, list[int]] = {}
        for picture, tag in sorted(candidates):
            tags.setdefault(picture, []).append(tag)
        self.pictures: dict[tuple[int, int], list[int]] = {}
        for picture, own in tags.items():
            for pair in combinations(own, 2):
                self.pictures.setdefault(pair, []).append(picture)
        self.relative: dict[tuple[int, int, int], tuple[Array, NDArray[np.float64]]] = {}
        for (a, b), own in self.pictures.items():
            for picture in own:
                first, second = candidates[picture, a], candidates[picture, b]
                turns = np.array(
                    [[p.matrix[:3, :3].T @ q.matrix[:3, :3] for q in second] for p in first]
                )
                spread = np.array([[p.variance + q.variance for q in second] for p in first])
                self.relative[picture, a, b] = turns, spread

    def choose(self) -> dict[tuple[int, int], int]:
        """Return which pose each has, by coordinate descent over views and pairs of views."""
        choice = dict.fromkeys(self.candidates, 0)
        open_ = [key for key, own in self.candidates.items() if len(own) > 1]
        flips: list[tuple[tuple[int, int], ...]] = [(key,) for key in open_]
        flips += [(p, q) for p, q in combinations(open_, 2) if p[0] == q[0]]
        for _ in range(SWEEPS):
            changed = False
            for flip in flips:
                if self._gain(flip, choice) > 1e-9:
                    choice |= {key: 1 - choice[key] for key in flip}
                    changed = True
            if not changed:
                break
        return choice

    def lead(self, key: tuple[int, int], choice: Mapping[tuple[int, int], int]) -> float:
        """Return by how much the other pose of a view is worse, its neighbours adapting."""
        same = [k for k, own in self.candidates.items() if k[0] == key[0] and len(own) > 1]
        flips = [(key,)] + [(key, other) for other in same if other != key]
        return min(-self._gain(flip, choice) for flip in flips)

    def _gain(
        self, flip: Sequence[tuple[int, int]], choice: Mapping[tuple[int, int], int]
    ) -> float:
        """By how much the cost falls with some views' other pose."""
        other = {**choice, **{key: 1 - choice[key] for key in flip}}
        picture, tags = flip[0][0], {tag for _, tag in flip}
        gain = 0.0
        for key in flip:
            own = self.candidates[key]
            gain += own[choice[key]].chi2 - own[other[key]].chi2
        for pair, pictures in self.pictures.items():
            if tags & set(pair) and picture in pictures:
                gain += self._apart(pair, picture, choice) - self._apart(pair, picture, other)
        return gain

    def _apart(
        self, pair: tuple[int, int], picture: int, choice: Mapping[tuple[int, int], int]
    ) -> float:
        """Squared angles, sd, between a pair's relative pose in a picture and in all others."""
        turn, variance = self._turn(pair, picture, choice)
        total = 0.0
        for k in self.pictures[pair]:
            if k != picture:
                other, also = self._turn(pair, k, choice)
                angle = Rotation.from_matrix(turn.T @ other).magnitude()
                total += min(angle**2 / (variance + also + SAME_SD**2), MOST_APART)
        return total

    def _turn(
        self, pair: tuple[int, int], picture: int, choice: Mapping[tuple[int, int], int]
    ) -> tuple[Array, float]:
        turns, variance = self.relative[picture, pair[0], pair[1]]
        at = choice[picture, pair[0]], choice[picture, pair[1]]
        return np.asarray(turns[at], float), float(variance[at])
