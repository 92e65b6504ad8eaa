"""The cameras' images with the board's corners, and which parts of them are covered."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from calibration.cameras.rig_verdict import CELLS
from calibration.live.board_view import Cell
from calibration.live.capture_display import Shown
from calibration.live.meters import meters
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.view.ask_icons import DONE
from nav.view.camera_panes import CENTRE, CameraPanes
from nav.view.meter_bars import Meter
from nav.view.theme import ACCENT, BACK, TEXT, faded, font


class Panes(CameraPanes):
    """All cameras side by side.

    Parameters
    ----------
    names : tuple of str
        The cameras' names.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.shown: Shown | None = None
        self.blank = "starting"

    def show_panes(self, shown: Shown | None, blank: str) -> None:
        """Show what is seen now; with a reason in `blank`, no images."""
        if shown is not self.shown or blank != self.blank:
            self.shown, self.blank = shown, blank
            self.update()

    def picture(self, index: int) -> Picture | str:
        """Return a camera's present image, or why there is none."""
        pane = self.shown.panes[index] if self.shown is not None else None
        if pane is not None and pane.image is not None and not self.blank:
            return pane.image
        why = self.blank or ("starting" if pane is None else pane.why)
        return why if "no image" in why else f"no image: {why}"

    def heading(self, index: int) -> tuple[str, str]:
        """Return whether the board is seen."""
        if isinstance(self.picture(index), str) or self.shown is None:
            return "lost", "no image"
        count = len(self.shown.panes[index].corners)
        return ("seen", f"board seen, {count} corners") if count else ("unknown", "no board")

    def bars(self, index: int) -> tuple[Meter, ...]:
        """Return the progress of a camera's captures."""
        if self.shown is None:
            return ()
        return meters(self.shown.progress.cameras[index], self.shown.progress)

    def overlay(self, painter: QPainter, place: QRectF, scale: float, index: int) -> None:
        """Draw cells, corners, and a frame after a capture."""
        assert self.shown is not None
        self._cells(painter, place, index)
        self._corners(painter, place, (self.shown.panes[index].corners + 0.5) * scale)
        if self.shown.captured:
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


def _cell_box(place: QRectF, cell: Cell) -> QRectF:
    width, height = place.width() / CELLS[0], place.height() / CELLS[1]
    return QRectF(place.left() + cell[0] * width, place.top() + cell[1] * height, width, height)
