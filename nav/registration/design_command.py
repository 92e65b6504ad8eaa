"""`nav register design`: what layouts of fiducials predict, and the places of the best one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import nav
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, load_case
from nav.registration.assessment import FLE, check_fle
from nav.registration.critical_points import CriticalPoint, critical_points, positions_of
from nav.registration.layout_design import (
    APART,
    LEAST_FRE,
    MOST_CANDIDATES,
    WrongFits,
    design_layout,
    layout_tre,
    wrong_fits,
)
from nav.registration.pointfile import load_points, write_points
from nav.registration.points import refuse_line

COUNT = 8  # fiducials, by default
COUNTS = range(4, 11)  # of the table
MOST_DISTANCE = 1000.0  # mm, of a place from the middle of all


@dataclass(frozen=True)
class JudgedLayout:
    """A layout and what it predicts.

    Parameters
    ----------
    name : str
        For the table.
    labels : tuple of str
        Of its fiducials, or of the places chosen.
    fiducials : ndarray, shape (n, 3)
        Model frame, mm.
    tre : ndarray, shape (k,)
        Rms, mm, at the critical points.
    wrong : WrongFits
        How well it fits with wrong labels.
    """

    name: str
    labels: tuple[str, ...]
    fiducials: Array
    tre: Array
    wrong: WrongFits


def design_files(
    case_path: Path,
    out: Console,
    candidates_path: Path | None = None,
    fle: float | None = None,
    count: int = COUNT,
    confusion: float = LEAST_FRE,
    apart: float = APART,
    output: Path | None = None,
    picture: Path | None = None,
) -> None:
    """Print a table of layouts; write the best one of a count.

    Parameters
    ----------
    case_path : Path
        case.toml, with a plan.
    out : Console
        For messages to the user.
    candidates_path : Path, optional
        Points where a fiducial could be; by default the case's own fiducials.
    fle : float, optional
        mm, one standard deviation per axis.
    count : int
        Of the layout that is written.
    confusion : float
        Least FRE with wrong labels, mm.
    apart : float
        Least distance of two fiducials, mm.
    output : Path, optional
        Points to write, CSV.
    picture : Path, optional
        PNG to write.

    Raises
    ------
    InputError
        A file or number that is wrong, or no layout of so many.
    """
    fle = FLE if fle is None else fle
    check_fle(fle, "--fle")
    for option, value in (("--confusion", confusion), ("--apart", apart)):
        if not 0.0 <= value < np.inf:
            raise InputError(f"{option}: expected 0 mm or more, got {value:g}")
    case = load_case(case_path)
    try:
        places = critical_points(case)
        labels, candidates, others = _candidates(case, candidates_path)
    except InputError as error:
        file = str(candidates_path or case_path)
        message = str(error)
        raise InputError(message if message.startswith(file) else f"{file}: {message}") from None
    if not 3 <= count <= len(candidates):
        raise InputError(f"--count: expected 3 to {len(candidates)}, got {count}")
    at, layouts = positions_of(places), []
    present = [f for f in case.fiducials if f.use == "register"]
    if len(present) >= 3:
        own = np.array([f.position for f in present])
        layouts.append(
            JudgedLayout(
                f"present {len(present)}",
                tuple(f.label for f in present),
                own,
                layout_tre(own, at, fle),
                wrong_fits(own, _checks(case)),
            )
        )
    best = None
    for number in sorted({count, *(n for n in COUNTS if n <= len(candidates))}):
        with out.status(f"{number} fiducials"):
            try:
                chosen = design_layout(candidates, number, at, fle, confusion, apart, others=others)
            except InputError as error:
                if number == count:
                    raise
                out.print(f"{number}: {error}", markup=False)
                continue
            points = candidates[chosen]
            layouts.append(
                JudgedLayout(
                    f"{number}",
                    tuple(labels[k] for k in chosen),
                    points,
                    layout_tre(points, at, fle),
                    wrong_fits(points, others),
                )
            )
        if number == count:
            best = layouts[-1]
    out.print(_table(layouts, places, fle))
    assert best is not None
    out.print(f"best {count} of {len(candidates)} places: {', '.join(best.labels)}", markup=False)
    if best.wrong.smallest < confusion:
        out.print(
            f"no layout was found that fits no better than {confusion:g} mm with wrong labels: "
            "this one comes nearest",
            markup=False,
        )
    inputs = (case_path,) if candidates_path is None else (case_path, candidates_path)
    if output is not None:
        write_points(output, dict(zip(best.labels, best.fiducials, strict=True)), inputs)
        out.print(f"{output} ({nav.NOTICE.lower()})", markup=False)
    if picture is not None:
        from nav.registration.layout_picture import draw_layout

        draw_layout(picture, case, places, candidates, best.labels, best.fiducials)
        out.print(f"{picture}", markup=False)


def _checks(case: Case) -> Array:
    return np.array([f.position for f in case.fiducials_for("check")]).reshape(-1, 3)


def _candidates(case: Case, path: Path | None) -> tuple[tuple[str, ...], Array, Array | None]:
    """Return labels and positions of the possible places, and what they may be mistaken for."""
    if path is None:
        points = {f.label: f.position for f in case.fiducials}
        others = None  # any of them may be chosen, those for checking too
    else:
        points, others = load_points(path), _checks(case)
        for fiducial in case.fiducials_for("check"):
            if fiducial.label in points:
                raise InputError(
                    f"point {fiducial.label}: is a check point of the case, which is never "
                    "registered with; give it another label, or leave it out"
                )
    if not 3 <= len(points) <= MOST_CANDIDATES:
        where = "it has" if path else "give --candidates FILE: the case has"
        raise InputError(
            f"expected 3 to {MOST_CANDIDATES} places for fiducials; {where} {len(points)}"
        )
    positions = np.array(list(points.values()))
    refuse_line(positions)
    farthest = float(np.abs(positions - positions.mean(axis=0)).max())
    if farthest > MOST_DISTANCE:
        raise InputError(
            f"a place is {farthest:.3g} mm from the middle of all; is it right, and in mm?"
        )
    return tuple(points), positions, others


def _table(layouts: Sequence[JudgedLayout], places: Sequence[CriticalPoint], fle: float) -> Table:
    table = Table(
        title=f"predicted TRE (rms, mm) with an FLE of {fle:g} mm, smallest wrong FRE (mm)"
    )
    table.add_column("fiducials")
    for place in places:
        table.add_column(place.name, justify="right")
    for name in ("exchanged", "mirrored", "one left out"):
        table.add_column(name, justify="right")
    for layout in layouts:
        wrong = (layout.wrong.exchange, layout.wrong.mirror, layout.wrong.subset)
        table.add_row(
            layout.name,
            *(f"{tre:.3f}" for tre in layout.tre),
            *("over 60" if np.isinf(fre) else f"{fre:.1f}" for fre in wrong),
        )
    return table
