"""A gauge: one distance, its bound, a bar with its limits, and the state shown in three ways."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.text.catalogue import label, sentence
from nav.view.fitted import fitted
from nav.view.live_display import GaugeState, Why
from nav.view.sized import Sized
from nav.view.status_shapes import draw_level, hatch
from nav.view.theme import (
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
from nav.view.words import LEVELS, one_decimal, role_word

TOP_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
# share of the bar for the structure's inside
INSIDE_SHARE = 0.12
DETAIL_LINES = 4  # of the reason for a loss, at most; what is longer stands in the tool tip


class Gauge(Sized):
    """Paints a GaugeState.

    Parameters
    ----------
    role : str
        Of the structures whose nearest is shown: one of `nav.view.live_display.GAUGE_ROLES`.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role
        self.state = GaugeState(role, "", Level.UNKNOWN, why=Why(label("no_data")))
        self.lit = True

    def show_state(self, state: GaugeState, lit: bool) -> None:
        """Show a new state; repaints only if something changed.

        Parameters
        ----------
        state : GaugeState
            To show.
        lit : bool
            Phase of blinking: only the word of a danger follows it.
        """
        if state.level is not Level.DANGER:
            lit = True
        if state != self.state or lit != self.lit:
            self.state, self.lit = state, lit
            self.setAccessibleName(self.words())
            self.setToolTip(self.words() if state.why is not None else "")
            self.update()

    def words(self) -> str:
        """Return all that the gauge shows, as one line."""
        s = self.state
        if s.why is not None:
            facts = {"headline": s.why.headline, "detail": s.why.detail}
            return sentence(Notice("gauge_blank_spoken", {"role": role_word(s.role), **facts}))
        facts = {"role": role_word(s.role), "structure": s.name, "value": s.value}
        facts |= {"bound": s.bound, "level": label(LEVELS[s.level])}
        return sentence(Notice("gauge_spoken", facts))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the whole gauge."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = LEVEL[self.state.level]
        box = QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(box, g / 2, g / 2)
        tint = {Level.DANGER: 0.13, Level.CAUTION: 0.06}.get(self.state.level, 0.0)
        painter.setBrush(faded(colour, tint))
        painter.drawRoundedRect(box, g / 2, g / 2)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(0, 0, g * 0.75, box.height()), g / 4, g / 4)
        inner = box.adjusted(2.5 * g, 1.5 * g, -2 * g, -1.5 * g)
        head = QRectF(inner.left(), inner.top(), inner.width(), 1.5 * m.medium)
        self._head(painter, head, colour)
        bar_height = 3 * g + 1.4 * m.small
        bar = QRectF(inner.left(), inner.bottom() - bar_height, inner.width(), bar_height)
        middle = QRectF(inner.left(), head.bottom(), inner.width(), bar.top() - head.bottom())
        if self.state.why is None:
            self._number(painter, middle, colour)
        else:
            self._reason(painter, middle, self.state.why)
        self._bar(painter, QRectF(bar.left(), bar.top(), bar.width(), 3 * g))
        painter.end()

    def _head(self, painter: QPainter, box: QRectF, colour: QColor) -> None:
        m, g = self.metrics, self.metrics.grid
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        painter.drawText(box, LEFT, role_word(self.role).upper())
        word = label(LEVELS[self.state.level]).upper()
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
        told = "" if self.state.name == self.state.role else self.state.name
        name = metrics.elidedText(told, Qt.TextElideMode.ElideRight, room.width())
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
        self._bound(painter, line.right(), baseline)

    def _inside(self, painter: QPainter, line: QRectF, colour: QColor) -> None:
        m, g = self.metrics, self.metrics.grid
        word, number = label("inside_word"), one_decimal(-(self.state.distance or 0.0))
        baseline = line.center().y() + 0.36 * m.large
        painter.setPen(colour)
        x = line.left()
        for text, size, bold in ((word, m.medium, True), (number, m.large, True)):
            painter.setFont(font(size, bold))
            painter.drawText(QPointF(x, baseline), text)
            x += QFontMetricsF(painter.font()).horizontalAdvance(text) + g
        painter.setFont(font(m.medium))
        painter.drawText(QPointF(x, baseline), "mm")
        self._bound(painter, line.right(), baseline)

    def _bound(self, painter: QPainter, right: float, baseline: float) -> None:
        """Paint the bound, flush right, below what it is and whether bending is in it."""
        m = self.metrics
        for text, size, up, colour in (
            (self.state.bound, m.medium, 0.0, TEXT),
            (self.state.bending, m.small, 1.15 * m.medium, QUIET),
            (label("bound_95"), m.small, 1.15 * m.medium + 1.25 * m.small, QUIET),
        ):
            painter.setFont(font(size))
            painter.setPen(colour)
            width = QFontMetricsF(painter.font()).horizontalAdvance(text)
            painter.drawText(QPointF(right - width, baseline - up), text)

    def _reason(self, painter: QPainter, box: QRectF, why: Why) -> None:
        """Hatch the area, and write on it why there is no number."""
        m, g = self.metrics, self.metrics.grid
        room = box.adjusted(0, 1.0 * g, 0, -0.5 * g)
        hatch(painter, room, LINE, 2 * g)
        top = room.top()
        for text, size, bold, colour, lines in (
            (why.headline, m.medium, True, TEXT, 1),
            (why.detail, m.small, False, QUIET, DETAIL_LINES),
        ):
            ink = font(size, bold)
            painter.setFont(ink)
            metrics = QFontMetricsF(ink)
            height = min(lines * metrics.lineSpacing(), room.bottom() - top)
            plate = QRectF(room.left(), top, room.width(), max(height, metrics.lineSpacing()))
            shown = fitted(text, ink, plate)
            words = metrics.boundingRect(plate, int(TOP_LEFT), shown)
            if shown:
                painter.fillRect(words.adjusted(-0.25 * g, 0, g, 0.25 * g), PANEL)
            painter.setPen(colour)
            painter.drawText(plate, int(TOP_LEFT), shown)
            top = plate.bottom() + 0.25 * g

    def _bar(self, painter: QPainter, box: QRectF) -> None:
        """Paint danger and caution zones, the bound's position (arrow) and the estimate's (line).

        It begins inside the structure, so that an arrow left of 0 shows that.
        """
        m, g, s = self.metrics, self.metrics.grid, self.state
        track = QRectF(box.left(), box.top() + 0.75 * g, box.width(), 2 * g)
        lowest = -INSIDE_SHARE * s.full

        def at(value: float) -> float:
            share = (value - lowest) / (s.full - lowest)
            return track.left() + track.width() * min(max(share, 0.0), 1.0)

        def zone(start: float, end: float, fill: QColor) -> None:
            painter.setBrush(fill)
            painter.drawRect(QRectF(at(start), track.top(), at(end) - at(start), track.height()))

        strength = 0.8 if s.why is None else 0.25
        painter.setPen(Qt.PenStyle.NoPen)
        zone(lowest, s.full, LINE)
        zone(lowest, 0.0, faded(LEVEL[Level.DANGER].darker(190), strength))
        start = 0.0
        for limit, level in ((s.danger, Level.DANGER), (s.caution, Level.CAUTION)):
            if limit is not None:
                zone(start, limit, faded(LEVEL[level], strength))
                start = limit
        if s.why is not None:
            hatch(painter, track, QUIET, g)
        painter.setFont(font(m.small))
        painter.setPen(FAINT if s.why is not None else QUIET)
        below = QRectF(0, box.bottom(), 6 * m.small, 1.4 * m.small)
        for value in (0.0, *(v for v in (s.danger, s.caution) if v is not None), s.full):
            below.moveLeft(at(value) - below.width() / 2)
            flags = Qt.AlignmentFlag.AlignHCenter
            if value == s.full:
                below.moveRight(track.right())
                flags = Qt.AlignmentFlag.AlignRight
            painter.drawText(below, flags, f"{value:g} mm" if value == s.full else f"{value:g}")
        if s.why is None and s.distance is not None and s.lower is not None:
            if s.lower > s.full:
                self._further(painter, QPointF(track.right(), track.center().y()), 1.0)
            elif s.distance < lowest:
                self._further(painter, QPointF(track.left(), track.center().y()), -1.0)
            else:
                self._needle(painter, track, at(s.lower), at(s.distance))

    def _further(self, painter: QPainter, end: QPointF, way: float) -> None:
        """Paint chevrons at the bar's end: the value lies beyond it."""
        g = self.metrics.grid
        painter.setPen(QPen(TEXT, 0.35 * g, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for inwards in (0.7, 1.6):
            point = end - QPointF(inwards * g * way, 0)
            painter.drawLine(point, point + QPointF(-0.6 * g * way, -0.6 * g))
            painter.drawLine(point, point + QPointF(-0.6 * g * way, 0.6 * g))

    def _needle(self, painter: QPainter, track: QRectF, bound: float, value: float) -> None:
        g = self.metrics.grid
        painter.setPen(QPen(TEXT, 0.4 * g))
        painter.drawLine(
            QPointF(value, track.top() - 0.25 * g), QPointF(value, track.bottom() + 0.25 * g)
        )
        painter.setPen(QPen(TEXT, 0.2 * g))
        painter.drawLine(QPointF(bound, track.center().y()), QPointF(value, track.center().y()))
        painter.setPen(QPen(BACK, 0.2 * g))
        painter.setBrush(TEXT)
        arrow = (
            (-1.0, track.top() - 0.9 * g),
            (1.0, track.top() - 0.9 * g),
            (0.0, track.center().y() + 0.4 * g),
        )
        painter.drawPolygon(QPolygonF([QPointF(bound + x * g, y) for x, y in arrow]))
