"""The block in which needles are calibrated and accuracy is tested.

One print, flat on the bed. Divots of 90 degrees at five heights for touching known points and the
distances between them, one of them for pivoting and for turning the needle about its three axes
(the kinds of test of ASTM F2554); divots in slopes for needles that come from the side; upright
guides for each gauge and a groove along x for any, whose directions are known.

The block's frame is the printed part's: x to the right, y to the back, z up from the bed, its
origin under the middle; mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from manifold3d import Manifold

from nav.core.files import written_whole
from phantoms.kit.fasteners import hole
from phantoms.kit.label import ENGRAVED, label
from phantoms.kit.part import Part
from phantoms.kit.solid import (
    Array,
    chamfered,
    cylinder,
    divot,
    mesh_of,
    on_grid,
    prism,
    united,
    without,
)
from phantoms.kit.tools_lettering import engraving
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES

SIZE = (112.0, 112.0)  # mm
PLATE = 10.0  # mm, height
EDGE = 0.6  # mm, chamfer of its edges
DEPTH = 2.25  # mm, of a divot
PIVOT_DEPTH = 4.0  # mm
PIVOT_CONE = 60.0  # degrees, that a needle may be swung through, from side to side
POST = (5.5, 8.0)  # mm, radius of a post's top and foot
SLOPE = 22.0  # mm, height of the ridge of a sloped post

TOWER = (26.0, 56.0, 45.0)  # mm, its front, back and top
GUIDE_PITCH = 12.0  # mm
GUIDE_Y = 33.0  # mm
LAND = 8.0  # mm, of a guide that holds the shaft, above and below; it is wider between
RELIEF = 3.0  # mm, diameter between
GROOVE_Y, GROOVE_DEPTH = 47.0, 3.0  # mm; its sides meet at 90 degrees

LABEL = 5.0  # mm, height of letters


@dataclass(frozen=True)
class BlockDivot:
    """A divot of the block.

    Attributes
    ----------
    label : str
        Engraved beside it.
    apex : ndarray, shape (3,)
        Block frame, mm.
    axis : ndarray, shape (3,)
        Unit vector from the apex outwards.
    depth : float
        Of the cone, mm.
    """

    label: str
    apex: Array
    axis: Array
    depth: float


@dataclass(frozen=True)
class Guide:
    """An upright hole for a needle.

    Attributes
    ----------
    gauge : int
        Of the needle.
    x, y : float
        Its axis, block frame, mm.
    diameter : float
        Of its bore, mm.
    """

    gauge: int
    x: float
    y: float
    diameter: float


# x, y and height of the surface that the divot is in; x and y of its label
_UPRIGHT = {
    "A1": (-48.0, -48.0, PLATE, -48.0, -39.5),
    "A2": (48.0, -48.0, PLATE, 48.0, -39.5),
    "A3": (0.0, -34.0, PLATE, 0.0, -42.5),
    "A4": (-48.0, 12.0, PLATE, -48.0, 3.5),
    "A5": (48.0, 12.0, PLATE, 48.0, 3.5),
    "B1": (-34.0, -20.0, 28.0, -48.0, -20.0),
    "B2": (34.0, -20.0, 28.0, 48.0, -20.0),
    "C1": (-30.0, 10.0, 40.0, -30.0, -1.5),
    "C2": (30.0, 10.0, 40.0, 30.0, -1.5),
}
# and x of those on the tower, in line with the guides
_ON_TOWER = {"D1": -50.0, "D2": 50.0}
# x and y of the ridge's middle: one divot in its left slope, one in its right
_SLOPED = {"E": (-26.0, -41.0), "F": (26.0, -41.0)}
_SLOPE_HALF = 7.0  # mm, from the ridge to the middle of a slope
_PIVOT = (0.0, -6.0, 26.0)
_SCREWS = ((-49.0, -8.0), (49.0, -8.0))  # to the table that the phantom's base is screwed to
SCREW_HOLE = 4.5  # mm


def block_divots() -> tuple[BlockDivot, ...]:
    """List all divots; the pivot, P, first.

    Returns
    -------
    tuple of BlockDivot
        Block frame, mm.
    """
    up = np.array([0.0, 0.0, 1.0])
    x, y, top = _PIVOT
    divots = [BlockDivot("P", np.array([x, y, top - PIVOT_DEPTH]), up, PIVOT_DEPTH)]
    flat = {name: place[:3] for name, place in _UPRIGHT.items()}
    flat |= {name: (x, GUIDE_Y, TOWER[2]) for name, x in _ON_TOWER.items()}
    for name, (x, y, top) in flat.items():
        divots.append(BlockDivot(name, np.array([x, y, top - DEPTH]), up, DEPTH))
    for letter, (x, y) in _SLOPED.items():
        for number, side in enumerate((-1.0, 1.0), start=1):
            axis = np.array([side, 0.0, 1.0]) / np.sqrt(2.0)
            surface = np.array([x + side * _SLOPE_HALF, y, SLOPE - _SLOPE_HALF])
            apex = on_grid(surface - DEPTH * axis)
            divots.append(BlockDivot(f"{letter}{number}", apex, axis, DEPTH))
    return tuple(divots)


def block_guides() -> tuple[Guide, ...]:
    """List the upright guides, from the left.

    Returns
    -------
    tuple of Guide
        Block frame, mm.
    """
    first = -GUIDE_PITCH * (len(GAUGES) - 1) / 2
    return tuple(
        Guide(gauge, first + GUIDE_PITCH * k, GUIDE_Y, diameter + BORE_CLEARANCE)
        for k, (gauge, diameter) in enumerate(GAUGES.items())
    )


def block() -> Part:
    """Build the block as it is printed.

    Returns
    -------
    Part
        Not part of the phantom.
    """
    cutters = [divot(d.apex, d.axis, d.depth) for d in block_divots()]
    cutters += [_bore(guide) for guide in block_guides()]
    cutters += [hole((x, y, -1.0), (x, y, PLATE + 1.0), SCREW_HOLE) for x, y in _SCREWS]
    cutters += [_groove(), *_labels()]
    bores = ", ".join(f"{g.diameter:.2f} ({g.gauge}G)" for g in block_guides())
    return Part(
        "block",
        "Pivot and accuracy block",
        mesh_of(without(_body(), cutters)),
        None,
        "PLA or PETG",
        (0.86, 0.86, 0.84),
        "Flat, 0.15 mm layers, 4 walls, 20 % infill; no support. Screwed or clamped to the table"
        " that the phantom is fixed to: block, phantom and cameras stay where they are while a"
        " needle is pivoted or checked. Let no seam run into a divot, and"
        " clean none with a tool. Drill the guides by hand from above, in mm: " + bores + ". Check"
        " with a caliper that it is 112.0 mm long and wide: an error there scales all its"
        " distances.",
    )


def write_block_points(path: Path) -> None:
    """Write label, x, y and z of each divot's apex as CSV, block frame, mm.

    Parameters
    ----------
    path : Path
        Usually block.csv.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    rows = [f"{d.label},{','.join(repr(float(v)) for v in d.apex)}" for d in block_divots()]
    with written_whole(path) as beside:
        beside.write_text("\n".join(["label,x,y,z", *rows]) + "\n", encoding="utf-8")


def _body() -> Manifold:
    half = np.array(SIZE) / 2
    outline = [(-half[0], -half[1]), (half[0], -half[1]), (half[0], half[1]), (-half[0], half[1])]
    front, back, top = TOWER
    tower = [(-half[0], front), (half[0], front), (half[0], back), (-half[0], back)]
    x, y, height = _PIVOT
    solids = [
        chamfered(outline, 0.0, PLATE, EDGE, "z"),
        chamfered(tower, 0.0, top, EDGE, "z"),
        cylinder((x, y, 0.0), (x, y, height), 14.0, 8.0),
    ]
    for x, y, surface, *_ in _UPRIGHT.values():
        if surface > PLATE:
            solids.append(cylinder((x, y, 0.0), (x, y, surface), POST[1], POST[0]))
    for x, y in _SLOPED.values():
        wide = SLOPE - PLATE + 2.0  # at the plate's top less 2
        # drawn in (z, x)
        roof = [(SLOPE, x), (PLATE - 2.0, x - wide), (PLATE - 2.0, x + wide)]
        solids.append(prism(roof, y - 6.0, y + 6.0, "y"))
    return united(solids)


def _bore(guide: Guide) -> Manifold:
    """Build two lands that hold the shaft, wider between them, and a mouth that guides the tip."""
    top, land, wide = TOWER[2], guide.diameter / 2, RELIEF / 2
    step = wide - land
    at = (guide.x, guide.y, 0.0)
    pieces = [
        cylinder((0, 0, -1.0), (0, 0, top + 1.0), land, outside=True),
        cylinder((0, 0, LAND), (0, 0, LAND + step), land, wide, outside=True),
        cylinder((0, 0, LAND + step), (0, 0, top - LAND - step), wide, outside=True),
        cylinder((0, 0, top - LAND - step), (0, 0, top - LAND), wide, land, outside=True),
        cylinder((0, 0, top - 1.5), (0, 0, top + 0.5), land, land + 2.0, outside=True),
    ]
    return united(pieces).translate(at)


def _groove() -> Manifold:
    top, over = TOWER[2], 1.0
    deep, wide = GROOVE_DEPTH, GROOVE_DEPTH + over
    # drawn in (y, z)
    outline = [(GROOVE_Y, top - deep), (GROOVE_Y + wide, top + over), (GROOVE_Y - wide, top + over)]
    return prism(outline, -SIZE[0], SIZE[0], "x")


def _labels() -> list[Manifold]:
    """Build a label beside each divot, to be read from the front."""
    labels = [_text(name, x, y) for name, (_, _, _, x, y) in _UPRIGHT.items()]
    for letter, (x, y) in _SLOPED.items():
        for number, side in enumerate((-1.0, 1.0), start=1):
            labels.append(_text(f"{letter}{number}", x + side * 8.0, y - 9.5))
    labels.append(_text("PIVOT", _PIVOT[0], _PIVOT[1] - 19.0))
    labels += [_upright_text(f"{guide.gauge}", guide.x, 38.0) for guide in block_guides()]
    labels += [_upright_text(name, x, 38.0) for name, x in _ON_TOWER.items()]
    labels.append(_upright_text("GUIDES", 0.0, 27.0))
    groove = engraving("GROOVE", 3.6, ENGRAVED, stroke=0.6)
    return [*labels, groove.translate((0.0, 53.2, TOWER[2]))]


def _text(text: str, x: float, y: float) -> Manifold:
    """Build a text on the plate."""
    return label(text, LABEL, (x, y, PLATE), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _upright_text(text: str, x: float, z: float) -> Manifold:
    """Build a text on the tower's front."""
    return label(text, LABEL, (x, TOWER[0], z), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
