"""A small simulated scan of a random neck with its truth, and surfaces compared."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.model.surface import Surface
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.reading import ReadResult, SeriesInfo
from nav.reconstruction.reconstruction_pipeline import reconstruct
from nav.reconstruction.reconstruction_result import ReconstructedSurface, Reconstruction
from nav.reconstruction.volume import Volume
from phantoms.anatomy.draw import random_parameters
from phantoms.anatomy.standard_neck import Anatomy, standard_anatomy
from phantoms.twin.simulated_ct import ct_volume

SEED = 11  # below those that the shape prior was made of
SPACING = (0.8, 0.8, 0.8)


@cache
def anatomy() -> Anatomy:
    """A random neck."""
    return standard_anatomy(random_parameters(SEED))


@cache
def volume() -> Volume:
    """Its scan."""
    found = ct_volume(anatomy().structures, "patient", SPACING, 20.0, 3, 0.45)
    model_from_voxel = np.diag([*found.spacing, 1.0])
    model_from_voxel[:3, 3] = found.origin
    return Volume(found.values, model_from_voxel)


def read(scan: Volume) -> ReadResult:
    """A volume as if it had been read."""
    nz, ny, nx = scan.values.shape
    x, y, z = scan.spacing
    return ReadResult(scan, (), "nifti", SeriesInfo("1", "CT", nz, (nx, ny), (x, y, z), nz * z))


@cache
def reconstruction() -> Reconstruction:
    """Its surfaces."""
    return reconstruct(read(volume()))


@dataclass(frozen=True)
class Compared:
    """off : signed distances (n,) of a surface's vertices to the truth, mm; inside : share of them
    within 1.96 sigma; volume : ratio to the true one."""

    off: Array
    inside: float
    volume: float

    @property
    def mean(self) -> float:
        """Mean absolute distance, mm."""
        return float(np.abs(self.off).mean())


def compared(found: ReconstructedSurface, name: str, heights: tuple[float, float]) -> Compared:
    """Compare a surface with the true structure between two heights, mm."""
    truth = anatomy().structure(name)
    kept = (found.vertices[:, 2] > heights[0]) & (found.vertices[:, 2] < heights[1])
    off = distances(truth.vertices, truth.triangles, found.vertices[kept])
    inside = float((np.abs(off) < 1.96 * found.sigma[kept]).mean())
    ratio = signed_volume(found.vertices, found.triangles) / signed_volume(
        truth.vertices, truth.triangles
    )
    return Compared(off, inside, ratio)


def distances(vertices: Array, triangles: NDArray[np.int32], points: Array) -> Array:
    """Signed distances (n,) of points to a closed surface, mm."""
    surface = Surface(vertices, triangles)
    scene = surface._scene
    asked = (points - surface._centre).astype(np.float32)
    return np.asarray(scene.compute_signed_distance(asked).numpy(), float)
