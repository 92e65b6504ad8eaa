"""A marker's piece of a picture, drawn on a grid finer than the pixels: the bound's image model."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.special import ndtr

from nav.camera.rig import Camera
from nav.frames import Array
from nav.tracking.tool import Marker, Tool, marker_pattern

FINE = 4  # grid points a pixel and axis
EDGE = 0.2  # px, sd with which the pattern's edges are drawn, so that derivatives exist
LEAST_FACING = 0.1  # cosine: a marker seen more obliquely tells nothing here


class Patch:
    """A marker's piece of one picture.

    rows, columns : slices of the picture. Rays of the fine grid are computed once.
    """

    def __init__(
        self, camera: Camera, tool: Tool, marker: Marker, rows: slice, columns: slice, blur: float
    ) -> None:
        self.camera, self.rows, self.columns = camera, rows, columns
        self.cells = marker_pattern(tool.dictionary, marker.id).astype(float)
        c0, c1, _, c3 = marker.corners
        right, down = c1 - c0, c3 - c0
        self.tool_from_plane = np.column_stack([right, down, c0])
        zone = tool.quiet if tool.quiet is not None else marker.side / len(self.cells) / 2
        self.zone = zone / marker.side  # of the side, which is the plane's unit
        self.margin = int(np.ceil(4 * blur)) + 1  # px: blur reaches in from beyond the patch
        height = rows.stop - rows.start + 2 * self.margin
        width = columns.stop - columns.start + 2 * self.margin
        self.shape = (height, width)
        top, left = rows.start - self.margin - 0.5, columns.start - self.margin - 0.5
        self.rays = _rays(camera, top, left, self.shape)

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
        grown = corners.mean(axis=0) + 1.4 * (corners - corners.mean(axis=0))
        pixels = camera.project(grown)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, [shape[1], shape[0]])
        if (high - low < 6).any():
            return None
        rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        return cls(camera, tool, marker, rows, columns, blur)

    def plane(self, pose: Array) -> tuple[Array, Array]:
        """Where the fine grid's rays meet the marker's plane: 0 to 1 across the black square."""
        camera_from_plane = self.camera.rotation @ (pose[:3, :3] @ self.tool_from_plane)
        camera_from_plane[:, 2] += self.camera.rotation @ pose[:3, 3] + self.camera.translation
        meeting = self.rays @ np.linalg.inv(camera_from_plane).T
        fine = (self.shape[0] * FINE, self.shape[1] * FINE)
        return (
            (meeting[:, 0] / meeting[:, 2]).reshape(fine),
            (meeting[:, 1] / meeting[:, 2]).reshape(fine),
        )

    def drawn(self, pose: Array, blur: float) -> Array:
        """The patch's light, 0 black and 1 white, (height, width)."""
        x, y = self.plane(pose)
        sharp = _pattern(self.cells, x, y)
        # the edges' own softness is part of the blur
        rest = np.sqrt(max(blur**2 - EDGE**2, 0.0)) * FINE
        if rest > 0:
            size = 2 * int(np.ceil(5 * rest)) + 1
            sharp = cv2.GaussianBlur(sharp, (size, size), rest, borderType=cv2.BORDER_REPLICATE)
        height, width = self.shape
        summed = sharp.reshape(height, FINE, width, FINE).mean(axis=(1, 3))
        cut = self.margin
        return np.asarray(summed[cut : height - cut, cut : width - cut])

    def inside(self, pose: Array) -> NDArray[np.bool_]:
        """Pixels all of whose light comes from the marker and its white zone."""
        x, y = self.plane(pose)
        least = -self.zone
        own = ((x > least) & (x < 1 + self.zone) & (y > least) & (y < 1 + self.zone)).astype("u1")
        height, width = self.shape
        whole = own.reshape(height, FINE, width, FINE).min(axis=(1, 3))
        reach = 2 * ((self.margin - 1) // 2) + 1
        whole = cv2.erode(whole, np.ones((reach, reach), np.uint8), borderValue=0)
        cut = self.margin
        return np.asarray(whole[cut : height - cut, cut : width - cut] > 0)


def _rays(camera: Camera, top: float, left: float, shape: tuple[int, int]) -> Array:
    """Rays (n, 3), third entry 1, of a fine grid, splines through exact ones a few pixels apart."""
    v, u = (np.linspace(0, size, size // 6 + 4) for size in shape)
    exact = camera.undistort(np.stack(np.meshgrid(left + u, top + v), axis=-1).reshape(-1, 2))
    fine = [(np.arange(size * FINE) + 0.5) / FINE for size in shape]
    axes = [
        RectBivariateSpline(v, u, exact[:, axis].reshape(len(v), len(u)))(*fine).ravel()
        for axis in (0, 1)
    ]
    return np.stack([*axes, np.ones_like(axes[0])], axis=1)


def _pattern(cells: Array, x: Array, y: Array) -> Array:
    """Cells (n, n) over 0 to 1, white around, edges EDGE pixels soft."""
    n = len(cells)
    padded = np.pad(cells, 1, constant_values=1.0)
    sides = []
    for across in (x * n, y * n):
        slope = np.hypot(*(np.gradient(across, axis=a) * FINE for a in (0, 1)))  # cells a pixel
        # other edges than the nearest are too far to be felt
        nearest = np.clip(np.rint(across), 0, n)
        sides.append((nearest.astype(int), ndtr((across - nearest) / (EDGE * slope))))
    (column, right), (row, down) = sides
    upper = padded[row, column] * (1 - right) + padded[row, column + 1] * right
    lower = padded[row + 1, column] * (1 - right) + padded[row + 1, column + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
