"""Arteries where none should be, and structures that a case lacks."""

import numpy as np

from nav.model.case import Case
from nav.planning.gap import Gap
from nav.planning.result import ArteryInGap

# mm beyond the canal's side: at the level of the gap the usual artery is 20 to 28 mm lateral, and
# a posterior loop bows back outside of that
BESIDE_CANAL = 6.0
ABOVE_BELOW = 0.5  # mm beyond the gap's edges that still count
LEAST_VERTICES = 3
ARTERY_SIDE = 4.0  # mm from the midline: an artery's middle is further out on its side


def arteries_in_gap(case: Case, gap: Gap) -> tuple[ArteryInGap, ...]:
    """Arteries that run in or beside the canal at the height of the gap.

    None should: the usual one is ventral of the canal there, within C2 and outside of the joint.
    """
    dura = next(iter(case.of_role("dura")), None)
    found = []
    for artery in case.of_role("artery"):
        local = gap.to_level(artery.surface.vertices)
        here = (
            (np.abs(local[:, 0]) <= gap.half_width + BESIDE_CANAL)
            & (local[:, 1] >= gap.front_wall)
            & (local[:, 2] >= gap.lower - ABOVE_BELOW)
            & (local[:, 2] <= gap.upper + ABOVE_BELOW)
        )
        if here.sum() < LEAST_VERTICES:
            continue
        middle = local[here].mean(axis=0)
        enters = True
        if dura is not None:
            depths = dura.surface.distances(artery.surface.vertices[here])[0]
            enters = bool((depths > 0.0).any())
        behind = gap.cord_back is not None and bool((local[here][:, 1] > gap.cord_back).any())
        side = "left" if middle[0] > 0.0 else "right"
        found.append(ArteryInGap(artery.name, enters, behind, gap.to_model(middle), side))
    return tuple(found)


def sides_without_artery(case: Case, gap: Gap) -> tuple[str, ...]:
    """Sides on which the case has no artery near the gap; nothing is known of the risk there."""
    sides = set()
    for artery in case.of_role("artery"):
        local = gap.to_level(artery.surface.vertices)
        near = local[np.abs(local[:, 2]) < 25.0]
        if len(near):
            sides |= {"left"} if near[:, 0].max() > ARTERY_SIDE else set()
            sides |= {"right"} if near[:, 0].min() < -ARTERY_SIDE else set()
    return tuple(side for side in ("left", "right") if side not in sides)
