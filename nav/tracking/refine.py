"""Marker corners from the light of all of a marker's pixels, with their covariance.

The known pattern, seen through the current homography and blur, is fitted to the grey levels by
Gauss-Newton over eight parameters of the plane's flow, together with brightness, offset, light
gradient and blur (inverse compositional alignment in the manner of Baker and Matthews 2004).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Picture
from nav.camera.rays import RayGrid
from nav.camera.rig import Camera
from nav.frames import Array
from nav.tracking.photometry import COLUMNS, GEOMETRY, PHOTOMETRY, accumulate, flow

MAX_STEPS = 12
CONVERGED = 0.01  # px, largest move of a corner; the next would be its square
MAX_MOVE = 1.5  # px a step; a marker further off than the blur reaches is not pulled in
MAX_DRIFT = 0.25  # of the marker's size: more is another marker
BLUR_RANGE = (0.3, 8.0)  # px, one sd; a pixel's own area alone has 0.29
START_BLUR = np.array([1.0, 0.0, 1.0])  # px^2: uu, uv, vv
HUBER = 4.0  # sd of the noise from which a pixel is weighted down
MIN_EXPLAINED = 0.6  # share of the grey levels' variance that the pattern must explain
MIN_PIXELS = 60
PLACE = GEOMETRY + PHOTOMETRY  # where the blur's columns begin
CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
# corner displacement (8,) by flow parameters (8,), centred plane coordinates
CORNER_FLOW = np.column_stack([flow(CORNERS, unit).ravel() for unit in np.eye(GEOMETRY)])


@dataclass(frozen=True)
class RefinedMarker:
    """Corners (4, 2) of a marker, pixels, with their (8, 8) covariance (u0, v0, u1, ...).

    blur : (3,) its covariance uu, uv, vv, px^2. noise : sd of the grey levels about the fit.
    explained : share of the variance that the pattern explains.
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
) -> RefinedMarker | None:
    """Corners of one marker in one picture, fitted to all its pixels.

    Parameters
    ----------
    image : array (height, width), uint8.
    cells : array (n, n), 1 white, border included. zone : width of the white zone, cells.
    corners : array (4, 2), pixels: where they are about, within 1 to 2 blur widths.
    blur : (3,) start value of the blur, px^2.

    Returns
    -------
    RefinedMarker or None
        None where the pixels do not look like this marker, or too few are in the picture.
    """
    n = len(cells)
    square = np.array([[0.0, 0.0], [n, 0.0], [n, n], [0.0, n]])
    size = float(np.linalg.norm(corners[2] - corners[0]))
    start = corners
    guess, cut = np.zeros(PHOTOMETRY), 0.0
    moments, scratch = np.empty((COLUMNS + 1, COLUMNS + 1)), np.zeros((8, n + 2))
    plane = homography(camera.undistort(corners), square)
    for step in range(MAX_STEPS):
        window = _window(corners, zone / n, camera.size)
        per_pixel = _ray_per_pixel(camera, corners)
        used, weights = accumulate(
            image, rays.grid, window, plane, per_pixel, cells, zone, blur, guess, cut, moments,
            scratch,
        )  # fmt: skip
        if used < MIN_PIXELS:
            return None
        fit = _solve(moments, weights)
        if fit is None or fit.brightness[0] <= 0:
            return None
        plane = _moved(plane, fit.flow, n)
        moved = _project(camera, plane, square)
        blur = _bounded(blur + fit.blur)
        move = float(np.abs(moved - corners).max())
        if move > MAX_MOVE:
            moved = corners + (moved - corners) * (MAX_MOVE / move)
            plane = homography(camera.undistort(moved), square)
        corners, guess = moved, fit.brightness
        cut = HUBER * max(fit.noise, 0.5)
        if not np.isfinite(corners).all() or np.abs(corners - start).max() > MAX_DRIFT * size:
            return None
        if move < CONVERGED and step >= 1:
            break
    assert fit is not None
    if fit.explained < MIN_EXPLAINED:
        return None
    to_pixels = _corner_jacobian(camera, plane, square) @ CORNER_FLOW
    return RefinedMarker(
        corners, to_pixels @ fit.covariance @ to_pixels.T, blur, fit.noise, fit.explained
    )


def homography(from_points: Array, to_points: Array) -> Array:
    """(3, 3) homography of four points (4, 2) each."""
    return cv2.getPerspectiveTransform(from_points.astype(np.float32), to_points.astype(np.float32))


@dataclass(frozen=True)
class _Fit:
    flow: Array
    blur: Array
    brightness: Array
    covariance: Array
    noise: float
    explained: float


def _solve(moments: Array, weights: float) -> _Fit | None:
    """One Gauss-Newton step from the sums; the brightness is linear and solved exactly."""
    photometric = slice(GEOMETRY, PLACE)
    grey = COLUMNS
    inner = moments[photometric, photometric]
    try:
        brightness = np.asarray(np.linalg.solve(inner, moments[photometric, grey]), float)
    except np.linalg.LinAlgError:
        return None
    gain = brightness[0]
    scale = np.full(COLUMNS, gain)
    scale[photometric] = 1.0
    normal = moments[:COLUMNS, :COLUMNS] * np.outer(scale, scale)
    right = moments[:COLUMNS, grey] * scale
    # residuals are against the present brightness: what is left moves plane and blur
    right = right - normal[:, photometric] @ brightness
    try:
        inverse = np.asarray(np.linalg.inv(normal), float)
    except np.linalg.LinAlgError:
        return None
    step = inverse @ right
    total = moments[grey, grey] - moments[GEOMETRY + 1, grey] ** 2 / weights
    squares = (
        moments[grey, grey]
        - 2 * brightness @ moments[photometric, grey]
        + brightness @ inner @ brightness
        - step @ right
    )
    variance = max(float(squares), 0.0) / max(weights - COLUMNS, 1.0)
    return _Fit(
        step[:GEOMETRY],
        step[PLACE:],
        brightness,
        inverse[:GEOMETRY, :GEOMETRY] * variance,
        float(np.sqrt(variance)),
        1.0 - float(squares) / max(float(total), 1e-9),
    )


def _bounded(blur: Array) -> Array:
    """The blur's covariance with its axes held in a sensible range."""
    low, high = BLUR_RANGE[0] ** 2, BLUR_RANGE[1] ** 2
    values, axes = np.linalg.eigh([[blur[0], blur[1]], [blur[1], blur[2]]])
    if low <= values[0] and values[1] <= high:
        return blur
    bounded = (axes * np.clip(values, low, high)) @ axes.T
    return bounded[[0, 0, 1], [0, 1, 1]]


def _moved(plane: Array, parameters: Array, n: int) -> Array:
    """The plane's homography after the flow: a pixel's plane coordinates move by it."""
    a, b, c, d, e, f, g, h = parameters / (n / 2)
    # to first order the flow is this homography in centred coordinates
    step = np.array([[1 + b, c, a], [e, 1 + f, d], [-g, -h, 1.0]])
    centre = np.array([[2 / n, 0, -1.0], [0, 2 / n, -1.0], [0, 0, 1.0]])
    return np.linalg.inv(centre) @ step @ centre @ plane


def _project(camera: Camera, plane: Array, square: Array) -> Array:
    """Pixels of plane points (m, 2)."""
    rays = np.column_stack([square, np.ones(len(square))]) @ np.linalg.inv(plane).T
    return camera.project_rays(rays / rays[:, 2:])


def _corner_jacobian(camera: Camera, plane: Array, square: Array) -> Array:
    """(8, 8) corner pixels by corner displacement of the plane seen at a pixel: hence the minus."""
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
    margin = share * 1.5 * np.ptp(corners, axis=0) + 1
    low = np.clip(np.floor(corners.min(axis=0) - margin).astype(int), 0, size)
    high = np.clip(np.ceil(corners.max(axis=0) + margin).astype(int) + 1, 0, size)
    return np.array([low[1], high[1], low[0], high[0]])
