"""Inserts of the carrier's seat: split bushes on a needle's shaft, adaptors for its hub."""

from __future__ import annotations

from manifold3d import Manifold

from phantoms.kit.part import LEAST_WALL, SLIDING, Part
from phantoms.kit.solid import box, united, without
from phantoms.kit.tools_lettering import engraving
from phantoms.kit.tools_seat import (
    BLACK,
    HUB_FACE,
    NUT_FRONT,
    NUT_HOLE,
    PROUD,
    SEAT_BACK,
    SEAT_FRONT,
    TAIL_BACK,
    free_shaft,
    key,
    part_in_use,
    pocket_end,
    seat_radius,
    tail_radius,
    turned,
)
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES, Cone

SLOT = 0.5  # mm, of a split bush
FINGERS = 3
WINGS = 13.0  # mm, half the width of the widest wings of a Tuohy hub (assumed)

TAIL = 3.35  # mm, radius of an adaptor's back; a lock collar goes over it (ISO 80369-7: 6.73 wide)
CHANNEL = 1.2  # mm, radius: room to print, and little CSF in it
SHOULDER = NUT_FRONT + 1.0  # where the male cone begins


def bush(gauge: int) -> Part:
    """Build the split bush for a shaft.

    Its three fingers close as the nut presses it into the seat.

    Parameters
    ----------
    gauge : int
        Of the needle, one of GAUGES.

    Returns
    -------
    Part
        As it lies on the bed.

    Raises
    ------
    KeyError
        Another gauge.
    """
    diameter = GAUGES[gauge] + BORE_CLEARANCE
    front = SEAT_FRONT + PROUD
    bore = diameter / 2
    lead = bore + 0.8  # wide at the back, so that the tip finds its way in
    cutters = [
        turned(HUB_FACE - 1.0, front + 1.0, bore, outside=True),
        turned(HUB_FACE - 1.0, HUB_FACE + lead - bore, lead + 1.0, bore),
        *_slots(SEAT_BACK + 1.0, front + 1.0),
        engraving(str(gauge), 2.8, 0.5, stroke=0.5).translate((0.0, -4.2, front)),
    ]
    solid = without(united([_insert(), key(0.0, front)]), cutters)
    lost = HUB_FACE - pocket_end(WINGS)
    return part_in_use(
        f"needle-bush-{gauge}g",
        f"Bush for {gauge}G needles",
        solid,
        BLACK,
        f"Standing on its narrow end, 0.1 mm layers, with a brim; no support. Then drill its bore"
        f" {diameter:.2f} mm by hand and free the slots with a blade. The hub rests on it in the"
        f" carrier's pocket, open to stylet and syringe; carrier and nut then take"
        f" {-free_shaft(0.0):.1f} mm of the shaft, the rest stands out in front. Wings up to"
        f" {2 * WINGS:.0f} mm wide fit; if they begin at the hub's front, {lost:.0f} mm more are"
        " taken.",
    )


def adaptor(cone: Cone) -> Part:
    """Build the adaptor with a male cone for a hub in front, and a female one behind for a syringe.

    Parameters
    ----------
    cone : Cone
        The standard of both.

    Returns
    -------
    Part
        As it lies on the bed.
    """
    end = SHOULDER + cone.length
    bore = cone.tip / 2 - LEAST_WALL
    inner = TAIL_BACK + cone.depth  # where the female cone ends
    solid = united(
        [
            _insert(),
            key(0.0, SEAT_FRONT + PROUD),
            turned(TAIL_BACK, HUB_FACE, TAIL),
            turned(HUB_FACE - (tail_radius() - TAIL), HUB_FACE, TAIL, tail_radius()),
            turned(SEAT_FRONT, SHOULDER, NUT_HOLE - SLIDING),
            turned(SHOULDER - 1.0, SHOULDER, cone.base / 2),
            turned(SHOULDER, end, cone.base / 2, cone.tip / 2),
        ]
    )
    mouth = cone.mouth + cone.taper  # a millimetre before the mouth
    narrowing = SHOULDER - 2.0  # only the cone itself is too thin for the whole channel
    cutters = [
        turned(TAIL_BACK - 1.0, inner, mouth / 2, cone.bottom / 2, outside=True),
        turned(inner - 0.01, inner + cone.bottom / 2 - CHANNEL, cone.bottom / 2, CHANNEL),
        turned(inner, narrowing, CHANNEL, outside=True),
        turned(narrowing - 0.01, narrowing + CHANNEL - bore, CHANNEL, bore),
        turned(narrowing, end + 1.0, bore, outside=True),
    ]
    name = cone.name.lower()
    return part_in_use(
        f"needle-adaptor-{name}",
        f"{cone.name} adaptor",
        without(solid, cutters),
        BLACK,
        f"Standing on its narrow end, 0.1 mm layers, with a wide brim; no support. Free the cone's"
        f" bore with a {2 * bore:.1f} mm drill. {cone.source}."
        " The hub is pushed and turned onto the cone, without stylet, and CSF comes out behind.",
    )


def _insert() -> Manifold:
    """Build what bushes and adaptors have in common: tail and cone."""
    narrow, front = seat_radius(SEAT_BACK), SEAT_FRONT + PROUD
    tail = tail_radius()
    return united(
        [
            turned(HUB_FACE, SEAT_BACK + 1.0, tail),
            turned(SEAT_BACK - (narrow - tail), SEAT_BACK, tail, narrow),
            turned(SEAT_BACK, front, narrow, seat_radius(front)),
        ]
    )


def _slots(back: float, front: float) -> list[Manifold]:
    """Build the cuts between the fingers, none at the key."""
    slot = box((0.0, -SLOT / 2, back), (20.0, SLOT / 2, front))
    return [slot.rotate((0.0, 0.0, 90.0 + 360.0 / FINGERS * k)) for k in range(FINGERS)]
