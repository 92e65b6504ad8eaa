"""Whether a kit goes together: parts beside each other, the needle's way, the way to each divot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from manifold3d import Manifold

from phantoms.anatomy.standard import Anatomy
from phantoms.kit.layout import Layout
from phantoms.kit.part import Part
from phantoms.kit.solid import cylinder, placed, solid_of

TOUCHING = 0.5  # mm^3: less than that is where faces touch
NEEDLE_LENGTH = 110.0  # mm, what must be free outside the skin and over a divot
OUTSIDE_RADIUS, INSIDE_RADIUS = 10.0, 3.0  # mm, the free room round a planned needle
DIVOT_ANGLE = 35.0  # degrees, a needle may lean so far in a divot

# What stands on the base while the gel is poured, and no longer.
POURING = (
    "mould_left",
    "mould_right",
    "mould_cranial",
    "mould_caudal",
    "mould_lid",
    "sac_core",
)
ALWAYS = ("base", "column")
AIMED_PAST = "cord"  # the target lies right behind it


@dataclass(frozen=True)
class Clash:
    """Two things in the same place. stage : "pouring" or "use". volume : shared, mm^3."""

    stage: str
    one: str
    other: str
    volume: float


def fits(parts: Sequence[Part], anatomy: Anatomy, layout: Layout) -> tuple[Clash, ...]:
    """What is in each other's way, of either kind's parts; none in a kit that can be built.

    Checked are parts against parts, the room round the planned needles against parts, and the
    cone in which a needle can lean in a divot against parts. While the gel is poured the mould and
    the core stand on the base with the column, later all others.
    """
    solids = {
        p.name: placed(solid_of(p.mesh), p.model_from_part)
        for p in parts
        if p.model_from_part is not None
    }
    pouring = {name: s for name, s in solids.items() if name in (*POURING, *ALWAYS)}
    use = {name: s for name, s in solids.items() if name not in POURING}
    free = {name: s for name, s in use.items() if name != AIMED_PAST}
    found = [*_among("use", use), *_against("use", free, _needed(anatomy, layout))]
    if len(pouring) > len(ALWAYS):
        found += _among("pouring", pouring)
    return tuple(found)


def _needed(anatomy: Anatomy, layout: Layout) -> dict[str, Manifold]:
    """Rooms that must be free, by name."""
    rooms = {}
    for plan in anatomy.plans:
        entry, target = np.array(plan.entry), np.array(plan.target)
        out = (entry - target) / np.linalg.norm(entry - target)
        rooms[f"{plan.name}, inside"] = cylinder(target, entry, INSIDE_RADIUS)
        rooms[f"{plan.name}, outside"] = cylinder(
            entry, entry + NEEDLE_LENGTH * out, OUTSIDE_RADIUS
        )
    wide = NEEDLE_LENGTH * float(np.tan(np.radians(DIVOT_ANGLE)))
    for d in layout.divots:
        apex = np.array(d.apex)
        rooms[f"divot {d.label}"] = cylinder(
            apex + NEEDLE_LENGTH * np.array(d.axis), apex, wide, 0.0
        )
    return rooms


def _among(stage: str, solids: dict[str, Manifold]) -> Iterator[Clash]:
    for (one, a), (other, b) in combinations(solids.items(), 2):
        yield from _clash(stage, (one, a), (other, b))


def _against(
    stage: str, solids: dict[str, Manifold], rooms: dict[str, Manifold]
) -> Iterator[Clash]:
    for room in rooms.items():
        for solid in solids.items():
            yield from _clash(stage, room, solid)


def _clash(stage: str, one: tuple[str, Manifold], other: tuple[str, Manifold]) -> Iterator[Clash]:
    a, b = (np.reshape(s.bounding_box(), (2, 3)) for _, s in (one, other))
    if (a[0] > b[1]).any() or (b[0] > a[1]).any():
        return
    volume = (one[1] ^ other[1]).volume()
    if volume > TOUCHING:
        yield Clash(stage, one[0], other[0], volume)
