"""How well a tool's pose can be known from its markers' pixels, and what shifts it.

The Cramér-Rao bound of the pose, with the brightness and blur of each marker in each image unknown:
no unbiased tracker that knows no more scatters less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.accuracy.study.marker_pixels import marker_pixels
from nav.camera.rig import Camera
from nav.core.frames import Array, point_jacobian
from nav.tracking.tool import Marker, Tool

LEAST_SIDE = 12.0  # px: smaller markers are not found
FACING = 0.17  # least cosine of obliquity: 80 degrees
ROUNDING = 1.0 / 12.0  # grey levels^2


@dataclass(frozen=True)
class Sharpness:
    """What decides how well a marker is seen.

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


def pose_errors(
    cameras: Sequence[Camera], tool: Tool, rig_from_tool: RigidTransform, seen: Sharpness
) -> PoseErrors | None:
    """Predict the errors of a pose that is fitted to all pixels of the markers in view.

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
    per_sd = seen.contrast / np.sqrt(seen.noise**2 + ROUNDING)
    for c, camera in enumerate(cameras):
        for m, marker in enumerate(tool.markers):
            if not _in_view(camera, marker, rig_from_tool):
                continue
            views += 1
            looks = marker_pixels(camera, tool, marker, rig_from_tool, seen.blur)
            points = rig_from_tool.apply(looks.points)
            _, by_point = camera.project_with_jacobian(points)
            row = per_sd * np.einsum("ni,nij->nj", looks.slopes, by_point)
            full = np.zeros((len(points), columns))
            full[:, :6] = np.einsum("nj,njk->nk", row, point_jacobian(points))
            in_camera = camera.from_rig(points)
            by_camera = row @ camera.rotation.T
            full[:, 6 + 3 * c : 9 + 3 * c] = -np.cross(by_camera, in_camera)
            start = 6 + 3 * len(cameras)
            full[:, start + 3 * m : start + 3 * m + 3] = row @ rotation
            start += 3 * len(tool.markers)
            full[:, start] = np.einsum("nj,jk,nk->n", row, rotation, looks.points)
            start += 1
            full[:, start + 3 * c : start + 3 * c + 3] = row
            start += 3 * len(cameras)
            share = looks.pixels[:, 1] / camera.size[1] - 0.5
            full[:, start : start + 3] = row * share[:, None]
            full -= looks.appearance @ (looks.appearance.T @ full)
            normal += full[:, :6].T @ full
    information = normal[:, :6]
    size = np.sqrt(np.diag(information))
    if not size.all() or np.linalg.cond(information / np.outer(size, size)) > 1e10:
        return None
    by = np.linalg.solve(information, normal[:, 6:])
    ends = np.cumsum([3 * len(cameras), 3 * len(tool.markers), 1, 3 * len(cameras)])
    turns, places, scale, motion, rolling = np.split(by, ends, axis=1)
    random = np.asarray(np.linalg.inv(information), float)
    return PoseErrors(random, turns, places, scale[:, 0], motion, rolling, views)


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
