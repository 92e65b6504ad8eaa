"""Needle lengths that reach this neck's targets from the carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phantoms.anatomy.plans import AnatomyPlan
from phantoms.kit.papers.amounts import round_to
from phantoms.kit.tools_inserts import WINGS
from phantoms.kit.tools_seat import HUB_FACE, free_shaft, pocket_end

SOLD = (90.0, 120.0, 150.0)  # mm, common lengths of spinal and Tuohy needles, assumed
REACH = 5.0  # mm beyond the target: the film tents before a needle, skin gives way; chosen
HELD = -free_shaft(0.0)  # mm of a shaft in carrier and nut, its hub resting on the bush
LOST = HUB_FACE - pocket_end(WINGS)  # mm more, where wide wings begin at the hub's front


@dataclass(frozen=True)
class NeedleLength:
    """Length of a needle from hub to tip.

    Attributes
    ----------
    least : float
        That is needed, mm.
    sold : float
        The next that is sold, mm.
    """

    least: float
    sold: float


@dataclass(frozen=True)
class NeedleLengths:
    """Needles that reach every target of a case.

    Attributes
    ----------
    way : float
        The longest distance from skin to target, mm.
    plain, winged : NeedleLength
        In a bush, with a hub that rests on it, or with wings that prevent that.
    on_hub : NeedleLength
        On an adaptor, which leaves the whole shaft free.
    """

    way: float
    plain: NeedleLength
    winged: NeedleLength
    on_hub: NeedleLength


def needle_lengths(plans: Sequence[AnatomyPlan]) -> NeedleLengths:
    """Determine the needles for the plans of a case.

    Parameters
    ----------
    plans : sequence of AnatomyPlan
        At least one, mm.

    Returns
    -------
    NeedleLengths
        For the longest of them.
    """
    way = max(float(np.linalg.norm(np.subtract(p.entry, p.target))) for p in plans)
    free = way + REACH
    return NeedleLengths(
        way, _at_least(free + HELD), _at_least(free + HELD + LOST), _at_least(free)
    )


def _at_least(length: float) -> NeedleLength:
    """Return the next length that is sold; beyond those, ordered in steps of a centimetre."""
    sold = next((s for s in SOLD if s >= length), round_to(length, 10.0))
    return NeedleLength(length, sold)


def needed(length: NeedleLength) -> str:
    """Format a needle length for people.

    Parameters
    ----------
    length : NeedleLength
        Least and sold, mm.

    Returns
    -------
    str
        Such as "at least 97 mm (on sale: 120 mm)".
    """
    return f"at least {np.ceil(length.least - 1e-9):.0f} mm (on sale: {length.sold:.0f} mm)"
