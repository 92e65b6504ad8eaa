"""Paint fiducials and plans over a picture of the case: the same way in slices and in 3D."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from nav.core.frames import Array
from nav.model.case import Fiducial, Plan
from nav.view.theme import ACCENT, BACK, TEXT, Metrics, faded, font

Strength = Callable[[Array], Array]  # opacity, 0 to 1, of points (n, 3), model frame, mm
PIECES = 60  # of a plan's line
HANDLE = 0.8  # of the grid: radius of an entry's or target's ring


def paint_cross(painter: QPainter, at: QPointF, size: float, colour: QColor, width: float) -> None:
    """Paint a cross with a gap in its middle, so that what it marks stays visible.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    at : QPointF
        Its middle, px.
    size : float
        From the middle to an end, px.
    colour : QColor
        Of the lines.
    width : float
        Of the lines, px.
    """
    painter.setPen(QPen(colour, width))
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        way = QPointF(x, y)
        painter.drawLine(at + way * 0.35 * size, at + way * size)


def paint_label(painter: QPainter, at: QPointF, text: str, colour: QColor, m: Metrics) -> None:
    """Paint words on a dark outline, readable over anything.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    at : QPointF
        Left end of the baseline, px; farther left where the words would leave the view.
    text : str
        The words.
    colour : QColor
        Of the words.
    m : Metrics
        Of the window.
    """
    painter.setFont(font(m.small))
    right = painter.viewport().width() - m.grid / 2
    if 0 <= at.x() <= right:
        words = QFontMetricsF(painter.font()).horizontalAdvance(text)
        at = QPointF(max(0.0, min(at.x(), right - words)), at.y())
    painter.setPen(faded(BACK, 0.9 * colour.alphaF()))
    for dx, dy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        painter.drawText(at + QPointF(dx, dy) * m.hair, text)
    painter.setPen(colour)
    painter.drawText(at, text)


def paint_fiducials(
    painter: QPainter,
    fiducials: tuple[Fiducial, ...],
    pixels: Callable[[Array], Array],
    strength: Strength,
    m: Metrics,
) -> None:
    """Paint each fiducial with its label; squares for check points.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    fiducials : tuple of Fiducial
        Model frame, mm.
    pixels : callable
        From points (n, 3), model frame, mm, to pixels (n, 2).
    strength : callable
        From points (n, 3), model frame, mm, to opacities (n,).
    m : Metrics
        Of the window.
    """
    if not fiducials:
        return
    points = np.stack([f.position for f in fiducials])
    for fiducial, (x, y), alpha in zip(fiducials, pixels(points), strength(points), strict=True):
        if alpha <= 0.0:
            continue
        at, radius = QPointF(x, y), 0.55 * m.grid
        painter.setPen(QPen(faded(BACK, float(alpha)), m.hair))
        painter.setBrush(faded(TEXT, float(alpha)))
        if fiducial.use == "check":
            painter.drawRect(int(x - radius), int(y - radius), int(2 * radius), int(2 * radius))
        else:
            painter.drawEllipse(at, radius, radius)
        shown = faded(TEXT, float(alpha))
        paint_label(painter, at + QPointF(m.grid, -0.4 * m.grid), fiducial.label, shown, m)


def paint_plan(
    painter: QPainter,
    plan: Plan,
    pixels: Callable[[Array], Array],
    strength: Strength,
    m: Metrics,
) -> None:
    """Paint a plan's line, its entry as a ring and its target as a ring with a cross.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    plan : Plan
        Model frame, mm.
    pixels : callable
        From points (n, 3), model frame, mm, to pixels (n, 2).
    strength : callable
        From points (n, 3), model frame, mm, to opacities (n,).
    m : Metrics
        Of the window.
    """
    along = np.linspace(0.0, 1.0, PIECES + 1)
    points = plan.entry + along[:, None] * (plan.target - plan.entry)
    places = pixels(points)
    alphas = strength((points[1:] + points[:-1]) / 2.0)
    for (x0, y0), (x1, y1), alpha in zip(places[:-1], places[1:], alphas, strict=True):
        if alpha > 0.0:
            painter.setPen(QPen(faded(ACCENT, float(alpha)), 2.0 * m.hair))
            painter.drawLine(QPointF(x0, y0), QPointF(x1, y1))
    ends = np.stack([plan.entry, plan.target])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for name, (x, y), alpha in zip((plan.name, ""), pixels(ends), strength(ends), strict=True):
        if alpha <= 0.0:
            continue
        colour, at = faded(ACCENT, float(alpha)), QPointF(x, y)
        painter.setPen(QPen(colour, 2.0 * m.hair))
        painter.drawEllipse(at, HANDLE * m.grid, HANDLE * m.grid)
        if name:
            paint_label(painter, at + QPointF(1.2, -1.2) * m.grid, name, colour, m)
        else:
            paint_cross(painter, at, 1.8 * m.grid, colour, 1.5 * m.hair)
