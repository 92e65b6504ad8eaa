"""Files of a kit's papers: pictures, bill of materials, guide as HTML and PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nav.core.errors import InputError
from nav.html_to_pdf import pdf_printer, write_pdf
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_layout import Layout
from phantoms.kit.papers.album import Progress, take_album
from phantoms.kit.papers.amounts import amounts
from phantoms.kit.papers.guide import KINDS, Kit, guide_facts
from phantoms.kit.papers.studio import SIZE
from phantoms.kit.papers.templates import bom_csv, render_bom, render_guide
from phantoms.kit.part import Part


def write_papers(
    folder: Path,
    parts: Sequence[Part],
    anatomy: Anatomy,
    layout: Layout,
    kind: str,
    recipe_name: str,
    progress: Progress = lambda name: None,
    size: tuple[int, int] = SIZE,
) -> None:
    """Write FOLDER/guide.html, guide.pdf, bom.csv and pictures/*.png of a kit.

    The same kit gives the same bytes on the same machine. What is written before an error is left:
    the caller throws the folder away.

    Parameters
    ----------
    folder : Path
        Of the kit.
    parts : sequence of Part
        All that is printed, with the needle's carrier and the block.
    anatomy : Anatomy
        The phantom's case; of a wet one with cord, dura and skin.
    layout : Layout
        Where the kit's parts stand.
    kind : str
        "dry" or "wet".
    recipe_name : str
        The neck's, for people.
    progress : callable, optional
        Called before each picture with what it shows.
    size : tuple of 2 int, optional
        Of the pictures, pixels.

    Raises
    ------
    InputError
        Another kind; a template that cannot be rendered; a file that cannot be written; Pango is
        not installed.
    """
    if kind not in KINDS:
        raise InputError(f"kind: expected {' or '.join(KINDS)}, got {kind!r}")
    pdf_printer()  # says what is missing before minutes of work
    gel_block = skin_on_base(anatomy.parameters, layout) if kind == "wet" else None
    column = [part for part in parts if part.name == "column"]
    needs = amounts(anatomy, column, gel_block)
    facts = guide_facts(Kit(recipe_name, kind, parts, anatomy, layout, needs), size)
    bom = render_bom(facts)
    guide = render_guide({**facts, "bom": bom})
    try:
        take_album(folder, parts, anatomy, layout, gel_block, needs, size, progress)
        (folder / "bom.csv").write_text(bom_csv(bom), encoding="utf-8")
        (folder / "guide.html").write_text(guide, encoding="utf-8")
        write_pdf(folder / "guide.pdf", guide)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
