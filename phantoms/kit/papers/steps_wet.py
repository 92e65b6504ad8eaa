"""Steps of the gel-filled kit: the cord is cast, the sac made, gel poured, the sac filled."""

from __future__ import annotations

from phantoms.kit.kit_layout import Layout
from phantoms.kit.mould import RIM_ANGLES
from phantoms.kit.papers.amounts import Filling
from phantoms.kit.papers.picture_props import arrow
from phantoms.kit.papers.printed import round_to
from phantoms.kit.papers.screws import CORD_MOULD_BOLTS, FLANGE_BOLTS
from phantoms.kit.papers.step_scenes import Stage

MOULD = ("mould_left", "mould_right", "mould_cranial", "mould_caudal", "mould_lid")


def casting(filling: Filling) -> tuple[Stage, ...]:
    """List the steps that cast the cord, on the bench, a day before the rest.

    Parameters
    ----------
    filling : Filling
        What is poured.

    Returns
    -------
    tuple of Stage
        In order.
    """
    return (
        Stage(
            "cord-cast",
            "Cast the cord",
            (
                "Do this a day ahead. Rub a thin film of petroleum jelly into both halves.",
                "Push the halves together over their pegs and hold them with "
                f"{CORD_MOULD_BOLTS} screws **M3 x 30**, washers and nuts.",
                f"Mix {round_to(1.25 * filling.cord, 5):.0f} ml of soft silicone (Shore 00-30 to "
                "00-50) with a drop of yellow. Let it stand until the bubbles are gone.",
                "Stand the mould on its end, spout up, and pour a thin stream until the spout is "
                "full. Knock on it.",
                "Cure as the maker says. Open, cut the sprue off flush.",
            ),
            adds=("cord_mould_left", "cord", "cord_mould_right"),
            apart=(("cord_mould_left", (34.0, 0.0, 0.0)), ("cord_mould_right", (-34.0, 0.0, 0.0))),
            aside=True,
        ),
    )


def pouring_steps(layout: Layout, filling: Filling) -> tuple[Stage, ...]:
    """List the steps from the bare column to a closed sac.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.
    filling : Filling
        What is poured.

    Returns
    -------
    tuple of Stage
        In order.
    """
    return (*_sac(filling), *_mould(layout), *_gel(layout, filling), *_closing())


def _sac(filling: Filling) -> tuple[Stage, ...]:
    girth, length = (round_to(v, 5) for v in filling.film)
    return (
        Stage(
            "sleeve",
            "Make the dura: a sleeve on the core",
            (
                "Sand the core smooth and rub it with petroleum jelly.",
                f"Cut a film of 0.3 mm to {girth:.0f} x {length:.0f} mm and lay it tightly round "
                "the core. Trim it along its length until the edges lie 8 mm over each other, and "
                "glue them, **on the anterior side**: a needle never meets the seam there.",
                "No wrinkles at the height of C1 and C2. Let the glue dry. Blow the sleeve up a "
                "little and hold it under water: no bubbles.",
                "Slide the **cranial end plate** on from the lower end, its letters towards the "
                "handle, until the handle's two feet stand on it. The film runs from the handle to "
                "the core's lower end: 7 mm of it stand out of each end plate, to be tied to the "
                "plugs later.",
            ),
            adds=("sac_core", "mould_cranial", "sleeve"),
            apart=(("mould_cranial", (0.0, 0.0, -190.0)),),
            aside=True,
        ),
        Stage(
            "core",
            "Push core and sleeve through the canal",
            (
                "Push the core with its sleeve from the head's end through the occiput, C1, C2, C3 "
                "and C4. Wet the film, so that it slides and does not roll up.",
                "The wide side of the core is left to right.",
                "Stop with 10 mm to go: the shells will say where the end plates belong.",
            ),
            adds=("sac_core", "sleeve", "mould_cranial"),
            view="head",
            apart=tuple((n, (0.0, 0.0, 40.0)) for n in ("sac_core", "sleeve", "mould_cranial")),
            extras=(arrow((0.0, 45.0, 130.0), (0.0, 45.0, 90.0)),),
        ),
        Stage(
            "caudal-plate",
            "Put the caudal end plate on",
            (
                "Lead the core's lower end and both tubes through the holes of the caudal end "
                "plate, letters inwards.",
                "Smear petroleum jelly round core and tubes: gel finds every gap.",
            ),
            adds=("mould_caudal",),
            apart=(("mould_caudal", (0.0, 0.0, -30.0)),),
            extras=(arrow((50.0, 30.0, -130.0), (50.0, 30.0, -100.0)),),
        ),
    )


def _mould(layout: Layout) -> tuple[Stage, ...]:
    at_rim, at_base = 2 * len(RIM_ANGLES), len(layout.bolts["mould"])
    return (
        Stage(
            "shells",
            "Close the shells round it",
            (
                "Wipe a thin film of petroleum jelly over the insides and over all faces that "
                "meet.",
                "Push the **left** and the **right shell** together from both sides; the end "
                "plates go against their rims.",
                f"Screws **M3 x 16** with washers and nuts: {FLANGE_BOLTS} along the back's "
                f"flange, {at_rim} at each end plate, then {at_base} from below through the base. "
                "Hold the nuts with a 5.5 mm spanner. Tighten all a little, then all again.",
                "Pour in cold water to the brim as a test. Seal what leaks, drain and dry.",
            ),
            adds=("mould_left", "mould_right", "screws:mould"),
            apart=(("mould_left", (45.0, 0.0, 0.0)), ("mould_right", (-45.0, 0.0, 0.0))),
            view="head",
            extras=tuple(
                arrow((150.0 * side, 10.0, 0.0), (112.0 * side, 10.0, 0.0)) for side in (1.0, -1.0)
            ),
        ),
    )


def _gel(layout: Layout, filling: Filling) -> tuple[Stage, ...]:
    top = layout.bar[1]
    return (
        Stage(
            "pour",
            "Pour the gel",
            (
                f"Make **{filling.gel:.0f} ml** of gel and a tenth more: see the chapter on gel.",
                "The base stands level. Pour below 40 °C (agar: 50 °C) through the opening in the "
                "back, slowly, down a wall. Stop half way for a minute, so that bubbles leave the "
                "canal, and tip the base a little to both sides.",
                "Fill to the brim of the opening.",
            ),
            adds=("gel",),
            extras=(arrow((0.0, top + 70.0, -7.0), (0.0, top + 28.0, -7.0), 4.0),),
        ),
        Stage(
            "lid",
            "Press the lid in",
            (
                "Press the lid into the opening until its plate rests. Its underside is the neck's "
                "skin; what is too much comes out of its two vents.",
                "Let the gel set as its recipe says, level, in the refrigerator.",
            ),
            adds=("mould_lid",),
            apart=(("mould_lid", (0.0, 25.0, 0.0)),),
        ),
        Stage(
            "open",
            "Take the mould off",
            (
                "Undo the screws of the flange, the end plates and the base.",
                "Lift the lid. Draw the **caudal end plate** off over the tubes.",
                "Run a thin wet blade round each shell's edge and draw it off sideways. The gel "
                "stays on the base.",
                "Leave core and cranial end plate where they are for now.",
            ),
            drops=("mould_left", "mould_right", "mould_lid", "mould_caudal", "screws:mould"),
            adds=("gel",),
        ),
        Stage(
            "draw",
            "Draw the core out",
            (
                "Let a few ml of soapy water run between sleeve and core with a blunt needle.",
                "Hold the end of the sleeve, turn the handle a few degrees to and fro, and draw "
                "the core out towards the head, with the end plate. Slowly: the gel gives way by "
                "a few mm. Lift the handle by 1 to 2 mm, so that the plate does not scrape over "
                "the base.",
                "The sleeve stays in the gel and stands out at both ends.",
            ),
            adds=("sac_core", "mould_cranial"),
            view="head",
            apart=(("sac_core", (0.0, 0.0, 75.0)), ("mould_cranial", (0.0, 0.0, 75.0))),
            extras=(arrow((0.0, 50.0, 110.0), (0.0, 50.0, 160.0)),),
        ),
    )


def _closing() -> tuple[Stage, ...]:
    return (
        Stage(
            "plugs",
            "Set cord and plugs",
            (
                "Push the cord's upper end into the seat of the **cranial plug**; wet, it slides.",
                "Lead cord and plug into the sleeve from the head's end until the plug's face is "
                "where the core's handle was. Its barb points out of the neck. It is not in the "
                "plug's middle but about 4 mm nearer one long side: turn that side **down**, "
                "towards the base.",
                "Push the **caudal plug** into the other end, onto the cord's lower end, its wide "
                "side left to right.",
                "Draw the sleeve over each plug's groove and tie it with two turns of thread or a "
                "cable tie. Cut off what is too long.",
            ),
            drops=("sac_core", "mould_cranial"),
            adds=("cord", "plug_cranial", "plug_caudal"),
            view="head",
            apart=(
                ("plug_cranial", (0.0, 0.0, 75.0)),
                ("cord", (0.0, 0.0, 75.0)),
                ("plug_caudal", (0.0, 0.0, -45.0)),
            ),
        ),
        Stage(
            "tubes-end",
            "Cut and close the tubes",
            (
                "Cut each artery's tube, with the wire in it, 10 mm behind the gel. Side cutters "
                "do for both.",
                "Wipe the end dry and close it with a drop of silicone. If there is contrast agent "
                "inside, it stays: the upper end is closed.",
            ),
            drops=("tube ends",),
            adds=("artery:*", "cut ends"),
            view="side",
            focus=("column", "artery:*", "cut ends"),
        ),
    )


def water(filling: Filling) -> Stage:
    """Return the step that fills the sac: it drips from then on.

    Parameters
    ----------
    filling : Filling
        What is poured.

    Returns
    -------
    Stage
        The step.
    """
    return Stage(
        "water",
        "Fill the sac with water",
        (
            "Push a tube of 4 mm inner width on each barb, 500 mm at the caudal end, the rest "
            "at the cranial one. **Lead the cranial hose between the legs of the reference "
            "body's seat**, from the head's end, before you push it on.",
            f"Fill from the **caudal** end (about {filling.csf:.0f} ml and the tubes) with a "
            "syringe, the head's end raised, until no bubble comes out of the cranial tube. "
            "Clamp the caudal tube.",
            "Hang the reservoir on the cranial tube, its level **150 mm above the window**: "
            "about 15 cm of water, as in a person lying down.",
            "Wait 10 minutes. If the level sinks, tie the plugs tighter.",
        ),
        adds=("hose_cranial", "hose_caudal", "plug_cranial", "plug_caudal"),
        view="head",
    )
