"""Bill of materials for this kit's sizes; the same rows go into bom.csv."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO

from phantoms.kit.papers.amounts import (
    THIN_WIRE,
    Amounts,
    Filling,
    filament_grams,
    tube_size,
    wire_thickness,
)
from phantoms.kit.papers.document import Block, Heading, Note, Paragraph, Table
from phantoms.kit.papers.gels import GELS
from phantoms.kit.papers.needles import NeedleLengths, needed
from phantoms.kit.papers.printed import round_to, size_text, titled
from phantoms.kit.papers.screws import Screw
from phantoms.kit.papers.tubing import branching
from phantoms.kit.part import LEAST_WALL, Part
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES, LUER, NRFIT
from phantoms.kit.tubes import WIRE

HEAD = ("group", "item", "quantity", "unit", "size", "material", "for")


@dataclass(frozen=True)
class Item:
    """A row of the bill of materials.

    Attributes
    ----------
    group : str
        Such as "print", "fasteners" or "tools".
    name : str
        What it is.
    quantity : float
        How many or how much, in `unit`.
    unit : str
        Such as "pieces", "mm" or "g".
    size, material, purpose : str
        For people; may be empty.
    """

    group: str
    name: str
    quantity: float
    unit: str
    size: str
    material: str
    purpose: str


def items(
    parts: Sequence[Part], needs: Amounts, screws: Sequence[Screw], lengths: NeedleLengths
) -> tuple[Item, ...]:
    """List all rows: printed, bought, poured.

    Parameters
    ----------
    parts : sequence of Part
        All that is printed.
    needs : Amounts
        What the kit takes.
    screws : sequence of Screw
        Of the kit.
    lengths : NeedleLengths
        Of needles that reach the targets.

    Returns
    -------
    tuple of Item
        By group.
    """
    filling = needs.filling
    return (
        *(_printed(part) for part in parts),
        *_fasteners(screws),
        *_tubes(needs),
        *(_wet(filling) if filling else _dry(needs)),
        *_papers(),
        *_needles(lengths),
        *_tools(filling is not None),
        *(_gels(filling) if filling else ()),
    )


def bom_csv(rows: Sequence[Item]) -> str:
    """Format the bill of materials as CSV.

    Parameters
    ----------
    rows : sequence of Item
        Its rows.

    Returns
    -------
    str
        With a header.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for item in rows:
        writer.writerow(f"{v:g}" if isinstance(v, float) else v for v in asdict(item).values())
    return text.getvalue()


def buying(rows: Sequence[Item], wet: bool) -> list[Block]:
    """Write the chapter on what to buy.

    Parameters
    ----------
    rows : sequence of Item
        The bill of materials.
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    list of Block
        The chapter.
    """
    bought = [item for item in rows if item.group not in ("print", "gel")]
    latex = Note(
        "care",
        "Latex can cause severe allergy. Where anybody in the room may be allergic, use silicone "
        "film and nitrile gloves.",
    )
    return [
        Heading(1, "What to buy", "buy"),
        Paragraph(
            "All of it is sold by hardware, model-making and laboratory shops. `bom.csv` holds the "
            "same list, with the printed parts, as a table to order from."
        ),
        *((latex,) if wet else ()),
        Table(
            ("item", "quantity", "size", "material", "for"),
            tuple(_cells(item) for item in bought),
            (2.6, 1.2, 2.2, 1.8, 3.4),
            numbers=(1,),
        ),
    ]


def _cells(item: Item) -> tuple[str, ...]:
    return (
        item.name,
        f"{item.quantity:g} {item.unit}".strip(),
        item.size,
        item.material,
        item.purpose,
    )


def _printed(part: Part) -> Item:
    about = f"about {filament_grams(part):.0f} g each"
    size = f"{size_text(part)} mm"
    return Item(
        "print", f"{titled(part)} ({part.name})", part.count, "pieces", size, part.material, about
    )


def _fasteners(screws: Sequence[Screw]) -> list[Item]:
    rows = []
    for length in sorted({screw.length for screw in screws}):
        same = [screw for screw in screws if screw.length == length]
        count = sum(screw.count for screw in same)
        purpose = ", ".join(screw.purpose for screw in same)
        size = f"M3 x {length}, cylinder head with hexagon socket"
        rows.append(Item("fasteners", "screw", count, "pieces", size, "steel, ISO 4762", purpose))
    nuts = sum(screw.count for screw in screws)
    washers = sum(screw.count for screw in screws if screw.washers)
    nut, washer = "steel, ISO 4032", "steel, ISO 7089"
    return [
        *rows,
        Item("fasteners", "nut", nuts, "pieces", "M3, 5.5 mm across flats", nut, "every M3 screw"),
        Item("fasteners", "washer", washers, "pieces", "M3", washer, "under nuts on plastic"),
        Item("fasteners", "table screw or clamp", 4, "pieces", "5 mm", "", "base on the table"),
        Item("fasteners", "table screw", 2, "pieces", "4 mm, 25 mm long", "", "block on the table"),
    ]


def _tubes(needs: Amounts) -> list[Item]:
    rows = [
        Item(
            "tubes",
            tube.name,
            round_to(tube.length, 10),
            "mm",
            f"{tube_size(tube)} (inner x outer)",
            "silicone tube, 50 to 60 Shore A",
            "cut at the end of assembly",
        )
        for tube in needs.tubes
    ]
    metal = "annealed copper" + ("" if needs.filling is None else "; for CT aluminium, coated")
    for thickness, bores in ((WIRE, "a bore of 2 mm and more"), (THIN_WIRE, "a bore of 1 mm")):
        held = [tube for tube in needs.tubes if wire_thickness(tube) == thickness]
        if held:
            length = round_to(sum(tube.length + 40.0 for tube in held), 50)
            rows.append(
                Item("tubes", "wire", length, "mm", f"{thickness:g} mm, for {bores}",
                     metal, "bent to the artery's course, then pushed into the tube")
            )  # fmt: skip
    return rows


def _wet(filling: Filling) -> list[Item]:
    girth, length = (round_to(v, 5) for v in filling.film)
    cast = round_to(filling.cord * 1.25, 5)
    return [
        Item("dura", "film", 5, "pieces", f"{girth:.0f} x {length:.0f} x 0.3 mm",
             "latex or silicone sheet", "the dura; a new one with every block"),
        Item("dura", "film glue", 1, "tube", "", "rubber cement or RTV silicone",
             "the film's seam"),
        Item("dura", "thread or cable ties", 1, "set", "2.5 mm wide at most", "",
             "the film on the plugs"),
        Item("cord", "silicone, two components", cast, "ml", "Shore 00-30 to 00-50",
             "platinum-cure silicone", "the cord; a quarter more than its volume"),
        Item("cord", "pigment", 1, "drop", "", "for silicone, yellow", "to see the cord"),
        Item("water", "tube", 1500, "mm", "4 x 6 mm (inner x outer)", "silicone or PVC tube",
             "from the reservoir to the plug's barb"),
        Item("water", "reservoir with a clamp", 1, "piece", "60 ml syringe, or an infusion bag", "",
             "water at the height that makes it drip"),
        Item("water", "hose clamp", 1, "piece", "for 6 mm", "", "the caudal tube"),
        Item("water", "syringe", 1, "piece", "20 ml or more", "", "filling the sac"),
        Item("water", "blunt needle", 1, "piece", "18 G, 50 mm or longer", "",
             "soapy water between film and core"),
        Item("mould", "petroleum jelly", 1, "can", "", "",
             "inner faces and joints of both moulds, where tubes go through, the sac's core"),
        Item("mould", "silicone sealant", 1, "tube", "", "acetic",
             "leaks of the mould, ends of the arteries' tubes"),
    ]  # fmt: skip


def _dry(needs: Amounts) -> list[Item]:
    rows = [
        Item("tubes", "hot glue", 1, "stick", "", "", "ends of the arteries' tubes"),
        Item("cord", "adhesive tape", 1, "roll", "", "", "a cord's end that is loose in its seat"),
    ]
    if branching(needs):
        purpose = "tubes that begin or end at another one"
        rows.append(Item("tubes", "silicone sealant", 1, "tube", "", "acetic", purpose))
    return rows


def _papers() -> list[Item]:
    return [
        Item("markers", "paper", 2, "sheets", "A4, 120 to 200 g/m2, matt", "laser printer",
             "`reference.pdf` and `needle.pdf`, at 100 %"),
        Item("markers", "spray adhesive", 1, "can", "", "repositionable for the first minute",
             "paper on plastic"),
    ]  # fmt: skip


def _needles(lengths: NeedleLengths) -> list[Item]:
    tuohy = f"14 to 17 G, {needed(lengths.winged)} if its wings begin at the hub's front, else "
    return [
        Item("use", "spinal needles", 10, "pieces", f"20 to 22 G, {needed(lengths.plain)}", "",
             "a new one for every few punctures"),
        Item("use", "Tuohy needle", 1, "piece", tuohy + f"{lengths.plain.sold:.0f} mm", "",
             "catheters; leave it out where none are used"),
    ]  # fmt: skip


def _tools(wet: bool) -> list[Item]:
    rows = [
        Item("tools", "caliper", 1, "piece", "150 mm, 0.05 mm, pointed upper jaws", "",
             "checking the print"),
        Item("tools", "steel rule", 1, "piece", "300 mm", "", "checking the sheets"),
        Item("tools", "hexagon key", 1, "piece", "2.5 mm", "", "the screws"),
        Item("tools", "spanner", 1, "piece", "5.5 mm", "", "nuts that no pocket holds"),
        Item("tools", "round file, blade, 3.4 mm drill", 1, "set", "", "", "cleaning prints"),
        Item("tools", "drills, turned by hand", 1, "set", f"{_drills()} mm", "",
             "bores of bushes and adaptors, the block's guides; rounded to 0.05 mm"),
        Item("tools", "countersink", 1, "piece", "90 degrees, turned by hand", "",
             "cones of divots that are not clean; not the block's"),
        Item("tools", "side cutters", 1, "piece", "", "", "the arteries' wires and tubes"),
    ]  # fmt: skip
    if wet:
        rows += [
            Item("tools", "sandpaper", 1, "set", "120, 240 and 400 grit", "", "the sac's core"),
            Item("tools", "gloves, goggles", 1, "set", "nitrile, and against hot splashes", "",
                 "hot gel"),
            Item("tools", "sharps box", 1, "piece", "", "", "used needles"),
            Item("tools", "scales", 1, "piece", "2 kg, 1 g", "", "the gel"),
            Item("tools", "thermometer", 1, "piece", "0 to 100 °C", "", "the gel"),
            Item("tools", "pot, whisk, refrigerator", 1, "set", "for 3 l", "", "the gel"),
        ]  # fmt: skip
    return rows


def _drills() -> str:
    """Return the drills for all bores of inserts and guides, rounded to a twentieth of a mm."""
    bores = [diameter + BORE_CLEARANCE for diameter in GAUGES.values()]
    bores += [cone.tip - 2 * LEAST_WALL for cone in (LUER, NRFIT)]
    sizes = sorted({round(20 * bore) / 20 for bore in bores})
    return ", ".join(f"{size:.2f}".removesuffix("0") for size in sizes)


def _gels(filling: Filling) -> list[Item]:
    return [
        Item("gel", f"{gel.name}: {name}", round_to(grams, 1.0), "g", "", "",
             f"one of {len(GELS)} recipes; {filling.gel:.0f} ml and a tenth for losses")
        for gel in GELS
        for name, grams, _ in gel.grams(filling.gel)
    ]  # fmt: skip
