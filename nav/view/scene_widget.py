"""The 3D view: the anatomy's picture with the needle painted over it, turned with the mouse."""

import time
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)

from nav.model.case import Case
from nav.view.anatomy import Drawn
from nav.view.label_placement import LabelPlacer
from nav.view.live_display import SceneState
from nav.view.orientation import paint_axes, paint_ruler
from nav.view.overlay import Overlay
from nav.view.parallel_camera import View
from nav.view.render_process import Drawing, OwnDrawing, Wanted
from nav.view.sized import Sized
from nav.view.theme import BACK, QUIET, font
from nav.view.trackball import turned
from nav.view.viewpoints import FOLLOW, STANDARD, viewpoint

MOVING = 1 / 12  # s between two pictures while the view moves


class SceneWidget(Sized):
    """Shows a SceneState; `work` is called often, and requests and takes the anatomy's pictures.

    Parameters
    ----------
    case : Case
        What is navigated.
    diameter, length : float
        Of the shaft, mm.
    clock : callable
        s.
    drawing : Drawing, optional
        What renders the pictures; by default this process, a small piece with each `work`.
    """

    def __init__(
        self,
        case: Case,
        diameter: float,
        length: float,
        clock: Callable[[], float] = time.monotonic,
        drawing: Drawing | None = None,
    ) -> None:
        super().__init__()
        self.case, self.diameter, self.length, self.clock = case, diameter, length, clock
        self.drawing = OwnDrawing(case, clock) if drawing is None else drawing
        self.scene = SceneState()
        self.labels = LabelPlacer()
        self.named = STANDARD
        self.view = viewpoint(STANDARD, case, None)
        self.drawn: Drawn | None = None
        self.painted: QImage | None = None
        self._old = True
        self._asked_at = -np.inf
        self._asked_size = (0, 0)
        self._drag: tuple[QPointF, Qt.MouseButton] | None = None
        self.show_skin(False)
        self.setMinimumSize(320, 240)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def sizeHint(self) -> QSize:
        """Return a large size: the view takes the room that is left."""
        return QSize(1200, 700)

    def show_scene(self, scene: SceneState) -> None:
        """Show another needle; the anatomy's picture stays."""
        touching = bool(scene.fiducials) != bool(self.scene.fiducials)
        self.scene = scene
        if touching and self.named == STANDARD:
            self._look(viewpoint(STANDARD, self.case, scene))
        if self.named == FOLLOW:
            followed = viewpoint(FOLLOW, self.case, scene, self.view)
            if followed.differs(self.view):
                self._look(followed)
        self.update()

    def look(self, name: str) -> None:
        """Go to a named view."""
        self.named = name
        self._look(viewpoint(name, self.case, self.scene, self.view))

    def show_skin(self, shown: bool) -> None:
        """Show the skin as a faint hint, or not."""
        self.skin = shown
        self._look(self.view)

    def _look(self, view: View) -> None:
        self.view = view
        self._old = True

    def work(self, finish: bool = False) -> None:
        """Request the anatomy's picture if another is due, and take what is rendered.

        Parameters
        ----------
        finish : bool
            Wait for the fine picture.
        """
        size, now = self._pixels(), self.clock()
        due = finish or now - self._asked_at >= MOVING
        if due and (self._old or size != self._asked_size):
            self._asked_at, self._asked_size, self._old = now, size, False
            self.drawing.ask(self.wanted(*size))
        drawn = self.drawing.finish() if finish else self.drawing.newest()
        if drawn is not None:
            self._use(drawn)
        elif self.drawn is None:
            self.update()  # why may have changed

    def wanted(self, width: int, height: int) -> Wanted:
        """Return the request for the current view in a size, px."""
        return Wanted(self.view, width, height, self.skin)

    def _use(self, drawn: Drawn) -> None:
        self.drawn = drawn
        height, width, _ = drawn.image.shape
        self.painted = QImage(
            drawn.image.data, width, height, 3 * width, QImage.Format.Format_RGB888
        )
        self.update()

    def _pixels(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(16, round(self.width() * ratio)), max(16, round(self.height() * ratio))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the anatomy's last picture and what moves over it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), BACK)
        m, g = self.metrics, self.metrics.grid
        if self.drawn is not None and self.painted is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._picture_place(self.painted), self.painted)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.paint_over(painter, self.drawn)
            corner = QPointF(8.5 * g, self.height() - 8.5 * g)
            paint_axes(painter, self.drawn.view, corner, m)
            right = QPointF(self.width() - 2.5 * g, self.height() - 2.5 * g)
            scale = self.height() / 2 / self.drawn.view.half_height
            paint_ruler(painter, scale, right, m)
        else:
            painter.setFont(font(m.small))
            painter.setPen(QUIET)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.waiting)
        painter.end()

    @property
    def waiting(self) -> str:
        """Why there is no anatomy to be seen yet."""
        return self.drawing.problem or "The anatomy is being drawn"

    def paint_over(self, painter: QPainter, drawn: Drawn) -> None:
        """Paint what moves over the anatomy's picture."""
        overlay = Overlay(
            drawn,
            self.width(),
            self.height(),
            self.metrics,
            self.diameter,
            self.length,
            self.labels,
        )
        overlay.paint(painter, self.case, self.scene)

    def _picture_place(self, picture: QImage) -> QRectF:
        """Return a place as high as the view, centred: true to scale for every width."""
        width = self.height() * picture.width() / picture.height()
        return QRectF((self.width() - width) / 2, 0, width, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the view at another size."""
        self._look(self.view)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to turn (left button) or shift (middle or right) the view."""
        self._drag = (event.position(), event.button())
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End turning or shifting."""
        self._drag = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn or shift the view with the mouse."""
        if self._drag is None:
            return
        last, button = self._drag
        self._drag = (event.position(), button)
        self.named = ""
        turn = button == Qt.MouseButton.LeftButton
        size = (self.width(), self.height())
        step = event.position() - last
        self._look(turned(self.view, (step.x(), step.y()), size, turn))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with the wheel."""
        self.named = self.named if self.named == FOLLOW else ""
        self._look(self.view.zoomed(1.15 ** (event.angleDelta().y() / 120)))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the standard view."""
        self.look(STANDARD)
