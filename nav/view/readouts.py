"""Show what lies ahead of the needle, and where the tip is relative to the plan."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.fitted import fitted
from nav.view.live_display import AheadLine, TargetState, Why
from nav.view.sized import Sized
from nav.view.status_shapes import hatch
from nav.view.theme import LEFT, LINE, PANEL, QUIET, RIGHT, ROLE, TEXT, font


class _Panel(Sized):
    """A titled panel; without data it is hatched and says why."""

    title = ""  # code of the title

    def why(self) -> Why | None:
        """Return why it is empty."""
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the title, then the contents."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(QRectF(self.rect()), g / 2, g / 2)
        inner = QRectF(self.rect()).adjusted(2.5 * g, g, -2 * g, -g)
        painter.setFont(font(m.small, bold=True))
        painter.setPen(QUIET)
        painter.drawText(
            QRectF(inner.left(), inner.top(), inner.width(), 1.5 * m.small), LEFT, label(self.title)
        )
        body = inner.adjusted(0, 1.6 * m.small, 0, 0)
        why = self.why()
        if why is not None:
            hatch(painter, body.adjusted(0, 0, 0, 0), LINE, 2 * g)
            painter.setFont(font(m.small))
            painter.setPen(TEXT)
            room = QRectF(body.left(), body.top(), body.width(), 1.6 * m.small)
            shown = fitted(why.headline, painter.font(), room)
            width = QFontMetricsF(painter.font()).horizontalAdvance(shown)
            painter.fillRect(QRectF(room.left(), room.top(), width + g, room.height()), PANEL)
            painter.drawText(room, LEFT, shown)
        else:
            self.body(painter, body)
        painter.end()

    def body(self, painter: QPainter, box: QRectF) -> None:
        """Paint the contents."""

    def hint(self) -> None:
        """Give the whole reason as the tool tip."""
        why = self.why()
        self.setToolTip("" if why is None else ": ".join(filter(None, (why.headline, why.detail))))

    def pair(self, painter: QPainter, row: QRectF, left: str, right: str, size: int) -> None:
        """Paint a name and its value, flush left and right."""
        painter.setFont(font(size))
        value = QFontMetricsF(painter.font()).horizontalAdvance(right)
        painter.setPen(TEXT)
        painter.drawText(row, RIGHT, right)
        painter.setPen(QUIET)
        room = row.width() - value - self.metrics.grid
        metrics = QFontMetricsF(painter.font())
        painter.drawText(row, LEFT, metrics.elidedText(left, Qt.TextElideMode.ElideRight, room))


class Ahead(_Panel):
    """The structures that the present heading hits first and next."""

    title = "ahead"

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[AheadLine, ...] = ()
        self.reason: Why | None = Why(label("no_data"))

    def show_ahead(self, lines: tuple[AheadLine, ...], why: Why | None) -> None:
        """Show other structures, or why there are none."""
        if (lines, why) != (self.lines, self.reason):
            self.lines, self.reason = lines, why
            spoken = [Notice("ahead_spoken", {"structure": x.name, "mm": x.text}) for x in lines]
            self.setAccessibleName("; ".join(map(sentence, spoken)))
            self.hint()
            self.update()

    def why(self) -> Why | None:
        """Return why it is empty."""
        return self.reason

    def body(self, painter: QPainter, box: QRectF) -> None:
        """Paint the first one large, the next one small."""
        m, g = self.metrics, self.metrics.grid
        top = box.top()
        for index, line in enumerate(self.lines):
            size = m.small if index else m.medium
            row = QRectF(box.left(), top, box.width(), 1.5 * size)
            chip = QRectF(row.left(), row.center().y() - 0.35 * size, 0.7 * size, 0.7 * size)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ROLE[line.role])
            painter.drawRect(chip)
            then = sentence(Notice("ahead_next", {"structure": line.name}))
            within = sentence(Notice("ahead_first", {"mm": line.text}))
            beside = row.adjusted(0.7 * size + g, 0, 0, 0)
            self.pair(painter, beside, then if index else line.name, within, size)
            top = row.bottom()


class Target(_Panel):
    """Distance to the target, off axis and angle to the plan."""

    title = "target"

    def __init__(self) -> None:
        super().__init__()
        self.state = TargetState("", why=Why(label("no_data")))

    def show_target(self, state: TargetState) -> None:
        """Show another deviation."""
        if state != self.state:
            self.state = state
            facts = {"distance": state.distance, "off_axis": state.off_axis}
            self.setAccessibleName(sentence(Notice("target_spoken", facts)))
            self.hint()
            self.update()

    def why(self) -> Why | None:
        """Return why it is empty."""
        return self.state.why

    def body(self, painter: QPainter, box: QRectF) -> None:
        """Paint the distance with its spread, then off axis and angle."""
        m = self.metrics
        row = QRectF(box.left(), box.top(), box.width(), 1.5 * m.medium)
        painter.setFont(font(m.medium))
        painter.setPen(TEXT)
        painter.drawText(row, LEFT, self.state.distance)
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        spread = sentence(Notice("spread_95", {"spread": self.state.spread}))
        painter.drawText(row, RIGHT, spread if self.state.spread else "")
        top = row.bottom()
        for code, value in (("off_axis", self.state.off_axis), ("angle_to_plan", self.state.angle)):
            below = QRectF(box.left(), top, box.width(), 1.5 * m.small)
            self.pair(painter, below, label(code), value or label("not_known"), m.small)
            top = below.bottom()
