"""Draw the pictures of a plan: the paths in 3D, the risk on the skin, the lateral radiograph."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nav import offscreen
from nav.core.filekinds import PNG_METADATA
from nav.core.frames import Array
from nav.guidance.bending import DIAMETER
from nav.model.case import Case
from nav.planning.catheter import CatheterPath
from nav.planning.drr import ConeBeam
from nav.planning.landmarks import Landmarks
from nav.planning.plan_result import PlannedPath, SkinRisk, TrajectoryPlan
from nav.planning.skinmap import patch

BACKGROUND, INK = "#10151b", "#e8eef2"
SAFE, CAUTION, DANGER = "#2ec4b6", "#ffb000", "#e5383b"
STEEL, CATHETER = "#c9d3da", "#b388ff"
RISK_COLOURS = LinearSegmentedColormap.from_list("risk", [SAFE, CAUTION, DANGER])
CLEAR = 0.3  # line integral: where no pixel is below, soft tissue is all around
WIDEST_RANGE, NARROWEST_RANGE = 100.0, 3.0  # largest over least probability of the colours
LOOKS = {  # colour and opacity by role
    "bone": ("#e9dfc7", 1.0),
    "dura": ("#7fb2e5", 0.25),
    "cord": ("#f2d64b", 1.0),
    "artery": ("#d1343f", 1.0),
    "skin": ("#d8a48f", 0.12),
}
VIEW = (1100, 900)  # px


def draw_scene(
    case: Case, plan: TrajectoryPlan, catheter: CatheterPath | None, side: str
) -> NDArray[np.uint8]:
    """Draw the anatomy from one side and behind, with the paths of that side.

    Parameters
    ----------
    case : Case
        The anatomy.
    plan : TrajectoryPlan
        Paths, lines set by hand, and the risk on the skin.
    catheter : CatheterPath or None
        Drawn if given.
    side : str
        "left" or "right".

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        RGB.
    """
    offscreen.prepare()
    pyvista: Any = importlib.import_module("pyvista")
    plotter = pyvista.Plotter(off_screen=True, window_size=VIEW)
    plotter.set_background(BACKGROUND)
    gap = plan.gap
    for structure in case.structures:
        if structure.role not in LOOKS:
            continue
        colour, opacity = LOOKS[structure.role]
        mesh = pyvista.make_tri_mesh(
            structure.surface.vertices, np.asarray(structure.surface.triangles, int)
        )
        plotter.add_mesh(
            mesh, color=colour, opacity=opacity, smooth_shading=True, specular=0.15,
            culling="back" if structure.role == "skin" else False,
        )  # fmt: skip
    radius = DIAMETER[plan.deviations.needle.gauge] / 2.0
    for risk in plan.skin:
        if risk.side == side:
            outwards = gap.left if side == "left" else -gap.left
            _add_patch(pyvista, plotter, risk, outwards, risk_scale(plan))
    for one in plan.sides:
        if one.side != side:
            continue
        for k, path in enumerate(one.paths):
            colour = (DANGER if one.verdict == "refused" else SAFE) if k == 0 else STEEL
            _add_needle(pyvista, plotter, path, radius * (1.0 if k == 0 else 0.6), colour)
    for path in plan.lines:
        if path.side == side:
            _add_needle(pyvista, plotter, path, radius, CAUTION)
    if catheter is not None:
        tube = pyvista.lines_from_points(catheter.points).tube(radius=0.5)
        plotter.add_mesh(tube, color=CATHETER)
    sign = 1.0 if side == "left" else -1.0
    eye = gap.centre + 260.0 * (0.72 * sign * gap.left + 0.66 * gap.back + 0.25 * gap.up)
    plotter.camera_position = [eye.tolist(), (gap.centre - 6.0 * gap.up).tolist(), gap.up.tolist()]
    plotter.camera.view_angle = 22.0
    picture: NDArray[np.uint8] = plotter.screenshot(return_img=True)
    plotter.close()
    return picture


def _add_needle(pyvista: Any, plotter: Any, path: PlannedPath, radius: float, colour: str) -> None:
    out = path.entry + 22.0 * (path.entry - path.target) / path.depth
    plotter.add_mesh(
        pyvista.Tube(pointa=out.tolist(), pointb=path.target.tolist(), radius=radius), color=colour
    )
    narrowest = path.narrowest
    plotter.add_mesh(
        pyvista.Tube(pointa=narrowest.at.tolist(), pointb=narrowest.nearest.tolist(), radius=0.2),
        color=INK,
    )


def _add_patch(
    pyvista: Any, plotter: Any, risk: SkinRisk, outwards: Array, scale: tuple[float, float]
) -> None:
    vertices, triangles = patch(risk)
    if not len(triangles):
        return
    mesh = pyvista.make_tri_mesh(vertices + 0.5 * outwards, triangles)
    mesh["colour"] = risk_colours(risk, scale)
    plotter.add_mesh(mesh, scalars="colour", rgb=True, opacity=0.55, lighting=False)


def risk_scale(plan: TrajectoryPlan) -> tuple[float, float]:
    """Return the probabilities that the colours range over, the same on both sides.

    Parameters
    ----------
    plan : TrajectoryPlan
        With the risk on the skin.

    Returns
    -------
    least, most : float
        Their ratio is limited by NARROWEST_RANGE and WIDEST_RANGE; 0.01 and 1 where no risk is
        known.
    """
    known = np.concatenate([r.probability[np.isfinite(r.probability)] for r in plan.skin])
    if not len(known):
        return 0.01, 1.0
    most = float(max(known.max(), NARROWEST_RANGE * known.min(), 1e-6))
    least = float(max(known.min(), most / WIDEST_RANGE))
    return least, most


def risk_colours(risk: SkinRisk, scale: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the colours of the places of the skin; grey where no path keeps clear.

    Parameters
    ----------
    risk : SkinRisk
        n places.
    scale : tuple of two float
        Lowest and highest probability, as of `risk_scale`; the colours are logarithmic.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
        RGB.
    """
    known = np.isfinite(risk.probability)
    colours = np.full((len(known), 3), 110, np.uint8)
    shades = RISK_COLOURS(LogNorm(*scale, clip=True)(risk.probability[known]))
    colours[known] = np.round(255.0 * shades[:, :3]).astype(np.uint8)
    return colours


def draw_radiograph(
    axes: Any,
    image: NDArray[np.float32],
    beam: ConeBeam,
    plan: TrajectoryPlan,
    landmarks: Landmarks,
    path: PlannedPath | None,
) -> None:
    """Draw the lateral radiograph with needle, spinolaminar line, flare point and cord margin.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn into.
    image : ndarray of float32, shape (rows, columns)
        Line integrals of attenuation.
    beam : ConeBeam
        Of the image.
    plan : TrajectoryPlan
        Its gap is used.
    landmarks : Landmarks
        Those that are None are left out.
    path : PlannedPath or None
        The needle, if any.
    """
    middle = image[
        beam.shape[0] // 4 : -beam.shape[0] // 4, beam.shape[1] // 4 : -beam.shape[1] // 4
    ]
    if middle.min() > CLEAR:  # soft tissue all around: scale to what bone adds to it
        low, high = np.percentile(middle, [2.0, 99.8])
        axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    else:
        axes.imshow(1.0 - np.exp(-image), cmap="gray", vmin=0.0)
    gap = plan.gap
    laminae = np.array(landmarks.spinolaminar)
    beyond = laminae + np.array([[0.7], [-0.7]]) * (laminae[0] - laminae[1])
    _line(axes, beam, beyond, SAFE, "spinolaminar line")
    if landmarks.cord_margin is not None:
        ends = landmarks.cord_margin + np.array([[9.0], [-9.0]]) * gap.up
        _line(axes, beam, ends, "#f2d64b", "cord's dorsal margin", "--")
    if landmarks.flare is not None:
        column, row = beam.project(landmarks.flare)[0]
        axes.plot(column, row, "+", color=CAUTION, markersize=12, label="flare point of C1")
    if path is not None:
        needle = np.array([path.entry, path.target])
        _line(axes, beam, needle, DANGER if path.problems else "white", "needle")
        column, row = beam.project(path.target)[0]
        axes.plot(column, row, "o", color="white", fillstyle="none", markersize=9, label="tip")
    rows, columns = beam.shape
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.legend(loc="lower left", fontsize=8, facecolor=BACKGROUND, labelcolor=INK, framealpha=0.7)
    axes.set_title("lateral radiograph (computed)", color=INK)
    axes.set_axis_off()


def _line(
    axes: Any, beam: ConeBeam, ends: Array, colour: str, label: str, style: str = "-"
) -> None:
    pixels = beam.project(ends)
    axes.plot(pixels[:, 0], pixels[:, 1], style, color=colour, linewidth=1.6, label=label)


def draw_skin_risk(axes: Any, risk: SkinRisk, plan: TrajectoryPlan) -> None:
    """Draw the skin of one side, seen from that side, coloured by the best risk of entering there.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn into.
    risk : SkinRisk
        Of the side.
    plan : TrajectoryPlan
        The entries of its paths are marked.
    """
    gap = plan.gap
    local = gap.to_level(risk.entries)
    across = local[:, 1] if risk.side == "left" else -local[:, 1]
    _, triangles = patch(risk)
    axes.set_facecolor(BACKGROUND)
    known = np.isfinite(risk.probability)
    scale = risk_scale(plan)
    values = np.where(known, risk.probability, scale[1])
    if len(triangles):
        inside = known[triangles].all(axis=1)
        axes.tripcolor(
            across, local[:, 2], triangles[~inside], facecolors=np.zeros((~inside).sum()),
            cmap=LinearSegmentedColormap.from_list("grey", ["#565d63", "#565d63"]),
        ) if (~inside).any() else None  # fmt: skip
        if inside.any():
            shown = axes.tripcolor(
                across, local[:, 2], triangles[inside], values, shading="gouraud",
                cmap=RISK_COLOURS, norm=LogNorm(*scale, clip=True),
            )  # fmt: skip
            bar = axes.figure.colorbar(shown, ax=axes, shrink=0.8)
            ticks = np.geomspace(*scale, 5)
            bar.set_ticks(ticks, labels=[f"{100.0 * t:.2g} %" for t in ticks])
            bar.ax.minorticks_off()
            bar.set_label("probability of touching artery or cord, best path", color=INK)
            bar.ax.tick_params(colors=INK, which="both")
    for one in plan.sides:
        if one.side != risk.side:
            continue
        for k, path in enumerate(one.paths):
            at = gap.to_level(path.entry)
            axes.plot(
                at[1] if risk.side == "left" else -at[1], at[2], "o" if k == 0 else "s",
                color="white", fillstyle="none", markersize=10 if k == 0 else 6,
            )  # fmt: skip
        if one.verdict == "refused":
            axes.text(
                0.5, 0.5, "refused", color=INK, fontsize=20, ha="center", va="center",
                transform=axes.transAxes,
            )  # fmt: skip
    axes.set_aspect("equal")
    towards = "dorsal →" if risk.side == "left" else "← dorsal"
    axes.set_xlabel(f"mm, {towards}", color=INK)
    axes.set_ylabel("mm, cranial ↑", color=INK)
    axes.tick_params(colors=INK)
    axes.set_title(f"where to enter, {risk.side}; grey: no path keeps clear", color=INK)


def new_figure(width: float, height: float) -> Figure:
    """Return a dark figure that needs no display.

    Parameters
    ----------
    width, height : float
        Inches.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    figure = Figure(figsize=(width, height), facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As of `new_figure`.
    path : Path
        The file.
    """
    figure.savefig(path, format="png", dpi=110, metadata=PNG_METADATA, facecolor=BACKGROUND)
