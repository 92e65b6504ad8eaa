"""A scan's point spread: in-plane kernel and slice profile, each given by its transfer function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import erf

from nav.core.frames import Array
from phantoms.twin.scan_parameters import Kernel

Values = NDArray[np.float32]  # (z, y, x)
PAD_MM = 8.0  # the volume is mirrored at its ends over so much
WORKERS = 2
PASSED, FINEST = 0.2, 0.62  # FINEST: mm, coarser voxels are painted in parts


def coarsest_paint(kernel: Kernel) -> float:
    """Compute the largest voxels that hold what the in-plane kernel passes above `PASSED`.

    Parameters
    ----------
    kernel : Kernel
        The kernel.

    Returns
    -------
    float
        Size of the voxels, mm.
    """
    f = np.linspace(0.0, 10.0, 4001)
    held = f[np.flatnonzero(in_plane_transfer(kernel, f) > PASSED)[-1]]
    return 0.5 / float(held)


def paint_parts(spacing_mm: Sequence[float], kernel: Kernel) -> NDArray[np.int64]:
    """Compute into how many parts a voxel is divided for painting.

    Parameters
    ----------
    spacing_mm : sequence of 3 floats
        Of the voxels, x, y, z, mm.
    kernel : Kernel
        The kernel.

    Returns
    -------
    ndarray of int, shape (3,)
        Parts along x, y, z.
    """
    in_plane = min(FINEST, coarsest_paint(kernel) + 1e-6)
    most = np.array([in_plane, in_plane, FINEST])
    return np.maximum(1, np.ceil(np.asarray(spacing_mm) / most)).astype(np.int64)


def in_plane_transfer(kernel: Kernel, frequency: Array) -> Array:
    """Compute the in-plane modulation transfer: see `Kernel`.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    frequency : ndarray
        Spatial frequencies, 1/mm.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    u = 0.5 * (2.0 * np.pi * np.asarray(frequency) * kernel.sd_mm) ** 2
    return (1.0 + kernel.enhancement * u) * np.exp(-u)


def slice_transfer(kernel: Kernel, frequency: Array) -> Array:
    """Compute the transfer across the slices: a rectangle with soft edges.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    frequency : ndarray
        Spatial frequencies, 1/mm.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    soft = np.exp(-0.5 * (2.0 * np.pi * np.asarray(frequency) * kernel.slice_edge_mm) ** 2)
    return np.sinc(np.asarray(frequency) * kernel.slice_mm) * soft


def edge_response(kernel: Kernel, x: Array) -> Array:
    """Compute the response to a straight edge from 0 to 1, perpendicular to the slices.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    x : ndarray
        Distance past the edge, mm.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    t = np.asarray(x) / kernel.sd_mm
    rise = 0.5 * (1.0 + erf(t / np.sqrt(2.0)))
    return rise + 0.5 * kernel.enhancement * t * np.exp(-0.5 * t**2) / np.sqrt(2.0 * np.pi)


def blurred(values: Values, spacing: Array, kernel: Kernel) -> Values:
    """Apply the point spread to means over voxels.

    The mean over a voxel is a part of the spread: it is divided out, so that the total is the
    kernel.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
        HU.
    spacing : ndarray, shape (3,)
        Of the voxels, x, y, z, mm.
    kernel : Kernel
        The kernel.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    pads = [(n := round(PAD_MM / s), n) for s in spacing[::-1]]
    out = np.empty_like(values)
    shape = values.shape[1:]
    sizes = [
        fft.next_fast_len(n + 2 * pad[0], real=True) for n, pad in zip(shape, pads[1:], strict=True)
    ]
    fy = fft.fftfreq(sizes[0], spacing[1])
    fx = fft.rfftfreq(sizes[1], spacing[0])
    radial = np.hypot(fy[:, None], fx)
    transfer = in_plane_transfer(kernel, radial)
    transfer /= np.sinc(fy * spacing[1])[:, None] * np.sinc(fx * spacing[0])
    transfer = transfer.astype(np.float32)
    (top, _), (left, _) = pads[1:]
    for k, plane in enumerate(values):
        wide = np.pad(plane, pads[1:], mode="edge")
        wide = np.pad(
            wide, [(0, n - m) for n, m in zip(sizes, wide.shape, strict=True)], mode="edge"
        )
        spectrum = fft.rfft2(wide, workers=WORKERS)
        spectrum *= transfer
        whole = fft.irfft2(spectrum, sizes, workers=WORKERS)
        out[k] = whole[top : top + shape[0], left : left + shape[1]]
    return _across_slices(out, float(spacing[2]), kernel, pads[0][0])


def _across_slices(values: Values, step: float, kernel: Kernel, pad: int) -> Values:
    count = len(values)
    size = fft.next_fast_len(count + 2 * pad, real=True)
    f = fft.rfftfreq(size, step)
    transfer = (slice_transfer(kernel, f) / np.sinc(f * step)).astype(np.float32)[:, None]
    out = np.empty_like(values)
    for row in range(values.shape[1]):
        line = np.pad(values[:, row], ((pad, size - count - pad), (0, 0)), mode="edge")
        spectrum = fft.rfft(line, axis=0) * transfer
        out[:, row] = fft.irfft(spectrum, size, axis=0)[pad : pad + count]
    return out
