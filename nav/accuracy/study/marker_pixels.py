"""What the pixels of a marker say of where it is, and what its own brightness and blur hide."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.tracking.fit.tool_shape import HALF_CELL, MAX_ZONE
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool

PARTS = 4  # of a pixel's side
RIM = (2.5, 3.2)  # sd of the blur kept away from the white zone's rim, as its width allows
BEYOND = 6  # px drawn around a marker


@dataclass(frozen=True)
class MarkerPixels:
    """The pixels of one marker in one image, per unit of contrast.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        What they see, tool frame, mm.
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    slopes : ndarray, shape (n, 2)
        How their brightness changes where the marker moves across the image, 1/px.
    appearance : ndarray, shape (n, k)
        Orthonormal: how the marker's own brightness and blur may change them.
    """

    points: Array
    pixels: Array
    slopes: Array
    appearance: Array


def marker_pixels(
    camera: Camera, tool: Tool, marker: Marker, rig_from_tool: RigidTransform, blur: float
) -> MarkerPixels:
    """Draw a marker and return what a fit of its pose, brightness and blur is given.

    Brightness is a gain and an offset with their gradients, and the light's curvature; blur is of
    its own along both axes of the image. What is beyond the white zone is unknown.

    Parameters
    ----------
    camera : Camera
        That sees it.
    tool : Tool
        That has the marker.
    marker : Marker
        Its corners, tool frame.
    rig_from_tool : RigidTransform
        True pose, mm.
    blur : float
        Of the lens, standard deviation, px.

    Returns
    -------
    MarkerPixels
    """
    cells = np.pad(marker_pattern(tool.dictionary, marker.id), 2, constant_values=1).astype(
        np.float32
    )
    count = len(cells) - 4
    at = camera.project(rig_from_tool.apply(marker.corners))
    grid = np.array([[0, 0], [count, 0], [count, count], [0, count]], np.float32)
    low = np.floor(at.min(axis=0)).astype(int) - BEYOND
    wide, high = np.ceil(at.max(axis=0)).astype(int) + BEYOND - low
    plane_from_pixel = cv2.getPerspectiveTransform((at - low).astype(np.float32), grid)
    parts_u, parts_v = ((np.arange(n * PARTS) + 0.5) / PARTS - 0.5 for n in (wide, high))
    fine = _on_plane(plane_from_pixel, *np.meshgrid(parts_u, parts_v))
    cell = np.clip(np.floor(fine).astype(int) + 2, 0, len(cells) - 1)
    sharp = cells[cell[..., 1], cell[..., 0]]

    drawn = gaussian_filter(sharp, blur * PARTS, mode="nearest")
    slope_v, slope_u = np.gradient(drawn)

    def pixels(fine: Array) -> Array:
        return np.asarray(fine.reshape(high, PARTS, wide, PARTS).mean(axis=(1, 3)), float)

    light = pixels(drawn)
    u, v = np.meshgrid(np.arange(wide, dtype=float), np.arange(high, dtype=float))
    plane = _on_plane(plane_from_pixel, u, v)
    c0, c1, _, c3 = marker.corners
    cell_side = float(np.linalg.norm(c1 - c0)) / count
    zone = HALF_CELL if tool.quiet is None else min(tool.quiet / cell_side, MAX_ZONE)
    used = _used(plane, count, zone, np.sqrt(blur**2 + 1.0 / 12.0))
    x, y = (u[used] - wide / 2.0) / wide, (v[used] - high / 2.0) / high
    one, own = np.ones_like(x), light[used]
    # a blur that grows along an axis changes an image by its second derivative along it
    widened = [pixels(np.gradient(s, axis=a))[used] for s, a in ((slope_u, 1), (slope_v, 0))]
    columns = [own, one, own * x, own * y, x, y, x * x, x * y, y * y, *widened]
    across = plane[used] / count
    return MarkerPixels(
        c0 + across[:, :1] * (c1 - c0) + across[:, 1:] * (c3 - c0),
        np.stack([u[used], v[used]], axis=1) + low,
        -PARTS * np.stack([pixels(slope_u)[used], pixels(slope_v)[used]], axis=1),
        np.linalg.qr(np.stack(columns, axis=1))[0],
    )


def _on_plane(plane_from_pixel: Array, u: Array, v: Array) -> Array:
    """Return cells along both sides of a marker, shape (..., 2)."""
    h = plane_from_pixel
    seen = np.stack([h[k, 0] * u + h[k, 1] * v + h[k, 2] for k in range(3)], axis=-1)
    return np.asarray(seen[..., :2] / seen[..., 2:])


def _used(plane: Array, count: int, zone: float, blur: float) -> Array:
    """Return which pixels are on the marker or on its white zone, away from the zone's rim."""
    sides = []
    for k in range(2):
        down, right = np.gradient(plane[..., k])
        sd = np.hypot(down, right) * blur
        rim = np.clip(zone / sd - 0.5, *RIM) * sd
        sides.append(np.abs(plane[..., k] - count / 2.0) <= count / 2.0 + zone - rim)
    return np.asarray(sides[0] & sides[1])
