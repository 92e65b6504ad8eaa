"""The marks of a time line: every kind of event has a shape and a colour of its own."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from nav.guidance.alarms import Level
from nav.view.theme import ACCENT, BACK, LEVEL, LOST, QUIET, REPLAY, TEXT

Shape = Callable[[QPainter, QPointF, float, float], None]


def draw_tick(painter: QPainter, middle: QPointF, size: float, kind: str, hair: float) -> None:
    """Draw the mark of an event.

    Touch: triangle. Check point: square. Registration: diamond. Mark of the user: flag. Plan:
    arrow. Trouble of camera, recorder or link: cross. Anything else: small circle.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    middle : QPointF
        Where it is, px.
    size : float
        Half its height, px.
    kind : str
        Of the event.
    hair : float
        Width of a thin line, px.
    """
    shape, colour = SHAPES.get(kind, (_dot, QUIET))
    painter.save()
    painter.setPen(QPen(BACK, hair))
    painter.setBrush(colour)
    shape(painter, middle, size, hair)
    painter.restore()


def _polygon(painter: QPainter, middle: QPointF, *corners: tuple[float, float]) -> None:
    points = [QPointF(middle.x() + x, middle.y() + y) for x, y in corners]
    painter.drawPolygon(QPolygonF(points))


def _triangle(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    _polygon(painter, middle, (-0.8 * size, 0.8 * size), (0, -size), (0.8 * size, 0.8 * size))


def _square(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    half = 0.72 * size
    painter.drawRect(QRectF(middle.x() - half, middle.y() - half, 2 * half, 2 * half))


def _diamond(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    _polygon(painter, middle, (-size, 0), (0, -size), (size, 0), (0, size))


def _flag(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    colour: QColor = painter.brush().color()
    _polygon(painter, middle, (0, -size), (1.3 * size, -0.45 * size), (0, 0.1 * size))
    painter.setPen(QPen(colour, 2 * hair))
    x = middle.x()
    painter.drawLine(QPointF(x, middle.y() - size), QPointF(x, middle.y() + size))


def _arrow(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    _polygon(
        painter, middle, (-0.8 * size, -0.7 * size), (0.1 * size, -0.7 * size), (0.9 * size, 0),
        (0.1 * size, 0.7 * size), (-0.8 * size, 0.7 * size),
    )  # fmt: skip


def _cross(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    half = 0.6 * size
    pen = QPen(painter.brush().color(), 0.45 * size)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    x, y = middle.x(), middle.y()
    painter.drawLine(QPointF(x - half, y - half), QPointF(x + half, y + half))
    painter.drawLine(QPointF(x - half, y + half), QPointF(x + half, y - half))


def _dot(painter: QPainter, middle: QPointF, size: float, hair: float) -> None:
    painter.drawEllipse(middle, 0.4 * size, 0.4 * size)


SHAPES: dict[str, tuple[Shape, QColor]] = {
    "touch": (_triangle, ACCENT),
    "verification": (_square, LEVEL[Level.CLEAR]),
    "registration": (_diamond, TEXT),
    "mark": (_flag, REPLAY),
    "plan": (_arrow, ACCENT),
    "camera": (_cross, LOST),
    "recorder": (_cross, LOST),
    "link": (_cross, LOST),
}
