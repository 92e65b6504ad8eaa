"""Steps of the arteries' tubes."""

from __future__ import annotations

from phantoms.anatomy.parameters import SIDES
from phantoms.kit.papers.amounts import Amounts, tube_size
from phantoms.kit.papers.step_scenes import Stage

_BRANCHES = (
    "A vessel that begins or ends at another one: cut its end to fit and glue it on with "
    "silicone. It need not be open there."
)


_CT_WIRE = " For a CT take **coated aluminium wire** instead: it makes fewer streaks."


def branching(needs: Amounts) -> bool:
    """Return whether a vessel begins or ends at another one.

    Parameters
    ----------
    needs : Amounts
        What the kit takes.

    Returns
    -------
    bool
        True where there are more tubes than sides.
    """
    return len(needs.tubes) > len(SIDES)


def tubing(needs: Amounts, wet: bool) -> tuple[Stage, ...]:
    """List the steps that bend the wires and lead the tubes through the bones.

    Parameters
    ----------
    needs : Amounts
        What the kit takes.
    wet : bool
        Whether the kit is filled with gel.

    Returns
    -------
    tuple of Stage
        In order.
    """
    sizes = "; ".join(
        f"{tube.name.removeprefix('vertebral ')}: **{tube_size(tube)}**, {tube.length:.0f} mm"
        for tube in needs.tubes
    )
    closed = (
        "Close the upper ends with a drop of silicone: gel must not run in. If the phantom is to "
        "be scanned in CT, fill the tubes **before that**: see the end of the chapter on gel."
    )
    return (
        Stage(
            "tubes-bend",
            "Bend a wire for each artery",
            (
                f"Cut the tubes ({sizes}).",
                "Cut annealed copper wire 40 mm longer than the tube and straighten it."
                f"{_CT_WIRE if wet else ''}",
                "Press it into the groove on the former of its side, from one end to the other, "
                "with your thumb. It takes the artery's course at full size.",
                "Push the bent wire into its tube.",
            ),
            adds=("former:*", "wire:*"),
            apart=(("wire:*", (0.0, 0.0, 18.0)),),
            view="bed",
            aside=True,
        ),
        Stage(
            "tubes",
            "Lead the tubes through the bones",
            (
                "Wet the tube. Begin below: through the foramina of C4, C3 and C2, in a free bow "
                "to C1, through C1's foramen, back round its lateral mass and over its arch.",
                "The wire gives a little: push and turn in short strokes, then press the bow back "
                "to the former's course.",
                "The upper end stops at the front of the canal's edge, where the artery enters "
                "the dura.",
                *((_BRANCHES,) if branching(needs) else ()),
                closed if wet else "Leave the lower ends long for now.",
            ),
            adds=("artery:*", "tube ends"),
            focus=("column", "artery:*"),
            view="left",
        ),
    )
