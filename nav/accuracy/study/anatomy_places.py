"""What a study needs of a case: a handful of points, small enough to be sent to workers."""

from dataclasses import dataclass

import numpy as np

from nav.accuracy.study.designs import Setup
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import load_case

ROLES = ("artery", "cord", "bone")


@dataclass(frozen=True)
class Places:
    """Points of a case, model frame, mm.

    Parameters
    ----------
    target, entry : ndarray, shape (3,)
        Of the plan.
    nearest : dict of str to ndarray, shape (3,)
        By role: the point of such a structure that is nearest to the target.
    fiducials : ndarray, shape (n, 3)
        Those to register with.
    """

    target: Array
    entry: Array
    nearest: dict[str, Array]
    fiducials: Array


def case_places(setup: Setup) -> Places:
    """Read the points that a study needs from its case.

    Parameters
    ----------
    setup : Setup
        With the case's file.

    Returns
    -------
    Places

    Raises
    ------
    InputError
        The case breaks its format, or lacks plan, artery, cord, or fiducials.
    """
    case = load_case(setup.case)
    plan = case.default_plan
    if setup.plan is not None:
        plan = next((one for one in case.plans if one.name == setup.plan), None)
    if plan is None:
        names = ", ".join(one.name for one in case.plans) or "none"
        wanted = setup.plan or "any"
        raise InputError(f"{setup.case}: plan: expected {wanted}, the case has {names}")
    nearest = {}
    for role in ROLES:
        found = [one.surface.distance(plan.target) for one in case.of_role(role)]
        if found:
            nearest[role] = np.asarray(min(found, key=lambda pair: abs(pair[0]))[1], float)
        elif role != "bone":
            raise InputError(f"{setup.case}: structure: none has role {role}; a study needs one")
    fiducials = np.array([f.position for f in case.fiducials_for("register")]).reshape(-1, 3)
    most = max(int(design["fiducials"]["count"]) for _, design in setup.designs)
    if len(fiducials) < most:
        raise InputError(
            f"{setup.case}: fiducial: has {len(fiducials)} to register with, but fiducials.count "
            f"is {most}"
        )
    return Places(plan.target, plan.entry, nearest, fiducials)


def spread_choice(points: Array, count: int) -> Array:
    """Choose points that are as far apart as possible, one after the other.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        To choose from.
    count : int
        How many.

    Returns
    -------
    ndarray, shape (count, 3)
        In the order of `points`.
    """
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    chosen = list(divmod(int(apart.argmax()), len(points)))
    while len(chosen) < count:
        chosen.append(int(apart[:, chosen].min(axis=1).argmax()))
    return np.asarray(points[sorted(chosen)])
