"""The cord: a rod between two seats for the dry kit, a mould to cast it for the gel-filled one."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.anatomy.thecal_sac import END
from phantoms.kit.fasteners import M3_HOLE, hole
from phantoms.kit.kit_layout import Layout
from phantoms.kit.loft import Upright
from phantoms.kit.part import SLIDING
from phantoms.kit.sac_mould import SEATED, structure_solid
from phantoms.kit.solid import box, cylinder, prism, region, united, without
from phantoms.kit.tubes import tube_ends, tube_holes

SEAT_WALL = 6.0  # mm, thickness of the dry kit's seats
SEAT_PLACES = {"seat_caudal": NECK_BOTTOM + 4.0, "seat_cranial": NECK_TOP + 2.0}  # z, inner faces
FLANGE_LENGTH, FLANGE = 16.0, 5.0  # mm, of a seat's foot; its thickness
RIB = 4.0
OVER = 7.0  # mm, a seat's wall round what it holds
STUB = 0.5  # mm, from the rod's ends to the seats' outer faces

MOULD_MARGIN = (13.0, 6.0, 6.0)  # mm: beside the cord, under its caudal end, behind its side
SPOUT = (3.5, 8.0, 12.0)  # mm, radius at the cord, at the top; height
PEG = (3.0, 2.0, 2.5)  # mm, registration pegs: radius at the face, at the end; height


def rod_solid(anatomy: Anatomy) -> Manifold:
    """Build the dry kit's cord, its ends extended straight into the seats.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    cord = Upright(structure_solid(anatomy, "cord"))
    low = SEAT_PLACES["seat_caudal"] - SEAT_WALL + STUB
    return cord.lengthened(low, SEAT_PLACES["seat_cranial"] + SEAT_WALL - STUB)


def seat_solid(anatomy: Anatomy, layout: Layout, name: str) -> Manifold:
    """Build an upright wall on a foot that holds the rod's end and, caudally, the arteries' tubes.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.
    name : str
        "seat_caudal" or "seat_cranial".

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    way = 1.0 if name == "seat_cranial" else -1.0
    inner = SEAT_PLACES[name]
    outer = inner + way * SEAT_WALL
    cord = Upright(structure_solid(anatomy, "cord"))
    socket = cord.section(inner).offset(SLIDING, circular_segments=64)
    tubes = tube_ends(anatomy) if name == "seat_caudal" else ()
    wall = _wall(layout, socket, [(t.at, t.diameter / 2) for t in tubes])
    half = wall.bounds()[2]
    foot = outer + way * FLANGE_LENGTH
    top = layout.base_top
    pieces = [
        prism(wall, min(inner, outer), max(inner, outer), "z"),
        box((-half, top, min(inner, foot)), (half, top + FLANGE, max(inner, foot))),
    ]
    for x in (-half, half - RIB):
        rib = [(top, outer - way), (top + 30.0, outer - way), (top + FLANGE, foot), (top, foot)]
        pieces.append(prism(rib, x, x + RIB, "x"))
    cutters = [prism(socket, min(inner, outer) - 1.0, max(inner, outer) + 1.0, "z")]
    cutters += tube_holes(tubes, min(inner, outer) - 1.0, max(inner, outer) + 1.0)
    cutters += [hole((x, top - 1.0, z), (x, top + 9.0, z)) for x, z in layout.bolts[name]]
    return without(united(pieces), cutters)


def _wall(
    layout: Layout, socket: CrossSection, tubes: list[tuple[tuple[float, float], float]]
) -> CrossSection:
    """Return the outline in x, y: from the base to round all holes."""
    left, _, right, back = socket.bounds()
    reach = max(-left, right, *(abs(at[0]) + r for at, r in tubes), 0.0) + OVER
    high = max(back, *(at[1] + r for at, r in tubes), back) + OVER
    low, corner = layout.base_top, 8.0
    reach = max(reach, 22.0)
    return region(
        [
            *[(-reach, low), (reach, low), (reach, high - corner), (reach - corner, high)],
            *[(corner - reach, high), (-reach, high - corner)],
        ]
    )


def mould_solids(anatomy: Anatomy) -> dict[str, Manifold]:
    """Build two halves that part in a sagittal plane, to cast the cord in soft silicone.

    It is cast standing on the caudal end, through the spout. The cast is longer than the cord by
    what sits in the plugs.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    dict of str to Manifold
        "cord_mould_left" and "cord_mould_right", model frame, mm.
    """
    cord = Upright(structure_solid(anatomy, "cord"))
    low, high = cord.low - SEATED, cord.high + END + SEATED
    cast = cord.lengthened(low, high)
    bounds = np.reshape(cast.bounding_box(), (2, 3))
    split = round(float(bounds[:, 0].mean()), 3)
    top = high + SPOUT[2]
    x, y = cord.middle(cord.high)
    spout = cylinder((x, y, high - 0.5), (x, y, top + 0.01), SPOUT[0], SPOUT[1])
    beside, under, behind = MOULD_MARGIN
    front, back = bounds[0, 1] - beside, bounds[1, 1] + beside
    block = box((bounds[0, 0] - behind, front, low - under), (bounds[1, 0] + behind, back, top))
    places = [
        (y, z) for y in (front + 6.0, back - 6.0) for z in (low + 4.0, (low + top) / 2, top - 8.0)
    ]
    bolts = [hole((-60, y, z), (60, y, z), M3_HOLE) for y, z in places]
    block = without(block, [cast, spout, *bolts])
    pegs = [(y, z + 12.0) for y, z in places if z < top - 20.0]
    left = block.trim_by_plane((1.0, 0.0, 0.0), split)
    right = block.trim_by_plane((-1.0, 0.0, 0.0), -split)
    return {
        "cord_mould_left": without(left, [_peg(split, at, SLIDING / 2) for at in pegs]),
        "cord_mould_right": united([right, *(_peg(split, at, 0.0) for at in pegs)]),
    }


def _peg(split: float, at: tuple[float, float], wider: float) -> Manifold:
    base, end, height = PEG
    start, stop = (split - 0.5, *at), (split + height + wider, *at)
    lean = (base - end) / height
    return cylinder(start, stop, base + 0.5 * lean + wider, end + wider - lean * wider)
