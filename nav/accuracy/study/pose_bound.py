"""How well a tool's pose can be known from its markers' edges, and what shifts it.

The Cramér-Rao bound of an edge: blurred by b and sampled by pixels of noise n, an edge of contrast
c tells its place across itself with the information c^2 / (2 sqrt(pi) b n^2) per pixel of its
length. Where the next edge is only w pixels away both are seen as a line, with 1 - exp(-w^2 / 4b^2)
of that. Brightness and blur are taken as known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera
from nav.core.frames import Array, point_jacobian
from nav.tracking.tool import Marker, Tool, marker_pattern

LEAST_SIDE = 12.0  # px: smaller markers are not found
FACING = 0.17  # least cosine of obliquity: 80 degrees
PIXEL = 1.0 / 12.0  # px^2: a pixel's own width as blur; grey levels^2: rounding


@dataclass(frozen=True)
class Sharpness:
    """What decides how well an edge is seen.

    Parameters
    ----------
    noise, contrast : float
        Grey levels.
    blur : float
        Standard deviation, px.
    """

    noise: float
    contrast: float
    blur: float


@dataclass(frozen=True)
class PoseErrors:
    """Errors of a tool's pose, as left perturbations in the rig frame, mm and rad.

    Parameters
    ----------
    random : ndarray, shape (6, 6)
        Covariance by the pixels' noise.
    turns : ndarray, shape (6, 3 n)
        By each camera's turn about its axes, per rad.
    places : ndarray, shape (6, 3 m)
        By each marker's displacement in the tool's frame, per mm.
    scale : ndarray, shape (6,)
        By the print's scale, per unit.
    motion : ndarray, shape (6, 3 n)
        By what each camera sees displaced in the rig frame, per mm.
    rolling : ndarray, shape (6, 3)
        The same where it grows with the row from -1/2 to 1/2, in all cameras.
    views : int
        Markers seen, over all cameras.
    """

    random: Array
    turns: Array
    places: Array
    scale: Array
    motion: Array
    rolling: Array
    views: int


@dataclass(frozen=True)
class _Edges:
    """Edges of a marker's cells in the tool's frame: middles, unit tangents, lengths."""

    middles: Array
    tangents: Array
    across: Array
    cell: float


def pose_errors(
    cameras: Sequence[Camera], tool: Tool, rig_from_tool: RigidTransform, seen: Sharpness
) -> PoseErrors | None:
    """Predict the errors of a pose that is fitted to all edges of the markers in view.

    Parameters
    ----------
    cameras : sequence of Camera
        The rig.
    tool : Tool
        Its markers.
    rig_from_tool : RigidTransform
        True pose, mm.
    seen : Sharpness
        Of the images.

    Returns
    -------
    PoseErrors or None
        None where the markers in view do not determine the pose.
    """
    rotation = rig_from_tool.rotation.as_matrix()
    columns = 6 + 6 * len(cameras) + 3 * len(tool.markers) + 1 + 3
    normal = np.zeros((6, columns))
    views = 0
    for c, camera in enumerate(cameras):
        for m, marker in enumerate(tool.markers):
            if not _in_view(camera, marker, rig_from_tool):
                continue
            views += 1
            edges = _edges(tool.dictionary, marker)
            points = rig_from_tool.apply(edges.middles)
            pixels, by_point = camera.project_with_jacobian(points)
            along = np.einsum("nij,jk,nk->ni", by_point, rotation, edges.tangents)
            per_mm = np.linalg.norm(along, axis=1)
            away = np.stack([-along[:, 1], along[:, 0]], axis=1) / per_mm[:, None]
            row = np.einsum("ni,nij->nj", away, by_point)  # of an edge's place across itself
            width = edges.cell * np.abs(np.einsum("ni,ij,nj->n", row, rotation, edges.across))
            weight = per_mm * edges.cell * _information(seen, width)
            full = np.zeros((len(points), columns))
            full[:, :6] = np.einsum("nj,njk->nk", row, point_jacobian(points))
            in_camera = camera.from_rig(points)
            by_camera = row @ camera.rotation.T
            full[:, 6 + 3 * c : 9 + 3 * c] = -np.cross(by_camera, in_camera)
            start = 6 + 3 * len(cameras)
            full[:, start + 3 * m : start + 3 * m + 3] = row @ rotation
            start += 3 * len(tool.markers)
            full[:, start] = np.einsum("nj,jk,nk->n", row, rotation, edges.middles)
            start += 1
            full[:, start + 3 * c : start + 3 * c + 3] = row
            start += 3 * len(cameras)
            share = pixels[:, 1] / camera.size[1] - 0.5
            full[:, start : start + 3] = row * share[:, None]
            normal += full[:, :6].T @ (full * weight[:, None])
    information = normal[:, :6]
    size = np.sqrt(np.diag(information))
    if not size.all() or np.linalg.cond(information / np.outer(size, size)) > 1e10:
        return None
    by = np.linalg.solve(information, normal[:, 6:])
    ends = np.cumsum([3 * len(cameras), 3 * len(tool.markers), 1, 3 * len(cameras)])
    turns, places, scale, motion, rolling = np.split(by, ends, axis=1)
    random = np.asarray(np.linalg.inv(information), float)
    return PoseErrors(random, turns, places, scale[:, 0], motion, rolling, views)


def _information(seen: Sharpness, width: Array) -> Array:
    """Return the information per px of an edge's length, px^-3, whose neighbour is `width` away."""
    blur2, noise2 = seen.blur**2 + PIXEL, seen.noise**2 + PIXEL
    alone = seen.contrast**2 / (2.0 * np.sqrt(np.pi * blur2) * noise2)
    return np.asarray(alone * -np.expm1(-(width**2) / (4.0 * blur2)))


def _in_view(camera: Camera, marker: Marker, rig_from_tool: RigidTransform) -> bool:
    corners = rig_from_tool.apply(marker.corners)
    in_camera = camera.from_rig(corners)
    if in_camera[:, 2].min() <= 1.0:
        return False
    normal = camera.rotation @ rig_from_tool.rotation.as_matrix() @ marker.normal
    centre = in_camera.mean(axis=0)
    if -(normal @ centre) < FACING * np.linalg.norm(centre):
        return False
    pixels = camera.project(corners)
    inside = (pixels >= 0).all() and (pixels <= np.array(camera.size) - 1).all()
    sides = np.linalg.norm(np.roll(pixels, -1, axis=0) - pixels, axis=1)
    diagonals = np.linalg.norm(pixels[:2] - pixels[2:], axis=1)
    area = 0.5 * abs(_cross(pixels[2] - pixels[0], pixels[3] - pixels[1]))
    return bool(inside and sides.max() > LEAST_SIDE and area / diagonals.max() > LEAST_SIDE / 4)


def _cross(a: Array, b: Array) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _edges(dictionary: str, marker: Marker) -> _Edges:
    """Return the cell edges between black and white, with the white zone round the marker."""
    cells = np.pad(marker_pattern(dictionary, marker.id), 1, constant_values=1)
    count = len(cells) - 2
    c0, c1, _, c3 = marker.corners
    right, down = (c1 - c0) / count, (c3 - c0) / count
    rows, columns = np.nonzero(cells[:, 1:] != cells[:, :-1])
    upright = c0 + np.outer(columns, right) + np.outer(rows - 0.5, down)
    lower, across = np.nonzero(cells[1:] != cells[:-1])
    level = c0 + np.outer(across - 0.5, right) + np.outer(lower, down)
    side = float(np.linalg.norm(right))
    unit = np.stack([right / side, down / float(np.linalg.norm(down))])
    kind = np.repeat([0, 1], [len(upright), len(level)])
    return _Edges(np.concatenate([upright, level]), unit[1 - kind], unit[kind], side)
