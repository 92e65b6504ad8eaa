"""Engraved labels: letters of strokes that a 0.4 mm nozzle can draw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from manifold3d import CrossSection, Manifold, OpType

from phantoms.kit.solid import prism

WIDE, HIGH, ADVANCE = 4.0, 6.0, 5.6  # of a letter, in its own units
STROKE = 0.7  # mm, width of a line: nearly two of a nozzle

# Each stroke is a line through points xy, x from 0 to 4 and y from 0 to 6.
_STROKES = {
    "A": "00 04 26 44 40|02 42",
    "B": "00 06 36 45 44 33 42 41 30 00|03 33",
    "C": "45 36 16 05 01 10 30 41",
    "D": "00 06 26 44 42 20 00",
    "E": "46 06 00 40|03 33",
    "F": "46 06 00|03 33",
    "G": "45 36 16 05 01 10 30 41 43 23",
    "H": "00 06|40 46|03 43",
    "I": "16 36|10 30|20 26",
    "J": "46 41 30 10 01",
    "K": "00 06|46 03 40",
    "L": "06 00 40",
    "M": "00 06 23 46 40",
    "N": "00 06 40 46",
    "O": "10 01 05 16 36 45 41 30 10",
    "P": "00 06 36 45 44 33 03",
    "Q": "10 01 05 16 36 45 41 30 10|22 40",
    "R": "00 06 36 45 44 33 03|23 40",
    "S": "45 36 16 05 04 13 33 42 41 30 10 01",
    "T": "06 46|20 26",
    "U": "06 01 10 30 41 46",
    "V": "06 20 46",
    "W": "06 10 23 30 46",
    "X": "00 46|06 40",
    "Y": "06 23 46|20 23",
    "Z": "06 46 00 40",
    "0": "10 01 05 16 36 45 41 30 10",
    "1": "14 26 20|10 30",
    "2": "05 16 36 45 44 00 40",
    "3": "05 16 36 45 44 33 42 41 30 10 01|13 33",
    "4": "30 36 02 42",
    "5": "46 06 03 33 42 41 30 00",
    "6": "45 36 16 05 01 10 30 41 42 33 03",
    "7": "06 46 20",
    "8": "13 04 05 16 36 45 44 33 13 02 01 10 30 41 42 33",
    "9": "01 10 30 41 45 36 16 05 04 13 43",
    "-": "13 33",
    ">": "05 43 01",
    "^": "04 26 44|20 26",
    " ": "",
}


def engraving(text: str, height: float, depth: float, stroke: float = STROKE) -> Manifold:
    """Build the cutter of a label: text in the plane z = 0, read from +z, its middle at the origin.

    It reaches from `depth` below the plane to as far above it.

    Parameters
    ----------
    text : str
        Capital letters, digits, spaces, - > and ^.
    height : float
        Of a capital letter, mm.
    depth : float
        mm.
    stroke : float, optional
        Width of a line, mm.

    Returns
    -------
    Manifold
        mm.

    Raises
    ------
    KeyError
        A character that there are no strokes for.
    """
    scale = height / HIGH
    left = -((len(text) - 1) * ADVANCE + WIDE) / 2
    lines = [
        _line(scale * (x + left + k * ADVANCE), scale * (y - HIGH / 2), stroke, way, scale)
        for k, letter in enumerate(text)
        for (x, y), way in _segments(letter)
    ]
    return prism(CrossSection.batch_boolean(lines, OpType.Add), -depth, depth, "z")


def _segments(letter: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the start of each straight piece, and the vector to its end."""
    for stroke in filter(None, _STROKES[letter].split("|")):
        points = [(int(point[0]), int(point[1])) for point in stroke.split()]
        for (x, y), (u, v) in pairwise(points):
            yield (x, y), (u - x, v - y)


def _line(x: float, y: float, stroke: float, way: tuple[int, int], scale: float) -> CrossSection:
    end = CrossSection.circle(stroke / 2, 12)
    return CrossSection.batch_hull(
        [end.translate((x, y)), end.translate((x + scale * way[0], y + scale * way[1]))]
    )
