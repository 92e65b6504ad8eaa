"""The Cramér-Rao bound of a tool's pose: how well any unbiased tracker could know it.

The image model is this file's own: each marker drawn on a grid finer than the pixels, blurred and
summed over the pixels' areas. What is not known beforehand is estimated along, and so widens the
bound: gain, offset and light gradient of each marker in each picture, and each picture's blur.
What lies beyond each side of a marker's white zone is not known either; pixels on marker and zone
count.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.tool import Marker, Tool
from tests.bench.tracking.patch import Patch

STEPS = np.array([2e-3, 2e-3, 2e-3, 2e-5, 2e-5, 2e-5])  # mm and rad, of central differences
BLUR_STEP = 0.01  # px
ROUNDING = 1 / 12  # variance of rounding to whole grey levels
HIDDEN = 6.0  # sd: pixels further than this from the model are taken to show something else


@dataclass(frozen=True)
class Sight:
    """What is known of the pictures: blur sd, px; noise sd before rounding, grey levels.

    gamma : of the response, level = black + (white - black) * light ** (1 / gamma); 1 is linear.
    """

    blur: float
    noise: float
    gamma: float = 1.0
    black: float = 0.0
    white: float = 255.0

    def light(self, picture: NDArray[np.float64]) -> Array:
        """Light that gives these grey levels, 0 at black and 1 at white."""
        scaled = (picture - self.black) / (self.white - self.black)
        return np.maximum(scaled, 1e-3) ** self.gamma

    def slope(self, light: Array) -> Array:
        """Grey levels a unit of light."""
        bent = np.maximum(light, 1e-3) ** (1 / self.gamma - 1)
        return (self.white - self.black) / self.gamma * bent


def pose_bound(
    rig: Rig, tool: Tool, pose: Array, pictures: Mapping[str, Picture], sight: Sight
) -> Array | None:
    """Least covariance (6, 6) of rig_from_tool; None where the pictures do not fix the pose.

    pose : the true rig_from_tool (4, 4), mm. pictures tell gain and offset, and what is hidden.
    Order and frame of the covariance as everywhere: translation, rotation, on the left in the rig.
    """
    centre = (pose @ np.append(np.mean([m.centre for m in tool.markers], axis=0), 1.0))[:3]
    information = np.zeros((6, 6))
    for name, picture in pictures.items():
        camera = rig[name]
        columns = [
            part
            for marker in tool.markers
            if (part := _columns(camera, tool, marker, pose, centre, picture, sight)) is not None
        ]
        if not columns:
            continue
        with_blur = np.concatenate(columns)
        normal = with_blur.T @ with_blur
        # the picture's blur, shared by its markers, is one more unknown
        information += normal[:6, :6] - np.outer(normal[:6, 6], normal[6, :6]) / normal[6, 6]
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all():
        return None
    scaled = information / np.outer(scale, scale)
    if np.linalg.eigvalsh(scaled)[0] < 1e-9:
        return None
    about_centre = np.linalg.inv(scaled) / np.outer(scale, scale)
    carry = np.eye(6)
    x, y, z = centre
    carry[:3, 3:] = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(carry @ about_centre @ carry.T)


def _columns(
    camera: Camera,
    tool: Tool,
    marker: Marker,
    pose: Array,
    centre: Array,
    picture: Picture,
    sight: Sight,
) -> Array | None:
    """(pixels, 7): derivatives by pose and blur in noise sds, the marker's own unknowns removed."""
    patch = Patch.around(camera, tool, marker, pose, picture.shape, sight.blur)
    if patch is None:
        return None
    light, inside = patch.drawn(pose, sight.blur), patch.inside(pose)
    y, x = np.indices(light.shape).reshape(2, -1) / max(light.shape)
    grey = picture[patch.rows, patch.columns].astype(float).ravel()
    flat = light.ravel()
    beyond = patch.beyond(pose, sight.blur).reshape(4, -1)
    own = np.stack([flat, np.ones_like(flat), flat * x, flat * y, *beyond], axis=1)
    used = inside.ravel() & (grey > 0) & (grey < 255)
    found, used = _lit(own, grey, used, sight)
    if found is None:
        return None
    gains = (found[0] + found[2] * x + found[3] * y)[:, None]
    moved = []
    for axis, step in enumerate(STEPS):
        ends = [patch.drawn(_moved(pose, centre, axis, s * step), sight.blur) for s in (1, -1)]
        moved.append((ends[0] - ends[1]).ravel() / (2 * step))
    ends = [patch.drawn(pose, sight.blur + s * BLUR_STEP) for s in (1, -1)]
    moved.append((ends[0] - ends[1]).ravel() / (2 * BLUR_STEP))
    noise = np.sqrt(sight.noise**2 + ROUNDING)
    slope = (sight.slope(own @ found) / noise)[:, None]
    columns = (np.stack(moved, axis=1) * gains * slope)[used]
    basis, sizes, _ = np.linalg.svd((own * slope)[used], full_matrices=False)
    basis = basis[:, sizes > 1e-6 * sizes[0]]  # there may be nothing beyond a side
    return np.asarray(columns - basis @ (basis.T @ columns))


def _lit(
    own: Array, grey: Array, used: NDArray[np.bool_], sight: Sight
) -> tuple[Array | None, NDArray[np.bool_]]:
    """Gain, offset and gradient that explain the picture; pixels that show the marker."""
    light = sight.light(grey)
    for _ in range(8):
        if used.sum() < 30:
            return None, used
        slope = sight.slope(light)
        found = np.linalg.lstsq(own[used] * slope[used, None], (light * slope)[used])[0]
        off = np.abs((own @ found - light) * slope)
        limit = max(HIDDEN * np.sqrt(sight.noise**2 + ROUNDING), 2.5 * float(np.median(off[used])))
        kept = used & (off < limit)
        if kept.sum() == used.sum():
            break
        used = kept
    return (np.asarray(found) if found[0] > 0 else None), used


def _moved(pose: Array, centre: Array, axis: int, by: float) -> Array:
    """The pose shifted, or turned about `centre`, along one axis of the rig."""
    result = pose.copy()
    if axis < 3:
        result[axis, 3] += by
        return result
    turn, _ = cv2.Rodrigues(np.eye(3)[axis - 3] * by)
    result[:3, :3] = turn @ pose[:3, :3]
    result[:3, 3] = turn @ (pose[:3, 3] - centre) + centre
    return result
