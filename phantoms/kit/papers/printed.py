"""The chapter on printing: settings, a table of all parts, each as it lies on the bed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from phantoms.kit.mould import NUT_ROOM
from phantoms.kit.papers.amounts import filament_grams
from phantoms.kit.papers.document import (
    Block,
    Bullets,
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Table,
)
from phantoms.kit.part import BED, Part

SETTINGS = (
    ("nozzle, line", "0.4 mm, 0.45 mm wide"),
    ("layers", "0.2 mm; 0.15 mm or less where the part says so"),
    ("walls", "3 lines (1.35 mm), 4 for the bone column and the arches"),
    ("top and bottom", "5 layers"),
    ("infill", "20 %, gyroid or cubic; parts under 10 ml: 100 %"),
    ("support", "none but where the part says so; then from the bed only, 0.2 mm gap"),
    ("brim", "5 mm under what is tall and narrow"),
    ("material", "PLA is the stiffest and truest"),
    ("scale", "100 %; first print the smallest arch or the block and measure it"),
)


# of a kit with a mould, beside SETTINGS
HOT = ("material, hot gel", "PETG where gel is poured hotter than 45 °C")
BRIDGES = (
    "bridges",
    f"the mould's shells, at their upper rim: the rooms for nuts have flat ceilings of "
    f"{NUT_ROOM:.0f} mm from wall to wall, which print in the air as short bridges. Turn your "
    "slicer's settings for bridges on, put no support there, and clear the holes with the drill",
)


def printing(parts: Sequence[Part], pictures: Mapping[str, Picture]) -> list[Block]:
    """Write the chapter on printing.

    Parameters
    ----------
    parts : sequence of Part
        All that is printed.
    pictures : mapping of str to Picture
        Of the parts on the bed, by part's name.

    Returns
    -------
    list of Block
        The chapter.
    """
    total = sum(part.count * filament_grams(part) for part in parts)
    pieces = sum(part.count for part in parts)
    return [
        Heading(1, "What to print", "print"),
        Paragraph(
            f"{pieces} pieces, about {round_to(total, 10):.0f} g of filament without support. "
            f"Every part fits a printer of {BED[0]:.0f} x {BED[1]:.0f} x {BED[2]:.0f} mm and lies "
            "in its file as it is to be printed: do not turn it. `stl/` and `3mf/` hold a file of "
            "each part, `3mf/plate-1.3mf` and on all parts laid out on plates. Units are "
            "millimetres."
        ),
        Table(("setting", "use"), _settings(parts), (1.0, 4.0)),
        Table(
            ("part", "file", "pieces", "size, mm", "material", "about, g"),
            tuple(_row(part) for part in parts),
            (3.2, 2.6, 0.9, 2.2, 1.8, 1.0),
            numbers=(2, 5),
        ),
        Note(
            "hint",
            "Grams are counted for three walls and 20 % infill, without support, brim and waste. "
            "Your slicer knows better.",
        ),
        Heading(2, "Before you use a print"),
        Bullets(
            (
                "Remove strings, brim and the seam's blobs from faces that meet, and from divots: "
                "the apex of each cone must be clean. Turn a sharpened pencil in it, then look "
                "with a lens.",
                "Run a 3.4 mm drill by hand through the bolt holes that are tight.",
                "Push a piece of each tube through the foramina of the bone column now. Clear "
                "what catches with a round file.",
                "Do not anneal parts and do not sand faces that carry paper.",
            )
        ),
        Heading(2, "Each part on the bed"),
        Gallery(tuple(_captioned(part, pictures[part.name]) for part in parts), 3),
    ]


def _settings(parts: Sequence[Part]) -> tuple[tuple[str, str], ...]:
    mould = any(part.name in ("mould_left", "mould_right") for part in parts)
    return (*SETTINGS, HOT, BRIDGES) if mould else SETTINGS


def titled(part: Part) -> str:
    """Return a part's title as it begins a line.

    Parameters
    ----------
    part : Part
        With its title.

    Returns
    -------
    str
        With a capital letter.
    """
    return part.title[:1].upper() + part.title[1:]


def size_text(part: Part) -> str:
    """Format width x depth x height of a part on the bed.

    Parameters
    ----------
    part : Part
        With its mesh.

    Returns
    -------
    str
        mm, without the unit.
    """
    return " x ".join(f"{v:.1f}" for v in np.ptp(part.mesh.vertices, axis=0))


def round_to(value: float, step: float) -> float:
    """Round up to a multiple of a step.

    Parameters
    ----------
    value, step : float
        In the same unit; the step is positive.

    Returns
    -------
    float
        At least `value`, up to rounding errors.
    """
    return float(np.ceil(value / step - 1e-9) * step)


def _row(part: Part) -> tuple[str, ...]:
    return (
        titled(part),
        f"`{part.name}.stl`",
        str(part.count),
        size_text(part),
        part.material,
        f"{filament_grams(part):.0f}",
    )


def _captioned(part: Part, picture: Picture) -> Picture:
    many = f", {part.count} pieces" if part.count > 1 else ""
    caption = f"**{titled(part)}**{many}. {size_text(part)} mm. {part.printing}"
    return Picture(picture.file, caption, picture.width, picture.height)
