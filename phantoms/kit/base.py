"""The base plate: everything stands on it, and it is the mould's floor."""

from __future__ import annotations

from manifold3d import Manifold

from phantoms.kit.column import FOOT, FOOT_RECESS
from phantoms.kit.fasteners import M3_HEAD_DEPTH, bolt_hole, hole
from phantoms.kit.kit_layout import BAND, LUG, LUG_HEIGHT, SEAT, TABLE_HOLE, Layout
from phantoms.kit.label import label
from phantoms.kit.part import SLIDING
from phantoms.kit.seat import FLANGE_END
from phantoms.kit.solid import box, chamfered, united, without

LEG_RECESS = 2.0  # mm, how deep an arch's legs stand in it
BOLT_HEIGHTS = (7.0, 18.0)  # mm over its top: bolts through lugs and legs
LEG_FIT = 0.15  # mm all round, a push fit
CHAMFER = 1.0  # mm


def base_solid(layout: Layout) -> Manifold:
    """Build plate and lugs, with all holes, recesses and letters.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    return without(
        united([_plate(layout), *_lugs(layout)]),
        [*_recesses(layout), *_holes(layout), *_letters(layout)],
    )


def _plate(layout: Layout) -> Manifold:
    half, (low, high) = layout.base_half_width, layout.base_ends
    corner = 10.0
    outline = [
        *[(low, -half + corner), (low + corner, -half), (high - corner, -half)],
        *[(high, -half + corner), (high, half - corner), (high - corner, half)],
        *[(low + corner, half), (low, half - corner)],
    ]
    return chamfered(outline, layout.base_bottom, layout.base_top, CHAMFER, "y")


def _lugs(layout: Layout) -> list[Manifold]:
    """Build a lug behind each leg of an arch, on its side away from the gel."""
    lugs = []
    for name, (low, high) in layout.arches.items():
        z = (high + LEG_FIT, high + LUG) if name == "arch_cranial" else (low - LUG, low - LEG_FIT)
        for side in (-1.0, 1.0):
            left, right = sorted(side * x for x in layout.lug)
            lugs.append(
                box(
                    (left, layout.base_bottom + CHAMFER, z[0]),
                    (right, layout.base_top + LUG_HEIGHT, z[1]),
                )
            )
    return lugs


def _recesses(layout: Layout) -> list[Manifold]:
    top, fit = layout.base_top, SLIDING / 2
    half, low, high = FOOT
    foot = box((-half - fit, top - FOOT_RECESS, low - fit), (half + fit, top + 1, high + fit))
    legs = []
    for z in layout.arches.values():
        for x in (-layout.leg, layout.leg):
            legs.append(
                box(
                    (x - BAND / 2 - LEG_FIT, top - LEG_RECESS, z[0] - LEG_FIT),
                    (x + BAND / 2 + LEG_FIT, top + 1.0, z[1] + LEG_FIT),
                )
            )
    return [foot, *legs]


def _holes(layout: Layout) -> list[Manifold]:
    top, bottom = layout.base_top, layout.base_bottom
    cutters = [
        bolt_hole((x, bottom + M3_HEAD_DEPTH, z), (0, 1, 0), 20.0)
        for places in layout.bolts.values()
        for x, z in places
    ]
    cutters += [
        hole((x, bottom - 1, z), (x, top + 1, z), TABLE_HOLE) for x, z in layout.table_holes
    ]
    cutters += [
        hole((x, top + y, z), (x, top + y, z + way * 30.0))
        for x in (-layout.leg, layout.leg)
        for y in BOLT_HEIGHTS
        for z, way in ((layout.arches["arch_cranial"][1], 1), (layout.arches["arch_caudal"][0], -1))
    ]
    return cutters


def _letters(layout: Layout) -> list[Manifold]:
    """Build the letters, read from behind, head upwards: the patient's left is at the left."""
    x, top, mid = layout.base_half_width - 14.0, layout.base_top, (layout.base_ends[1] - 20.0)
    beside = (SEAT[0] + FLANGE_END + layout.base_half_width) / 2
    right, up = (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    return [
        label("L", 16.0, (x, top, 8.0), right, up),
        label("R", 16.0, (-x, top, 8.0), right, up),
        label("CRANIAL", 6.0, (beside, top, mid), right, up),
        label(">", 14.0, (x, top, 30.0), up, (1.0, 0.0, 0.0)),
        label(">", 14.0, (-x, top, 30.0), up, (1.0, 0.0, 0.0)),
    ]
