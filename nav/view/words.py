"""Numbers as the window writes them."""

import math

from nav.guidance.bending import Drift
from nav.guidance.proximity import StructureProximity

MINUS = "\u2212"
# two-sided 95 % quantile of the normal distribution
Z95_BOTH_SIDES = 1.96


def one_decimal(value: float) -> str:
    """One decimal, never '-0.0', with a true minus sign."""
    text = f"{value:.1f}"
    if text == "-0.0":
        text = "0.0"
    return text.replace("-", MINUS)


def distance_text(distance: float) -> str:
    """A distance, mm; inside a structure in words."""
    if distance < 0:
        return f"INSIDE {one_decimal(-distance)}"
    return one_decimal(distance)


def bound_text(structure: StructureProximity) -> str:
    """The 95 % lower bound, rounded towards the danger: it must not promise more than it holds."""
    lower = math.floor(structure.bound * 10 + 1e-6) / 10
    if structure.distance < 0:
        return f"up to {one_decimal(-lower)}"
    return f"\u2265 {one_decimal(lower)}"


def bending_text(drift: Drift | None) -> str:
    """Whether the needle's bending is in the bound; the depth, where that is only assumed."""
    if drift is None:
        return "without bending"
    if drift.assumed:
        return f"bent at {drift.depth:.0f} mm?"
    return "with bending"


def between(sd: float) -> str:
    """Half of the 95 % interval, rounded up; empty where it is not known."""
    if not math.isfinite(sd):
        return ""
    return f"\u00b1 {one_decimal(math.ceil(Z95_BOTH_SIDES * sd * 10 - 1e-6) / 10)}"
