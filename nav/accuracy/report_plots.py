"""The report's plots, as SVG text: the same day gives the same text."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation

from nav.accuracy.accuracy_day import AccuracyDay
from nav.accuracy.accuracy_plan import ROTATIONS, SINGLE
from nav.accuracy.protocols import shaft_of
from nav.core.picture_text import missing_glyphs_drawn_as_boxes, picture_text

WIDTH, HEIGHT = 6.9, 2.7  # inches
COLOURS = {"CL": "#0b6e72", "BL": "#d08c00", "TL": "#5b5ea6", "LL": "#b23a48", "RL": "#4a7c2f"}
MARKS = {"CL": "o", "BL": "s", "TL": "^", "LL": "<", "RL": ">"}
STYLE: dict[Any, Any] = {
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
    drawn: dict[str, tuple[bool, Callable[[Figure, AccuracyDay], None]]] = {
        "places": (bool(day.single), _places),
        "orientations": (bool(day.single), _orientations),
        "rotations": (bool(day.rotations), _rotations),
        "divots": (bool(day.multi), _divots),
        "distances": (bool(day.multi), _distances),
        "drift": (bool(day.warm_ups), _drift),
    }
    return {name: _svg(draw, day) for name, (there, draw) in drawn.items() if there}


def _svg(draw: Callable[[Figure, AccuracyDay], None], day: AccuracyDay) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        draw(figure, day)
        out = BytesIO()
        with missing_glyphs_drawn_as_boxes():
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue().decode()
    return text[text.index("<svg") :]


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(0.0, max(axes.get_ylim()[1], LEAST_HEIGHT))


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _places(figure: Figure, day: AccuracyDay) -> None:
    """Draw every single-point error by place, and the mean of each test."""
    axes = figure.add_subplot()
    places = day.places
    shades = {"single-left": -0.24, "single": 0.0, "single-right": 0.24}
    for (test, place), one in day.single.items():
        x = places.index(place) + shades[test]
        errors = np.linalg.norm(one.errors, axis=1)
        spread = np.linspace(-0.07, 0.07, len(errors))
        axes.plot(x + spread, errors, ".", color=COLOURS[place], alpha=0.55, ms=4)
        axes.plot([x - 0.09, x + 0.09], [errors.mean()] * 2, color="black", lw=1.4)
        top = axes.get_xaxis_transform()
        axes.text(x, 1.0, SINGLE[test].split()[-1], transform=top, ha="center", fontsize=6)
    if day.plan.limits.single_point_max is not None:
        axes.axhline(day.plan.limits.single_point_max, color="#b00020", ls="--", lw=1)
    axes.set_xticks(range(len(places)), places)
    axes.set_xlabel("place in the working volume")
    axes.set_ylabel("error, mm")
    _from_zero(axes)


def _orientations(figure: Figure, day: AccuracyDay) -> None:
    """Draw every single-point error by the tool's tilt, the three tests together."""
    axes = figure.add_subplot()
    assert day.needle.tip is not None
    shaft = shaft_of(day.needle.tip)
    for place in day.places:
        tests = [one for (_, where), one in day.single.items() if where == place]
        if not tests:
            continue
        shafts = Rotation.concatenate([one.turns for one in tests]).apply(shaft)
        mean = shafts.mean(axis=0) / np.linalg.norm(shafts.mean(axis=0))
        angles = np.degrees(np.arccos(np.clip(shafts @ mean, -1.0, 1.0)))
        errors = np.concatenate([np.linalg.norm(one.errors, axis=1) for one in tests])
        axes.plot(angles, errors, MARKS[place], color=COLOURS[place], ms=3, label=place)
    axes.set_xlabel("angle of the shaft from its mean direction at this place, degrees")
    axes.set_ylabel("error, mm")
    _from_zero(axes)
    _legend(axes)


def _rotations(figure: Figure, day: AccuracyDay) -> None:
    """Draw how far the tip is from its mean while the tool is turned, one panel per axis."""
    tests = [test for test in ROTATIONS if any(kind == test for kind, _ in day.rotations)]
    panels = figure.subplots(1, len(tests), sharey=True, squeeze=False)[0]
    for axes, test in zip(panels, tests, strict=True):
        for place in day.places:
            one = day.rotations.get((test, place))
            if one is None:
                continue
            off = np.linalg.norm(one.positions - one.positions.mean(axis=0), axis=1)
            axes.plot(one.angles, off, MARKS[place], color=COLOURS[place], ms=2.5, label=place)
        axes.set_title(ROTATIONS[test].lower(), fontsize=8)
        axes.set_xlabel("angle, degrees")
    panels[0].set_ylabel("distance from mean, mm")
    _from_zero(panels[0])
    _legend(panels[-1])


def _divots(figure: Figure, day: AccuracyDay) -> None:
    """Draw each divot's residual after registration, by place."""
    axes = figure.add_subplot()
    labels = list(day.divots)
    for place, one in day.multi.items():
        x = [labels.index(label) for label in day.locations[place].labels]
        y = np.linalg.norm(one.residuals, axis=1)
        axes.plot(x, y, MARKS[place], color=COLOURS[place], ms=4, label=place)
    axes.set_xticks(range(len(labels)), [picture_text(label) for label in labels])
    axes.set_xlabel("divot")
    axes.set_ylabel("residual, mm")
    _from_zero(axes)
    _legend(axes)


def _distances(figure: Figure, day: AccuracyDay) -> None:
    """Draw a histogram of all distances' errors."""
    axes = figure.add_subplot()
    errors = [one.distance_errors for one in day.multi.values()]
    colours = [COLOURS[place] for place in day.multi]
    largest = max(LEAST_HEIGHT, max(float(np.abs(one).max()) for one in errors))
    edges = np.linspace(-largest, largest, 32)
    axes.hist(errors, edges.tolist(), stacked=True, color=colours, label=list(day.multi))
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_xlabel("measured less nominal distance between two divots, mm")
    axes.set_ylabel("pairs of divots")
    _legend(axes)


def _drift(figure: Figure, day: AccuracyDay) -> None:
    """Draw the three coordinates of a still tip over time."""
    axes = figure.add_subplot()
    for place, one in day.warm_ups.items():
        for k, (axis, style) in enumerate(zip("xyz", ("-", "--", ":"), strict=True)):
            label = f"{axis} at {place}"
            axes.plot(one.times / 60, one.drift[:, k], style, color=COLOURS[place], label=label)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -LEAST_HEIGHT), max(high, LEAST_HEIGHT))
    axes.set_xlabel("time since the start, minutes")
    axes.set_ylabel("drift, mm")
    _legend(axes)
