"""Vessels as a scan shows them: contrast that decays, clots, calcified walls, veins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from nav.core.frames import Array
from phantoms.anatomy.mesh import Mesh
from phantoms.twin.ct_fill import Grid, filled
from phantoms.twin.ct_section import Surface
from phantoms.twin.ct_skin import drawn
from phantoms.twin.scan_anatomy import ScanAnatomy, artery_side, moved_surface
from phantoms.twin.scan_bone import spread
from phantoms.twin.scan_joints import vertex_normals
from phantoms.twin.scan_parameters import ScanParameters
from phantoms.twin.scan_soft import BLOOD

Values = NDArray[np.float32]  # (z, y, x)
CALCIUM, CLOT = 1100.0, 55.0  # HU
ENTERS = -60.0  # mm, height at which contrast has its full strength
COURSE = (-58.0, 26.0)  # mm, heights of the arteries' own course
# Veins: heights between which they surround the artery, and those in the canal, mm; most and usual
# thickness, mm.
ROUND_ARTERY, IN_CANAL = (-4.0, 24.0), (-60.0, 20.0)
THICK, IN_CANAL_THICK = 2.6, 1.5
PLAQUE = (1.6, 1.0, 0.55)  # mm: half of its length, width, depth


@dataclass(frozen=True)
class Plaque:
    """A calcified place in an artery's wall.

    Attributes
    ----------
    artery : str
        Name of the artery.
    middle : ndarray, shape (3,)
        Its centre, anatomy's frame, mm.
    surface : Surface
        Anatomy's frame, mm.
    """

    artery: str
    middle: Array
    surface: Surface


def artery_hu(name: str, points: Array, scan: ScanParameters) -> Values:
    """Compute the CT numbers inside an artery.

    Parameters
    ----------
    name : str
        Name of the artery.
    points : ndarray, shape (n, 3)
        Anatomy's frame, mm.
    scan : ScanParameters
        What the scan is drawn with.

    Returns
    -------
    ndarray of float32, shape (n,)
        HU.
    """
    c, side = scan.contrast, artery_side(name)
    k = 0 if side is None else side
    if c.phase == "none":
        return np.full(len(points), BLOOD, np.float32)
    hu = np.maximum(c.artery_hu[k] - c.decay_hu_per_mm * (points[:, 2] - ENTERS), BLOOD)
    if c.state[k] == "occluded":
        hu = np.where(points[:, 2] > occluded_above(scan), CLOT, hu)
    return np.asarray(hu, np.float32)


def occluded_above(scan: ScanParameters) -> float:
    """Compute the height above which an occluded artery contains no contrast.

    Parameters
    ----------
    scan : ScanParameters
        What the scan is drawn with.

    Returns
    -------
    float
        Anatomy's frame, mm; -inf for all of it.
    """
    share = scan.contrast.occluded_from
    return -np.inf if share == 0.0 else COURSE[0] + share * (COURSE[1] - COURSE[0])


def plaques(found: ScanAnatomy, scan: ScanParameters) -> tuple[Plaque, ...]:
    """Draw calcified places by the scan's seed.

    Parameters
    ----------
    found : ScanAnatomy
        The surfaces.
    scan : ScanParameters
        What the scan is drawn with.

    Returns
    -------
    tuple of Plaque
        Anatomy's frame.
    """
    rng = np.random.default_rng([scan.seed, 90])
    arteries = [s for s in found.structures if s.name.startswith("vertebral artery")]
    made = []
    for k in range(scan.contrast.plaques if arteries else 0):
        s = arteries[int(rng.integers(len(arteries)))]
        inside = np.flatnonzero((s.vertices[:, 2] > COURSE[0]) & (s.vertices[:, 2] < COURSE[1]))
        at = int(rng.choice(inside))
        normal = vertex_normals(Mesh(s.vertices, s.triangles))[at]
        size = np.array(PLAQUE) * float(rng.uniform(0.7, 1.6))
        middle = s.vertices[at] - 0.8 * size[2] * normal
        made.append(Plaque(s.name, middle, _flat(f"plaque {k}", middle, normal, size)))
    return tuple(made)


def paint_veins(values: Values, found: ScanAnatomy, scan: ScanParameters, grid: Grid) -> None:
    """Paint the plexus around the artery on C1 and in the canal.

    Bone, sac and arteries are painted over it later.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
        HU, changed in place.
    found : ScanAnatomy
        The surfaces.
    scan : ScanParameters
        What the scan is drawn with.
    grid : Grid
        The grid, scan frame.
    """
    hu = scan.contrast.plexus_hu
    if hu == 0.0:
        return
    for s in found.structures:
        if s.name.startswith("vertebral artery"):
            _coat(values, s, found, grid, hu, ROUND_ARTERY, THICK)
        elif s.role == "dura":
            _coat(values, s, found, grid, hu, IN_CANAL, IN_CANAL_THICK, in_front=True)


def paint_arteries(values: Values, found: ScanAnatomy, scan: ScanParameters, grid: Grid) -> None:
    """Paint lumen, clot and calcium.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
        HU, changed in place.
    found : ScanAnatomy
        The surfaces.
    scan : ScanParameters
        What the scan is drawn with.
    grid : Grid
        The grid, scan frame.
    """
    turn = found.scan_from_anatomy
    for s in found.structures:
        if s.role != "artery":
            continue
        lies = moved_surface(s, turn)
        window = grid.around(lies.vertices)
        if any(w.stop <= w.start for w in window):
            continue
        share = filled(lies.vertices, lies.triangles, grid, window)
        inside = share > 0
        here = turn.inv().apply(grid.points(window)[inside])
        part = values[window]
        part[inside] += share[inside] * (artery_hu(s.name, here, scan) - part[inside])
    for plaque in plaques(found, scan):
        lies = moved_surface(plaque.surface, turn)
        window = grid.around(lies.vertices)
        if all(w.stop > w.start for w in window):
            share = filled(lies.vertices, lies.triangles, grid, window)
            values[window] += share * (np.float32(CALCIUM) - values[window])


def _coat(
    values: Values,
    s: Surface,
    found: ScanAnatomy,
    grid: Grid,
    hu: float,
    heights: tuple[float, float],
    most: float,
    in_front: bool = False,
) -> None:
    """Add veins of uneven thickness on a surface, between two heights of the anatomy's frame."""
    lies = moved_surface(s, found.scan_from_anatomy)
    margin = int(np.ceil((most + 1.0) / float(grid.spacing.min())))
    window = grid.around(lies.vertices, margin)
    if any(w.stop <= w.start for w in window):
        return
    share = filled(lies.vertices, lies.triangles, grid, window)
    off = distance_transform_edt(share <= 0.5, grid.spacing[::-1])
    off -= 0.5 * float(grid.spacing.min())
    near = (off < most + 1.0) & (share < 1.0)
    here = found.scan_from_anatomy.inv().apply(grid.points(window)[near]).astype(np.float32)
    thick = most * np.clip(0.45 + 0.9 * spread(here, (5.0, 5.0, 7.0)), 0.0, 1.0)
    low, high = heights
    thick *= np.clip(np.minimum(here[:, 2] - low, high - here[:, 2]) / 3.0, 0.0, 1.0)
    if in_front:
        # in the canal they lie before and beside the sac
        middle = float(np.median(s.vertices[:, 1]))
        thick *= np.clip((middle + 2.0 - here[:, 1]) / 4.0, 0.0, 1.0)
    inside = np.clip((thick - off[near]) / 0.6 + 0.5, 0.0, 1.0) * (thick > 0.2)
    part = values[window]
    part[near] += inside.astype(np.float32) * (np.float32(hu) - part[near])


def _flat(name: str, middle: Array, normal: Array, size: Array) -> Surface:
    """Return an ellipsoid in an artery's wall, along it."""
    along = np.array([0.0, 0.0, 1.0]) - normal[2] * normal
    if np.linalg.norm(along) < 0.1:
        along = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    along /= np.linalg.norm(along)
    axes = np.array([np.cross(along, normal), normal, along])
    if np.linalg.det(axes) < 0.0:
        axes[0] *= -1.0
    t = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    rings = []
    for a in np.linspace(-0.47, 0.47, 9) * np.pi:
        local = np.column_stack(
            [
                size[1] * np.cos(a) * np.cos(t),
                size[2] * np.cos(a) * np.sin(t),
                np.full(len(t), size[0] * np.sin(a)),
            ]
        )
        rings.append(middle + local @ axes)
    return drawn(name, "other", np.array(rings))
