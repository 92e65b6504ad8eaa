"""What one image of a board contributes to a calibration: position, tilt and distance."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.cameras.direction import rays_of
from calibration.cameras.lens_models import DISTORTION, Lens
from calibration.cameras.rig_verdict import CELLS
from nav.core.frames import Array

GUESSED_FOCAL = 0.9  # of an image's width: a typical webcam's
Cell = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """A board in one camera's image.

    Attributes
    ----------
    cells : frozenset of (int, int)
        Columns and rows of the image's cells that its corners are in.
    middle : ndarray, shape (2,)
        Mean of the corners, as shares of the image.
    normal : ndarray, shape (3,)
        Away from the viewer, camera frame.
    spin : float
        Rotation of the board in the image, rad.
    square : float
        Logarithm of a square's side in px.
    width : float
        The corners' share of the image's width.
    """

    cells: frozenset[Cell]
    middle: Array
    normal: Array
    spin: float
    square: float
    width: float

    @property
    def lean(self) -> Array:
        """Tilt (2,), rad: positive where what is right, or below, in the image is nearer."""
        return np.arctan(self.normal[:2] / max(abs(float(self.normal[2])), 1e-6))


def guessed_lens(size: tuple[int, int]) -> Lens:
    """Guess a typical webcam's lens, to be used until images determine a better one.

    Parameters
    ----------
    size : tuple of 2 ints
        Width and height of the images, px.

    Returns
    -------
    Lens
        Without distortion.
    """
    focal = GUESSED_FOCAL * size[0]
    middle = (np.array(size) - 1) / 2
    return Lens(np.array([focal, focal, *middle]), np.zeros(DISTORTION))


def look_at(
    board: Board, ids: NDArray[np.int64], pixels: Array, size: tuple[int, int], lens: Lens
) -> Look | None:
    """Evaluate the corners of a board seen in an image.

    Parameters
    ----------
    board : Board
        The board.
    ids : ndarray of int, shape (n,)
        Ids of the corners.
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    size : tuple of 2 ints
        Width and height of the image, px.
    lens : Lens
        Lens of the camera.

    Returns
    -------
    Look or None
        None where the corners give no pose.
    """
    points = board.points[ids]
    plane, _ = cv2.findHomography(points[:, :2], pixels)
    ideal = np.ascontiguousarray(rays_of(lens, pixels)[:, :2])
    if plane is None or not np.isfinite(ideal).all():
        return None
    try:
        _, turns, _, errors = cv2.solvePnPGeneric(
            points, ideal, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:
        return None
    if not len(turns):
        return None
    best = int(np.argmin(np.ravel(errors)))
    normal = np.asarray(cv2.Rodrigues(turns[best])[0], float)[:, 2]
    if normal[2] < 0:
        return None  # seen from behind: no pose of a printed board
    along = pixels_of(plane, np.array([[0.0, 0.0], [board.square, 0.0]]) + points[:, :2].mean(0))
    step = along[1] - along[0]
    area = abs(float(np.linalg.det(_growth(plane, points[:, :2].mean(axis=0)))))
    return Look(
        cells_of(pixels, size),
        pixels.mean(axis=0) / np.array(size),
        normal,
        float(np.arctan2(step[1], step[0])),
        0.5 * float(np.log(max(area, 1e-12))) + float(np.log(board.square)),
        float(np.ptp(pixels[:, 0]) / size[0]),
    )


def cells_of(pixels: Array, size: tuple[int, int]) -> frozenset[Cell]:
    """Find the cells of an image that pixels are in.

    Parameters
    ----------
    pixels : ndarray, shape (n, 2)
        Pixels.
    size : tuple of 2 ints
        Width and height of the image, px.

    Returns
    -------
    frozenset of (int, int)
        Columns and rows of the cells.
    """
    cells = np.array(CELLS)
    place = np.floor(pixels / np.array(size) * cells).astype(int).clip(0, cells - 1)
    return frozenset((int(c), int(r)) for c, r in place)


def pixels_of(plane: Array, points: Array) -> Array:
    """Map points through a homography.

    Parameters
    ----------
    plane : ndarray, shape (3, 3)
        The homography.
    points : ndarray, shape (n, 2)
        The points.

    Returns
    -------
    ndarray, shape (n, 2)
        The mapped points.
    """
    lifted = np.column_stack([points, np.ones(len(points))]) @ plane.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:], float)


def _growth(plane: Array, at: Array) -> Array:
    """Return the derivative (2, 2) of a homography."""
    steps = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]) + at
    seen = pixels_of(plane, steps)
    return np.column_stack([seen[1] - seen[0], seen[2] - seen[0]]) / 0.5
