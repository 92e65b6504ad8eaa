"""Measures of a neck's meshes, beside what is published.

Nothing here reads the parameters for a length: everything is measured on the surfaces, with rays
and signed distances, at places that the bones' frames give.
"""

from __future__ import annotations

from rich.table import Table

from phantoms.anatomy.standard_neck import Anatomy
from phantoms.measure.bones import between_measures, c1_measures, c2_measures, lower_measures
from phantoms.measure.neck_measures import Measured, Neck
from phantoms.measure.soft import artery_measures, needle_measures, sac_measures


def measured(anatomy: Anatomy) -> tuple[Measured, ...]:
    """Measure every quantity of the table.

    Places are those of a standard course of the arteries; for other variants the rows about the
    left artery's course mean little.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    tuple of Measured
        In order.
    """
    neck = Neck(anatomy)
    return (
        *c1_measures(neck),
        *c2_measures(neck),
        *lower_measures(neck),
        *between_measures(neck),
        *sac_measures(neck),
        *artery_measures(neck),
        *needle_measures(neck),
    )


def as_markdown(rows: tuple[Measured, ...]) -> str:
    """Format a table for each group as Markdown.

    Parameters
    ----------
    rows : tuple of Measured
        Of `measured`.

    Returns
    -------
    str
        The tables.
    """
    lines: list[str] = []
    for group in dict.fromkeys(row.group for row in rows):
        lines += ["", f"| {group} | measured | published | source |", "| --- | --- | --- | --- |"]
        lines += [_line(row) for row in rows if row.group == group]
    return "\n".join(lines[1:]) + "\n"


def as_table(rows: tuple[Measured, ...], title: str) -> Table:
    """Format the rows for a terminal, with how far they lie outside the published values.

    Parameters
    ----------
    rows : tuple of Measured
        Of `measured`.
    title : str
        Of the table.

    Returns
    -------
    rich.table.Table
        To be printed.
    """
    table = Table("", "quantity", "measured", "published", "", title=title)
    for row in rows:
        beyond = f"{100 * row.off:.0f} % beyond" if row.off > 0.005 else ""
        table.add_row(row.group, row.quantity, _measured(row), _published(row), beyond)
    return table


def _line(row: Measured) -> str:
    return f"| {row.quantity} | {_measured(row)} | {_published(row)} | {row.source} |"


def _measured(row: Measured) -> str:
    return f"{row.measured:.1f}{_unit(row)}"


def _published(row: Measured) -> str:
    if not row.published:
        return "–"
    return " to ".join(f"{value:g}" for value in row.published) + _unit(row)


def _unit(row: Measured) -> str:
    return "°" if row.unit == "degrees" else " mm"
