"""`nav print`: the pages and the TOML files beside them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import nav
from calibration.board import save_board
from calibration.printing.board_sheets import TITLES, board_facts, board_page, boards_for
from calibration.printing.paper import Paper, paper_named
from calibration.printing.sheet import Sheet, sheet_page, tool_facts
from calibration.printing.standard_tools import (
    NEEDLE_FIRST_ID,
    NEEDLE_SIDES,
    REFERENCE_TILT,
    needle_apothem,
    standard_needle,
    standard_reference,
)
from nav.core.filekinds import SHEET, toml_kind
from nav.core.output_checks import refuse_replacing, refuse_special
from nav.core.outputs import written_together
from nav.tracking.tool import write_tool


def print_targets(paper: str, out: Path, console: Console) -> None:
    """Write a PDF and a board.toml of each calibration target for a paper size.

    Parameters
    ----------
    paper : str
        Name of the paper size.
    out : Path
        Folder to write to.
    console : Console
        Where a summary is printed.

    Raises
    ------
    InputError
        The paper is not known, or the folder cannot be written.
    """
    sheet = paper_named(paper)
    boards = boards_for(sheet)
    pages = {name: board_page(sheet, name, board) for name, board in boards.items()}
    _check_folder(out, list(boards), toml_kind("board"))
    for name, board in boards.items():
        with written_together(*_files(out, name)) as (sheet_file, board_file):
            sheet_file.write_bytes(pages[name])
            save_board(board_file, board)
    rows = [(name, TITLES[name], *board_facts(board)) for name, board in boards.items()]
    _print_ruler_hint(console, sheet, out, rows)


def print_tools(paper: str, out: Path, console: Console) -> None:
    """Write a PDF and a TOOL.toml of the needle's carrier and of the reference body.

    Parameters
    ----------
    paper : str
        Name of the paper size.
    out : Path
        Folder to write to.
    console : Console
        Where a summary is printed.

    Raises
    ------
    InputError
        The paper is not known, or the folder cannot be written.
    """
    sheets = write_tools(paper, out)
    rows = [(s.tool.name, s.title, *tool_facts(s.tool)) for s in sheets]
    _print_ruler_hint(console, paper_named(paper), out, rows)


def write_tools(paper: str, out: Path) -> tuple[Sheet, ...]:
    """Write the files of `print_tools`.

    Parameters
    ----------
    paper : str
        Name of the paper size.
    out : Path
        Folder to write to.

    Returns
    -------
    tuple of Sheet
        What the files show.

    Raises
    ------
    InputError
        The paper is not known, or the folder cannot be written.
    """
    size = paper_named(paper)
    sheets = standard_sheets()
    pages = [sheet_page(size, sheet) for sheet in sheets]
    _check_folder(out, [sheet.tool.name for sheet in sheets], toml_kind("tool"))
    for sheet, page in zip(sheets, pages, strict=True):
        with written_together(*_files(out, sheet.tool.name)) as (sheet_file, tool_file):
            sheet_file.write_bytes(page)
            write_tool(tool_file, sheet.tool)
    return sheets


def standard_sheets() -> tuple[Sheet, Sheet]:
    """Return the sheets of the standard tools.

    Returns
    -------
    tuple of 2 Sheet
        Needle carrier and reference body.
    """
    turn, fold = 360 / NEEDLE_SIDES, np.degrees(2 * REFERENCE_TILT)
    needle = Sheet(
        "Needle carrier",
        standard_needle(),
        "this edge towards the tip",
        (
            "Cut along the solid line, on its inner edge.",
            "Score between facing fold marks, and beside the glue tab;"
            f" fold each back by {turn:g}°.",
            f"Glue round a carrier of {NEEDLE_SIDES} flat faces; the paper's outside is then"
            f" {needle_apothem():.2f} mm from the axis.",
            f"The glue tab goes under the face with {NEEDLE_FIRST_ID};"
            " on a solid carrier cut it off.",
        ),
    )
    reference = Sheet(
        "Reference body",
        standard_reference(),
        "this edge below",
        (
            "Cut along the solid line, on its inner edge.",
            f"Score along the fold line, and fold back by {fold:g}°.",
            f"Glue onto two flat stiff plates that meet at {180 - fold:g}°,"
            " the ridge under the fold.",
        ),
    )
    return needle, reference


def _files(out: Path, name: str) -> tuple[Path, Path]:
    return out / f"{name}.pdf", out / f"{name}.toml"


def _check_folder(out: Path, names: Sequence[str], kind: str) -> None:
    """Refuse everything if one of the files would replace something else."""
    for name in names:
        for path, own in zip(_files(out, name), (SHEET, kind), strict=True):
            refuse_special(path)
            refuse_replacing(path, own)


def _print_ruler_hint(
    console: Console, paper: Paper, out: Path, rows: Sequence[tuple[str, ...]]
) -> None:
    table = Table.grid(padding=(0, 2))
    for name, title, *facts in rows:
        table.add_row(f"{name}.pdf, {name}.toml", title, "; ".join(facts))
    console.print(table)
    console.print(f"{out}: for {paper.name}; print at 100 % (actual size), not 'fit to page',")
    console.print(f"and check the ruler on the paper ({nav.NOTICE.lower()})")
