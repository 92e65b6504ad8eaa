"""What stands still in the pictures, drawn once a camera by casting rays.

Rays go along the camera's own lens through the middles of its pixels, so depth and edges are where
the lens has them and nothing is resampled. Open3D (Embree) casts them: a renderer for screens has
soft shadows only as shadow maps, and needs a graphics driver. Noise of few rays is evened out over
neighbours on one surface; pixels on edges are drawn in parts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera
from nav.frames import Array
from phantoms.twin.camera import Backdrop
from phantoms.twin.lens import corner_rays
from phantoms.twin.scene import FILL, KEY, SceneItem
from phantoms.twin.scene_light import evened, lots_of, reaching
from phantoms.twin.scene_rays import Hits, Rays, RayScene
from phantoms.twin.scene_shade import Shading
from phantoms.twin.shadow import Lit

FAR = 5000.0  # mm, depth where there is nothing
SAMPLES = (4, 2, 6)  # rays a pixel to key lamp, fill lamp and sky
EDGE_SAMPLES = (1, 1, 2)  # the same for each part of a pixel on an edge
PARTS = 4  # of the side of a pixel on an edge
JUMP = 2.0  # mm of depth between neighbours on an edge
BEND = 0.85  # cosine between their normals


def render_backdrop(
    camera: Camera, rig_from_model: RigidTransform, items: Sequence[SceneItem]
) -> Backdrop:
    """Light and depth of what stands still (items in the model frame), as the lens shows them.

    Depth is z in the camera's frame at the middle of each pixel, mm.
    """
    width, height = camera.size
    model_from_camera = (camera.camera_from_rig * rig_from_model).inv().as_matrix()
    corners = corner_rays(camera)
    scene, shading = RayScene(items), _shading(items)
    rays = _rays((corners[:-1, :-1] + corners[1:, 1:]).reshape(-1, 2) / 2, model_from_camera)
    hits, lots = scene.first(rays), lots_of(height * width)
    shares = reaching(scene, hits, lots, SAMPLES).reshape(height, width, 3)
    points, normals = (x.reshape(height, width, 3) for x in (hits.points, hits.normals))
    for step in (1, 2):
        shares = evened(shares, points, normals, step)
    light = shading.light(rays, hits, shares.reshape(-1, 3), lots)
    on_edge = _edges(hits, (height, width))
    light[on_edge] = _in_parts(scene, shading, corners, on_edge, model_from_camera)
    set_back = np.array([*(item.set_back for item in items), 0.0], np.float32)
    depth = np.where(hits.item < 0, np.float32(FAR), hits.way + set_back[hits.item])
    share = (light[:, 1:] / np.maximum(light[:, :1], 1e-6)).astype(np.float32)
    lit = Lit(share.reshape(height, width, -1), _lamps(model_from_camera))
    return Backdrop(light[:, 0].reshape(height, width), depth.reshape(height, width), lit)


def _lamps(model_from_camera: Array) -> Array:
    """Lamps (2, 4) in the camera's frame: middle and radius, mm."""
    camera_from_model = np.linalg.inv(model_from_camera)
    middles = np.array([KEY.centre, FILL.centre]) @ camera_from_model[:3, :3].T
    return np.column_stack([middles + camera_from_model[:3, 3], [KEY.radius, FILL.radius]])


def _shading(items: Sequence[SceneItem]) -> Shading:
    gel = [item for item in items if item.finish == "gel"]
    bare = [item for item in items if item.finish != "gel"]
    if not gel:
        return Shading(tuple(items), None, None)
    return Shading(tuple(items), RayScene(bare) if bare else None, RayScene(gel))


def _rays(ideal: Array, model_from_camera: Array) -> Rays:
    """Rays (n, 6) in the model frame, of z 1 in the camera's, so that a way along them is depth."""
    rays = np.empty((len(ideal), 6), np.float32)
    rays[:, :3] = model_from_camera[:3, 3]
    rays[:, 3:] = ideal @ model_from_camera[:3, :2].T + model_from_camera[:3, 2]
    return rays


def _edges(hits: Hits, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Pixels next to which something else is seen, or the surface turns sharply."""
    item, way = hits.item.reshape(shape), hits.way.reshape(shape)
    normals = hits.normals.reshape(*shape, 3)
    edge = np.zeros(shape, bool)
    for here, there in (
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:, :], np.s_[:-1, :]),
    ):
        with np.errstate(invalid="ignore"):
            apart = np.abs(way[here] - way[there]) > JUMP
        bent = np.einsum("ijk,ijk->ij", normals[here], normals[there]) < BEND
        differ = (item[here] != item[there]) | apart | bent
        edge[here] |= differ
        edge[there] |= differ
    return np.flatnonzero(edge)


def _in_parts(
    scene: RayScene,
    shading: Shading,
    corners: Array,
    pixels: NDArray[np.intp],
    model_from_camera: Array,
) -> NDArray[np.float32]:
    """Mean light (n, 3) of pixels (n,) over PARTS x PARTS rays each."""
    if not len(pixels):
        return np.zeros((0, 3), np.float32)
    row, column = np.divmod(pixels, corners.shape[1] - 1)
    a, b = corners[row, column], corners[row, column + 1]
    c, d = corners[row + 1, column], corners[row + 1, column + 1]
    at = (np.arange(PARTS) + 0.5) / PARTS
    u, v = (x.reshape(1, -1, 1) for x in np.meshgrid(at, at))
    upper = a[:, None] * (1 - u) + b[:, None] * u
    lower = c[:, None] * (1 - u) + d[:, None] * u
    rays = _rays((upper * (1 - v) + lower * v).reshape(-1, 2), model_from_camera)
    hits, lots = scene.first(rays), lots_of(len(rays))
    shares = reaching(scene, hits, lots, EDGE_SAMPLES)
    return shading.light(rays, hits, shares, lots).reshape(len(pixels), -1, 3).mean(axis=1)
