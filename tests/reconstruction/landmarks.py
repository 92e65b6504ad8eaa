"""Where balls lie in a volume, measured from its values alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.volume import Volume
from tests.reconstruction.dicom_writer import BONE, TISSUE, Scene


def ball_centres(volume: Volume, scene: Scene) -> NDArray[np.float64]:
    """Centroids (n, 3) of what is brighter than tissue around where the balls should be, LPS, mm.

    Searched in a window that reaches well beyond the ball, so that one that is displaced by
    millimetres is measured there. Partly filled voxels count partly.
    """
    found = []
    reach = scene.radius + 4.0 * scene.spread
    nz, ny, nx = volume.values.shape
    for centre in scene.centres:
        middle = volume.to_voxel(centre[None])[0]
        low = np.maximum(np.floor(middle - reach / volume.spacing), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach / volume.spacing) + 1, (nx, ny, nz)).astype(int)
        x, y, z = (np.arange(low[k], high[k]) for k in range(3))
        indices = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1)
        values = volume.values[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        weight = np.clip((values - TISSUE) / (BONE - TISSUE), 0.0, 1.0)
        points = volume.to_model(indices.reshape(-1, 3))
        near = np.linalg.norm(points - centre, axis=1) < reach  # others are outside
        weight *= near.reshape(weight.shape)
        found.append(weight.ravel() @ points / weight.sum())
    return np.array(found)


def landmark_errors(volume: Volume, scene: Scene) -> NDArray[np.float64]:
    """Distances (n,) of the balls from their true places, mm."""
    return np.asarray(np.linalg.norm(ball_centres(volume, scene) - scene.centres, axis=1))
