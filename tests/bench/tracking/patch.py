"""A marker's piece of a picture, drawn on a grid finer than the pixels: the bound's image model."""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool

FINE = 4  # grid points a pixel and axis
EDGE = 0.2  # px, sd with which the pattern's edges are drawn, so that derivatives exist
REACH = 6.0  # sd of an edge's softness: further off it is not felt
LEAST_FACING = 0.05  # cosine: a marker seen more obliquely tells nothing here


class Patch:
    """A marker's piece of one picture.

    rows, columns : slices of the picture. Rays of the fine grid are computed once.
    """

    def __init__(
        self, camera: Camera, tool: Tool, marker: Marker, rows: slice, columns: slice, blur: float
    ) -> None:
        self.camera, self.rows, self.columns = camera, rows, columns
        cells = marker_pattern(tool.dictionary, marker.id).astype(float)
        self.padded = np.pad(cells, 1, constant_values=1.0)
        c0, c1, _, c3 = marker.corners
        right, down = c1 - c0, c3 - c0
        self.tool_from_plane = np.column_stack([right, down, c0])
        self.zone = _zone(tool, marker)
        self.margin = int(np.ceil(4 * blur)) + 1  # px: blur reaches in from beyond the patch
        height = rows.stop - rows.start + 2 * self.margin
        width = columns.stop - columns.start + 2 * self.margin
        self.shape = (height, width)
        top, left = rows.start - self.margin - 0.5, columns.start - self.margin - 0.5
        self.rays = _rays(camera, top, left, self.shape)
        # how rays change from pixel to pixel down and right, much the same all over the patch
        ends = (self.rays[-1].mean(axis=0) - self.rays[0].mean(axis=0)) / (height - 1 / FINE)
        sides = (self.rays[:, -1].mean(axis=0) - self.rays[:, 0].mean(axis=0)) / (width - 1 / FINE)
        self.steps = np.stack([ends, sides])

    @classmethod
    def around(
        cls,
        camera: Camera,
        tool: Tool,
        marker: Marker,
        pose: Array,
        shape: Sequence[int],
        blur: float,
    ) -> "Patch | None":
        """The part of a picture that shows the marker, or None where it shows none of it."""
        corners = marker.corners @ pose[:3, :3].T + pose[:3, 3]
        in_camera = camera.from_rig(corners)
        towards = -in_camera.mean(axis=0) / np.linalg.norm(in_camera.mean(axis=0))
        facing = camera.rotation @ pose[:3, :3] @ marker.normal @ towards
        if facing < LEAST_FACING or (in_camera[:, 2] < 1.0).any():
            return None
        grow = 1.0 + 2.0 * _zone(tool, marker)
        grown = corners.mean(axis=0) + grow * (corners - corners.mean(axis=0))
        pixels = camera.project(grown)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, [shape[1], shape[0]])
        if (high - low < 6).any():
            return None
        rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        return cls(camera, tool, marker, rows, columns, blur)

    def plane(self, pose: Array) -> Array:
        """(3, 3) that takes rays of the camera to the marker's plane, 0 to 1 across the square."""
        camera_from_plane = self.camera.rotation @ (pose[:3, :3] @ self.tool_from_plane)
        camera_from_plane[:, 2] += self.camera.rotation @ pose[:3, 3] + self.camera.translation
        return np.asarray(np.linalg.inv(camera_from_plane))

    def drawn(self, pose: Array, blur: float) -> Array:
        """The patch's light, 0 black and 1 white also beyond the white zone, (height, width)."""
        sharp = _pattern(self.rays, self.steps, self.plane(pose), self.padded)
        # the edges' own softness is part of the blur
        return self._seen(sharp, np.sqrt(max(blur**2 - EDGE**2, 0.0)))

    def beyond(self, pose: Array, blur: float) -> Array:
        """Shares of light, (4, height, width), that come from beyond each side of the zone."""
        x, y = np.moveaxis(self._across(pose), -1, 0)
        low, high = -self.zone, 1 + self.zone
        level = (x >= low) & (x <= high)
        sides = (x < low, x > high, level & (y < low), level & (y > high))
        return np.stack([self._seen(side.astype(float), blur) for side in sides])

    def inside(self, pose: Array) -> NDArray[np.bool_]:
        """Pixels wholly on the marker or its white zone; blur may bring light from beyond."""
        across = self._across(pose)
        own = ((across > -self.zone) & (across < 1 + self.zone)).all(axis=-1).astype("u1")
        return np.asarray(self._cut(self._by_pixel(own).min(axis=(1, 3))) > 0)

    def _across(self, pose: Array) -> Array:
        meeting = self.rays @ self.plane(pose).T
        return np.asarray(meeting[..., :2] / meeting[..., 2:])

    def _seen(self, sharp: Array, blur: float) -> Array:
        """What pixels see of light on the fine grid."""
        sd = blur * FINE
        if sd > 0:
            size = 2 * int(np.ceil(5 * sd)) + 1
            sharp = cv2.GaussianBlur(sharp, (size, size), sd, borderType=cv2.BORDER_REPLICATE)
        return self._cut(self._by_pixel(sharp).mean(axis=(1, 3)))

    def _by_pixel(self, fine: NDArray[Any]) -> NDArray[Any]:
        height, width = self.shape
        return fine.reshape(height, FINE, width, FINE)

    def _cut(self, pixels: NDArray[Any]) -> NDArray[Any]:
        cut = self.margin
        return pixels[cut : self.shape[0] - cut, cut : self.shape[1] - cut]


def _zone(tool: Tool, marker: Marker) -> float:
    """Width of the white zone by the side; half a cell where the tool does not say."""
    if tool.quiet is not None:
        return tool.quiet / marker.side
    return 0.5 / len(marker_pattern(tool.dictionary, marker.id))


def _rays(camera: Camera, top: float, left: float, shape: tuple[int, int]) -> Array:
    """Rays (rows, columns, 3) of a fine grid, third entry 1: splines through a few exact ones."""
    v, u = (np.linspace(0, size, size // 6 + 4) for size in shape)
    exact = camera.undistort(np.stack(np.meshgrid(left + u, top + v), axis=-1).reshape(-1, 2))
    fine = [(np.arange(size * FINE) + 0.5) / FINE for size in shape]
    axes = [
        RectBivariateSpline(v, u, exact[:, axis].reshape(len(v), len(u)))(*fine) for axis in (0, 1)
    ]
    return np.stack([*axes, np.ones_like(axes[0])], axis=-1)


@njit(nogil=True, cache=True, error_model="numpy")
def _pattern(rays, steps, plane_from_ray, padded):
    """Light (rows, columns) of cells over 0 to 1, white around, edges EDGE pixels soft.

    padded : (n + 2, n + 2) with the white around.
    """
    n = padded.shape[0] - 2
    light = np.empty(rays.shape[:2])
    # of each axis the cells that are felt, and how much
    first, last, weights = np.empty(2, np.int64), np.empty(2, np.int64), np.empty((2, n + 2))
    for j in range(rays.shape[0]):
        for i in range(rays.shape[1]):
            ray = rays[j, i]
            depth = 0.0
            for k in range(3):
                depth += plane_from_ray[2, k] * ray[k]
            for axis in range(2):
                along = 0.0
                for k in range(3):
                    along += plane_from_ray[axis, k] * ray[k]
                place = along / depth
                slope = 0.0  # cells a pixel, squared
                for step in range(2):
                    change = 0.0
                    for k in range(2):
                        by_ray = plane_from_ray[axis, k] - place * plane_from_ray[2, k]
                        change += by_ray * steps[step, k]
                    slope += (n * change / depth) ** 2
                soft = EDGE * math.sqrt(slope)
                low, high = n * place - REACH * soft, n * place + REACH * soft
                first[axis] = math.floor(min(max(low, -1.0), float(n))) + 1
                last[axis] = math.floor(min(max(high, -1.0), float(n))) + 1
                before = 1.0
                for cell in range(first[axis], last[axis]):
                    far = (n * place - cell) / (soft * math.sqrt(2.0))
                    beyond = 0.5 * (1.0 + math.erf(far))
                    weights[axis, cell] = before - beyond
                    before = beyond
                weights[axis, last[axis]] = before
            total = 0.0
            for row in range(first[1], last[1] + 1):
                across = 0.0
                for column in range(first[0], last[0] + 1):
                    across += weights[0, column] * padded[row, column]
                total += weights[1, row] * across
            light[j, i] = total
    return light
