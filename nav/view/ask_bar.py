"""The large sentence: what to do next, with its drawing."""

from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from nav.guidance.alarms import Level
from nav.view.ask_icons import DONE
from nav.view.sized import Sized
from nav.view.theme import ACCENT, LEVEL, LOST, PANEL, QUIET, TEXT, WRAPPED, Metrics, faded, font

COLOURS = {
    "captured": DONE, "done": DONE, "good": DONE, "again": LEVEL[Level.CAUTION],
    "usable": LEVEL[Level.CAUTION], "lost": LOST, "repeat": LOST,
    "recording": LEVEL[Level.DANGER],
}  # fmt: skip


class Asked(Protocol):
    """What a person is asked to do: a kind, which has a drawing, and a sentence."""

    @property
    def kind(self) -> str: ...

    @property
    def say(self) -> str: ...


class AskBar(Sized):
    """What to do: drawing, sentence and a less prominent line; the edge's colour is the status.

    Parameters
    ----------
    draw : callable
        Draws what is asked in a square box.
    first : Asked
        Shown at first.
    """

    def __init__(self, draw: Callable[[QPainter, QRectF, Any], None], first: Asked) -> None:
        super().__init__()
        self._draw = draw
        self.ask, self.detail = first, ""

    def show_ask(self, ask: Asked, detail: str) -> None:
        """Show another one, with a detail line below it."""
        if (ask, detail) != (self.ask, self.detail):
            self.ask, self.detail = ask, detail
            self.setAccessibleName(ask.say)
            self.update()

    @staticmethod
    def wanted_height(metrics: Metrics) -> int:
        """Return the height for two lines of the sentence and one of detail."""
        return round(2.45 * metrics.large + 1.4 * metrics.medium + 3 * metrics.grid)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw edge, drawing and text; after a capture the whole bar is in its colour."""
        g = self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        colour = COLOURS.get(self.ask.kind, ACCENT)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        if self.ask.kind == "captured":
            painter.setBrush(faded(colour, 0.3))
            painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(0, 0, g, self.height()), g / 2, g / 2)
        side = self.height() - 4 * g
        self._draw(painter, QRectF(3 * g, 2 * g, side, side), self.ask)
        self._words(painter, QRectF(self.rect()).adjusted(side + 6 * g, g, -2 * g, -g))
        painter.end()

    def _words(self, painter: QPainter, room: QRectF) -> None:
        m = self.metrics
        large, medium = font(m.large, bold=True), font(m.medium)
        words = QFontMetricsF(large).boundingRect(room, WRAPPED, self.ask.say)
        quiet = QFontMetricsF(medium).boundingRect(room, WRAPPED, self.detail)
        high = words.height() + (quiet.height() if self.detail else 0.0)
        top = room.top() + max(0.0, (room.height() - high) / 2)
        painter.setFont(large)
        painter.setPen(TEXT)
        painter.drawText(QRectF(room.left(), top, room.width(), words.height()), WRAPPED,
                         self.ask.say)  # fmt: skip
        painter.setFont(medium)
        painter.setPen(QUIET)
        painter.drawText(
            QRectF(room.left(), top + words.height(), room.width(), quiet.height()),
            WRAPPED,
            self.detail,
        )
