"""The divot block, drawn from the front and above: which divots are touched, which is next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.text.catalogue import label, sentence
from nav.view.ask_icons import DONE
from nav.view.sized import Sized
from nav.view.theme import (
    ACCENT,
    BACK,
    FAINT,
    LEFT,
    LEVEL,
    LINE,
    PANEL,
    QUIET,
    RIGHT,
    TEXT,
    faded,
    font,
)

ELEVATION = np.radians(55.0)  # of the eye, in front of the block
BORDER = 8.0  # mm of plate around the outermost divots
FOOT = 8.0  # mm from the lowest divot to the bed: a drawing only, the file has divots alone


@dataclass(frozen=True)
class DivotState:
    """One divot.

    Parameters
    ----------
    wanted : bool
        Whether it is to be touched at all.
    touched : bool
        Whether it was.
    asked : bool
        Whether it is the next one.
    """

    wanted: bool
    touched: bool
    asked: bool


class BlockView(Sized):
    """The block's divots as posts on a plate, seen from where their labels are read.

    Parameters
    ----------
    divots : mapping of str to ndarray, shape (3,)
        Places in the block's frame by label, mm: x to the right, y to the back, z up.
    """

    def __init__(self, divots: Mapping[str, Array]) -> None:
        super().__init__()
        self.divots = dict(divots)
        self.states: dict[str, DivotState] = {}
        self.share, self.refused = 0.0, False

    @property
    def asked(self) -> str:
        """Label of the divot that is next; empty without one."""
        return next((name for name, state in self.states.items() if state.asked), "")

    def show_divots(
        self, states: dict[str, DivotState], share: float = 0.0, refused: bool = False
    ) -> None:
        """Show other states; the share of the time that the tip has rested in the next one."""
        if (states, share, refused) != (self.states, self.share, self.refused):
            self.states, self.share, self.refused = states, share, refused
            self.setAccessibleName(self._next_text())
            self.update()

    def _next_text(self) -> str:
        return sentence(Notice("block_next", {"label": self.asked})) if self.asked else ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw heading, plate and divots, those at the back first."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        inner = QRectF(self.rect()).adjusted(g, g / 2, -g, -g)
        head = QRectF(inner.left(), inner.top(), inner.width(), 1.7 * m.medium)
        painter.setPen(TEXT)
        painter.setFont(font(m.medium, bold=True))
        painter.drawText(head, LEFT, label("block_heading"))
        painter.setPen(QUIET)
        painter.setFont(font(m.small))
        painter.drawText(head, RIGHT, self._next_text())
        room = inner.adjusted(g, head.height() + g, -g, -2.2 * m.small)
        self._block(painter, room)
        painter.end()

    def _block(self, painter: QPainter, room: QRectF) -> None:
        m = self.metrics
        places = np.array(list(self.divots.values()))
        low, high = places.min(axis=0), places.max(axis=0)
        base = low[2] - FOOT
        left, front = low[:2] - BORDER
        right, back = high[:2] + BORDER
        plate = np.array([(left, front), (right, front), (right, back), (left, back)])
        ends = np.array([seen(np.array([x, y, z])) for x, y in plate for z in (base, high[2])])
        size = np.maximum(np.ptp(ends, axis=0), 1e-9)
        tall = 2.4 * m.medium  # of the labels over the highest divots
        scale = min(room.width() / size[0], (room.height() - tall) / size[1])
        middle = (ends.min(axis=0) + ends.max(axis=0)) / 2

        def at(point: Array) -> QPointF:
            u, v = (seen(np.asarray(point, float)) - middle) * scale
            return QPointF(room.center().x() + u, room.center().y() + tall / 2 + v)

        painter.setPen(QPen(FAINT, 1.5 * m.hair))
        painter.setBrush(LINE)
        painter.drawPolygon(QPolygonF([at(np.append(corner, base)) for corner in plate]))
        near = at(np.array([(left + right) / 2, front, base]))
        painter.setPen(QUIET)
        painter.setFont(font(m.small))
        text = QRectF(0, 0, 10 * m.small, 1.6 * m.small)
        text.moveCenter(near + QPointF(0, 1.1 * m.small))
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, label("block_front"))
        order = sorted(self.divots, key=lambda name: (-self.divots[name][1], self.divots[name][2]))
        for name in order:
            self._post(painter, at, name, base)
        for name in order:
            self._divot(painter, at(self.divots[name]), name)

    def _post(
        self, painter: QPainter, at: Callable[[Array], QPointF], name: str, base: float
    ) -> None:
        """Draw what the divot stands on."""
        x, y, z = self.divots[name]
        foot, top = at(np.array([x, y, base])), at(np.array([x, y, z]))
        wide = 0.55 * self.metrics.medium
        pen = QPen(faded(FAINT, 0.55), wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(foot, top)

    def _divot(self, painter: QPainter, middle: QPointF, name: str) -> None:
        """Draw mark and label; the next one large, with the time that the tip has rested."""
        m = self.metrics
        state = self.states.get(name, DivotState(True, False, False))
        colour = self._colour(state)
        radius = (0.75 if state.asked else 0.42) * m.medium
        box = QRectF(middle.x() - radius, middle.y() - radius, 2 * radius, 2 * radius)
        painter.setPen(QPen(colour, 2.0 * m.hair))
        painter.setBrush(colour if state.touched and not state.asked else BACK)
        painter.drawEllipse(box)
        if state.asked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            dot = 0.35 * radius
            painter.drawEllipse(middle, dot, dot)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = box.adjusted(-0.3 * radius, -0.3 * radius, 0.3 * radius, 0.3 * radius)
            painter.setPen(QPen(colour, 0.28 * radius))
            painter.drawArc(ring, 90 * 16, -round(5760 * min(self.share, 1.0)))
        painter.setFont(font(m.large if state.asked else m.small, bold=state.asked))
        words = QFontMetricsF(painter.font()).boundingRect(name)
        words.moveCenter(middle - QPointF(0, radius + 0.75 * words.height()))
        if not state.asked:
            painter.fillRect(words.adjusted(-2, 0, 2, 0), faded(PANEL, 0.75))
        painter.setPen(colour if state.asked else TEXT if state.wanted else FAINT)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, name)

    def _colour(self, state: DivotState) -> QColor:
        if state.asked:
            return LEVEL[Level.CAUTION] if self.refused else ACCENT
        return DONE if state.touched else QUIET if state.wanted else FAINT


def seen(point: Array) -> Array:
    """Return where a point is in the drawing, mm: to the right, and down.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Block frame, mm.

    Returns
    -------
    ndarray, shape (2,)
    """
    x, y, z = point
    return np.array([x, -y * np.sin(ELEVATION) - z * np.cos(ELEVATION)])
