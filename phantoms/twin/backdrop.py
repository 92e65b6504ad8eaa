"""What stands still in the pictures, drawn once a camera by VTK: bones, tubes, posts, table."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform

from nav import offscreen
from nav.camera.rig import Camera
from nav.frames import Array
from phantoms.twin.camera import Backdrop
from phantoms.twin.lens import corner_rays

# grey of materials under the lamp, 0 to 1, assumed
ALBEDO = {"bone": 0.78, "artery": 0.35, "cord": 0.6, "support": 0.4, "other": 0.5}
TABLE = 0.32
SHARPER = 1.5  # drawn this much larger than the picture, then sampled
FAR = 5000.0  # mm


@dataclass(frozen=True)
class Solid:
    """A surface that stands still: vertices (n, 3), triangles (m, 3), its own frame, mm."""

    vertices: Array
    triangles: NDArray[np.int32]
    albedo: float


def render_backdrop(
    camera: Camera, rig_from_model: RigidTransform, solids: Sequence[Solid], table: float | None
) -> Backdrop:
    """Light and depth of what stands still, with the camera's distortion.

    table : y of a plain table's surface in the model frame, mm; None for no table.
    """
    offscreen.prepare()
    rays = corner_rays(camera)
    centres = (rays[:-1, :-1] + rays[1:, 1:]) / 2
    reach = np.abs(centres).max(axis=(0, 1)) * 1.02
    focal = float(camera.matrix[0, 0]) * SHARPER
    size = np.ceil(2 * reach * focal).astype(int)
    plotter = pyvista.Plotter(off_screen=True, window_size=size.tolist(), lighting="none")
    try:
        camera_from_model = (camera.camera_from_rig * rig_from_model).as_matrix()
        # VTK's camera looks along -z with y up: turn OpenCV's axes half round x
        turn = np.diag([1.0, -1.0, -1.0, 1.0]) @ camera_from_model
        for solid in solids:
            faces = solid.triangles.astype(int)
            mesh = pyvista.PolyData.from_regular_faces(solid.vertices, faces)
            mesh.transform(turn, inplace=True)
            plotter.add_mesh(mesh, color=[solid.albedo] * 3, specular=0.15, smooth_shading=True)
        if table is not None:
            corners = np.array([[-600, table, -600], [-600, table, 600], [600, table, 600]], float)
            corners = np.vstack([corners, [600, table, -600]])
            plane = pyvista.PolyData.from_regular_faces(corners, np.array([[0, 1, 2], [0, 2, 3]]))
            plane.transform(turn, inplace=True)
            plotter.add_mesh(plane, color=[TABLE] * 3, lighting=False)
        _light(plotter)
        view = plotter.camera
        view.position, view.focal_point, view.up = (0, 0, 0), (0, 0, -1), (0, 1, 0)
        view.view_angle = float(np.degrees(2 * np.arctan(size[1] / 2 / focal)))
        view.clipping_range = (50.0, FAR)
        plotter.background_color = pyvista.Color([TABLE * 0.8] * 3)
        picture = plotter.screenshot(return_img=True)
        assert picture is not None
        depth = -plotter.get_image_depth(fill_value=-FAR)
    finally:
        plotter.close()
    at = (centres * focal + (size - 1) / 2).astype(np.float32)
    grey = picture[..., 0].astype(np.float32) / 255.0
    light = cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    near = cv2.remap(
        depth.astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT, borderValue=FAR,
    )  # fmt: skip
    return Backdrop(light, near)


def post(tip: ArrayLike, foot: ArrayLike, radius: float = 2.0) -> Solid:
    """A round post from its foot to the point that can be touched."""
    tip, foot = np.asarray(tip, float), np.asarray(foot, float)
    rod = pyvista.Cylinder(
        center=(tip + foot) / 2, direction=tip - foot, radius=radius,
        height=float(np.linalg.norm(tip - foot)), resolution=16,
    ).triangulate()  # fmt: skip
    return Solid(np.asarray(rod.points, float), rod.faces.reshape(-1, 4)[:, 1:], ALBEDO["support"])


def _light(plotter: pyvista.Plotter) -> None:
    for position, intensity in (((-400.0, 300.0, 200.0), 0.7), ((500.0, 200.0, 100.0), 0.35)):
        plotter.add_light(
            pyvista.Light(
                position=position, focal_point=(0, 0, -600), intensity=intensity,
                light_type="scene light",
            )
        )  # fmt: skip
