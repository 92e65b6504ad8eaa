"""Grey values between voxels: resampled copies of a volume, and interpolation at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from nav.core.compiled import njit
from nav.reconstruction.volume import Array, Volume

OUTSIDE = np.float32(np.nan)
MARGIN_BLURS = 8.0  # widths of a kernel by which slices are continued before it is changed


@dataclass(frozen=True)
class Field:
    """Values on a grid for fast linear interpolation at points of the model frame.

    Parameters
    ----------
    values : ndarray of float32, shape (nz, ny, nx)
        Usually HU.
    voxel_from_model : ndarray, shape (3, 4)
        From points, mm, to voxel indices (x, y, z).
    """

    values: NDArray[np.float32]
    voxel_from_model: Array

    def at(self, points: ArrayLike) -> NDArray[np.float32]:
        """Interpolate at points.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            Model frame, mm.

        Returns
        -------
        ndarray of float32, shape (...)
            NaN outside the grid.
        """
        p = np.ascontiguousarray(points, dtype=np.float64)
        out = np.empty(p.shape[:-1], np.float32)
        _interpolate(self.values, self.voxel_from_model, p.reshape(-1, 3), out.reshape(-1))
        return out


def as_field(volume: Volume) -> Field:
    """Return a volume ready for interpolation.

    Parameters
    ----------
    volume : Volume
        HU.

    Returns
    -------
    Field
        The same values as float32.
    """
    voxel_from_model = np.asarray(np.linalg.inv(volume.model_from_voxel)[:3], float)
    return Field(np.ascontiguousarray(volume.values, dtype=np.float32), voxel_from_model)


def coarser(volume: Volume, spacing: float) -> Volume:
    """Resample a volume to a coarser grid.

    Voxels already as large are kept. Each new voxel is the mean of as many whole voxels as fit,
    which suppresses what the new grid cannot represent.

    Parameters
    ----------
    volume : Volume
        HU.
    spacing : float
        Wanted along each axis, approximately, mm.

    Returns
    -------
    Volume
        float32.
    """
    values = np.asarray(volume.values, np.float32)
    steps = np.maximum(1, np.rint(spacing / volume.spacing).astype(int))
    model_from_voxel = volume.model_from_voxel.copy()
    for axis, step in zip((2, 1, 0), steps, strict=True):
        if step == 1:
            continue
        count = values.shape[axis] // step
        if count < 1:
            continue
        kept = np.take(values, np.arange(count * step), axis=axis)
        shape = list(kept.shape)
        shape[axis : axis + 1] = [count, int(step)]
        values = kept.reshape(shape).mean(axis=axis + 1)
        column = 2 - axis
        model_from_voxel[:3, 3] += model_from_voxel[:3, column] * (step - 1) / 2
        model_from_voxel[:3, column] *= step
    return Volume(values, model_from_voxel)


def smoothed(volume: Volume, sd: float) -> Volume:
    """Convolve a volume with a Gaussian.

    Parameters
    ----------
    volume : Volume
        HU.
    sd : float
        Standard deviation, mm.

    Returns
    -------
    Volume
        float32, on the same grid.
    """
    values = np.asarray(volume.values, np.float32)
    for axis, step in zip((2, 1, 0), volume.spacing, strict=True):
        values = gaussian_filter1d(values, sd / step, axis=axis, mode="nearest")
    return Volume(values, volume.model_from_voxel)


def plain_blur(step: float, blur: float, enhancement: float, wider: float) -> float:
    """Return the narrowest Gaussian to which an enhancing kernel can be changed without more noise.

    It passes no more than the kernel does, up to the highest frequency that the voxels hold.

    Parameters
    ----------
    step : float
        Size of the voxels, mm.
    blur, enhancement, wider : float
        The kernel, see `without_enhancement`.

    Returns
    -------
    float
        Its standard deviation, mm; at most `blur`.
    """
    frequency = 2.0 * np.pi * np.linspace(0.02, 1.0, 50) * 0.5 / step
    u = 0.5 * (frequency * blur) ** 2
    needed = u - np.log1p(enhancement * (1.0 - np.exp(-(wider**2 - 1.0) * u)))
    return float(np.sqrt(2.0 * max(0.0, float((needed / frequency**2).max()))))


def without_enhancement(
    volume: Volume, blur: float, enhancement: float, wider: float, plain: float
) -> Volume:
    """Return a scan as a Gaussian kernel without edge enhancement would show it.

    The scan's kernel is a Gaussian, enhanced in the slices by what it exceeds a wider one. Nothing
    is amplified.

    Parameters
    ----------
    volume : Volume
        HU.
    blur : float
        Standard deviation of the Gaussian, mm.
    enhancement : float
        Factor of the difference, from 0.
    wider : float
        Standard deviation of the wider Gaussian, times `blur`.
    plain : float
        Standard deviation of the Gaussian that remains, mm, see `plain_blur`.

    Returns
    -------
    Volume
        float32, on the same grid.
    """
    values = np.asarray(volume.values, np.float32)
    if enhancement <= 0.0:
        return Volume(values, volume.model_from_voxel)
    x, y, _ = volume.spacing
    margins = [int(np.ceil(MARGIN_BLURS * wider * blur / step)) for step in (y, x)]
    wide = np.pad(values, [(0, 0), *((m, m) for m in margins)], mode="edge")
    rows, columns = (fft.next_fast_len(n, real=True) for n in wide.shape[1:])
    frequency = np.hypot(fft.fftfreq(rows, y)[:, None], fft.rfftfreq(columns, x))
    u = 0.5 * (2.0 * np.pi * frequency * blur) ** 2
    more = np.exp(u * (1.0 - (plain / blur) ** 2))
    passed = more / (1.0 + enhancement * (1.0 - np.exp(-(wider**2 - 1.0) * u)))
    spectrum = fft.rfft2(wide, (rows, columns)) * np.minimum(passed, 1.0).astype(np.float32)
    less = fft.irfft2(spectrum, (rows, columns))
    kept = [slice(m, m + n) for m, n in zip(margins, values.shape[1:], strict=True)]
    return Volume(less[:, kept[0], kept[1]].astype(np.float32), volume.model_from_voxel)


def cropped(volume: Volume, low: ArrayLike, high: ArrayLike) -> Volume:
    """Return the part of a volume that contains a box of the model frame, clipped to its grid.

    Parameters
    ----------
    volume : Volume
        HU.
    low, high : array_like, shape (3,)
        Opposite corners of the box, model frame, mm.

    Returns
    -------
    Volume
        A view of the values.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T
    index = volume.to_voxel(corners)
    size = np.array(volume.values.shape[::-1])
    first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, size - 1)
    last = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, first + 1, size)
    x, y, z = (slice(a, b) for a, b in zip(first, last, strict=True))
    model_from_voxel = volume.model_from_voxel.copy()
    model_from_voxel[:3, 3] = volume.to_model(first)
    return Volume(volume.values[z, y, x], model_from_voxel)


@njit(nogil=True, cache=True)
def _interpolate(values, voxel_from_model, points, out):
    nz, ny, nx = values.shape
    for i in range(len(points)):
        p = points[i]
        x = voxel_from_model[0, 0] * p[0] + voxel_from_model[0, 1] * p[1]
        x += voxel_from_model[0, 2] * p[2] + voxel_from_model[0, 3]
        y = voxel_from_model[1, 0] * p[0] + voxel_from_model[1, 1] * p[1]
        y += voxel_from_model[1, 2] * p[2] + voxel_from_model[1, 3]
        z = voxel_from_model[2, 0] * p[0] + voxel_from_model[2, 1] * p[1]
        z += voxel_from_model[2, 2] * p[2] + voxel_from_model[2, 3]
        # in this form NaN counts as outside
        if not (0.0 <= x <= nx - 1 and 0.0 <= y <= ny - 1 and 0.0 <= z <= nz - 1):
            out[i] = OUTSIDE
            continue
        i0, j0, k0 = (
            min(int(x), max(nx - 2, 0)),
            min(int(y), max(ny - 2, 0)),
            min(int(z), max(nz - 2, 0)),
        )
        i1, j1, k1 = min(i0 + 1, nx - 1), min(j0 + 1, ny - 1), min(k0 + 1, nz - 1)
        a, b, c = x - i0, y - j0, z - k0
        lower = (1 - b) * ((1 - a) * values[k0, j0, i0] + a * values[k0, j0, i1])
        lower += b * ((1 - a) * values[k0, j1, i0] + a * values[k0, j1, i1])
        upper = (1 - b) * ((1 - a) * values[k1, j0, i0] + a * values[k1, j0, i1])
        upper += b * ((1 - a) * values[k1, j1, i0] + a * values[k1, j1, i1])
        out[i] = (1 - c) * lower + c * upper
