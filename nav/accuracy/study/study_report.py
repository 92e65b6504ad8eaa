"""The study's table, page and plots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Column, Table

from nav.accuracy.html_report import Cell, Section
from nav.accuracy.study.designs import QUANTITIES, Design, Value
from nav.accuracy.study.figures import DesignFigures
from nav.core.picture_text import picture_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 40
COLUMNS = (
    "design",
    "tracked tip, rms",
    "FRE",
    "TRE at artery",
    "TRE at cord",
    "tip at target, rms",
    "95 %",
    "distance to artery off, 95 %",
    "to cord",
    "bound below artery's distance",
    "below cord's",
    "bound held, %",
)
COLOURS = ("#007a6e", "#b26a00", "#4456a6", "#8a3b6b")


def result_table(found: Sequence[DesignFigures]) -> Table:
    """Return the table of the terminal.

    Parameters
    ----------
    found : sequence of DesignFigures
        In order.

    Returns
    -------
    rich.table.Table
        The main columns of the page's.
    """
    heads = ("tracked tip", "TRE artery", "cord", "tip", "95 %", "bound artery", "cord", "held, %")
    table = Table(
        "design",
        *(Column(head, justify="right", min_width=4) for head in heads),
        title="expected errors, mm",
    )
    for one, row in zip(found, _rows(found), strict=True):
        if one.said:
            table.add_row(f"{one.name}: {one.said}")
            continue
        shown = [row[k] for k in (1, 3, 4, 5, 6, 9, 10, 11)]
        cells = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in shown)
        table.add_row(one.name, *cells)
    return table


def csv_rows(found: Sequence[DesignFigures]) -> list[list[Value]]:
    """Return the table of designs.csv: every quantity and every figure in a column of its own.

    Parameters
    ----------
    found : sequence of DesignFigures
        In order.

    Returns
    -------
    list of list
        The first one are the columns' names.
    """
    quantities = [(section, key) for section, keys in QUANTITIES.items() for key in keys]
    roles = ("artery", "cord", "bone")
    figures = ("tre", "off", "off95", "bound", "held")
    head: list[Value] = ["design", "trials", "said", "tracking", "tip", "tip95", "fre"]
    head += [f"{figure}_{role}" for role in roles for figure in figures]
    head += [f"{section}.{key}" for section, key in quantities]
    rows = [head]
    for one in found:
        row: list[Value] = [one.name, one.trials, one.said]
        row += [one.tracking, one.tip, one.tip95, one.fre] if not one.said else [""] * 4
        for role in roles:
            at = one.roles.get(role)
            row += [""] * 5 if at is None else [getattr(at, figure) for figure in figures]
        row += [one.design[section][key] for section, key in quantities]
        rows.append(row)
    return rows


def report_sections(found: Sequence[DesignFigures]) -> list[Section]:
    """Return the sections of the page.

    Parameters
    ----------
    found : sequence of DesignFigures
        In order.

    Returns
    -------
    list of Section
    """
    about = (
        "Simulated before anything is bought or printed. Tracked tip: relative to the reference "
        "body. TRE: of the registration, at the point of the structure that is nearest to the "
        "target, rms. Tip at target: with registration and bending. Bound: the one-sided 95 % "
        "bound that the screen shows is on average that far below the shown distance; held: in "
        "that share of the trials the true distance was at least the bound (the smaller of artery "
        "and cord).",
    )
    rows = _rows(found)
    sections = [Section("Expected errors, mm", about, COLUMNS, rows)]
    good = [one for one in found if not one.said]
    if good:
        sections.append(Section("Designs compared", figure=comparison_figure(good)))
    sections += [
        Section(f"By {section}.{key}", figure=_trend(good, section, key))
        for section, key in _varied([one.design for one in good])
    ]
    fixed = _common([one.design for one in found])
    sections.append(Section("The same in all designs", (), ("quantity", "value", ""), fixed))
    return sections


def _rows(found: Sequence[DesignFigures]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for one in found:
        if one.said:
            rows.append([f"{one.name}: {one.said}", *[""] * (len(COLUMNS) - 1)])
            continue
        artery, cord = one.roles["artery"], one.roles["cord"]
        rows.append(
            [
                one.name, one.tracking, one.fre, artery.tre, cord.tre, one.tip, one.tip95,
                artery.off95, cord.off95, artery.bound, cord.bound,
                f"{100 * min(artery.held, cord.held):.1f}",
            ]
        )  # fmt: skip
    return rows


def comparison_figure(found: Sequence[DesignFigures]) -> "Figure":
    """Draw the designs' errors as bars, the best designs where there are many.

    Parameters
    ----------
    found : sequence of DesignFigures
        With figures.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    shown = list(found)
    if len(shown) > MOST_BARS:
        shown = sorted(shown, key=lambda one: one.tip95)[:MOST_BARS]
    figure = Figure(figsize=(10, 1.6 + 0.75 * len(shown)), layout="constrained")
    axes = figure.subplots()
    series = {
        "tracked tip, rms": [one.tracking for one in shown],
        "TRE at artery, rms": [one.roles["artery"].tre for one in shown],
        "tip at target, 95 %": [one.tip95 for one in shown],
        "bound below artery's distance": [one.roles["artery"].bound for one in shown],
    }
    height = 0.8 / len(series)
    for k, (name, values) in enumerate(series.items()):
        places = np.arange(len(shown)) + (k - 1.5) * height
        bars = axes.barh(places, values, height, color=COLOURS[k], label=name)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(range(len(shown)), [picture_text(one.name) for one in shown])
    axes.invert_yaxis()
    axes.set_xlabel("mm")
    axes.margins(x=0.12)
    figure.legend(loc="outside upper center", ncols=4, fontsize=9)
    return figure


def _trend(found: Sequence[DesignFigures], section: str, key: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    values = [one.design[section][key] for one in found]
    for k, (name, of) in enumerate(
        (
            ("tip at target, 95 %", [one.tip95 for one in found]),
            ("TRE at artery, rms", [one.roles["artery"].tre for one in found]),
        )
    ):
        axes.plot(values, of, "o", color=COLOURS[k], alpha=0.7, label=name)
    axes.set(xlabel=f"{section}.{key}: {QUANTITIES[section][key].about}", ylabel="mm")
    axes.set_ylim(bottom=0.0)
    axes.legend()
    return figure


def _varied(designs: Sequence[Design]) -> list[tuple[str, str]]:
    """Return the numeric quantities that differ."""
    return [
        (section, key)
        for section, keys in QUANTITIES.items()
        for key, known in keys.items()
        if not known.words and len({design[section][key] for design in designs}) > 1
    ]


def _common(designs: Sequence[Design]) -> list[list[Cell]]:
    return [
        [f"{section}.{key}", designs[0][section][key], known.about]
        for section, keys in QUANTITIES.items()
        for key, known in keys.items()
        if len({design[section][key] for design in designs}) == 1
    ]
