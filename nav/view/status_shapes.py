"""Paint marks that show a level or a status by their shape, and hatching where nothing is known."""

from functools import lru_cache
from math import ceil, floor

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from nav.guidance.alarms import Level
from nav.view.theme import BACK, LEVEL, LOST, faded


def draw_level(painter: QPainter, box: QRectF, level: Level, colour: QColor | None = None) -> None:
    """Draw the mark of an alarm level.

    Clear: open circle. Caution: half-filled circle. Danger: filled circle with an exclamation mark.
    Unknown: a dotted circle.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    box : QRectF
        Of the mark, px.
    level : Level
        To show.
    colour : QColor, optional
        By default the level's own.
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
    """Draw the light of a tool or camera.

    Seen: filled circle. Doubtful: half-filled. Lost: cross. Unknown: dotted circle.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    box : QRectF
        Of the mark, px.
    status : str
        "seen", "doubtful", "lost" or "unknown".
    """
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
    """Draw slanted lines: nothing is known here.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    box : QRectF
        To fill, px.
    colour : QColor
        Of the lines, which are made translucent.
    step : float
        Between the lines, px.
    """
    ratio = painter.device().devicePixelRatioF()
    corner = QPointF(floor(box.x() * ratio) / ratio, floor(box.y() * ratio) / ratio)
    smooth = painter.testRenderHint(QPainter.RenderHint.Antialiasing)
    lines = _hatched(box.translated(-corner).getRect(), colour.rgba(), step, ratio, smooth)
    painter.drawImage(corner, lines)


@lru_cache(maxsize=32)
def _hatched(
    place: tuple[float, float, float, float], rgba: int, step: float, ratio: float, smooth: bool
) -> QImage:
    """Return slanted lines in a box of an image, which take longer to draw than all else."""
    box = QRectF(*place)
    size = QSizeF(box.right(), box.bottom()) * ratio
    image = QImage(
        ceil(size.width()), ceil(size.height()), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.setDevicePixelRatio(ratio)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    painter.setClipRect(box)
    painter.setPen(QPen(faded(QColor.fromRgba(rgba), 0.55), max(1.0, step / 5)))
    x = box.left() - box.height()
    while x < box.right():
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
        x += step
    painter.end()
    return image
