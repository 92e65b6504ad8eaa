"""The divots to touch: which are touched and how well, which is next."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent

from nav.view.sized import Sized
from nav.view.status_shapes import draw_status
from nav.view.theme import ACCENT, BACK, LEFT, PANEL, QUIET, RIGHT, TEXT, font


@dataclass(frozen=True)
class TouchRow:
    """One divot.

    Parameters
    ----------
    name : str
        Its label, or the touch's number.
    value : str
        How well it is known, or that it was left out; may be empty.
    status : str
        As of `draw_status`: seen where it was taken.
    next : bool
        Whether it is asked for.
    """

    name: str
    value: str
    status: str
    next: bool = False


class TouchList(Sized):
    """Rows from above; those about the next one where there are too many."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[TouchRow, ...] = ()

    def show_rows(self, rows: tuple[TouchRow, ...]) -> None:
        """Show other rows."""
        if rows != self.rows:
            self.rows = rows
            self.setAccessibleName("; ".join(f"{row.name} {row.value}" for row in rows))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a mark, a name and a value per row."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        high = 1.9 * m.medium
        room = QRectF(self.rect()).adjusted(g, g, -g, -g)
        most = max(1, int(room.height() / high))
        now = next((k for k, row in enumerate(self.rows) if row.next), len(self.rows) - 1)
        first = max(0, min(now - most // 2, len(self.rows) - most))
        for k, row in enumerate(self.rows[first : first + most]):
            self._row(painter, QRectF(room.left(), room.top() + k * high, room.width(), high), row)
        painter.end()

    def _row(self, painter: QPainter, box: QRectF, row: TouchRow) -> None:
        m, g = self.metrics, self.metrics.grid
        if row.next:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ACCENT)
            painter.drawRoundedRect(box, g / 2, g / 2)
        inner = box.adjusted(g, 0, -g, 0)
        mark = QRectF(inner.left(), 0, 0.8 * m.medium, 0.8 * m.medium)
        mark.moveCenter(QPointF(mark.center().x(), box.center().y()))
        if not row.next:
            draw_status(painter, mark, row.status)
        text = inner.adjusted(mark.width() + g, 0, 0, 0)
        painter.setFont(font(m.medium, bold=row.next or row.status == "seen"))
        painter.setPen(BACK if row.next else TEXT if row.status == "seen" else QUIET)
        painter.drawText(text, LEFT, row.name)
        painter.setFont(font(m.small))
        painter.drawText(text, RIGHT, row.value)
