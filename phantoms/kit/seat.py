"""The seat of the reference body: a roof on two legs; the paper is glued onto the roof."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from calibration.printing.standard_tools import (
    REFERENCE_MARKER,
    REFERENCE_PITCH,
    REFERENCE_QUIET,
    REFERENCE_RIDGE,
    REFERENCE_TILT,
)
from phantoms.kit.fasteners import hole
from phantoms.kit.kit_layout import SEAT, Layout
from phantoms.kit.needle_carrier import PAPER
from phantoms.kit.solid import CORNERS, prism, region, without

MARGIN = 1.0  # mm, roof beyond the paper's white zones
ROOF = 4.0  # mm, thickness
LEG = 4.0
FLANGE = 6.0
LEG_TOP, LEG_BOTTOM = 24.0, 30.0  # mm, the legs' middles from the seat's: a hose goes between
FLANGE_END = 46.0


def seat_solid(layout: Layout) -> Manifold:
    """Build a profile in x, y extruded along z: its faces print as upright, even walls.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    solid = prism(_profile(layout), SEAT[2] - _half(), SEAT[2] + _half(), "z")
    top = layout.base_top
    holes = [
        hole((x, top - 1.0, z), (x, top + FLANGE + 1.0, z)) for x, z in layout.bolts["reference"]
    ]
    return without(solid, holes)


def roof_length() -> float:
    """Return the length of a face, from the ridge down.

    Returns
    -------
    float
        mm.
    """
    return REFERENCE_RIDGE + REFERENCE_PITCH + _half()


def _half() -> float:
    """Return the distance from the middle of a face's markers to the face's edge, mm."""
    return REFERENCE_PITCH / 2 + REFERENCE_MARKER / 2 + REFERENCE_QUIET + MARGIN


def _profile(layout: Layout) -> CrossSection:
    x0, ridge, _ = SEAT
    top = layout.base_top
    slope = float(np.tan(REFERENCE_TILT))
    # The paper's outside is where the tool's file has it.
    peak = ridge - PAPER / float(np.cos(REFERENCE_TILT))
    reach = roof_length() * float(np.cos(REFERENCE_TILT))
    inner = reach - ROOF * float(np.sin(REFERENCE_TILT))
    thick = ROOF / float(np.cos(REFERENCE_TILT))

    def under(x: float) -> float:
        return peak - thick - slope * abs(x)

    roof = region(
        [
            *[(x0 - reach, peak - slope * reach), (x0, peak), (x0 + reach, peak - slope * reach)],
            *[(x0 + inner, under(inner)), (x0, under(0.0)), (x0 - inner, under(inner))],
        ]
    )
    flange = region(
        [
            *[(x0 - FLANGE_END, top), (x0 + FLANGE_END, top)],
            *[(x0 + FLANGE_END, top + FLANGE), (x0 - FLANGE_END, top + FLANGE)],
        ]
    )
    legs = CrossSection()
    for side in (-1.0, 1.0):
        high, low = x0 + side * LEG_TOP, x0 + side * LEG_BOTTOM
        y = under(LEG_TOP) + 1.0
        wide = LEG / 2
        legs = legs + region(
            [(low - wide, top + 1.0), (low + wide, top + 1.0), (high + wide, y), (high - wide, y)]
        )
    # Rounded inner corners do not crack.
    profile = roof + flange + legs
    rounded = profile.offset(2.0, circular_segments=CORNERS).offset(-2.0, circular_segments=CORNERS)
    return rounded + profile
