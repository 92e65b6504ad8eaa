"""The frame of divots: an arch at each end of the neck, a bar with wings between them."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.kit.base import BOLT_HEIGHTS, LEG_RECESS
from phantoms.kit.fasteners import M3_NUT, M3_NUT_DEPTH, hole, nut_pocket
from phantoms.kit.kit_layout import (
    BAND,
    BAR_HALF_WIDTH,
    BOSS,
    BOSS_HALF_WIDTH,
    DIVOT_DEPTH,
    WINGS,
    Divot,
    Holder,
    Layout,
)
from phantoms.kit.label import label
from phantoms.kit.solid import box, divot, prism, region, united, without

BAR_RECESS = 1.5  # mm, how deep the bar's ends stand in the arches
BAR_FIT = 0.1  # mm all round
BAR_BOLTS = 4.6  # mm, x of the two bolts at each end
NUT_FROM_END = 7.0  # mm, a nut's slot in the bar
NUT_CORNER = 3.3  # mm, a slot's floor under the bolt's middle: a nut stands on a corner, 3.2 below
WING_HALF_WIDTH = 7.0
LETTERS = 5.0  # mm, height
LABEL_UNDER = 6.3  # mm, its middle from the apex


def arch_solid(layout: Layout, name: Holder) -> Manifold:
    """Build an arch with its divots; flat on its face away from the gel.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.
    name : Holder
        "arch_cranial" or "arch_caudal".

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    low, high = layout.arches[name]
    divots = [d for d in layout.divots if d.holder == name]
    shape = _band(layout)
    for d in divots:
        shape = shape + _boss(d)
    inwards = -1.0 if name == "arch_cranial" else 1.0
    face = low if inwards < 0.0 else high
    cutters = [divot(d.apex, d.axis, DIVOT_DEPTH) for d in divots]
    # on the outer face: gel hides the inner one
    outer = high if inwards < 0.0 else low
    cutters += [_arch_label(d, outer, -inwards) for d in divots]
    cutters += _leg_bolts(layout, low, high, face, inwards)
    cutters += _bar_joint(layout, low, high, face, inwards)
    return without(prism(shape, low, high, "z"), cutters)


def bar_solid(layout: Layout) -> Manifold:
    """Build the bar with its wings and divots; flat on its underside.

    Nuts are dropped into slots from the top, whose floors keep them while the bar is laid in.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    (low, high), half = layout.bar, BAR_HALF_WIDTH
    caudal = layout.arches["arch_caudal"][1] - BAR_RECESS + BAR_FIT
    cranial = layout.arches["arch_cranial"][0] + BAR_RECESS - BAR_FIT
    reach, left, right = WINGS
    solid = united(
        [
            box((-half, low, caudal), (half, high, cranial)),
            _wing(low, high, 0.0, reach, left),
            _wing(low, high, -reach, 0.0, right),
        ]
    )
    divots = [d for d in layout.divots if d.holder == "bar"]
    cutters = [divot(d.apex, d.axis, DIVOT_DEPTH) for d in divots]
    for d in divots:
        x, _, z = d.apex
        aside = z - 8.0 if abs(x) < half else z
        towards = x if abs(x) < half else x - np.sign(x) * 9.0
        cutters.append(label(d.label, LETTERS, (towards, high, aside), (-1, 0, 0), (0, 0, 1)))
    middle = (low + high) / 2
    for end, way in ((caudal, 1.0), (cranial, -1.0)):
        for x in (-BAR_BOLTS, BAR_BOLTS):
            cutters.append(hole((x, middle, end - way), (x, middle, end + way * 14.0)))
            z = end + way * NUT_FROM_END
            cutters.append(
                box(
                    (x - M3_NUT / 2, middle - NUT_CORNER, min(z, z + way * M3_NUT_DEPTH)),
                    (x + M3_NUT / 2, high + 1.0, max(z, z + way * M3_NUT_DEPTH)),
                )
            )
    return without(solid, cutters)


def _wing(low: float, high: float, left: float, right: float, z: float) -> Manifold:
    wing = WING_HALF_WIDTH
    return box((left, low, z - wing), (right, high, z + wing))


def _band(layout: Layout) -> CrossSection:
    """Return an arch's outline in x, y: straight legs up to the neck's axis, an ellipse above."""
    a, b = layout.inner
    foot = layout.base_top - LEG_RECESS
    return _arched(layout, a + BAND, b + BAND, foot) - _arched(layout, a, b, foot - 1.0)


def _arched(layout: Layout, a: float, b: float, foot: float) -> CrossSection:
    turn = np.linspace(0.0, np.pi, 91)
    oval = np.column_stack([a * np.cos(turn), layout.neck_middle + b * np.sin(turn)])
    return region(np.concatenate([[(a, foot)], oval, [(-a, foot)]]))


def _boss(d: Divot) -> CrossSection:
    """Return what holds a divot: its face perpendicular to the divot's axis."""
    axis = np.array(d.axis[:2])
    across = np.array([-axis[1], axis[0]])
    face = np.array(d.apex[:2]) + DIVOT_DEPTH * axis
    wide, deep = BOSS_HALF_WIDTH * across, (BOSS + 5.0) * axis
    return region([face - wide, face + wide, face + wide - deep, face - wide - deep])


def _arch_label(d: Divot, face: float, inwards: float) -> Manifold:
    """Build the label under the divot, its top towards it."""
    axis = np.array(d.axis)
    at = np.array([d.apex[0], d.apex[1], face]) - LABEL_UNDER * axis
    return label(d.label, LETTERS, at, np.cross(axis, (0.0, 0.0, inwards)), axis)


def _leg_bolts(
    layout: Layout, low: float, high: float, face: float, inwards: float
) -> list[Manifold]:
    cutters = []
    for x in (-layout.leg, layout.leg):
        for up in BOLT_HEIGHTS:
            y = layout.base_top + up
            cutters.append(hole((x, y, low - 1.0), (x, y, high + 1.0)))
            bottom = np.array([x, y, face - inwards * M3_NUT_DEPTH])
            cutters.append(nut_pocket(bottom, (0, 0, inwards), 10.0, (1, 0, 0)))
    return cutters


def _bar_joint(
    layout: Layout, low: float, high: float, face: float, inwards: float
) -> list[Manifold]:
    bottom, top = layout.bar
    fit, half = BAR_FIT, BAR_HALF_WIDTH
    z = (face - inwards * BAR_RECESS, face + inwards * 5.0)
    # Open at the top: the bar is laid in from there.
    recess = box((-half - fit, bottom - fit, min(z)), (half + fit, top + 1.0, max(z)))
    middle = (bottom + top) / 2
    holes = [hole((x, middle, low - 1.0), (x, middle, high + 1.0)) for x in (-BAR_BOLTS, BAR_BOLTS)]
    return [recess, *holes]
