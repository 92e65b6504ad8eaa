"""Everything that is shown in the pictures of the assembly, by name, in the model frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.artery_models import vessels
from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import Array, Mesh
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.base import BOLT_HEIGHTS
from phantoms.kit.cord import mould_solids as cord_mould_solids
from phantoms.kit.fasteners import M3_HEAD_DEPTH
from phantoms.kit.frame import BAR_BOLTS
from phantoms.kit.kit_layout import LUG, Layout
from phantoms.kit.loft import Upright
from phantoms.kit.papers.picture_props import STEEL, needle, needle_strip, reference_sheet
from phantoms.kit.papers.step_scenes import Piece
from phantoms.kit.papers.studio import Shown, scene_points
from phantoms.kit.part import Part
from phantoms.kit.sac_mould import PLATE, structure_solid
from phantoms.kit.solid import cylinder, mesh_of, turn_of_z, united
from phantoms.kit.tools_seat import HUB_FACE, tip_beyond_centre, tool_from_part

RED, YELLOW, AMBER = (0.80, 0.13, 0.13), (0.95, 0.78, 0.25), (0.93, 0.66, 0.42)
FILM, WATER = (0.55, 0.74, 0.90), (0.25, 0.55, 0.85)
GEL_OPACITY, SLEEVE_OPACITY = 0.35, 0.55
FROM_BELOW = 20.0  # mm over the neck's end, where an artery from below begins
TUBE_OUT = 35.0  # mm, that a tube is shown beyond the gel
SLEEVE_OUT = 14.0
HOSE = (3.0, 45.0)  # mm, radius, and how much of it is shown
GAUGE = 22  # of the needle in the pictures
TUBE_LEFT = {"dry": 28.0, "wet": 10.0}  # mm, beyond the gel: 10 mm behind seat or gel
HEAD = (2.75, 3.0)  # mm, radius and height of an M3 screw's head

OWN_COLOUR = ("column", "cord")  # known by it
SHORT = {
    "column": "bone column",
    "reference_seat": "reference seat",
    "sac_core": "sac core with handle",
    "mould_left": "left shell",
    "mould_right": "right shell",
    "mould_cranial": "cranial end plate",
    "mould_caudal": "caudal end plate",
    "mould_lid": "lid",
    "needle-carrier": "carrier",
    "needle-nut": "nut",
    "artery_former_left": "wire former",
    "seat_caudal": "caudal seat",
    "seat_cranial": "cranial seat",
}


def pieces(
    parts: Sequence[Part], anatomy: Anatomy, layout: Layout, gel_block: Mesh | None
) -> dict[str, Piece]:
    """Return the phantom's parts as they are placed, and what is bought or poured, by name.

    Parameters
    ----------
    parts : sequence of Part
        All that is printed.
    anatomy : Anatomy
        The phantom's case.
    layout : Layout
        Where the kit's parts stand.
    gel_block : Mesh or None
        The neck as it stands on the base, model frame, mm; None for a kit that is not filled.

    Returns
    -------
    dict of str to Piece
        Model frame, mm. Screws are "screws:" and what they hold.
    """
    found: dict[str, Piece] = {
        part.name: (_shown(part, part.model_from_part),)
        for part in parts
        if part.model_from_part is not None
    }
    for structure in anatomy.structures:
        if structure.role == "artery":
            mesh = Mesh(structure.vertices, structure.triangles)
            label = f"tube of {structure.name.removeprefix('vertebral ')}"
            found[f"artery:{structure.name}"] = (Shown(mesh, RED, label=label, edges=False),)
    left = TUBE_LEFT["dry" if gel_block is None else "wet"]
    found["tube ends"] = tuple(_tube_ends(anatomy, TUBE_OUT))
    found["cut ends"] = tuple(_tube_ends(anatomy, left))
    found["reference sheet"] = _labelled(
        reference_sheet(layout.model_from_reference), "reference sheet"
    )
    if gel_block is not None:
        found |= _poured(anatomy, gel_block, found)
    found |= {f"screws:{name}": piece for name, piece in _screws(layout, found).items()}
    return found


def needle_pieces(parts: Sequence[Part], length: float) -> dict[str, Piece]:
    """Return the needle's carrier and what goes into it, by name.

    Parameters
    ----------
    parts : sequence of Part
        Those of the carrier among them.
    length : float
        Of the needle from hub to tip, mm.

    Returns
    -------
    dict of str to Piece
        Tool frame (z towards the tip), mm.
    """
    bush = f"needle-bush-{GAUGE}g"
    wanted = ("needle-carrier", "needle-nut", bush, "needle-adaptor-luer")
    found: dict[str, Piece] = {
        part.name: (_shown(part, tool_from_part(part.name)),)
        for part in parts
        if part.name in wanted
    }
    found["strip"] = _labelled(needle_strip(RigidTransform.identity()), "marker strip")
    found["needle"] = _labelled(
        needle(RigidTransform.identity(), HUB_FACE, tip_beyond_centre(length)), "needle"
    )
    return found


def placed_pieces(some: dict[str, Piece], scene_from_piece: RigidTransform) -> dict[str, Piece]:
    """Transform pieces into another scene.

    Parameters
    ----------
    some : dict of str to Piece
        By name.
    scene_from_piece : RigidTransform
        From the pieces' frame to the scene, mm.

    Returns
    -------
    dict of str to Piece
        In the scene.
    """
    return {
        name: tuple(
            replace(s, place=scene_from_piece if s.place is None else scene_from_piece * s.place)
            for s in piece
        )
        for name, piece in some.items()
    }


def _shown(part: Part, place: RigidTransform | None) -> Shown:
    label = SHORT.get(part.name, part.title)
    printed = part.name not in OWN_COLOUR
    return Shown(part.mesh, part.colour, place=place, label=label, printed=printed)


def _labelled(piece: Piece, label: str) -> Piece:
    return (replace(piece[0], label=label), *piece[1:])


def _poured(anatomy: Anatomy, gel_block: Mesh, found_parts: dict[str, Piece]) -> dict[str, Piece]:
    cord = anatomy.structure("cord")
    sleeve = Upright(structure_solid(anatomy, "dura")).lengthened(
        NECK_BOTTOM - SLEEVE_OUT, NECK_TOP + PLATE
    )
    found: dict[str, Piece] = {
        "cord": (Shown(Mesh(cord.vertices, cord.triangles), YELLOW, label="cord", edges=False),),
        "sleeve": (
            Shown(mesh_of(sleeve), FILM, SLEEVE_OPACITY, label="film sleeve (dura)", edges=False),
        ),
        "gel": (Shown(gel_block, AMBER, GEL_OPACITY, label="gel", edges=False),),
    }
    for name in ("cranial", "caudal"):
        if f"plug_{name}" in found_parts:
            found[f"hose_{name}"] = (_hose(found_parts[f"plug_{name}"], name),)
    for name, solid in cord_mould_solids(anatomy).items():
        side = name.rsplit("_", 1)[1]
        found[name] = (Shown(mesh_of(solid), YELLOW, label=f"{side} half", printed=True),)
    return found


def _hose(plug: Piece, end: str) -> Shown:
    """Build the hose on a plug's barb, which is the plug's outermost end."""
    points = scene_points(plug[0])
    way = 1.0 if end == "cranial" else -1.0
    last = float((way * points[:, 2]).max())
    x, y, _ = points[way * points[:, 2] > last - 0.5].mean(axis=0)
    radius, length = HOSE
    label = "hose to the reservoir" if end == "cranial" else "hose to fill, with a clamp"
    ends = [(x, y, way * (last - 9.0)), (x, y, way * (last + length))]
    return Shown(mesh_of(cylinder(ends[0], ends[1], radius)), WATER, label=label, edges=False)


def _tube_ends(anatomy: Anatomy, out: float) -> Iterator[Shown]:
    """Yield what extends `out` mm out of the neck of the tubes that come from below."""
    for vessel in vessels(anatomy.parameters, bone_poses(anatomy.parameters)):
        x, y, z = vessel.line[0]
        if z < NECK_BOTTOM + FROM_BELOW:
            end = cylinder((x, y, NECK_BOTTOM - out), (x, y, z + 0.5), vessel.diameter / 2 - 0.05)
            yield Shown(mesh_of(end), RED, edges=False)


def _screws(layout: Layout, found: dict[str, Piece]) -> dict[str, Piece]:
    """Return screws by what they hold; heads where they are turned from."""
    up = np.array([0.0, 1.0, 0.0])
    from_below = {
        name: [np.array([x, layout.base_bottom + M3_HEAD_DEPTH, z]) for x, z in places]
        for name, places in layout.bolts.items()
    }
    screws: dict[str, Piece] = {}
    lengths = {"column": 10.0}
    for name, heads in from_below.items():
        if name in ("column", "mould", "reference") or name in found:
            length = lengths.get(name, 16.0)
            screws[name] = (_screw_set([(head, up) for head in heads], length),)
    arch, bar = [], []
    for name, (low, high) in layout.arches.items():
        way = -1.0 if name == "arch_cranial" else 1.0
        face = high if way < 0.0 else low
        axis = np.array([0.0, 0.0, way])
        for x in (-layout.leg, layout.leg):
            arch += [
                (np.array([x, layout.base_top + y, face - way * LUG]), axis) for y in BOLT_HEIGHTS
            ]
        middle = sum(layout.bar) / 2
        bar += [(np.array([x, middle, face]), axis) for x in (-BAR_BOLTS, BAR_BOLTS)]
    screws["arches"] = (_screw_set(arch, 16.0),)
    screws["bar"] = (_screw_set(bar, 20.0),)
    return screws


def _screw_set(heads: Sequence[tuple[Array, Array]], length: float) -> Shown:
    """Build screws by the underside of the head and the direction in which they point."""
    radius, high = HEAD
    solids = []
    for head, axis in heads:
        place = RigidTransform.from_components(head, turn_of_z(axis))
        for start, end, r in ((-high, 0.0, radius), (-0.1, length, 1.5)):
            ends = place.apply(np.array([[0.0, 0.0, start], [0.0, 0.0, end]]))
            solids.append(cylinder(ends[0], ends[1], r, corners=24))
    return Shown(mesh_of(united(solids)), STEEL)
