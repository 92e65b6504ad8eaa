"""From simulated grey values to those that a scanner stores: noise, wrong scale, whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phantoms.twin.ct_fill import Grid
from phantoms.twin.scan_noise import noise
from phantoms.twin.scan_parameters import Artefacts, Kernel
from phantoms.twin.simulated_ct import CtVolume

LOWEST, HIGHEST = -1024, 3071  # HU that twelve bits hold
Values = NDArray[np.float32]


def stored_volume(
    values: Values, grid: Grid, artefacts: Artefacts, kernel: Kernel, level: Values, seed: int
) -> CtVolume:
    """Return a simulated scan as it is stored.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
        HU without noise; changed.
    grid : Grid
        Of the voxels.
    artefacts : Artefacts
        Noise, and errors of scale and offset.
    kernel : Kernel
        Point spread, which shapes the noise.
    level : ndarray, shape (wedges, z, y, x)
        Standard deviation of the noise, see `noise`.
    seed : int
        Of the noise.

    Returns
    -------
    CtVolume
        Whole numbers of HU.
    """
    if artefacts.noise_hu > 0.0:
        values += noise(values.shape, grid.spacing, kernel, level, seed)
    values = artefacts.scale * (values + 1000.0) - 1000.0 + artefacts.offset_hu
    whole = np.clip(np.rint(values), LOWEST, HIGHEST).astype(np.int16)
    return CtVolume(whole, grid.origin, grid.spacing)
