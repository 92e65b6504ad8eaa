"""Cameras' pictures side by side: a heading, the picture with what is drawn on it, bars below."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from nav.core.frameset import Picture
from nav.view.meter_bars import Meter, draw_meters
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status, hatch
from nav.view.theme import BACK, LEFT, LINE, PANEL, QUIET, RIGHT, TEXT, font

CENTRE = Qt.AlignmentFlag.AlignCenter
FOOT = 4.4  # height of the bars, small letters


class CameraPanes(Sized):
    """All cameras side by side; a kind of window says what each pane shows.

    Parameters
    ----------
    names : tuple of str
        The cameras' names.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def picture(self, index: int) -> Picture | str:
        """Return a camera's present image, or in words why there is none."""
        raise NotImplementedError

    def heading(self, index: int) -> tuple[str, str]:
        """Return the status, as of `draw_status`, and the words at the right of the name."""
        raise NotImplementedError

    def overlay(self, painter: QPainter, place: QRectF, scale: float, index: int) -> None:
        """Draw on an image that lies at `place` with `scale` pixels per pixel of its own."""

    def bars(self, index: int) -> tuple[Meter, ...]:
        """Return what is shown below the image."""
        return ()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw each camera as large as fits."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        g, count = self.metrics.grid, len(self.names)
        width = (self.width() - (count - 1) * g) / count
        for index in range(count):
            box = QRectF(index * (width + g), 0, width, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(PANEL)
            painter.drawRoundedRect(box, g / 2, g / 2)
            self._one(painter, box, index)
        painter.end()

    def _one(self, painter: QPainter, box: QRectF, index: int) -> None:
        m, g = self.metrics, self.metrics.grid
        inner = box.adjusted(g, g / 2, -g, -g)
        head = QRectF(inner.left(), inner.top(), inner.width(), 1.7 * m.medium)
        bars = self.bars(index)
        high = FOOT * m.small if bars else 0.0
        foot = QRectF(inner.left(), inner.bottom() - high, inner.width(), high)
        room = QRectF(inner.left(), head.bottom(), inner.width(), foot.top() - head.bottom() - g)
        image = self.picture(index)
        self._head(painter, head, index)
        if isinstance(image, str):
            self._nothing(painter, room, image)
        else:
            self._picture(painter, room, image, index)
        if bars:
            draw_meters(painter, foot, bars, m)

    def _head(self, painter: QPainter, box: QRectF, index: int) -> None:
        m, g = self.metrics, self.metrics.grid
        status, word = self.heading(index)
        mark = QRectF(box.left(), 0, 0.8 * m.medium, 0.8 * m.medium)
        mark.moveCenter(QPointF(mark.center().x(), box.center().y()))
        draw_status(painter, mark, status)
        text = box.adjusted(mark.width() + g, 0, 0, 0)
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        painter.drawText(text, LEFT, self.names[index].upper())
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        painter.drawText(text, RIGHT, word)

    def _picture(self, painter: QPainter, room: QRectF, shown: Picture, index: int) -> None:
        image = np.ascontiguousarray(shown)
        rows, columns = image.shape
        scale = min(room.width() / columns, room.height() / rows)
        place = QRectF(0, 0, columns * scale, rows * scale)
        place.moveCenter(room.center())
        painter.drawImage(
            place, QImage(image.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        )
        painter.save()
        painter.setClipRect(place)
        self.overlay(painter, place, scale, index)
        painter.restore()

    def _nothing(self, painter: QPainter, box: QRectF, text: str) -> None:
        m, g = self.metrics, self.metrics.grid
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BACK)
        painter.drawRect(box)
        hatch(painter, box, LINE, 2 * g)
        painter.setFont(font(m.medium))
        flags = int(CENTRE | Qt.TextFlag.TextWordWrap)
        room = box.adjusted(3 * g, g, -3 * g, -g)
        words = QFontMetricsF(painter.font()).boundingRect(room, flags, text)
        painter.fillRect(words.adjusted(-g, -g / 2, g, g / 2), BACK)
        painter.setPen(TEXT)
        painter.drawText(words, flags, text)
