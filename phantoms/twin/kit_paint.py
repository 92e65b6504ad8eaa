"""A printed kit's materials painted as CT numbers: means over voxels, before any blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.mesh import Array, Mesh
from phantoms.twin.ct_fill import Fraction, Grid, filled

Values = NDArray[np.float32]  # (z, y, x)
AIR = -1000.0
COUCH_HU, COUCH_WALL, COUCH_BENT = -550.0, 2.0, 240.0  # HU; a carbon shell, mm; its radius, mm
MOST_DEPTH = 6.0  # mm


@dataclass(frozen=True)
class KitMaterials:
    """CT numbers at 120 kV, and how parts are printed.

    Parameters
    ----------
    plastic : float
        Of a wall, HU (resin 117, 10.1007/s10278-020-00358-6; filled ones more).
    gel, water : float
        HU.
    cast : float
        The cord's silicone, HU.
    tube : float
        Wall of the arteries, HU.
    lumen : float
        Filling of the arteries, HU.
    wire : float
        Wire in them, HU.
    wall_mm : float
        Wall of a print, mm.
    infill : float
        Share of plastic inside a print; air is between.
    line_mm : float
        Width of a line, mm.
    tube_wall_mm : float
        Wall of a tube, mm.
    wire_mm : float
        Diameter of the wire, mm; 0 for none.
    """

    plastic: float = 117.0
    gel: float = 30.0
    water: float = 0.0
    cast: float = 170.0
    tube: float = 170.0
    lumen: float = 300.0
    wire: float = 2200.0
    wall_mm: float = 1.4
    infill: float = 0.2
    line_mm: float = 0.45
    tube_wall_mm: float = 1.0
    wire_mm: float = 0.0


@dataclass(frozen=True)
class LyingPart:
    """A printed part as it lies in the scan.

    Attributes
    ----------
    name : str
        Name of the part.
    mesh : Mesh
        Scan frame, mm.
    scan_from_part : RigidTransform
        From the part's frame on the printer's bed.
    """

    name: str
    mesh: Mesh
    scan_from_part: RigidTransform


@dataclass(frozen=True)
class LyingSoft:
    """What is poured, cast or drawn in, as it lies in the scan.

    Attributes
    ----------
    name, role : str
        Of the structure.
    mesh : Mesh
        Scan frame, mm.
    """

    name: str
    role: str
    mesh: Mesh


def painted_kit(
    soft: Sequence[LyingSoft],
    parts: Sequence[LyingPart],
    m: KitMaterials,
    grid: Grid,
    bubbles: int,
    couch: bool,
    seed: int,
) -> Values:
    """Paint a kit as CT numbers.

    Parameters
    ----------
    soft : sequence of LyingSoft
        Gel, water, cord and arteries.
    parts : sequence of LyingPart
        Printed parts.
    m : KitMaterials
        CT numbers.
    grid : Grid
        The grid, scan frame.
    bubbles : int
        Number of air bubbles in the gel.
    couch : bool
        Whether a couch is under the kit.
    seed : int
        Of the bubbles.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    values = np.full(grid.shape, AIR, np.float32)
    if couch:
        _couch(values, grid, np.vstack([p.mesh.vertices for p in parts]))
    roles = {role: [s for s in soft if s.role == role] for role in ("skin", "dura", "artery")}
    cords = [s for s in soft if s.role == "cord" and "cord" not in {p.name for p in parts}]
    for s in roles["skin"]:
        _put(values, s.mesh, grid, m.gel)
        _bubbles(values, s.mesh, grid, bubbles, seed)
    for s in roles["dura"]:
        _put(values, s.mesh, grid, m.water)
    for part in parts:
        _part(values, part, m, grid)
    for s in cords:
        _put(values, s.mesh, grid, m.cast)
    for s in roles["artery"]:
        _tube(values, s.mesh, m, grid)
    return values


def _put(values: Values, mesh: Mesh, grid: Grid, hu: float) -> None:
    window = grid.around(mesh.vertices)
    if _empty(window):
        return
    share = filled(mesh.vertices, mesh.triangles, grid, window)
    values[window] += share * (np.float32(hu) - values[window])


def _part(values: Values, part: LyingPart, m: KitMaterials, grid: Grid) -> None:
    window = grid.around(part.mesh.vertices)
    if _empty(window):
        return
    share = filled(part.mesh.vertices, part.mesh.triangles, grid, window)
    depth, points = _depth(part.mesh, share, grid, window)
    on_bed = part.scan_from_part.inv().apply(points.astype(float))
    size = float(np.cbrt(np.prod(grid.spacing)))
    lines = _infill(on_bed, m, size)
    dense = np.clip((m.wall_mm - depth) / size + 0.5, 0.0, 1.0)
    plastic = dense + (1.0 - dense) * lines
    inside = np.zeros(share.shape, np.float32)
    inside[share > 0] = AIR + plastic * (m.plastic - AIR)
    values[window] += share * (inside - values[window])


def _infill(on_bed: Array, m: KitMaterials, size: float) -> Array:
    """Return the share of plastic (n,) between the walls: crossed lines, the mean of two layers."""
    if m.infill >= 1.0:
        return np.ones(len(on_bed))
    period = m.line_mm / m.infill
    shares = []
    for way in ((1.0, 1.0), (1.0, -1.0)):
        along = (on_bed[:, :2] @ np.array(way)) / np.sqrt(2.0)
        off = np.abs(np.mod(along, period) - 0.5 * period)
        # the mean over a voxel of a line that passes it
        low, high = (
            np.maximum(off - size / 2, -m.line_mm / 2),
            np.minimum(off + size / 2, m.line_mm / 2),
        )
        shares.append(np.clip((high - low) / size, 0.0, 1.0))
    return np.asarray(0.5 * (shares[0] + shares[1]))


def _tube(values: Values, mesh: Mesh, m: KitMaterials, grid: Grid) -> None:
    window = grid.around(mesh.vertices)
    if _empty(window):
        return
    share = filled(mesh.vertices, mesh.triangles, grid, window)
    depth, _ = _depth(mesh, share, grid, window)
    size = float(np.cbrt(np.prod(grid.spacing)))
    wall = np.clip((m.tube_wall_mm - depth) / size + 0.5, 0.0, 1.0)
    hu = m.lumen + wall * (m.tube - m.lumen)
    if m.wire_mm > 0.0:
        middle = float(depth.max(initial=0.0)) - m.wire_mm / 2
        wire = np.clip((depth - middle) / size + 0.5, 0.0, 1.0)
        hu = hu + wire * (m.wire - hu)
    inside = np.zeros(share.shape, np.float32)
    inside[share > 0] = hu
    values[window] += share * (inside - values[window])


def _bubbles(values: Values, gel: Mesh, grid: Grid, count: int, seed: int) -> None:
    """Add air bubbles to the gel."""
    rng = np.random.default_rng([seed, 67])
    middle, size = gel.vertices.mean(axis=0), np.ptp(gel.vertices, axis=0)
    for _ in range(count):
        at = middle + 0.3 * size * rng.uniform(-1.0, 1.0, 3)
        radius = float(rng.uniform(0.5, 2.5))
        window = grid.around(np.array([at - radius, at + radius]))
        if _empty(window):
            continue
        off = np.linalg.norm(grid.points(window) - at.astype(np.float32), axis=-1)
        voxel = float(np.cbrt(np.prod(grid.spacing)))
        share = np.clip((radius - off) / voxel + 0.5, 0.0, 1.0)
        values[window] += share * (np.float32(AIR) - values[window])


def _couch(values: Values, grid: Grid, vertices: Array) -> None:
    """Add a curved shell under the phantom."""
    lowest, middle = float(vertices[:, 1].max()) + 4.0, float(vertices[:, 0].mean())
    y = grid.origin[1] + grid.spacing[1] * np.arange(grid.size[1])
    x = grid.origin[0] + grid.spacing[0] * np.arange(grid.size[0])
    off = np.abs(np.hypot(x[None, :] - middle, y[:, None] - (lowest - COUCH_BENT)) - COUCH_BENT)
    share = np.clip((COUCH_WALL / 2 - off) / float(grid.spacing[0]) + 0.5, 0.0, 1.0)
    share = share * (y[:, None] > lowest - 60.0)
    values += share.astype(np.float32) * (np.float32(COUCH_HU) - values)


def _depth(
    mesh: Mesh, share: Fraction, grid: Grid, window: tuple[slice, slice, slice]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the depth below the surface (n,) of the n voxels with a share, and their centres."""
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)),
        o3d.core.Tensor(mesh.triangles.astype(np.uint32)),
    )
    points = grid.points(window)[share > 0]
    depth = scene.compute_distance(o3d.core.Tensor(points)).numpy()
    outside = share[share > 0] < 0.5
    return np.minimum(np.where(outside, -depth, depth), MOST_DEPTH), points


def _empty(window: Sequence[slice]) -> bool:
    return any(w.stop <= w.start for w in window)
