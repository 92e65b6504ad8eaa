"""A tool's markers as arrays, and which of them a camera should see from a pose."""

import math

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.pattern import colour_changes
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Tool

FACING = 0.10  # least cosine of obliquity: 84 degrees
LEAST_CELL = 0.9  # px: a cell seen smaller says nothing
LEAST_DEPTH = 1.0  # mm before a camera
BORDER = 0.3  # of a marker's width that may lie beyond the picture's edge
HALF_CELL = 0.5  # the white zone where a file does not say
MAX_ZONE = 1.0  # cells of white zone used at most


class Shape:
    """A tool's markers as arrays: patterns, planes and corners in the tool frame, mm."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        patterns = [marker_pattern(tool.dictionary, marker.id) for marker in tool.markers]
        self.count = len(patterns[0])
        padded = [np.pad(p, 1, constant_values=1) for p in patterns]
        self.changes = np.stack([colour_changes(cells, len(cells) - 2) for cells in padded])
        self.corners = np.array([marker.corners for marker in tool.markers])
        self.centres = self.corners.mean(axis=1)
        self.normals = np.array([marker.normal for marker in tool.markers])
        self.sides = np.array([marker.side for marker in tool.markers])
        zone = HALF_CELL if tool.quiet is None else tool.quiet / self.sides * self.count
        self.zones = np.minimum(np.broadcast_to(zone, self.sides.shape), MAX_ZONE).astype(float)
        c0, c1, c2, c3 = self.corners.swapaxes(0, 1)
        across, down = (c1 - c0 + c2 - c3) / 2, (c3 - c0 + c2 - c1) / 2
        origin = self.centres - (across + down) / 2
        # columns: along x a cell, along y a cell, where cell (0, 0) begins
        self.planes = np.stack([across / self.count, down / self.count, origin], axis=-1)
        self.middle: Array = self.centres.mean(axis=0)

    def seen_from(self, camera_model: CameraModel, pose: Array) -> NDArray[np.int64]:
        """Return indices of markers that face a camera within its image, by rig_from_tool."""
        camera = camera_model.camera
        chosen, corners, in_front = _facing(
            self.centres, self.normals, self.corners, pose, camera_model.place, camera.rotation,
            camera.translation,
        )  # fmt: skip
        if not len(chosen):
            return chosen
        pixels = camera.project(corners.reshape(-1, 3)).reshape(-1, 4, 2)
        width, height = camera.size
        return chosen[_whole(pixels, width, height, LEAST_CELL * self.count) & in_front]


@njit(nogil=True, cache=True)
def _facing(centres, normals, corners, pose, place, rotation, translation):
    """Return markers that face a camera, before it, and corners (n, 4, 3), rig frame, mm.

    Last (n,) whether all corners are before the camera too.
    """
    chosen, facing = np.empty(len(centres), np.int64), 0
    for k in range(len(centres)):
        centre, normal = move_point(pose, centres[k]), turn_vector(pose, normals[k])
        depth, along, square = translation[2], 0.0, 0.0
        for a in range(3):
            towards = place[a] - centre[a]
            along += normal[a] * towards
            square += towards * towards
            depth += rotation[2, a] * centre[a]
        if along > FACING * math.sqrt(square) and depth > LEAST_DEPTH:
            chosen[facing] = k
            facing += 1
    quads, in_front = np.empty((facing, 4, 3)), np.ones(facing, np.bool_)
    for k in range(facing):
        for c in range(4):
            corner = move_point(pose, corners[chosen[k], c])
            depth = translation[2]
            for a in range(3):
                quads[k, c, a] = corner[a]
                depth += rotation[2, a] * corner[a]
            in_front[k] &= depth > LEAST_DEPTH
    return chosen[:facing], quads, in_front


@njit(nogil=True, cache=True)
def turn_vector(pose, v):
    """Rotate a vector by a pose.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        Rigid transform.
    v : sequence of 3 floats
        The vector.

    Returns
    -------
    tuple of 3 floats
    """
    return (
        pose[0, 0] * v[0] + pose[0, 1] * v[1] + pose[0, 2] * v[2],
        pose[1, 0] * v[0] + pose[1, 1] * v[1] + pose[1, 2] * v[2],
        pose[2, 0] * v[0] + pose[2, 1] * v[1] + pose[2, 2] * v[2],
    )


@njit(nogil=True, cache=True)
def move_point(pose, point):
    """Transform a point by a pose.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        Rigid transform.
    point : sequence of 3 floats
        In mm.

    Returns
    -------
    tuple of 3 floats
        In mm.
    """
    x, y, z = turn_vector(pose, point)
    return x + pose[0, 3], y + pose[1, 3], z + pose[2, 3]


@njit(nogil=True, cache=True)
def _whole(pixels, width, height, least):
    """Return whether quadrilaterals (n, 4, 2) lie mostly within an image and are large enough."""
    good = np.zeros(len(pixels), np.bool_)
    for k in range(len(pixels)):
        quad, inside = pixels[k], True
        for axis in range(2):
            low, high, most = quad[:, axis].min(), quad[:, axis].max(), (width, height)[axis]
            seen = min(max(high, 0.0), most) - min(max(low, 0.0), most)
            inside &= seen > (1.0 - BORDER) * (high - low)
        twice = (quad[2, 0] - quad[0, 0]) * (quad[3, 1] - quad[1, 1])
        twice -= (quad[2, 1] - quad[0, 1]) * (quad[3, 0] - quad[1, 0])
        good[k] = inside and math.sqrt(abs(twice) / 2.0) > least * math.sqrt(FACING)
    return good
