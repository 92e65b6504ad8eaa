"""The phantom as a scene: from a kit's parts, or quickly from the anatomy and the kit's frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import layout
from phantoms.kit.part import Part
from phantoms.store import stored_meshes
from phantoms.twin.simulated_room import Finish, SceneItem, grey

# role -> albedo under the lamps and finish, assumed: ivory print, red and beige silicone
MATERIALS: dict[str, tuple[float, Finish]] = {
    "bone": (0.74, "print"),
    "artery": (0.24, "silicone"),
    "cord": (0.55, "silicone"),
    "support": (0.42, "print"),
    "other": (0.50, "print"),
    "skin": (0.56, "gel"),
}
SET_BACK = 1.0  # mm, see SceneItem
# Grey of the kit's prints, without the bones.
PRINTED = {
    "base": 0.30,
    "arch_cranial": 0.46,
    "arch_caudal": 0.46,
    "bar": 0.46,
    "reference_seat": 0.30,
    "plug_cranial": 0.40,
    "plug_caudal": 0.40,
}
NOT_IN_USE = ("mould", "sac_core")  # prefixes of parts that serve only for pouring


def quick_items(anatomy: Anatomy) -> tuple[SceneItem, ...]:
    """Build a phantom within seconds, later from the cache, as it is in use.

    It consists of the anatomy's own surfaces, on the kit's base, with its frame and seat. With a
    skin it is one filled with gel, through which the bones are seen faintly.

    Parameters
    ----------
    anatomy : Anatomy
        The anatomy.

    Returns
    -------
    tuple of SceneItem
        Model frame.
    """
    wet = _is_wet(anatomy)
    key = f"scene {'wet' if wet else 'dry'} {anatomy.parameters!r}"
    printed = stored_meshes(key, lambda: _printed(anatomy, wet))
    return (
        *(_item(name, mesh, PRINTED[name]) for name, mesh in printed.items()),
        *_anatomy_items(anatomy),
    )


def kit_items(parts: Iterable[Part], anatomy: Anatomy) -> tuple[SceneItem, ...]:
    """Return a kit's printed parts as in use, with the anatomy's surfaces that are not printed.

    Parts without a place in the phantom, and those that serve only for pouring, are left out.

    Parameters
    ----------
    parts : iterable of Part
        The kit's parts.
    anatomy : Anatomy
        The anatomy.

    Returns
    -------
    tuple of SceneItem
        Model frame.
    """
    items, roles = [], set()
    for part in parts:
        if part.model_from_part is None or part.name.startswith(NOT_IN_USE):
            continue
        mesh = Mesh(np.asarray(part.model_from_part.apply(part.mesh.vertices)), part.mesh.triangles)
        items.append(_item(part.name, mesh, grey(part.colour)))
        roles |= {"column": {"bone", "support"}, "cord": {"cord"}}.get(part.name, set())
    return (*items, *_anatomy_items(anatomy, roles))


def _printed(anatomy: Anatomy, wet: bool) -> dict[str, Mesh]:
    # heavy to import: only where a scene is drawn
    from phantoms.kit.base import base_solid
    from phantoms.kit.frame import arch_solid, bar_solid
    from phantoms.kit.sac_mould import plug_solid
    from phantoms.kit.seat import seat_solid
    from phantoms.kit.solid import mesh_of

    placed = layout(anatomy.parameters)
    solids = {
        "base": base_solid(placed),
        "arch_cranial": arch_solid(placed, "arch_cranial"),
        "arch_caudal": arch_solid(placed, "arch_caudal"),
        "bar": bar_solid(placed),
        "reference_seat": seat_solid(placed),
    }
    if wet:
        solids |= {f"plug_{end}": plug_solid(anatomy, end) for end in ("cranial", "caudal")}
    return {name: mesh_of(solid) for name, solid in solids.items()}


def _is_wet(anatomy: Anatomy) -> bool:
    return any(s.role == "skin" for s in anatomy.structures)


def _anatomy_items(anatomy: Anatomy, without: Iterable[str] = ()) -> Sequence[SceneItem]:
    """Return the anatomy's own surfaces except those of some roles; its skin is the gel's."""
    left_out = {"dura", *without}
    return [
        SceneItem(s.name, s.vertices, s.triangles, *MATERIALS[s.role])
        for s in anatomy.structures
        if s.role not in left_out
    ]


def _item(name: str, mesh: Mesh, albedo: float) -> SceneItem:
    if name == "reference_seat":
        return SceneItem(
            name, mesh.vertices, mesh.triangles, albedo, with_reference=True, set_back=SET_BACK
        )
    return SceneItem(name, mesh.vertices, mesh.triangles, albedo)
