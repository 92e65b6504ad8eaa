"""Where a lens projects known directions, how uncertain that is, and where it was checked.

A rotation of the whole camera is not an error of the lens: it is removed, as fitted where the board
was.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.cameras.bundle import Fit
from calibration.cameras.lens_models import Lens
from nav.core.frames import Array

GRID = 13  # points per side of the image
MARGIN = 0.04  # of the picture's width beyond the outermost corners: lenses are smooth
EDGE = 0.03  # of the picture: outermost points
CORNERS = {
    "upper left": (0.0, 0.0), "upper right": (1.0, 0.0),
    "lower left": (0.0, 1.0), "lower right": (1.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Directions:
    """Points spread over an image, and how a lens maps them.

    Attributes
    ----------
    pixels : ndarray, shape (n, 2)
        The points, px.
    reached : ndarray of bool, shape (n,)
        Whether the board's corners surround the point, or nearly.
    rays : ndarray, shape (n, 3)
        Their rays, camera frame.
    by_lens : ndarray, shape (n, 2, k)
        Derivative of the pixels by the lens's free parameters, rotations removed.
    turns : ndarray, shape (2 n, 3)
        Derivative of the pixels by rotations of the camera.
    """

    pixels: Array
    reached: NDArray[np.bool_]
    rays: Array
    by_lens: Array
    turns: Array

    def variance(self, covariance: Array) -> Array:
        """Return the variance (n,), px^2, of both axes together, from a covariance (k, k)."""
        return np.einsum("nak,kl,nal->n", self.by_lens, covariance, self.by_lens)

    def apart(self, one: Lens, other: Lens) -> Array:
        """Return the squared distance (n,), px^2, between the projections of two lenses."""
        rays = rays_of(one, self.pixels)
        off = other.project(rays)[0] - one.project(rays)[0]
        off = _without_turns(off.reshape(-1, 1), self.turns, self.reached)
        squares = (off.reshape(-1, 2) ** 2).sum(axis=1)
        return np.where(np.isfinite(squares), squares, np.inf)

    @property
    def unreached(self) -> tuple[str, ...]:
        """Names of the image's corners that the board did not come near."""
        shares = self.pixels / self.pixels.max(axis=0)
        return tuple(
            name
            for name, place in CORNERS.items()
            if not self.reached[np.linalg.norm(shares - place, axis=1) < 0.3].any()
        )


def directions_of(fit: Fit, camera: int, size: tuple[int, int], corners: Array) -> Directions:
    """Sample directions over the whole of one camera's image.

    Parameters
    ----------
    fit : Fit
        Fit with the camera's lens.
    camera : int
        Index of the camera.
    size : tuple of 2 ints
        Width and height of its images, px.
    corners : ndarray, shape (m, 2)
        All corners of the board that were used, px.

    Returns
    -------
    Directions
        On a grid of points.
    """
    lens = fit.setup.lenses[camera]
    u, v = np.meshgrid(*(np.linspace(EDGE, 1.0 - EDGE, GRID) * s for s in size))
    pixels = np.column_stack([u.ravel(), v.ravel()])
    reached = surrounded(pixels, corners, MARGIN * size[0])
    rays = rays_of(lens, pixels)
    _, by_point, by_lens = lens.project(rays)
    turns = np.stack([np.cross(np.eye(3)[k], rays) for k in range(3)], axis=2)
    by_turn = (by_point @ turns).reshape(-1, 3)
    free = by_lens[:, :, fit.unknowns.free[camera]].reshape(2 * len(pixels), -1)
    steady = _without_turns(free, by_turn, reached).reshape(len(pixels), 2, -1)
    return Directions(pixels, reached, rays, steady, by_turn)


def surrounded(pixels: Array, corners: Array, margin: float) -> NDArray[np.bool_]:
    """Test whether pixels are within the convex hull of corners, or up to a margin outside.

    Parameters
    ----------
    pixels : ndarray, shape (n, 2)
        Points to test, px.
    corners : ndarray, shape (m, 2)
        Corners that span the hull, px.
    margin : float
        Allowed distance outside the hull, px.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each is.
    """
    hull = cv2.convexHull(corners.astype(np.float32))
    return np.array([cv2.pointPolygonTest(hull, p, True) >= -margin for p in pixels.tolist()])


def rays_of(lens: Lens, pixels: Array) -> Array:
    """Compute the rays of pixels by undistortion.

    Parameters
    ----------
    lens : Lens
        The lens.
    pixels : ndarray, shape (n, 2)
        In the distorted image, px.

    Returns
    -------
    ndarray, shape (n, 3)
        Rays, camera frame, with z = 1.
    """
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12)
    given = np.ascontiguousarray(pixels.reshape(-1, 1, 2))
    ideal = cv2.undistortPoints(given, lens.matrix, lens.distortion, criteria=stop)
    return np.column_stack([np.asarray(ideal).reshape(-1, 2), np.ones(len(pixels))])


def _without_turns(columns: Array, turns: Array, reached: NDArray[np.bool_]) -> Array:
    """Remove from columns (2 n, k) the rotation that fits them best where the board was."""
    where = np.repeat(reached, 2)
    if where.sum() < 6:
        where = np.ones(len(columns), np.bool_)
    fitted = np.linalg.lstsq(turns[where], columns[where], rcond=None)[0]
    return np.asarray(columns - turns @ fitted, float)
