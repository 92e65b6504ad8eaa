"""Screws by what they hold: their number from the layout, and their length."""

from __future__ import annotations

from dataclasses import dataclass

from phantoms.kit.base import BOLT_HEIGHTS
from phantoms.kit.kit_layout import Layout
from phantoms.kit.mould import RIM_ANGLES

# What bolts through the base hold: words, length of an M3 screw, mm.
THROUGH_BASE = {
    "column": ("bone column", 10),
    "reference": ("reference seat", 16),
    "seat_caudal": ("caudal seat of the cord", 16),
    "seat_cranial": ("cranial seat of the cord", 16),
    "mould": ("mould on the base", 16),
}

FLANGE_BOLTS, CORD_MOULD_BOLTS = 3, 6


@dataclass(frozen=True)
class Screw:
    """M3 screws of one length for one purpose; each takes a nut.

    Attributes
    ----------
    purpose : str
        What they hold.
    count : int
        How many.
    length : int
        mm.
    washers : bool
        One under each nut.
    """

    purpose: str
    count: int
    length: int
    washers: bool


def screws(layout: Layout, wet: bool) -> tuple[Screw, ...]:
    """List all screws of a kit.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    tuple of Screw
        One for each purpose.
    """
    left_out = ("seat_caudal", "seat_cranial") if wet else ("mould",)
    found = [
        Screw(words, len(layout.bolts[name]), length, name != "column")
        for name, (words, length) in THROUGH_BASE.items()
        if layout.bolts.get(name) and name not in left_out
    ]
    found.append(Screw("legs of the arches", 2 * 2 * len(BOLT_HEIGHTS), 16, False))
    found.append(Screw("bar between the arches", 4, 20, False))
    if wet:
        # a pair of bolts at each angle, at both ends
        found.append(Screw("end plates of the mould", 2 * 2 * len(RIM_ANGLES), 16, True))
        found.append(Screw("flange of the mould's shells", FLANGE_BOLTS, 16, True))
        found.append(Screw("halves of the cord's mould", CORD_MOULD_BOLTS, 30, True))
    return tuple(found)
