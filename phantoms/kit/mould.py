"""The mould of the gel: two shells that part in the midline, two end plates, a lid.

The base plate is its floor. The shells print standing on their caudal end, walls upright; what
stands out of them further up rises by 45 degrees.
"""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.fasteners import M3_HOLE, hole
from phantoms.kit.gel import LIP
from phantoms.kit.kit_layout import LUG_HEIGHT, PLATE_FREE, Layout
from phantoms.kit.label import label
from phantoms.kit.loft import Upright
from phantoms.kit.part import BED, SLIDING
from phantoms.kit.sac_mould import PLATE, structure_solid
from phantoms.kit.solid import box, cylinder, placed, prism, region, united, without
from phantoms.kit.tubes import tube_ends, tube_holes

WALL = 3.6  # mm; at 45 degrees of slope still 2.5
RIM, RIM_WIDTH = 5.0, 14.0  # mm, the rims that the end plates are bolted to
RIM_BOLT = 9.0  # mm, bolts from the skin
RIM_ANGLES = (-8.0, 32.0, 68.0)  # degrees, as those of the layout's arches; mirrored
NUT_ROOM = 9.0  # mm, diameter of the room for a nut behind a rim
FLANGE = 5.0  # mm, thickness of each half's flanges
FLANGE_HEIGHT = 13.0  # mm, of the flange on the midline, over the skin
FLANGE_EDGE = 8.0  # mm, of the base's flange beyond its bolts
POUR = (14.0, 4.0, -34.0, 20.0)  # half width, at its pointed ends; z of its ends, mm
COLLAR = 3.5  # mm, wall round the pour opening
LID = 3.0  # mm, thickness of the lid's plate
VENT = 3.0  # mm, holes in the lid
PARTING = 0.1  # mm, between the halves, filled with grease


def mould_solids(anatomy: Anatomy, layout: Layout) -> dict[str, Manifold]:
    """Build the mould's shells, end plates and lid.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    dict of str to Manifold
        By the part's name; model frame, mm.
    """
    skin = Upright(structure_solid(anatomy, "skin"))
    gel = _gel(skin.lengthened(skin.low - 1.0, skin.high + 1.0), layout)
    shells = _shells(skin, gel, layout)
    return {
        "mould_left": _largest(shells.trim_by_plane((1.0, 0.0, 0.0), PARTING / 2)),
        "mould_right": _largest(shells.trim_by_plane((-1.0, 0.0, 0.0), PARTING / 2)),
        "mould_cranial": _end_plate(anatomy, skin, layout, "cranial"),
        "mould_caudal": _end_plate(anatomy, skin, layout, "caudal"),
        "mould_lid": _lid(skin, gel),
    }


def _resting(solid: Manifold, layout: Layout) -> Manifold:
    return solid.trim_by_plane((0.0, 1.0, 0.0), layout.base_top)


def _on_bed(solid: Manifold) -> Manifold:
    """Cut rims round the widest necks to the bed's width."""
    half = BED[0] / 2 - 0.5
    return solid.trim_by_plane((1.0, 0.0, 0.0), -half).trim_by_plane((-1.0, 0.0, 0.0), -half)


def _gel(skin: Manifold, layout: Layout) -> Manifold:
    low, high = layout.base_top, layout.base_top + LIP
    # Sections are taken along z: y becomes z for that.
    turned = RigidTransform.from_rotation(Rotation.from_euler("x", 90.0, degrees=True))
    # A little narrower than the skin there: surfaces that meet in a curve are cut badly.
    outline = placed(skin, turned).slice(high).offset(-0.05)
    edge = prism(outline, low - 1.0, high, "z")
    return _resting(united([skin, placed(edge, turned.inv())]), layout)


def _shells(skin: Upright, gel: Manifold, layout: Layout) -> Manifold:
    low, high = skin.low, skin.high
    rise = RIM_WIDTH - WALL

    def thick(z: float) -> float:
        if z < low + RIM:
            return RIM_WIDTH
        return WALL + float(np.clip(rise - (high - RIM - z), 0.0, rise))

    outer = skin.grown(
        low, high, thick, (low + RIM, low + RIM + 0.1, high - RIM - rise, high - RIM)
    )
    along = _back(skin) + np.array([WALL / 2, 0.0])
    top = _pour_top(skin)
    flange = prism(
        [*along, *(along + np.array([FLANGE_HEIGHT - WALL / 2, 0.0]))[::-1]], -FLANGE, FLANGE, "x"
    )
    collar = prism(_pour(COLLAR), skin.middle(0.0)[1], top, "y")
    wide = max(abs(x) for x, _ in layout.bolts["mould"]) + FLANGE_EDGE
    floor = box((-wide, layout.base_top, low), (wide, layout.base_top + FLANGE, high))
    solid = _on_bed(_resting(united([outer, flange, collar, floor]), layout))
    holes = [
        hole((x, layout.base_top - 1.0, z), (x, layout.base_top + 9.0, z))
        for x, z in layout.bolts["mould"]
    ]
    holes += [hole((-20.0, y, z), (20.0, y, z)) for y, z in _flange_bolts(skin)]
    opening = prism(_pour(0.0), skin.middle(0.0)[1], top + 30.0, "y")
    lid = prism(_pour(COLLAR + 2.0), top, top + 30.0, "y")
    return without(solid, [gel, opening, lid, *holes, *_rim_holes(skin)])


def _back(skin: Upright) -> Array:
    """Return y and z (n, 2) of the skin on the midline, from end to end."""
    z = skin.heights(skin.low, skin.high)
    return np.column_stack([[skin.section(float(h)).bounds()[3] for h in z], z])


def _pour_top(skin: Upright) -> float:
    _, _, low, high = POUR
    back = _back(skin)
    near = back[(back[:, 1] > low - COLLAR) & (back[:, 1] < high + COLLAR)]
    return float(np.ceil(near[:, 0].max() + 10.0))


def _pour(by: float) -> CrossSection:
    """Return the opening as seen from behind, in z, x: pointed, so that it prints upright."""
    half, tip, low, high = POUR
    slope = half - tip
    outline = [
        *[(low, -tip), (low + slope, -half), (high - slope, -half), (high, -tip)],
        *[(high, tip), (high - slope, half), (low + slope, half), (low, tip)],
    ]
    return region(outline).offset(by, miter_limit=4.0) if by else region(outline)


def _flange_bolts(skin: Upright) -> list[tuple[float, float]]:
    back = _back(skin)
    places = []
    _, _, low, high = POUR
    # Cranially the rim leaves room for one only.
    for z in (skin.low + 9.0, low - COLLAR - 5.0, high + COLLAR + 5.7):
        y = float(np.interp(z, back[:, 1], back[:, 0]))
        places.append((y + WALL + 5.5, z))
    return places


def _rim_places(skin: Upright, z: float) -> list[tuple[float, float]]:
    """Return x, y of the bolts through a rim: where rays from the middle meet the grown outline."""
    outline = skin.section(z).offset(RIM_BOLT, circular_segments=64)
    middle = skin.middle(z)
    polygon = np.asarray(max(outline.to_polygons(), key=len)) - middle
    angles = np.degrees(np.arctan2(polygon[:, 1], polygon[:, 0]))
    places = []
    for angle in RIM_ANGLES:
        x, y = middle + polygon[np.abs(angles - angle).argmin()]
        places += [(float(x), float(y)), (-float(x), float(y))]
    return places


def _rim_holes(skin: Upright) -> list[Manifold]:
    cutters = []
    for end, way in ((skin.low, 1.0), (skin.high, -1.0)):
        for x, y in _rim_places(skin, end):
            cutters.append(hole((x, y, end - way), (x, y, end + way * 40.0)))
            start, stop = end + way * RIM, end + way * (RIM + RIM_WIDTH)
            room = cylinder((x, y, start), (x, y, stop), NUT_ROOM / 2)
            # Open to the outside: no thin edge is left there.
            out = np.array([x, y]) - skin.middle(end)
            away = tuple(20.0 * out / np.linalg.norm(out))
            cutters.append(united([room, room.translate((*away, 0.0))]).hull())
    return cutters


def _end_plate(anatomy: Anatomy, skin: Upright, layout: Layout, end: str) -> Manifold:
    """Build a plate that closes the mould and holds the core and, caudally, the tubes in place."""
    inner, outer = (
        (skin.high, skin.high + PLATE) if end == "cranial" else (skin.low - PLATE, skin.low)
    )
    z = skin.high if end == "cranial" else skin.low
    shape = skin.section(z).offset(RIM_WIDTH, circular_segments=64)
    plate = _on_bed(_resting(prism(shape, inner, outer, "z"), layout))
    plate = without(plate, _between_lugs(layout, inner - 1.0, outer + 1.0))
    dura = Upright(structure_solid(anatomy, "dura"))
    core = dura.section(z).offset(SLIDING / 2, circular_segments=64)
    cutters = [prism(core, inner - 1.0, outer + 1.0, "z")]
    if end == "caudal":
        cutters += tube_holes(tube_ends(anatomy), inner - 1.0, outer + 1.0)
    cutters += [
        hole((x, y, inner - 1.0), (x, y, outer + 1.0), M3_HOLE) for x, y in _rim_places(skin, z)
    ]
    face, right = (outer, (1, 0, 0)) if end == "cranial" else (inner, (-1, 0, 0))
    cutters.append(
        label(end.upper(), 7.0, (0.0, layout.neck_middle + 44.0, face), right, (0, 1, 0))
    )
    return without(plate, cutters)


def _between_lugs(layout: Layout, low: float, high: float) -> list[Manifold]:
    """Build what an end plate must not have, to be drawn off between the base's lugs."""
    side = layout.lug[0] - PLATE_FREE
    top = layout.base_top + LUG_HEIGHT + PLATE_FREE
    return [
        box((side, layout.base_top - 1.0, low), (BED[0], top, high)),
        box((-BED[0], layout.base_top - 1.0, low), (-side, top, high)),
    ]


def _lid(skin: Upright, gel: Manifold) -> Manifold:
    """Build the lid that closes the pour opening; its underside is the skin."""
    top = _pour_top(skin)
    plug = without(prism(_pour(-SLIDING), skin.middle(0.0)[1], top, "y"), [gel])
    cover = prism(_pour(COLLAR + 1.0), top, top + LID, "y")
    _, _, low, high = POUR
    vents = [
        hole((0.0, top - 40.0, z), (0.0, top + LID + 1.0, z), VENT) for z in (low + 5, high - 5)
    ]
    return without(united([_largest(plug), cover]), vents)


def _largest(solid: Manifold) -> Manifold:
    return max(solid.decompose(), key=lambda piece: piece.volume())
