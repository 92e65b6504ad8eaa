"""The verdict as a table of words and numbers, with what to do about it."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from calibration.cameras.rig_calibration import RigCalibration
from calibration.cameras.rig_report import advice, notes
from calibration.live.live_result import HEADINGS, LIMITS, verdict_rows
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status
from nav.view.theme import LEFT, LINE, PANEL, QUIET, TEXT, WRAPPED, font

STATUS = {"good": "seen", "usable": "doubtful", "repeat": "lost"}
SHARES = (1.2, 1.0, 1.5, 1.4, 1.0, 0.8, 2.0, 1.3)  # of the width, by column


class VerdictTable(Sized):
    """A line per camera, then advice, then notes."""

    def __init__(self) -> None:
        super().__init__()
        self.result: RigCalibration | None = None

    def show_result(self, result: RigCalibration | None) -> None:
        """Show another result."""
        self.result = result
        if result is not None:
            words = [" ".join(row) for row in verdict_rows(result)]
            words += [*advice(result), *notes(result)]
            self.setAccessibleName("; ".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw headings in a quiet colour, the rest as large as it is important."""
        g = self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        if self.result is not None:
            room = QRectF(self.rect()).adjusted(3 * g, 2 * g, -3 * g, -2 * g)
            y = self._table(painter, room, self.result)
            self._sentences(painter, room, y + 2 * g, self.result)
        painter.end()

    def _table(self, painter: QPainter, room: QRectF, result: RigCalibration) -> float:
        m = self.metrics
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        y = room.top()
        self._row(painter, room, y, 2 * m.small, HEADINGS)
        y += 2 * m.small
        for row in verdict_rows(result):
            painter.setPen(LINE)
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setFont(font(m.medium))
            painter.setPen(TEXT)
            self._row(painter, room, y, 2.4 * m.medium, row)
            y += 2.4 * m.medium
        painter.setPen(LINE)
        painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        self._row(painter, room, y, 2 * m.small, LIMITS)
        return y + 2 * m.small

    def _row(
        self, painter: QPainter, room: QRectF, y: float, height: float, words: tuple[str, ...]
    ) -> None:
        x, m = room.left(), self.metrics
        for column, (share, word) in enumerate(zip(SHARES, words, strict=True)):
            width = room.width() * share / sum(SHARES)
            cell = QRectF(x, y, width - m.grid, height)
            x += width
            if column == len(SHARES) - 1 and word in STATUS:
                mark = QRectF(cell.left(), 0, 0.9 * m.medium, 0.9 * m.medium)
                mark.moveCenter(QPointF(mark.center().x(), cell.center().y()))
                draw_status(painter, mark, STATUS[word])
                cell.adjust(mark.width() + m.grid, 0, 0, 0)
                painter.setFont(font(m.medium, bold=True))
            fits = QFontMetricsF(painter.font()).elidedText(
                word, Qt.TextElideMode.ElideRight, cell.width()
            )
            painter.drawText(cell, LEFT, fits)

    def _sentences(self, painter: QPainter, room: QRectF, y: float, result: RigCalibration) -> None:
        m = self.metrics
        lines = [(m.medium, TEXT, line) for line in advice(result)]
        lines += [(m.small, QUIET, line) for line in notes(result)]
        for size, ink, line in lines:
            painter.setFont(font(size))
            painter.setPen(ink)
            box = QRectF(room.left(), y, room.width(), max(0.0, room.bottom() - y))
            words = QFontMetricsF(painter.font()).boundingRect(box, WRAPPED, line)
            painter.drawText(box, WRAPPED, line)
            y += words.height() + 0.75 * m.grid
