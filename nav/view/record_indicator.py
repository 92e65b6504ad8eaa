"""Whether the use is being recorded, large enough to be read from two metres, and for how long."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen

from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.sized import Sized
from nav.view.theme import ACCENT, LOST, PANEL, QUIET, TEXT, font

# of the window's height: capitals are 73 % of it, and 16 arcmin at 2 m on a screen of 24 inches
WORD = 0.0435
TROUBLE = frozenset(
    ("recorder_late", "results_dropped", "events_dropped", "pictures_dropped", "pictures_stopped")
)
LONG = 600  # min, from which on hours are said


class RecordIndicator(Sized):
    """A disc with REC while recording goes on, a crossed circle with NOT REC and why otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.record: Notice | None = None
        self.troubled = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The small text beside the word."""
        if self.record is None:
            return ()
        facts = self.record.facts
        if self.record.code != "recording":
            return (sentence(facts["reason"]),)
        rates = {"mb_per_s": facts["mb_per_s"], "pictures": facts["pictures"]}
        seen = Notice("record_rates" if facts["pictures"] else "record_rate", rates)
        return sentence(seen), _room(facts["minutes"])

    def show_record(self, record: Notice | None, notices: Sequence[Notice]) -> None:
        """Show another state; orange where something goes wrong.

        Parameters
        ----------
        record : Notice or None
            As of `record_of`.
        notices : sequence of Notice
            Of the newest update.
        """
        troubled = any(notice.code in TROUBLE for notice in notices)
        if (record, troubled) == (self.record, self.troubled):
            return
        self.record, self.troubled = record, troubled
        said = "" if record is None else sentence(record)
        self.setAccessibleName(said)
        self.setToolTip(said)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the mark, the word and the small lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), PANEL)
        if self.record is not None:
            self._paint(painter, self.record.code == "recording")
        painter.end()

    def _paint(self, painter: QPainter, records: bool) -> None:
        m, g = self.metrics, self.metrics.grid
        colour = ACCENT if records and not self.troubled else LOST
        size = 0.72 * self.height()
        disc = QRectF(0.0, 0.0, size, size)
        disc.moveCenter(QPointF(g + size / 2, self.height() / 2))
        painter.setPen(QPen(colour, 3 * m.hair))
        painter.setBrush(colour if records else PANEL)
        painter.drawEllipse(disc)
        if not records:
            inset = size * 0.146
            inner = disc.adjusted(inset, inset, -inset, -inset)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
        word = label("record_word" if records else "no_record_word")
        large = font(round(WORD * m.height), bold=True)
        painter.setFont(large)
        painter.setPen(TEXT if records else LOST)
        width = QFontMetricsF(large).horizontalAdvance(word)
        left = disc.right() + g
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(left, -g, width + g, self.height() + 2 * g), flags, word)
        self._paint_lines(painter, left + width + 1.5 * g)

    def _paint_lines(self, painter: QPainter, left: float) -> None:
        small = font(self.metrics.small)
        painter.setFont(small)
        painter.setPen(QUIET)
        lines, measure = self.lines, QFontMetricsF(small)
        room = self.width() - left - self.metrics.grid
        each = self.height() / max(len(lines), 1)
        for number, line in enumerate(lines):
            text = measure.elidedText(line, Qt.TextElideMode.ElideRight, room)
            flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRectF(left, number * each, room, each), flags, text)


def _room(minutes: int | None) -> str:
    if minutes is None:
        return label("record_room_unknown")
    if minutes >= LONG:
        return sentence(Notice("record_room_long", {"hours": minutes // 60}))
    return sentence(Notice("record_room", {"minutes": minutes}))
