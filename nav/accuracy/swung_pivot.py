"""The swung pivot: a tip rests in a divot while the carrier is swung; the tip must stay.

What the tip does then in the tracked poses is an error of tracking: with the carrier's velocity if
cameras are late by unknown times, with its orientation if the tip is calibrated wrongly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import t as student

from nav.core.errors import InputError
from nav.core.frames import Array

SPEEDS = (20.0, 50.0, 100.0)  # mm/s, of the carrier
BOUNDS = (10.0, 35.0, 75.0, 150.0)  # mm/s: between them poses count for one of SPEEDS
JUDGED = 50.0  # mm/s: the speed whose wander the limit is for
LIMIT = 1.0  # mm, rms
LONGEST_STEP = 0.1  # s between two poses of one movement
FEW = 30  # poses at a speed, and moving ones altogether
PARTS = 10  # of the recording, which are left out in turn
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Wander:
    """How far the tip is from where it rests, at one speed of the carrier.

    Attributes
    ----------
    speed : float
        Nominal, mm/s; 0 for the poses below the slowest.
    poses : int
        How many there are.
    rms, p95, greatest : float
        Of the distance, mm; not a number where there are none.
    """

    speed: float
    poses: int
    rms: float
    p95: float
    greatest: float


@dataclass(frozen=True)
class SwungPivot:
    """Result of a swung-pivot test.

    Attributes
    ----------
    divot : ndarray, shape (3,)
        Where the tip rests, frame of the poses, mm.
    wander : tuple of Wander
        At rest and at each of SPEEDS.
    lag : float
        Displacement of the tip per speed of the carrier in the direction in which it is largest, s.
    lag_low, lag_high : float
        Its 95 % interval, s.
    by_velocity : ndarray, shape (3, 3)
        Displacement of the tip by the carrier's velocity, s.
    tip_off : ndarray, shape (3,)
        By how much the tip's place in the tool's frame is off, as far as it shows, mm.
    limit : float
        Of the rms wander at 50 mm/s, mm.
    verdict : str
        'pass', 'fail' or 'too few to tell'.
    """

    divot: Array
    wander: tuple[Wander, ...]
    lag: float
    lag_low: float
    lag_high: float
    by_velocity: Array
    tip_off: Array
    limit: float
    verdict: str


def swung_pivot(
    times: Array, rotations: Array, translations: Array, tip: Array, limit: float = LIMIT
) -> SwungPivot:
    """Analyse the poses of a tool that was swung about its tip.

    The tip's displacement is regressed on the carrier's velocity, together with the divot and an
    error of the tip in the tool's frame. A lag that all cameras share moves nothing and is not
    seen.

    Parameters
    ----------
    times : array_like, shape (n,)
        In s, ascending.
    rotations : array_like, shape (n, 3, 3)
        a_from_tool, in a frame a in which the divot rests.
    translations : array_like, shape (n, 3)
        The same, mm: of the tool's origin, which is in its carrier.
    tip : array_like, shape (3,)
        Tool frame, mm.
    limit : float
        Of the rms wander at 50 mm/s, mm.

    Returns
    -------
    SwungPivot
        With the interval of the lag by leaving out each tenth of the recording in turn.

    Raises
    ------
    InputError
        Fewer than 30 poses of a moving carrier.

    References
    ----------
    .. [1] Efron and Stein, Annals of Statistics 9(3), 1981: the jackknife.
    """
    times, turns = np.asarray(times, float), np.asarray(rotations, float)
    places = np.asarray(translations, float)
    tips = turns @ np.asarray(tip, float) + places
    velocity = carrier_velocity(times, places)
    known = np.isfinite(velocity).all(axis=1)
    speed = np.linalg.norm(velocity, axis=1)
    moving = int((speed[known] >= BOUNDS[0]).sum())
    if moving < FEW:
        raise InputError(
            f"the carrier moves faster than {BOUNDS[0]:.0f} mm/s in {moving} poses only; expected "
            f"{FEW}: swing it about the tip"
        )
    tips, turns, velocity, speed = tips[known], turns[known], velocity[known], speed[known]
    divot, tip_off, by_velocity = _regression(tips, turns, velocity)
    left, sizes, right = np.linalg.svd(by_velocity)
    part = np.arange(len(tips)) * PARTS // len(tips)
    others = [
        left[:, 0]
        @ _regression(tips[part != k], turns[part != k], velocity[part != k])[2]
        @ right[0]
        for k in range(PARTS)
    ]
    sd = np.sqrt((PARTS - 1) / PARTS * ((others - np.mean(others)) ** 2).sum())
    half = float(student.ppf(0.5 + CONFIDENCE / 2, PARTS - 1) * sd)
    lag = float(sizes[0])
    wander = _wanders(np.linalg.norm(tips - divot, axis=1), speed)
    return SwungPivot(
        divot, wander, lag, max(lag - half, 0.0), lag + half, by_velocity, tip_off, limit,
        _verdict(wander, limit),
    )  # fmt: skip


def carrier_velocity(times: Array, places: Array) -> Array:
    """Return the velocity by each pose's two neighbours.

    Parameters
    ----------
    times : ndarray, shape (n,)
        In s.
    places : ndarray, shape (n, 3)
        In mm.

    Returns
    -------
    ndarray, shape (n, 3)
        In mm/s; not a number where a neighbour is missing or too far off in time.
    """
    velocity = np.full(places.shape, np.nan)
    if len(times) < 3:
        return velocity
    before, after = times[1:-1] - times[:-2], times[2:] - times[1:-1]
    near = (before > 0) & (after > 0) & (before < LONGEST_STEP) & (after < LONGEST_STEP)
    first, second = np.diff(places, axis=0)[:-1], np.diff(places, axis=0)[1:]
    before, after = before[near, None], after[near, None]
    # of the parabola through the three
    slope = first[near] / before * after + second[near] / after * before
    velocity[1:-1][near] = slope / (before + after)
    return velocity


def _regression(tips: Array, turns: Array, velocity: Array) -> tuple[Array, Array, Array]:
    """Return divot, tip error in the tool's frame, and displacement by velocity."""
    count = len(tips)
    design = np.zeros((count, 3, 15))
    design[:, :, :3] = np.eye(3)
    design[:, :, 3:6] = turns
    for axis in range(3):
        design[:, axis, 6 + 3 * axis : 9 + 3 * axis] = velocity
    # scaled so that numbers of any size count; a cone too narrow for the tip leaves it at 0
    scale = np.ones(15)
    scale[6:] = max(float(np.sqrt((velocity**2).mean())), 1e-9)
    flat = (design / scale).reshape(-1, 15)
    centre = tips.mean(axis=0)
    found = np.linalg.lstsq(flat, (tips - centre).ravel(), rcond=1e-6)[0] / scale
    return found[:3] + centre + turns.mean(axis=0) @ found[3:6], found[3:6], found[6:].reshape(3, 3)


def _wanders(distance: Array, speed: Array) -> tuple[Wander, ...]:
    found = []
    for nominal, (low, high) in zip((0.0, *SPEEDS), pairwise((0.0, *BOUNDS)), strict=True):
        own = distance[(speed >= low) & (speed < high)]
        if len(own):
            rms, p95 = float(np.sqrt((own**2).mean())), float(np.quantile(own, 0.95))
            found.append(Wander(nominal, len(own), rms, p95, float(own.max())))
        else:
            found.append(Wander(nominal, 0, np.nan, np.nan, np.nan))
    return tuple(found)


def _verdict(wander: Sequence[Wander], limit: float) -> str:
    judged = next(each for each in wander if each.speed == JUDGED)
    if judged.poses < FEW:
        return "too few to tell"
    return "pass" if judged.rms <= limit else "fail"
