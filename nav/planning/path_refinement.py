"""Refine the best candidates by small moves, until nothing near them is better."""

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.model.case import Structure
from nav.planning.path_candidates import angles_of, entries_along, outward_directions
from nav.planning.plan_result import PlannedPath
from nav.planning.screening import Judge, Screened

ROUNDS = 10
TRIES = 40  # for each path and round
START = np.array([0.8, 0.5, 0.8])  # mm, one sd of a target's move at first
START_ANGLE = np.radians(2.0)
SHRINK = 0.7  # each round


def moves(
    judge: Judge,
    skin: Structure,
    path: PlannedPath,
    scale: float,
    tries: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return paths near a given one, moved at random, whose targets are allowed.

    Parameters
    ----------
    judge : Judge
        Of the path's side.
    skin : Structure
        Entries are where the new lines leave it.
    path : PlannedPath
        The path to move.
    scale : float
        Factor on the first round's standard deviations, START and START_ANGLE.
    tries : int
        Paths that are drawn.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    entries, targets : ndarray, shape (n, 3)
        Model frame, mm; n is at most `tries`.
    """
    owner = np.zeros(tries, np.int64)
    entries, targets, _ = _moved(
        judge, skin, path.entry[None], path.target[None], owner, scale, rng
    )
    return entries, targets


def _moved(
    judge: Judge,
    skin: Structure,
    entries: Array,
    targets: Array,
    owner: NDArray[np.int64],
    scale: float,
    rng: np.random.Generator,
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return the paths of `owner` (n,) moved at random: the possible ones, and their owners."""
    shift = scale * START * rng.standard_normal((len(owner), 3))
    moved = targets[owner] + shift @ judge.gap.axes
    cranial, dorsal = angles_of(judge.gap, judge.side, entries[owner], targets[owner])
    turns = scale * START_ANGLE * rng.standard_normal((2, len(owner)))
    outwards = outward_directions(judge.gap, judge.side, cranial + turns[0], dorsal + turns[1])
    at = entries_along(skin, moved, outwards)
    kept = np.isfinite(at).all(axis=1) & judge.space.holds(moved)
    return at[kept], moved[kept], owner[kept]


def refine(
    judge: Judge, skin: Structure, entries: Array, targets: Array, rng: np.random.Generator
) -> Screened:
    """Return each path, or the best path near it that keeps the limits and costs less.

    Targets and angles are moved at random by steps that shrink (an evolution strategy); the entry
    is where the new line leaves the skin.

    Parameters
    ----------
    judge : Judge
        Of the paths' side.
    skin : Structure
        The structure that the needle enters.
    entries, targets : ndarray, shape (n, 3)
        Model frame, mm.
    rng : numpy.random.Generator
        Of the moves.

    Returns
    -------
    Screened
        The n refined paths, in the same order.
    """
    best = judge.screen(entries, targets, fine=True)
    cost = np.where(best.fits, best.cost, np.inf)
    entries, targets = best.entries.copy(), best.targets.copy()
    count = len(entries)
    for step in range(ROUNDS):
        owner = np.repeat(np.arange(count), TRIES)
        at, moved, owner = _moved(judge, skin, entries, targets, owner, SHRINK**step, rng)
        if not len(at):
            continue
        tried = judge.screen(at, moved, fine=True)
        costs = np.where(tried.fits, tried.cost, np.inf)
        order = np.argsort(costs)
        _, first = np.unique(owner[order], return_index=True)
        for k in order[first]:
            if costs[k] < cost[owner[k]]:
                cost[owner[k]] = costs[k]
                entries[owner[k]], targets[owner[k]] = at[k], moved[k]
    return judge.screen(entries, targets, fine=True)
