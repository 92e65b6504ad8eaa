"""The chapters that follow assembly: checks with a caliper, calibration, registration, truth."""

from __future__ import annotations

import numpy as np

from phantoms.anatomy.anatomy_files import SIGMA
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import LEAST_CONFUSION, Layout
from phantoms.kit.papers.checks import FLE, PRINT_SIGMA, lengths, predicted_tre
from phantoms.kit.papers.document import Block, Bullets, Heading, Note, Paragraph, Table

TUBE_SIGMA = SIGMA["artery"]
OUTLIER = 2.5  # times the expected error: a divot is then touched again


def checking(layout: Layout, wet: bool) -> list[Block]:
    """Write the chapter on the caliper.

    Parameters
    ----------
    layout : Layout
        Where the divots are.
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    list of Block
        The chapter.
    """
    between = "when arches and bar are on"
    if wet:
        between = (
            "in the step **Try arches and bar on, and measure**, and when they are on for good"
        )
    rows = tuple(
        (
            f"{pair.first} to {pair.second}",
            _holder(pair.holder),
            f"{pair.length:.1f}",
            "",
        )
        for pair in lengths(layout.divots)
    )
    return [
        Heading(1, "Check the phantom with a caliper", "caliper"),
        Paragraph(
            f"Within a part: as soon as it is printed. Between parts: {between}. "
            "Put the points of the caliper's small upper jaws into the cones "
            "of two divots, down to the apexes, and write down what you read. The labels are "
            "engraved beside the divots."
        ),
        Table(
            ("from apex to apex", "on", "must be, mm", "measured, mm"),
            rows,
            (2, 2.4, 1.2, 1.4),
            (2,),
        ),
        Bullets(
            (
                "**Within 0.3 mm each:** good.",
                "**All too long or all too short by the same share:** the printer's scale is off. "
                "Divide what must be by what you measured, average over the lengths within one "
                "part, and enter that as the scale in the slicer (for example 100.4 %). Print the "
                "column and the arches again: a scale off by 0.5 % moves a divot by 0.5 mm.",
                "**Only lengths between two parts are off:** they do not sit in their recesses. "
                "Clean them, tighten the screws crosswise, measure again.",
                "**One divot is off, in all its lengths:** its cone is not clean. Free it with a "
                "90-degree countersink turned by hand.",
            )
        ),
        Note(
            "hint",
            "Lengths across the layers and along them can differ: compare a length from left to "
            "right with one from head to foot.",
        ),
    ]


def _holder(name: str) -> str:
    return "two parts" if not name else f"the {name.replace('_', ' ').replace('arch', 'arch,')}"


def measuring(anatomy: Anatomy) -> list[Block]:
    """Write the chapter on calibrating, registering, and what to expect.

    Parameters
    ----------
    anatomy : Anatomy
        The phantom's case, with fiducials and plans.

    Returns
    -------
    list of Block
        The chapter.
    """
    registered = [f for f in anatomy.fiducials if f.use == "register"]
    checks = [f for f in anatomy.fiducials if f.use == "check"]
    fiducials = np.array([f.position for f in registered])
    target = np.asarray(anatomy.plans[0].target, float)
    tre = predicted_tre(fiducials, target)
    rows = [(anatomy.plans[0].name + ", target", f"{tre:.2f}", "cannot be touched")]
    for f in checks:
        carried = predicted_tre(fiducials, np.asarray(f.position, float))
        seen = float(np.sqrt(carried**2 + 3 * FLE**2 + PRINT_SIGMA**2))
        rows.append((f"check divot {f.label}", f"{carried:.2f}", f"{seen:.2f}"))
    worst = max((float(seen) for _, _, seen in rows[1:]), default=1.0)
    return [
        Heading(1, "Calibrate, register, check", "measure"),
        Paragraph(
            "In this order. The program's documentation has a page on each and says how to take "
            "the pictures. Do all of it with phantom and block fixed to the table where they will "
            "be used: neither may move against the other while the needle is pivoted or checked."
        ),
        Table(("what", "command", "when again"), _COMMANDS, (2.2, 5.6, 2.4)),
        Paragraph(
            "In the window, touch "
            + ", ".join(f"**{f.label}**" for f in registered)
            + " as it asks for them: needle straight into the cone, markers towards the cameras, "
            "hand rested. Then it asks for the check divots "
            + ", ".join(f"**{f.label}**" for f in checks)
            + ", which never take part in registering."
            + (_ON_BONES if any(f.label.startswith("B") for f in checks) else "")
        ),
        Heading(2, "What to expect"),
        Paragraph(
            f"If you touch each divot with an error of {FLE} mm (one standard deviation per axis), "
            "the position of this phantom's target is then known as follows (rms, by Fitzpatrick "
            f"1998). What you see at a check divot also holds that touch's own error and "
            f"{PRINT_SIGMA} mm of the print."
        ),
        Table(
            ("point", "error of the registration, mm", "seen when touched, mm"),
            tuple(rows),
            (3, 2, 2),
            (1, 2),
        ),
        Bullets(
            (
                f"**FRE of about {FLE * np.sqrt(3 * (1 - 2 / len(fiducials))):.2f} mm** is what "
                "such touches make. Much above it the program refuses, and says what may have "
                "happened: a wrong divot was touched, or the reference body moved.",
                "**Labels mixed up:** no wrong order of them fits with an FRE below "
                f"{LEAST_CONFUSION:g} mm. The program refuses it, and says which they are.",
                f"**A check divot off by more than {OUTLIER * worst:.1f} mm:** touch it again with "
                "the needle turned. If it stays, calibrate the needle again; then measure the "
                "phantom again.",
                "**All check divots off the same way:** the tip is calibrated wrong, or the scale "
                "of the print is off. A small FRE does not show that.",
            )
        ),
    ]


_ON_BONES = (
    " **B1** and **B2** are shallow cones in the bones themselves, in C1's arch and C2's spinous "
    "process, without letters."
)
_COMMANDS = (
    ("cameras and rig", "`nav calibrate rig`, with a board of `nav print targets`",
     "a camera, lens or focus was touched"),
    ("reference body as it was glued", "`nav calibrate tool --rig rig.toml --tool reference.toml "
     "--images turned --output reference.toml`", "new paper"),
    ("needle carrier as it was glued", "`nav calibrate tool --rig rig.toml --tool needle.toml "
     "--images turned --output needle.toml`", "new paper"),
    ("needle tip, in the block's PIVOT", "`nav track --rig rig.toml --tool needle.toml --images "
     "pivot --output poses.csv`, then `nav calibrate needle --poses poses.csv --tool-name needle "
     "--tool needle.toml --output needle.toml`", "every needle; every time it was loose"),
    ("accuracy, at the block's divots", "`nav calibrate check --touched touched.csv --divots "
     "block.csv --register --limit 0.5`", "now and then"),
    ("register and navigate", "`nav live --rig rig.toml --tool needle.toml --tool reference.toml "
     "--case case.toml --camera left=0 --camera right=1`", "the reference body was knocked"),
)  # fmt: skip


def truth(anatomy: Anatomy, kind: str) -> list[Block]:
    """Write the chapter on what the case and the print have in common, and what not.

    Parameters
    ----------
    anatomy : Anatomy
        The phantom's case.
    kind : str
        "dry" or "wet".

    Returns
    -------
    list of Block
        The chapter.
    """
    shown = ("bone", "artery", "cord", "support") + (("dura", "skin") if kind == "wet" else ())
    here = [s.name for s in anatomy.structures if s.role in shown and s.role != "support"]
    gone = [s.name for s in anatomy.structures if s.role not in shown]
    left_out = f" It leaves out {', '.join(gone)}: a dry phantom has none." if gone else ""
    return [
        Heading(1, "What is true, and what is not", "truth"),
        Paragraph(
            f"`case.toml` holds the surfaces that the parts were made from: {', '.join(here)}, and "
            f"the supports.{left_out} Where print and case differ, the window cannot know. Each "
            "surface has its sigma there, one standard deviation, which the distances' bounds "
            "count with."
        ),
        Table(("what", "how far off, one sd", "because", "from"), _truths(kind), (2, 1.5, 4.2, 2)),
        Heading(2, "What it is good for"),
        Bullets(_GOOD[kind]),
        Heading(2, "What it does not tell"),
        Bullets(
            (
                "How a person breathes, moves or bleeds; how skin and muscle shift the needle.",
                "How hard bone, ligament and dura feel: plastic, gel and film are only near it.",
                "Whether a plan is safe for a patient. No number of this phantom is clinical.",
            )
        ),
    ]


def _truths(kind: str) -> tuple[tuple[str, ...], ...]:
    rows = [
        ("divots on arches and bar", "0.1 to 0.2 mm", "printed; sit in recesses", "assumed; "
         "see the caliper"),
        ("bones", f"{PRINT_SIGMA} mm", "a printed surface, layers and seams",
         "0.26 to 0.30 mean, PMC9156585"),
        ("C1 to C2 and base", "below 0.1 mm", "one print, struts in front; 1 N at C1's arch bends "
         "it by about 0.02 mm", "beam formula"),
        ("arteries", f"{TUBE_SIGMA:g} mm", "soft tubes, set by hand; exact only in the "
         "foramina", "assumed"),
        ("an artery's inside", "not shown", "the case's surface is the tube's outside", ""),
    ]  # fmt: skip
    if kind == "dry":
        rows.append(("cord", f"{PRINT_SIGMA} mm", "a stiff printed rod in two seats", "as bones"))
        return tuple(rows)
    rows += [
        ("cord", "0.5 to 1 mm", "soft, held at both ends; sags and floats in between", "assumed"),
        ("dura", "0.5 mm", "a film; bulges under pressure, and tents by 1 to 5 mm before the "
         "needle", "assumed; 10.1148/radiology.146.2.6687370"),
        ("arteries inside the dura", "not there", "a tube ends, closed, where it pierces the film; "
         "the case shows how it would go on. A thin vessel behind the cord (low PICA) can be "
         "glued to the cord, as a tube of 2 mm, before that goes in", "chosen"),
        ("skin", "1 mm", "gel shrinks by 1 to 2 % in days", "assumed"),
    ]  # fmt: skip
    return tuple(rows)


_GOOD = {
    "dry": (
        "Registering and checking, as often as you like: nothing wears but divots.",
        "Accuracy tests of tracking and registration, with the block.",
        "Learning the window: what artery and cord look like from the needle's side.",
    ),
    "wet": (
        "Training the lateral C1-C2 puncture: aim, advance, feel the film give, see it drip.",
        "Feasibility of a set-up: sight of cameras, reach of hands, time.",
        "For accuracy of registration take the dry kit: there is no gel in the way.",
    ),
}
