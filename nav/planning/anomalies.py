"""Arteries that run where none should, and arteries that a case lacks."""

import numpy as np

from nav.model.case import Case
from nav.planning.gap import Gap
from nav.planning.plan_result import ArteryInGap

# mm from the dural sac at the height of the gap. In 17 generated necks, of every variant, the usual
# artery keeps 6.3 mm or more (docs/planning.md), and the abnormal ones go through the dura
NEAR_SAC = 3.0
SAC_ROUND_CORD = 4.0  # mm of fluid beside the cord, where the case has no dura
ABOVE_BELOW = 0.5  # mm beyond the gap's edges that are included
LEAST_VERTICES = 3
ARTERY_SIDE = 4.0  # mm from the midline: an artery's middle is further out on its side
NEAR_LEVEL = 25.0  # mm above or below the level within which an artery must be seen


def arteries_in_gap(case: Case, gap: Gap) -> tuple[ArteryInGap, ...]:
    """Return the arteries that enter the canal, or run in it, at the height of the gap.

    None should: the usual one is lateral and ventral of the canal there.

    Parameters
    ----------
    case : Case
        With arteries, and dura or cord.
    gap : Gap
        Its gap between C1 and C2.

    Returns
    -------
    tuple of ArteryInGap
        Where the case has no dura, the cord with an assumed margin of fluid stands for the canal.
    """
    dura = next(iter(case.of_role("dura")), None)
    canal = dura or case.of_role("cord")[0]
    margin = NEAR_SAC if dura is not None else NEAR_SAC + SAC_ROUND_CORD
    found = []
    for artery in case.of_role("artery"):
        local = gap.to_level(artery.surface.vertices)
        here = np.flatnonzero(
            (local[:, 2] >= gap.lower - ABOVE_BELOW) & (local[:, 2] <= gap.upper + ABOVE_BELOW)
        )
        if not len(here):
            continue
        distances = canal.surface.distances(artery.surface.vertices[here])[0]
        inside = here[distances < margin]
        if len(inside) < LEAST_VERTICES:
            continue
        middle = local[inside].mean(axis=0)
        behind = gap.cord_back is not None and bool((local[inside, 1] > gap.cord_back).any())
        found.append(
            ArteryInGap(
                artery.name,
                bool((distances > 0.0).any()),
                behind,
                gap.to_model(middle),
                "left" if middle[0] > 0.0 else "right",
            )
        )
    return tuple(found)


def sides_without_artery(case: Case, gap: Gap) -> tuple[str, ...]:
    """Return the sides on which the case has no artery near the gap.

    The risk to an artery on such a side is not known.

    Parameters
    ----------
    case : Case
        Its structures of role artery are examined.
    gap : Gap
        Its gap between C1 and C2.

    Returns
    -------
    tuple of str
        "left", "right", both, or empty.
    """
    sides = set()
    for artery in case.of_role("artery"):
        local = gap.to_level(artery.surface.vertices)
        near = local[np.abs(local[:, 2]) < NEAR_LEVEL]
        if len(near):
            sides |= {"left"} if near[:, 0].max() > ARTERY_SIDE else set()
            sides |= {"right"} if near[:, 0].min() < -ARTERY_SIDE else set()
    return tuple(side for side in ("left", "right") if side not in sides)
