"""How long a needle must be to reach this neck's targets from the carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phantoms.anatomy.plans import AnatomyPlan
from phantoms.kit.papers.printed import round_to
from phantoms.kit.tools_inserts import WINGS
from phantoms.kit.tools_seat import HUB_FACE, free_shaft, pocket_end

SOLD = (90.0, 120.0, 150.0)  # mm, common lengths of spinal and Tuohy needles, assumed
REACH = 5.0  # mm beyond the target: the film tents before a needle, skin gives way; chosen
HELD = -free_shaft(0.0)  # mm of a shaft in carrier and nut, its hub resting on the bush
LOST = HUB_FACE - pocket_end(WINGS)  # mm more, where wide wings begin at the hub's front


@dataclass(frozen=True)
class NeedleLength:
    """Of a needle, from hub to tip, mm: the least, and the next that is sold."""

    least: float
    sold: float


@dataclass(frozen=True)
class NeedleLengths:
    """What reaches every target of a case.

    way : the longest from skin to target, mm. plain, winged : in a bush, with a hub that rests on
    it, or wings that do not let it. on_hub : on an adaptor, which leaves the whole shaft free.
    """

    way: float
    plain: NeedleLength
    winged: NeedleLength
    on_hub: NeedleLength


def needle_lengths(plans: Sequence[AnatomyPlan]) -> NeedleLengths:
    """For the plans of a case."""
    way = max(float(np.linalg.norm(np.subtract(p.entry, p.target))) for p in plans)
    free = way + REACH
    return NeedleLengths(
        way, _at_least(free + HELD), _at_least(free + HELD + LOST), _at_least(free)
    )


def _at_least(length: float) -> NeedleLength:
    """Longer than all that are common: ordered in steps of a centimetre."""
    sold = next((s for s in SOLD if s >= length), round_to(length, 10.0))
    return NeedleLength(length, sold)


def needed(length: NeedleLength) -> str:
    """In words."""
    return f"at least {np.ceil(length.least - 1e-9):.0f} mm (on sale: {length.sold:.0f} mm)"
