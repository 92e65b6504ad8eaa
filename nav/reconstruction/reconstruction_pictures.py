"""Images of a reconstruction: slices with the surfaces' contours, and the surfaces in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nav import offscreen
from nav.core.filekinds import PNG_METADATA
from nav.reconstruction.prior import ROOT
from nav.reconstruction.reconstruction_result import ReconstructedSurface, Reconstruction
from nav.reconstruction.volume import Array, Volume

WINDOW = (-250.0, 1050.0)  # HU, black to white
COLOURS = {
    "bone": "#f2d9a0",
    "cord": "#ffd400",
    "dura": "#5aa9ff",
    "artery": "#ff4040",
    "skin": "#d0d0d0",
    "support": "#a0a8b0",
    "other": "#b0b0b0",
}
TINTS = ("#f2d9a0", "#8fd17f", "#c8a2ff", "#ff9f6b", "#7fd6d6", "#d6b37f")
HALF = 48.0  # mm, of a slice's side
TITLES = ("axial, between C1 and C2", "sagittal", "coronal")


class Sliceable(Protocol):
    """Anything with a volume and surfaces that slices can be drawn of."""

    @property
    def volume(self) -> Volume:
        """Return the scan, HU, model frame."""

    @property
    def surfaces(self) -> tuple[ReconstructedSurface, ...]:
        """Return the surfaces in it, model frame."""


def draw_overview(found: Reconstruction, path: Path) -> None:
    """Draw three slices with contours, and the surfaces from behind, from the left and from above.

    Parameters
    ----------
    found : Reconstruction
        To be drawn.
    path : Path
        PNG file to write.
    """
    from matplotlib.figure import Figure

    place = between_c1_and_c2(found)
    figure = Figure(figsize=(15, 10), facecolor="black", layout="constrained")
    axes = figure.subplots(2, 3)
    for axis, (title, normal) in zip(axes[0], zip(TITLES, (2, 0, 1), strict=True), strict=True):
        draw_slice(axis, found, place, normal)
        axis.set_title(title, color="white")
    views = (("from behind", (0, 1, 0)), ("from the left", (1, 0, 0)), ("from above", (0, 0.4, 1)))
    for axis, (title, direction) in zip(axes[1], views, strict=True):
        axis.imshow(rendered(found.surfaces, np.array(direction, float)))
        axis.set_title(title, color="white")
        axis.set_axis_off()
    figure.savefig(path, format="png", dpi=100, metadata=PNG_METADATA, facecolor="black")


def between_c1_and_c2(found: Reconstruction) -> Array:
    """Return a point of the canal between the arches of C1 and C2.

    Parameters
    ----------
    found : Reconstruction
        With a fitted chain.

    Returns
    -------
    ndarray, shape (3,)
        Model frame, mm.
    """
    c1, c2 = found.chain.poses["C1"], found.chain.poses[ROOT]
    return np.asarray(0.5 * (c1.translation + c2.translation) - [0.0, 6.0, 0.0], float)


def draw_slice(
    axis: Any,
    found: Sliceable,
    place: Array,
    normal: int,
    window: tuple[float, float] = WINDOW,
) -> None:
    """Draw the slice through a point across a model axis, with contours of all surfaces.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        To draw on.
    found : Sliceable
        Volume and surfaces.
    place : ndarray, shape (3,)
        Model frame, mm.
    normal : int
        Model axis across which the slice lies: 0, 1, 2 for x, y, z.
    window : tuple of float
        HU that are black and white.
    """
    across, up = {2: (0, 1), 0: (1, 2), 1: (0, 2)}[normal]
    image, extent = sliced(found, place, across, up)
    axis.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], origin="lower", extent=extent)
    for number, surface in enumerate(found.surfaces):
        colour = COLOURS[surface.role]
        if surface.role == "bone":
            colour = TINTS[number % len(TINTS)]
        for line in contour(surface, place, normal):
            axis.plot(line[:, across], line[:, up], color=colour, linewidth=0.9)
    axis.set_xlim(extent[0], extent[1])
    axis.set_ylim(extent[2], extent[3])
    if up == 1:
        axis.invert_yaxis()
    axis.set_axis_off()


def sliced(
    found: Sliceable, place: Array, across: int, up: int
) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """Return the grey values of a square across a model axis.

    Parameters
    ----------
    found : Sliceable
        With the volume.
    place : ndarray, shape (3,)
        Centre of the square, model frame, mm.
    across, up : int
        Model axes along the square's rows and along its columns.

    Returns
    -------
    image : ndarray of float32, shape (rows, columns)
        HU.
    extent : tuple of float
        Lowest and highest coordinate along `across`, then along `up`, mm.
    """
    from nav.reconstruction.sampling import as_field

    at = np.arange(-HALF, HALF, 0.3)
    points = np.tile(place, (len(at), len(at), 1))
    points[..., across] += at[None, :]
    points[..., up] += at[:, None]
    image = np.nan_to_num(as_field(found.volume).at(points), nan=-1024.0)
    x, y = place[across], place[up]
    return image, (x - HALF, x + HALF, y - HALF, y + HALF)


def contour(surface: ReconstructedSurface, place: Array, normal: int) -> list[Array]:
    """Return the intersection of a surface with a plane across a model axis.

    Parameters
    ----------
    surface : ReconstructedSurface
        Model frame.
    place : ndarray, shape (3,)
        A point of the plane, model frame, mm.
    normal : int
        Model axis across which the plane lies: 0, 1, 2 for x, y, z.

    Returns
    -------
    list of ndarray, shape (n, 3)
        One polyline of all segments, each followed by a row of NaN, model frame, mm; empty where
        the surface does not meet the plane.
    """
    v, t = surface.vertices, surface.triangles
    off = v[:, normal] - place[normal]
    corners = off[t]
    crossing = (corners.min(axis=1) < 0.0) & (corners.max(axis=1) >= 0.0)
    lines = []
    for tri in t[crossing]:
        ends = []
        for a, b in ((0, 1), (1, 2), (2, 0)):
            p, q = tri[a], tri[b]
            if (off[p] < 0.0) != (off[q] < 0.0):
                s = off[p] / (off[p] - off[q])
                ends.append(v[p] + s * (v[q] - v[p]))
        if len(ends) == 2:
            lines.append(np.array(ends))
    return _chained(lines)


def _chained(lines: Sequence[Array]) -> list[Array]:
    """Return segments as one polyline with gaps, which draws quickly."""
    if not lines:
        return []
    gap = np.full((1, 3), np.nan)
    return [np.vstack([part for line in lines for part in (line, gap)])]


def rendered(surfaces: Sequence[ReconstructedSurface], direction: Array) -> NDArray[np.uint8]:
    """Render the surfaces as seen from a direction; the skin is left out.

    Parameters
    ----------
    surfaces : sequence of ReconstructedSurface
        Model frame.
    direction : ndarray, shape (3,)
        From the surfaces to the viewer, model frame.

    Returns
    -------
    ndarray of uint8, shape (700, 700, 3)
        RGB image.
    """
    import pyvista as pv

    offscreen.prepare()
    plotter: Any = pv.Plotter(off_screen=True, window_size=[700, 700])
    plotter.set_background("black")
    for number, surface in enumerate(surfaces):
        if surface.role == "skin":
            continue
        mesh = pv.make_tri_mesh(surface.vertices, surface.triangles.astype(int))
        colour = TINTS[number % len(TINTS)] if surface.role == "bone" else COLOURS[surface.role]
        opacity = 0.35 if surface.role == "dura" else 1.0
        plotter.add_mesh(mesh, color=colour, opacity=opacity, smooth_shading=True)
    return seen_along(plotter, direction, 1.25)


def seen_along(plotter: Any, direction: Array, zoom: float) -> NDArray[np.uint8]:
    """Render what a plotter holds, and close it.

    Parameters
    ----------
    plotter : pyvista.Plotter
        Off screen.
    direction : ndarray, shape (3,)
        Towards the viewer, model frame.
    zoom : float
        Factor over what fits.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
    """
    plotter.view_vector(direction, viewup=(0, 0, 1) if abs(direction[2]) < 0.9 else (0, -1, 0))
    plotter.reset_camera()
    plotter.camera.zoom(zoom)
    image = np.asarray(plotter.screenshot(None, return_img=True), np.uint8)
    plotter.close()
    return image
