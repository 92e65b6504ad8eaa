"""The figures as curves: tip error over each factor, and the cost of following."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from tests.bench.tracking.crew import OURS
from tests.bench.tracking.growth import USUAL_SIZE, USUAL_TAGS
from tests.bench.tracking.table import family, shown_rows

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = ("#0b7285", "#c92a2a", "#e67700", "#5f3dc4", "#868e96")


def plot(measured: Mapping[str, Any], path: Path) -> None:
    """Write the curves as a PNG."""
    factors: dict[str, list[Any]] = {}
    for case in measured["cases"]:
        if case["factor"]:
            factors.setdefault(case["factor"], []).append(case)
    panels = len(factors) + 2 * bool(measured["growth"])
    if panels == 0:
        return
    columns = min(3, panels)
    rows = -(-panels // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(5.2 * columns, 3.7 * rows), squeeze=False, layout="constrained"
    )
    flat = list(axes.ravel())
    for axis, (factor, cases) in zip(flat, factors.items(), strict=False):
        _factor(axis, factor, cases)
    if measured["growth"]:
        _growth(flat[len(factors) : len(factors) + 2], measured["growth"])
    for axis in flat[panels:]:
        axis.set_axis_off()
    handles: dict[str, Any] = {}
    for axis in flat[:panels]:
        drawn, labels = axis.get_legend_handles_labels()
        handles |= dict(zip(labels, drawn, strict=True))
    where: Any = {"loc": "outside lower center", "ncols": 5, "frameon": False}
    figure.legend(list(handles.values()), list(handles), **where)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _factor(axis: Any, factor: str, cases: Sequence[Any]) -> None:
    curves: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        for row in shown_rows(case):
            if row["tip_rms"] is not None:
                curves.setdefault(family(row["tracker"]), []).append(
                    (case["value"], row["tip_rms"])
                )
    names = sorted(curves, key=lambda name: (name != OURS, name))
    for colour, name in zip(COLOURS, names, strict=False):
        ours = name == OURS
        x, y = np.array(curves[name]).T
        axis.plot(x, y, "o-", color=colour, lw=2.2 if ours else 1.2, ms=4, label=name)
    least = [(case["value"], case["bound_rms"]) for case in cases if case["bound_rms"] is not None]
    if least:
        axis.plot(*np.array(least).T, "k.--", lw=1, ms=5, label="Cramér–Rao bound")
    axis.set(yscale="log", xlabel=factor, ylabel="tip error, mm rms")
    axis.grid(alpha=0.25)


def _growth(axes: Sequence[Any], costs: Sequence[Any]) -> None:
    usual = USUAL_SIZE[0] * USUAL_SIZE[1] / 1e6
    tags = [cost for cost in costs if cost["megapixels"] == usual]
    sizes = sorted(
        (cost for cost in costs if cost["tags"] == USUAL_TAGS), key=lambda cost: cost["megapixels"]
    )
    for axis, some, key, label in (
        (axes[0], tags, "tags", "visible tags in each picture"),
        (axes[1], sizes, "megapixels", "megapixels of each picture"),
    ):
        for name, of, colour in (
            (OURS, "follow_ms", COLOURS[0]),
            ("detectMarkers, defaults", "detect_ms", COLOURS[4]),
        ):
            points = [(cost[key], cost[of]) for cost in some if cost[of] is not None]
            if points:
                axis.plot(*np.array(points).T, "o-", color=colour, ms=4, label=name)
        axis.set(xlabel=label, ylabel="ms per frame set, median", ylim=(0, None), xlim=(0, None))
        axis.grid(alpha=0.25)
