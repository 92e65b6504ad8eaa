"""Place labels: near what they name, over nothing that matters, and without jumping."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF

from nav.core.frames import Array

ANGLES = np.arange(16) * 2 * np.pi / 16
REACHES = (9.0, 15.0)  # in units of the grid, from what is named to the label's edge
# how much better another place must be before a label moves there
HOLD = 40.0
OUTSIDE, ON_LABEL, ON_LINE = 1000.0, 2000.0, 300.0


class LabelPlacer:
    """Places labels, and remembers from picture to picture where they were."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def place(
        self,
        name: str,
        anchor: QPointF,
        size: tuple[float, float],
        room: QRectF,
        taken: Sequence[QRectF],
        lines: Sequence[QLineF],
        unit: float,
    ) -> QRectF:
        """Return the rectangle of a label.

        Parameters
        ----------
        name : str
            Identifies the label from picture to picture.
        anchor : QPointF
            The position of what it names, px.
        size : tuple of two float
            Width and height, px.
        room : QRectF
            Where labels may be.
        taken : sequence of QRectF
            What it must not cover.
        lines : sequence of QLineF
            What it should not cover.
        unit : float
            The grid, px.

        Returns
        -------
        QRectF
            Within the room, if it fits.
        """
        half = np.array(size) / 2
        reach = np.repeat(REACHES, len(ANGLES))
        angle = np.tile(ANGLES, len(REACHES))
        away = reach[:, None] * unit + half
        centres = np.array([anchor.x(), anchor.y()]) + away * np.column_stack(
            [np.cos(angle), np.sin(angle)]
        )
        low, high = centres - half, centres + half
        cost = 2.0 * reach + OUTSIDE * (1.0 - _share(low, high, room))
        for other in taken:
            cost += ON_LABEL * (_share(low - unit, high + unit, other) > 0)
        for line in lines:
            covered = _covered(line, low - unit, high + unit)
            cost += ON_LINE * covered + 60.0 * (covered > 0)
        if name in self.last:
            cost[self.last[name]] -= HOLD
        best = int(np.argmin(cost))
        self.last[name] = best
        x = _within(low[best, 0], room.left(), room.right() - size[0])
        y = _within(low[best, 1], room.top(), room.bottom() - size[1])
        return QRectF(x, y, *size)


def _share(low: Array, high: Array, box: QRectF) -> Array:
    """Return the share of each rectangle (corners (n, 2)) that lies in a box."""
    left = np.maximum(low, (box.left(), box.top()))
    right = np.minimum(high, (box.right(), box.bottom()))
    return np.clip(right - left, 0.0, None).prod(axis=1) / (high - low).prod(axis=1)


def _covered(line: QLineF, low: Array, high: Array) -> Array:
    """Return the share of a line that lies in each rectangle (corners (n, 2))."""
    along = np.linspace(0.0, 1.0, 24)[:, None]
    points = np.array([line.x1(), line.y1()]) + along * np.array([line.dx(), line.dy()])
    within = (points > low[:, None]) & (points < high[:, None])
    return within.all(axis=2).mean(axis=1)


def _within(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), max(low, high)))
