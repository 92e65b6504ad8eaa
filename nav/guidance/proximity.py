"""Distance of the tip to each structure, with its uncertainty."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.tracked_frame import Tip
from nav.model.case import Case, Plan, Structure

# one-sided 95 % quantile of the normal distribution
Z95 = 1.645
# mm: nearer, the nearest point's rounding (1e-5 mm) decides the direction to it
ON_SURFACE = 1e-3


@dataclass(frozen=True)
class StructureProximity:
    """One structure as seen from the tip.

    Parameters
    ----------
    name, role : str
        Of the structure.
    distance : float
        To the surface, mm; negative inside.
    nearest : ndarray, shape (3,)
        Point of the surface nearest to the tip, model frame, mm.
    sd : float
        One standard deviation of the distance (tip and surface), mm.
    bound : float
        One-sided 95 % lower bound of the distance, mm; also to where the structure may go on
        beyond the end of the scan.
    ahead : float or None
        From the tip along its heading to the first hit, mm; None where it would miss.
    """

    name: str
    role: str
    distance: float
    nearest: Array
    sd: float
    bound: float
    ahead: float | None


@dataclass(frozen=True)
class Proximity:
    """Proximity of the tip to all structures.

    Parameters
    ----------
    structures : tuple of StructureProximity
        In the order of the case.
    """

    structures: tuple[StructureProximity, ...]

    def nearest(self, role: str) -> StructureProximity | None:
        """Return the structure of a role with the smallest bound; None where the case has none."""
        of_role = [s for s in self.structures if s.role == role]
        return min(of_role, key=lambda s: s.bound, default=None)


@dataclass(frozen=True)
class PlanDeviation:
    """Where the tip is relative to the planned line.

    Parameters
    ----------
    name : str
        Of the plan.
    to_target : float
        Distance to the target, mm.
    remaining : float
        Its part along the plan, mm; negative: beyond it.
    off_axis : float
        Distance from the planned line, mm.
    angle : float or None
        Between heading and planned direction, rad; None where the heading is not known.
    sd : float
        One standard deviation of the tip along the direction to the target, mm.
    """

    name: str
    to_target: float
    remaining: float
    off_axis: float
    angle: float | None
    sd: float


def proximity(case: Case, tip: Tip | Lost) -> Proximity | Lost:
    """Compute the distance of the tip to every structure of the case.

    Parameters
    ----------
    case : Case
        Structures in the model frame.
    tip : Tip or Lost
        Model frame, mm.

    Returns
    -------
    Proximity or Lost
        Lost where the tip is.
    """
    if isinstance(tip, Lost):
        return tip
    return Proximity(tuple(_one(structure, tip) for structure in case.structures))


def _one(structure: Structure, tip: Tip) -> StructureProximity:
    distance, nearest = structure.surface.distance(tip.position)
    away = tip.position - nearest
    length = float(np.linalg.norm(away))
    if length > ON_SURFACE:
        direction = away / length
        variance = float(direction @ tip.covariance @ direction)
    else:
        # on the surface the direction is not defined: take the worst one
        variance = float(np.linalg.eigvalsh(tip.covariance)[-1])
    sd = float(np.sqrt(variance + float(structure.sigma_at(nearest)) ** 2))
    ahead = None
    if tip.heading is not None:
        ahead = structure.surface.first_hit(tip.position, tip.heading)
    bound = min((distance - Z95 * sd, *_unseen(structure, tip)))
    return StructureProximity(structure.name, structure.role, distance, nearest, sd, bound, ahead)


def _unseen(structure: Structure, tip: Tip) -> Iterator[float]:
    """Yield bounds of the distances to where a structure goes on beyond the end of the scan."""
    if structure.continuations:
        worst = Z95 * float(np.sqrt(np.linalg.eigvalsh(tip.covariance)[-1]))
        for end in structure.continuations:
            yield end.distance(tip.position) - worst


def plan_deviation(plan: Plan | None, tip: Tip | Lost) -> PlanDeviation | Lost:
    """Compute where the tip is relative to the planned line.

    Parameters
    ----------
    plan : Plan or None
        Model frame, mm.
    tip : Tip or Lost
        Model frame, mm.

    Returns
    -------
    PlanDeviation or Lost
        Lost where the tip is, or where there is no plan.
    """
    if isinstance(tip, Lost):
        return tip
    if plan is None:
        return Lost("no_plan")
    to_target = plan.target - tip.position
    distance = float(np.linalg.norm(to_target))
    remaining = float(to_target @ plan.direction)
    off_axis = float(np.linalg.norm(to_target - remaining * plan.direction))
    angle = None
    if tip.heading is not None:
        angle = float(np.arccos(np.clip(tip.heading @ plan.direction, -1.0, 1.0)))
    towards = to_target / distance if distance > 1e-9 else plan.direction
    sd = float(np.sqrt(towards @ tip.covariance @ towards))
    return PlanDeviation(plan.name, distance, remaining, off_axis, angle, sd)
