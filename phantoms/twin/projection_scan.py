"""A neck in the second CT simulator: same surfaces and truth, other physics and materials."""

from __future__ import annotations

import numpy as np

from phantoms.anatomy.standard_neck import Anatomy
from phantoms.twin.ct_fill import Grid
from phantoms.twin.ct_section import Surface
from phantoms.twin.ct_skin import drawn
from phantoms.twin.projection_ct import Geometry, Materials, Progress, projection_ct
from phantoms.twin.scan import Scan
from phantoms.twin.scan_anatomy import moved_surface, scan_anatomy
from phantoms.twin.scan_head import sketched_bones, skin
from phantoms.twin.scan_parameters import ScanParameters
from phantoms.twin.scan_soft import AIRWAY
from phantoms.twin.scan_truth import scan_truth


def draw_materials(seed: int) -> Materials:
    """Draw random materials, from other ranges than those of `draw_scan`.

    Parameters
    ----------
    seed : int
        Of the draws.

    Returns
    -------
    Materials
        The materials.
    """
    rng = np.random.default_rng([seed, 604])
    return Materials(
        tissue=float(rng.uniform(1.03, 1.06)),
        fat=float(rng.uniform(0.89, 0.93)),
        fat_mm=float(rng.uniform(3.0, 8.0)),
        csf=float(rng.uniform(1.0, 1.015)),
        cord=float(rng.uniform(1.03, 1.045)),
        bone=float(rng.uniform(0.30, 0.65)),
        marrow=float(rng.uniform(0.04, 0.18)),
        cortex_mm=float(rng.uniform(0.6, 1.5)),
        iodine=float(rng.uniform(7.0, 16.0)),
    )


def projection_scan(
    anatomy: Anatomy,
    scan: ScanParameters,
    materials: Materials | None = None,
    geometry: Geometry | None = None,
    progress: Progress | None = None,
) -> Scan:
    """Simulate a neck by projections.

    Parameters
    ----------
    anatomy : Anatomy
        Whose surfaces are seen.
    scan : ScanParameters
        Joints, arteries' widths, pose of the patient and range of heights are taken from it;
        voxels, kernel, noise and CT numbers are this simulator's own.
    materials : Materials, optional
        Drawn by the scan's seed where none are given.
    geometry : Geometry, optional
        Of the projections.
    progress : callable, optional
        Called with the number of slices done and of all slices.

    Returns
    -------
    Scan
        CT numbers and ground truth.
    """
    g = geometry or Geometry()
    found = scan_anatomy(anatomy, scan)
    turn, p = found.scan_from_anatomy, anatomy.parameters
    outside = skin(p)
    others = [s for s in sketched_bones(p) if not s.name.startswith("mastoid")]
    seen = [moved_surface(s, turn) for s in [outside, *found.structures, *others, _airway()]]
    shift, view = np.asarray(scan.view.shift_mm), scan.view
    centre = shift[:2] + view.centre_mm
    volume = projection_ct(
        seen,
        shift[2] + view.low_mm,
        shift[2] + view.high_mm,
        centre,
        materials or draw_materials(scan.seed),
        g,
        scan.seed,
        progress,
    )
    z, y, x = volume.values.shape
    grid = Grid(volume.origin, volume.spacing, (x, y, z))
    return Scan(volume, scan_truth(found, outside, scan, grid), scan)


def _airway() -> Surface:
    """Return larynx and pharynx in the anatomy's frame."""
    heights, ys, wide, deep = (np.array(row) for row in AIRWAY)
    t = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    rings = []
    for z in np.arange(heights[0], heights[-1], 1.5):
        y, a, b = (np.interp(z, heights, row) for row in (ys, wide, deep))
        rings.append(np.column_stack([a * np.cos(t), y + b * np.sin(t), np.full(len(t), z)]))
    return drawn("airway", "other", np.array(rings))
