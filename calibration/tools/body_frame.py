"""The frame of a measured marker body: that of its file, as well as all corners say."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.tools.unknowns import Body
from nav.frames import Array, cross_matrix


def aligned(points: Array, onto: Array) -> Array:
    """(4, 4) that carries points (n, 3) best onto others, all weighted equally (Arun et al. 1987).

    Both in mm. Not all on one line.
    """
    here, there = points.mean(axis=0), onto.mean(axis=0)
    rotation, _ = Rotation.align_vectors(onto - there, points - here)
    shift = there - rotation.apply(here)
    return np.asarray(RigidTransform.from_components(shift, rotation).as_matrix(), float)


def in_file_frame(body: Body) -> Body:
    """The same body and poses, in the frame in which its corners lie nearest to the file's."""
    file_from_body = aligned(body.corners.reshape(-1, 3), body.nominal.reshape(-1, 3))
    rotation, shift = file_from_body[:3, :3], file_from_body[:3, 3]
    centres = body.nominal.mean(axis=1)
    moved = (centres + body.shifts) @ rotation.T + shift
    back = np.linalg.inv(file_from_body)
    back[:3, 3] *= np.exp(body.scale)  # poses carry points of true size
    return Body(body.poses @ back, body.nominal, moved - centres, rotation @ body.turns, body.scale)


def without_common_motion(nominal: Array, corners: Array) -> Array:
    """(6 m, 6 m) that takes from all displacements the rigid motion that they share.

    The one that moves corners nearest to the file's: what `in_file_frame` does, to first order.
    A motion in common is known by nothing but the prior, so that it must be that of the markers
    where they are: what is left of it were they taken elsewhere would be far above their errors.

    nominal, corners : (m, 4, 3) mm by the file and as they are.
    """
    centres = corners.mean(axis=1)
    motion = np.tile(np.eye(6), (len(nominal), 1, 1))
    for m, centre in enumerate(centres):
        motion[m, :3, 3:] = -cross_matrix(centre)
    # how much of the file's own motion there is in corners moved by their markers' displacements
    by_motion = corners_by_displacement(nominal, np.zeros((len(nominal), 3)))
    shares = by_motion.swapaxes(1, 2) @ corners_by_displacement(corners, centres)
    shares = np.asarray(shares.swapaxes(0, 1).reshape(6, -1), float)
    motion = motion.reshape(-1, 6)
    return np.asarray(
        np.eye(len(motion)) - motion @ np.linalg.solve(shares @ motion, shares), float
    )


def corners_by_displacement(corners: Array, about: Array) -> Array:
    """(m, 12, 6) how corners (m, 4, 3) move with a shift, mm, and a turn about points (m, 3)."""
    arms = corners - about[:, None]
    moved = np.zeros((len(corners), 4, 3, 6))
    moved[..., :3] = np.eye(3)
    for m in range(len(corners)):
        for k in range(4):
            moved[m, k, :, 3:] = -cross_matrix(arms[m, k])
    return moved.reshape(-1, 12, 6)
