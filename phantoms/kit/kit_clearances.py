"""Check that a kit can be assembled: parts against each other, and the space that must be free.

Free must be the needle's path, the access to each divot and to each table screw, and the way on
which the mould's end plates are put on and drawn off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from manifold3d import Manifold

from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import TABLE_HEAD, TABLE_HOLE, Layout
from phantoms.kit.part import Part
from phantoms.kit.sac_mould import PLATE
from phantoms.kit.solid import cylinder, placed, solid_of, united

TOUCHING = 0.5  # mm^3: smaller overlaps are faces that touch
NEEDLE_LENGTH = 110.0  # mm, what must be free outside the skin and over a divot
OUTSIDE_RADIUS, INSIDE_RADIUS = 10.0, 3.0  # mm, the free room round a planned needle
DIVOT_ANGLE = 35.0  # degrees, largest tilt of a needle in a divot
DRIVER = 200.0  # mm, what must be free over a table hole for a screwdriver
OFF_BASE = 0.05  # mm, height over the base at which such a space begins

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
# Along z, by the end plate that is moved: which way.
END_PLATES = {"mould_cranial": 1.0, "mould_caudal": -1.0}


@dataclass(frozen=True)
class Clash:
    """Two things in the same place.

    Attributes
    ----------
    stage : str
        "pouring", "drawing" (an end plate is being removed) or "use".
    one, other : str
        Their names.
    volume : float
        Shared, mm^3.
    """

    stage: str
    one: str
    other: str
    volume: float


def fits(parts: Sequence[Part], anatomy: Anatomy, layout: Layout) -> tuple[Clash, ...]:
    """Find what is in each other's way, of either kind's parts.

    Checked are parts against parts; the space round the planned needles, the cone in which a needle
    can lean in a divot, the screws and the driver of each table hole against parts. While the gel
    is poured the mould and the core stand on the base with the column, later all others.

    Parameters
    ----------
    parts : sequence of Part
        Of the kit; those that are not part of the phantom are ignored.
    anatomy : Anatomy
        With the planned needles.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    tuple of Clash
        Empty for a kit that can be built.
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
        found += _drawn(pouring)
    return tuple(found)


def _needed(anatomy: Anatomy, layout: Layout) -> dict[str, Manifold]:
    """Return the spaces that must be free, by name."""
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
    bottom, top = layout.base_bottom, layout.base_top
    for x, z in layout.table_holes:
        name = f"table hole at x {x:g}, z {z:g}"
        rooms[name] = cylinder((x, bottom, z), (x, top, z), TABLE_HOLE / 2)
        head = (x, top + OFF_BASE, z)
        rooms[f"{name}, head and driver"] = cylinder(head, (x, top + DRIVER, z), TABLE_HEAD / 2)
    return rooms


def _drawn(pouring: dict[str, Manifold]) -> Iterator[Clash]:
    """Check each end plate against all that stands, on its whole way past base and core.

    The core goes with the cranial one, since its handle is in front of that.
    """
    for name, way in END_PLATES.items():
        gone = (name, "sac_core") if name == "mould_cranial" else (name,)
        standing = {other: s for other, s in pouring.items() if other not in gone}
        swept = _swept(pouring[name], way, list(standing.values()))
        yield from _against("drawing", standing, {f"{name} on its way": swept})


def _swept(solid: Manifold, way: float, standing: Sequence[Manifold]) -> Manifold:
    """Unite a plate's places along z, close enough for no gap, until it is past all that stands."""
    low, high = np.reshape(solid.bounding_box(), (2, 3))[:, 2]
    bounds = np.array([np.reshape(s.bounding_box(), (2, 3))[:, 2] for s in standing])
    past = bounds[:, 1].max() - low if way > 0.0 else high - bounds[:, 0].min()
    steps = int(np.ceil(past / (0.9 * PLATE))) + 1
    return united([solid.translate((0.0, 0.0, way * t)) for t in np.linspace(0.0, past, steps)])


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
