"""Format numbers for the window, with the words that belong to them."""

import math

from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.guidance.bending import Drift
from nav.guidance.proximity import StructureProximity
from nav.live.messages import Stage
from nav.text.catalogue import label, sentence

MINUS = "\u2212"
# two-sided 95 % quantile of the normal distribution
Z95_BOTH_SIDES = 1.96
STAGES = {
    Stage.CASE: "stage_case",
    Stage.CAMERAS: "stage_cameras",
    Stage.NEEDLE: "stage_needle",
    Stage.REGISTER: "stage_register",
    Stage.VERIFY: "stage_verify",
    Stage.NAVIGATE: "stage_navigate",
}
LEVELS = {
    Level.UNKNOWN: "no_data",
    Level.CLEAR: "level_clear",
    Level.CAUTION: "level_caution",
    Level.DANGER: "level_danger",
}
ROLES = {"artery": "role_artery", "cord": "role_cord"}


def one_decimal(value: float) -> str:
    """Format a number with one decimal, never '-0.0', with a true minus sign.

    Parameters
    ----------
    value : float
        Any unit.

    Returns
    -------
    str
        Without a unit.
    """
    text = f"{value:.1f}"
    if text == "-0.0":
        text = "0.0"
    return text.replace("-", MINUS)


def distance_text(distance: float) -> str:
    """Format a distance; inside a structure in words.

    Parameters
    ----------
    distance : float
        mm; negative inside.

    Returns
    -------
    str
        Without a unit.
    """
    if distance < 0:
        return sentence(Notice("inside", {"mm": one_decimal(-distance)}))
    return one_decimal(distance)


def bound_text(structure: StructureProximity) -> str:
    """Format the 95 % lower bound, rounded towards danger: it must not promise more than it holds.

    Parameters
    ----------
    structure : StructureProximity
        Distance and bound, mm.

    Returns
    -------
    str
        With ≥, or with "up to" inside a structure.
    """
    lower = math.floor(structure.bound * 10 + 1e-6) / 10
    if structure.distance < 0:
        return sentence(Notice("bound_inside", {"mm": one_decimal(-lower)}))
    return sentence(Notice("bound_at_least", {"mm": one_decimal(lower)}))


def bending_text(drift: Drift | None) -> str:
    """Describe whether the needle's bending is in the bound; the depth, where it is only assumed.

    Parameters
    ----------
    drift : Drift or None
        None where bending is not in the bound.

    Returns
    -------
    str
        A few words.
    """
    if drift is None:
        return label("without_bending")
    if drift.assumed:
        return sentence(Notice("bending_assumed", {"depth_mm": drift.depth}))
    return label("with_bending")


def role_word(role: str) -> str:
    """Return a structure's role in words.

    Parameters
    ----------
    role : str
        As in the case.

    Returns
    -------
    str
    """
    return label(ROLES[role]) if role in ROLES else role


def between(sd: float) -> str:
    """Format half of the 95 % interval, rounded up.

    Parameters
    ----------
    sd : float
        One standard deviation, mm.

    Returns
    -------
    str
        With ±; empty where it is not known.
    """
    if not math.isfinite(sd):
        return ""
    return f"\u00b1 {one_decimal(math.ceil(Z95_BOTH_SIDES * sd * 10 - 1e-6) / 10)}"
