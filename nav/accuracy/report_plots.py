"""The report's plots, as SVG text: the same day gives the same text."""

from collections.abc import Callable
from io import BytesIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nav.accuracy.accuracy_day import AccuracyDay
from nav.accuracy.plan import ROTATIONS, SINGLE

WIDTH, HEIGHT = 6.9, 2.7  # inches
COLOURS = {"CL": "#0b6e72", "BL": "#d08c00", "TL": "#5b5ea6", "LL": "#b23a48", "RL": "#4a7c2f"}
MARKS = {"CL": "o", "BL": "s", "TL": "^", "LL": "<", "RL": ">"}
STYLE = {
    "svg.hashsalt": "c1c2nav",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}
LEAST_HEIGHT = 0.05  # mm: no axis is stretched more


def report_plots(day: AccuracyDay) -> dict[str, str]:
    """Draw all plots for which there are results.

    Parameters
    ----------
    day : AccuracyDay
        The results.

    Returns
    -------
    dict of str to str
        SVG by name: places, orientations, rotations, divots, distances, drift.
    """
    drawn: dict[str, tuple[bool, Callable[[Axes, AccuracyDay], None]]] = {
        "places": (bool(day.single), _places),
        "orientations": (bool(day.single), _orientations),
        "rotations": (bool(day.rotations), _rotations),
        "divots": (bool(day.multi), _divots),
        "distances": (bool(day.multi), _distances),
        "drift": (bool(day.warm_ups), _drift),
    }
    return {name: _svg(draw, day) for name, (there, draw) in drawn.items() if there}


def _svg(draw: Callable[[Axes, AccuracyDay], None], day: AccuracyDay) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        draw(axes, day)
        out = BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue().decode()
    return text[text.index("<svg") :]


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(0.0, max(axes.get_ylim()[1], LEAST_HEIGHT))


def _places(axes: Axes, day: AccuracyDay) -> None:
    """Draw every single-point error by place, and the mean of each test."""
    places = day.places
    shades = {"single-left": -0.24, "single": 0.0, "single-right": 0.24}
    for (test, place), one in day.single.items():
        x = places.index(place) + shades[test]
        errors = np.linalg.norm(one.errors, axis=1)
        spread = np.linspace(-0.07, 0.07, len(errors))
        axes.plot(x + spread, errors, ".", color=COLOURS[place], alpha=0.55, ms=4)
        axes.plot([x - 0.09, x + 0.09], [errors.mean()] * 2, color="black", lw=1.4)
        axes.annotate(SINGLE[test].split()[-1], (x, 0.0), ha="center", va="bottom", fontsize=6)
    if day.plan.limits.single_point_max is not None:
        axes.axhline(day.plan.limits.single_point_max, color="#b00020", ls="--", lw=1)
    axes.set_xticks(range(len(places)), places)
    axes.set_xlabel("place in the working volume")
    axes.set_ylabel("error, mm")
    _from_zero(axes)


def _orientations(axes: Axes, day: AccuracyDay) -> None:
    """Draw every single-point error by the tool's tilt, the three tests together."""
    for place in day.places:
        tests = [one for (_, where), one in day.single.items() if where == place]
        if not tests:
            continue
        angles = np.concatenate([one.orientations for one in tests])
        errors = np.concatenate([np.linalg.norm(one.errors, axis=1) for one in tests])
        axes.plot(angles, errors, MARKS[place], color=COLOURS[place], ms=3, label=place)
    axes.set_xlabel("angle of the tool from its mean orientation in the test, degrees")
    axes.set_ylabel("error, mm")
    _from_zero(axes)
    axes.legend(ncols=5, loc="upper right")


def _rotations(axes: Axes, day: AccuracyDay) -> None:
    """Draw how far the tip moves from its mean while the tool is turned."""
    styles = {"roll": "-", "pitch": "--", "yaw": ":"}
    for (test, place), one in day.rotations.items():
        order = np.argsort(one.angles)
        off = np.linalg.norm(one.positions - one.positions.mean(axis=0), axis=1)
        count = max(1, len(order) // 25)
        parts = [order[k : k + count] for k in range(0, len(order), count)]
        x = [one.angles[part].mean() for part in parts]
        y = [off[part].mean() for part in parts]
        label = f"{ROTATIONS[test].lower()} {place}"
        axes.plot(x, y, styles[test], color=COLOURS[place], lw=1.2, label=label)
    axes.set_xlabel("angle about the axis, degrees")
    axes.set_ylabel("distance from mean, mm")
    _from_zero(axes)
    axes.legend(ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=6)


def _divots(axes: Axes, day: AccuracyDay) -> None:
    """Draw each divot's residual after registration, by place."""
    labels = list(day.divots)
    for place, one in day.multi.items():
        x = [labels.index(label) for label in day.locations[place].labels]
        y = np.linalg.norm(one.residuals, axis=1)
        axes.plot(x, y, MARKS[place], color=COLOURS[place], ms=4, label=place)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel("divot")
    axes.set_ylabel("residual, mm")
    _from_zero(axes)
    axes.legend(ncols=5, loc="upper right")


def _distances(axes: Axes, day: AccuracyDay) -> None:
    """Draw a histogram of all distances' errors."""
    errors = [one.distance_errors for one in day.multi.values()]
    colours = [COLOURS[place] for place in day.multi]
    largest = max(LEAST_HEIGHT, max(float(np.abs(one).max()) for one in errors))
    edges = np.linspace(-largest, largest, 32)
    axes.hist(errors, edges, stacked=True, color=colours, label=list(day.multi))
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_xlabel("measured less nominal distance between two divots, mm")
    axes.set_ylabel("pairs of divots")
    axes.legend(ncols=1, loc="upper right")


def _drift(axes: Axes, day: AccuracyDay) -> None:
    """Draw the three coordinates of a still tip over time."""
    for place, one in day.warm_ups.items():
        for k, (axis, style) in enumerate(zip("xyz", ("-", "--", ":"), strict=True)):
            label = f"{axis} at {place}"
            axes.plot(one.times / 60, one.drift[:, k], style, color=COLOURS[place], label=label)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -LEAST_HEIGHT), max(high, LEAST_HEIGHT))
    axes.set_xlabel("time since the start, minutes")
    axes.set_ylabel("drift, mm")
    axes.legend(ncols=3, loc="best")
