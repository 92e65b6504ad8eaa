"""Where to cut a net, where to fold it, where to put glue."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from calibration.printing.faces import TOUCH, Hinge
from calibration.printing.unfolding import Net
from nav.core.frames import Array

CUT_WIDTH = 0.15  # mm; the line lies outside of what is cut out
EDGE = 1.0  # mm of paper left around the white zones where nothing is folded
TAB, CHAMFER = 8.0, 3.0  # mm, width of a glue tab and how much shorter it is at its corners
MARK = 6.0  # mm that a fold line extends beyond the piece
CLEAR = 0.5  # mm; a fold line nearer to a white zone than this is left out beside it

Segment = tuple[Array, Array]  # start (2,), end (2,), mm


@dataclass(frozen=True, eq=False)
class Panel:
    """A face's paper.

    Attributes
    ----------
    polygon : ndarray, shape (n, 2)
        Clockwise, mm.
    hinges : tuple of Hinge or None
        Of each side.
    """

    polygon: Array
    hinges: tuple[Hinge | None, ...]

    def side(self, hinge: Hinge) -> Segment | None:
        """Return the side that lies on a hinge."""
        for number, own in enumerate(self.hinges):
            if own is hinge:
                return self.polygon[number], self.polygon[(number + 1) % len(self.polygon)]
        return None


@dataclass(frozen=True, eq=False)
class Outline:
    """Lines on a sheet, mm.

    Attributes
    ----------
    panels : tuple of Panel
        By face.
    tabs : tuple of ndarray, shape (4, 2)
        Tabs to be glued.
    cuts, folds : tuple of (ndarray, ndarray), shape (2,)
        Start and end of each line.
    """

    panels: tuple[Panel, ...]
    tabs: tuple[Array, ...]
    cuts: tuple[Segment, ...]
    folds: tuple[Segment, ...]

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest and largest x and y of all lines, (2,) each, mm."""
        points = np.array([*self.cuts, *self.folds]).reshape(-1, 2)
        return points.min(axis=0), points.max(axis=0)


def outline_of(net: Net) -> Outline:
    """Compute the lines of a net; each seam has a tab at the face laid out later.

    Parameters
    ----------
    net : Net
        The net.

    Returns
    -------
    Outline
        Panels, tabs, cuts and folds.
    """
    panels = tuple(_panel(net, face) for face in range(len(net.faces)))
    tabs: list[Array] = []
    edges: list[Segment] = []
    folds: list[Segment] = []
    for face, panel in enumerate(panels):
        for side, hinge in zip(_sides(panel.polygon), panel.hinges, strict=True):
            if hinge is None:
                edges.append(side)
            elif hinge in net.folds:
                other = panels[hinge.faces[0] + hinge.faces[1] - face].side(hinge)
                shared, rest = _shared(side, other)
                edges += rest
                if shared is not None and face == hinge.faces[0]:
                    folds += _fold_lines(net, shared)
            elif face == hinge.faces[0]:
                edges.append(side)
            else:
                tabs.append(_tab(*side))
                edges += pairwise(tabs[-1])
                folds += _fold_lines(net, side)
    cuts = tuple(_outside(*edge) for edge in edges)
    return Outline(panels, tuple(tabs), cuts, tuple(folds))


class _Line(NamedTuple):
    """A hinge of a face on the sheet: a point of it and the unit vector to the face, (2,), mm."""

    hinge: Hinge
    point: Array
    inward: Array

    def beyond(self, points: Array) -> Array:
        """Return how far points (n, 2) are on the face's side, (n,), mm."""
        return np.asarray((points - self.point) @ self.inward)


def _panel(net: Net, face: int) -> Panel:
    """Return the box around a face's white zones, as far as its hinges."""
    lines = [
        _Line(h, net.on_sheet(face, h.point[None])[0], net.directed(face, h.of(face)))
        for h in (*net.folds, *net.seams)
        if face in h.faces
    ]
    polygon = _box(net, face, lines)
    for line in lines:
        polygon = _clipped(polygon, line)
    return Panel(polygon, tuple(_hinge_at(side, lines) for side in _sides(polygon)))


def _box(net: Net, face: int, lines: Iterable[_Line]) -> Array:
    """Return the box (4, 2), mm, of white zones with their edge and the space to the hinges."""
    zones = net.zones[face].reshape(-1, 2)
    c0, c1, _, _ = net.markers[net.faces[face].markers[0].id]
    x, y = (c1 - c0) / np.linalg.norm(c1 - c0)
    axes = np.array([[x, y], [-y, x]])
    low, high = (zones @ axes.T).min(axis=0) - EDGE, (zones @ axes.T).max(axis=0) + EDGE
    for line in lines:
        reached = (zones - line.beyond(zones)[:, None] * line.inward) @ axes.T
        low, high = np.minimum(low, reached.min(axis=0)), np.maximum(high, reached.max(axis=0))
    box = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    return np.array(box) @ axes


def _sides(polygon: Array) -> Iterable[Segment]:
    return zip(polygon, np.roll(polygon, -1, axis=0), strict=True)


def _clipped(polygon: Array, line: _Line) -> Array:
    """Clip a convex polygon to the face's side of a line."""
    kept = []
    for start, end in _sides(polygon):
        before, after = (float(x) for x in line.beyond(np.array([start, end])))
        if before >= -TOUCH:
            kept.append(start - min(before, 0.0) * line.inward)
        if (before < -TOUCH and after > TOUCH) or (before > TOUCH and after < -TOUCH):
            kept.append(start + before / (before - after) * (end - start))
    return np.array(kept)


def _hinge_at(side: Segment, lines: Iterable[_Line]) -> Hinge | None:
    for line in lines:
        if np.abs(line.beyond(np.array(side))).max() < 10 * TOUCH:
            return line.hinge
    return None


def _outward(start: Array, end: Array) -> tuple[Array, Array]:
    """Return unit vectors along a side of a clockwise polygon, and out of the polygon."""
    along = (end - start) / np.linalg.norm(end - start)
    return along, np.array([along[1], -along[0]])


def _outside(start: Array, end: Array) -> Segment:
    """Return the centre line to draw, whose inner edge is the side; closed at the corners."""
    along, out = _outward(start, end)
    half = CUT_WIDTH / 2
    return start + half * (out - along), end + half * (out + along)


def _tab(start: Array, end: Array) -> Array:
    along, out = _outward(start, end)
    return np.array(
        [start, start + TAB * out + CHAMFER * along, end + TAB * out - CHAMFER * along, end]
    )


def _shared(side: Segment, other: Segment | None) -> tuple[Segment | None, list[Segment]]:
    """Return the part of a side that the other face's side shares, and what is left of it."""
    if other is None:
        return None, [side]
    start, end = side
    along, _ = _outward(start, end)
    length = (end - start) @ along
    reach = (np.array(other) - start) @ along
    low, high = max(float(reach.min()), 0.0), min(float(reach.max()), float(length))
    if high - low < TOUCH:
        return None, [side]
    rest = [(a, b) for a, b in ((0.0, low), (high, float(length))) if b - a > TOUCH]
    return (start + low * along, start + high * along), [
        (start + a * along, start + b * along) for a, b in rest
    ]


def _fold_lines(net: Net, side: Segment) -> list[Segment]:
    """Return a fold's line and its marks beyond both ends, without the parts beside white zones."""
    start, end = side
    along, out = _outward(start, end)
    length = (end - start) @ along
    taken = []
    for zone in np.concatenate(net.zones):
        off, reach = (zone - start) @ out, (zone - start) @ along
        if off.min() < CLEAR and off.max() > -CLEAR:
            taken.append((reach.min(), reach.max()))
    parts, at = [], -MARK
    for low, high in [*sorted(taken), (length + MARK, length + MARK)]:
        if low - at > CLEAR:
            # from the inside outwards, so that the dashes of both ends look the same
            ends = sorted((at, min(low, length + MARK)), key=lambda x: abs(x - length / 2))
            parts.append((start + ends[0] * along, start + ends[1] * along))
        at = max(at, high)
    return parts
