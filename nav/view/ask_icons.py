"""Drawings of states: done, lost, doubtful, busy, recording, counting down, paused."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from nav.guidance.alarms import Level
from nav.view.status_shapes import draw_status
from nav.view.theme import ACCENT, BACK, FAINT, LEVEL

DONE = LEVEL[Level.CLEAR]
TICK = ((-0.45, 0.02), (-0.12, 0.36), (0.45, -0.33))


def draw_state(painter: QPainter, box: QRectF, ask: Any) -> None:
    """Draw the icon of a state in a square box.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    box : QRectF
        The box, px.
    ask : Asked
        Its kind is one of `STATES`; busy has `way`, whose first number is the arc's angle, degrees.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    STATES.get(ask.kind, _ready)(painter, box, ask)
    painter.restore()


def _tick(painter: QPainter, box: QRectF, ask: Any) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(DONE)
    inset = box.width() * 0.06
    painter.drawEllipse(box.adjusted(inset, inset, -inset, -inset))
    painter.setPen(QPen(BACK, box.width() * 0.1, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    middle, half = box.center(), box.width() / 2.3
    painter.drawPolyline([QPointF(middle.x() + half * x, middle.y() + half * y) for x, y in TICK])


def _lost(painter: QPainter, box: QRectF, ask: Any) -> None:
    draw_status(painter, box, "lost")


def _half(painter: QPainter, box: QRectF, ask: Any) -> None:
    draw_status(painter, box, "doubtful")


def _ring(painter: QPainter, box: QRectF) -> QRectF:
    inset = box.width() * 0.14
    ring = box.adjusted(inset, inset, -inset, -inset)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(FAINT, box.width() * 0.08))
    painter.drawEllipse(ring)
    return ring


def _busy(painter: QPainter, box: QRectF, ask: Any) -> None:
    """Draw an arc that goes round: `way` holds its angle, degrees."""
    ring = _ring(painter, box)
    painter.setPen(QPen(ACCENT, box.width() * 0.08))
    painter.drawArc(ring, -16 * int(ask.way[0]), 16 * 100)


def _ready(painter: QPainter, box: QRectF, ask: Any) -> None:
    ring = _ring(painter, box)
    inset = ring.width() * 0.28
    painter.setPen(QPen(ACCENT, box.width() * 0.05))
    painter.drawEllipse(ring.adjusted(inset, inset, -inset, -inset))


def _recording(painter: QPainter, box: QRectF, ask: Any) -> None:
    ring = _ring(painter, box)
    inset = ring.width() * 0.2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(LEVEL[Level.DANGER])
    painter.drawEllipse(ring.adjusted(inset, inset, -inset, -inset))


def _paused(painter: QPainter, box: QRectF, ask: Any) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ACCENT)
    wide, high = box.width() * 0.13, box.width() * 0.5
    for side in (-1, 1):
        bar = QRectF(0, 0, wide, high)
        bar.moveCenter(box.center() + QPointF(side * wide, 0))
        painter.drawRect(bar)


STATES: dict[str, Callable[[QPainter, QRectF, Any], None]] = {
    "captured": _tick, "done": _tick, "good": _tick, "lost": _lost, "repeat": _lost,
    "again": _half, "usable": _half, "busy": _busy, "ready": _ready, "recording": _recording,
    "paused": _paused,
}  # fmt: skip
