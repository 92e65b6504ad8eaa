"""A scan's surfaces painted as CT numbers: means over voxels, before any blur or noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.twin.ct_fill import Grid, filled
from phantoms.twin.ct_section import Surface
from phantoms.twin.scan_anatomy import ScanAnatomy, moved_surface
from phantoms.twin.scan_bone import bone_values
from phantoms.twin.scan_head import ENAMEL, sketched_bones, skin, teeth
from phantoms.twin.scan_markers import BEAD_HU, Marker, beads
from phantoms.twin.scan_parameters import ScanParameters
from phantoms.twin.scan_soft import BLOOD, Blood, soft_tissue
from phantoms.twin.scan_vessels import paint_arteries, paint_veins

Values = NDArray[np.float32]  # (z, y, x)
AIR, CSF, CORD, METAL = -1000.0, 10.0, 35.0, 14000.0  # HU
COUCH_HU, COUCH_WALL = -550.0, 2.0  # a carbon shell, mm
BRIDGE_RADIUS = 4.5  # mm, of the bone that joins a fused joint
VEINS_ARTERIAL = 120.0  # HU of veins while arteries are filled


@dataclass(frozen=True)
class Painted:
    """CT numbers and metal of a scan.

    Attributes
    ----------
    values : ndarray of float32, shape (z, y, x)
        HU.
    metal : ndarray, shape (n, 3)
        Centres of fillings, scan frame, mm.
    """

    values: Values
    metal: Array


def painted_scan(
    found: ScanAnatomy,
    p: AnatomyParameters,
    scan: ScanParameters,
    grid: Grid,
    markers: Sequence[Marker] = (),
) -> Painted:
    """Paint everything in a scan as CT numbers.

    Parameters
    ----------
    found : ScanAnatomy
        The surfaces.
    p : AnatomyParameters
        Size of the neck, for what is sketched.
    scan : ScanParameters
        What the scan is drawn with.
    grid : Grid
        The grid, scan's frame.
    markers : sequence of Marker, optional
        Glued to the skin, anatomy's frame.

    Returns
    -------
    Painted
        CT numbers and metal.
    """
    scan_from_anatomy = found.scan_from_anatomy
    back = scan_from_anatomy.inv()
    values = np.full(grid.shape, AIR, np.float32)
    if scan.view.couch:
        _couch(values, grid, moved_surface(skin(p), scan_from_anatomy))

    def put(s: Surface, hu: float | None = None) -> None:
        _put(values, moved_surface(s, scan_from_anatomy), grid, hu)

    outside = moved_surface(skin(p), scan_from_anatomy)
    window = grid.around(outside.vertices)
    if _empty(window):
        return Painted(values, np.zeros((0, 3)))
    share = filled(outside.vertices, outside.triangles, grid, window)
    blood = Blood(_blood_at(scan, 40.0), _veins(scan))
    tissue = soft_tissue(outside, grid, window, back, blood)
    values[window] += share * (tissue - values[window])
    paint_veins(values, found, scan, grid)
    for s in found.structures:
        if s.role == "dura":
            put(s, CSF)
    for s in [*found.structures, *found.sketched]:
        if s.role == "cord":
            put(s, CORD)
    _bones(values, found, p, scan, grid)
    metal = _teeth(values, p, scan, grid, scan_from_anatomy)
    paint_arteries(values, found, scan, grid)
    for bead in beads(markers):
        put(bead, BEAD_HU)
    return Painted(values, metal)


def _put(values: Values, s: Surface, grid: Grid, hu: float | None) -> None:
    window = grid.around(s.vertices)
    if hu is None or _empty(window):
        return
    share = filled(s.vertices, s.triangles, grid, window)
    values[window] += share * (np.float32(hu) - values[window])


def _bones(
    values: Values, found: ScanAnatomy, p: AnatomyParameters, scan: ScanParameters, grid: Grid
) -> None:
    turn = found.scan_from_anatomy
    back = turn.inv()
    others = [moved_surface(s, turn) for s in sketched_bones(p)]
    bones = [moved_surface(s, turn) for s in found.structures if s.role == "bone"]
    bridges, open_at = _bridges(found, scan, turn)
    for s in [*others, *bridges, *bones]:
        window = grid.around(s.vertices)
        if _empty(window):
            continue
        share = filled(s.vertices, s.triangles, grid, window)
        cells = 1.0 if s.name.startswith(("mastoid", "temporal")) else 0.0
        if s.name == "sphenoid":
            cells = 1.6
        # a bridge between two bones is entirely spongy
        look = scan.bone
        grown = np.array([[*s.vertices.mean(axis=0), 20.0]]) if s.name == "bridge" else open_at
        inside = bone_values([s], share, grid, window, look, back, cells, grown)
        values[window] += share * (inside - values[window])


def _bridges(
    found: ScanAnatomy, scan: ScanParameters, turn: RigidTransform
) -> tuple[list[Surface], Array | None]:
    """Return the bone that bridges fused joints, and where there is no cortex between them."""
    made, places = [], []
    bones = {s.name: s for s in found.structures if s.role == "bone"}
    for joint in found.joints:
        if joint.name not in scan.fused:
            continue
        sides = []
        for one, other in ((joint.upper, joint.lower), (joint.lower, joint.upper)):
            v = bones[one].vertices
            near = v[np.linalg.norm(v - joint.middle, axis=1) < joint.reach]
            gap, _ = cKDTree(bones[other].vertices).query(near)
            near = near[gap < gap.min() + 0.6]
            sides.append(near[np.linalg.norm(near - near.mean(axis=0), axis=1) < BRIDGE_RADIUS])
        points = np.concatenate(sides)
        hull = ConvexHull(points)
        middle = points.mean(axis=0)
        triangles = hull.simplices.copy()
        corners = points[triangles]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        inward = np.einsum("ij,ij->i", flat, corners.mean(axis=1) - middle) < 0
        triangles[inward] = triangles[inward][:, ::-1]
        bridge = Surface("bridge", "bone", points, triangles.astype(np.int32))
        made.append(moved_surface(bridge, turn))
        radius = float(np.linalg.norm(points - middle, axis=1).max())
        places.append([*turn.apply(middle), radius])
    return made, np.array(places) if places else None


def _teeth(
    values: Values, p: AnatomyParameters, scan: ScanParameters, grid: Grid, turn: RigidTransform
) -> Array:
    metal = []
    for s, filled_with_metal in teeth(p, scan.artefacts.metal, scan.seed):
        lies = moved_surface(s, turn)
        _put(values, lies, grid, METAL if filled_with_metal else 0.8 * ENAMEL)
        if filled_with_metal:
            metal.append(lies.vertices.mean(axis=0))
    return np.array(metal).reshape(-1, 3)


def _blood_at(scan: ScanParameters, rise: float) -> tuple[float, float]:
    c = scan.contrast
    if c.phase == "none":
        return BLOOD, BLOOD
    left, right = (max(hu - rise * c.decay_hu_per_mm, BLOOD) for hu in c.artery_hu)
    return left, right


def _veins(scan: ScanParameters) -> float:
    c = scan.contrast
    return BLOOD if c.phase == "none" else max(c.plexus_hu, VEINS_ARTERIAL)


def _couch(values: Values, grid: Grid, outside: Surface) -> None:
    """Add a curved shell under the patient."""
    v = outside.vertices[np.abs(outside.vertices[:, 2] - np.mean(outside.vertices[:, 2])) < 60.0]
    lowest, middle = float(v[:, 1].max()) + 12.0, float(v[:, 0].mean())
    y = grid.origin[1] + grid.spacing[1] * np.arange(grid.size[1])
    x = grid.origin[0] + grid.spacing[0] * np.arange(grid.size[0])
    off = np.abs(np.hypot(x[None, :] - middle, y[:, None] - (lowest - 240.0)) - 240.0)
    share = np.clip((COUCH_WALL / 2 - off) / float(grid.spacing[0]) + 0.5, 0.0, 1.0)
    share = share * (y[:, None] > lowest - 60.0)
    values += share.astype(np.float32) * (np.float32(COUCH_HU) - values)


def _empty(window: Sequence[slice]) -> bool:
    return any(w.stop <= w.start for w in window)
