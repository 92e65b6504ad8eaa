"""Soft shadows of moving bodies on the static scene.

Rays to the lamps for each image would take longer than everything else in it. Moving bodies are
thin or round, so each of their parts is a capsule, whose shadow has a closed form where the lamp
fades towards its rim as a bell curve of the same spread. The difference to a round lamp is up to a
tenth of the light in the corners of a dark shadow, a few thousandths elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from phantoms.twin.simulated_bodies import Shaft

FAINT = 0.004  # share of the light; a weaker shadow is below one grey level
COARSE, FINE = 12, 3  # pixels between the points of a search, and of a drawing
EVERYWHERE: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
TOUCHING = 0.05  # mm, nearest that a capsule's axis counts as above a surface


@dataclass(frozen=True)
class Lit:
    """The part of a backdrop's light that comes from its lamps.

    Attributes
    ----------
    share : ndarray of float32, shape (height, width, lamps)
        Share of each pixel's light.
    lamps : ndarray, shape (lamps, 4)
        Centres in the camera's frame and radii, mm.
    """

    share: NDArray[np.float32]
    lamps: Array


@dataclass(frozen=True)
class Backdrop:
    """The static scene.

    Attributes
    ----------
    light : ndarray of float32, shape (height, width)
        Light.
    depth : ndarray of float32, shape (height, width)
        z, mm.
    lit : Lit or None
        Where its light comes from, for shadows of moving bodies; None: nothing casts any.
    """

    light: NDArray[np.float32]
    depth: NDArray[np.float32]
    lit: Lit | None = None


class Shadows:
    """Shadows on one camera's backdrop.

    Parameters
    ----------
    rays : ndarray, shape (height + 1, width + 1, 2)
        Of pixels' corners, ideal.
    depth : ndarray of float32, shape (height, width)
        z of the backdrop, mm.
    lit : Lit
        Its light from lamps.
    """

    def __init__(self, rays: Array, depth: NDArray[np.float32], lit: Lit) -> None:
        self.rays, self.depth, self.lit = rays, depth, lit
        self.searched: tuple[bytes, NDArray[np.float32]] | None = None  # the last search

    def window(self, capsules: Array) -> tuple[int, int, int, int]:
        """Find the window outside of which no shadow is visible.

        Parameters
        ----------
        capsules : ndarray, shape (n, 7)
            Ends and radius, camera frame, mm.

        Returns
        -------
        tuple of 4 ints
            row0, row1, column0, column1.
        """
        height, width = self.depth.shape
        dimmed = self._coarse(capsules)
        rows, columns = np.nonzero(dimmed > FAINT)
        if not len(rows):
            return 0, 0, 0, 0
        return (
            max((int(rows.min()) - 1) * COARSE, 0),
            min((int(rows.max()) + 2) * COARSE, height),
            max((int(columns.min()) - 1) * COARSE, 0),
            min((int(columns.max()) + 2) * COARSE, width),
        )

    def left(self, capsules: Array, window: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """Compute the share of light (rows, columns) of a window that capsules leave.

        Parameters
        ----------
        capsules : ndarray, shape (n, 7)
            Ends and radius, camera frame, mm.
        window : tuple of 4 ints
            row0, row1, column0, column1.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            0 to 1.
        """
        row0, row1, column0, column1 = window
        dimmed = self._dimmed(capsules, window, FINE, self._near(capsules))
        coarser = np.array([[1.0 / FINE, 0.0, 0.0], [0.0, 1.0 / FINE, 0.0]])
        size = (column1 - column0, row1 - row0)
        fine = cv2.warpAffine(
            dimmed,
            coarser,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return 1.0 - fine

    def _coarse(self, capsules: Array) -> NDArray[np.float32]:
        key = capsules.tobytes()
        if self.searched is None or self.searched[0] != key:
            height, width = self.depth.shape
            whole = self._dimmed(capsules, (0, height, 0, width), COARSE, EVERYWHERE)
            self.searched = key, whole
        return self.searched[1]

    def _near(self, capsules: Array) -> NDArray[np.uint8]:
        """Return 1 at points of the search at or next to which there may be a shadow."""
        return cv2.dilate(
            (self._coarse(capsules) > 0.0).astype(np.uint8), np.ones((3, 3), np.uint8)
        )

    def _dimmed(
        self,
        capsules: Array,
        window: tuple[int, int, int, int],
        step: int,
        near: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        row0, row1, column0, column1 = window
        # one point more than the window holds, to interpolate up to its rim
        rows = np.minimum(np.arange(row0, row1 + step, step), self.depth.shape[0] - 1)
        columns = np.minimum(np.arange(column0, column1 + step, step), self.depth.shape[1] - 1)
        dimmed = np.zeros((len(rows), len(columns)), np.float32)
        slack = 0.75 * step if step > FINE else 0.0  # half of its squares' diagonal
        _dim(
            self.rays,
            self.depth,
            self.lit.share,
            self.lit.lamps,
            capsules,
            rows,
            columns,
            slack,
            near,
            dimmed,
        )
        return dimmed


def in_frame(casts: Sequence[Shaft], frame_from_body: Array) -> Array:
    """Transform the capsules of a body to another frame.

    Parameters
    ----------
    casts : sequence of Shaft
        Start, end and diameter, body's frame, mm.
    frame_from_body : ndarray, shape (4, 4)
        The transform.

    Returns
    -------
    ndarray, shape (n, 7)
        Ends and radius, mm.
    """
    rotation, move = frame_from_body[:3, :3], frame_from_body[:3, 3]
    rows = [
        [*(rotation @ start + move), *(rotation @ end + move), diameter / 2]
        for start, end, diameter in casts
    ]
    return np.array(rows, float).reshape(-1, 7)


@njit(nogil=True, cache=True, error_model="numpy")
def _dim(rays, depth, share, lamps, capsules, rows, columns, slack, near, dimmed):
    """Compute the share of light that is taken away.

    slack : pixels by which capsules are made wider. near : 0 at points of the search, COARSE pixels
    apart, around which there is none.
    """
    bounds = _spheres(capsules)
    all_of_them = _around(bounds)
    point, towards = np.empty(3), np.empty(3)
    for i in range(len(rows)):
        for j in range(len(columns)):
            row, column = rows[i], columns[j]
            at, beside = row // COARSE, column // COARSE
            if at < near.shape[0] and beside < near.shape[1] and near[at, beside] == 0:
                continue
            z = depth[row, column]
            for c in range(2):
                point[c] = (rays[row, column, c] + rays[row + 1, column + 1, c]) / 2 * z
            point[2] = z
            nearby = min(row + 1, depth.shape[0] - 1)
            further = (rays[nearby, column, 1] + rays[nearby + 1, column + 1, 1]) / 2
            wider = slack * z * abs(further - point[1] / z)
            for lamp in range(len(lamps)):
                if share[row, column, lamp] < FAINT:
                    continue
                way = _direction(point, lamps[lamp], towards)
                sd = lamps[lamp, 3] / 2.0 * math.sqrt(2.0)  # a disc's; root 2 is erf's
                if _is_clear(point, towards, way, all_of_them, sd, wider):
                    continue
                seen = 1.0
                for k in range(len(capsules)):
                    if _is_clear(point, towards, way, bounds[k], sd, wider):
                        continue
                    seen *= 1.0 - _hidden(point, towards, way, sd, capsules[k], wider)
                dimmed[i, j] += share[row, column, lamp] * (1.0 - seen)


@njit(nogil=True, cache=True, error_model="numpy")
def _spheres(capsules):
    """Return spheres (n, 5) around capsules: centre, radius, and the capsule's own radius."""
    spheres = np.empty((len(capsules), 5))
    for k in range(len(capsules)):
        square = 0.0
        for c in range(3):
            spheres[k, c] = (capsules[k, c] + capsules[k, 3 + c]) / 2
            square += (capsules[k, 3 + c] - capsules[k, c]) ** 2 / 4
        spheres[k, 3], spheres[k, 4] = math.sqrt(square), capsules[k, 6]
    return spheres


@njit(nogil=True, cache=True, error_model="numpy")
def _around(spheres):
    """Return one sphere that contains several, as wide as the widest of their capsules."""
    whole = np.zeros(5)
    for k in range(len(spheres)):
        for c in range(3):
            whole[c] += spheres[k, c] / len(spheres)
    for k in range(len(spheres)):
        square = 0.0
        for c in range(3):
            square += (spheres[k, c] - whole[c]) ** 2
        whole[3] = max(whole[3], math.sqrt(square) + spheres[k, 3])
        whole[4] = max(whole[4], spheres[k, 4])
    return whole


@njit(nogil=True, cache=True, error_model="numpy")
def _direction(point, lamp, towards):
    """Write the unit direction to a lamp's centre into `towards`; return the distance."""
    square = 0.0
    for c in range(3):
        towards[c] = lamp[c] - point[c]
        square += towards[c] * towards[c]
    way = math.sqrt(square)
    for c in range(3):
        towards[c] /= way
    return way


@njit(nogil=True, cache=True, error_model="numpy")
def _is_clear(point, towards, way, sphere, sd, wider):
    """Return whether a capsule within a sphere is surely too far away for `_hidden` to count it."""
    x, y, z = sphere[0] - point[0], sphere[1] - point[1], sphere[2] - point[2]
    along = x * towards[0] + y * towards[1] + z * towards[2]
    radius = sphere[3]
    if along + radius <= TOUCHING:
        return True  # all of its axis is below the surface
    nearest = max(along - radius, TOUCHING)
    off = math.sqrt(max(x * x + y * y + z * z - along * along, 0.0)) - radius
    if off <= 0.0:
        return False
    # on the lamp's plane: least distance from its middle, greatest half width, and what counts
    half = (sphere[4] + wider) * way / nearest
    return off * way / (along + radius) > 1.4143 * (2.0 * sd + half)


@njit(nogil=True, cache=True, error_model="numpy")
def _hidden(point, towards, way, sd, capsule, wider):
    """Return the share of a lamp that a capsule hides from a point, on the lamp's plane."""
    ux, uy, uz = towards[0], towards[1], towards[2]
    ax, ay, az = capsule[0] - point[0], capsule[1] - point[1], capsule[2] - point[2]
    bx, by, bz = capsule[3] - point[0], capsule[4] - point[1], capsule[5] - point[2]
    a, b = ax * ux + ay * uy + az * uz, bx * ux + by * uy + bz * uz
    if max(a, b) <= TOUCHING or min(a, b) >= way:
        return 0.0
    if a < TOUCHING:  # what is below the surface casts no shadow on it
        t = (TOUCHING - a) / (b - a)
        ax, ay, az, a = ax + t * (bx - ax), ay + t * (by - ay), az + t * (bz - az), TOUCHING
    if b < TOUCHING:
        t = (TOUCHING - b) / (a - b)
        bx, by, bz, b = bx + t * (ax - bx), by + t * (ay - by), bz + t * (az - bz), TOUCHING
    # ends on the lamp's plane, from its middle
    px, py, pz = (ax / a - ux) * way, (ay / a - uy) * way, (az / a - uz) * way
    qx, qy, qz = (bx / b - ux) * way, (by / b - uy) * way, (bz / b - uz) * way
    dx, dy, dz = qx - px, qy - py, qz - pz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    if length < 1e-9:
        near, along, off = 0.0, 0.0, math.sqrt(px * px + py * py + pz * pz)
    else:
        along = (px * dx + py * dy + pz * dz) / length
        square = px * px + py * py + pz * pz - along * along
        off, near = math.sqrt(max(square, 0.0)), min(max(-along / length, 0.0), 1.0)
    # width where the capsule comes nearest to the lamp's middle
    above = 1.0 / ((1.0 - near) / a + near / b)
    half = (capsule[6] + wider) * way / above
    if off - half > 2.0 * sd or along - half > 2.0 * sd or along + length + half < -2.0 * sd:
        return 0.0
    across = math.erf((off + half) / sd) - math.erf((off - half) / sd)
    lengthways = math.erf((along + length + half) / sd) - math.erf((along - half) / sd)
    return 0.25 * across * lengthways
