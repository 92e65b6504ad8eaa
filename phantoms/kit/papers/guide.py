"""What the guide and the bill of materials say about a kit: facts that the templates name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import nav
from phantoms.anatomy.anatomy_files import SIGMA
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.block import SCREW_HOLE
from phantoms.kit.kit_layout import LEAST_CONFUSION, Layout
from phantoms.kit.mould import NUT_ROOM, RIM_ANGLES
from phantoms.kit.papers.album import FOLDER
from phantoms.kit.papers.amounts import (
    FILM_OVERLAP,
    INFILL,
    SHELL,
    Amounts,
    branching,
    filament_grams,
    wires,
)
from phantoms.kit.papers.checks import PRINT_SIGMA, expected_errors, lengths
from phantoms.kit.papers.gels import GELS, LOSSES, contrast
from phantoms.kit.papers.neck_description import special
from phantoms.kit.papers.needles import LOST, needle_lengths
from phantoms.kit.papers.screws import CORD_MOULD_BOLTS, FLANGE_BOLTS, Screw, screws
from phantoms.kit.papers.steps import kit_steps
from phantoms.kit.papers.studio import SIZE
from phantoms.kit.part import BED, LEAST_WALL, Part
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES, LUER, NRFIT

KINDS = {"dry": "Dry kit", "wet": "Gel-filled kit"}


@dataclass(frozen=True)
class Kit:
    """What the guide is about.

    Attributes
    ----------
    name : str
        Of the neck, for people.
    kind : str
        A key of KINDS.
    parts : sequence of Part
        All that is printed.
    anatomy : Anatomy
        The phantom's case.
    layout : Layout
        Where the kit's parts stand.
    needs : Amounts
        What the kit takes.
    """

    name: str
    kind: str
    parts: Sequence[Part]
    anatomy: Anatomy
    layout: Layout
    needs: Amounts


def guide_facts(kit: Kit, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    """Return everything that the templates in `text/` name.

    Parameters
    ----------
    kit : Kit
        What they are about.
    size : tuple of 2 int, optional
        Width and height of the pictures, pixels.

    Returns
    -------
    dict
        Names and values; lengths in mm.
    """
    wet = kit.needs.filling is not None
    steps = kit_steps(kit.layout, kit.needs)
    title = f"C1-C2 phantom: {kit.name}"
    names = {part.name for part in kit.parts}
    return {
        "name": kit.name,
        "title": title,
        "running": f"{title}. {KINDS[kit.kind]}. {nav.NOTICE}.",
        "notice": nav.NOTICE,
        "version": nav.__version__,
        "wet": wet,
        "kind_title": KINDS[kit.kind],
        "pictures": FOLDER,
        "size": size,
        "steps": {stage.name: number for number, stage in enumerate(steps, start=1)},
        "neck": kit.anatomy.parameters,
        "special": special(kit.anatomy.parameters),
        **_printed(kit.parts),
        "mould": bool(names & {"mould_left", "mould_right"}),
        "tubes": kit.needs.tubes,
        "wires": wires(kit.needs.tubes),
        "branching": branching(kit.needs),
        "filling": kit.needs.filling,
        "overlap": FILM_OVERLAP,
        "gels": GELS,
        "losses": LOSSES,
        "contrast": contrast(kit.needs.tubes),
        **_screws(screws(kit.layout, wet)),
        "bolts": _bolts(kit.layout),
        "needles": needle_lengths(kit.anatomy.plans),
        "wings": LOST,
        "drills": _drills(),
        "lengths": lengths(kit.layout.divots),
        "expected": expected_errors(kit.anatomy),
        "confusion": LEAST_CONFUSION,
        "sigma": {"print": PRINT_SIGMA, "tube": SIGMA["artery"]},
        "structures": _structures(kit.anatomy, wet),
    }


def _printed(parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "parts": parts,
        "pieces": sum(part.count for part in parts),
        "filament": sum(part.count * filament_grams(part) for part in parts),
        "bed": BED,
        "shell": SHELL,
        "infill": INFILL,
        "nut_room": NUT_ROOM,
    }


def _screws(found: Sequence[Screw]) -> dict[str, Any]:
    """Return screws as (length, count, purposes), and how many nuts and washers they take."""
    by_length = [
        (length, list(same))
        for length, same in groupby(sorted(found, key=lambda s: s.length), lambda s: s.length)
    ]
    return {
        "screws": [
            (length, sum(s.count for s in same), [s.purpose for s in same])
            for length, same in by_length
        ],
        "nuts": sum(s.count for s in found),
        "washers": sum(s.count for s in found if s.washers),
    }


def _bolts(layout: Layout) -> dict[str, float]:
    return {
        "cord_mould": CORD_MOULD_BOLTS,
        "flange": FLANGE_BOLTS,
        "rim": 2 * len(RIM_ANGLES),
        "mould_on_base": len(layout.bolts["mould"]),
        "table": len(layout.table_holes),
        "block_hole": SCREW_HOLE,
    }


def _drills() -> list[str]:
    """Return the drills for all bores of inserts and guides, rounded to a twentieth of a mm."""
    bores = [diameter + BORE_CLEARANCE for diameter in GAUGES.values()]
    bores += [cone.tip - 2 * LEAST_WALL for cone in (LUER, NRFIT)]
    sizes = sorted({round(20 * bore) / 20 for bore in bores})
    return [f"{size:.2f}".removesuffix("0") for size in sizes]


def _structures(anatomy: Anatomy, wet: bool) -> dict[str, list[str]]:
    roles = {"bone", "artery", "cord", "support"} | ({"dura", "skin"} if wet else set())
    return {
        "shown": [s.name for s in anatomy.structures if s.role in roles - {"support"}],
        "left_out": [s.name for s in anatomy.structures if s.role not in roles],
    }
