"""Noise of a reconstruction from projections.

Its power is ``|f|`` times the kernel's squared transfer, directed where fewer quanta came through,
correlated across slices by their profile. Noise of frequency (fx, fy) comes from the projections
taken along the lines across it. So the noise is split into wedges of direction; each is scaled,
place by place, by the quanta that were lost in the projections it comes from: long paths through
the shoulders give streaks from side to side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import zoom

from nav.core.frames import Array
from phantoms.twin.scan_kernel import WORKERS, in_plane_transfer, slice_transfer
from phantoms.twin.scan_parameters import Kernel

Values = NDArray[np.float32]  # (z, y, x)
ALIASES = 4


def noise(
    shape: tuple[int, int, int], spacing: Array, kernel: Kernel, level: Values, seed: int
) -> Values:
    """Simulate the noise of a scan.

    Parameters
    ----------
    shape : tuple of 3 ints
        z, y, x.
    spacing : ndarray, shape (3,)
        Of the voxels, x, y, z, mm.
    kernel : Kernel
        Point spread.
    level : ndarray, shape (wedges, z, y, x)
        Standard deviation of the noise, HU, on any coarser grid over the same volume, as if all
        directions had the wedge's own; wedge k's centre is at k pi / wedges from x to y.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        HU.
    """
    rng = np.random.default_rng([seed, 5])
    wedges = len(level)
    white = _white(rng, shape, float(spacing[2]), kernel)
    size = tuple(fft.next_fast_len(n + 8, real=True) for n in shape[1:])
    amplitudes = _amplitudes(size, spacing, kernel, wedges)
    out = np.empty(shape, np.float32)
    coarse_z = np.linspace(0.0, level.shape[1] - 1.0, shape[0])
    for k in range(shape[0]):
        spectrum = fft.rfft2(white[k], size, workers=WORKERS)
        here = _slice_level(level, coarse_z[k], shape[1:])
        total = np.zeros(shape[1:], np.float32)
        for wedge in range(wedges):
            part = fft.irfft2(spectrum * amplitudes[wedge], size, workers=WORKERS)
            total += here[wedge] * part[: shape[1], : shape[2]]
        out[k] = total
    return out


def power(frequency: Array, kernel: Kernel) -> Array:
    """Compute the in-plane noise power, up to a factor.

    Parameters
    ----------
    frequency : ndarray
        Spatial frequencies, 1/mm.
    kernel : Kernel
        Point spread.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    return np.abs(frequency) * in_plane_transfer(kernel, frequency) ** 2


def _white(
    rng: np.random.Generator, shape: tuple[int, int, int], step: float, kernel: Kernel
) -> Values:
    """Return noise white in plane, correlated across slices by the profile, sd 1."""
    values = rng.standard_normal(shape, dtype=np.float32)
    if shape[0] == 1:
        return values
    # sampled at the slices' distance: what the profile passes beyond is aliased
    f = fft.rfftfreq(shape[0], step)
    passed = [slice_transfer(kernel, f + k / step) ** 2 for k in range(-ALIASES, ALIASES + 1)]
    transfer = np.sqrt(np.sum(passed, axis=0))
    full = np.concatenate([transfer, transfer[1 : (shape[0] + 1) // 2]])
    transfer = (transfer / np.sqrt(np.mean(full**2))).astype(np.float32)[:, None]
    for row in range(shape[1]):
        spectrum = fft.rfft(values[:, row], axis=0) * transfer
        values[:, row] = fft.irfft(spectrum, shape[0], axis=0)
    return values


def _amplitudes(
    size: tuple[int, ...], spacing: Array, kernel: Kernel, wedges: int
) -> NDArray[np.float32]:
    """Return amplitudes of each wedge, so that white noise of sd 1 keeps sd 1 in their sum."""
    fy, fx = fft.fftfreq(size[0], spacing[1])[:, None], fft.fftfreq(size[1], spacing[0])[None, :]
    whole = power(np.hypot(fy, fx), kernel)
    whole /= whole.mean()
    at = np.mod(np.arctan2(fy, fx), np.pi) / (np.pi / wedges)
    found = []
    for k in range(wedges):
        off = np.abs(np.mod(at - k + 0.5 * wedges, wedges) - 0.5 * wedges)
        share = np.clip(1.0 - off, 0.0, 1.0)
        # all wedges are of the same white noise: their amplitudes add up
        found.append((np.sqrt(whole) * share)[:, : size[1] // 2 + 1])
    return np.array(found, np.float32)


def _slice_level(level: Values, at: float, shape: tuple[int, ...]) -> Values:
    low = min(int(at), level.shape[1] - 1)
    high = min(low + 1, level.shape[1] - 1)
    flat = level[:, low] + np.float32(at - low) * (level[:, high] - level[:, low])
    if flat.shape[1:] == (1, 1):
        return flat
    factors = (1.0, shape[0] / flat.shape[1], shape[1] / flat.shape[2])
    return zoom(flat, factors, order=1, mode="nearest", grid_mode=True)
