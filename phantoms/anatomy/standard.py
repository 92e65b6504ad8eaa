"""The upper cervical spine that the phantom and the simulated puncture use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phantoms.anatomy.c1 import c1_box, c1_solid
from phantoms.anatomy.c2 import c2_box, c2_solid
from phantoms.anatomy.mesh import Mesh, mesh_solid, moved_mesh
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.pose import bone_poses
from phantoms.anatomy.sdf import Array, moved
from phantoms.anatomy.soft import (
    Sac,
    artery_line,
    artery_mesh,
    artery_solid,
    mirrored,
    skin_mesh,
    skin_middle,
    skin_x,
)

Role = Literal["bone", "cord", "dura", "artery", "skin", "support", "other"]

BONE_SPACING = 0.95  # mm, grid that the bones are meshed on


@dataclass(frozen=True)
class AnatomyStructure:
    """A closed surface, facing outwards: vertices (n, 3) float64, mm, triangles (m, 3) int32."""

    name: str
    role: Role
    vertices: Array
    triangles: NDArray[np.int32]


@dataclass(frozen=True)
class AnatomyFiducial:
    """A divot: the apex of its cone in the model frame, mm; never both registered and checked."""

    label: str
    position: tuple[float, float, float]
    use: Literal["register", "check"]


@dataclass(frozen=True)
class AnatomyPlan:
    """A trajectory, model frame, mm."""

    name: str
    entry: tuple[float, float, float]
    target: tuple[float, float, float]


@dataclass(frozen=True)
class Anatomy:
    """A whole case. Model frame: LPS (x left, y posterior, z superior), mm; origin on the midline,
    half way between C1's posterior arch and C2's lamina, 5 in front of the spinolaminar line."""

    name: str
    parameters: AnatomyParameters
    structures: tuple[AnatomyStructure, ...]
    fiducials: tuple[AnatomyFiducial, ...]
    plans: tuple[AnatomyPlan, ...]

    def structure(self, name: str) -> AnatomyStructure:
        """The structure of that name; KeyError where there is none."""
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise KeyError(name)


def standard_anatomy(parameters: AnatomyParameters | None = None) -> Anatomy:
    """Bones, cord, sac, arteries and neck, with divots and the lateral C1-C2 plans.

    The same parameters give the same vertices to the bit.
    """
    p = parameters or AnatomyParameters()
    model_from_c1, model_from_c2 = bone_poses(p)
    radius = p.artery_left.diameter / 2
    line = artery_line(p, model_from_c1, model_from_c2)
    room = artery_solid(line, radius + p.artery_wall_gap)
    atlas = moved_mesh(
        mesh_solid(c1_solid(p, moved(room, model_from_c1.inv())), *c1_box(p), BONE_SPACING),
        model_from_c1,
    )
    axis = moved_mesh(
        mesh_solid(c2_solid(p, moved(room, model_from_c2.inv())), *c2_box(p), BONE_SPACING),
        model_from_c2,
    )
    sac = Sac(p)
    cord, dura = sac.meshes()
    artery = artery_mesh(line, radius)
    return Anatomy(
        name="upper cervical spine, standard",
        parameters=p,
        structures=(
            _structure("C1", "bone", atlas),
            _structure("C2", "bone", axis),
            _structure("cord", "cord", cord),
            _structure("dura", "dura", dura),
            _structure("vertebral artery left", "artery", artery),
            _structure("vertebral artery right", "artery", mirrored(artery)),
            _structure("skin", "skin", skin_mesh(p)),
        ),
        fiducials=_divots(p),
        plans=_plans(p, sac.target()),
    )


def _structure(name: str, role: Role, mesh: Mesh) -> AnatomyStructure:
    return AnatomyStructure(name, role, mesh.vertices, mesh.triangles)


def _plans(p: AnatomyParameters, target: Array) -> tuple[AnatomyPlan, ...]:
    """Straight from the side: 0 to the coronal plane, 0 craniocaudal."""
    _, y, z = (float(v) for v in target)
    x = skin_x(p, y)
    return (
        AnatomyPlan("left lateral C1-C2", (x, y, z), (0.0, y, z)),
        AnatomyPlan("right lateral C1-C2", (-x, y, z), (0.0, y, z)),
    )


def _divots(p: AnatomyParameters) -> tuple[AnatomyFiducial, ...]:
    """On a rigid frame that stands `frame_reach` outside the neck, from its left round to its back.

    The angle runs round the neck's axis from the left (0) to the back (90 degrees).
    """
    layout: tuple[tuple[str, float, float, Literal["register", "check"]], ...] = (
        ("R1", -25, 34, "register"),
        ("R2", -25, -38, "register"),
        ("R3", 22, 36, "register"),
        ("R4", 22, -36, "register"),
        ("R5", 62, 30, "register"),
        ("R6", 62, -36, "register"),
        ("R7", 112, 36, "register"),
        ("R8", 112, -30, "register"),
        ("K1", -8, -26, "check"),
        ("K2", 42, 24, "check"),
        ("K3", 92, -14, "check"),
    )
    a, b = p.neck_width / 2 + 6.0, p.neck_ap / 2 + 6.0
    return tuple(
        AnatomyFiducial(
            label,
            (
                round(a * float(np.cos(np.radians(angle))), 3),
                round(skin_middle(p) + b * float(np.sin(np.radians(angle))), 3),
                float(z),
            ),
            use,
        )
        for label, angle, z, use in layout
    )
