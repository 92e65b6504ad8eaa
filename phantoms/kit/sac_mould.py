"""The dural sac of the gel-filled kit: a core to form it, plugs to close it and to hold the cord.

The dura is a latex or silicone sleeve, 0.3 mm thick, drawn over the core. The gel is poured round
it; then the core is drawn out at the cranial end, and a plug goes into each end of the sleeve,
which is tied over it. The caudal plug's barb fills the sac with water, the cranial one's leads to
a reservoir that keeps it under pressure: a correct puncture drips.
"""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.core_removal import drawing_lean, drawn_bones, shaved_for_drawing
from phantoms.kit.fasteners import hole
from phantoms.kit.loft import Upright
from phantoms.kit.part import SLIDING
from phantoms.kit.solid import cylinder, prism, region, solid_of, united, without

SLEEVE = 0.3  # mm, thickness of the dura
PLATE = 5.0  # mm, thickness of the mould's end plates
HANDLE = 8.0  # mm, thickness of the core's handle
HANDLE_REACH = 7.0  # mm, beyond the sac all round
STANDS_OUT = 7.0  # mm, the sleeve stands out of the end plates, to be tied over the plugs
FOOT = 1.8  # mm, radius of the handle's two feet
PLUG_FIT = 0.5  # mm, plug to sleeve, all round: the tie closes it
PLUG_OUT = 12.0  # mm, a plug stands out of the gel
TIE = (3.0, 7.0, 1.5)  # mm: a groove for the tie, from and to over the gel's end; depth
SEAT_DEPTH = 6.0  # mm, of the cord's seats in the plugs
SEATED = 4.5  # mm, how deep the cord goes into them
NOTCH = (3.0, 1.5)  # mm, width and depth of the water's way past the cord
PLUG_WALL = 1.3  # mm, left round the seats
BARB_BORE, BARB_CORE, BARB_RIDGE = 1.6, 4.2, 5.2  # mm, diameters, for a tube of 4 mm inside
BARB_LENGTH = 12.0


def structure_solid(anatomy: Anatomy, name: str) -> Manifold:
    """Convert a structure of the anatomy to a solid.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    name : str
        Of the structure.

    Returns
    -------
    Manifold
        Model frame, mm.

    Raises
    ------
    KeyError
        There is no structure of that name.
    """
    s = anatomy.structure(name)
    return solid_of(Mesh(s.vertices, s.triangles))


def core_solid(anatomy: Anatomy) -> Manifold:
    """Build the core with its handle.

    The core goes through both end plates of the mould; so does the sleeve on it, which protrudes.
    Where bone would hold it as it is drawn, it is shaved off.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    dura = Upright(structure_solid(anatomy, "dura"))
    low, high = NECK_BOTTOM - PLATE - STANDS_OUT, NECK_TOP + PLATE + STANDS_OUT
    bare = dura.grown(low, high, lambda z: -SLEEVE, step=1.0)
    top = dura.section(dura.high).offset(HANDLE_REACH, circular_segments=64)
    bones = drawn_bones(anatomy)
    shaved = shaved_for_drawing(bare, bones, drawing_lean(bare, bones))
    # Feet beside the sleeve keep the handle off the end plate, so that the sleeve stands out.
    left, front, right, back = top.bounds()
    feet = [
        cylinder((x, (front + back) / 2, high - STANDS_OUT), (x, (front + back) / 2, high), FOOT)
        for x in (left + FOOT, right - FOOT)
    ]
    return united([shaved, *feet, prism(top, high, high + HANDLE, "z")])


def plug_solid(anatomy: Anatomy, end: str) -> Manifold:
    """Build a plug of the sac.

    Its inner face stands at the end of the sac; the cord's end sits in it, short of the bottom,
    where the channel opens. From there the water passes the cord in a notch at either side.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    end : str
        "cranial" or "caudal".

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    dura = Upright(structure_solid(anatomy, "dura"))
    cord = Upright(structure_solid(anatomy, "cord"))
    way = 1.0 if end == "cranial" else -1.0
    inner = dura.high if end == "cranial" else cord.low
    gel = NECK_TOP if end == "cranial" else NECK_BOTTOM
    outer = gel + way * PLUG_OUT
    shape = dura.section(inner).offset(-SLEEVE - PLUG_FIT, circular_segments=64)
    body = prism(shape, min(inner, outer), max(inner, outer), "z")
    # Where the sac is narrow the cast's end is trimmed to what the plug has room for.
    room = cord.section(inner).offset(SLIDING, circular_segments=64) ^ shape.offset(-PLUG_WALL)
    left, front, right, back = room.bounds()
    at = ((left + right) / 2, (front + back) / 2)
    wide, deep = NOTCH
    notches = region(
        [
            *[(left - deep, at[1] - wide / 2), (right + deep, at[1] - wide / 2)],
            *[(right + deep, at[1] + wide / 2), (left - deep, at[1] + wide / 2)],
        ]
    )
    seat = _between(room + (notches ^ shape.offset(-PLUG_WALL)), inner, way * SEAT_DEPTH)
    first, last, depth = TIE
    groove = _between(shape.offset(5.0), gel + way * first, way * (last - first)) - _between(
        shape.offset(-depth, circular_segments=64), gel + way * (first - 1), way * (last + 2)
    )
    bore = hole((*at, inner), (*at, outer + way * (BARB_LENGTH + 1.0)), BARB_BORE)
    if end == "cranial":
        body = shaved_for_drawing(body, drawn_bones(anatomy), 0.0)
    return without(united([body, _barb(at, outer, way)]), [seat, groove, bore])


def _between(shape: CrossSection, start: float, length: float) -> Manifold:
    """Build a prism along z whose start is open: it begins a little before."""
    begin = start - np.sign(length) * 1e-3
    end = start + length
    return prism(shape, min(begin, end), max(begin, end), "z")


def _barb(at: tuple[float, float], start: float, way: float) -> Manifold:
    """Build the barb that a tube is pushed on."""

    def point(along: float) -> tuple[float, float, float]:
        return (*at, start + way * along)

    pieces = [cylinder(point(-1.0), point(BARB_LENGTH), BARB_CORE / 2)]
    for first in (3.0, 6.0, 9.0):
        pieces.append(cylinder(point(first), point(first + 3.0), BARB_RIDGE / 2, BARB_CORE / 2))
    return united(pieces)
