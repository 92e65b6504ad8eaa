"""Where the kit can hold a divot: all along its arches, on the bar and its wings, in the bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nav.registration.pointfile import write_points
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.kit.bone_divots import bone_divots
from phantoms.kit.kit_layout import (
    BAR_HALF_WIDTH,
    BOSS_HALF_WIDTH,
    DIVOT_DEPTH,
    WINGS,
    Divot,
    Holder,
    Layout,
    arch_divot,
    layout,
)
from phantoms.recipe import Recipe

ARCH_ANGLES = (-14.0, 194.0)  # degrees round the neck's axis: down to the lugs on both sides
ANGLE_STEP = 4.0
JOINT = 2.0  # mm between a divot's boss and the bar
BAR_STEP = 6.0  # mm
BAR_ENDS = 18.0  # mm of the bar's ends that bolts and nuts take
WING_FROM = 16.0  # mm, x where a wing is clear of the bar
WING_END = 6.0  # mm from a wing's end
SAME = 1.0  # mm: two places as near as that are one


def divot_places(placed: Layout, bones: tuple[Divot, ...] = ()) -> tuple[Divot, ...]:
    """Find places at which the kit's parts could hold a divot.

    Parameters
    ----------
    placed : Layout
        Of the kit.
    bones : tuple of Divot
        Places in the bones, of a dry kit.

    Returns
    -------
    tuple of Divot
        Named after part and place; "register" all of them.
    """
    return (*_on_arches(placed), *_on_bar(placed), *bones)


def write_divot_places(recipe: Recipe, kind: str, path: Path) -> int:
    """Write the places of a neck's kit as points (CSV), for `nav register design`.

    Parameters
    ----------
    recipe : Recipe
        The neck.
    kind : str
        "wet" or "dry"; a dry one has places in its bones.
    path : Path
        File to write.

    Returns
    -------
    int
        How many there are.
    """
    bones = bone_divots(standard_anatomy(recipe.parameters)) if kind == "dry" else ()
    places = divot_places(layout(recipe.parameters), bones)
    write_points(path, {d.label: np.array(d.apex) for d in places})
    return len(places)


def _on_arches(placed: Layout) -> list[Divot]:
    divots: list[Divot] = []
    angles = np.arange(ARCH_ANGLES[0], ARCH_ANGLES[1] + ANGLE_STEP / 2, ANGLE_STEP)
    arches: tuple[tuple[Holder, str], ...] = (
        ("arch_cranial", "cranial"),
        ("arch_caudal", "caudal"),
    )
    for holder, name in arches:
        for angle in angles:
            found = arch_divot(placed, f"{name} {angle:.0f}", holder, float(angle))
            at = np.array(found.apex)
            beside = abs(at[0]) > BAR_HALF_WIDTH + BOSS_HALF_WIDTH + JOINT
            new = all(np.linalg.norm(at - np.array(d.apex)) > SAME for d in divots)
            if beside and new:
                divots.append(found)
    return divots


def _on_bar(placed: Layout) -> list[Divot]:
    y = round(placed.bar[1] - DIVOT_DEPTH, 3)
    reach, left, right = WINGS
    low = placed.arches["arch_caudal"][1] + BAR_ENDS
    high = placed.arches["arch_cranial"][0] - BAR_ENDS
    at = [(0.0, float(z)) for z in np.arange(low, high, BAR_STEP)]
    out = np.arange(WING_FROM, reach - WING_END + 0.1, BAR_STEP)
    at += [(float(x), left) for x in out] + [(-float(x), right) for x in out]
    return [
        Divot(f"bar {x:.0f} {z:.0f}", (x, y, z), (0.0, 1.0, 0.0), "register", "bar") for x, z in at
    ]
