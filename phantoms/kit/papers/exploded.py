"""The exploded view: every part shifted in the direction in which it is taken off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from phantoms.kit.papers.step_scenes import HIGHLIGHTS, Piece
from phantoms.kit.papers.studio import Shown, shifted

# Where a piece goes, model frame, mm. What is not named stays where it is.
_BOTH: dict[str, tuple[float, float, float]] = {
    "base": (0.0, -70.0, 0.0),
    "arch_cranial": (0.0, 30.0, 60.0),
    "arch_caudal": (0.0, 30.0, -85.0),
    "bar": (0.0, 105.0, 0.0),
    "reference_seat": (0.0, 35.0, 110.0),
    "reference sheet": (0.0, 75.0, 110.0),
}
_DRY = _BOTH | {
    "cord": (0.0, 35.0, 0.0),
    "seat_cranial": (0.0, -15.0, 40.0),
    "seat_caudal": (0.0, -15.0, -40.0),
}
_WET = _BOTH | {
    "arch_cranial": (0.0, 60.0, 130.0),
    "arch_caudal": (0.0, 60.0, -150.0),
    "bar": (0.0, 190.0, 0.0),
    "reference_seat": (0.0, 20.0, 170.0),
    "reference sheet": (0.0, 60.0, 170.0),
    "mould_left": (95.0, 0.0, 0.0),
    "mould_right": (-95.0, 0.0, 0.0),
    "mould_cranial": (0.0, 0.0, 60.0),
    "mould_caudal": (0.0, 0.0, -60.0),
    "mould_lid": (0.0, 70.0, 0.0),
    "sac_core": (0.0, 0.0, 125.0),
    "plug_cranial": (0.0, 70.0, 80.0),
    "plug_caudal": (0.0, 70.0, -80.0),
    "cord": (0.0, 70.0, 0.0),
}
LEFT_OUT = (
    "gel",
    "sleeve",
    "cord_mould_*",
    "hose_*",
    "screws:*",
    "former:*",
    "wire:*",
    "tube ends",
    "cut ends",
)


def exploded(phantom: Mapping[str, Piece], wet: bool) -> list[Shown]:
    """Shift every piece off its place; each printed part is labelled.

    Parameters
    ----------
    phantom : mapping of str to Piece
        By name, model frame, mm.
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    list of Shown
        Model frame, mm.
    """
    shown: list[Shown] = []
    number = 0
    shifts = _WET if wet else _DRY
    for name, piece in phantom.items():
        if any(fnmatchcase(name, pattern) for pattern in LEFT_OUT):
            continue
        shift = shifts.get(name, (0.0, 0.0, 0.0))
        for solid in piece:
            colour = solid.colour
            if solid.printed and name not in ("column", "base", "cord"):
                colour, number = HIGHLIGHTS[number % len(HIGHLIGHTS)], number + 1
            shown.append(replace(solid, colour=colour, place=shifted(solid.place, shift)))
    return shown
