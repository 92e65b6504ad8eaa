"""Random necks: plausible anatomy drawn from the published spreads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from nav.core.errors import InputError
from phantoms.anatomy.body_size import NECK, SEX, bone_lengths, sized
from phantoms.anatomy.described import described, value_of
from phantoms.anatomy.parameters import (
    AnatomyParameters,
    ArteryParameters,
    Course,
    Ponticulus,
)
from phantoms.anatomy.thecal_sac import rooms
from phantoms.anatomy.validate_neck import check_possible

TRIES = 200
STATURE_SD = 0.04  # of the sex's mean: 65 of 1626, 70 of 1755 mm; chosen
# What canals of all levels and the sac share, and what the sac has of its own: chosen, so that the
# sac's AP varies by nearly the published 10 % and still has room.
CANAL_SD, SAC_SD = 0.06, 0.04
FREE_SD = 0.10  # of the share of the free space that is behind the cord, chosen
POSTURE_SD = {"head_flexion": 4.0, "c1_rotation": 3.0}  # degrees, a head laid straight; chosen
TUBES = (2.0, 3.0, 4.0, 5.0)  # mm, silicone tubes that C1's foramen takes
SPARE = 0.3  # mm, beyond the least gap between sac and bone
CANAL_OWN = 0.03  # of each level by itself
BEHIND = 4.2 / (15.8 - 7.94)  # of the free AP at C1-C2, of the mean values
DORSAL = (1.8, 6.5)  # mm, range of dorsal_csf
BESIDE_CORD = 4.0  # mm, widest artery that enters the canal below C1
OWN = 0.75  # share of a bone's published spread that is not the body's size
# Of that, what all bones of a neck share in one direction: C3 and C4 are then alike, chosen.
TOGETHER = 0.92
RANGE = 2.0  # spreads beyond which nothing is drawn

# Of sides (arteries) or of people, from 0 to 1; sources beside the parameters.
INTERSEGMENTAL, FENESTRATED, LOW_PICA = 0.018, 0.007, 0.016
PONTICULUS = {"complete": 0.091, "incomplete": 0.136}
LOOP, HIGH_RIDING = 0.48, 0.25


def random_necks(seed: int) -> Iterator[AnatomyParameters]:
    """Draw necks from the published spreads; the same seed always gives the same ones.

    Sex and stature set the size; then each measure varies by what is left of its spread, bones
    mostly together in each direction, canals and sac together. A neck that cannot be built is
    drawn again, so the rarest combinations are rarer still than published.

    Parameters
    ----------
    seed : int
        0 or more.

    Yields
    ------
    AnatomyParameters
        Necks that pass `check_possible`, at most TRIES draws in all.

    Raises
    ------
    InputError
        A seed below 0, or no further possible neck within TRIES draws.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 4711])
    reason = ""
    for _ in range(TRIES):
        p = drawn(rng)
        try:
            check_possible(p)
        except InputError as error:
            reason = str(error)
            continue
        yield p
    raise InputError(f"--seed {seed}: no possible neck in {TRIES} draws; the last: {reason}")


def random_parameters(seed: int) -> AnatomyParameters:
    """Draw the first neck of a seed; see `random_necks`.

    Parameters
    ----------
    seed : int
        0 or more.

    Returns
    -------
    AnatomyParameters
        A neck that can be built.

    Raises
    ------
    InputError
        A seed below 0, or no possible neck within TRIES draws.
    """
    return next(random_necks(seed))


def drawn(rng: np.random.Generator) -> AnatomyParameters:
    """Make one draw, whether it can be built or not.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    AnatomyParameters
        Not checked.
    """
    sex = ("female", "male")[rng.integers(2)]
    p = sized(SEX[sex] * (1.0 + STATURE_SD * _normal(rng)), NECK[sex])
    bones = {way: _normal(rng) for way in ("width", "height", "ap")}
    canals = {way: CANAL_SD * _normal(rng) for way in ("ap", "width")}
    changed: dict[str, Any] = {}
    for parameter in described():
        name, measure = parameter.name, parameter.measure
        if measure is None or measure.spread == 0.0 or "." in name:
            continue
        shared, own = 0.0, OWN * measure.spread
        if "canal" in name or name.startswith("sac"):
            shared = canals[name.rpartition("_")[2]]
            own = SAC_SD if name.startswith("sac") else CANAL_OWN
        elif name in bone_lengths():
            shared = TOGETHER * own * bones[_way(name)]
            own *= np.sqrt(1.0 - TOGETHER**2)
        factor = float(np.exp(shared + own * _normal(rng)))
        changed[name] = _within(value_of(p, name), factor, measure.low, measure.high)
    for name, sd in POSTURE_SD.items():
        changed[name] = round(sd * _normal(rng), 1)
    changed |= _in_canal(replace(p, **changed))
    free = changed["sac_ap"][1] - changed["cord_ap"][1]
    share = BEHIND * float(np.exp(FREE_SD * _normal(rng)))
    changed["dorsal_csf"] = round(float(np.clip(share * free, *DORSAL)), 2)
    hole = changed["c1_foramen_width"] - 2 * p.artery_wall_gap
    changed |= {f"artery_{side}": _artery(rng, hole) for side in ("left", "right")}
    return replace(p, **changed)


def _way(name: str) -> str:
    """Return the direction of a bone's length, by its name."""
    if "width" in name or "lateral" in name:
        return "width"
    return "height" if "height" in name else "ap"


def _in_canal(p: AnatomyParameters) -> dict[str, Any]:
    """Make the sac no larger than the canal allows: it lines the canal, as in life."""
    sac = {kind: list(getattr(p, f"sac_{kind}")) for kind in ("ap", "width")}
    for (kind, level), (room, _) in rooms(p).items():
        sac[kind][level] = min(sac[kind][level], round(room - SPARE, 2))
    return {f"sac_{kind}": tuple(values) for kind, values in sac.items()}


def _within(value: Any, factor: float, low: float, high: float) -> Any:
    if isinstance(value, tuple):
        return tuple(round(float(np.clip(v * factor, low, high)), 2) for v in value)
    return round(float(np.clip(value * factor, low, high)), 2)


def _artery(rng: np.random.Generator, hole: float) -> ArteryParameters:
    """Draw an artery; `hole` is the widest tube that goes through C1's foramen, mm."""
    spread = next(f for f in fields(ArteryParameters) if f.name == "diameter").metadata["measure"]
    wide = 4.6 * float(np.exp(spread.spread * _normal(rng)))
    draw = {name: float(rng.random()) for name in ("course", "pica", "bridge", "loop", "rise")}
    course: Course = "normal"
    if draw["course"] < INTERSEGMENTAL:
        course = "intersegmental"
    elif draw["course"] < INTERSEGMENTAL + FENESTRATED:
        course = "fenestrated"
    bridge: Ponticulus = "none"
    if draw["bridge"] < PONTICULUS["complete"]:
        bridge = "complete"
    elif draw["bridge"] < sum(PONTICULUS.values()):
        bridge = "incomplete"
    if course == "intersegmental":
        hole = min(hole, BESIDE_CORD)
    return ArteryParameters(
        diameter=min((t for t in TUBES if t <= hole), key=lambda tube: abs(tube - wide)),
        loop=round(float(rng.uniform(1.0, 7.0)), 1) if draw["loop"] < LOOP else 0.0,
        rise=round(float(rng.uniform(2.0, 3.5)), 1) if draw["rise"] < HIGH_RIDING else 0.0,
        course=course,
        pica="low" if draw["pica"] < LOW_PICA else "normal",
        ponticulus=bridge if course != "intersegmental" else "none",
    )


def _normal(rng: np.random.Generator) -> float:
    return float(np.clip(rng.standard_normal(), -RANGE, RANGE))
