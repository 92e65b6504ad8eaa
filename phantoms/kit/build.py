"""`nav phantom build` and `random`: from a recipe to a folder that a lab can work from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import Progress

import nav
from calibration.printing.paper import paper_named
from calibration.printing.print_command import write_tools
from nav.core.errors import InputError
from nav.progress_bar import progress_bar
from phantoms.anatomy.anatomy_files import write_case
from phantoms.anatomy.standard_neck import Anatomy, standard_anatomy
from phantoms.kit.block import block, write_block_points
from phantoms.kit.export_folder import replaced_folder
from phantoms.kit.export_kit import write_kit_toml, write_parts
from phantoms.kit.kit_case import Kind, phantom_case
from phantoms.kit.kit_layout import layout
from phantoms.kit.needle_carrier import carrier_parts
from phantoms.kit.papers.paper_files import write_papers
from phantoms.kit.part import Part
from phantoms.kit.parts import kit_parts
from phantoms.recipe import Recipe

Step = Callable[[str], None]


def build_phantom(
    recipe: Recipe, kind: str, out: Path, paper: str, anatomy_only: bool, console: Console
) -> None:
    """Write a kit, or the case alone, into a folder: completely or not at all.

    Parameters
    ----------
    recipe : Recipe
        The neck.
    kind : str
        "dry" or "wet".
    out : Path
        The folder.
    paper : str
        Of the marker sheets: "a4", "letter" or "a3".
    anatomy_only : bool
        Write the case alone.
    console : rich.console.Console
        Where progress and result are shown.

    Raises
    ------
    InputError
        An unknown kind or paper, an impossible neck, a folder that holds something else or cannot
        be written, a full disk.
    """
    sort = kit_kind(kind)
    paper_named(paper)
    with replaced_folder(out) as folder, _steps(console) as step:
        case = phantom_case(recipe.parameters, sort, recipe.name, step)
        step("case.toml")
        write_case(case, folder)
        if not anatomy_only:
            _write_kit(recipe, case, sort, paper, folder, step)
    _say(case, out, anatomy_only, console)


def _write_kit(
    recipe: Recipe, case: Anatomy, kind: Kind, paper: str, folder: Path, step: Step
) -> None:
    step("parts")
    parts = all_parts(recipe, kind)
    step("STL and 3MF files")
    write_parts(folder, parts)
    write_block_points(folder / "block.csv")
    step("marker sheets")
    write_tools(paper, folder)
    write_papers(folder, parts, case, layout(recipe.parameters), kind, recipe.name, step)
    step("kit.toml")
    write_kit_toml(folder / "kit.toml", recipe.name, kind, recipe.parameters, parts, recipe.seed)


def all_parts(recipe: Recipe, kind: Kind) -> tuple[Part, ...]:
    """List everything that is printed: phantom, needle carrier with its inserts, test block.

    Parameters
    ----------
    recipe : Recipe
        The neck.
    kind : Kind
        "dry" or "wet".

    Returns
    -------
    tuple of Part
        Those of the phantom first.

    Raises
    ------
    InputError
        An impossible neck, or one that no kit of this kind can be built for.
    """
    anatomy = standard_anatomy(recipe.parameters, recipe.name)
    placed = layout(recipe.parameters)
    return (*kit_parts(anatomy, placed, kind), *carrier_parts(), block())


def kit_kind(text: str) -> Kind:
    """Return a kind of kit by its name.

    Parameters
    ----------
    text : str
        "wet" or "dry".

    Returns
    -------
    Kind

    Raises
    ------
    InputError
        Another name.
    """
    for kind in get_args(Kind):
        if text == kind:
            return kind
    raise InputError(f"--kind: expected {' or '.join(get_args(Kind))}, got {text!r}")


@contextmanager
def _steps(console: Console) -> Iterator[Step]:
    """Show a bar that names what is being made; the number of steps is not known in advance."""
    with progress_bar(console) as bar:
        task = bar.add_task("phantom", total=None, note="")
        yield lambda name: _advance(bar, task, name)


def _advance(bar: Progress, task: int, name: str) -> None:
    bar.update(task, advance=1, note=name)  # type: ignore[arg-type]


def _say(case: Anatomy, out: Path, anatomy_only: bool, console: Console) -> None:
    console.print(f"{out}: {case.name}")
    if anatomy_only:
        console.print("case.toml and meshes/")
    else:
        console.print(
            "begin with guide.html (or guide.pdf); kit.toml lists the parts, stl/ and 3mf/"
        )
        console.print("hold them, case.toml is what nav live navigates")
    console.print(f"{nav.NOTICE}.")
