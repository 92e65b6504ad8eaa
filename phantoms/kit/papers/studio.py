"""Pictures of solids on white: soft light, dark edges, labels with leader lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.spatial.transform import RigidTransform
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray

from nav import offscreen
from phantoms.anatomy.mesh import Array, Mesh
from phantoms.kit.papers.picture_labels import LETTERS, Label, with_labels

Colour = tuple[float, float, float]

SIZE = (1000, 750)  # pixels
EDGE_COLOUR = (0.25, 0.28, 0.32)
SHARP = 35.0  # degrees between faces that make an edge
LIGHTS = (((-0.55, 0.85, 1.0), 0.78), ((1.0, 0.1, 0.6), 0.32), ((0.0, -0.6, 0.4), 0.12))
MARGIN, LABEL_MARGIN = 0.03, 0.18  # share of the picture's width left free on each side
REACH = 600.0  # mm, from the camera to the middle of what is seen
DEPTH_SLACK = 1e-3  # of the depth buffer (1.2 mm), that a point may lie behind what is seen


@dataclass(frozen=True)
class Shown:
    """A solid in a picture.

    Parameters
    ----------
    mesh : Mesh
        mm.
    colour : tuple of 3 float
        sRGB, 0 to 1.
    opacity : float, optional
        0 to 1.
    place : RigidTransform, optional
        scene_from_mesh; identity by default.
    label : str, optional
        Words with a line to it.
    edges : bool, optional
        Whether sharp ones are drawn.
    printed : bool, optional
        Whether it is a part of the kit, which may be shown in any colour.
    """

    mesh: Mesh
    colour: Colour
    opacity: float = 1.0
    place: RigidTransform | None = None
    label: str = ""
    edges: bool = True
    printed: bool = False


@dataclass(frozen=True)
class View:
    """A direction of view, in the scene's frame.

    Attributes
    ----------
    towards : tuple of 3 float
        From the scene to the viewer.
    up : tuple of 3 float
        What is up in the picture.
    """

    towards: tuple[float, float, float]
    up: tuple[float, float, float]

    def axes(self) -> Array:
        """Return the unit vectors right, up and towards the viewer as rows, (3, 3)."""
        back = np.asarray(self.towards, float) / np.linalg.norm(self.towards)
        right = np.cross(self.up, back)
        right /= np.linalg.norm(right)
        return np.array([right, np.cross(back, right), back])


class Studio:
    """One off-screen window that takes all pictures; a context manager.

    Parameters
    ----------
    size : tuple of 2 int, optional
        Width and height of the pictures, pixels.
    """

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        offscreen.prepare()
        self.size = size
        make: Any = pv.Plotter  # its decorators hide its types
        self._plotter = make(off_screen=True, window_size=list(size), lighting="none")
        self._plotter.set_background("white")
        self._plotter.enable_anti_aliasing("msaa", multi_samples=8)
        self._plotter.enable_parallel_projection()
        for position, intensity in LIGHTS:
            self._plotter.add_light(
                pv.Light(position=position, light_type="camera light", intensity=intensity)
            )
        self._surfaces: dict[int, tuple[Mesh, pv.PolyData, pv.PolyData | None]] = {}

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self._plotter.close()
        self._surfaces.clear()

    def take(
        self,
        path: Path,
        shown: Sequence[Shown],
        view: View,
        frame: Sequence[Shown] | None = None,
        zoom: float = 1.0,
        letters: float = LETTERS,
    ) -> None:
        """Take a picture of solids, seen along parallel rays.

        Parameters
        ----------
        path : Path
            Of the PNG.
        shown : sequence of Shown
            What is in the picture.
        view : View
            From where.
        frame : sequence of Shown, optional
            What fills the picture; all that is shown by default.
        zoom : float, optional
            How many times larger than that.
        letters : float, optional
            Height of the labels' letters, as a share of the picture's width.
        """
        for solid in sorted(shown, key=lambda s: -s.opacity):  # translucent ones last
            self._add(solid)
        labelled = any(s.label for s in shown)
        self._aim(view, list(shown if frame is None else frame), labelled, zoom)
        self._plotter.render()
        picture = np.asarray(self._plotter.screenshot(return_img=True))
        labels = self._labels(shown) if labelled else []
        for actor in list(self._plotter.actors):
            self._plotter.remove_actor(actor, render=False)
        with_labels(Image.fromarray(picture), labels, letters).save(path)

    def _add(self, solid: Shown) -> None:
        surface, edges = self._surface(solid)
        looks: dict[str, Any] = {
            "opacity": solid.opacity,
            "render": False,
            "reset_camera": False,
        }
        actors = [
            self._plotter.add_mesh(
                surface,
                color=solid.colour,
                smooth_shading=True,
                ambient=0.24,
                diffuse=0.86,
                specular=0.06,
                specular_power=20,
                **looks,
            )
        ]
        if edges is not None and solid.opacity > 0.5:
            actors.append(
                self._plotter.add_mesh(
                    edges, color=EDGE_COLOUR, line_width=self.size[0] / 700, lighting=False, **looks
                )
            )
        if solid.place is not None:
            for actor in actors:
                actor.user_matrix = solid.place.as_matrix()

    def _surface(self, solid: Shown) -> tuple[pv.PolyData, pv.PolyData | None]:
        """Make surface and edges once for each mesh, which is kept so that its id stays unique."""
        key = id(solid.mesh)
        if key not in self._surfaces:
            bare: Any = pv.make_tri_mesh(solid.mesh.vertices, np.asarray(solid.mesh.triangles, int))
            surface = bare.compute_normals(
                cell_normals=False, split_vertices=True, feature_angle=SHARP
            )
            edges = None
            if solid.edges:
                edges = bare.extract_feature_edges(
                    SHARP, boundary_edges=False, non_manifold_edges=False, manifold_edges=False
                )
            self._surfaces[key] = (
                solid.mesh,
                surface,
                edges if edges is not None and edges.n_points else None,
            )
        return self._surfaces[key][1:]

    def _aim(self, view: View, frame: list[Shown], labelled: bool, zoom: float) -> None:
        axes = view.axes()
        seen = np.concatenate([scene_points(s) for s in frame]) @ axes.T
        low, high = seen.min(axis=0), seen.max(axis=0)
        middle = (low + high) / 2
        free = 1.0 - 2 * (LABEL_MARGIN if labelled else MARGIN)
        width, height = self.size
        half = max(
            (high[1] - low[1]) / 2 / (1.0 - 2 * MARGIN),
            (high[0] - low[0]) / 2 / free * height / width,
        )
        camera = self._plotter.camera
        camera.focal_point = middle @ axes
        camera.position = middle @ axes + REACH * axes[2]
        camera.up = axes[1]
        camera.parallel_scale = half / zoom
        camera.clipping_range = (1.0, 2 * REACH)

    def _labels(self, shown: Sequence[Shown]) -> list[Label]:
        """Return for each labelled solid a visible point, near the middle of its visible part."""
        width, height = self.size
        camera = self._plotter.camera
        matrix = pv.array_from_vtkmatrix(
            camera.GetCompositeProjectionTransformMatrix(width / height, 0.0, 1.0)
        )
        matrix = np.asarray(matrix, np.float64)
        depth = self._depth()
        labels = []
        for solid in shown:
            if not solid.label:
                continue
            seen = surface_points(solid) @ matrix[:3, :3].T + matrix[:3, 3]
            x, y = (seen[:, 0] + 1.0) / 2 * width, (1.0 - seen[:, 1]) / 2 * height
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            x, y, z = x[inside], y[inside], seen[inside, 2]
            front = z <= depth[y.astype(int), x.astype(int)] + DEPTH_SLACK
            if front.any():
                xy = np.column_stack([x, y])[front]
                nearest = np.argmin(np.linalg.norm(xy - np.median(xy, axis=0), axis=1))
                labels.append(Label(solid.label, float(xy[nearest, 0]), float(xy[nearest, 1])))
        return labels

    def _depth(self) -> NDArray[np.float32]:
        """Read the window's depth buffer, 0 near to 1 far, rows from the top."""
        width, height = self.size
        data = vtkFloatArray()
        self._plotter.render_window.GetZbufferData(0, 0, width - 1, height - 1, data)
        return np.asarray(vtk_to_numpy(data).reshape(height, width)[::-1])


def scene_points(solid: Shown) -> Array:
    """Return a solid's vertices in the scene.

    Parameters
    ----------
    solid : Shown
        In a picture.

    Returns
    -------
    ndarray, shape (n, 3)
        Scene's frame, mm.
    """
    points = solid.mesh.vertices
    return points if solid.place is None else solid.place.apply(points)


def surface_points(solid: Shown, most: int = 6000) -> Array:
    """Return the middles of a solid's triangles in the scene.

    Parameters
    ----------
    solid : Shown
        In a picture.
    most : int, optional
        Of more triangles than that only every so many is taken.

    Returns
    -------
    ndarray, shape (n, 3)
        Scene's frame, mm.
    """
    triangles = solid.mesh.triangles
    triangles = triangles[:: max(1, len(triangles) // most)]
    points = solid.mesh.vertices[triangles].mean(axis=1)
    return points if solid.place is None else solid.place.apply(points)


def shifted(place: RigidTransform | None, shift: ArrayLike) -> RigidTransform:
    """Shift a pose in the scene.

    Parameters
    ----------
    place : RigidTransform or None
        scene_from_mesh; None for identity.
    shift : array_like, shape (3,)
        Scene's frame, mm.

    Returns
    -------
    RigidTransform
        The shifted scene_from_mesh.
    """
    move = RigidTransform.from_translation(np.asarray(shift, float))
    return move if place is None else move * place
