"""The time line of a replayed session: stages, losses, alarms and events, and the present place."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QToolTip

from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.live.messages import Span, Stage, Tick, Timeline
from nav.text.catalogue import label, sentence
from nav.view.replay_ticks import draw_tick
from nav.view.sized import Sized
from nav.view.status_shapes import draw_level
from nav.view.theme import (
    BACK,
    FAINT,
    LEVEL,
    LINE,
    LOST,
    PANEL,
    QUIET,
    REPLAY,
    TEXT,
    Metrics,
    faded,
    font,
)
from nav.view.words import LEVELS, STAGES

LANES = ("replay_stages", "replay_losses", "replay_alarms", "replay_events")
HEIGHTS = (2.8, 2.2, 2.4, 2.8)  # of the lanes, in grid units
AXIS = 2.6  # of the numbers below them
# s between two numbers of the axis
STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
SAID = ("message", "notice")  # kinds of events that are only said
ALARM = {"caution": Level.CAUTION, "danger": Level.DANGER}
STAGE_INK = {
    Stage.REGISTER: QColor("#3d5a80"),
    Stage.VERIFY: QColor("#4f7a8f"),
    Stage.NAVIGATE: QColor("#7fb4ff"),
}


def clock_text(seconds: float, tenths: bool = True) -> str:
    """Return a time as minutes and seconds.

    Parameters
    ----------
    seconds : float
        s.
    tenths : bool
        With one decimal.

    Returns
    -------
    str
        As 1:02.3, or 1:00:02 with hours.
    """
    whole = int(10 * max(0.0, seconds) + 1e-6) if tenths else 10 * round(max(0.0, seconds))
    minutes, rest = divmod(whole, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest / 10:04.1f}" if tenths else f"{rest // 10:02d}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"


class ReplayLanes(Sized):
    """Lanes of spans and ticks over the time of a session; a click goes to a place.

    `wanted` is emitted with the place, s since the first frame.
    """

    wanted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.timeline: Timeline | None = None
        self.position: float | None = None
        self.setMouseTracking(True)

    def show_timeline(self, timeline: Timeline) -> None:
        """Show another session."""
        self.timeline = timeline
        self.update()

    def show_position(self, seconds: float | None) -> None:
        """Show the present place, s since the first frame; None: not known."""
        if seconds != self.position:
            self.position = seconds
            self.update()

    @property
    def wanted_height(self) -> int:
        """Height that the lanes need, px."""
        return round((sum(HEIGHTS) + AXIS) * self.metrics.grid)

    def area(self) -> QRectF:
        """Return where times are drawn: right of the lanes' names."""
        metrics = QFontMetricsF(font(self.metrics.small))
        names = max(metrics.horizontalAdvance(label(name)) for name in LANES)
        left = names + 1.5 * self.metrics.grid
        right = self.width() - 1.5 * self.metrics.grid
        return QRectF(left, 0, max(1.0, right - left), sum(HEIGHTS) * self.metrics.grid)

    def x_of(self, seconds: float) -> float:
        """Return the place of a time, px."""
        area = self.area()
        whole = self.timeline.seconds if self.timeline is not None else 0.0
        return area.left() + area.width() * (seconds / whole if whole > 0 else 0.0)

    def seconds_at(self, x: float) -> float:
        """Return the time at a place, s; that of a tick nearby, so that it can be hit."""
        assert self.timeline is not None
        area = self.area()
        share = min(max((x - area.left()) / area.width(), 0.0), 1.0)
        near = self.tick_near(x)
        return near.at if near is not None else share * self.timeline.seconds

    def tick_near(self, x: float) -> Tick | None:
        """Return the tick nearest to a place, if it is near enough to be meant."""
        if self.timeline is None:
            return None
        reach = 0.75 * self.metrics.grid
        by_distance = ((abs(self.x_of(tick.at) - x), tick) for tick in self.timeline.ticks)
        return min(
            (each for each in by_distance if each[0] <= reach),
            key=lambda e: e[0],
            default=(0, None),
        )[1]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton and self.timeline is not None:
            self.wanted.emit(self.seconds_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along while the button is held; else say what is there."""
        if self.timeline is None:
            return
        x = event.position().x()
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.wanted.emit(self.seconds_at(x))
            return
        QToolTip.showText(event.globalPosition().toPoint(), self.said_at(x, event.position().y()))

    def said_at(self, x: float, y: float) -> str:
        """Return what a place of the time line tells.

        Parameters
        ----------
        x, y : float
            In the widget, px.

        Returns
        -------
        str
            A line for each event nearby, else for the span; else the time.
        """
        assert self.timeline is not None
        reach = 0.75 * self.metrics.grid
        near = [tick for tick in self.timeline.ticks if abs(self.x_of(tick.at) - x) <= reach]
        if near:
            return "\n".join(tick_text(tick) for tick in near[:8])
        at = self.seconds_at(x)
        lane = self._lane_at(y)
        kinds = {"replay_stages": "stage", "replay_losses": "lost", "replay_alarms": "alarm"}
        spans = [
            span_text(span)
            for span in self.timeline.spans
            if span.kind == kinds.get(lane) and span.start <= at <= span.end
        ]
        return "\n".join([clock_text(at), *spans])

    def _lane_at(self, y: float) -> str:
        top = 0.0
        for name, height in zip(LANES, HEIGHTS, strict=True):
            top += height * self.metrics.grid
            if y < top:
                return name
        return ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names, spans, ticks, axis and the present place."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, g, top = self.area(), self.metrics.grid, 0.0
        drawers: Sequence[Callable[[QPainter, QRectF], None]] = (
            self._stages, self._losses, self._alarms, self._events
        )  # fmt: skip
        for name, height, draw in zip(LANES, HEIGHTS, drawers, strict=True):
            lane = QRectF(area.left(), top, area.width(), height * g)
            inner = lane.adjusted(0, 0.15 * g, 0, -0.15 * g)
            painter.fillRect(inner, PANEL)
            painter.setFont(font(self.metrics.small))
            painter.setPen(QUIET)
            words = QRectF(0, top, area.left() - g, height * g)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(words, right, label(name))
            if self.timeline is not None:
                draw(painter, inner)
            top += height * g
        if self.timeline is not None:
            self._axis(painter, area)
            self._present(painter, area)
        painter.end()

    def _box(self, span: Span, lane: QRectF, least: float) -> QRectF:
        left, right = self.x_of(span.start), self.x_of(span.end)
        return QRectF(left, lane.top(), max(right - left, least), lane.height())

    def _spans(self, kind: str) -> list[Span]:
        assert self.timeline is not None
        return [span for span in self.timeline.spans if span.kind == kind]

    def _stages(self, painter: QPainter, lane: QRectF) -> None:
        painter.setFont(font(self.metrics.small, bold=True))
        metrics = QFontMetricsF(painter.font())
        for span in self._spans("stage"):
            stage = Stage(span.value)
            box = self._box(span, lane, 1.0)
            painter.fillRect(box, STAGE_INK.get(stage, LINE))
            painter.fillRect(QRectF(box.left(), box.top(), self.metrics.hair, box.height()), BACK)
            word = label(STAGES[stage])
            if metrics.horizontalAdvance(word) + self.metrics.grid < box.width():
                painter.setPen(BACK if stage is Stage.NAVIGATE else TEXT)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)

    def _losses(self, painter: QPainter, lane: QRectF) -> None:
        for span in self._spans("lost"):
            box = self._box(span, lane, 2 * self.metrics.hair)
            painter.fillRect(box, faded(LOST, 0.75))

    def _alarms(self, painter: QPainter, lane: QRectF) -> None:
        last = -1e9
        for span in self._spans("alarm"):
            level = ALARM.get(span.value, Level.CAUTION)
            box = self._box(span, lane, 2 * self.metrics.hair)
            # shape tells as much as colour: danger fills the lane, caution its lower half
            half = 0.0 if level is Level.DANGER else 0.5 * box.height()
            painter.fillRect(box.adjusted(0, half, 0, 0), faded(LEVEL[level], 0.8))
            size = lane.height()
            if box.left() - last >= size or level is Level.DANGER:
                mark = QRectF(box.left() - size / 2, lane.top(), size, size)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(BACK)
                painter.drawEllipse(mark)
                draw_level(painter, mark, level)
                last = box.left()

    def _events(self, painter: QPainter, lane: QRectF) -> None:
        assert self.timeline is not None
        said = [tick for tick in self.timeline.ticks if tick.kind in SAID]
        done = [tick for tick in self.timeline.ticks if tick.kind not in (*SAID, "alarm")]
        shown = {tick.at for tick in done}
        # an answer to what was done stands at the same place, and would hide its mark
        for tick in (*(each for each in said if each.at not in shown), *done):
            middle = QPointF(self.x_of(tick.at), lane.center().y())
            draw_tick(painter, middle, 0.42 * lane.height(), tick.kind, self.metrics.hair)

    def _axis(self, painter: QPainter, area: QRectF) -> None:
        assert self.timeline is not None
        whole, g = self.timeline.seconds, self.metrics.grid
        painter.setFont(font(self.metrics.small))
        metrics = QFontMetricsF(painter.font())
        room = metrics.horizontalAdvance("00:00:00") * 1.6
        per_second = area.width() / whole if whole > 0 else area.width()
        step = next((s for s in STEPS if s * per_second >= room), STEPS[-1])
        count = int(whole / step) + 1 if whole > 0 else 1
        for number in range(min(count, 200)):
            x = self.x_of(number * step)
            painter.setPen(QPen(FAINT, self.metrics.hair))
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 0.4 * g))
            painter.setPen(QUIET)
            text = clock_text(number * step, tenths=step < 1)
            width = metrics.horizontalAdvance(text)
            left = min(max(x - width / 2, 0.0), self.width() - width)
            box = QRectF(left, area.bottom() + 0.4 * g, width + 1, (AXIS - 0.4) * g)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _present(self, painter: QPainter, area: QRectF) -> None:
        if self.position is None:
            return
        x, g = self.x_of(self.position), self.metrics.grid
        painter.setPen(QPen(BACK, 4 * self.metrics.hair))
        painter.drawLine(QPointF(x, 0), QPointF(x, area.bottom()))
        painter.setPen(QPen(REPLAY, 2 * self.metrics.hair))
        painter.drawLine(QPointF(x, 0), QPointF(x, area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(REPLAY)
        handle = [
            QPointF(x - 0.7 * g, area.bottom() + 0.9 * g), QPointF(x, area.bottom() - 0.3 * g),
            QPointF(x + 0.7 * g, area.bottom() + 0.9 * g),
        ]  # fmt: skip
        painter.drawPolygon(QPolygonF(handle))

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        self.setFixedHeight(self.wanted_height)


def tick_text(tick: Tick) -> str:
    """Return what an event was, and when.

    Parameters
    ----------
    tick : Tick
        The event.

    Returns
    -------
    str
        Its time and a sentence.
    """
    facts = {"at": clock_text(tick.at), "what": tick.notice}
    return sentence(Notice("replay_tick", facts))


def span_text(span: Span) -> str:
    """Return in words what lasted, and how long.

    Parameters
    ----------
    span : Span
        Part of the session.

    Returns
    -------
    str
        A few words.
    """
    seconds = span.end - span.start
    if span.kind == "lost":
        return sentence(Notice("replay_lost_span", {"tool": span.value, "seconds": seconds}))
    if span.kind == "alarm":
        level = label(LEVELS[ALARM.get(span.value, Level.CAUTION)])
        return sentence(Notice("replay_alarm_span", {"level": level, "seconds": seconds}))
    return label(STAGES[Stage(span.value)])
