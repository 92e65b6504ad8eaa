"""Joints made wider or narrower, fused, or with osteophytes, by moving the bones' surfaces.

The vertices of the two surfaces that face each other in a joint are moved along their normals, each
by half of what is wanted, fading out where the bones are farther apart. The triangles stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.openthreed import import_open3d
from phantoms.anatomy import c1, c2, subaxial
from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.twin.scan_parameters import Osteophyte

REACH = 11.0  # mm from a joint's centre: what is farther away is not part of it
CORE = 0.75  # share of REACH within which a joint's width is measured and set in full
CLEAR = 0.25  # mm that growing bone keeps from sac and arteries
APART = 0.08  # mm that a bone keeps from the other one of its joint
FUSED_GAP = 0.1  # mm that two fused surfaces are apart: the space between is bone
ROUNDS, TOLERANCE = 12, 0.004  # mm
LIP_SD = 2.0  # mm, half width of a lip
LOOKED = 7.0  # mm: what is farther away is ignored
NEAR = 3.0  # mm, over which a change fades out


@dataclass(frozen=True)
class Joint:
    """Location of a joint.

    Attributes
    ----------
    name : str
        Name of the joint.
    upper, lower : str
        Its two bones.
    middle : ndarray, shape (3,)
        Its centre, mm.
    reach : float
        How far it extends, mm.
    """

    name: str
    upper: str
    lower: str
    middle: Array
    reach: float = REACH


def joints(p: AnatomyParameters, poses: BonePoses, fifth: Any = None) -> tuple[Joint, ...]:
    """Locate all joints of an anatomy.

    Parameters
    ----------
    p : AnatomyParameters
        The anatomy's parameters.
    poses : BonePoses
        Poses of its bones.
    fifth : RigidTransform, optional
        model_from_bone of C5, where there is one.

    Returns
    -------
    tuple of Joint
        Model frame.
    """

    def sides(pose: Any, point: Array) -> tuple[Array, Array]:
        return pose.apply(point), pose.apply(point * (-1.0, 1.0, 1.0))

    trough, radii, axes = c1.upper_trough(p)
    deepest = trough - radii[2] * np.asarray(axes if axes is not None else np.eye(3))[2]
    found = []
    pairs = [
        ("C0-C1", "occiput", "C1", sides(poses.c1, deepest)),
        ("C1-C2", "C1", "C2", sides(poses.c2, c2.upper_facet(p)[0])),
        ("C2-C3", "C2", "C3", sides(poses.c3, subaxial.upper_facet(p, "C3")[0])),
        ("C3-C4", "C3", "C4", sides(poses.c4, subaxial.upper_facet(p, "C4")[0])),
    ]
    if fifth is not None:
        pairs.append(("C4-C5", "C4", "C5", sides(fifth, subaxial.upper_facet(p, "C4")[0])))
    for name, upper, lower, places in pairs:
        for side, middle in zip(("left", "right"), places, strict=True):
            found.append(Joint(f"{name} {side}", upper, lower, np.asarray(middle)))
    dens = poses.c2.apply(c2.dens_front(p, 0.6 * p.dens_height))
    found.append(Joint("C1-C2 dens", "C1", "C2", np.asarray(dens), 8.0))
    return tuple(found)


def joint_width(upper: Mesh, lower: Mesh, joint: Joint) -> float:
    """Compute the smallest distance between the two surfaces within a joint.

    Parameters
    ----------
    upper, lower : Mesh
        The two bones, mm.
    joint : Joint
        The joint.

    Returns
    -------
    float
        In mm; infinite where they are not in the joint.
    """
    return min(_facing(upper, lower, joint, CORE).width, _facing(lower, upper, joint, CORE).width)


def with_joints(
    bones: Mapping[str, Mesh],
    places: tuple[Joint, ...],
    widths: Mapping[str, float],
    osteophytes: tuple[Osteophyte, ...] = (),
    spared: tuple[Mesh, ...] = (),
) -> dict[str, Mesh]:
    """Give joints their wanted widths, and lips at their margins.

    Parameters
    ----------
    bones : mapping of str to Mesh
        By name.
    places : tuple of Joint
        The joints.
    widths : mapping of str to float
        Smallest distance in a joint, mm, by its name.
    osteophytes : tuple of Osteophyte, optional
        Grown first.
    spared : tuple of Mesh, optional
        Sac and arteries, which no bone grows into.

    Returns
    -------
    dict of str to Mesh
        The changed bones by name.
    """
    result = dict(bones)
    by_name = {joint.name: joint for joint in places}
    for lip in osteophytes:
        joint = by_name.get(lip.joint)
        if joint is not None:
            _grow_lips(result, joint, lip, spared)
    for joint in places:
        if joint.name in widths:
            _set_width(result, joint, widths[joint.name], spared)
    return result


@dataclass(frozen=True)
class _Facing:
    """One surface's vertices in a joint: which, distance to the other surface, and direction."""

    index: NDArray[np.intp]
    gap: Array
    towards: Array
    weight: Array

    @property
    def width(self) -> float:
        return float(self.gap.min(initial=np.inf))


def _facing(one: Mesh, other: Mesh, joint: Joint, share: float = 1.0) -> _Facing:
    away = np.linalg.norm(one.vertices - joint.middle, axis=1)
    index = np.flatnonzero(away < share * joint.reach)
    points = one.vertices[index]
    nearest = _closest(other, points)
    step = nearest - points
    gap = np.linalg.norm(step, axis=1)
    towards = step / np.maximum(gap, 1e-9)[:, None]
    weight = _fall((away[index] / joint.reach - CORE) / (1.0 - CORE))
    return _Facing(index, gap, towards, weight)


def _set_width(
    bones: dict[str, Mesh], joint: Joint, width: float, spared: tuple[Mesh, ...]
) -> None:
    for _ in range(ROUNDS):
        upper, lower = bones[joint.upper], bones[joint.lower]
        now = joint_width(upper, lower, joint)
        lacking = width - now
        if not np.isfinite(now) or abs(lacking) < TOLERANCE:
            return
        upper = _moved(upper, lower, joint, now, lacking, spared)
        lower = _moved(lower, upper, joint, now, lacking, spared)
        bones[joint.upper], bones[joint.lower] = upper, lower


def _moved(
    one: Mesh, other: Mesh, joint: Joint, now: float, lacking: float, spared: tuple[Mesh, ...]
) -> Mesh:
    """Move one surface by half of what a joint lacks; negative where it is too wide."""
    side = _facing(one, other, joint)
    normals = vertex_normals(one)[side.index]
    faces = np.clip(np.einsum("ij,ij->i", normals, side.towards) / 0.5, 0.0, 1.0)
    fades = _fall((side.gap - now) / (NEAR + abs(lacking)))
    step = -0.5 * lacking * (fades * faces * side.weight)[:, None] * normals
    return _stepped(one, side.index, step, spared, other)


def _grow_lips(
    bones: dict[str, Mesh], joint: Joint, lip: Osteophyte, spared: tuple[Mesh, ...]
) -> None:
    upper, lower = bones[joint.upper], bones[joint.lower]
    side = _facing(upper, lower, joint)
    if len(side.index) == 0:
        return
    core = side.gap < side.width + 1.0
    axis = side.towards[core].mean(axis=0)
    axis /= np.linalg.norm(axis)
    across = np.cross(axis, (0.0, 1.0, 0.0))
    across /= np.linalg.norm(across)
    angle = np.radians(lip.angle_deg)
    out = np.cos(angle) * across + np.sin(angle) * np.cross(axis, across)
    for name, opposite, way in (
        (joint.upper, joint.lower, axis),
        (joint.lower, joint.upper, -axis),
    ):
        one, other = bones[name], bones[opposite]
        here = _facing(one, other, joint)
        rim = here.gap < here.width + 2.5
        if not rim.any():
            continue
        points = one.vertices[here.index]
        place = np.flatnonzero(rim)[np.argmax(points[rim] @ out)]
        bump = np.exp(-0.5 * (np.linalg.norm(points - points[place], axis=1) / LIP_SD) ** 2)
        # each lip closes half of its share; how far it protrudes is not limited
        closing = 0.5 * lip.bridges * np.minimum(here.gap, here.gap[place])
        step = bump[:, None] * (lip.size_mm * out + closing[:, None] * way)
        bones[name] = _stepped(one, here.index, step, spared, other)


def _stepped(
    mesh: Mesh, index: NDArray[np.intp], step: Array, spared: tuple[Mesh, ...], opposite: Mesh
) -> Mesh:
    """Move some vertices, no farther than the spared surfaces and the other bone allow."""
    length = np.linalg.norm(step, axis=1)
    moving = length > 1e-9
    index, step, length = index[moving], step[moving], length[moving]
    points = mesh.vertices[index]
    share = np.ones(len(index))
    if len(index):
        for other in spared:
            share = np.minimum(share, _allowed(points, step, other, CLEAR))
        share = np.minimum(share, _allowed(points, step, opposite, APART))
    vertices = mesh.vertices.copy()
    vertices[index] = points + share[:, None] * step
    return replace(mesh, vertices=vertices)


def _allowed(points: Array, step: Array, other: Mesh, clear: float) -> Array:
    """Return the share of their steps, 0 to 1, that keeps points clear of a surface, mm."""
    length = np.linalg.norm(step, axis=1)
    before = _closest(other, points) - points
    room = np.maximum(np.linalg.norm(before, axis=1) - clear, 0.0)
    nearer = np.einsum("ij,ij->i", step, before) > 0.0
    after = np.linalg.norm(_closest(other, points + step) - points - step, axis=1)
    near = nearer & ((after < clear + 0.5 * length) | (length > room))
    return np.where(near, np.minimum(room / length, 1.0), 1.0)


def vertex_normals(mesh: Mesh) -> Array:
    """Compute outward unit normals of vertices, weighted by the triangles' areas.

    Parameters
    ----------
    mesh : Mesh
        The mesh.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors.
    """
    corners = mesh.vertices[mesh.triangles]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(total, mesh.triangles[:, k], flat)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1), 1e-12)[:, None])


def _closest(mesh: Mesh, points: Array) -> Array:
    """Return the surface's nearest points to points (n, 3); far away where it is beyond LOOKED."""
    o3d = import_open3d()

    if len(points) == 0:
        return np.zeros((0, 3))
    low, high = points.min(axis=0) - LOOKED, points.max(axis=0) + LOOKED
    near = np.all((mesh.vertices > low) & (mesh.vertices < high), axis=1)
    triangles = mesh.triangles[near[mesh.triangles].any(axis=1)]
    if len(triangles) == 0:
        return points + 1e3
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)),
        o3d.core.Tensor(triangles.astype(np.uint32)),
    )
    found = scene.compute_closest_points(o3d.core.Tensor(points.astype(np.float32)))
    return np.asarray(found["points"].numpy(), float)


def _fall(t: Array) -> Array:
    """Return 1 up to 0, 0 from 1 on, smooth between."""
    u = np.clip(t, 0.0, 1.0)
    return np.asarray(1.0 - u * u * (3.0 - 2.0 * u))
