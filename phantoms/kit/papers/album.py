"""All pictures of a kit's papers: parts on the bed, steps, cover, exploded view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import Layout
from phantoms.kit.papers.amounts import Amounts
from phantoms.kit.papers.bench import formers
from phantoms.kit.papers.exploded import exploded
from phantoms.kit.papers.needles import needle_lengths
from phantoms.kit.papers.picture_props import along
from phantoms.kit.papers.pieces import needle_pieces, pieces, placed_pieces
from phantoms.kit.papers.step_scenes import VIEWS, Piece, Stage, matching, take_stage, walked
from phantoms.kit.papers.steps import last_steps, needle_steps, phantom_steps
from phantoms.kit.papers.studio import Shown, Studio
from phantoms.kit.part import Part
from phantoms.kit.solid import box, mesh_of, united
from phantoms.kit.tools_seat import tip_beyond_centre

FOLDER = "pictures"
BED_COLOUR, GRID_COLOUR = (0.90, 0.91, 0.93), (0.80, 0.82, 0.85)
GRID = 10.0  # mm, between the bed's lines

Progress = Callable[[str], None]
Shot = Callable[[Studio, Path], None]


def take_album(
    folder: Path,
    parts: Sequence[Part],
    anatomy: Anatomy,
    layout: Layout,
    gel_block: Mesh | None,
    needs: Amounts,
    size: tuple[int, int],
    progress: Progress,
) -> None:
    """Take all pictures into FOLDER/pictures: cover, exploded, part-NAME and step-NAME.

    Parameters
    ----------
    folder : Path
        Of the kit; must not hold "pictures" yet.
    parts : sequence of Part
        All that is printed.
    anatomy : Anatomy
        The phantom's case.
    layout : Layout
        Where the kit's parts stand.
    gel_block : Mesh or None
        The neck as it stands on the base, model frame, mm; None for a kit that is not filled.
    needs : Amounts
        What the kit takes.
    size : tuple of 2 int
        Width and height of the pictures, pixels.
    progress : callable
        Called with what each picture shows.
    """
    wet = gel_block is not None
    phantom = pieces(parts, anatomy, layout, gel_block) | formers(parts, anatomy.parameters)
    lengths = needle_lengths(anatomy.plans)
    tool = needle_pieces(parts, lengths.plain.sold)
    plan = anatomy.plans[0]
    in_model = along(plan.entry, plan.target, tip_beyond_centre(lengths.plain.sold))
    everything = phantom | placed_pieces(tool, in_model)
    work = phantom_steps(layout, needs)
    steps = [
        *((stage, before, everything) for stage, before in walked(work, phantom)),
        *((stage, before, tool) for stage, before in walked(needle_steps(), tool)),
        *((stage, _standing(work, phantom), everything) for stage in last_steps()),
    ]
    shots: dict[str, Shot] = {
        "cover": lambda studio, path: _cover(studio, path, everything, _standing(work, phantom)),
        "exploded": lambda studio, path: _exploded(studio, path, phantom, wet),
    }
    shots |= {f"part-{part.name}": _bed_shot(part) for part in parts}
    for stage, before, known in steps:
        shots[f"step-{stage.name}"] = _stage_shot(stage, before, known)
    (folder / FOLDER).mkdir()
    with Studio(size) as studio:
        for name, shot in shots.items():
            progress(f"picture of {name.replace('-', ' ')}")
            shot(studio, folder / FOLDER / f"{name}.png")


def _standing(work: Sequence[Stage], phantom: dict[str, Piece]) -> tuple[str, ...]:
    """Return the names of what stands at the end of the work."""
    last, before = walked(work, phantom)[-1]
    return tuple(dict.fromkeys([*before, *matching(last.adds, phantom)]))


def _stage_shot(stage: Stage, before: Sequence[str], known: dict[str, Piece]) -> Shot:
    return lambda studio, path: take_stage(studio, path, stage, before, known)


def _cover(
    studio: Studio, path: Path, everything: dict[str, Piece], standing: Sequence[str]
) -> None:
    names = dict.fromkeys([*standing, "needle-carrier", "strip", "needle-nut", "needle"])
    shown = [replace(s, label="") for name in names for s in everything.get(name, ())]
    studio.take(path, shown, VIEWS["needle"])


def _exploded(studio: Studio, path: Path, phantom: dict[str, Piece], wet: bool) -> None:
    studio.take(path, exploded(phantom, wet), VIEWS["left"], letters=0.019)


def _bed_shot(part: Part) -> Shot:
    def shot(studio: Studio, path: Path) -> None:
        solid = Shown(part.mesh, part.colour)
        studio.take(path, [*_bed(part), solid], VIEWS["bed"])

    return shot


def _bed(part: Part) -> list[Shown]:
    """Return a piece of the printer's bed under a part, with a line every 10 mm."""
    low, high = part.mesh.vertices.min(axis=0)[:2], part.mesh.vertices.max(axis=0)[:2]
    low, high = np.floor(low / GRID) * GRID - GRID / 2, np.ceil(high / GRID) * GRID + GRID / 2
    plate = box((*low, -1.0), (*high, -0.15))
    lines = [
        box((x - 0.12, low[1], -0.2), (x + 0.12, high[1], -0.1)) for x in _ticks(low[0], high[0])
    ]
    lines += [
        box((low[0], y - 0.12, -0.2), (high[0], y + 0.12, -0.1)) for y in _ticks(low[1], high[1])
    ]
    grid = united(lines)
    return [
        Shown(mesh_of(plate), BED_COLOUR, edges=False),
        Shown(mesh_of(grid), GRID_COLOUR, edges=False),
    ]


def _ticks(low: float, high: float) -> np.ndarray:
    return np.arange(np.ceil(low / GRID) * GRID, high, GRID)
