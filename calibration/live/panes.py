"""The cameras' images with the board's corners, and which parts of them are covered."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy

from calibration.cameras.rig_verdict import CELLS
from calibration.live.board_view import Cell
from calibration.live.capture_display import Pane, Shown
from calibration.live.hint_icons import DONE
from calibration.live.meters import draw_meters, meters
from nav.core.frames import Array
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status, hatch
from nav.view.theme import ACCENT, BACK, LEFT, LINE, PANEL, QUIET, RIGHT, TEXT, faded, font

CENTRE = Qt.AlignmentFlag.AlignCenter


class Panes(Sized):
    """All cameras side by side.

    Parameters
    ----------
    names : tuple of str
        The cameras' names.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.shown: Shown | None = None
        self.blank = "starting"
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def show_panes(self, shown: Shown | None, blank: str) -> None:
        """Show what is seen now; with a reason in `blank`, no images."""
        if shown is not self.shown or blank != self.blank:
            self.shown, self.blank = shown, blank
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw each camera as large as fits."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        g, count = self.metrics.grid, len(self.names)
        width = (self.width() - (count - 1) * g) / count
        for index in range(count):
            box = QRectF(index * (width + g), 0, width, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(PANEL)
            painter.drawRoundedRect(box, g / 2, g / 2)
            self._one(painter, box, index)
        painter.end()

    def _one(self, painter: QPainter, box: QRectF, index: int) -> None:
        m, g = self.metrics, self.metrics.grid
        inner = box.adjusted(g, g / 2, -g, -g)
        head = QRectF(inner.left(), inner.top(), inner.width(), 1.7 * m.medium)
        foot = QRectF(inner.left(), inner.bottom() - 4.4 * m.small, inner.width(), 4.4 * m.small)
        room = QRectF(inner.left(), head.bottom(), inner.width(), foot.top() - head.bottom() - g)
        pane = self.shown.panes[index] if self.shown is not None else None
        why = self.blank or ("starting" if pane is None else pane.why)
        lost = pane is None or pane.image is None or bool(self.blank)
        self._head(painter, head, index, None if lost else pane)
        if lost or pane is None:
            self._nothing(painter, room, why if "no image" in why else f"no image: {why}")
        else:
            self._picture(painter, room, pane, index)
        if self.shown is not None:
            progress = self.shown.progress
            draw_meters(painter, foot, meters(progress.cameras[index], progress), m)

    def _head(self, painter: QPainter, box: QRectF, index: int, pane: Pane | None) -> None:
        m, g = self.metrics, self.metrics.grid
        status, word = "lost", "no image"
        if pane is not None:
            count = len(pane.corners)
            status = "seen" if count else "unknown"
            word = f"board seen, {count} corners" if count else "no board"
        mark = QRectF(box.left(), 0, 0.8 * m.medium, 0.8 * m.medium)
        mark.moveCenter(QPointF(mark.center().x(), box.center().y()))
        draw_status(painter, mark, status)
        text = box.adjusted(mark.width() + g, 0, 0, 0)
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        painter.drawText(text, LEFT, self.names[index].upper())
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        painter.drawText(text, RIGHT, word)

    def _picture(self, painter: QPainter, room: QRectF, pane: Pane, index: int) -> None:
        assert pane.image is not None
        image = np.ascontiguousarray(pane.image)
        rows, columns = image.shape
        scale = min(room.width() / columns, room.height() / rows)
        place = QRectF(0, 0, columns * scale, rows * scale)
        place.moveCenter(room.center())
        painter.drawImage(
            place, QImage(image.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        )
        painter.save()
        painter.setClipRect(place)
        self._cells(painter, place, index)
        self._corners(painter, place, (pane.corners + 0.5) * scale)
        painter.restore()
        if self.shown is not None and self.shown.captured:
            painter.setPen(QPen(DONE, self.metrics.grid))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            inset = self.metrics.grid / 2
            painter.drawRect(place.adjusted(inset, inset, -inset, -inset))

    def _cells(self, painter: QPainter, place: QRectF, index: int) -> None:
        """Tint covered cells; outline those that are asked for."""
        assert self.shown is not None
        m, ask = self.metrics, self.shown.ask
        wanted = ask.cells if ask.camera == index else frozenset[Cell]()
        covered = self.shown.progress.cameras[index].cells
        for column in range(CELLS[0]):
            for row in range(CELLS[1]):
                cell = (column, row)
                painter.setPen(QPen(faded(TEXT, 0.25), m.hair))
                painter.setBrush(faded(DONE, 0.22) if cell in covered else Qt.BrushStyle.NoBrush)
                painter.drawRect(_cell_box(place, cell))
        for cell in wanted:
            painter.setPen(QPen(ACCENT, 3 * m.hair))
            painter.setBrush(faded(ACCENT, 0.35))
            painter.drawRect(_cell_box(place, cell))
        if wanted:
            self._here(painter, place, wanted)

    def _here(self, painter: QPainter, place: QRectF, wanted: frozenset[Cell]) -> None:
        m, g = self.metrics, self.metrics.grid
        around = QRectF()
        for cell in wanted:
            around = around.united(_cell_box(place, cell))
        painter.setFont(font(m.medium, bold=True))
        words = QFontMetricsF(painter.font()).boundingRect("here")
        label = QRectF(0, 0, words.width() + 2 * g, words.height() + g)
        label.moveCenter(around.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ACCENT)
        painter.drawRoundedRect(label, g / 2, g / 2)
        painter.setPen(BACK)
        painter.drawText(label, CENTRE, "here")

    def _corners(self, painter: QPainter, place: QRectF, pixels: Array) -> None:
        size = max(3.0, 0.35 * self.metrics.grid)
        for ink, more in ((BACK, 0.5 * size), (DONE, 0.0)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            for x, y in pixels:
                at = QPointF(place.left() + float(x), place.top() + float(y))
                painter.drawEllipse(at, size + more, size + more)

    def _nothing(self, painter: QPainter, box: QRectF, text: str) -> None:
        m, g = self.metrics, self.metrics.grid
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BACK)
        painter.drawRect(box)
        hatch(painter, box, LINE, 2 * g)
        painter.setFont(font(m.medium))
        flags = int(CENTRE | Qt.TextFlag.TextWordWrap)
        room = box.adjusted(3 * g, g, -3 * g, -g)
        words = QFontMetricsF(painter.font()).boundingRect(room, flags, text)
        painter.fillRect(words.adjusted(-g, -g / 2, g, g / 2), BACK)
        painter.setPen(TEXT)
        painter.drawText(words, flags, text)


def _cell_box(place: QRectF, cell: Cell) -> QRectF:
    width, height = place.width() / CELLS[0], place.height() / CELLS[1]
    return QRectF(place.left() + cell[0] * width, place.top() + cell[1] * height, width, height)
