"""Region of a scan that is the neck: the face in front and the head above are left out.

Planes in the head's frame: that of the unbent canal moved with the fitted occiput, x to the left, y
to posterior, z to superior, its origin at the canal's back between C1 and C2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.reconstruction.canal_prior import load_canal_prior, unbent_poses
from nav.reconstruction.chain import Chain
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.sampling import cropped
from nav.reconstruction.volume import Array, Volume

FACE_Y = -45.0  # mm: the face lies in front of it and above FACE_Z
FACE_Z = -35.0  # mm, about the chin's height
SKIN_TOP = 32.0  # mm: the skin ends here, over the mastoid's tip and the nape's hairline
VOLUME_TOP = 45.0  # mm: the stored volume ends here
BELOW_C4 = 45.0  # mm below C4's middle, where the neck ends
ASIDE, FRONT, BACK = 110.0, 110.0, 110.0  # mm, half extents of the stored volume
AIR = -1000.0


@dataclass(frozen=True)
class NeckRegion:
    """Region of the neck.

    Parameters
    ----------
    head_from_model : RigidTransform
        From the model frame to the head's frame.
    bottom : float
        Height of the neck's lower end in the head's frame, mm.
    """

    head_from_model: RigidTransform
    bottom: float

    def kept(self, points: Array, top: float = SKIN_TOP) -> Array:
        """Return how far points lie within the region.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            Model frame, mm.
        top : float
            Height of the upper end in the head's frame, mm.

        Returns
        -------
        ndarray, shape (...)
            mm; negative outside.
        """
        q = self.head_from_model.apply(points.reshape(-1, 3)).reshape(points.shape)
        return self._kept(q[..., 1], q[..., 2], top)

    def kept_on_grid(self, volume: Volume, top: float = SKIN_TOP) -> NDArray[np.float32]:
        """Return how far a volume's voxels lie within the region.

        Parameters
        ----------
        volume : Volume
            With the grid.
        top : float
            Height of the upper end in the head's frame, mm.

        Returns
        -------
        ndarray of float32, shape (nz, ny, nx)
            mm; negative outside.
        """
        head_from_voxel = self.head_from_model.as_matrix() @ volume.model_from_voxel
        nz, ny, nx = (np.arange(n, dtype=np.float32) for n in volume.values.shape)
        y, z = (
            row[0] * nx + row[1] * ny[:, None] + row[2] * nz[:, None, None] + row[3]
            for row in head_from_voxel[1:3].astype(np.float32)
        )
        return self._kept(y, z, top).astype(np.float32)

    def _kept(self, y: Array, z: Array, top: float) -> Array:
        face = np.maximum(y - FACE_Y, FACE_Z - z)
        return np.asarray(np.minimum(np.minimum(face, top - z), z - self.bottom))


@dataclass(frozen=True)
class NeckCrop:
    """A volume cropped to the neck.

    Parameters
    ----------
    volume : Volume
        What is left, HU; air where the face was.
    shape_before : tuple of int
        Of the scan, nz, ny, nx.
    removed : float
        Volume within the crop that was set to air, mm^3.
    """

    volume: Volume
    shape_before: tuple[int, int, int]
    removed: float


def neck_region(prior: ShapePrior, chain: Chain) -> NeckRegion:
    """Return the neck's region for a fitted chain.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted.

    Returns
    -------
    NeckRegion
        In the frame of the fitted occiput.
    """
    unbent = unbent_poses(prior, load_canal_prior().unbent_from_root)
    head_from_model = unbent["occiput"] * chain.poses["occiput"].inv()
    low = head_from_model.apply(chain.poses["C4"].translation)[2]
    return NeckRegion(head_from_model, float(low) - BELOW_C4)


def crop_to_neck(volume: Volume, prior: ShapePrior, chain: Chain) -> NeckCrop:
    """Crop a volume to what navigation and its views need, with face and head removed.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted to the volume.

    Returns
    -------
    NeckCrop
        The cropped volume and how much was removed.
    """
    region = neck_region(prior, chain)
    corners = (
        np.array(np.meshgrid((-ASIDE, ASIDE), (-FRONT, BACK), (region.bottom, VOLUME_TOP)))
        .reshape(3, -1)
        .T
    )
    box = region.head_from_model.inv().apply(corners)
    part = cropped(volume, box.min(axis=0), box.max(axis=0))
    outside = region.kept_on_grid(part, VOLUME_TOP) < 0.0
    values = part.values.copy()
    values[outside] = AIR
    removed = float(outside.sum() * np.prod(part.spacing))
    shape = (volume.values.shape[0], volume.values.shape[1], volume.values.shape[2])
    return NeckCrop(replace(part, values=values), shape, removed)
