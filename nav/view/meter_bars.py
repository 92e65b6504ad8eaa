"""Bars of progress with the goal marked, a status mark and a number each."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from nav.guidance.alarms import Level
from nav.view.status_shapes import draw_status
from nav.view.theme import FAINT, LEVEL, LINE, QUIET, TEXT, Metrics, font

FULL = 1.25  # the bar's length, goals


@dataclass(frozen=True)
class Meter:
    """One measure.

    Attributes
    ----------
    name : str
        What is measured.
    value : str
        Value and goal, as text.
    share : float
        Of the goal.
    status : str
        unknown (too little), doubtful (usable) or seen.
    """

    name: str
    value: str
    share: float
    status: str


def draw_meters(painter: QPainter, box: QRectF, shown: tuple[Meter, ...], metrics: Metrics) -> None:
    """Draw meters side by side.

    Parameters
    ----------
    painter : QPainter
        The painter.
    box : QRectF
        Where to draw.
    shown : tuple of Meter
        What to draw.
    metrics : Metrics
        Sizes of the window's parts.
    """
    g = metrics.grid
    width = (box.width() - 2 * g * (len(shown) - 1)) / len(shown)
    for index, meter in enumerate(shown):
        place = QRectF(box.left() + index * (width + 2 * g), box.top(), width, box.height())
        _draw(painter, place, meter, metrics)


def _draw(painter: QPainter, box: QRectF, meter: Meter, m: Metrics) -> None:
    g = m.grid
    mark = QRectF(box.left(), 0, 0.85 * m.small, 0.85 * m.small)
    line = QRectF(box.left() + 1.4 * m.small, box.top(), box.width(), 1.5 * m.small)
    mark.moveCenter(QPointF(mark.center().x(), line.center().y()))
    draw_status(painter, mark, meter.status)
    middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.setFont(font(m.small))
    painter.setPen(QUIET)
    painter.drawText(line, middle, meter.name)
    value = QRectF(box.left(), line.bottom(), box.width(), 1.5 * m.small)
    painter.setFont(font(m.small, bold=True))
    painter.setPen(TEXT)
    painter.drawText(value, middle, meter.value)
    _bar(painter, QRectF(box.left(), value.bottom() + g / 2, box.width(), g), meter, m)


def _bar(painter: QPainter, box: QRectF, meter: Meter, m: Metrics) -> None:
    """Draw a bar filled up to the share, with a tick at the goal."""
    colour = LEVEL[Level.CLEAR] if meter.status == "seen" else LEVEL[Level.CAUTION]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(LINE)
    painter.drawRect(box)
    painter.setBrush(FAINT if meter.status == "unknown" else colour)
    painter.drawRect(
        QRectF(box.left(), box.top(), box.width() * min(meter.share / FULL, 1.0), box.height())
    )
    goal = box.left() + box.width() / FULL
    painter.setPen(QPen(TEXT, 2 * m.hair))
    painter.drawLine(
        QPointF(goal, box.top() - 0.4 * m.grid), QPointF(goal, box.bottom() + 0.4 * m.grid)
    )
