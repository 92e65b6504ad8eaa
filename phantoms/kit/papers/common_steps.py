"""Assembly steps that both kits share, in the order of the work."""

from __future__ import annotations

from phantoms.kit.block import SCREW_HOLE
from phantoms.kit.kit_layout import Layout
from phantoms.kit.papers.amounts import Amounts
from phantoms.kit.papers.picture_props import arrow
from phantoms.kit.papers.step_scenes import Stage
from phantoms.kit.papers.steps_wet import casting, pouring_steps, water
from phantoms.kit.papers.tubing import tubing


def phantom_steps(layout: Layout, needs: Amounts) -> tuple[Stage, ...]:
    """List the steps from the empty base to the phantom that is ready to be registered.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.
    needs : Amounts
        What the kit takes; with a filling for a wet kit.

    Returns
    -------
    tuple of Stage
        In order.
    """
    filling = needs.filling
    if filling is None:
        return (
            _column(),
            *tubing(needs, wet=False),
            *_dry_cord(),
            *_frame(wet=False),
            _seat(),
            *_fixing(layout),
        )
    return (
        *casting(filling),
        _column(),
        _trial(),
        *tubing(needs, wet=True),
        *pouring_steps(layout, filling),
        *_frame(wet=True),
        _seat(),
        water(filling),  # the hose goes between the legs of what stands there now
        *_fixing(layout),
    )


def _column() -> Stage:
    return Stage(
        "column",
        "Screw the bone column onto the base",
        (
            "Lay the base with its letters up. L is the patient's left; the arrows point to the "
            "head.",
            "Slide 4 nuts into the slots of the column's foot.",
            "Put the foot into its recess: the occiput is at the CRANIAL end. It fits one way.",
            "Turn 4 screws **M3 x 10** in from below, crosswise, hand-tight.",
            "Push at C1 with a finger: nothing may rock.",
        ),
        adds=("base", "column", "screws:column"),
        view="low",
        apart=(("column", (0.0, 40.0, 0.0)), ("screws:column", (0.0, -45.0, 0.0))),
    )


def _dry_cord() -> tuple[Stage, ...]:
    return (
        Stage(
            "cord",
            "Push the cord through the canal",
            (
                "Push the yellow rod from the head's end through the occiput, C1, C2, C3 and C4. "
                "It is flatter from front to back; the end that stood on the bed is the lower one.",
                "Do not force it: free the canal of support first.",
            ),
            adds=("cord",),
            view="head",
            apart=(("cord", (0.0, 0.0, 70.0)),),
            extras=(arrow((0.0, 40.0, 130.0), (0.0, 40.0, 90.0)),),
        ),
        Stage(
            "cord-seats",
            "Set the two seats",
            (
                "Slide the **caudal seat** onto the cord's lower end; its small holes go over the "
                "tubes.",
                "Slide the **cranial seat** onto the upper end.",
                "Screw each seat down with 2 screws **M3 x 16** from below, washers and nuts on "
                "top.",
                "The cord must not turn or slide. If it does, a strip of tape round its end helps.",
            ),
            adds=("seat_caudal", "seat_cranial", "screws:seat_*"),
        ),
        Stage(
            "tubes-end",
            "Cut and close the tubes",
            (
                "Look along each tube from the side: it must not lie nearer to the window than "
                "the former showed.",
                "Cut the tubes 10 mm behind the caudal seat. A drop of hot glue at the seat and at "
                "the upper end keeps them.",
            ),
            drops=("tube ends",),
            adds=("artery:*", "cut ends"),
            view="side",
            focus=("column", "artery:*"),
        ),
    )


def _trial() -> Stage:
    """Return the step that tries arches and bar on.

    Gel and mould are in the way later, and a column that is off is printed again.
    """
    return Stage(
        "trial",
        "Try arches and bar on, and measure",
        (
            "Bolt both arches and the bar onto the base, as in the steps **Bolt the two arches "
            "on** and **Put the bar between them**.",
            "Measure the lengths between two parts now: see the chapter on the caliper. What is "
            "off is printed again before there is gel round it.",
            "Take bar and arches off again: the mould needs their room.",
        ),
        adds=("arch_*", "bar", "screws:arches", "screws:bar"),
        tried=True,
    )


def _frame(wet: bool) -> tuple[Stage, ...]:
    wait = "The gel must be set and out of its mould. " if wet else ""
    return (
        Stage(
            "arches",
            "Bolt the two arches on",
            (
                f"{wait}The arch with **R1, R2, R7, R8** is the cranial one, that with **R3, R4, "
                "R5, R6** the caudal one. Labels are on the faces away from the neck.",
                "Put a nut into each of the 4 pockets of an arch, and its legs into the recesses "
                "of the base, against the lugs.",
                "Turn 4 screws **M3 x 16** through the lugs into each arch. Leave them loose by "
                "half a turn until the bar is on.",
            ),
            adds=("arch_*", "screws:arches"),
        ),
        Stage(
            "bar",
            "Put the bar between them",
            (
                "Drop 4 nuts into the bar's slots from its top, a corner down.",
                "Its wing near the **cranial** arch points to the patient's left (K1), the other "
                "one to the right (K4).",
                "Seat its ends in the arches, and turn 2 screws **M3 x 20** through each arch.",
                "Now tighten all screws of arches and bar, crosswise. Nothing may rock.",
            ),
            adds=("bar", "screws:bar"),
        ),
    )


def _seat() -> Stage:
    return Stage(
        "reference",
        "Set the reference body's seat",
        (
            "Its place is at the head's end of the base, beside the word CRANIAL, which is "
            "engraved in the base on the seat's left (the patient's left).",
            "Draw that end 50 mm over the table's edge, to reach the holes from below. Turn 4 "
            "screws **M3 x 16** in, washers and nuts on top; hold the nuts with a 5.5 mm spanner.",
            "It must be as stiff as the base: every result hangs on it.",
        ),
        adds=("reference_seat", "screws:reference"),
        view="head",
    )


def _fixing(layout: Layout) -> tuple[Stage, ...]:
    return (
        Stage(
            "reference-sheet",
            "Glue the reference sheet on",
            (
                "Print `reference.pdf` at 100 % on matt, heavy paper and check its ruler: 100.0 mm "
                "to a tenth.",
                "Score the fold, cut on the inside of the line.",
                "Spray the paper, not the seat. Lay the **fold exactly on the ridge**, markers "
                "**40 to 43 on the patient's right** (R), their tops towards the feet.",
                "Press with a flat block until it is dry. No bubbles, no lifted edge.",
            ),
            adds=("reference sheet",),
            view="head",
            focus=("reference_seat",),
            zoom=0.8,
        ),
        Stage(
            "table",
            "Fix base and block to the table",
            (
                f"Screw the base down through its {len(layout.table_holes)} holes of 5.5 mm, or "
                "clamp it. Washers and driver no wider than 10 mm, its shaft 130 mm or longer.",
                "Cameras look from above; the neck's left side is free for the needle.",
                "From now on the phantom may move only together with its reference body.",
                f"Screw the **block** to the same table or board with 2 screws of 4 mm (its holes "
                f"are {SCREW_HOLE:g} mm wide), where the cameras see it: it must not move against "
                "the reference body while a needle is pivoted or checked in it.",
            ),
            extras=tuple(
                arrow((x, layout.base_top + 42.0, z), (x, layout.base_top + 4.0, z))
                for x, z in layout.table_holes
            ),
        ),
    )
