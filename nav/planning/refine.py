"""The best candidates moved a little, until nothing near them is better."""

import numpy as np

from nav.frames import Array
from nav.model.case import Structure
from nav.planning.candidates import angles_of, entries_along, outward_directions
from nav.planning.screening import Judge, Screened

ROUNDS = 10
TRIES = 40  # for each path and round
START = np.array([0.8, 0.5, 0.8])  # mm, one sd of a target's move at first
START_ANGLE = np.radians(2.0)
SHRINK = 0.7  # each round


def refine(
    judge: Judge, skin: Structure, entries: Array, targets: Array, rng: np.random.Generator
) -> Screened:
    """Return each path (n, 3), or the best path near it that keeps the limits and costs less.

    Targets and angles are moved at random by steps that shrink (an evolution strategy); the entry
    is where the new line leaves the skin.
    """
    best = judge.screen(entries, targets, fine=True)
    cost = np.where(best.fits, best.cost, np.inf)
    entries, targets = best.entries.copy(), best.targets.copy()
    count = len(entries)
    for step in range(ROUNDS):
        scale = SHRINK**step
        owner = np.repeat(np.arange(count), TRIES)
        moved = targets[owner] + (scale * START * rng.standard_normal((len(owner), 3))) @ (
            judge.gap.axes
        )
        cranial, dorsal = angles_of(judge.gap, judge.side, entries[owner], targets[owner])
        turns = scale * START_ANGLE * rng.standard_normal((2, len(owner)))
        outwards = outward_directions(judge.gap, judge.side, cranial + turns[0], dorsal + turns[1])
        at = entries_along(skin, moved, outwards)
        kept = np.isfinite(at).all(axis=1) & judge.space.holds(moved)
        if not kept.any():
            continue
        owner, moved, at = owner[kept], moved[kept], at[kept]
        tried = judge.screen(at, moved, fine=True)
        costs = np.where(tried.fits, tried.cost, np.inf)
        order = np.argsort(costs)
        _, first = np.unique(owner[order], return_index=True)
        for k in order[first]:
            if costs[k] < cost[owner[k]]:
                cost[owner[k]] = costs[k]
                entries[owner[k]], targets[owner[k]] = at[k], moved[k]
    return judge.screen(entries, targets, fine=True)
