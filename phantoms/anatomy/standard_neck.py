"""The upper cervical spine that the phantom and the simulated puncture use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phantoms.anatomy import bone_poses, c1, c2, occiput, subaxial
from phantoms.anatomy.artery_models import rooms, vessels
from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.clearance import UNDER_SKIN, check_clear
from phantoms.anatomy.clearance import Solid as Filled
from phantoms.anatomy.mesh import Mesh, mesh_solid, moved_mesh
from phantoms.anatomy.parameters import SIDES, AnatomyParameters
from phantoms.anatomy.plans import AnatomyPlan, lateral_plans
from phantoms.anatomy.sdf import Array, Solid, half_space, intersect
from phantoms.anatomy.skin_model import NECK_TOP, skin_mesh
from phantoms.anatomy.thecal_sac import Sac
from phantoms.anatomy.validate_neck import check_possible
from phantoms.store import Arrays, arrays_of, meshes_of, stored_arrays

Role = Literal["bone", "cord", "dura", "artery", "skin", "support", "other"]
Progress = Callable[[str], None]

BONE_SPACING = 0.95  # mm, grid that the bones are meshed on
BONES = ("occiput", "C1", "C2", "C3", "C4")


@dataclass(frozen=True)
class AnatomyStructure:
    """A closed surface, facing outwards.

    Attributes
    ----------
    name : str
        Such as "C1" or "vertebral artery left".
    role : str
        "bone", "cord", "dura", "artery", "skin", "support" or "other".
    vertices : ndarray of float64, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Vertex indices.
    """

    name: str
    role: Role
    vertices: Array
    triangles: NDArray[np.int32]

    @property
    def mesh(self) -> Mesh:
        """The surface by itself."""
        return Mesh(self.vertices, self.triangles)


@dataclass(frozen=True)
class AnatomyFiducial:
    """A divot; never both registered and checked.

    Attributes
    ----------
    label : str
        Its name.
    position : tuple of 3 float
        The apex of its cone, model frame, mm.
    use : str
        "register" or "check".
    """

    label: str
    position: tuple[float, float, float]
    use: Literal["register", "check"]


@dataclass(frozen=True)
class Anatomy:
    """A whole case.

    The model frame is LPS (x left, y posterior, z superior), mm, with its origin on the midline,
    half way between C1's posterior arch and C2's lamina, 5 mm in front of the spinolaminar line.

    Attributes
    ----------
    name : str
        For people.
    parameters : AnatomyParameters
        What the structures were made from.
    structures : tuple of AnatomyStructure
        Their surfaces.
    fiducials : tuple of AnatomyFiducial
        The divots; empty until something holds them.
    plans : tuple of AnatomyPlan
        The lateral punctures.
    """

    name: str
    parameters: AnatomyParameters
    structures: tuple[AnatomyStructure, ...]
    fiducials: tuple[AnatomyFiducial, ...]
    plans: tuple[AnatomyPlan, ...]

    def structure(self, name: str) -> AnatomyStructure:
        """Return the structure of a name.

        Raises
        ------
        KeyError
            There is no structure of that name.
        """
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise KeyError(name)


def standard_anatomy(
    parameters: AnatomyParameters | None = None,
    name: str = "standard",
    progress: Progress | None = None,
) -> Anatomy:
    """Build bones, cord, sac, arteries and neck, with the lateral C1-C2 plans; no divots yet.

    The same parameters give bit-identical vertices. What was made before is read from the user's
    cache.

    Parameters
    ----------
    parameters : AnatomyParameters, optional
        The neck; the defaults if not given.
    name : str, optional
        Becomes part of the anatomy's name.
    progress : callable, optional
        Called with the name of each structure when work on it begins.

    Returns
    -------
    Anatomy
        Without fiducials.

    Raises
    ------
    InputError
        A parameter out of its range, or an impossible combination: which, and why.
    """
    p = parameters or AnatomyParameters()
    tell = progress or (lambda name: None)
    # what is stored has passed all checks
    stored = stored_arrays(f"anatomy and plans {p!r}", lambda: _checked_arrays(p, tell))
    meshes = meshes_of(stored)
    structures = tuple(
        AnatomyStructure(name, role_of(name), mesh.vertices, mesh.triangles)
        for name, mesh in meshes.items()
    )
    return Anatomy(f"upper cervical spine, {name}", p, structures, (), _plans_of(stored))


def role_of(name: str) -> Role:
    """Return the role of a structure by its name.

    Parameters
    ----------
    name : str
        Of a structure of `standard_anatomy`.

    Returns
    -------
    str
        "bone", "cord", "dura", "skin"; "artery" for any other name.
    """
    if name in BONES:
        return "bone"
    if name in ("cord", "dura", "skin"):
        return name  # type: ignore[return-value]
    return "artery"


def _checked_arrays(p: AnatomyParameters, tell: Progress) -> Arrays:
    """Return meshes and plans as arrays, if the parameters are possible together."""
    poses = check_possible(p)
    meshes = _clear_meshes(p, poses, tell)
    arteries = [name for name in meshes if role_of(name) == "artery"]
    plans = lateral_plans(p, poses, meshes, arteries)
    return arrays_of(meshes) | _arrays_of_plans(plans)


def _arrays_of_plans(plans: Sequence[AnatomyPlan]) -> Arrays:
    return {
        "plans": np.array([plan.name for plan in plans]),
        "plan_ends": np.array([(plan.entry, plan.target) for plan in plans]),
    }


def _plans_of(stored: Arrays) -> tuple[AnatomyPlan, ...]:
    ends = stored["plan_ends"].tolist()
    return tuple(
        AnatomyPlan(str(name), tuple(entry), tuple(target))
        for name, (entry, target) in zip(stored["plans"], ends, strict=True)
    )


def _clear_meshes(p: AnatomyParameters, poses: BonePoses, tell: Progress) -> dict[str, Mesh]:
    meshes = _meshes(p, poses, tell)
    tell("clearances")
    joined = {frozenset({v.name, v.joins}) for v in vessels(p, poses) if v.joins}
    check_clear({name: Filled(role_of(name), mesh) for name, mesh in meshes.items()}, joined)
    return meshes


def _meshes(p: AnatomyParameters, poses: BonePoses, tell: Progress) -> dict[str, Mesh]:
    def bone(name: str) -> Mesh:
        tell(name)
        solid, (low, high) = _bone(p, poses, name)
        return moved_mesh(mesh_solid(solid, low, high, BONE_SPACING), poses.of(name))

    with ThreadPoolExecutor(2) as pool:
        meshes = dict(zip(BONES, pool.map(bone, BONES), strict=True))
    tell("cord")
    meshes["cord"], meshes["dura"] = Sac(p, poses).meshes()
    tell("arteries")
    meshes |= {vessel.name: vessel.mesh() for vessel in vessels(p, poses)}
    tell("skin")
    meshes["skin"] = skin_mesh(p)
    return meshes


def _bone(p: AnatomyParameters, poses: BonePoses, name: str) -> tuple[Solid, tuple[Array, Array]]:
    """Return a bone and the box that holds it, its own frame."""
    if name == "occiput":
        return _under_the_skin(occiput.occiput_solid(p), p, poses), occiput.occiput_box(p)
    room = [rooms(p, poses, side, poses.of(name)) for side in SIDES]
    if name == "C1":
        return c1.c1_solid(p, *room), c1.c1_box(p)
    if name == "C2":
        return c2.c2_solid(p, *room), c2.c2_box(p)
    level: subaxial.Level = "C3" if name == "C3" else "C4"
    return subaxial.subaxial_solid(p, level, *room), subaxial.subaxial_box(p, level)


def _under_the_skin(head: Solid, p: AnatomyParameters, poses: BonePoses) -> Solid:
    """Cut off a nodding head's stub below the neck's flat upper end where it would come out."""
    top = NECK_TOP - UNDER_SKIN - 0.5
    if float(poses.of("occiput").apply(bone_poses._surface(p, "occiput").points)[:, 2].max()) < top:
        return head
    model_from_head = poses.of("occiput")
    up = model_from_head.inv().rotation.apply([0.0, 0.0, 1.0])
    return intersect(head, half_space(model_from_head.inv().apply([0.0, 0.0, top]), up), 1.5)
