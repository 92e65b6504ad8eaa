"""A simulated CT of an anatomy as a scanner shows it, with the truth of what lies in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.errors import InputError
from nav.frames import Array
from phantoms.anatomy.standard import Anatomy
from phantoms.twin.ct import MOST_VOXELS, CtVolume
from phantoms.twin.ct_fill import Grid
from phantoms.twin.scan_anatomy import scan_anatomy
from phantoms.twin.scan_kernel import blurred
from phantoms.twin.scan_noise import noise
from phantoms.twin.scan_paint import painted_scan
from phantoms.twin.scan_parameters import ScanParameters
from phantoms.twin.scan_truth import ScanTruth, scan_truth

FINEST = 0.62  # mm: coarser voxels are painted in parts
LOWEST, HIGHEST = -1024, 3071  # HU that twelve bits hold


@dataclass(frozen=True)
class Scan:
    """A volume and what is true of it; the surfaces lie in the volume's frame."""

    volume: CtVolume
    truth: ScanTruth
    parameters: ScanParameters


def simulate_scan(anatomy: Anatomy, scan: ScanParameters) -> Scan:
    """Simulate a CT of an anatomy.

    Parameters
    ----------
    anatomy : whose bones, cord, sac and arteries are seen; what surrounds them is sketched.
    scan : what it is drawn with, for example `draw_scan`.

    Returns
    -------
    Scan
        CT numbers, and the surfaces as they lie in the volume.

    Raises
    ------
    InputError
        A volume that would be too large.
    """
    found = scan_anatomy(anatomy, scan)
    grid = _grid(scan)
    parts = np.maximum(1, np.ceil(grid.spacing / FINEST)).astype(int)
    fine = Grid(
        grid.origin,
        grid.spacing / parts,
        tuple(int((n - 1) * k + 1) for n, k in zip(grid.size, parts, strict=True)),  # type: ignore[arg-type]
    )
    painted = painted_scan(found, anatomy.parameters, scan, fine)
    values = blurred(painted.values, fine.spacing, scan.kernel)[
        :: parts[2], :: parts[1], :: parts[0]
    ].copy()
    if scan.artefacts.noise_hu > 0.0:
        level = np.full((1, 1, 1, 1), scan.artefacts.noise_hu, np.float32)
        values += noise(values.shape, grid.spacing, scan.kernel, level, scan.seed)
    a = scan.artefacts
    values = a.scale * (values + 1000.0) - 1000.0 + a.offset_hu
    whole = np.clip(np.rint(values), LOWEST, HIGHEST).astype(np.int16)
    volume = CtVolume(whole, grid.origin, grid.spacing)
    return Scan(volume, scan_truth(found, scan, grid), scan)


def _grid(scan: ScanParameters) -> Grid:
    view, spacing = scan.view, np.asarray(scan.spacing_mm, float)
    middle = np.asarray(view.shift_mm, float) + (*view.centre_mm, 0.0)
    count = max(2, round(view.side_mm / spacing[0]))
    slices = max(2, round((view.high_mm - view.low_mm) / spacing[2]))
    if count * count * slices > MOST_VOXELS:
        raise InputError(
            f"ct: spacing: {count} x {count} x {slices} voxels are too many; take larger ones"
        )
    size = np.array([count, count, slices])
    origin: Array = middle - 0.5 * (size - 1) * spacing
    origin[2] = view.shift_mm[2] + view.low_mm + spacing[2] / 2
    return Grid(origin, spacing, (count, count, slices))
