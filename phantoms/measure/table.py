"""What the meshes of a neck measure, beside what is published.

Nothing here reads the parameters for a length: everything is measured on the surfaces, with rays
and signed distances, at places that the bones' frames give.
"""

from __future__ import annotations

from phantoms.anatomy.standard import Anatomy
from phantoms.measure.bones import between_measures, c1_measures, c2_measures, lower_measures
from phantoms.measure.neck import Measured, Neck
from phantoms.measure.soft import artery_measures, needle_measures, sac_measures


def measured(anatomy: Anatomy) -> tuple[Measured, ...]:
    """Every quantity of the table, in order.

    Places are those of a standard course of the arteries; for other variants the rows about the
    left artery's course mean little.
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


def markdown(rows: tuple[Measured, ...]) -> str:
    """A table for each group, as Markdown."""
    lines: list[str] = []
    for group in dict.fromkeys(row.group for row in rows):
        lines += ["", f"| {group} | measured | published | source |", "| --- | --- | --- | --- |"]
        lines += [_line(row) for row in rows if row.group == group]
    return "\n".join(lines[1:]) + "\n"


def _line(row: Measured) -> str:
    unit = "°" if row.unit == "degrees" else " mm"
    published = " to ".join(f"{value:g}" for value in row.published) or "–"
    published += unit if row.published else ""
    return f"| {row.quantity} | {row.measured:.1f}{unit} | {published} | {row.source} |"
