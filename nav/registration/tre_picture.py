"""The predicted error of a registration over the bones, as a picture."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nav import offscreen
from nav.core.filekinds import PNG_METADATA
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.core.picture_text import missing_glyphs_drawn_as_boxes, picture_text
from nav.model.case import Case
from nav.registration.predicted_tre import PredictedError
from nav.registration.registration_result import Registration

BACKGROUND, INK = "#10151b", "#e8eef2"
TOUCHED, OTHER, PATH = "#2ec4b6", "#7a8794", "#ffffff"
COLOURS = "viridis"
VIEW = (900, 900)  # px
OPACITY = {"cord": 0.9, "artery": 0.9, "bone": 1.0}


def write_tre_picture(
    path: Path,
    case: Case,
    registration: Registration,
    touched: Sequence[str],
    errors: Sequence[PredictedError],
) -> None:
    """Draw bones, cord and arteries in the colour of the predicted TRE, from behind and the left.

    Parameters
    ----------
    path : Path
        PNG to write.
    case : Case
        The anatomy.
    registration : Registration
        With its covariance.
    touched : sequence of str
        Labels of the fiducials that were used.
    errors : sequence of PredictedError
        To be listed below.
    """
    shown = [s for s in case.structures if s.role in OPACITY]
    fields = [registration.predicted_tre(s.surface.vertices) for s in shown]
    every = np.concatenate(fields) if fields else np.array([0.0, 1.0])
    scale = Normalize(float(every.min()), max(float(every.max()), float(every.min()) + 0.01))
    views = [
        _view(case, fields, scale, touched, way) for way in ((0.35, 1.0, 0.3), (1.0, 0.25, 0.2))
    ]
    figure = Figure((11.0, 7.4), dpi=120, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    for k, (view, title) in enumerate(zip(views, ("from behind", "from the left"), strict=True)):
        axes = figure.add_axes((0.01 + 0.44 * k, 0.24, 0.43, 0.68))
        axes.imshow(view)
        axes.set_axis_off()
        axes.set_title(title, color=INK, fontsize=10)
    bar = figure.add_axes((0.91, 0.3, 0.015, 0.55))
    colours = figure.colorbar(ScalarMappable(scale, COLOURS), cax=bar)
    colours.ax.tick_params(colors=INK, labelsize=9)
    colours.set_label("predicted TRE, rms, mm", color=INK, fontsize=10)
    lines = [
        f"{picture_text(e.name)}: {e.rms:.2f} mm rms, 95 % ellipsoid with "
        f"semi-axes {e.semi_axes[0]:.2f}, {e.semi_axes[1]:.2f}, {e.semi_axes[2]:.2f} mm"
        for e in errors
    ]
    lines.append("spheres: fiducials used (teal), others (grey); white: the planned path")
    figure.text(0.03, 0.2, "\n".join(lines), color=INK, fontsize=10, va="top")
    figure.text(
        0.03, 0.95, f"{picture_text(case.name)}: what the registration contributes to the error",
        color=INK, fontsize=12,
    )  # fmt: skip
    with written_whole(path) as part, missing_glyphs_drawn_as_boxes():
        figure.savefig(part, format="png", facecolor=BACKGROUND, metadata=PNG_METADATA)


def _view(
    case: Case,
    fields: Sequence[Array],
    scale: Normalize,
    touched: Sequence[str],
    way: Sequence[float],
) -> NDArray[np.uint8]:
    offscreen.prepare()
    pyvista: Any = importlib.import_module("pyvista")
    plotter = pyvista.Plotter(off_screen=True, window_size=VIEW)
    plotter.set_background(BACKGROUND)
    shown = [s for s in case.structures if s.role in OPACITY]
    for structure, field in zip(shown, fields, strict=True):
        surface = structure.surface
        mesh = pyvista.make_tri_mesh(surface.vertices, np.asarray(surface.triangles, int))
        mesh["tre"] = field
        plotter.add_mesh(
            mesh, scalars="tre", cmap=COLOURS, clim=(scale.vmin, scale.vmax),
            opacity=OPACITY[structure.role], smooth_shading=True, show_scalar_bar=False,
        )  # fmt: skip
    for fiducial in case.fiducials:
        ball = pyvista.Sphere(radius=2.0, center=fiducial.position.tolist())
        plotter.add_mesh(ball, color=TOUCHED if fiducial.label in touched else OTHER)
    if case.default_plan is not None:
        entry, target = case.default_plan.entry.tolist(), case.default_plan.target.tolist()
        plotter.add_mesh(pyvista.Tube(pointa=entry, pointb=target, radius=0.8), color=PATH)
    points = np.concatenate(
        [
            *(s.surface.vertices for s in shown),
            np.array([f.position for f in case.fiducials]).reshape(-1, 3),
        ]
    )
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2.0, float(np.linalg.norm(high - low))
    towards = np.array(way) / np.linalg.norm(way)
    plotter.camera_position = [
        (middle + 2.15 * size * towards).tolist(), middle.tolist(), [0.0, 0.0, 1.0],
    ]  # fmt: skip
    plotter.camera.view_angle = 24.0
    picture: NDArray[np.uint8] = plotter.screenshot(return_img=True)
    plotter.close()
    return picture
