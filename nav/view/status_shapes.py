"""Marks that tell a level or a status by their shape, and the hatching of what is empty."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from nav.guidance.alarms import Level
from nav.view.theme import BACK, LEVEL, LOST, faded


def draw_level(painter: QPainter, box: QRectF, level: Level, colour: QColor | None = None) -> None:
    """Clear: open circle. Caution: half-filled circle. Danger: filled circle with a bar.

    Unknown: a dashed circle.
    """
    colour = colour or LEVEL[level]
    width = box.width() * 0.13
    ring = box.adjusted(width, width, -width, -width)
    painter.save()
    pen = QPen(colour, width)
    if level is Level.UNKNOWN:
        pen.setStyle(Qt.PenStyle.DotLine)
    painter.setPen(pen)
    painter.setBrush(colour if level is Level.DANGER else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(ring)
    painter.setPen(Qt.PenStyle.NoPen)
    if level is Level.CAUTION:
        painter.setBrush(colour)
        painter.drawPie(ring, 270 * 16, 180 * 16)
    if level is Level.DANGER:
        painter.setBrush(BACK)
        unit = box.width()
        middle = box.center().x()
        bar = unit * 0.13
        painter.drawRoundedRect(
            QRectF(middle - bar / 2, box.top() + 0.24 * unit, bar, 0.3 * unit), bar / 3, bar / 3
        )
        painter.drawEllipse(QPointF(middle, box.top() + 0.68 * unit), bar * 0.6, bar * 0.6)
    painter.restore()


def draw_status(painter: QPainter, box: QRectF, status: str) -> None:
    """A tool's light. Seen: filled circle. Doubtful: half. Lost: cross. Unknown: dashed circle."""
    colour = {
        "seen": LEVEL[Level.CLEAR],
        "doubtful": LEVEL[Level.CAUTION],
        "lost": LOST,
        "unknown": LEVEL[Level.UNKNOWN],
    }[status]
    painter.save()
    if status == "seen":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        inset = box.width() * 0.08
        painter.drawEllipse(box.adjusted(inset, inset, -inset, -inset))
    elif status == "lost":
        painter.setPen(
            QPen(colour, box.width() * 0.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        )
        inset = box.width() * 0.18
        cross = box.adjusted(inset, inset, -inset, -inset)
        painter.drawLine(cross.topLeft(), cross.bottomRight())
        painter.drawLine(cross.bottomLeft(), cross.topRight())
    else:
        draw_level(painter, box, Level.CAUTION if status == "doubtful" else Level.UNKNOWN, colour)
    painter.restore()


def hatch(painter: QPainter, box: QRectF, colour: QColor, step: float) -> None:
    """Slanted lines: nothing is known here."""
    painter.save()
    painter.setClipRect(box)
    painter.setPen(QPen(faded(colour, 0.55), max(1.0, step / 5)))
    x = box.left() - box.height()
    while x < box.right():
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
        x += step
    painter.restore()
