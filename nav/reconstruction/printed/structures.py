"""The case's surfaces in a kit's scan: bones by their own poses, all by a smooth displacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.model.case import Structure
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.mesh_fields import adjacency
from nav.reconstruction.printed.displacement import smooth_displacement
from nav.reconstruction.printed.edges import (
    Edges,
    PoseFit,
    find_edges,
    fit_pose,
    grey_round,
    probed,
    smooth_vertices,
)
from nav.reconstruction.printed.fine_pose import FoundPart, touching
from nav.reconstruction.printed.kit import BONES_PART, PrintedKit
from nav.reconstruction.printed.kit_location import signed_distance
from nav.reconstruction.printed.materials import PrintLook, estimate_look
from nav.reconstruction.surface_probe import Probe, profile_places
from nav.reconstruction.surface_safety import crossing_edges
from nav.reconstruction.volume import Array, Volume

PRINTED = ("bone", "support")
OFF_PRINT = {"bone": 0.1, "support": 0.3}  # mm, from the print's surface: more is in a joint
ROUNDS = 2
ROUGHNESS = {"bone": 0.06, "support": 0.06}  # mm per root of mm along the surface
SOFT_ROUGHNESS = 0.12
PRINT_PRIOR = 0.3  # mm, sd of a print from its STL
EDGE_FLOOR = 0.05  # mm, of an edge
# Errors that neighbours share, calibrated on simulated scans: of the voxel; of the posterior's
# sd; and of the blur, for a level that is wrong by SOFT_LEVEL
SYSTEMATIC, SOFT_SYSTEMATIC, SOFT_SPREAD = 0.06, 0.1, 1.5
SOFT_LEVEL = 12.0  # HU
RESTING_SD = 0.2  # mm
LEAST_CONTRAST = 15.0  # HU, of a soft structure, below which the scan does not show it
LEAST_SEEN = 0.25  # share of a surface in the scan, below which its designed position is used


@dataclass(frozen=True)
class FoundStructure:
    """A surface of the case in a scan.

    Parameters
    ----------
    structure : Structure
        As designed.
    vertices : ndarray, shape (n, 3)
        Scan frame, mm.
    triangles : ndarray, shape (m, 3)
        int32.
    sigma : ndarray, shape (n,)
        Standard deviation along the normal, mm.
    scan_from_model : RigidTransform
        Its own pose; that of the column for what is not printed.
    fit : PoseFit or None
        Fit of its pose; None where it was not fitted.
    edges : Edges
        As seen, about that pose.
    seen : float
        Share of it that the scan shows.
    """

    structure: Structure
    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    scan_from_model: RigidTransform
    fit: PoseFit | None
    edges: Edges
    seen: float

    @property
    def measured(self) -> bool:
        """Return whether the scan, rather than the kit, determines its position."""
        return self.seen >= LEAST_SEEN


def find_structures(
    volume: Volume, kit: PrintedKit, parts: Sequence[FoundPart]
) -> list[FoundStructure]:
    """Find all of a kit's structures in a scan.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    kit : PrintedKit
        What was printed.
    parts : sequence of FoundPart
        In the scan, with the bones' part among them.

    Returns
    -------
    list of FoundStructure
        In the order of the kit's case.
    """
    column = next(p for p in parts if p.part.name == BONES_PART)
    pose = column.scan_from_model
    placed = {s.name: mesh_of(s, pose) for s in kit.case.structures}
    found = []
    for s in kit.case.structures:
        others = [mesh for name, mesh in placed.items() if name != s.name and _near(s, name, kit)]
        if s.role != "bone":
            others += [_lying(p) for p in parts if p.part.name not in (BONES_PART, s.name)]
        if s.role in PRINTED:
            found.append(_printed(volume, kit, s, column, others))
        else:
            found.append(_soft(volume, kit, s, column, others, parts))
    return found


def mesh_of(structure: Structure, pose: RigidTransform) -> Mesh:
    """Return a structure's surface in a pose.

    Parameters
    ----------
    structure : Structure
        Of the case.
    pose : RigidTransform
        From the case's frame.

    Returns
    -------
    Mesh
        In the frame that the pose maps to, mm.
    """
    surface = structure.surface
    return Mesh(pose.apply(surface.vertices), np.asarray(surface.triangles, np.int32))


def _lying(found: FoundPart) -> Mesh:
    part = found.part.placed
    return Mesh(found.scan_from_model.apply(part.vertices), part.triangles)


def _near(structure: Structure, other: str, kit: PrintedKit) -> bool:
    """Return whether another structure bounds the outside of this one."""
    role = next(s.role for s in kit.case.structures if s.name == other)
    if role == "skin" or structure.role == "skin":
        return False
    return not (structure.role == "cord" and role == "dura")


def _printed(
    volume: Volume, kit: PrintedKit, s: Structure, column: FoundPart, others: Sequence[Mesh]
) -> FoundStructure:
    pose, look = column.scan_from_model, column.look
    off = signed_distance(kit.part(BONES_PART).placed, np.asarray(s.surface.vertices, float))
    joined = np.abs(off) > OFF_PRINT[s.role]
    joined |= touching(s.surface.vertices, _parts_but(kit, BONES_PART))
    grey = grey_round(volume, mesh_of(s, pose).vertices)
    fit = None
    if s.role == "bone":
        for _ in range(ROUNDS):
            edges = find_edges(
                grey.volume, probed(grey, mesh_of(s, pose), others), look, 0.5, joined=joined
            )
            step = fit_pose(edges)
            if step is None:
                break
            fit, pose = step, step.motion * pose
    edges = find_edges(
        grey.volume, probed(grey, mesh_of(s, pose), others), look, 0.4, joined=joined
    )
    prior = min(PRINT_PRIOR, max(s.sigma, 0.1))
    return _moved(volume, s, pose, fit, edges, look, prior, ROUGHNESS[s.role])


def _soft(
    volume: Volume,
    kit: PrintedKit,
    s: Structure,
    column: FoundPart,
    others: Sequence[Mesh],
    parts: Sequence[FoundPart],
) -> FoundStructure:
    pose = column.scan_from_model
    if s.role == "cord":  # of a dry kit, printed
        pose = next((p.scan_from_model for p in parts if p.part.name == "cord"), pose)
    mesh = mesh_of(s, pose)
    usable = smooth_vertices(mesh)
    # gel ends at every part; tubes and sac only touch the bones
    apart = (s.name,) if s.role == "skin" else (s.name, BONES_PART)
    usable &= ~touching(s.surface.vertices, _parts_but(kit, *apart))
    grey = grey_round(volume, mesh.vertices)
    look = estimate_look(probed(grey, mesh, others), grey.volume.spacing, column.look, usable)
    probe = probed(grey, mesh, others)
    if _contrast(probe, usable) < LEAST_CONTRAST:
        usable = np.zeros_like(usable)
    edges = find_edges(grey.volume, probe, look, max(s.sigma, 0.3), usable)
    placed = mesh.vertices
    if edges.seen.mean() >= LEAST_SEEN:
        known = _resting(edges, placed) if s.role == "skin" else edges
        rough = _displaced(known, look, max(s.sigma, 0.1), SOFT_ROUGHNESS)
        mesh = Mesh(_uncrossed(mesh, rough[0]), mesh.triangles)
        look = estimate_look(probed(grey, mesh, others), grey.volume.spacing, column.look, usable)
        edges = find_edges(grey.volume, probed(grey, mesh, others), look, 0.4, usable)
    hidden = ~edges.seen
    if s.role == "skin" and not hidden.all():
        edges = _resting(edges, placed)
    found = _moved(volume, s, pose, None, edges, look, max(s.sigma, 0.1), SOFT_ROUGHNESS)
    if s.role == "skin":
        sigma = np.where(hidden, np.maximum(found.sigma, s.sigma), found.sigma)
        return replace(found, sigma=sigma, seen=float((~hidden).mean()))
    return found


def _resting(edges: Edges, placed: Array) -> Edges:
    """Return edges of gel that is taken to be at its designed position where it is not seen.

    There it rests on the base, and lies as the base does.
    """
    hidden = ~edges.seen
    back = ((placed - edges.probe.vertices) * edges.probe.normals).sum(axis=1)
    sd = np.where(hidden, RESTING_SD, edges.sd)
    return replace(edges, offset=np.where(hidden, back, edges.offset), sd=sd)


def _parts_but(kit: PrintedKit, *names: str) -> list[Mesh]:
    return [part.placed for part in kit.parts if part.name not in names]


def _contrast(probe: Probe, usable: NDArray[np.bool_]) -> float:
    """Return the median step of grey values at a surface, HU, where nothing else is near."""
    at = profile_places()
    free = usable & ~np.isfinite(probe.gap)
    if not free.any():
        return 0.0
    inner = probe.profiles[:, (at > -1.3) & (at < -0.4)].mean(axis=1)
    outer = probe.profiles[:, at > 1.0].mean(axis=1)
    return float(abs(np.median(inner[free] - outer[free])))


def _displaced(
    edges: Edges, look: PrintLook, prior: float, roughness: float
) -> tuple[Array, Array]:
    correlation = max(look.blur_xy, look.blur_z)
    found = smooth_displacement(edges, prior, roughness, 2.0 * correlation, EDGE_FLOOR)
    return found.by, found.sd


def _moved(
    volume: Volume,
    s: Structure,
    pose: RigidTransform,
    fit: PoseFit | None,
    edges: Edges,
    look: PrintLook,
    prior: float,
    roughness: float,
) -> FoundStructure:
    by, sd = _displaced(edges, look, prior, roughness)
    mesh = Mesh(edges.probe.vertices, edges.probe.triangles)
    vertices = _uncrossed(mesh, by)
    voxel = float(volume.spacing.mean())
    pose_sd = 0.0 if fit is None else float(np.sqrt(np.trace(fit.covariance[:3, :3]) / 3.0))
    if s.role in PRINTED:
        sigma = np.sqrt(sd**2 + (SYSTEMATIC * voxel) ** 2 + pose_sd**2)
    else:
        seen_at = edges.contrast[edges.seen]
        contrast = float(np.median(seen_at)) if len(seen_at) else SOFT_LEVEL
        level = max(look.blur_xy, look.blur_z) * SOFT_LEVEL / max(contrast, SOFT_LEVEL)
        sigma = np.sqrt((SOFT_SPREAD * sd) ** 2 + (SOFT_SYSTEMATIC * voxel) ** 2 + level**2)
        if edges.seen.mean() < LEAST_SEEN:
            sigma = np.maximum(sigma, s.sigma)
    seen = float(edges.seen.mean())
    return FoundStructure(s, vertices, mesh.triangles, sigma, pose, fit, edges, seen)


def _uncrossed(mesh: Mesh, by: Array) -> Array:
    """Return moved vertices, moved less where the surface would cross itself."""
    graph = adjacency(len(by), mesh.triangles)
    before = crossing_edges(mesh.vertices, mesh.triangles)
    if len(before):
        return np.asarray(mesh.vertices + by)
    for number in range(5):
        crossing = crossing_edges(mesh.vertices + by, mesh.triangles)
        if not len(crossing):
            break
        bad = np.zeros(len(by))
        bad[crossing.ravel()] = 1.0
        for _ in range(2 + number):
            bad = np.maximum(bad, (graph @ bad > 0.0).astype(float))
        around = (graph @ by) / np.maximum(np.asarray(graph.sum(axis=1)), 1.0)[:, None]
        by = np.where(bad[:, None] > 0.0, around * (0.9 if number < 3 else 0.0), by)
    return np.asarray(mesh.vertices + by)
