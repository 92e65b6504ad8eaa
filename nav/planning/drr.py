"""Digitally reconstructed radiographs: what a C-arm's image of the plan will look like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.surface import Surface
from nav.planning.gap import Gap
from nav.reconstruction.volume import Volume

SIZE = 512  # px
# mm: distances of a usual C-arm, source to detector and source to patient (assumed)
SOURCE_TO_DETECTOR, SOURCE_TO_MIDDLE = 1000.0, 700.0
FIELD = 115.0  # mm across, at the patient's middle
# per mm, at the mean energy of a C-arm's beam of about 70 kV
BONE_ATTENUATION = 0.05
WATER_ATTENUATION = 0.02
AIR_HU = -1000.0


@dataclass(frozen=True, eq=False)
class ConeBeam:
    """A point source and a flat detector.

    Parameters
    ----------
    source : ndarray, shape (3,)
        Model frame, mm.
    corner : ndarray, shape (3,)
        Centre of the pixel in row 0, column 0, model frame, mm.
    across, down : ndarray, shape (3,)
        From a pixel to the next in its row, and in its column, mm.
    shape : tuple of two int
        Rows and columns.
    """

    source: Array
    corner: Array
    across: Array
    down: Array
    shape: tuple[int, int]

    def project(self, points: Array) -> Array:
        """Project points onto the detector.

        Parameters
        ----------
        points : array_like, shape (n, 3) or (3,)
            Model frame, mm.

        Returns
        -------
        ndarray, shape (n, 2)
            Column and row, pixels; a pixel's centre has whole numbers.
        """
        normal = np.cross(self.across, self.down)
        ways = np.atleast_2d(points) - self.source
        share = ((self.corner - self.source) @ normal) / (ways @ normal)
        on_detector = self.source + share[:, None] * ways - self.corner
        return np.stack(
            [
                on_detector @ self.across / (self.across @ self.across),
                on_detector @ self.down / (self.down @ self.down),
            ],
            axis=1,
        )

    @property
    def spacing(self) -> float:
        """Distance between pixels on the detector, mm."""
        return float(np.linalg.norm(self.across))


def lateral_beam(gap: Gap, side: str = "left", size: int = SIZE, field: float = FIELD) -> ConeBeam:
    """Return the beam of a true lateral view of the gap.

    Parameters
    ----------
    gap : Gap
        The gap between C1 and C2, which the beam is centred on.
    side : str
        "left" or "right": where the source is. Ventral is to the left of the image on both sides.
    size : int
        Rows and columns, pixels.
    field : float
        Width of the field of view at the patient's middle, mm.

    Returns
    -------
    ConeBeam
        Source and detector, model frame.
    """
    from_left = 1.0 if side == "left" else -1.0
    source = gap.centre + from_left * SOURCE_TO_MIDDLE * gap.left
    spacing = field * SOURCE_TO_DETECTOR / SOURCE_TO_MIDDLE / size
    across, down = gap.back * spacing, -gap.up * spacing
    middle = source - from_left * SOURCE_TO_DETECTOR * gap.left
    half = 0.5 * (size - 1)
    return ConeBeam(source, middle - half * across - half * down, across, down, (size, size))


def drr_of_surfaces(surfaces: list[Surface], beam: ConeBeam) -> NDArray[np.float32]:
    """Return line integrals of attenuation through closed surfaces, as solid bone.

    The path length within a surface is the distance to its exit points minus that to its entry
    points.

    Parameters
    ----------
    surfaces : list of Surface
        Model frame, mm.
    beam : ConeBeam
        Source and detector.

    Returns
    -------
    ndarray of float32, shape beam.shape
        Dimensionless.
    """
    total = np.zeros(beam.shape)
    for surface in surfaces:
        corners = np.ascontiguousarray(surface.vertices[surface.triangles])
        pixels = beam.project(corners.reshape(-1, 3)).reshape(-1, 3, 2)
        add_path_lengths(total, corners, pixels, beam.source, beam.corner, beam.across, beam.down)
    return (BONE_ATTENUATION * np.maximum(total, 0.0)).astype(np.float32)


def drr_of_volume(volume: Volume, beam: ConeBeam) -> NDArray[np.float32]:
    """Return line integrals of attenuation through a CT, water's scaled by the voxels' HU.

    Parameters
    ----------
    volume : Volume
        HU.
    beam : ConeBeam
        Source and detector.

    Returns
    -------
    ndarray of float32, shape beam.shape
        Dimensionless.
    """
    voxel_from_model = np.linalg.inv(volume.model_from_voxel)
    rotation, shift = voxel_from_model[:3, :3], voxel_from_model[:3, 3]
    step = float(volume.spacing.min())
    lengths = integrate(
        np.ascontiguousarray(volume.values),
        rotation @ beam.source + shift,
        rotation @ beam.corner + shift,
        rotation @ beam.across,
        rotation @ beam.down,
        beam.shape[0],
        beam.shape[1],
        np.ascontiguousarray(volume.model_from_voxel[:3, :3]),
        step,
    )
    return (WATER_ATTENUATION / -AIR_HU * lengths).astype(np.float32)


@njit(cache=True, nogil=True)
def add_path_lengths(
    total: Array,
    corners: Array,
    pixels: Array,
    source: Array,
    corner: Array,
    across: Array,
    down: Array,
) -> None:  # pragma: no cover - compiled
    """Add to each pixel of `total` the path length of its ray within closed triangle meshes.

    Parameters
    ----------
    total : ndarray, shape (rows, columns)
        mm; changed in place.
    corners : ndarray, shape (m, 3, 3)
        Triangles, model frame, mm.
    pixels : ndarray, shape (m, 3, 2)
        Column and row that the triangles' corners are projected to.
    source, corner, across, down : ndarray, shape (3,)
        The beam, as of `ConeBeam`.
    """
    rows, columns = total.shape
    for m in range(len(corners)):
        p, q = pixels[m], corners[m]
        ax, ay, az = q[1, 0] - q[0, 0], q[1, 1] - q[0, 1], q[1, 2] - q[0, 2]
        bx, by, bz = q[2, 0] - q[0, 0], q[2, 1] - q[0, 1], q[2, 2] - q[0, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        area = (p[1, 0] - p[0, 0]) * (p[2, 1] - p[0, 1]) - (p[2, 0] - p[0, 0]) * (p[1, 1] - p[0, 1])
        if area == 0.0:
            continue
        height = (
            (q[0, 0] - source[0]) * nx + (q[0, 1] - source[1]) * ny + (q[0, 2] - source[2]) * nz
        )
        sign = 1.0 if height > 0.0 else -1.0  # faces away from the source: the ray leaves there
        first = max(int(np.ceil(min(p[0, 1], p[1, 1], p[2, 1]))), 0)
        last = min(int(np.floor(max(p[0, 1], p[1, 1], p[2, 1]))), rows - 1)
        for r in range(first, last + 1):
            # where the row crosses the triangle: half-open, so that a shared edge counts once
            low, high = 1e18, -1e18
            for k in range(3):
                x0, y0 = p[k]
                x1, y1 = p[(k + 1) % 3]
                if (y0 <= r) != (y1 <= r):
                    if y0 > y1:
                        x0, y0, x1, y1 = x1, y1, x0, y0
                    x = x0 + (r - y0) / (y1 - y0) * (x1 - x0)
                    low, high = min(low, x), max(high, x)
            for c in range(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), columns)):
                x = corner[0] + c * across[0] + r * down[0] - source[0]
                y = corner[1] + c * across[1] + r * down[1] - source[1]
                z = corner[2] + c * across[2] + r * down[2] - source[2]
                along = x * nx + y * ny + z * nz
                if along != 0.0:
                    total[r, c] += sign * height / along * np.sqrt(x * x + y * y + z * z)


@njit(cache=True, nogil=True)
def integrate(
    values: NDArray[np.int16],
    source: Array,
    corner: Array,
    across: Array,
    down: Array,
    rows: int,
    columns: int,
    steps: Array,
    step: float,
) -> Array:  # pragma: no cover - compiled
    """Return integrals of HU + 1000 along rays, by trilinear interpolation.

    Parameters
    ----------
    values : ndarray of int16, shape (nz, ny, nx)
        HU.
    source, corner, across, down : ndarray, shape (3,)
        The beam, in voxels, order x, y, z.
    rows, columns : int
        Of the detector.
    steps : ndarray, shape (3, 3)
        From voxels to mm.
    step : float
        Between samples along a ray, mm.

    Returns
    -------
    ndarray, shape (rows, columns)
        HU mm; values below -1000 HU count as -1000.
    """
    nz, ny, nx = values.shape
    top = np.array([nx - 1.0, ny - 1.0, nz - 1.0])
    result = np.zeros((rows, columns))
    for r in range(rows):
        for c in range(columns):
            way = corner + c * across + r * down - source
            size = np.sqrt(((steps @ way) ** 2).sum())
            near, far = 0.0, 1.0
            for k in range(3):
                if abs(way[k]) < 1e-12:
                    if source[k] < 0.0 or source[k] > top[k]:
                        near, far = 1.0, 0.0
                    continue
                a, b = (0.0 - source[k]) / way[k], (top[k] - source[k]) / way[k]
                near, far = max(near, min(a, b)), min(far, max(a, b))
            if near >= far:
                continue
            count = max(int(np.ceil((far - near) * size / step)), 1)
            share = (far - near) / count
            total = 0.0
            for n in range(count):
                t = near + (n + 0.5) * share
                x, y, z = (
                    source[0] + t * way[0],
                    source[1] + t * way[1],
                    source[2] + t * way[2],
                )
                i, j, k = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
                u, v, w = x - i, y - j, z - k
                low = (values[k, j, i] * (1 - u) + values[k, j, i + 1] * u) * (1 - v)
                low += (values[k, j + 1, i] * (1 - u) + values[k, j + 1, i + 1] * u) * v
                high = (values[k + 1, j, i] * (1 - u) + values[k + 1, j, i + 1] * u) * (1 - v)
                high += (values[k + 1, j + 1, i] * (1 - u) + values[k + 1, j + 1, i + 1] * u) * v
                total += max(low * (1 - w) + high * w + 1000.0, 0.0)
            result[r, c] = total * share * size
    return result
