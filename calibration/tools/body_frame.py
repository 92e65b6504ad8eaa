"""The frame of a measured marker body: that of its file, by least squares over all corners."""

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.tools.unknowns import Body
from nav.core.frames import Array, cross_matrix


def aligned(points: Array, onto: Array) -> Array:
    """Fit the rigid transform that maps points onto others, all weighted equally [1]_.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Points, mm, not all on one line.
    onto : ndarray, shape (n, 3)
        The same points in the other frame, mm.

    Returns
    -------
    ndarray, shape (4, 4)
        Homogeneous matrix, from the frame of `points` to that of `onto`.

    References
    ----------
    .. [1] Arun et al., IEEE PAMI 9(5), 1987.
    """
    here, there = points.mean(axis=0), onto.mean(axis=0)
    rotation, _ = Rotation.align_vectors(onto - there, points - here)
    shift = there - rotation.apply(here)
    return np.asarray(RigidTransform.from_components(shift, rotation).as_matrix(), float)


def in_file_frame(body: Body) -> Body:
    """Express a body and its poses in the frame in which its corners lie nearest to the file's.

    Parameters
    ----------
    body : Body
        In any frame.

    Returns
    -------
    Body
        The same body, with its poses adapted.
    """
    file_from_body = aligned(body.corners.reshape(-1, 3), body.nominal.reshape(-1, 3))
    rotation, shift = file_from_body[:3, :3], file_from_body[:3, 3]
    centres = body.nominal.mean(axis=1)
    moved = (centres + body.shifts) @ rotation.T + shift
    back = np.linalg.inv(file_from_body)
    back[:3, 3] *= np.exp(body.scale)  # poses carry points of true size
    return Body(body.poses @ back, body.nominal, moved - centres, rotation @ body.turns, body.scale)


def without_common_motion(nominal: Array, corners: Array) -> Array:
    """Return the projector that removes from all displacements their common rigid motion.

    That motion is the one that moves corners nearest to the file's: what `in_file_frame` does, to
    first order. A common motion is constrained by nothing but the prior, so it must be computed at
    the markers' actual places: computed elsewhere, its remainder would be far above their errors.

    Parameters
    ----------
    nominal, corners : ndarray, shape (m, 4, 3)
        Corners by the file and as they are, mm.

    Returns
    -------
    ndarray, shape (6 m, 6 m)
        The projector.
    """
    centres = corners.mean(axis=1)
    motion = np.tile(np.eye(6), (len(nominal), 1, 1))
    for m, centre in enumerate(centres):
        motion[m, :3, 3:] = -cross_matrix(centre)
    # the part of the file's own motion in corners that are moved by their markers' displacements
    by_motion = corners_by_displacement(nominal, np.zeros((len(nominal), 3)))
    shares = by_motion.swapaxes(1, 2) @ corners_by_displacement(corners, centres)
    shares = np.asarray(shares.swapaxes(0, 1).reshape(6, -1), float)
    motion = motion.reshape(-1, 6)
    return np.asarray(
        np.eye(len(motion)) - motion @ np.linalg.solve(shares @ motion, shares), float
    )


def corners_by_displacement(corners: Array, about: Array) -> Array:
    """Compute the derivative of corners by a shift of their marker and a turn about a point.

    Parameters
    ----------
    corners : ndarray, shape (m, 4, 3)
        Corners, mm.
    about : ndarray, shape (m, 3)
        Centres of rotation, mm.

    Returns
    -------
    ndarray, shape (m, 12, 6)
        By shift (mm) and rotation vector (rad).
    """
    arms = corners - about[:, None]
    moved = np.zeros((len(corners), 4, 3, 6))
    moved[..., :3] = np.eye(3)
    for m in range(len(corners)):
        for k in range(4):
            moved[m, k, :, 3:] = -cross_matrix(arms[m, k])
    return moved.reshape(-1, 12, 6)
