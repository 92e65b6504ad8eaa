"""Render the case off screen with VTK: pictures change with the view, not with the needle.

The needle and all that moves with it is painted over a finished picture (see overlay), with the
picture's depth telling what is in front. So a new needle pose costs a millisecond, not a rendering,
which matters where a processor does the graphics card's work.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nav import offscreen
from nav.model.case import Case, Structure
from nav.view import sigma_scale, theme
from nav.view.parallel_camera import EYE_DISTANCE, View

Picture = NDArray[np.uint8]
Depth = NDArray[np.float32]

OPACITY = {"dura": 0.32, "skin": 0.10}
SPECULAR = {"bone": 0.12, "cord": 0.25, "artery": 0.35}
SAMPLES = 4  # per pixel, in a refined picture
SIGMA_COLOURS = "colours of sigma"  # of a mesh's points
STRIPS = 6  # a refined picture is rendered in strips, so that none of them blocks the window
CLIP = (1.0, 2 * EYE_DISTANCE)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A rendered picture of a view.

    Parameters
    ----------
    view : View
        Of the picture.
    image : ndarray of uint8, shape (h, w, 3)
        RGB.
    solid, veil : ndarray of float32, shape (h / 2, w / 2)
        Depth of the nearest opaque and of the nearest translucent surface, mm from the eye;
        infinite where there is none.
    """

    view: View
    image: Picture
    solid: Depth
    veil: Depth


class Anatomy:
    """Renders the structures of a case.

    Parameters
    ----------
    case : Case
        Surfaces in the model frame, mm.
    """

    def __init__(self, case: Case) -> None:
        offscreen.prepare()
        pyvista: Any = importlib.import_module("pyvista")  # over a second to import

        self.plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64), lighting="none")
        self.plotter.set_background(theme.BACK.name())
        self.roles = {structure.name: structure.role for structure in case.structures}
        self.structures = {structure.name: structure for structure in case.structures}
        self._by_sigma = False
        self.actors: list[tuple[str, Any]] = []
        for structure in case.structures:
            if structure.role not in OPACITY:
                self._add(structure)
        # translucent ones are rendered in this order: far sides outside in, near sides inside out
        veils = [s for role in ("skin", "dura") for s in case.of_role(role)]
        for structure in veils:
            self._add(structure, culling="front")
        for structure in reversed(veils):
            self._add(structure, culling="back")
        # from above the viewer's left shoulder, with a weak one from the other side
        for position, intensity in (((-0.5, 0.9, 1.0), 0.82), ((1.0, -0.2, 0.5), 0.3)):
            self.plotter.add_light(
                pyvista.Light(position=position, light_type="camera light", intensity=intensity)
            )
        self.plotter.enable_parallel_projection()
        self.window = self.plotter.render_window
        self.renderer = self.plotter.renderer

    def _add(self, structure: Structure, culling: str | None = None) -> None:
        pyvista: Any = importlib.import_module("pyvista")
        role = structure.role
        mesh = pyvista.make_tri_mesh(
            structure.surface.vertices, structure.surface.triangles
        ).compute_normals(cell_normals=False, split_vertices=True, feature_angle=60.0)
        actor = self.plotter.add_mesh(
            mesh,
            color=theme.ROLE.get(role, theme.ROLE["other"]).name(),
            opacity=OPACITY.get(role, 1.0),
            smooth_shading=True,
            ambient=0.12,
            diffuse=0.9,
            specular=SPECULAR.get(role, 0.1),
            specular_power=25,
            culling=culling,
            render=False,
            reset_camera=False,
        )
        self.actors.append((structure.name, actor))

    def show_without(self, hidden: frozenset[str], skin: bool) -> None:
        """Show all structures but those named, and the skin only if `skin` is set."""
        for name, actor in self.actors:
            actor.SetVisibility(name not in hidden and (skin or self.roles[name] != "skin"))

    def colour_by_sigma(self, by_sigma: bool) -> None:
        """Colour surfaces by their standard deviation, or by their role."""
        if by_sigma == self._by_sigma:
            return
        self._by_sigma = by_sigma
        pyvista: Any = importlib.import_module("pyvista")
        for name, actor in self.actors:
            mapper = actor.GetMapper()
            data = mapper.GetInput().GetPointData()
            if by_sigma and not data.HasArray(SIGMA_COLOURS):
                sigma = self.structures[name].sigma_at(mapper.dataset.points)
                colours = pyvista.convert_array(sigma_scale.colours(sigma), name=SIGMA_COLOURS)
                data.AddArray(colours)
            mapper.SetScalarModeToUsePointFieldData()
            mapper.SelectColorArray(SIGMA_COLOURS)
            mapper.SetColorModeToDirectScalars()
            mapper.SetScalarVisibility(by_sigma)

    def quick(self, view: View, width: int, height: int) -> Drawn:
        """Return a picture for a moving view: at half resolution, enlarged.

        Parameters
        ----------
        view : View
            To render.
        width, height : int
            Of the picture, px.

        Returns
        -------
        Drawn
            With its depth.
        """
        w, h = max(8, width // 2), max(8, height // 2)
        self._aim(view, w, h)
        self._samples(0)
        self.window.Render()
        image = self._pixels(w, h)
        solid = self._depth(w, h)
        veil = self._veil(w, h)
        image = cv2.resize(darkened(image, solid), (width, height), interpolation=cv2.INTER_LINEAR)
        return Drawn(view, np.ascontiguousarray(image), solid, veil)

    def refine(self, rough: Drawn, width: int, height: int) -> Iterator[Drawn | None]:
        """Render the fine picture of a rough one's view, in strips.

        Parameters
        ----------
        rough : Drawn
            As of `quick`; its depth is kept.
        width, height : int
            Of the picture, px.

        Yields
        ------
        Drawn or None
            None after each strip; the whole picture as the last item.
        """
        edges = np.linspace(0, height, STRIPS + 1).round().astype(int)
        image = np.empty((height, width, 3), np.uint8)
        view = rough.view
        for top, bottom in pairwise(edges):
            scale = 2 * view.half_height / height
            middle = view.focal + view.up * scale * (height / 2 - (top + bottom) / 2)
            strip = View(middle, view.backwards, view.up, scale * (bottom - top) / 2)
            self._aim(strip, width, int(bottom - top))
            self._samples(SAMPLES)
            self.window.Render()
            image[top:bottom] = self._pixels(width, int(bottom - top))
            yield None
        yield Drawn(view, darkened(image, rough.solid), rough.solid, rough.veil)

    def close(self) -> None:
        """Free the graphics context."""
        self.plotter.close()

    def _aim(self, view: View, width: int, height: int) -> None:
        if tuple(self.window.GetSize()) != (width, height):
            self.window.SetSize(width, height)
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(*view.focal)
        camera.SetPosition(*view.eye)
        camera.SetViewUp(*view.up)
        camera.SetParallelScale(view.half_height)
        camera.SetClippingRange(*CLIP)

    def _samples(self, number: int) -> None:
        if self.window.GetMultiSamples() != number:
            self.window.SetMultiSamples(number)

    def _veil(self, width: int, height: int) -> Depth:
        """Return the depth of the translucent dura alone, rendered as if it were opaque."""
        shown = [(actor, actor.GetVisibility()) for _, actor in self.actors]
        veils = [
            actor
            for name, actor in self.actors
            if self.roles[name] == "dura" and actor.GetVisibility()
        ]
        if not veils:
            return np.full((height, width), np.inf, np.float32)
        for actor, _ in shown:
            actor.SetVisibility(actor in veils)
        for actor in veils:
            actor.GetProperty().SetOpacity(1.0)
        self.window.Render()
        depth = self._depth(width, height)
        for actor, visible in shown:
            actor.SetVisibility(visible)
        for actor in veils:
            actor.GetProperty().SetOpacity(OPACITY["dura"])
        return depth

    def _pixels(self, width: int, height: int) -> Picture:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        data = vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, width - 1, height - 1, 0, data, 0)
        return vtk_to_numpy(data).reshape(height, width, 3)[::-1]

    def _depth(self, width: int, height: int) -> Depth:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkFloatArray

        data = vtkFloatArray()
        self.window.GetZbufferData(0, 0, width - 1, height - 1, data)
        z = vtk_to_numpy(data).reshape(height, width)[::-1]
        near, far = CLIP
        return np.where(z >= 1.0, np.inf, near + z * (far - near)).astype(np.float32)


def darkened(image: Picture, solid: Depth, strength: float = 0.035) -> Picture:
    """Return a picture with surfaces darkened where something close stands in front of them.

    Unsharp masking of the depth [1]_: it separates near from far where a parallel projection alone
    does not.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        RGB.
    solid : ndarray of float32
        Depth, mm, of any resolution; infinite where there is nothing.
    strength : float
        Darkening per mm.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
        RGB.

    References
    ----------
    .. [1] Luft, Colditz and Deussen, Image Enhancement by Unsharp Masking the Depth Buffer, 2006.
    """
    depth = np.where(np.isfinite(solid), solid, EYE_DISTANCE + 60.0).astype(np.float32)
    size = max(3, solid.shape[0] // 24) | 1
    behind = np.clip(depth - cv2.blur(cv2.blur(depth, (size, size)), (size, size)), 0.0, 14.0)
    shade = np.where(np.isfinite(solid), 1.0 - strength * behind, 1.0).astype(np.float32)
    shade = cv2.resize(shade, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return (image * shade[..., None]).astype(np.uint8)
