"""Choose places of fiducials: small predicted TRE where it matters, and no wrong label that fits.

The information of a layout is the sum of that of its fiducials, so that a layout is judged without
registering it. Greedy choice, then exchanges of one fiducial for another place until none is
better; again from random layouts, as exchanges end in local minima.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array, point_jacobian
from nav.registration.correspondence import rigid_misfits, smallest_confusion

Indices = NDArray[np.intp]
LEAST_FRE = 5.0  # mm: with wrong labels a layout should fit no better than this, by default
APART = 15.0  # mm between two fiducials: each has room, and a name beside it
FEWEST, MOST = 3, 20  # fiducials
MOST_CANDIDATES = 400  # bounds the time
MOST_FRE = 60.0  # mm: up to which wrong correspondences are searched
RANDOM = 30  # random layouts that are improved besides the greedy one, for the TRE alone
STARTS = 3  # of the best of these, and of random ones, that are improved for asymmetry as well
PENALTY = 10.0  # relative increase of the TRE that a wholly symmetric layout counts as
SMALL = 1e-9  # of information, while there are too few fiducials for any


@dataclass(frozen=True)
class WrongFits:
    """How well a layout fits when its labels or its points are wrong: rms, mm, without any noise.

    Parameters
    ----------
    exchange : float
        Smallest with all fiducials touched and labels in another order, also of `others`.
    mirror : float
        With every point mirrored.
    subset : float
        Smallest with one fiducial left out and the labels of the others wrong.
    """

    exchange: float
    mirror: float
    subset: float

    @property
    def smallest(self) -> float:
        """Of exchange and mirror: all fiducials are touched."""
        return min(self.exchange, self.mirror)


def layout_tre(fiducials: Array, places: Array, fle: float) -> Array:
    """Predict the TRE of a layout that is registered with equal errors.

    Parameters
    ----------
    fiducials : ndarray, shape (n, 3)
        mm.
    places : ndarray, shape (k, 3)
        Where it counts, mm.
    fle : float
        One standard deviation per axis, mm.

    Returns
    -------
    ndarray, shape (k,)
        Rms, mm.
    """
    middle = places.mean(axis=0)
    information = _information(fiducials - middle, fle).sum(axis=0)
    return _tre(information[None], _squares(places - middle))[0]


def wrong_fits(fiducials: Array, others: Array | None = None, most: float = MOST_FRE) -> WrongFits:
    """Find how well the best wrong correspondences of a layout fit.

    Parameters
    ----------
    fiducials : ndarray, shape (n, 3)
        That are touched, mm.
    others : ndarray, shape (m, 3), optional
        That they may be mistaken for besides, mm.
    most : float
        Search up to this FRE, mm; what fits worse is given as infinite.

    Returns
    -------
    WrongFits
    """
    rest = np.zeros((0, 3)) if others is None else others
    exchange = _confusion(fiducials, rest, most)
    mirror = _mirror_fre(fiducials)
    subset = np.inf
    for k in range(len(fiducials) if len(fiducials) > FEWEST else 0):
        touched = np.delete(fiducials, k, axis=0)
        left = np.concatenate([fiducials[k : k + 1], rest])
        subset = min(subset, _confusion(touched, left, min(most, subset)))
    return WrongFits(exchange, mirror, subset)


def design_layout(
    candidates: Array,
    count: int,
    places: Array,
    fle: float,
    least_fre: float = LEAST_FRE,
    apart: float = APART,
    others: Array | None = None,
    starts: int = STARTS,
) -> Indices:
    """Choose places so that the largest predicted TRE is small and wrong labels fit badly.

    Parameters
    ----------
    candidates : ndarray, shape (n, 3)
        Possible places, mm.
    count : int
        How many are chosen.
    places : ndarray, shape (k, 3)
        Where the TRE counts, mm.
    fle : float
        One standard deviation per axis, mm.
    least_fre : float
        With exchanged labels, or mirrored, the layout should fit no better than this, rms, mm; 0
        for any layout.
    apart : float
        Least distance of two fiducials, mm.
    others : ndarray, shape (m, 3), optional
        Fiducials that are there anyway, not registered with, and may be mistaken for these.
    starts : int
        Of the best layouts for the TRE alone, and of random ones, so many each are improved for
        asymmetry as well; the best result is returned.

    Returns
    -------
    ndarray, shape (count,), int
        Into `candidates`, ascending.

    Raises
    ------
    InputError
        Counts out of range, or candidates too near to each other for so many.
    """
    _check_given(candidates, count)
    search = _Search(candidates, places, fle, least_fre, apart, others)
    rng = np.random.default_rng(count)
    drawn = [search.greedy(count), *(search.random(count, rng) for _ in range(RANDOM))]
    firsts = [first for first in drawn if first is not None]
    # first without asking for asymmetry, which is quick; the best of that are improved with it
    free = sorted((search.improved(first, free=True) for first in firsts), key=lambda pair: pair[0])
    distinct = list({tuple(np.sort(chosen)): chosen for _, chosen in free}.values())
    found = free
    if least_fre > 0.0:
        begun = [*distinct[:starts], *firsts[-starts:]]
        found = [search.improved(first, free=False) for first in begun]
    if not found:
        raise InputError(
            f"{count} fiducials cannot be {apart:g} mm apart at these {len(candidates)} places; "
            "give more places, or fewer fiducials"
        )
    return np.sort(min(found, key=lambda pair: pair[0])[1])


def _check_given(candidates: Array, count: int) -> None:
    if not FEWEST <= count <= MOST:
        raise InputError(f"count: expected {FEWEST} to {MOST} fiducials, got {count}")
    if not count <= len(candidates) <= MOST_CANDIDATES:
        raise InputError(
            f"expected {count} to {MOST_CANDIDATES} possible places, got {len(candidates)}"
        )


class _Search:
    """Greedy choice and exchanges in one set of candidates."""

    def __init__(
        self,
        candidates: Array,
        places: Array,
        fle: float,
        least_fre: float,
        apart: float,
        others: Array | None,
    ) -> None:
        middle = places.mean(axis=0)  # of the coordinates, so that matrices are well scaled
        self.candidates, self.least_fre, self.others = candidates, least_fre, others
        self.information = _information(candidates - middle, fle)
        self.squares = _squares(places - middle)
        gaps = np.linalg.norm(candidates[:, None] - candidates[None], axis=2)
        self.clash = gaps < apart
        self.known: dict[tuple[int, ...], float] = {}

    def worst_tre(self, information: Array) -> Array:
        """Return the largest TRE of the places, for many layouts (b, 6, 6)."""
        return _tre(information, self.squares).max(axis=1)

    def penalty(self, chosen: Indices) -> float:
        """Return the factor by which a layout counts as worse, as wrong labels would fit."""
        key = tuple(sorted(map(int, chosen)))
        if key not in self.known:
            points = self.candidates[list(key)]
            rest = np.zeros((0, 3)) if self.others is None else self.others
            fre = _confusion(points, rest, self.least_fre)
            if len(points) > FEWEST:
                fre = min(fre, _mirror_fre(points))
            self.known[key] = 1.0 + PENALTY * max(0.0, 1.0 - fre / self.least_fre)
        return self.known[key]

    def greedy(self, count: int) -> Indices | None:
        chosen: list[int] = []
        total = SMALL * np.eye(6)
        for _ in range(count):
            free = np.flatnonzero(~self.clash[chosen].any(axis=0))
            if len(free) == 0:
                return None
            best = int(free[np.argmin(self.worst_tre(total + self.information[free]))])
            chosen.append(best)
            total = total + self.information[best]
        return np.array(chosen, np.intp)

    def random(self, count: int, rng: np.random.Generator) -> Indices | None:
        chosen: list[int] = []
        for candidate in rng.permutation(len(self.candidates)):
            if not self.clash[candidate, chosen].any():
                chosen.append(int(candidate))
            if len(chosen) == count:
                return np.array(chosen, np.intp)
        return None

    def improved(self, chosen: Indices, free: bool) -> tuple[float, Indices]:
        """Exchange one fiducial at a time, the best first, until none makes the layout better.

        Free: for the TRE alone.
        """
        total = self.information[chosen].sum(axis=0)
        penalty = (lambda trial: 1.0) if free else self.penalty
        score = float(self.worst_tre(total[None])[0]) * penalty(chosen)
        while True:
            tre, swaps = self._swaps(chosen, total)
            better, best = score, None
            for k in np.argsort(tre):
                if tre[k] >= better * (1.0 - 1e-9):
                    break  # a penalty makes no layout better
                place, candidate = swaps[k]
                trial = chosen.copy()
                trial[place] = candidate
                value = float(tre[k]) * penalty(trial)
                if value < better * (1.0 - 1e-9):
                    better, best = value, trial
            if best is None:
                return score, chosen
            chosen, score = best, better
            total = self.information[chosen].sum(axis=0)

    def _swaps(self, chosen: Indices, total: Array) -> tuple[Array, Indices]:
        """Return the TRE of every layout that differs in one place, and what is exchanged."""
        pairs = []
        for place in range(len(chosen)):
            kept = np.delete(chosen, place)
            free = np.flatnonzero(~self.clash[kept].any(axis=0))
            free = free[free != chosen[place]]
            pairs.append(np.column_stack([np.full(len(free), place), free]))
        swaps = np.concatenate(pairs).astype(np.intp)
        changed = total - self.information[chosen[swaps[:, 0]]] + self.information[swaps[:, 1]]
        return self.worst_tre(changed), swaps


def _information(points: Array, fle: float) -> Array:
    """Return the information (n, 6, 6) of each fiducial about a left perturbation."""
    jacobian = point_jacobian(points)
    return np.asarray(jacobian.transpose(0, 2, 1) @ jacobian / fle**2, float)


def _squares(places: Array) -> Array:
    jacobian = point_jacobian(places)
    return np.asarray(jacobian.transpose(0, 2, 1) @ jacobian, float)


def _tre(information: Array, squares: Array) -> Array:
    """Return the rms error (b, k) at places of layouts with this information (b, 6, 6)."""
    scale = np.array([1.0, 1.0, 1.0, 50.0, 50.0, 50.0])  # mm and rad alike
    scaled = information / np.outer(scale, scale) + SMALL * np.eye(6)
    covariance = np.linalg.inv(scaled) / np.outer(scale, scale)
    return np.sqrt(np.maximum(np.einsum("bij,kji->bk", covariance, squares), 0.0))


def _confusion(touched: Array, others: Array, most: float) -> float:
    found = smallest_confusion(np.concatenate([touched, others]), len(touched), most)
    return np.inf if found is None else found.fre


def _mirror_fre(points: Array) -> float:
    _, improper = rigid_misfits(points[None], points[None], np.ones(len(points)))
    return float(np.sqrt(improper[0] / len(points)))
