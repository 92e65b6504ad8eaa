"""Check of surfaces of bones against a scan: grey values fall from inside to outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array
from nav.model.surface import Surface
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.volume import Volume

DEPTH = 1.0  # mm from the surface, inwards and outwards
MOST_POINTS = 20_000
LEAST_INSIDE = 0.9  # share of the vertices within the scan
# HU: where surfaces of a scan were moved by 4 to 30 mm the fall was below 60; where they are
# right it is 300 to 700 for bones, and that of plastic in gel for prints
LEAST_FALL, LEAST_FALL_OF_PRINTS = 100.0, 50.0


@dataclass(frozen=True)
class SurfaceAgreement:
    """Agreement of surfaces with a scan.

    Parameters
    ----------
    inside : float
        Share of the vertices within the scan.
    fall : float
        Mean grey value inside the surfaces minus that outside of them, HU; nan where none is
        within the scan.
    """

    inside: float
    fall: float

    def agrees(self, of_patient: bool) -> bool:
        """Return whether the scan may be that of the surfaces.

        Parameters
        ----------
        of_patient : bool
            Whether they are known to be bones, not their prints.

        Returns
        -------
        bool
            False where they are elsewhere, or of another body.
        """
        least = LEAST_FALL if of_patient else LEAST_FALL_OF_PRINTS
        return self.inside >= LEAST_INSIDE and self.fall >= least


def compare_surfaces_with_scan(surfaces: Sequence[Surface], volume: Volume) -> SurfaceAgreement:
    """Compare surfaces of bones with a scan.

    Parameters
    ----------
    surfaces : sequence of Surface
        At least one; closed, model frame, mm.
    volume : Volume
        The scan, HU.

    Returns
    -------
    SurfaceAgreement
        Over all vertices, or a sample of them.
    """
    points = np.concatenate([s.vertices for s in surfaces])
    normals = np.concatenate([_normals(s) for s in surfaces])
    if len(points) > MOST_POINTS:
        chosen = np.random.default_rng(0).choice(len(points), MOST_POINTS, replace=False)
        points, normals = points[chosen], normals[chosen]
    within = _values(volume, points)[0]
    inner, outer = (_values(volume, points + way * normals) for way in (-DEPTH, DEPTH))
    both = inner[0] & outer[0]
    fall = float((inner[1] - outer[1])[both].mean()) if both.any() else float("nan")
    return SurfaceAgreement(float(within.mean()), fall)


def _normals(surface: Surface) -> Array:
    """Return the vertices' normals, outwards."""
    corners = surface.vertices[surface.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(surface.vertices)
    for k in range(3):
        np.add.at(normals, surface.triangles[:, k], faces)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= np.where(lengths > 0.0, lengths, 1.0)
    return normals * np.sign(signed_volume(surface.vertices, surface.triangles))


def _values(volume: Volume, points: Array) -> tuple[np.ndarray, Array]:
    """Return which points are within the scan, and their grey values, HU; 0 outside of it."""
    index = np.rint(volume.to_voxel(points)).astype(int)
    inside = (index >= 0) & (index < np.array(volume.values.shape[::-1]))
    within = np.asarray(inside.all(axis=1))
    values = np.zeros(len(points))
    x, y, z = index[within].T
    values[within] = volume.values[z, y, x]
    return np.asarray(within), values
