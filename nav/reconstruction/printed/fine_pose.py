"""Refinement of a kit's rough pose to the pose of each printed part, below the voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.edges import (
    Edges,
    PoseFit,
    find_edges,
    fit_pose,
    grey_round,
    probed,
    smooth_vertices,
)
from nav.reconstruction.printed.kit import BONES_PART, KitPart, PrintedKit
from nav.reconstruction.printed.kit_location import signed_distance, surface_in_air
from nav.reconstruction.printed.materials import PrintLook, estimate_look
from nav.reconstruction.sampling import as_field
from nav.reconstruction.surface_probe import Grey, Probe
from nav.reconstruction.volume import Array, Volume

CONTACT = 0.9  # mm, of parts that stand on each other
ASKED = 2500  # vertices from which a pose is fitted
LONGEST_EDGE = 3.0  # mm, of triangles of a measured part
AIR_LEVEL, SURELY_AIR = -450.0, -750.0  # HU
AIR_REACHES = (6.0, 5.0, 4.0, 3.0, 2.0, 2.0, 1.5, 1.5)  # mm
AIR_STEP = 0.25  # mm
MATCHED, MATCH_REACH = 0.8, 2.0  # mm, from a surface's designed position; range of the search
ROUNDS = 3  # of edges and pose, for a part
FIRST_SPREAD, SPREAD = 1.0, 0.5  # mm


@dataclass(frozen=True)
class FoundPart:
    """A part in a scan.

    Parameters
    ----------
    part : KitPart
        As designed.
    design : Mesh
        Its surface with even triangles, model frame, mm.
    scan_from_model : RigidTransform
        Its own pose.
    edges : Edges
        Of the surface in that pose.
    fit : PoseFit or None
        What remains in that pose, with the scale along the bed's axes; None where too little of the
        part is seen.
    look : PrintLook
        How the scan shows the print.
    """

    part: KitPart
    design: Mesh
    scan_from_model: RigidTransform
    edges: Edges
    fit: PoseFit | None
    look: PrintLook


def refine_pose(volume: Volume, kit: PrintedKit, pose: RigidTransform) -> RigidTransform:
    """Refine the whole kit's pose by the border of its surface in air.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    kit : PrintedKit
        What was printed.
    pose : RigidTransform
        scan_from_model, to start from.

    Returns
    -------
    RigidTransform
        scan_from_model; the last one where too few points have an edge.
    """
    field = as_field(volume)
    points, normals = surface_in_air(kit)
    for reach in AIR_REACHES:
        p, n = pose.apply(points), pose.rotation.apply(normals)
        at = np.arange(reach, -reach - 1e-9, -AIR_STEP)  # from outside inwards
        profiles = field.at(p[:, None] + at[:, None] * n[:, None])
        bright = profiles > AIR_LEVEL
        first = np.argmax(bright, axis=1)
        rows = np.arange(len(p))
        use = bright.any(axis=1) & (first > 0) & (profiles[:, 0] < SURELY_AIR)
        inner, outer = profiles[rows, first], profiles[rows, np.maximum(first - 1, 0)]
        part = (inner - AIR_LEVEL) / np.maximum(inner - outer, 1.0)
        offset = at[first] + part * AIR_STEP
        if use.sum() < 60:
            return pose
        pose = _point_to_plane(p[use], n[use], offset[use], 0.25 * reach) * pose
    return pose


def matched_share(volume: Volume, kit: PrintedKit, pose: RigidTransform) -> float:
    """Return the share of the kit's surface in air that lies where the pose has it.

    Another neck's kit has a very similar frame; few of its surfaces lie where this one's do.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    kit : PrintedKit
        What was printed.
    pose : RigidTransform
        scan_from_model, refined.

    Returns
    -------
    float
        Share, of the surface within the scan, that begins within MATCHED mm of where the pose
        has it.
    """
    points, normals = surface_in_air(kit)
    p, n = pose.apply(points), pose.rotation.apply(normals)
    at = np.arange(MATCH_REACH, -MATCH_REACH - 1e-9, -0.1)
    profiles = as_field(volume).at(p[:, None] + at[:, None] * n[:, None])
    whole = np.isfinite(profiles).all(axis=1)
    if not whole.any():
        return 0.0
    bright = profiles[whole] > AIR_LEVEL
    first = np.argmax(bright, axis=1)
    found = bright.any(axis=1) & (first > 0) & (np.abs(at[first]) < MATCHED)
    return float(found.mean())


def find_part(
    volume: Volume,
    part: KitPart,
    pose: RigidTransform,
    near: Sequence[Mesh],
    known: PrintLook | None,
) -> FoundPart:
    """Find a part's own pose, and its scale.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    part : KitPart
        As designed.
    pose : RigidTransform
        scan_from_model, approximately.
    near : sequence of Mesh
        What stands near it as designed, model frame, mm.
    known : PrintLook or None
        Of another print in the scan, whose blur is used.

    Returns
    -------
    FoundPart
        Its `fit` is None where too little of the part is seen.
    """
    design = evenly(part.placed)
    grey = grey_round(volume, pose.apply(design.vertices))
    others = [Mesh(pose.apply(mesh.vertices), mesh.triangles) for mesh in near]
    smooth = smooth_vertices(design) & ~touching(design.vertices, near)
    some = _some(smooth)
    axes = part.model_from_part.rotation.as_matrix().T
    look: PrintLook | None = None
    for number in range(ROUNDS):
        probe = _probe(grey, design, pose, others)
        if number <= 1:
            look = estimate_look(probe, grey.volume.spacing, known, smooth)
        assert look is not None
        spread = FIRST_SPREAD if number == 0 else SPREAD
        step = fit_pose(find_edges(grey.volume, probe, look, spread, some))
        if step is None:
            break
        pose = step.motion * pose
    assert look is not None
    edges = find_edges(grey.volume, _probe(grey, design, pose, others), look, SPREAD, smooth)
    return FoundPart(part, design, pose, edges, fit_pose(edges, pose.rotation.apply(axes)), look)


def touching(points: Array, near: Sequence[Mesh]) -> NDArray[np.bool_]:
    """Return which points another part touches, by design.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Model frame, mm.
    near : sequence of Mesh
        Closed surfaces of other parts, model frame, mm.

    Returns
    -------
    ndarray of bool, shape (n,)
        True within CONTACT mm of another part.
    """
    touched = np.zeros(len(points), bool)
    for mesh in near:
        low, high = mesh.vertices.min(axis=0) - CONTACT, mesh.vertices.max(axis=0) + CONTACT
        index = np.flatnonzero(((points > low) & (points < high)).all(axis=1))
        if len(index):
            touched[index] |= signed_distance(mesh, points[index]) < CONTACT
    return touched


def _probe(grey: Grey, design: Mesh, pose: RigidTransform, others: Sequence[Mesh]) -> Probe:
    return probed(grey, Mesh(pose.apply(design.vertices), design.triangles), others, angular=True)


def _some(smooth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return an even subset of the vertices, large enough for a pose."""
    index = np.flatnonzero(smooth)
    chosen = np.zeros(len(smooth), bool)
    chosen[index[np.linspace(0, len(index) - 1, min(ASKED, len(index))).astype(int)]] = True
    return chosen


def evenly(mesh: Mesh) -> Mesh:
    """Refine a closed mesh until no edge is longer than LONGEST_EDGE.

    Parameters
    ----------
    mesh : Mesh
        Closed surface, mm.

    Returns
    -------
    Mesh
        The same surface with more triangles.
    """
    from manifold3d import Manifold, Mesh64  # heavy: only where parts are measured

    solid = Manifold(
        Mesh64(
            np.ascontiguousarray(mesh.vertices, float),
            np.ascontiguousarray(mesh.triangles, np.uint64),
        )
    )
    fine = solid.refine_to_length(LONGEST_EDGE).to_mesh64()
    if not len(fine.tri_verts):
        return mesh
    vertices = np.array(fine.vert_properties, float)[:, :3]
    return Mesh(vertices, np.array(fine.tri_verts, np.int32))


def by_name(found: Sequence[FoundPart]) -> Mapping[str, FoundPart]:
    """Return parts by name.

    Parameters
    ----------
    found : sequence of FoundPart
        In a scan.

    Returns
    -------
    mapping of str to FoundPart
        By name.
    """
    return {f.part.name: f for f in found}


def column_pose(found: Sequence[FoundPart]) -> RigidTransform:
    """Return the pose of the part on which the bones are printed.

    Parameters
    ----------
    found : sequence of FoundPart
        With the bones' part among them.

    Returns
    -------
    RigidTransform
        scan_from_model.
    """
    return by_name(found)[BONES_PART].scan_from_model


def _point_to_plane(points: Array, normals: Array, offset: Array, sd: float) -> RigidTransform:
    centre = points.mean(axis=0)
    rows = np.hstack([normals, np.cross(points - centre, normals)])
    weight = np.ones(len(points))
    solution = np.zeros(6)
    for _ in range(5):
        left = rows.T @ (weight[:, None] * rows) + 1e-6 * np.eye(6)
        solution = np.linalg.solve(left, rows.T @ (weight * offset))
        weight = 1.0 / (1.0 + ((offset - rows @ solution) / sd) ** 2) ** 2
    turn = Rotation.from_rotvec(solution[3:])
    return RigidTransform.from_components(solution[:3] + centre - turn.apply(centre), turn)
