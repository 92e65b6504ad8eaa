"""The obstacles of a planned needle, and how near it may come to each."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.model.case import Case, Structure
from nav.model.distance_grid import Box, distance_grid
from nav.model.surface import Surface
from nav.planning.field import Stack, distances_at

VITAL = ("artery", "cord")
SAC_MARGIN = 12.0  # mm around the targets


@dataclass(frozen=True)
class Limits:
    """The least wall-to-wall clearances of a planned shaft, mm, and the highest probabilities.

    Parameters
    ----------
    artery, cord : float, optional
        By default each structure's own `danger` limit, which is where the live window turns red.
    bone : float
        A needle that scrapes along bone is led by it (chosen).
    support : float
        To the phantom's supports.
    artery_in_gap : float, optional
        To an artery that runs in the gap itself; by default its `caution` limit.
    accept_artery_in_gap : bool
        An artery that enters or crosses the canal in the gap is a contraindication to a puncture
        from its side, however far a path keeps from it, unless this is set.
    artery_probability, cord_probability : float
        Of touching one, see docs/planning.md.
    """

    artery: float | None = None
    cord: float | None = None
    bone: float = 0.5
    support: float = 0.0
    artery_in_gap: float | None = None
    accept_artery_in_gap: bool = False
    artery_probability: float = 0.01
    cord_probability: float = 0.25


@dataclass(frozen=True, eq=False)
class Obstacle:
    """A structure, or all bones, or all supports: what one distance grid is made of.

    Parameters
    ----------
    name : str
        For people.
    role : str
        Role of its structures.
    structures : tuple of Structure
        One, or several of the same role.
    limit : float
        Least clearance, mm.
    """

    name: str
    role: str
    structures: tuple[Structure, ...]
    limit: float

    @property
    def is_vital(self) -> bool:
        """Whether touching it counts as a risk: an artery or the cord."""
        return self.role in VITAL

    @property
    def surface(self) -> Surface:
        """All its structures as one surface."""
        if len(self.structures) == 1:
            return self.structures[0].surface
        surfaces = [s.surface for s in self.structures]
        offsets = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
        return Surface(
            np.concatenate([s.vertices for s in surfaces]),
            np.concatenate([s.triangles + k for s, k in zip(surfaces, offsets, strict=False)]),
        )


@dataclass(frozen=True, eq=False)
class Sac:
    """The dura near the targets: the tip is to end within it.

    Parameters
    ----------
    box : Box
        Nodes around the targets.
    grid : ndarray of float32, shape box.shape
        Signed distances at the nodes, mm.
    sigma : float
        One standard deviation of its surface, mm.
    """

    box: Box
    grid: NDArray[np.float32] = field(repr=False)
    sigma: float

    @staticmethod
    def around(dura: Structure, targets: Array) -> "Sac":
        """Return the dura near targets.

        Parameters
        ----------
        dura : Structure
            Closed surface.
        targets : ndarray, shape (n, 3)
            Model frame, mm; the surface's sigma is taken at the first.

        Returns
        -------
        Sac
            Signed distances of the dura on a grid of 1 mm.
        """
        box = Box.around(targets, SAC_MARGIN, 1.0)
        sigma = float(surface_sigma(dura, targets[:1])[0])
        return Sac(box, distance_grid(dura.surface, box), sigma)

    def depths(self, points: Array) -> Array:
        """Return how deep points (n, 3) are within it, mm, shape (n,); negative outside."""
        inside: Array = -distances_at(self.grid, self.box.origin, self.box.spacing, points)
        return inside


@dataclass(frozen=True, eq=False)
class Obstacles:
    """All obstacles of a case with their distances on one grid.

    Parameters
    ----------
    all : tuple of Obstacle
        Vital ones first.
    given : Limits
        What the limits were made from.
    box : Box
        The grid's nodes.
    stack : ndarray of float32, shape (obstacles, nx, ny, nz)
        Signed distances, mm.
    sac : Sac, optional
        The dura near the targets.
    """

    all: tuple[Obstacle, ...]
    given: Limits
    box: Box
    stack: Stack = field(repr=False)
    sac: Sac | None = None

    @property
    def vital(self) -> tuple[Obstacle, ...]:
        """Arteries and cord; they come first."""
        return tuple(o for o in self.all if o.is_vital)

    @property
    def limits(self) -> Array:
        """Least clearances, shape (obstacles,), mm."""
        return np.array([o.limit for o in self.all])

    def index(self, obstacle: Obstacle) -> int:
        """Return the position of an obstacle in the stack."""
        return self.all.index(obstacle)


def surface_sigma(structure: Structure, points: Array) -> Array:
    """Return one standard deviation of a surface's own error where it is nearest to points.

    Parameters
    ----------
    structure : Structure
        With one sigma, or one per vertex.
    points : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray, shape (n,)
        mm.
    """
    if structure.surface.sigma is None:
        return np.full(len(points), structure.sigma)
    return structure.sigma_at(structure.surface.distances(points)[1])


def obstacles_of(case: Case, limits: Limits, in_gap: Collection[str] = ()) -> tuple[Obstacle, ...]:
    """Return the obstacles of a case: arteries, cord, all bones as one, all supports as one.

    Parameters
    ----------
    case : Case
        Its structures by role.
    limits : Limits
        Least clearances.
    in_gap : collection of str
        Names of arteries that run in the gap: they keep at least the clearance of
        `limits.artery_in_gap`.

    Returns
    -------
    tuple of Obstacle
        In that order.
    """
    found = []
    for role, given in (("artery", limits.artery), ("cord", limits.cord)):
        for structure in case.of_role(role):
            limit = given if given is not None else structure.danger or 0.0
            if structure.name in in_gap:
                caution = limits.artery_in_gap or structure.caution or 0.0
                limit = max(limit, caution)
            found.append(Obstacle(structure.name, role, (structure,), limit))
    for role, name, limit in (
        ("bone", "bone", limits.bone),
        ("support", "supports", limits.support),
    ):
        together = case.of_role(role)
        if together:
            found.append(Obstacle(name, role, together, limit))
    return tuple(found)


def distance_field(
    obstacles: tuple[Obstacle, ...], limits: Limits, box: Box, sac: Sac | None = None
) -> Obstacles:
    """Compute the distances to all obstacles on a grid, two at a time.

    Parameters
    ----------
    obstacles : tuple of Obstacle
        As of `obstacles_of`.
    limits : Limits
        Kept with the result.
    box : Box
        The nodes.
    sac : Sac, optional
        The dura near the targets; kept with the result.

    Returns
    -------
    Obstacles
        The obstacles with their distances.
    """
    with ThreadPoolExecutor(2) as pool:
        grids = list(pool.map(lambda o: distance_grid(o.surface, box), obstacles))
    return Obstacles(obstacles, limits, box, np.stack(grids), sac)
