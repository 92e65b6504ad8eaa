"""Steps of the work: what each adds to its picture. Their words are in text/assembly.md."""

from __future__ import annotations

from phantoms.kit.kit_layout import Layout
from phantoms.kit.papers.amounts import Amounts
from phantoms.kit.papers.picture_props import arrow
from phantoms.kit.papers.pieces import GAUGE
from phantoms.kit.papers.step_scenes import Stage

BUSH = f"needle-bush-{GAUGE}g"


def kit_steps(layout: Layout, needs: Amounts) -> tuple[Stage, ...]:
    """List all steps of a kit, in the order of the work and of the guide.

    Parameters
    ----------
    layout : Layout
        Where the kit's parts stand.
    needs : Amounts
        What the kit takes; with a filling for a wet kit.

    Returns
    -------
    tuple of Stage
        Phantom, needle, first puncture.
    """
    return (*phantom_steps(layout, needs), *needle_steps(), *last_steps())


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
        In order; pictures in the model frame.
    """
    arches = Stage("arches", adds=("arch_*", "screws:arches"))
    bar = Stage("bar", adds=("bar", "screws:bar"))
    seat = Stage("reference", adds=("reference_seat", "screws:reference"), view="head")
    if needs.filling is None:
        return (_COLUMN, *_TUBES, *_DRY_CORD, arches, bar, seat, *_fixing(layout))
    return (
        _CORD_CAST,
        _COLUMN,
        _TRIAL,
        *_TUBES,
        *_SAC,
        *_gel(layout),
        *_CLOSING,
        arches,
        bar,
        seat,
        _WATER,  # the hose goes between the legs of what stands there now
        *_fixing(layout),
    )


_COLUMN = Stage(
    "column",
    adds=("base", "column", "screws:column"),
    view="low",
    apart=(("column", (0.0, 40.0, 0.0)), ("screws:column", (0.0, -45.0, 0.0))),
)

# arches and bar: gel and mould are in the way later, and a column that is off is printed again
_TRIAL = Stage("trial", adds=("arch_*", "bar", "screws:arches", "screws:bar"), tried=True)

_TUBES = (
    Stage(
        "tubes-bend",
        adds=("former:*", "wire:*"),
        apart=(("wire:*", (0.0, 0.0, 18.0)),),
        view="bed",
        aside=True,
    ),
    Stage("tubes", adds=("artery:*", "tube ends"), focus=("column", "artery:*"), view="left"),
)

_DRY_CORD = (
    Stage(
        "cord",
        adds=("cord",),
        view="head",
        apart=(("cord", (0.0, 0.0, 70.0)),),
        extras=(arrow((0.0, 40.0, 130.0), (0.0, 40.0, 90.0)),),
    ),
    Stage("cord-seats", adds=("seat_caudal", "seat_cranial", "screws:seat_*")),
    Stage(
        "tubes-end",
        drops=("tube ends",),
        adds=("artery:*", "cut ends"),
        view="side",
        focus=("column", "artery:*"),
    ),
)

# on the bench, a day before the rest
_CORD_CAST = Stage(
    "cord-cast",
    adds=("cord_mould_left", "cord", "cord_mould_right"),
    apart=(("cord_mould_left", (34.0, 0.0, 0.0)), ("cord_mould_right", (-34.0, 0.0, 0.0))),
    aside=True,
)

_SAC = (
    Stage(
        "sleeve",
        adds=("sac_core", "mould_cranial", "sleeve"),
        apart=(("mould_cranial", (0.0, 0.0, -190.0)),),
        aside=True,
    ),
    Stage(
        "core",
        adds=("sac_core", "sleeve", "mould_cranial"),
        view="head",
        apart=tuple((n, (0.0, 0.0, 40.0)) for n in ("sac_core", "sleeve", "mould_cranial")),
        extras=(arrow((0.0, 45.0, 130.0), (0.0, 45.0, 90.0)),),
    ),
    Stage(
        "caudal-plate",
        adds=("mould_caudal",),
        apart=(("mould_caudal", (0.0, 0.0, -30.0)),),
        extras=(arrow((50.0, 30.0, -130.0), (50.0, 30.0, -100.0)),),
    ),
    Stage(
        "shells",
        adds=("mould_left", "mould_right", "screws:mould"),
        apart=(("mould_left", (45.0, 0.0, 0.0)), ("mould_right", (-45.0, 0.0, 0.0))),
        view="head",
        extras=tuple(
            arrow((150.0 * side, 10.0, 0.0), (112.0 * side, 10.0, 0.0)) for side in (1.0, -1.0)
        ),
    ),
)


def _gel(layout: Layout) -> tuple[Stage, ...]:
    top = layout.bar[1]
    return (
        Stage(
            "pour",
            adds=("gel",),
            extras=(arrow((0.0, top + 70.0, -7.0), (0.0, top + 28.0, -7.0), 4.0),),
        ),
        Stage("lid", adds=("mould_lid",), apart=(("mould_lid", (0.0, 25.0, 0.0)),)),
        Stage(
            "open",
            drops=("mould_left", "mould_right", "mould_lid", "mould_caudal", "screws:mould"),
            adds=("gel",),
        ),
        Stage(
            "draw",
            adds=("sac_core", "mould_cranial"),
            view="head",
            apart=(("sac_core", (0.0, 0.0, 75.0)), ("mould_cranial", (0.0, 0.0, 75.0))),
            extras=(arrow((0.0, 50.0, 110.0), (0.0, 50.0, 160.0)),),
        ),
    )


_CLOSING = (
    Stage(
        "plugs",
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
        drops=("tube ends",),
        adds=("artery:*", "cut ends"),
        view="side",
        focus=("column", "artery:*", "cut ends"),
    ),
)

_WATER = Stage(
    "water", adds=("hose_cranial", "hose_caudal", "plug_cranial", "plug_caudal"), view="head"
)


def _fixing(layout: Layout) -> tuple[Stage, ...]:
    top = layout.base_top
    return (
        Stage(
            "reference-sheet",
            adds=("reference sheet",),
            view="head",
            focus=("reference_seat",),
            zoom=0.8,
        ),
        Stage(
            "table",
            extras=tuple(
                arrow((x, top + 42.0, z), (x, top + 4.0, z)) for x, z in layout.table_holes
            ),
        ),
    )


def needle_steps() -> tuple[Stage, ...]:
    """List the steps of the needle's carrier, on the bench; pictures in the tool's frame.

    Returns
    -------
    tuple of Stage
        In order.
    """
    return (
        Stage("strip", adds=("needle-carrier", "strip"), view="tool"),
        Stage(
            "bush",
            adds=(BUSH, "needle", "needle-nut"),
            view="tool",
            apart=(
                (BUSH, (0.0, 0.0, 28.0)),
                ("needle", (0.0, 0.0, -38.0)),
                ("needle-nut", (0.0, 0.0, 62.0)),
            ),
        ),
        Stage(
            "adaptor",
            drops=(BUSH, "needle"),
            adds=("needle-adaptor-luer",),
            view="tool",
            apart=(("needle-adaptor-luer", (0.0, 0.0, 50.0)), ("needle-nut", (0.0, 0.0, 110.0))),
        ),
    )


def last_steps() -> tuple[Stage, ...]:
    """List the last steps: the first puncture; pictures in the model frame.

    Returns
    -------
    tuple of Stage
        In order.
    """
    carried = ("needle-carrier", "strip", "needle-nut", BUSH, "needle")
    return (Stage("puncture", adds=carried, view="needle"),)
