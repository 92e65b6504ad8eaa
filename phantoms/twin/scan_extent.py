"""Continuation beyond the anatomy's ends: more vertebrae, longer tubes, head, jaw, skin.

A segmentation must not find a bone by where the phantom ends. So C5 and C6 are made by the same
generator as C3 and C4, and joined to them in the same way; the skull is continued. Head, jaw and
teeth are sketched: nothing is measured on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from phantoms.anatomy import subaxial
from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.mesh import Mesh, mesh_solid, moved_mesh
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Solid, moved, tube, union
from phantoms.anatomy.standard_neck import BONE_SPACING, Anatomy
from phantoms.store import stored_meshes
from phantoms.twin.ct_ends import above
from phantoms.twin.ct_section import Closed, Surface, sections
from phantoms.twin.ct_skin import drawn

LOWEST = -104.0  # mm, to which everything is continued
STEP = 2.0  # mm
LEAST_GAP = 0.5  # mm between a vertebra and the one that is put under it
TUBES = ("cord", "dura", "vertebral artery left", "vertebral artery right")


@dataclass(frozen=True)
class Extended:
    """An anatomy with its continuation.

    Attributes
    ----------
    bones, soft : tuple of Surface
        Closed surfaces, model frame, mm.
    fifth : RigidTransform
        model_from_bone of C5.
    """

    bones: tuple[Surface, ...]
    soft: tuple[Surface, ...]
    fifth: RigidTransform


def extended(anatomy: Anatomy, poses: BonePoses, high: float, seed: int) -> Extended:
    """Extend an anatomy's surfaces below and above.

    Parameters
    ----------
    anatomy : Anatomy
        The anatomy.
    poses : BonePoses
        Poses of its bones.
    high : float
        Height to which the head is wanted, mm.
    seed : int
        Of the vertebrae below C4.

    Returns
    -------
    Extended
        The surfaces and their continuations.
    """
    p, rng = anatomy.parameters, np.random.default_rng([seed, 55])
    structures = [_surface(s) for s in anatomy.structures if s.role not in ("skin", "support")]
    step = poses.c4 * poses.c3.inv()
    way = step.apply(poses.c4.translation) - poses.c4.translation
    soft = []
    for s in structures:
        if s.role != "bone":
            soft += [s, _downwards(s, way)] if s.name in TUBES else [s]
    head = above(structures, high)
    bones = [s for s in structures if s.role == "bone" and s.name != "occiput"]
    bones += [s for s in head if s.role == "bone"]
    soft += [s for s in head if s.role != "bone"]
    arteries = [s for s in soft if s.role == "artery" and s.name.endswith("going on")]
    fifth, c5 = _vertebra("C5", p, step * poses.c4, bones, "C4", arteries, rng)
    _, c6 = _vertebra("C6", p, step * fifth, [*bones, c5], "C5", arteries, rng)
    return Extended((*bones, c5, c6), tuple(soft), fifth)


def _surface(s: Closed) -> Surface:
    return Surface(s.name, s.role, np.asarray(s.vertices, float), s.triangles)


def _vertebra(
    name: str,
    p: AnatomyParameters,
    pose: RigidTransform,
    bones: Sequence[Surface],
    over: str,
    arteries: Sequence[Closed],
    rng: np.random.Generator,
) -> tuple[RigidTransform, Surface]:
    """Build a vertebra like C4 of slightly other size, as close to the one above as C4 to C3."""
    larger = 1.0 + 0.04 * rng.standard_normal(3)
    own = replace(
        p,
        c4_width=p.c4_width * float(np.clip(larger[0] + 0.02, 0.96, 1.1)),
        c4_canal_width=p.c4_canal_width * float(np.clip(larger[1], 0.96, 1.06)),
        body_height=p.body_height * float(np.clip(larger[2] - 0.03, 0.9, 1.05)),
    )
    tilt = Rotation.from_euler("x", rng.uniform(-4.0, 4.0), degrees=True)
    pose = pose * RigidTransform.from_rotation(tilt)
    upper = next(s for s in bones if s.name == over)
    gauge = Gauge(upper.vertices, upper.triangles)

    def make() -> dict[str, Mesh]:
        room = _room(arteries, pose)
        low, high = subaxial.subaxial_box(own, "C4")
        solid = subaxial.subaxial_solid(own, "C4", room, room)
        return {name: mesh_solid(solid, low, high, BONE_SPACING)}

    key = f"vertebra {name} {own!r} {pose.as_matrix().round(4).tolist()}"
    mesh = moved_mesh(stored_meshes(key, make)[name], pose)
    down = pose.rotation.apply([0.0, 0.0, -1.0])
    shift = np.zeros(3)
    near = mesh.vertices[mesh.vertices[:, 2] > upper.vertices[:, 2].min() - 6.0]
    while gauge.signed_distance(near + shift).min() < LEAST_GAP:
        shift += 0.3 * down
    pose = RigidTransform.from_translation(shift) * pose
    return pose, Surface(name, "bone", mesh.vertices + shift, mesh.triangles)


def _room(arteries: Sequence[Closed], pose: RigidTransform) -> Solid:
    """Return the space that the arteries need within a vertebra, its frame."""
    middle = pose.translation[2]
    tubes = []
    for artery in arteries:
        heights = np.arange(max(middle - 30.0, LOWEST + 2.0), middle + 30.0, 3.0)
        rings = sections(artery, heights)
        line = np.array([ring.mean(axis=0) for ring in rings])
        half = float(np.median([np.linalg.norm(r - r.mean(axis=0), axis=1).max() for r in rings]))
        tubes.append(tube(line, np.full((len(line), 2), half + 0.4), up=(0.3, 1.0, 0.2)))
    return moved(union(tubes, 0.0), pose.inv())


def _downwards(s: Closed, way: Array) -> Surface:
    """Continue a tube down to LOWEST with its shape, one bone higher for each bone.

    The tube is rebuilt from its rings below where it leaves the anatomy's own surface, which stays
    as it is above that.
    """
    bottom = float(s.vertices[:, 2].min()) + 2.5
    heights = np.arange(LOWEST, bottom - 1e-6, STEP)
    bones_up = np.ceil((bottom - heights) / -way[2])
    rings = sections(s, [*(heights - bones_up * way[2]), bottom, bottom + 1.0])
    for k, z in enumerate(heights):
        rings[k] = rings[k] + bones_up[k] * way
        rings[k][:, 2] = z
    # the continuation finds its place gradually
    off = rings[-2].mean(axis=0) - rings[-3].mean(axis=0)
    for i, ring in enumerate(rings[:-2]):
        ring[:, :2] += off[:2] * np.exp(-(len(rings) - 3 - i) * STEP / 6.0)
    return drawn(f"{s.name} going on", s.role, np.array(rings))


def united(one: Mesh, other: Mesh) -> Mesh:
    """Compute the union of two closed meshes that overlap.

    Parameters
    ----------
    one, other : Mesh
        The meshes, mm.

    Returns
    -------
    Mesh
        The union.
    """
    import manifold3d as m3  # only where meshes are joined

    def solid(mesh: Mesh) -> m3.Manifold:
        return m3.Manifold(
            m3.Mesh(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))
        )

    whole = (solid(one) + solid(other)).to_mesh()
    return Mesh(
        np.asarray(whole.vert_properties[:, :3], float), np.asarray(whole.tri_verts, np.int32)
    )
