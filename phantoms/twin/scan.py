"""A simulated CT of an anatomy as a scanner shows it, with the ground truth of its contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.twin.ct_fill import Grid
from phantoms.twin.scan_anatomy import moved_surface, scan_anatomy
from phantoms.twin.scan_head import skin
from phantoms.twin.scan_kernel import blurred, paint_parts
from phantoms.twin.scan_markers import Marker
from phantoms.twin.scan_paint import painted_scan
from phantoms.twin.scan_parameters import ScanParameters
from phantoms.twin.scan_projections import projected
from phantoms.twin.scan_truth import ScanTruth, scan_truth
from phantoms.twin.scan_values import stored_volume
from phantoms.twin.simulated_ct import MOST_VOXELS, CtVolume

Progress = Callable[[str], None]
STEPS = ("surfaces", "tissue", "blur", "projections", "noise")


@dataclass(frozen=True)
class Scan:
    """A volume and its ground truth; the surfaces are in the volume's frame.

    Attributes
    ----------
    volume : CtVolume
        CT numbers.
    truth : ScanTruth
        The ground truth.
    parameters : ScanParameters
        What it was drawn with.
    """

    volume: CtVolume
    truth: ScanTruth
    parameters: ScanParameters


def simulate_scan(
    anatomy: Anatomy,
    scan: ScanParameters,
    progress: Progress | None = None,
    turned: RigidTransform | None = None,
    longer: float = 0.0,
    markers: Sequence[Marker] = (),
) -> Scan:
    """Simulate a CT of an anatomy.

    Parameters
    ----------
    anatomy : Anatomy
        Whose bones, cord, sac and arteries are seen; their surroundings are sketched.
    scan : ScanParameters
        What it is drawn with, for example by `draw_scan`.
    progress : callable, optional
        Called with each step's name, one of `STEPS`, when it begins.
    turned : RigidTransform, optional
        Additional motion of the patient, in the scan's frame: `scan_gantry` needs it.
    longer : float, optional
        Added to the field of view's front and back, mm, for the same purpose.
    markers : sequence of Marker, optional
        Glued to the skin, anatomy's frame.

    Returns
    -------
    Scan
        CT numbers, and the surfaces as they lie in the volume.

    Raises
    ------
    InputError
        The volume would be too large.
    """
    tell = progress or (lambda step: None)
    p, a = anatomy.parameters, scan.artefacts
    turned = RigidTransform.identity() if turned is None else turned
    grid = _grid(scan, turned, longer)
    tell(STEPS[0])
    found = scan_anatomy(anatomy, scan)
    found = replace(found, scan_from_anatomy=turned * found.scan_from_anatomy)
    tell(STEPS[1])
    parts = paint_parts(scan.spacing_mm, scan.kernel)
    nx, ny, nz = ((n - 1) * k + 1 for n, k in zip(grid.size, parts.tolist(), strict=True))
    fine = Grid(grid.origin, grid.spacing / parts, (nx, ny, nz))
    painted = painted_scan(found, p, scan, fine, markers)
    tell(STEPS[2])
    spread = blurred(painted.values, fine.spacing, scan.kernel)
    values = spread[:: parts[2], :: parts[1], :: parts[0]].copy()
    tell(STEPS[3])
    outside = skin(p)
    body = moved_surface(outside, found.scan_from_anatomy).vertices
    effects = projected(
        lambda coarse: painted_scan(found, p, scan, coarse).values,
        body.min(axis=0),
        body.max(axis=0),
        found.scan_from_anatomy.translation,
        grid,
        a,
        painted.metal,
        scan.seed,
    )
    values += effects.error
    tell(STEPS[4])
    volume = stored_volume(values, grid, a, scan.kernel, effects.level, scan.seed)
    return Scan(volume, scan_truth(found, outside, scan, grid), scan)


def _grid(scan: ScanParameters, turned: RigidTransform, longer: float) -> Grid:
    view, spacing = scan.view, np.asarray(scan.spacing_mm, float)
    count = max(2, round(view.side_mm / spacing[0]))
    rows = count + 2 * int(np.ceil(longer / spacing[1]))
    slices = max(2, round((view.high_mm - view.low_mm) / spacing[2]))
    if count * rows * slices > MOST_VOXELS:
        raise InputError(
            f"ct: spacing: {count} x {rows} x {slices} voxels are too many; take larger ones"
        )
    middle = np.append(view.centre_mm, 0.5 * (view.low_mm + view.high_mm))
    middle = turned.apply(np.asarray(view.shift_mm, float) + middle)
    size = np.array([count, rows, slices])
    return Grid(middle - 0.5 * (size - 1) * spacing, spacing, (count, rows, slices))
