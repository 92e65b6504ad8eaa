"""CT numbers of each structure, in a patient and in the kit's materials.

Hounsfield units at 120 kV. Patient: cortical bone 400 to 1000, C2's cancellous bone 200 to 450, CSF
0 to 15, cord 30 to 40, muscle 40 to 80, fat -100 to -50 (teaching values), arteries with contrast
300 to 450 (10.3174/ajnr.A1768). Materials: resin 117 and printed PLA of -14 with air between its
lines, silicone 165 to 199 (10.1007/s10278-020-00358-6); gelatin 20 to 40 (assumed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.openthreed import import_open3d
from phantoms.twin.ct_fill import Fraction, Grid, filled
from phantoms.twin.ct_neck import AIR, MUSCLE, neck
from phantoms.twin.scene_grain import grain

Values = NDArray[np.float32]  # (z, y, x), HU
Window = tuple[slice, slice, slice]

# patient
CORTICAL, CANCELLOUS, CSF, CORD, CONTRAST = 900.0, 300.0, 10.0, 35.0, 350.0
CORTEX = 1.1  # mm
CELLS = 900.0  # HU that the mastoid's air cells are below marrow
# print
WALL_PRINT, INNER_PRINT, WALL = (
    117.0,
    -14.0,
    1.2,
)  # HU, HU, mm: dense outside, lines with air within
GEL, WATER, SILICONE, TUBE_WALL = 30.0, 0.0, 170.0, 1.0  # HU, HU, HU, mm
ORDER = ("skin", "dura", "cord", "support", "other", "bone", "artery")  # later lies over earlier


def painted(structures: Sequence[Any], look: str, grid: Grid) -> Values:
    """Paint the structures as CT numbers, without noise.

    Parameters
    ----------
    structures : sequence
        Closed surfaces of a case with name, role, vertices and triangles, mm.
    look : str
        'patient' for tissue; otherwise the kit's materials.
    grid : Grid
        The grid.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    values = np.full(grid.shape, AIR, np.float32)
    patient = look == "patient"
    for s in sorted(structures, key=lambda s: ORDER.index(s.role)):
        if patient and s.role == "support":
            continue
        window = grid.around(s.vertices)
        share = filled(s.vertices, s.triangles, grid, window)
        inside = (_patient if patient else _print)(s, share, grid, window)
        part = values[window]
        part += share * (inside - part)
    return values


def _patient(s: Any, share: Fraction, grid: Grid, window: Window) -> Values | float:
    if s.role == "skin":
        return neck(s, share, grid, window)
    if s.role == "bone":
        depth, points = _depth(s, share, grid, window, 4.0)
        # thicker and thinner in places, marrow of uneven density
        cortex = CORTEX * (1.0 + 0.35 * _noise(points, 9.0))
        marrow = CANCELLOUS * (1.0 + 0.30 * _noise(points, 2.2))
        if s.name.startswith("mastoid"):
            # air cells with thin walls
            marrow -= CELLS * np.clip(2.5 * _noise(points, 2.4) + 0.6, 0.0, 1.0)
        shell = np.clip((cortex - depth) / 0.5 + 0.5, 0.0, 1.0)
        return _scatter(share, marrow + shell * (CORTICAL - marrow))
    plain = {"dura": CSF, "cord": CORD, "artery": CONTRAST, "other": MUSCLE}
    return plain[s.role]


def _print(s: Any, share: Fraction, grid: Grid, window: Window) -> Values | float:
    if s.role in ("bone", "support", "other"):
        depth, points = _depth(s, share, grid, window, 3.0)
        lines = INNER_PRINT + 90.0 * _noise(points, 0.9)
        dense = np.clip((WALL - depth) / 0.5 + 0.5, 0.0, 1.0)
        return _scatter(share, lines + dense * (WALL_PRINT - lines))
    if s.role == "artery":
        depth, _ = _depth(s, share, grid, window, 3.0)
        wall = np.clip((TUBE_WALL - depth) / 0.4 + 0.5, 0.0, 1.0)
        return _scatter(share, CONTRAST + wall * (SILICONE - CONTRAST))
    return {"skin": GEL, "dura": WATER, "cord": SILICONE}[s.role]


def _depth(
    s: Any, share: Fraction, grid: Grid, window: Window, most: float
) -> tuple[Values, NDArray[np.float32]]:
    """Return the depth below the surface (n,), at most `most` mm, of the n voxels with a share.

    The centres of those voxels are returned, too. The depth is negative where a centre is outside.
    """
    o3d = import_open3d()

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(s.vertices.astype(np.float32)),
        o3d.core.Tensor(s.triangles.astype(np.uint32)),
    )
    points = grid.points(window)[share > 0]
    depth = scene.compute_distance(o3d.core.Tensor(points)).numpy()
    outside = share[share > 0] < 0.5
    return np.minimum(np.where(outside, -depth, depth), most), points


def _scatter(share: Fraction, inside: Values) -> Values:
    values = np.zeros(share.shape, np.float32)
    values[share > 0] = inside
    return values


def _noise(points: NDArray[np.float32], size: float) -> Values:
    return grain(points, np.full(points.shape, size, np.float32))
