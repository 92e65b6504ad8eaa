"""A gauge: one distance, its bound, a bar with its limits, and the state told three times."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from nav.guidance.alarms import Level
from nav.view.shapes import draw_level, hatch
from nav.view.sized import Sized
from nav.view.state import GaugeState, Why
from nav.view.theme import (
    BACK,
    FAINT,
    LEVEL,
    LINE,
    PANEL,
    QUIET,
    TEXT,
    faded,
    font,
)

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Gauge(Sized):
    """Paints a GaugeState. `lit` is the blinking phase: only a danger's word follows it."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role
        self.state = GaugeState(role, "", Level.UNKNOWN, why=Why("no data"))
        self.lit = True

    def show_state(self, state: GaugeState, lit: bool) -> None:
        """Show a new state; repaints only what changed."""
        if state.level is not Level.DANGER:
            lit = True
        if state != self.state or lit != self.lit:
            self.state, self.lit = state, lit
            self.setAccessibleName(self.words())
            self.update()

    def words(self) -> str:
        """All that the gauge says, as one line."""
        s = self.state
        if s.why is not None:
            return f"{s.role}: {s.why.headline}: {s.why.detail}"
        return f"{s.role} {s.name}: {s.value} mm, {s.bound}, {s.level.word}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """The whole gauge."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = LEVEL[self.state.level]
        box = QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(box, g / 2, g / 2)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(0, 0, g * 0.75, box.height()), g / 4, g / 4)
        inner = box.adjusted(2.5 * g, 1.5 * g, -2 * g, -1.5 * g)
        head = QRectF(inner.left(), inner.top(), inner.width(), 1.5 * m.medium)
        self._head(painter, head, colour)
        bar_height = 2.25 * g + 1.4 * m.small
        bar = QRectF(inner.left(), inner.bottom() - bar_height, inner.width(), bar_height)
        middle = QRectF(inner.left(), head.bottom(), inner.width(), bar.top() - head.bottom())
        if self.state.why is None:
            self._number(painter, middle, colour)
        else:
            self._reason(painter, middle, self.state.why)
        self._bar(painter, QRectF(bar.left(), bar.top(), bar.width(), 2.25 * g), colour)
        painter.end()

    def _head(self, painter: QPainter, box: QRectF, colour: QColor) -> None:
        m, g = self.metrics, self.metrics.grid
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        painter.drawText(box, LEFT, self.role.upper())
        word = self.state.level.word.upper()
        word_width = QFontMetricsF(painter.font()).horizontalAdvance(word)
        plate = QRectF(0, 0, word_width + m.medium + 3 * g, 1.45 * m.medium)
        plate.moveRight(box.right())
        plate.moveTop(box.top() + (box.height() - plate.height()) / 2)
        danger = self.state.level is Level.DANGER
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour if danger and self.lit else faded(colour, 0.14))
        painter.drawRoundedRect(plate, plate.height() / 2, plate.height() / 2)
        ink = BACK if danger and self.lit else colour
        mark = QRectF(0, 0, m.medium, m.medium)
        mark.moveCenter(QPointF(plate.left() + g + m.medium / 2, plate.center().y()))
        if danger and self.lit:
            painter.setBrush(BACK)
            painter.drawEllipse(mark)
        draw_level(painter, mark, self.state.level)
        painter.setPen(ink)
        painter.drawText(plate.adjusted(0, 0, -1.25 * g, 0), RIGHT, word)
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        room = QRectF(box.left(), box.bottom(), box.width(), 1.5 * m.small)
        metrics = QFontMetricsF(painter.font())
        name = metrics.elidedText(self.state.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, LEFT, name)

    def _number(self, painter: QPainter, box: QRectF, colour: QColor) -> None:
        m, g = self.metrics, self.metrics.grid
        line = box.adjusted(0, 1.5 * m.small, 0, 0)
        if self.state.inside:
            self._inside(painter, line, colour)
            return
        painter.setFont(font(m.large, bold=True))
        painter.setPen(colour)
        painter.drawText(line, LEFT, self.state.value)
        x = QFontMetricsF(painter.font()).horizontalAdvance(self.state.value)
        baseline = line.center().y() + 0.36 * m.large
        painter.setFont(font(m.medium))
        painter.drawText(QPointF(line.left() + x + g, baseline), "mm")
        painter.setPen(TEXT)
        width = QFontMetricsF(painter.font()).horizontalAdvance(self.state.bound)
        painter.drawText(QPointF(line.right() - width, baseline), self.state.bound)

    def _inside(self, painter: QPainter, line: QRectF, colour: QColor) -> None:
        m, g = self.metrics, self.metrics.grid
        word, _, number = self.state.value.partition(" ")
        baseline = line.center().y() + 0.36 * m.large
        painter.setPen(colour)
        painter.setFont(font(m.medium, bold=True))
        painter.drawText(QPointF(line.left(), baseline), word)
        x = line.left() + QFontMetricsF(painter.font()).horizontalAdvance(word) + g
        painter.setFont(font(m.large, bold=True))
        painter.drawText(QPointF(x, baseline), number)
        x += QFontMetricsF(painter.font()).horizontalAdvance(number) + g
        painter.setFont(font(m.medium))
        painter.drawText(QPointF(x, baseline), "mm")
        painter.setFont(font(m.small))
        painter.setPen(TEXT)
        width = QFontMetricsF(painter.font()).horizontalAdvance(self.state.bound)
        painter.drawText(QPointF(line.right() - width, baseline), self.state.bound)

    def _reason(self, painter: QPainter, box: QRectF, why: Why) -> None:
        m = self.metrics
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        metrics = QFontMetricsF(painter.font())
        line = QRectF(box.left(), box.top() + 0.5 * m.small, box.width(), 1.5 * m.medium)
        painter.drawText(
            line, LEFT, metrics.elidedText(why.headline, Qt.TextElideMode.ElideRight, line.width())
        )
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        rest = QRectF(line.left(), line.bottom(), line.width(), 2.8 * m.small)
        painter.drawText(rest, LEFT | Qt.TextFlag.TextWordWrap, why.detail)

    def _bar(self, painter: QPainter, box: QRectF, colour: QColor) -> None:
        """Danger and caution zones, the bound's place (arrow) and the estimate's (line)."""
        m, g, s = self.metrics, self.metrics.grid, self.state
        track = QRectF(box.left(), box.top() + 0.5 * g, box.width(), 1.25 * g)

        def at(value: float) -> float:
            return track.left() + track.width() * min(max(value / s.full, 0.0), 1.0)

        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(LINE)
        painter.drawRect(track)
        start = track.left()
        for limit, level in ((s.danger, Level.DANGER), (s.caution, Level.CAUTION)):
            if limit is not None:
                painter.setBrush(faded(LEVEL[level], 0.75 if s.why is None else 0.3))
                painter.drawRect(QRectF(start, track.top(), at(limit) - start, track.height()))
                start = at(limit)
        if s.why is not None:
            hatch(painter, track, QUIET, g)
        painter.setFont(font(m.small))
        painter.setPen(FAINT if s.why is not None else QUIET)
        below = QRectF(0, box.bottom(), 6 * m.small, 1.4 * m.small)
        for value in (0.0, *(v for v in (s.danger, s.caution) if v is not None), s.full):
            below.moveLeft(at(value) - below.width() / 2)
            flags = Qt.AlignmentFlag.AlignHCenter
            if value == 0.0:
                below.moveLeft(track.left())
                flags = Qt.AlignmentFlag.AlignLeft
            if value == s.full:
                below.moveRight(track.right())
                flags = Qt.AlignmentFlag.AlignRight
            text = f"{value:g} mm" if value == s.full else f"{value:g}"
            painter.drawText(below, flags, text)
        if s.why is None and s.distance is not None and s.lower is not None:
            self._needle(painter, track, at(s.lower), at(s.distance), colour)

    def _needle(
        self, painter: QPainter, track: QRectF, bound: float, value: float, colour: QColor
    ) -> None:
        g = self.metrics.grid
        painter.setPen(QPen(TEXT, 0.4 * g))
        painter.drawLine(
            QPointF(value, track.top() - 0.25 * g), QPointF(value, track.bottom() + 0.25 * g)
        )
        painter.setPen(QPen(TEXT, 0.2 * g))
        painter.drawLine(QPointF(bound, track.center().y()), QPointF(value, track.center().y()))
        painter.setPen(QPen(BACK, 0.2 * g))
        painter.setBrush(TEXT)
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(bound - 0.8 * g, track.top() - 0.9 * g),
                    QPointF(bound + 0.8 * g, track.top() - 0.9 * g),
                    QPointF(bound, track.center().y() + 0.3 * g),
                ]
            )
        )
