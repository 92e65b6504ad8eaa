"""Marker corners from the light of all of a marker's pixels, with their covariance.

The known pattern, seen through the current homography and blur, is fitted to the grey levels by
Gauss-Newton over eight parameters of the plane's flow, together with brightness, offset, light
gradient and blur (inverse compositional alignment in the manner of Baker and Matthews 2004).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.ray_grid import RayGrid
from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.fit.kernel_arguments import CameraImage, MarkerPattern, PlaneView
from nav.tracking.fit.pattern import colour_changes
from nav.tracking.fit.photometry import flow
from nav.tracking.fit.pixel_moments import GEOMETRY
from nav.tracking.fit.response import AS_LIGHT, Response
from nav.tracking.fit.view_solver import DONE, FAILED, MAX_WANDER, fit_plane

MAX_ROUNDS = 4  # windows laid for one marker
MAX_DRIFT = 0.25  # of the marker's size: more is another marker
START_BLUR = np.array([1.0, 0.0, 1.0])  # px^2: uu, uv, vv
MIN_EXPLAINED = 0.6  # share of the grey levels' variance that the pattern must explain
CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
# corner displacement (8,) by flow parameters (8,), centred plane coordinates
CORNER_FLOW = np.column_stack([flow(CORNERS, unit).ravel() for unit in np.eye(GEOMETRY)])


@dataclass(frozen=True)
class RefinedMarker:
    """Corners of a marker, fitted to all its pixels.

    Parameters
    ----------
    corners : ndarray, shape (4, 2)
        In px.
    covariance : ndarray, shape (8, 8)
        Of the corners (u0, v0, u1, ...), px^2.
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2.
    noise : float
        Standard deviation of the grey levels about the fit.
    explained : float
        Share of the variance that the pattern explains.
    """

    corners: Array
    covariance: Array
    blur: Array
    noise: float
    explained: float


def refine_marker(
    image: Picture,
    camera: Camera,
    rays: RayGrid,
    cells: NDArray[np.uint8],
    zone: float,
    corners: Array,
    blur: Array = START_BLUR,
    response: Response = AS_LIGHT,
) -> RefinedMarker | None:
    """Fit the corners of one marker in one image to all its pixels.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    camera : Camera
        Which took it.
    rays : RayGrid
        Of the camera.
    cells : ndarray, shape (n, n), uint8
        The pattern, border included: 1 white, 0 black.
    zone : float
        Width of the white zone, cells.
    corners : ndarray, shape (4, 2)
        Where they are about, px, within 1 to 2 blur widths.
    blur : ndarray, shape (3,)
        Start value of the blur's covariance, px^2.
    response : Response
        The camera's; by default linear.

    Returns
    -------
    RefinedMarker or None
        None where the pixels do not look like this marker, or too few are in the image.

    References
    ----------
    Baker and Matthews, International Journal of Computer Vision 56(3), 2004.
    """
    n = len(cells)
    square = np.array([[0.0, 0.0], [n, 0.0], [n, n], [0.0, n]])
    size = float(np.linalg.norm(corners[2] - corners[0]))
    start, blur = corners, np.array(blur, float)
    plane = homography(camera.undistort(corners), square)
    per_pixel = _ray_per_pixel(camera, corners)
    pattern = MarkerPattern(colour_changes(np.pad(cells, 1, constant_values=1), n), n, zone)
    source = CameraImage(image, rays.grid, response.table, response.power)
    for _ in range(MAX_ROUNDS):
        window = _window(corners, zone / n, camera.size)
        view = PlaneView(window, plane, per_pixel, np.zeros(GEOMETRY))
        try:
            status, covariance, noise, explained = fit_plane(
                source, pattern, view, blur, size / (np.sqrt(2) * n)
            )
        except np.linalg.LinAlgError:
            return None
        if status == FAILED:
            return None
        corners = _project(camera, plane, square)
        if not np.isfinite(corners).all() or np.abs(corners - start).max() > MAX_DRIFT * size:
            return None
        if status == DONE:
            break
    if explained < MIN_EXPLAINED:
        return None
    to_pixels = _corner_jacobian(camera, plane, square) @ CORNER_FLOW
    return RefinedMarker(corners, to_pixels @ covariance @ to_pixels.T, blur, noise, explained)


def homography(from_points: Array, to_points: Array) -> Array:
    """Compute the homography that maps four points to four others.

    Parameters
    ----------
    from_points, to_points : ndarray, shape (4, 2)
        Corresponding points.

    Returns
    -------
    ndarray, shape (3, 3)
    """
    return cv2.getPerspectiveTransform(from_points.astype(np.float32), to_points.astype(np.float32))


def _project(camera: Camera, plane: Array, square: Array) -> Array:
    """Return pixels of plane points (m, 2)."""
    rays = np.column_stack([square, np.ones(len(square))]) @ np.linalg.inv(plane).T
    return camera.project_rays(rays / rays[:, 2:])


def _corner_jacobian(camera: Camera, plane: Array, square: Array) -> Array:
    """Return (8, 8) corner pixels by corner displacement of the plane seen at a pixel (minus)."""
    step = 1e-3
    result = np.zeros((8, 8))
    for axis in range(2):
        shift = np.zeros(2)
        shift[axis] = step
        ahead = _project(camera, plane, square + shift)
        behind = _project(camera, plane, square - shift)
        slope = (ahead - behind) / (2 * step)
        for corner in range(4):
            result[2 * corner : 2 * corner + 2, 2 * corner + axis] = -slope[corner]
    return result


def _ray_per_pixel(camera: Camera, corners: Array) -> Array:
    centre = corners.mean(axis=0)
    around = centre + np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    rays = camera.undistort(around)
    return np.column_stack([rays[0] - rays[1], rays[2] - rays[3]])


def _window(corners: Array, share: float, size: tuple[int, int]) -> NDArray[np.int64]:
    margin = share * 1.5 * np.ptp(corners, axis=0) + 1 + MAX_WANDER
    low = np.clip(np.floor(corners.min(axis=0) - margin).astype(int), 0, size)
    high = np.clip(np.ceil(corners.max(axis=0) + margin).astype(int) + 1, 0, size)
    return np.array([low[1], high[1], low[0], high[0], (low[1] + high[1]) // 2])
