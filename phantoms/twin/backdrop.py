"""The static parts of the images, drawn once per camera by casting rays.

Rays go along the camera's own lens through the centres of its pixels, so depth and edges are where
the lens projects them and nothing is resampled. Open3D (Embree) casts them: a renderer for screens
has soft shadows only as shadow maps, and needs a graphics driver. The noise of few rays is averaged
over neighbours on one surface; pixels on edges are supersampled.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera
from nav.core.frames import Array
from phantoms.twin.inverse_distortion import corner_rays
from phantoms.twin.scene_light import evened, lots_of, reaching
from phantoms.twin.scene_rays import Hits, Rays, RayScene
from phantoms.twin.scene_shade import Shading
from phantoms.twin.shadow import Backdrop, Lit
from phantoms.twin.simulated_room import FILL, KEY, SceneItem

FAR = 5000.0  # mm, depth where there is nothing
SAMPLES = (4, 2, 6)  # rays per pixel to key lamp, fill lamp and sky
EDGE_SAMPLES = (1, 1, 2)  # the same for each part of a pixel on an edge
PARTS = 4  # of the side of a pixel on an edge
JUMP = 2.0  # mm of depth between neighbours on an edge
BEND = 0.85  # cosine between their normals
EVENED = (1, 2)  # distance in pixels of those that light is averaged over, pass by pass
STRIP = 60  # rows drawn at once, to keep memory low
MARGIN = 2 * sum(EVENED)  # rows beyond a strip that its light depends on

Floats = NDArray[np.float32]


def render_backdrop(
    camera: Camera,
    rig_from_model: RigidTransform,
    items: Sequence[SceneItem],
    progress: Callable[[float], None] = lambda share: None,
) -> Backdrop:
    """Render light and depth of the static scene as the lens shows them.

    It is drawn in strips of rows, so that the hits of the rays are in memory for one strip only.

    Parameters
    ----------
    camera : Camera
        The camera.
    rig_from_model : RigidTransform
        Pose of the model, mm.
    items : sequence of SceneItem
        Static items, model frame.
    progress : callable, optional
        Called with the share drawn, 0 to 1.

    Returns
    -------
    Backdrop
        Light, and depth as z in the camera's frame at the centre of each pixel, mm.
    """
    width, height = camera.size
    model_from_camera = (camera.camera_from_rig * rig_from_model).inv().as_matrix()
    corners = corner_rays(camera)
    scene, shading = RayScene(items), _shading(items)
    set_back = np.array([*(item.set_back for item in items), 0.0], np.float32)
    lots = lots_of(height * width).reshape(height, width, 2)
    light = np.empty((height, width), np.float32)
    depth = np.empty((height, width), np.float32)
    share = np.empty((height, width, 2), np.float32)
    edges_before = 0
    for start in range(0, height, STRIP):
        first, last = max(start - MARGIN, 0), min(start + STRIP + MARGIN, height)
        rows = slice(start - first, min(start + STRIP, height) - first)
        around = corners[first : last + 1]
        rays = _rays((around[:-1, :-1] + around[1:, 1:]).reshape(-1, 2) / 2, model_from_camera)
        hits, own = scene.first(rays), lots[first:last].reshape(-1, 2)
        shape = last - first, width
        drawn = shading.light(rays, hits, _shares(scene, hits, own, shape), own)
        drawn = drawn.reshape(*shape, 3)[rows]
        edge = _edges(hits, shape)[rows]
        pixels = np.flatnonzero(edge)
        drawn[edge] = _in_parts(
            scene, shading, around[rows.start : rows.stop + 1], pixels, model_from_camera,
            edges_before,
        )  # fmt: skip
        edges_before += len(pixels)
        here = slice(start, start + len(drawn))
        light[here] = drawn[..., 0]
        share[here] = drawn[..., 1:] / np.maximum(drawn[..., :1], 1e-6)
        ways = np.where(hits.item < 0, np.float32(FAR), hits.way + set_back[hits.item])
        depth[here] = ways.reshape(shape)[rows]
        progress(here.stop / height)
    return Backdrop(light, depth, Lit(share, _lamps(model_from_camera)))


def _shares(scene: RayScene, hits: Hits, lots: Floats, shape: tuple[int, int]) -> Floats:
    """Return shares (n, 3) of the lights that reach the hits, averaged over neighbours."""
    shares = reaching(scene, hits, lots, SAMPLES).reshape(*shape, 3)
    points, normals = (x.reshape(*shape, 3) for x in (hits.points, hits.normals))
    for step in EVENED:
        shares = evened(shares, points, normals, step)
    return shares.reshape(-1, 3)


def _lamps(model_from_camera: Array) -> Array:
    """Return the lamps (2, 4) in the camera's frame: centre and radius, mm."""
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
    """Return rays (n, 6) in the model frame, z = 1 in the camera's, so that length is depth."""
    rays = np.empty((len(ideal), 6), np.float32)
    rays[:, :3] = model_from_camera[:3, 3]
    rays[:, 3:] = ideal @ model_from_camera[:3, :2].T + model_from_camera[:3, 2]
    return rays


def _edges(hits: Hits, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Find pixels next to which another item is seen, or the surface bends sharply."""
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
    return edge


def _in_parts(
    scene: RayScene,
    shading: Shading,
    corners: Array,
    pixels: NDArray[np.intp],
    model_from_camera: Array,
    before: int,
) -> Floats:
    """Return the mean light (n, 3) of pixels (n,) over PARTS x PARTS rays each.

    `before` is how many pixels were supersampled before, so that no two sample alike.
    """
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
    hits, lots = scene.first(rays), lots_of(before * PARTS**2 + len(rays))[-len(rays) :]
    shares = reaching(scene, hits, lots, EDGE_SAMPLES)
    return shading.light(rays, hits, shares, lots).reshape(len(pixels), -1, 3).mean(axis=1)
