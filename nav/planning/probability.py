"""Estimate how likely a placed needle touches an artery or the cord.

All errors of a sample are shared by the whole shaft: one tip offset, one angle, one bend, one
registration, one offset of each surface. So whether it touches is one event, and nothing is
multiplied along the path. The tail is reached by importance sampling [1]_: a mixture of normal
distributions shifted to the most likely failures (the design points of first-order reliability
[2]_), and of the error model itself, which keeps every weight bounded (defensive mixture [3]_).

References
----------
.. [1] Rubino and Tuffin (eds), Rare Event Simulation using Monte Carlo Methods, 2009.
.. [2] Rackwitz and Fiessler, Computers and Structures 9, 1978.
.. [3] Hesterberg, Technometrics 37(2), 1995.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.guidance.bending import MEASURED_DEPTH
from nav.model.distance_grid import REACH
from nav.planning.field import distances_at, gradients, walk_bent
from nav.planning.needle_deviation import SHARED, Deviations
from nav.planning.obstacles import Obstacles, surface_sigma

DEFENSIVE = 0.15  # share of the samples that the error model itself draws
MODES = 2  # design points for each structure
APART = 6.0  # mm along the path between two places that count as separate modes
WORTH = 2.0  # sd beyond the nearest mode at which another one is not worth samples
FURTHEST = 6.0  # sd: failures beyond are sampled from here, probability 1e-9
DESIGN_STEPS = 4
PLACES = 0.5  # mm along the path between places where an obstacle may be nearest
REACHED = 7.0  # sd: an obstacle further away from the whole path is never touched (1e-12)


@dataclass(frozen=True)
class Estimate:
    """A probability with the standard error of its estimate.

    Parameters
    ----------
    value : float
        The probability.
    error : float
        One standard error.
    """

    value: float
    error: float


@dataclass(frozen=True)
class TouchProbability:
    """Probabilities that a placed needle touches.

    Parameters
    ----------
    total : Estimate
        Of touching an artery or the cord.
    artery, cord : Estimate or None
        Any structure of that role; None where the case has none.
    missed : Estimate or None
        That the tip ends outside of the dura; None where the case has none.
    by_structure : tuple of Estimate
        In the order of the case's vital obstacles.
    """

    total: Estimate
    artery: Estimate | None
    cord: Estimate | None
    missed: Estimate | None
    by_structure: tuple[Estimate, ...]


class _Path:
    """The margins (mm) of one path as functions of normal numbers: the shared ones, then surfaces.

    Only obstacles within REACHED sd of some place of the shaft are examined.
    """

    def __init__(
        self,
        obstacles: Obstacles,
        deviations: Deviations,
        path: tuple[Array, Array],
        radius: float,
    ) -> None:
        self.obstacles, self.deviations, self.radius = obstacles, deviations, radius
        self.entry, self.target = path
        self.length = float(np.linalg.norm(self.target - self.entry))
        self.factor = deviations.shared_factor(self.entry, self.target)
        depths = np.append(np.arange(0.0, self.length, PLACES), self.length)
        points = self.entry + depths[:, None] / self.length * (self.target - self.entry)
        spread = deviations.sd_across(depths, np.full(len(depths), self.length), self.target)
        which, hints, sigmas, self.places = [], [], [], []
        box = obstacles.box
        for s, obstacle in enumerate(obstacles.vital):
            gaps = distances_at(obstacles.stack[s], box.origin, box.spacing, points) - radius
            gaps[gaps > REACH - radius - PLACES] = np.inf  # further than the grid knows
            surface = surface_sigma(obstacle.structures[0], points) * deviations.model.surface
            away = gaps / np.hypot(spread, surface)
            if away.min() > REACHED:
                continue
            k = int(np.argmin(away))
            which.append(s)
            hints.append(depths[k])
            sigmas.append(surface[k])
            self.places.append(_narrow_places(depths, away))
        self.which, self.hints = np.array(which, np.int64), np.array(hints)
        self.sigmas = np.array(sigmas)

    @property
    def count(self) -> int:
        return len(self.which)

    @property
    def dimensions(self) -> int:
        return SHARED + self.count

    def margins(self, numbers: Array) -> tuple[Array, Array]:
        """Return margins (n, count) to the obstacles that are examined, mm, and their depths."""
        box = self.obstacles.box
        moved = np.ascontiguousarray(numbers[:, :SHARED] @ self.factor.T)
        least, depth = walk_bent(
            self.obstacles.stack,
            box.origin,
            box.spacing,
            self.entry,
            self.target,
            moved,
            MEASURED_DEPTH,
            self.which,
            self.hints,
        )
        return least - self.radius - self.sigmas * numbers[:, SHARED:], depth

    def misses(self, numbers: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return whether the tip ends outside of the dura: (n,)."""
        sac = self.obstacles.sac
        assert sac is not None
        factor = self.deviations.point_factor(self.entry, self.target, self.length)
        tips = self.target + numbers[:, :SHARED] @ factor.T
        own = self.deviations.model.surface * sac.sigma * rng.standard_normal(len(tips))
        return np.asarray(sac.depths(tips) + own < 0.0)

    def slope(self, s: int, depth: float, numbers: Array) -> Array:
        """Return the gradient (dimensions,) of obstacle s's margin at a depth."""
        factor = self.deviations.point_factor(self.entry, self.target, depth)
        point = self.entry + depth / self.length * (self.target - self.entry)
        point = point + factor @ numbers[:SHARED]
        box = self.obstacles.box
        grid = self.obstacles.stack[self.which[s]]
        normal = gradients(grid, box.origin, box.spacing, point[None])[0]
        result = np.zeros(self.dimensions)
        result[:SHARED] = normal @ factor
        result[SHARED + s] = -self.sigmas[s]
        return result


def touch_probability(
    obstacles: Obstacles,
    deviations: Deviations,
    path: tuple[Array, Array],
    radius: float,
    samples: int,
    rng: np.random.Generator,
) -> TouchProbability:
    """Estimate how likely a needle placed by a plan touches an artery or the cord.

    Parameters
    ----------
    obstacles : Obstacles
        What is in the way.
    deviations : Deviations
        How far the needle may deviate.
    path : tuple of two ndarray, shape (3,)
        Entry and target, model frame, mm.
    radius : float
        Of the shaft, mm.
    samples : int
        Needles that are drawn.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    TouchProbability
        By importance sampling, with standard errors.
    """
    margin = _Path(obstacles, deviations, path, radius)
    centres, worth = _design_points(margin)
    shares = np.array([DEFENSIVE, *((1.0 - DEFENSIVE) * worth)])
    counts = np.maximum(np.round(shares * samples).astype(int), 1)
    shares = counts / counts.sum()
    numbers = rng.standard_normal((counts.sum(), margin.dimensions))
    shifts = np.vstack([np.zeros(margin.dimensions), centres])
    component = np.repeat(np.arange(len(counts)), counts)
    numbers += shifts[component]
    # density of the error model over that of the mixture
    exponents = numbers @ shifts.T - 0.5 * (shifts**2).sum(axis=1)
    weights = 1.0 / (np.exp(exponents) @ shares)
    touched = np.zeros((len(numbers), len(obstacles.vital)), bool)
    touched[:, margin.which] = margin.margins(numbers)[0] < 0.0
    roles = np.array([o.role for o in obstacles.vital])

    def estimate(event: Any) -> Estimate:
        return _stratified(np.where(event, weights, 0.0), component, counts)

    def of_role(role: str) -> Estimate | None:
        which = roles == role
        return estimate(touched[:, which].any(axis=1)) if which.any() else None

    return TouchProbability(
        estimate(touched.any(axis=1)),
        of_role("artery"),
        of_role("cord"),
        estimate(margin.misses(numbers, rng)) if obstacles.sac is not None else None,
        tuple(estimate(touched[:, s]) for s in range(touched.shape[1])),
    )


def plain_probability(
    obstacles: Obstacles,
    deviations: Deviations,
    path: tuple[Array, Array],
    radius: float,
    samples: int,
    rng: np.random.Generator,
) -> Estimate:
    """Estimate the total of `touch_probability` by plain Monte Carlo, to compare.

    It uses no weights and no design points.

    Parameters
    ----------
    obstacles : Obstacles
        What is in the way.
    deviations : Deviations
        How far the needle may deviate.
    path : tuple of two ndarray, shape (3,)
        Entry and target, model frame, mm.
    radius : float
        Of the shaft, mm.
    samples : int
        Needles that are drawn.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    Estimate
        Of touching an artery or the cord.
    """
    margin = _Path(obstacles, deviations, path, radius)
    numbers = rng.standard_normal((samples, margin.dimensions))
    share = float((margin.margins(numbers)[0] < 0.0).any(axis=1).mean())
    return Estimate(share, float(np.sqrt(share * (1.0 - share) / samples)))


def _stratified(values: Array, component: NDArray[np.int64], counts: NDArray[np.int64]) -> Estimate:
    """Return the mean of stratified values, and its standard error."""
    total = len(values)
    sums = np.bincount(component, values, minlength=len(counts))
    squares = np.bincount(component, values**2, minlength=len(counts))
    within = np.maximum(squares - sums**2 / counts, 0.0) * counts / np.maximum(counts - 1, 1)
    value, error = float(sums.sum() / total), float(np.sqrt(within.sum()) / total)
    return Estimate(min(value, 1.0), error)


def _narrow_places(depths: Array, away: Array) -> list[float]:
    """Return depths at which a path is locally nearest to an obstacle, in sd; the nearest first."""
    places: list[float] = []
    for k in np.argsort(away):
        if len(places) == MODES or (places and away[k] > away.min() + WORTH):
            break
        if all(abs(depths[k] - place) > APART for place in places):
            places.append(float(depths[k]))
    return places


def _design_points(margin: _Path) -> tuple[Array, Array]:
    """Return the most likely failures (modes, dimensions), and each one's share of samples."""
    found = [
        _design_point(margin, s, depth) for s in range(margin.count) for depth in margin.places[s]
    ]
    if not found:
        return np.zeros((0, margin.dimensions)), np.zeros(0)
    centres = np.array(found)
    sizes = np.linalg.norm(centres, axis=1)
    # each structure's own probability is reported, so that none is left without samples
    worth = np.where(sizes < sizes.min() + WORTH, 1.0, 0.4)
    return centres, worth / worth.sum()


def _design_point(margin: _Path, s: int, depth: float) -> Array:
    """Return the nearest point to 0 at which obstacle s is touched, by Rackwitz and Fiessler."""
    numbers = np.zeros(margin.dimensions)
    values, _ = margin.margins(numbers[None])
    if values[0, s] < 0.0:
        return numbers
    box = margin.obstacles.box
    grid = margin.obstacles.stack[margin.which[s]]
    at = margin.entry + depth / margin.length * (margin.target - margin.entry)
    value = float(distances_at(grid, box.origin, box.spacing, at[None])[0]) - margin.radius
    for _ in range(DESIGN_STEPS):
        slope = margin.slope(s, depth, numbers)
        size = float(slope @ slope)
        if size < 1e-12:
            break
        numbers = (slope @ numbers - value) / size * slope
        length = float(np.linalg.norm(numbers))
        if length > FURTHEST:
            numbers *= FURTHEST / length
        values, depths = margin.margins(numbers[None])
        value, depth = float(values[0, s]), float(depths[0, s])
    return numbers
