"""`nav accuracy gauge`: operators measure parts several times, from files to a verdict."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from nav.accuracy.gauge_study import LEAST_CATEGORIES, GaugeStudy, gauge_study
from nav.accuracy.html_report import Cell, Section, shown, write_report
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.picture_text import picture_text
from nav.core.tables import read_table
from nav.registration.pointfile import load_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    ("operator", "part", "repeat", "value"),
    ("operator", "divot", "repeat", "value"),
)
TOUCHED_NAME = re.compile(r"(?P<operator>.+)[-_ ](?P<repeat>\d+)")
VARIATION = ("source", "degrees of freedom", "sum of squares", "mean square")
COMPONENTS = ("component", "sd", "% of total variation", "% of tolerance (6 sd)")


@dataclass(frozen=True)
class Measurements:
    """A crossed study's measurements.

    Parameters
    ----------
    operators, parts : tuple of str
        Names.
    values : ndarray, shape (operators, parts, repeats)
        In one unit.
    """

    operators: tuple[str, ...]
    parts: tuple[str, ...]
    values: Array


def load_measurements(path: Path) -> Measurements:
    """Load a table with the columns operator, part (or divot), repeat and value.

    Parameters
    ----------
    path : Path
        CSV.

    Returns
    -------
    Measurements

    Raises
    ------
    InputError
        A column or a value that is missing, a measurement that appears twice or not at all.
    """
    table = read_table(path, COLUMNS, row_name="{operator}")
    numbers = table.numbers(("value",))[:, 0]
    keys = [tuple(row.fields[name] for name in table.needed[:3]) for row in table.rows]
    return _crossed(dict(zip(keys, numbers, strict=True)), keys, str(path), table.needed[1])


def load_touched(paths: Sequence[Path]) -> dict[str, Measurements]:
    """Load touched points of several operators, from files called OPERATOR-REPEAT.csv.

    Parameters
    ----------
    paths : sequence of Path
        One of every operator and repeat, all in one frame, with the same labels.

    Returns
    -------
    dict of str to Measurements
        By axis: the same touches' x, y and z, mm.

    Raises
    ------
    InputError
        A name that says neither operator nor repeat, or points that are missing.
    """
    found: dict[tuple[str, str, str], Array] = {}
    keys: list[tuple[str, str, str]] = []
    for path in paths:
        named = TOUCHED_NAME.fullmatch(path.stem)
        if named is None:
            raise InputError(
                f"{path}: expected a name like OPERATOR-REPEAT.csv, for example anna-1.csv"
            )
        for label, position in load_points(path).items():
            key = (named["operator"], label, named["repeat"])
            keys.append(key)
            found[key] = position
    return {
        axis: _crossed({key: float(p[k]) for key, p in found.items()}, keys, "touched", "divot")
        for k, axis in enumerate("xyz")
    }


def _crossed(
    values: dict[tuple[str, ...], float], keys: Sequence[tuple[str, ...]], name: str, part: str
) -> Measurements:
    twice = next((key for key, count in Counter(keys).items() if count > 1), None)
    if twice is not None:
        raise InputError(
            f"{name}: operator {twice[0]}, {part} {twice[1]}, repeat {twice[2]} appears twice"
        )
    names = [tuple(dict.fromkeys(key[k] for key in keys)) for k in range(3)]
    for operator in names[0]:
        for one in names[1]:
            for repeat in names[2]:
                if (operator, one, repeat) not in values:
                    raise InputError(
                        f"{name}: operator {operator} lacks {part} {one}, repeat {repeat}; every "
                        f"operator measures every {part} equally often"
                    )
    shape = tuple(len(part_names) for part_names in names)
    cells = [values[o, p, r] for o in names[0] for p in names[1] for r in names[2]]
    return Measurements(names[0], names[1], np.array(cells).reshape(shape))


def gauge_files(
    paths: Sequence[Path], tolerance: float | None, output: Path | None, console: Console
) -> dict[str, GaugeStudy]:
    """Study a gauge from a table, or from several files of touched points, and report.

    Parameters
    ----------
    paths : sequence of Path
        One table, or touched points of every operator and repeat.
    tolerance : float, optional
        Width that is allowed, in the values' unit; needed for touched points.
    output : Path, optional
        HTML report; its numbers as .json beside it.
    console : Console
        For the tables.

    Returns
    -------
    dict of str to GaugeStudy
        By axis; "value" for a table.

    Raises
    ------
    InputError
        A file that cannot be read, or measurements that are incomplete or not finite.
    """
    if len(paths) > 1 and tolerance is None:
        raise InputError(
            "touched files: give --tolerance, the width that is allowed, mm; divots are far apart "
            "by design, so a share of their variation says nothing of the gauge"
        )
    measured = {"value": load_measurements(paths[0])} if len(paths) == 1 else load_touched(paths)
    try:
        studies = {axis: gauge_study(m.values, tolerance) for axis, m in measured.items()}
    except InputError as error:
        where = f"{paths[0]}: " if len(paths) == 1 else "touched files: "
        raise InputError(f"{where}{error}") from None
    sections = []
    for axis, study in studies.items():
        one = measured[axis]
        rows = _component_rows(study)
        table = Table(*COMPONENTS, title=f"gauge R&R, {axis}")
        for row in rows:
            table.add_row(*map(shown, row))
        console.print(table)
        console.print(f"{axis}: {verdict(study)}")
        variation: list[list[Cell]] = [
            [s.name, s.freedom, s.squares, s.mean] for s in study.sources
        ]
        sections += [
            Section(f"{axis}: {study.word}", (verdict(study),), COMPONENTS, rows),
            Section(f"{axis}: analysis of variance", (), VARIATION, variation, _figure(one, axis)),
        ]
    if output is not None:
        data = {
            "operators": next(iter(measured.values())).operators,
            "parts": next(iter(measured.values())).parts,
            "studies": {
                axis: {
                    **asdict(study),
                    "gauge": study.gauge,
                    "percent_of_variation": study.percent_of_variation,
                    "percent_of_tolerance": study.percent_of_tolerance,
                    "categories": study.categories,
                    "verdict": study.word,
                }
                for axis, study in studies.items()
            },
        }
        write_report(output, "Gauge repeatability and reproducibility", sections, data, paths)
        console.print(f"wrote {output} and {output.with_suffix('.json').name}")
    return studies


def verdict(study: GaugeStudy) -> str:
    """Say how good a gauge is, and by what.

    Parameters
    ----------
    study : GaugeStudy
        Its figures.

    Returns
    -------
    str
        One sentence.
    """
    share = (
        f"{study.percent_of_variation:.1f} % of the variation"
        if study.percent_of_tolerance is None
        else f"{study.percent_of_tolerance:.1f} % of the tolerance"
    )
    enough = "enough" if study.categories >= LEAST_CATEGORIES else "too few to tell parts apart by"
    return (
        f"{study.word}: the gauge takes {share}; {study.categories} distinct categories (ndc), "
        f"{enough}; probability of such an interaction by chance "
        f"{study.interaction_probability:.2f}"
    )


def _component_rows(study: GaugeStudy) -> list[list[str | float]]:
    parts = {
        "repeatability": study.repeatability,
        "operator": study.operator,
        "operator x part": study.interaction,
        "gauge R&R": study.gauge,
        "part": study.part,
        "total": study.total,
    }
    return [
        [
            name,
            sd,
            100.0 * sd / study.total if study.total > 0.0 else 0.0,
            "" if study.tolerance is None else 600.0 * sd / study.tolerance,
        ]
        for name, sd in parts.items()
    ]


def _figure(measured: Measurements, axis: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    centred = measured.values - measured.values.mean(axis=(0, 2), keepdims=True)
    count = len(measured.operators)
    for k, operator in enumerate(measured.operators):
        places = np.arange(len(measured.parts)) + 0.6 * (k - (count - 1) / 2) / count
        drawn = np.repeat(places[:, None], measured.values.shape[2], axis=1)
        axes.plot(
            drawn.ravel(), centred[k].ravel(), "o", ms=5, alpha=0.75, label=picture_text(operator)
        )
    axes.axhline(0.0, color="#1a2226", lw=0.8)
    axes.set_xticks(range(len(measured.parts)), [picture_text(p) for p in measured.parts])
    axes.set(ylabel=f"{axis} less the part's mean", xlabel="part")
    axes.legend(title="operator", ncols=min(count, 6))
    return figure
