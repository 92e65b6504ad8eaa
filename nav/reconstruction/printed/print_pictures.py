"""Images of a printed phantom's scan: slices with contours, and the print's deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav import offscreen
from nav.core.filekinds import PNG_METADATA
from nav.reconstruction.printed.kit import BONES_PART
from nav.reconstruction.printed.print_deviation import DeviationMap
from nav.reconstruction.reconstruction_pictures import TITLES, draw_slice, rendered, seen_along
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.volume import Array, Volume

WINDOW = (-1000.0, 500.0)  # HU, black to white
LIMIT = 0.5  # mm, at the ends of the colours
UNSEEN = "#909090"
VIEWS = (("from behind", (0, 1, 0)), ("from the left", (1, 0, 0)), ("from above", (0.3, 0.5, 1)))
SIZE = (700, 700)  # pixels of a view


@dataclass(frozen=True)
class Sliced:
    """A volume and the surfaces that are drawn on its slices.

    Parameters
    ----------
    volume : Volume
        HU, model frame.
    surfaces : tuple of ReconstructedSurface
        Model frame.
    """

    volume: Volume
    surfaces: tuple[ReconstructedSurface, ...]


def draw_overview(found: Sliced, place: Array, path: Path) -> None:
    """Draw three slices through a point with contours, and the surfaces from three sides.

    Parameters
    ----------
    found : Sliced
        Volume and surfaces.
    place : ndarray, shape (3,)
        Through which the slices go, model frame, mm.
    path : Path
        PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 10), facecolor="black", layout="constrained")
    axes = figure.subplots(2, 3)
    for axis, (title, normal) in zip(axes[0], zip(TITLES, (2, 0, 1), strict=True), strict=True):
        draw_slice(axis, found, place, normal, WINDOW)
        axis.set_title(title, color="white")
    for axis, (title, direction) in zip(axes[1], VIEWS, strict=True):
        axis.imshow(rendered(found.surfaces, np.array(direction, float)))
        axis.set_title(title, color="white")
        axis.set_axis_off()
    figure.savefig(path, format="png", dpi=100, metadata=PNG_METADATA, facecolor="black")


def draw_deviation(maps: Sequence[DeviationMap], path: Path) -> None:
    """Draw the parts coloured by their deviation: the bones' print above, all of them below.

    Parameters
    ----------
    maps : sequence of DeviationMap
        Of the parts.
    path : Path
        PNG file to write.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 10), facecolor="white", layout="constrained")
    axes = figure.subplots(2, 3)
    bones = [m for m in maps if m.name == BONES_PART]
    for row, shown in zip(axes, (bones, maps), strict=True):
        for axis, (title, direction) in zip(row, VIEWS, strict=True):
            axis.imshow(_view(shown, np.array(direction, float)))
            axis.set_title(title)
            axis.set_axis_off()
    bar = figure.colorbar(
        ScalarMappable(Normalize(-LIMIT, LIMIT), "coolwarm"), ax=axes, shrink=0.6, extend="both"
    )
    bar.set_label("print less STL, mm (red: too much material; grey: not seen)")
    figure.savefig(path, format="png", dpi=100, metadata=PNG_METADATA)


def _view(maps: Sequence[DeviationMap], direction: Array) -> NDArray[np.uint8]:
    import pyvista as pv

    offscreen.prepare()
    plotter: Any = pv.Plotter(off_screen=True, window_size=list(SIZE))
    plotter.set_background("white")
    for part in maps:
        mesh = pv.make_tri_mesh(part.vertices, np.asarray(part.triangles).astype(int))
        plotter.add_mesh(
            mesh,
            scalars=part.deviation,
            cmap="coolwarm",
            clim=(-LIMIT, LIMIT),
            nan_color=UNSEEN,
            show_scalar_bar=False,
            smooth_shading=False,
        )
    return seen_along(plotter, direction, 1.2)
