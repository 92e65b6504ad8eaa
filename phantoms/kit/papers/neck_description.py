"""The special features of a neck, derived from its parameters."""

from __future__ import annotations

from phantoms.anatomy.parameters import SIDES, AnatomyParameters
from phantoms.anatomy.variants import VARIANTS

NARROW = 8.5  # mm, a window that is called narrow
TURNED = 3.0  # degrees that are worth a word
LOOPED, RISEN = 2.0, 1.5  # mm
SMALL = 3.0  # mm, an artery
THIN_CSF = 3.2  # mm behind the cord


def special(p: AnatomyParameters) -> tuple[tuple[str, str], ...]:
    """List what a person who punctures this neck should know.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    tuple of tuple of (str, str)
        What, and what it means for the puncture; may be empty.
    """
    found = [entry for side in SIDES for entry in _artery(p, side)]
    if p.window_height <= NARROW:
        what = f"the window between C1 and C2 is {p.window_height:.1f} mm high"
        found.append((what, VARIANTS["narrow-gap"].danger))
    if p.dorsal_csf <= THIN_CSF:
        what = f"only {p.dorsal_csf:.1f} mm of CSF behind the cord"
        found.append((what, VARIANTS["narrow-canal"].danger))
    if abs(p.c1_rotation) >= TURNED:
        side = "left" if p.c1_rotation > 0 else "right"
        what = f"C1 is turned to the {side} by {abs(p.c1_rotation):.0f} degrees"
        found.append((what, VARIANTS["rotated-left"].danger))
    if abs(p.head_flexion) >= TURNED:
        name = "flexed" if p.head_flexion > 0 else "extended"
        way = "down" if p.head_flexion > 0 else "up"
        found.append((f"chin {way} by {abs(p.head_flexion):.0f} degrees", VARIANTS[name].danger))
    return tuple(found)


def _artery(p: AnatomyParameters, side: str) -> list[tuple[str, str]]:
    artery = p.artery(side)
    names: list[str] = []
    if artery.course != "normal":
        names.append(artery.course)
    if artery.pica == "low":
        names.append("low-pica")
    if artery.loop >= LOOPED:
        names.append("posterior-loop")
    if artery.rise >= RISEN:
        names.append("high-riding")
    if artery.ponticulus != "none":
        complete = artery.ponticulus == "complete"
        names.append("ponticulus" if complete else "ponticulus-incomplete")
    found = [(f"{side}: {_what(name, artery.loop)}", VARIANTS[name].danger) for name in names]
    if artery.diameter <= SMALL:
        what = f"{side}: an artery of {artery.diameter:.1f} mm"
        found.append((what, VARIANTS["hypoplastic"].danger))
    return found


def _what(name: str, loop: float) -> str:
    """Describe the variant, with the neck's own number where the variant names one."""
    if name == "posterior-loop":
        return f"the artery's loop between C2 and C1 bows back by {loop:.0f} mm"
    return VARIANTS[name].what
