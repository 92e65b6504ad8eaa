"""Where an error of the registration matters: the target, and arteries and cord near its path."""

from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Plan

STEP = 1.0  # mm between points of the path
ROLES = ("artery", "cord")
TARGET = "target"


@dataclass(frozen=True)
class CriticalPoint:
    """A point at which an error of the registration matters.

    Parameters
    ----------
    name : str
        "target", or the structure that it lies on.
    position : ndarray, shape (3,)
        Model frame, mm.
    """

    name: str
    position: Array


def critical_points(case: Case, plan: Plan | None = None) -> tuple[CriticalPoint, ...]:
    """Find the target, and the point of each artery and cord that is nearest to the planned path.

    Parameters
    ----------
    case : Case
        What is navigated.
    plan : Plan, optional
        Of this case; its default plan if there is none.

    Returns
    -------
    tuple of CriticalPoint
        The target first.

    Raises
    ------
    InputError
        The case has no plan.
    """
    plan = case.default_plan if plan is None else plan
    if plan is None:
        raise InputError(
            "plan: there is none, so that it is not known where an error matters; make one with "
            "nav plan"
        )
    count = int(np.linalg.norm(plan.target - plan.entry) / STEP) + 2
    path = plan.entry + np.linspace(0.0, 1.0, count)[:, None] * (plan.target - plan.entry)
    found = [CriticalPoint(TARGET, plan.target)]
    for structure in case.structures:
        if structure.role in ROLES:
            distances, nearest = structure.surface.distances(path)
            found.append(CriticalPoint(structure.name, nearest[int(np.argmin(distances))]))
    return tuple(found)


def positions_of(places: tuple[CriticalPoint, ...]) -> Array:
    """Return the positions of critical points as an array.

    Parameters
    ----------
    places : tuple of CriticalPoint
        At least one.

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame, mm.
    """
    return np.array([place.position for place in places])
