"""Steps of the needle: its carrier, its strip, how it is clamped; and the test that it drips."""

from __future__ import annotations

from phantoms.kit.papers.needles import LOST, NeedleLengths, needed
from phantoms.kit.papers.pieces import GAUGE
from phantoms.kit.papers.step_scenes import Stage


def needle_steps(lengths: NeedleLengths) -> tuple[Stage, ...]:
    """List the steps of the carrier, on the bench; pictures in the tool's frame.

    Parameters
    ----------
    lengths : NeedleLengths
        Of needles that reach the targets.

    Returns
    -------
    tuple of Stage
        In order.
    """
    bush = f"needle-bush-{GAUGE}g"
    return (
        Stage(
            "strip",
            "Glue the marker strip round the carrier",
            (
                "Print `needle.pdf` at 100 % and check its ruler: 100.0 mm to a tenth.",
                "Cut it out, cut the glue tab off, score the folds.",
                "Marker **10** goes on the face that has 10 engraved at its end, the strip's edge "
                "that says TIP towards the thread.",
                "Spray the paper, roll it on face by face, press each with a flat block.",
            ),
            adds=("needle-carrier", "strip"),
            view="tool",
        ),
        Stage(
            "bush",
            "Clamp the needle",
            (
                f"From the skin to the target it is {lengths.way:.0f} mm in this neck: take a "
                f"needle of **{needed(lengths.plain)}**. Wide wings that begin at the hub's front "
                f"take {LOST:.0f} mm more: {needed(lengths.winged)}.",
                "Put the bush of your needle's gauge (25G to 14G) into the carrier from the "
                "front: its rib goes into the groove.",
                "Then push the needle through it **from behind**, until its hub rests on the bush.",
                "Turn the nut on, hand-tight. The needle must neither turn nor slide: pull at it.",
                "The hub stays open at the back for stylet, syringe and CSF.",
            ),
            adds=(bush, "needle", "needle-nut"),
            view="tool",
            apart=(
                (bush, (0.0, 0.0, 28.0)),
                ("needle", (0.0, 0.0, -38.0)),
                ("needle-nut", (0.0, 0.0, 62.0)),
            ),
        ),
        Stage(
            "adaptor",
            "Or hold it by its hub",
            (
                "For a needle whose hub does not fit the pocket take an **adaptor** (Luer or "
                "NRFit) instead of the bush.",
                "The hub goes onto its cone in front, with a push and a quarter turn; a syringe "
                "fits its back. Take the stylet out first.",
                "The whole shaft is free then: a needle of "
                f"{needed(lengths.on_hub)} reaches the target.",
                "Calibrate the tip anew after each change: it is never where it was.",
            ),
            drops=(bush, "needle"),
            adds=("needle-adaptor-luer",),
            view="tool",
            apart=(("needle-adaptor-luer", (0.0, 0.0, 50.0)), ("needle-nut", (0.0, 0.0, 110.0))),
        ),
    )


def last_steps(wet: bool) -> tuple[Stage, ...]:
    """List the last steps: the first puncture; pictures in the model frame.

    Parameters
    ----------
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    tuple of Stage
        In order.
    """
    drip = (
        "Take the stylet out in the dorsal space: clear water must **drip** within some seconds. "
        "No drip: the tip is not in the sac, or the film lies over it; turn the bevel.",
        "Draw the needle back. The film closes well enough for some punctures; then make a new "
        "sleeve.",
    )
    touch = (
        "Lead the needle along the plan and touch bone at C1's arch and at C2's lamina: the "
        "window must show contact there, to about half a millimetre.",
        "Touch the cord from the side: the gauge must go to 0 there.",
    )
    return (
        Stage(
            "puncture",
            "Try it: the first puncture" if wet else "Try it: touch what you see",
            (
                "Calibrate and register first: see the chapter that says how.",
                "Bring the needle to the plan of the left side: straight from the side, level, "
                "through the window between C1 and C2.",
                *(drip if wet else touch),
            ),
            adds=("needle-carrier", "strip", "needle-nut", f"needle-bush-{GAUGE}g", "needle"),
            view="needle",
        ),
    )
