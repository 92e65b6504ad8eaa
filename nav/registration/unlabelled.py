"""Which touch is which fiducial, by mutual distances; false touches are allowed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import RigidTransform
from scipy.special import chdtri

from nav.core.frames import Array
from nav.registration.points import MIN_SPREAD, closed_form

MOST_FIDUCIALS = 40  # bounds the time
MOST_TRIPLES = 400  # of touches that are tried as the three that fix a pose
MOST_POSES = 6_000  # that are verified
OFF = 1e-4  # probability of a touch so far off its fiducial: then it is a false one
DECISIVE = 12.0  # in chi-square: odds of 400 to 1, as for `nav.registration.explanations`
FEWEST = 4  # matched touches: three fit somewhere nearly always
NEAR_TRIPLE = 4.5  # sd within which a distance must agree


@dataclass(frozen=True)
class Matching:
    """An assignment of touches to fiducials.

    Parameters
    ----------
    indices : ndarray, shape (n,), int
        The fiducial of each touch; -1 for a false touch.
    cost : float
        Sum of squared normalised distances; a false touch costs what the farthest match may.
    fre : float
        Rms distance of the matched ones, mm.
    """

    indices: NDArray[np.intp]
    cost: float
    fre: float

    @property
    def count(self) -> int:
        """How many touches are matched."""
        return int((self.indices >= 0).sum())


@dataclass(frozen=True)
class MatchResult:
    """The best assignment, and the best that contradicts it.

    Parameters
    ----------
    best : Matching or None
        None where no three touches fit any fiducials.
    second : Matching or None
        The best that takes a touch for another fiducial.
    """

    best: Matching | None
    second: Matching | None

    @property
    def enough(self) -> bool:
        """Whether so many touches are matched that chance does not do it."""
        if self.best is None:
            return False
        false = len(self.best.indices) - self.best.count
        least = FEWEST if false == 0 else FEWEST + 1
        return self.best.count >= max(least, 2 * false)

    @property
    def ambiguous(self) -> bool:
        """Whether another assignment fits as well."""
        if self.best is None or self.second is None:
            return False
        return self.second.cost - self.best.cost < DECISIVE


def match_touches(fiducials: Array, touched: Array, sd: float) -> MatchResult:
    """Match touches to fiducials by a rigid transform.

    Every three fiducials with the mutual distances of three touches give a pose; each pose is
    verified by all touches. Reflections are never taken.

    Parameters
    ----------
    fiducials : ndarray, shape (m, 3)
        3 to MOST_FIDUCIALS, model frame, mm.
    touched : ndarray, shape (n, 3)
        In any order, false ones among them, reference frame, mm.
    sd : float
        Of each coordinate of a touch, mm.

    Returns
    -------
    MatchResult
    """
    off = float(chdtri(3, OFF))
    best: dict[tuple[int, ...], Matching] = {}
    tried = 0
    for triple in _triples(touched):
        for candidate in _same_triangles(fiducials, touched[list(triple)], sd):
            pose = closed_form(fiducials[list(candidate)], touched[list(triple)])
            found = _verified(fiducials, touched, pose, sd, off)
            if found is not None:
                best.setdefault(tuple(found.indices.tolist()), found)
            tried += 1
        if tried > MOST_POSES:
            break
        # every complete assignment holds this triple; any other costs more than is decisive
        if _complete(best, len(touched)):
            break
    ranked = sorted(best.values(), key=lambda one: one.cost)
    if not ranked:
        return MatchResult(None, None)
    first = ranked[0]
    other = next((one for one in ranked[1:] if _contradicts(first, one)), None)
    return MatchResult(first, other)


def _complete(found: dict[tuple[int, ...], Matching], count: int) -> bool:
    return any(one.count == count for one in found.values())


def _contradicts(first: Matching, other: Matching) -> bool:
    both = (first.indices >= 0) & (other.indices >= 0)
    differ = bool((first.indices[both] != other.indices[both]).any())
    return differ or not both.any()


def _triples(touched: Array) -> Iterator[tuple[int, int, int]]:
    """Yield triples of touches, the best spread ones first."""
    triples = np.array(list(combinations(range(len(touched)), 3)), np.intp).reshape(-1, 3)
    sides = touched[triples]
    area = np.linalg.norm(np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0]), axis=1)
    longest = np.linalg.norm(sides - np.roll(sides, 1, axis=1), axis=2).max(axis=1)
    height = area / np.maximum(longest, 1e-9)
    wide = np.flatnonzero(height > MIN_SPREAD)
    # evenly over the order, so that no touch is in all of them
    order = wide[np.argsort(-height[wide], kind="stable")]
    step = max(1, len(order) // MOST_TRIPLES)
    for k in order[::step][:MOST_TRIPLES]:
        yield int(triples[k, 0]), int(triples[k, 1]), int(triples[k, 2])


def _same_triangles(fiducials: Array, triangle: Array, sd: float) -> Iterator[tuple[int, int, int]]:
    """Yield the triples of fiducials with the mutual distances of three touches."""
    apart = np.linalg.norm(fiducials[:, None] - fiducials[None], axis=2)
    near = NEAR_TRIPLE * np.sqrt(2.0) * sd
    sides = [float(np.linalg.norm(triangle[a] - triangle[b])) for a, b in ((0, 1), (0, 2), (1, 2))]
    agree = [np.abs(apart - side) < near for side in sides]
    for first, second in np.argwhere(agree[0]):
        for third in np.flatnonzero(agree[1][first] & agree[2][second]):
            if len({int(first), int(second), int(third)}) == 3:
                yield int(first), int(second), int(third)


def _verified(
    fiducials: Array, touched: Array, pose: RigidTransform, sd: float, off: float
) -> Matching | None:
    """Match all touches at a pose, and refine it by those that match."""
    indices = np.full(len(touched), -1, np.intp)
    # a pose of three touches is less certain at the others than one of all
    for widening in (4.0, 2.0, 1.0, 1.0):
        moved = pose.apply(touched)
        squared = ((moved[:, None] - fiducials[None]) ** 2).sum(axis=2) / sd**2
        limit = off * widening**2
        rows, columns = linear_sum_assignment(np.minimum(squared, limit))
        inside = squared[rows, columns] < limit
        indices = np.full(len(touched), -1, np.intp)
        indices[rows[inside]] = columns[inside]
        used = np.flatnonzero(indices >= 0)
        if len(used) < 3:
            return None
        pose = closed_form(fiducials[indices[used]], touched[used])
    used = np.flatnonzero(indices >= 0)
    gaps = ((pose.apply(touched[used]) - fiducials[indices[used]]) ** 2).sum(axis=1)
    cost = float(gaps.sum()) / sd**2 + off * (len(touched) - len(used))
    return Matching(indices, cost, float(np.sqrt(gaps.mean())))
