"""List the pictures that `nav plan` writes, with what draws each."""

from pathlib import Path

from nav.model.case import Case
from nav.planning.drr import drr_of_surfaces, drr_of_volume, lateral_beam
from nav.planning.plan_files import OVERVIEW, RADIOGRAPH, RISK, SKIN, Planned, Write
from nav.planning.plan_pictures import (
    draw_radiograph,
    draw_scene,
    draw_skin_risk,
    new_figure,
    risk_colours,
    risk_scale,
    save_figure,
)
from nav.planning.plan_result import PlannedPath, TrajectoryPlan
from nav.planning.skinmap import ply_of
from nav.reconstruction.volume import Volume


def picture_files(
    case: Case, planned: Planned, volume: Volume | None = None
) -> list[tuple[str, Write]]:
    """Return the names of the pictures with the functions that write them.

    Parameters
    ----------
    case : Case
        The anatomy.
    planned : Planned
        The plan, landmarks and catheter.
    volume : Volume, optional
        The CT that the radiograph is computed from; else it is computed from the bones' surfaces.

    Returns
    -------
    list of tuple (str, callable)
        File name, and what writes it to a given path: overview, radiograph and risk map (PNG), and
        the coloured skin (PLY).
    """
    plan = planned.plan
    best = plan.best
    shown = best or _least_bad(plan)
    side = shown.side if shown is not None else plan.sides[0].side
    beam = lateral_beam(plan.gap, side)
    if volume is not None:
        image = drr_of_volume(volume, beam)
    else:
        image = drr_of_surfaces([s.surface for s in case.of_role("bone")], beam)
    scenes = {}
    for one in plan.sides:
        catheter = planned.catheter if best is not None and best.side == one.side else None
        scenes[one.side] = draw_scene(case, plan, catheter, one.side)

    def overview(path: Path) -> None:
        figure = new_figure(18.0, 12.5)
        grid = figure.add_gridspec(2, 6)
        width = 6 // len(scenes)
        for k, (name, scene) in enumerate(scenes.items()):
            axes = figure.add_subplot(grid[0, k * width : (k + 1) * width])
            axes.imshow(scene)
            axes.set_axis_off()
            axes.set_title(f"{name}: {_verdict(plan, name)}", color="#e8eef2", fontsize=13)
        draw_radiograph(
            figure.add_subplot(grid[1, 0:2]), image, beam, plan, planned.landmarks, shown
        )
        for k, risk in enumerate(plan.skin):
            draw_skin_risk(figure.add_subplot(grid[1, 2 + 2 * k : 4 + 2 * k]), risk, plan)
        figure.tight_layout()
        save_figure(figure, path)

    def radiograph(path: Path) -> None:
        figure = new_figure(8.0, 8.0)
        draw_radiograph(figure.add_subplot(), image, beam, plan, planned.landmarks, shown)
        figure.tight_layout()
        save_figure(figure, path)

    def risk_map(path: Path) -> None:
        figure = new_figure(7.0 * len(plan.skin), 6.0)
        for k, risk in enumerate(plan.skin):
            draw_skin_risk(figure.add_subplot(1, len(plan.skin), k + 1), risk, plan)
        figure.tight_layout()
        save_figure(figure, path)

    def skin(path: Path) -> None:
        path.write_bytes(ply_of(plan.skin, colours))

    colours = tuple(risk_colours(risk, risk_scale(plan)) for risk in plan.skin)
    return [
        (OVERVIEW, overview),
        (RADIOGRAPH, radiograph),
        (RISK, risk_map),
        (SKIN, skin),
    ]


def _least_bad(plan: TrajectoryPlan) -> PlannedPath | None:
    found = [path for side in plan.sides for path in side.paths]
    return min(found, key=lambda p: p.cost, default=None)


def _verdict(plan: TrajectoryPlan, side: str) -> str:
    verdict = next(s.verdict for s in plan.sides if s.side == side)
    return {
        "safe": "paths that keep all limits",
        "unknown": "paths, but a risk is unknown",
        "refused": "no safe path",
    }[verdict]
