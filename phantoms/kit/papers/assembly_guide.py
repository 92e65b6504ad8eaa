"""The assembly guide as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import nav
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import Layout
from phantoms.kit.papers.album import Album
from phantoms.kit.papers.amounts import Amounts
from phantoms.kit.papers.bought import Item, buying
from phantoms.kit.papers.document import (
    Block,
    Bullets,
    Cover,
    Document,
    Heading,
    Note,
    Paragraph,
    Picture,
    Step,
)
from phantoms.kit.papers.neck_description import special
from phantoms.kit.papers.pouring import pouring
from phantoms.kit.papers.printed import printing
from phantoms.kit.papers.using import checking, measuring, truth
from phantoms.kit.part import Part

KINDS = {
    "dry": ("Dry kit", "bones, tubes and cord; no gel. For registration and accuracy tests."),
    "wet": ("Gel-filled kit", "bones, tubes, cord in water, gel. For training punctures."),
}


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
    rows : sequence of Item
        The bill of materials.
    """

    name: str
    kind: str
    parts: Sequence[Part]
    anatomy: Anatomy
    layout: Layout
    needs: Amounts
    rows: Sequence[Item]


def guide(kit: Kit, album: Album) -> Document:
    """Compose the whole document.

    Parameters
    ----------
    kit : Kit
        What it is about.
    album : Album
        Its pictures.

    Returns
    -------
    Document
        To be written as HTML and PDF.
    """
    filling = kit.needs.filling
    blocks: list[Block] = [
        _cover(kit, album.cover),
        *_beginning(kit),
        *printing(kit.parts, album.parts),
        *buying(kit.rows, filling is not None),
        *(pouring(kit.needs, filling) if filling else ()),
        *_assembly(album),
        *checking(kit.layout, filling is not None),
        *measuring(kit.anatomy),
        *truth(kit.anatomy, kit.kind),
    ]
    title = f"C1-C2 phantom: {kit.name}"
    running = f"{title}. {KINDS[kit.kind][0]}. {nav.NOTICE}."
    return Document(f"{title}, assembly guide", running, tuple(blocks))


def _cover(kit: Kit, picture: Picture) -> Cover:
    p = kit.anatomy.parameters
    found = special(p)
    facts = [("neck", kit.name), ("kind", f"{KINDS[kit.kind][0]}: {KINDS[kit.kind][1]}")]
    if found:
        for number, (what, means) in enumerate(found):
            danger = f". {means[:1].upper()}{means[1:]}." if means else ""
            facts.append(("special" if number == 0 else "", f"**{what}**{danger}"))
    else:
        facts.append(("special", "nothing: arteries, canal and window as in most people"))
    facts += [
        ("window", f"{p.window_height:.1f} mm between C1's arch and C2's lamina"),
        ("arteries", f"left {p.artery_left.diameter:g} mm, right {p.artery_right.diameter:g} mm"),
        ("made by", f"c1c2nav {nav.__version__}; sizes and files in `kit.toml`"),
    ]
    return Cover(
        "Printable C1-C2 phantom",
        f"Assembly guide: {kit.name}",
        Picture(picture.file, picture.caption, picture.width, picture.height, 0.9),
        tuple(facts),
        f"{nav.NOTICE}.",
    )


def _beginning(kit: Kit) -> list[Block]:
    days = (
        "Printing takes about 3 days on one machine, the hands about 4 hours. Cast the cord a day "
        "ahead, pour the gel in the afternoon, draw the core the next morning."
        if kit.kind == "wet"
        else "Printing takes about 2 days on one machine, the hands about 2 hours."
    )
    return [
        Heading(1, "Before you begin", "begin"),
        Paragraph(
            "This folder holds a whole kit: parts to print, sheets of markers, this guide, and the "
            "case that the navigation shows. All of it comes from the same numbers, so that what "
            "you print is what you see."
        ),
        Bullets(
            (
                days,
                "You need a 3D printer, hand tools, and some patience with a caliper.",
                "Words: **cranial** is towards the head, **caudal** towards the feet, **anterior** "
                "the front of the neck, which lies on the base, **posterior** its back, which is "
                "up. Left and right are the patient's.",
                "In the pictures what comes in a step is coloured; what is there already is pale.",
            )
        ),
        Note(
            "care",
            f"{nav.NOTICE}. Not for use on, in or near a patient, and not to plan for one.",
        ),
    ]


def _assembly(album: Album) -> list[Block]:
    exploded = album.exploded
    blocks: list[Block] = [
        Heading(1, "Assembly", "assembly"),
        Picture(
            exploded.file,
            "All parts of the phantom, taken apart.",
            exploded.width,
            exploded.height,
            0.95,
        ),
    ]
    for number, (stage, picture) in enumerate(album.steps, start=1):
        shown = Picture(picture.file, "", picture.width, picture.height)
        blocks.append(Step(number, stage.title, stage.lines, shown))
    return blocks
