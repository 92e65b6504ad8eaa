"""A picture of a layout of fiducials: three views of bones, places, and where the TRE counts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nav.core.filekinds import PNG_METADATA
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.core.picture_text import missing_glyphs_drawn_as_boxes, picture_text
from nav.model.case import Case
from nav.registration.critical_points import CriticalPoint

COLOURS = {"bone": "#cfc8b8", "cord": "#e0b400", "artery": "#c62828"}
CHOSEN, PLACE, INK = "#00695c", "#90a4ae", "#1b2a33"
ONE_PLACE = 6.0  # mm: numbers of points nearer to each other would cover each other
SHOWN = 1500  # vertices of a structure
# title, model axes to the right and upwards
VIEWS = (("from behind", 0, 2), ("from the left", 1, 2), ("from above", 0, 1))
NAMES = ("left (mm)", "posterior (mm)", "superior (mm)")


def draw_layout(
    path: Path,
    case: Case,
    places: Sequence[CriticalPoint],
    candidates: Array,
    labels: Sequence[str],
    chosen: Array,
) -> None:
    """Draw a PNG of the chosen places among the possible ones.

    Parameters
    ----------
    path : Path
        File to write.
    case : Case
        Its bones, cord and arteries are shown.
    places : sequence of CriticalPoint
        Where the TRE counts.
    candidates : ndarray, shape (m, 3)
        Possible places, model frame, mm.
    labels : sequence of str
        Of the chosen ones.
    chosen : ndarray, shape (n, 3)
        Model frame, mm.
    """
    at = np.array([place.position for place in places])
    with matplotlib.rc_context({"font.size": 9, "axes.edgecolor": INK}):
        figure = Figure(figsize=(15, 5.6), layout="constrained")
        for k, (title, right, up) in enumerate(VIEWS):
            axes = figure.add_subplot(1, 3, k + 1)
            for structure in case.structures:
                if structure.role in COLOURS:
                    vertices = structure.surface.vertices
                    shown = vertices[:: max(1, len(vertices) // SHOWN)]
                    colour = COLOURS[structure.role]
                    axes.plot(shown[:, right], shown[:, up], ".", color=colour, markersize=1)
            axes.plot(candidates[:, right], candidates[:, up], "o", color=PLACE, markersize=3)
            axes.plot(chosen[:, right], chosen[:, up], "D", color=CHOSEN, markersize=7)
            axes.plot(at[:, right], at[:, up], "x", color=INK, markersize=8)
            for number, point in _numbers(chosen[:, [right, up]]):
                axes.annotate(number, tuple(point), xytext=(6, 6), textcoords="offset points")
            axes.set(aspect="equal", title=title, xlabel=NAMES[right], ylabel=NAMES[up])
            axes.margins(0.12)
            if title == "from behind":
                axes.invert_xaxis()
        named = [f"{k}: {picture_text(label)}" for k, label in enumerate(labels, start=1)]
        figure.supxlabel("   ".join(named))
        with written_whole(path) as beside, missing_glyphs_drawn_as_boxes():
            figure.savefig(beside, dpi=110, format="png", metadata=PNG_METADATA)


def _numbers(points: Array) -> Iterator[tuple[str, Array]]:
    """Yield the numbers of the points that a view shows at one place, and the place."""
    left = list(range(len(points)))
    while left:
        at = points[left[0]]
        here = [k for k in left if np.linalg.norm(points[k] - at) < ONE_PLACE]
        yield ", ".join(str(k + 1) for k in here), at
        left = [k for k in left if k not in here]
