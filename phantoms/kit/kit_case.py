"""A phantom as a case: the neck on its supports, cut by its base, with the frame's divots."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import (
    Anatomy,
    AnatomyFiducial,
    AnatomyStructure,
    Progress,
    standard_anatomy,
)
from phantoms.kit.bone_divots import bone_divots
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_layout import layout
from phantoms.kit.supports import supports_mesh
from phantoms.store import stored_meshes

Kind = Literal["dry", "wet"]
KINDS: tuple[Kind, ...] = ("dry", "wet")
NOT_DRY = ("skin", "dura")  # structures that only a filled phantom has


def phantom_case(
    parameters: AnatomyParameters | None = None,
    kind: Kind = "wet",
    name: str = "standard",
    progress: Progress | None = None,
) -> Anatomy:
    """Build the case of a phantom: all that it holds, as it is printed, tubed and poured.

    Parameters
    ----------
    parameters : AnatomyParameters, optional
        The neck; the standard one by default.
    kind : Kind, optional
        "wet" has skin (the gel's surface, cut flat by the base) and dura; "dry" has neither, and
        check divots in the bones.
    name : str, optional
        Becomes part of the anatomy's name.
    progress : callable, optional
        Called with the name of each step when it begins.

    Returns
    -------
    Anatomy
        With supports and divots.

    Raises
    ------
    InputError
        A parameter out of its range, or an impossible combination: which, and why.
    """
    tell = progress or (lambda name: None)
    anatomy = standard_anatomy(parameters, name, tell)
    placed = layout(anatomy.parameters)

    def made() -> dict[str, Mesh]:
        tell("supports")
        return {
            "supports": supports_mesh(anatomy, placed),
            "skin": skin_on_base(anatomy.parameters, placed),
        }

    kit = stored_meshes(f"supports and skin {anatomy.parameters!r}", made)
    structures = [
        replace(s, vertices=kit["skin"].vertices, triangles=kit["skin"].triangles)
        if s.name == "skin"
        else s
        for s in anatomy.structures
        if kind == "wet" or s.name not in NOT_DRY
    ]
    divots = placed.divots if kind == "wet" else (*placed.divots, *bone_divots(anatomy))
    struts = kit["supports"]
    structures.append(AnatomyStructure("supports", "support", struts.vertices, struts.triangles))
    return replace(
        anatomy,
        name=f"{anatomy.name}, {kind} phantom",
        structures=tuple(structures),
        fiducials=tuple(AnatomyFiducial(d.label, d.apex, d.use) for d in divots),
    )
