"""The chapter on gels."""

from __future__ import annotations

from phantoms.kit.papers.amounts import Amounts, Filling, bore_volume, wire_thickness
from phantoms.kit.papers.document import Block, Bullets, Heading, Note, Paragraph, Table
from phantoms.kit.papers.gels import GELS, LOSSES, SAFETY, SHELF_LIFE, Gel
from phantoms.kit.tubes import WIRE

IODINE = 25.0  # HU per mg/ml of iodine at 120 kV, assumed
VESSEL = 350.0  # HU wanted in an artery; 300 to 450 are usual, 10.3174/ajnr.A1768
STRONG = 300.0  # mg/ml of iodine in contrast agent as it is sold


def pouring(needs: Amounts, filling: Filling) -> list[Block]:
    """Write the chapter on gels, with amounts for this kit's block.

    Parameters
    ----------
    needs : Amounts
        What the kit takes.
    filling : Filling
        What is poured.

    Returns
    -------
    list of Block
        The chapter.
    """
    blocks: list[Block] = [
        Heading(1, "The gel", "gel"),
        Paragraph(
            f"The block takes **{filling.gel:.0f} ml**: the neck on its base, less bones, struts, "
            f"sac and arteries. Amounts are for {100 * LOSSES - 100:.0f} % more, which stays in "
            "pot and sieve. Choose one recipe. Push a needle into a cup of it before you fill a "
            "mould: 20 to 22 G should go in with 0.5 to 2 N (50 to 200 g on kitchen scales). "
            "If it is too soft, take a tenth more powder."
        ),
    ]
    for gel in GELS:
        blocks += _recipe(gel, filling.gel)
    blocks += [
        Heading(2, "Safety"),
        Bullets(SAFETY),
        Heading(2, "How long it keeps"),
        Table(("what", "how long", "from"), SHELF_LIFE, (2.4, 4.0, 1.0)),
        Heading(2, "Shrinking"),
        Paragraph(
            "Gel gives off water and shrinks by 1 to 2 % in some days (assumed). The skin moves, "
            "bones and arteries do not: they stand on the base. Wrap the block in film."
        ),
        Heading(2, "If you scan it in CT"),
        Bullets(_contrast(needs, filling)),
        Note(
            "hint",
            "Printed plastic is no bone in CT: PLA comes out at -50 to 140 HU, less than a "
            "silicone tube (165 to 200 HU). A bone threshold will not find it. Take this kit's "
            "case, or print the column in calcium-filled or gypsum material "
            "(10.1007/s10278-020-00358-6, 10.1038/s41598-023-44602-9).",
        ),
    ]
    return blocks


def _recipe(gel: Gel, volume: float) -> list[Block]:
    rows = tuple(
        (name, f"{grams:.0f} g" if grams >= 20 else f"{grams:.1f} g", source)
        for name, grams, source in gel.grams(volume)
    )
    return [
        Heading(2, gel.name),
        Paragraph(
            f"{gel.use} Made at {gel.heat} °C, poured below {gel.pour} °C, sets in {gel.set}."
        ),
        Table(("what", "how much", "share from"), rows, (2.6, 1.0, 4.0), numbers=(1,)),
        Bullets(gel.steps, numbered=True),
    ]


def _contrast(needs: Amounts, filling: Filling) -> tuple[str, ...]:
    parts = STRONG * IODINE / VESSEL
    bore = sum(bore_volume(tube) for tube in needs.tubes)
    thin = " A bore of 1 mm is filled before its wire goes in." if _any_thin(needs) else ""
    return (
        f"Thin contrast agent of {STRONG:.0f} mg iodine per ml 1 to {parts - 1:.0f} with water: "
        f"about {VESSEL:.0f} HU at 120 kV (assumed {IODINE:.0f} HU per mg/ml). Beside "
        f"their wires the tubes hold {bore:.1f} ml in all.",
        "Fill the tubes **when they lie in the bones and before their upper ends are closed**: "
        "later those are in the gel. Raise the head's end. Push the contrast in at the lower "
        "end with a syringe and a thin blunt needle (22 to 25 G) beside the wire, slowly, until it "
        "stands at the upper end without bubbles, and draw it back by 3 mm. Wipe that end dry and "
        "close it with a drop of silicone. When it has cured put a clamp on the lower end; take it "
        "off only while the caudal end plate goes over it. What is closed above does not run out."
        f"{thin}",
        "The wire stays inside: it holds the artery's course. Copper is much denser than contrast "
        "agent and makes streaks, worst where it runs beside steel screws. Take aluminium wire of "
        "the same thickness, coated with plastic or anodised, as sold for crafts: it bends as "
        "well, and is a bright line of about 2000 HU in the artery with few streaks (assumed). "
        "Nylon does not keep a bend.",
        f"The sac holds {filling.csf:.0f} ml of water, which is CSF's 0 to 15 HU as it is.",
        "Gelatine comes out at about 20 to 40 HU, agar at 5 to 20 HU (assumed).",
        "Scan with slices of 0.6 mm or thinner. Steel makes streaks too. Take nylon screws and "
        "nuts for the column's foot from the beginning, since its nuts are under the gel; put "
        "nylon into arches and bar for the scan, and steel back after it.",
    )


def _any_thin(needs: Amounts) -> bool:
    return any(wire_thickness(tube) < WIRE for tube in needs.tubes)
