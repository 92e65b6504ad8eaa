"""Initial estimate of the bundle adjustment: each camera by itself, then their relative poses."""

from collections.abc import Collection, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.cameras.bundle import Sighting
from calibration.cameras.lens_models import Lens
from calibration.cameras.rig_setup import Setup
from nav.core.frames import Array

AGREE_ANGLE, AGREE_SHIFT = 0.03, 0.03  # rad, and of the distance: tolerance of equal relative poses


def lens_of(
    points: Array, sightings: Sequence[Sighting], size: tuple[int, int]
) -> tuple[Lens, dict[int, Array]]:
    """Estimate a camera's lens with two distortion parameters, and the board's poses.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Corners of the flat board by id, mm.
    sightings : sequence of Sighting
        Of this camera.
    size : tuple of 2 ints
        Width and height of its images, px.

    Returns
    -------
    lens : Lens
        Its intrinsics.
    poses : dict of int to ndarray, shape (4, 4)
        camera_from_board by instant, mm.

    Raises
    ------
    numpy.linalg.LinAlgError
        The boards do not determine the focal length: too few, or all parallel to the image plane.
    """
    boards = [points[s.ids].astype(np.float32) for s in sightings]
    pixels = [s.pixels.astype(np.float32) for s in sightings]
    flags = cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
    try:
        _, matrix, distortion, turns, shifts = cv2.calibrateCamera(
            boards, pixels, size, None, None, flags=flags
        )
    except cv2.error as error:
        raise np.linalg.LinAlgError(str(error)) from None
    matrix = np.asarray(matrix)
    pinhole = matrix[[0, 1, 0, 1], [0, 1, 2, 2]].astype(float)
    if not np.isfinite(pinhole).all() or pinhole[:2].min() <= 0:
        raise np.linalg.LinAlgError("no focal length")
    given = np.zeros(8)
    given[:5] = np.asarray(distortion).ravel()[:5]
    poses = {}
    for sighting, turn, shift in zip(sightings, turns, shifts, strict=True):
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(turn)[0]
        pose[:3, 3] = np.ravel(shift)
        poses[sighting.instant] = pose
    return Lens(pinhole, given), poses


def setup_of(
    lenses: Sequence[Lens], boards: Sequence[Mapping[int, Array]]
) -> tuple[Setup, list[int]]:
    """Express all cameras in the first one's frame.

    Parameters
    ----------
    lenses : sequence of Lens
        Of each camera.
    boards : sequence of mapping of int to ndarray, shape (4, 4)
        camera_from_board by instant, of each camera.

    Returns
    -------
    setup : Setup
        The initial setup.
    loose : list of int
        Cameras that no common instant connects to the first one.
    """
    cameras: dict[int, Array] = {0: np.eye(4)}
    while len(cameras) < len(lenses):
        a, b, common = closest_cameras(cameras, boards)
        if not common:
            break
        relative = [boards[b][k] @ np.linalg.inv(boards[a][k]) for k in common]
        cameras[b] = usual_pose(relative) @ cameras[a]
    loose = [k for k in range(len(lenses)) if k not in cameras]
    in_rig: dict[int, Array] = {}
    for camera, placed in sorted(cameras.items()):
        for instant, pose in boards[camera].items():
            in_rig.setdefault(instant, np.linalg.inv(placed) @ pose)
    places = tuple(cameras.get(k, np.eye(4)) for k in range(len(lenses)))
    return Setup(tuple(lenses), places, dict(sorted(in_rig.items()))), loose


def closest_cameras(
    known: Collection[int], boards: Sequence[Mapping[int, Array]]
) -> tuple[int, int, list[int]]:
    """Find a camera that sees the board with one of the known cameras most often.

    Parameters
    ----------
    known : collection of int
        Cameras whose places are known; not all.
    boards : sequence of dict of int to ndarray, shape (4, 4)
        camera_from_board by instant, of every camera.

    Returns
    -------
    known, new : int
        The two cameras.
    common : list of int
        Instants at which both see it; none where no other camera sees it with a known one.
    """
    pairs = [(a, b) for a in known for b in range(len(boards)) if b not in known]
    a, b = max(pairs, key=lambda pair: len(boards[pair[0]].keys() & boards[pair[1]].keys()))
    return a, b, sorted(boards[a].keys() & boards[b].keys())


def usual_pose(poses: Sequence[Array]) -> Array:
    """Average those poses that most others agree with.

    Parameters
    ----------
    poses : sequence of ndarray, shape (4, 4)
        Poses, mm.

    Returns
    -------
    ndarray, shape (4, 4)
        Mean rotation and median translation.
    """
    best = max((alike_poses(poses, k) for k in range(len(poses))), key=lambda like: like.sum())
    turns = Rotation.from_matrix([pose[:3, :3] for pose in poses])
    result = np.eye(4)
    result[:3, :3] = turns[best].mean().as_matrix()
    result[:3, 3] = np.median(np.array([pose[:3, 3] for pose in poses])[best], axis=0)
    return result


def alike_poses(poses: Sequence[Array], index: int) -> NDArray[np.bool_]:
    """Test which poses are close to one of them.

    Parameters
    ----------
    poses : sequence of ndarray, shape (4, 4)
        Poses, mm.
    index : int
        Index of the pose to compare with.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each is close in angle and translation.
    """
    turns = Rotation.from_matrix([pose[:3, :3] for pose in poses])
    shifts = np.array([pose[:3, 3] for pose in poses])
    far = np.linalg.norm(shifts, axis=1).max() + 1e-9
    angle = (turns * turns[index].inv()).magnitude()
    away = np.linalg.norm(shifts - shifts[index], axis=1)
    return np.asarray((angle < AGREE_ANGLE) & (away < AGREE_SHIFT * far))
