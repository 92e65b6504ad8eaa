"""Lights of the tools and of lost cameras: shape, word and reason; and the age of the numbers."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from nav.view.live_display import Light
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status
from nav.view.theme import LEFT, LOST, PANEL, QUIET, RIGHT, TEXT, font


class Lights(Sized):
    """One row per light; as many rows as fit, the tools first."""

    def __init__(self) -> None:
        super().__init__()
        self.lights: tuple[Light, ...] = ()
        self.age = ""

    def show_lights(self, lights: tuple[Light, ...], age: str = "") -> None:
        """Show other lights.

        Parameters
        ----------
        lights : tuple of Light
            Tools first.
        age : str
            How old the pictures behind the numbers are, in words.
        """
        if (lights, age) != (self.lights, self.age):
            self.lights, self.age = lights, age
            self.setAccessibleName("; ".join(f"{x.name} {x.word} {x.reason}" for x in lights))
            self.setToolTip("\n".join(f"{x.name}: {x.reason or x.word}" for x in lights))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint rows from the top."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        m, g = self.metrics, self.metrics.grid
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(QRectF(self.rect()), g / 2, g / 2)
        rows = max(2, len(self.lights))
        height = min(1.6 * m.medium, (self.height() - 1.5 * g) / rows)
        for index, light in enumerate(self.lights):
            row = QRectF(2.5 * g, 0.75 * g + index * height, self.width() - 4.5 * g, height)
            if index == 0 and self.age:
                painter.setFont(font(m.small))
                painter.setPen(QUIET)
                painter.drawText(row, RIGHT, self.age)
                row.setRight(
                    row.right() - QFontMetricsF(painter.font()).horizontalAdvance(self.age) - g
                )
            self._row(painter, row, light)
        painter.end()

    def _row(self, painter: QPainter, row: QRectF, light: Light) -> None:
        m, g = self.metrics, self.metrics.grid
        mark = QRectF(0, 0, 0.8 * m.medium, 0.8 * m.medium)
        mark.moveCenter(QPointF(row.left() + mark.width() / 2, row.center().y()))
        draw_status(painter, mark, light.status)
        x = mark.right() + g
        bad = light.status in ("lost", "doubtful")
        word = "" if light.says_status else light.word
        for text, bold, colour in (
            (light.name, True, TEXT),
            (word, False, LOST if light.status == "lost" else QUIET),
            (light.reason if bad else "", False, QUIET),
        ):
            painter.setFont(font(m.small, bold))
            painter.setPen(colour)
            metrics = QFontMetricsF(painter.font())
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, row.right() - x)
            painter.drawText(QRectF(x, row.top(), row.right() - x, row.height()), LEFT, shown)
            x += metrics.horizontalAdvance(shown) + g if shown else 0
