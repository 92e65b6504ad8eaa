"""All printed parts of a kit, each as it lies on the bed."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.base import base_solid
from phantoms.kit.bone_divots import DEPTH, bone_divots
from phantoms.kit.column import column_solid
from phantoms.kit.cord import mould_solids as cord_mould_solids
from phantoms.kit.cord import rod_solid, seat_solid
from phantoms.kit.core_removal import drawn_undercut
from phantoms.kit.frame import arch_solid, bar_solid
from phantoms.kit.kit_case import Kind
from phantoms.kit.kit_layout import Layout
from phantoms.kit.mould import mould_solids
from phantoms.kit.part import Part
from phantoms.kit.sac_mould import core_solid, plug_solid
from phantoms.kit.seat import seat_solid as reference_seat_solid
from phantoms.kit.solid import divot, laid, without
from phantoms.kit.tubes import former_solids

BONE, GREY, BLUE, YELLOW, GREEN = (
    (0.93, 0.90, 0.80),
    (0.62, 0.64, 0.66),
    (0.36, 0.52, 0.68),
    (0.95, 0.80, 0.35),
    (0.45, 0.62, 0.50),
)

# What lies down on the bed: the model's direction that becomes the bed's up.
_UP = {
    "posterior": Rotation.from_matrix([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]),
    "anterior": Rotation.from_matrix([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "cranial": Rotation.from_matrix(np.eye(3)),
    "caudal": Rotation.from_matrix([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]]),
    "left": Rotation.from_matrix([[0, 0, -1.0], [0, 1.0, 0], [1.0, 0, 0]]),
    "right": Rotation.from_matrix([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]]),
}

NO_SUPPORT = "Without support."
MOST_UNDERCUT = 7.0  # mm, that sleeve and gel give way for the core; chosen


def kit_parts(anatomy: Anatomy, layout: Layout, kind: Kind) -> tuple[Part, ...]:
    """Build every printed part of a kit.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.
    kind : Kind
        "dry" (bones, tubes, cord; no gel) or "wet" (with mould, core and plugs, for gel).

    Returns
    -------
    tuple of Part
        Each as it lies on the bed.

    Raises
    ------
    InputError
        A bone would touch the base; or the core of a wet kit could not be drawn from the gel.
    """
    return (*_common(anatomy, layout, kind), *(_dry if kind == "dry" else _wet)(anatomy, layout))


def _common(anatomy: Anatomy, layout: Layout, kind: Kind) -> list[Part]:
    upright = "Upright on its foot. Tree support from the bed under the bones; none in the canal "
    parts = [
        _part("base", "base plate", base_solid(layout), "posterior", GREY, NO_SUPPORT),
        _part(
            "column",
            "bones C1 to C4 and occiput on their struts",
            _column(anatomy, layout, kind),
            "posterior",
            BONE,
            upright + "and in the foramina of the arteries. 0.15 mm layers, 4 walls.",
        ),
    ]
    for name, up in (("arch_cranial", "caudal"), ("arch_caudal", "cranial")):
        title = name.replace("arch_", "") + " arch with divots"
        solid = arch_solid(layout, name)  # type: ignore[arg-type]
        parts.append(_part(name, title, solid, up, BLUE, NO_SUPPORT))
    parts.append(
        _part("bar", "bar with check divots", bar_solid(layout), "posterior", BLUE, NO_SUPPORT)
    )
    parts.append(
        _part(
            "reference_seat",
            "seat of the reference body",
            reference_seat_solid(layout),
            "caudal",
            BLUE,
            NO_SUPPORT + " On its cranial end: the faces for the paper are upright walls.",
        )
    )
    for name, solid in former_solids(anatomy).items():
        up = name.rsplit("_", 1)[1]
        title = f"former for the wire of the {up} artery"
        parts.append(_part(name, title, solid, up, GREEN, NO_SUPPORT, assembled=False))
    return parts


def _column(anatomy: Anatomy, layout: Layout, kind: Kind) -> Manifold:
    solid = column_solid(anatomy, layout)
    if kind == "wet":
        return solid
    return without(solid, [divot(d.apex, d.axis, DEPTH) for d in bone_divots(anatomy)])


def _dry(anatomy: Anatomy, layout: Layout) -> list[Part]:
    rod = "Upright on its caudal end, with a brim; without support."
    parts = [_part("cord", "spinal cord", rod_solid(anatomy), "cranial", YELLOW, rod)]
    for name in ("seat_caudal", "seat_cranial"):
        title = name.replace("seat_", "") + " seat of the cord"
        solid = seat_solid(anatomy, layout, name)
        parts.append(_part(name, title, solid, "posterior", GREY, NO_SUPPORT))
    return parts


def _wet(anatomy: Anatomy, layout: Layout) -> list[Part]:
    undercut = drawn_undercut(anatomy)
    if undercut > MOST_UNDERCUT:
        raise InputError(
            f"c1_rotation {anatomy.parameters.c1_rotation:g}: the core of the bent sac would catch "
            f"on the gel by {undercut:.1f} mm; expected at most {MOST_UNDERCUT:g}, or a dry kit"
        )
    core = "Upright on its handle, with a brim; without support. Sand it smooth."
    parts = [
        _part("sac_core", "core of the dural sac", core_solid(anatomy), "caudal", YELLOW, core)
    ]
    for end in ("cranial", "caudal"):
        plug = plug_solid(anatomy, end)
        text = "On its inner face, without support; 5 walls: it must hold water."
        parts.append(_part(f"plug_{end}", f"{end} plug of the sac", plug, end, GREY, text))
    for name, solid in cord_mould_solids(anatomy).items():
        up = "right" if name.endswith("left") else "left"
        parts.append(
            _part(
                name,
                f"mould of the cord, {name.rsplit('_', 1)[1]} half",
                solid,
                up,
                GREEN,
                NO_SUPPORT,
                assembled=False,
            )
        )
    shell = "Upright on its caudal rim; short bridges at the upper one. "
    how = {
        "mould_left": ("left shell of the gel's mould", "cranial", shell),
        "mould_right": ("right shell of the gel's mould", "cranial", shell),
        "mould_cranial": ("cranial end plate of the mould", "cranial", ""),
        "mould_caudal": ("caudal end plate of the mould", "caudal", ""),
        "mould_lid": ("lid of the mould", "anterior", ""),
    }
    for name, solid in mould_solids(anatomy, layout).items():
        title, up, text = how[name]
        parts.append(_part(name, title, solid, up, GREEN, text + NO_SUPPORT))
    return parts


def _part(
    name: str,
    title: str,
    solid: Manifold,
    up: str,
    colour: tuple[float, float, float],
    printing: str,
    assembled: bool = True,
) -> Part:
    mesh, model_from_part = laid(solid, _UP[up])
    return Part(
        name, title, mesh, model_from_part if assembled else None, "PLA or PETG", colour, printing
    )
