"""A slice with contours, cross-hair and marks; the mouse moves through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.case.case_state import ViewState
from nav.view.case.case_text import PLANE_LABELS
from nav.view.case.contour_paths import ContourPaths
from nav.view.case.contours import Contours
from nav.view.case.draft_painting import paint_brush
from nav.view.case.greys import GreyWindow
from nav.view.case.loading import ViewedCase
from nav.view.case.planes import Framing, Picture, Plane, framing_of
from nav.view.case.slice_painting import paint_slice
from nav.view.case.slices import SliceCache
from nav.view.sized import Sized

ZOOM = 1.15  # per notch of the wheel
NEAR_HANDLE = 1.4  # of the grid: how near to an entry or target the mouse grabs it
NOTCH = 120.0  # of Qt's wheel


@dataclass(frozen=True)
class Sources:
    """The data that all three slice views are painted from.

    Parameters
    ----------
    viewed : ViewedCase
        The case.
    slices : SliceCache or None
        Of its scan; None where it has none.
    contours : Contours
        Of its structures.
    paths : ContourPaths
        Of the contours.
    """

    viewed: ViewedCase
    slices: SliceCache | None
    contours: Contours
    paths: ContourPaths


def sources_of(viewed: ViewedCase) -> Sources:
    """Return the sources of a case.

    Parameters
    ----------
    viewed : ViewedCase
        The case.

    Returns
    -------
    Sources
        With empty caches.
    """
    contours = Contours(viewed.case.structures)
    slices = None if viewed.volume is None else SliceCache(viewed.volume)
    return Sources(viewed, slices, contours, ContourPaths(contours))


class SliceWidget(Sized):
    """Shows a ViewState in one plane.

    Parameters
    ----------
    sources : Sources
        Of the case.
    plane : Plane
        Of the slice.
    state : ViewState
        What is shown.
    """

    crossed = Signal(object)  # the cross-hair's new place (3,)
    stepped = Signal(object, float)  # plane, slices
    windowed = Signal(object)  # GreyWindow
    hovered = Signal(object)  # the place under the mouse (3,), or None
    plan_moved = Signal(str, str, object)  # name, end, place (3,)
    tool_used = Signal(str, object)  # "press", "move" or "release", place (3,)

    def __init__(self, sources: Sources, plane: Plane, state: ViewState) -> None:
        super().__init__()
        self.sources, self.plane, self.state = sources, plane, state
        self.framing: Framing | None = None
        self._held: Qt.MouseButton | None = None
        self._last = QPointF()
        self._handle: tuple[str, str] | None = None
        self._under: Array | None = None  # the mouse, mm
        self._turned = 0.0  # of the wheel, not yet a whole slice
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(200, 160)
        shown = {"plane": label(PLANE_LABELS[plane.name])}
        self.setAccessibleName(sentence(Notice("plane_slice", shown)))

    @property
    def picture(self) -> Picture:
        """The mapping of points to the widget."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        if self.framing is None:
            low, high = self.sources.viewed.focus
            self.framing = framing_of(self.plane, low, high, width / height)
        return Picture(self.plane, self.framing, width, height)

    def show_state(self, state: ViewState) -> None:
        """Show another state."""
        self.state = state
        self.update()

    def reset(self) -> None:
        """Show the whole slice again."""
        self.framing = None
        self.update()

    def zoom(self, factor: float, about: tuple[float, float] | None = None) -> None:
        """Zoom in by a factor; the position `about`, mm along the axes, stays where it is."""
        self.framing = self.picture.framing.zoomed(factor, about)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the slice."""
        painter = QPainter(self)
        paint_slice(painter, self.sources, self.state, self.picture, self.metrics)
        if self.state.draft is not None and self._under is not None:
            draft, tool = self.state.draft, self.state.tool
            paint_brush(painter, draft, tool, self._under, self.picture, self.metrics)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what was shown, or show everything if nothing was zoomed yet."""
        if self._held is None and self.framing is not None and not event.oldSize().isValid():
            self.framing = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag; left: cross-hair or plan's end, right: grey values, middle: shift."""
        self._held, self._last = event.button(), event.position()
        self._handle = None
        if self._held == Qt.MouseButton.LeftButton:
            self._handle = self._handle_at(event.position())
            if self._handle is None:
                self._use("press", self._point(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag, or the use of a tool."""
        used = self._held == Qt.MouseButton.LeftButton and self._handle is None
        if used and self.state.tool != "look":
            self.tool_used.emit("release", self._point(event.position()))
        self._held = self._handle = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue what the press began, and report what is under the mouse."""
        at = event.position()
        step, self._last = at - self._last, at
        point = self._point(at)
        if self._held == Qt.MouseButton.LeftButton:
            if self._handle is not None:
                self.plan_moved.emit(*self._handle, point)
            else:
                self._use("move", point)
        elif self._held == Qt.MouseButton.RightButton:
            window: GreyWindow = self.state.window.dragged(step.x(), step.y())
            self.windowed.emit(window)
        elif self._held == Qt.MouseButton.MiddleButton:
            a, b = np.array([step.x(), step.y()]) / self.picture.scale * self.plane.signs
            self.framing = self.picture.framing.shifted(-float(a), -float(b))
            self.update()
        self._under = point
        if self.state.draft is not None:
            self.update()
        self.hovered.emit(point)

    def leaveEvent(self, event: QEvent) -> None:
        """Report that nothing is under the mouse."""
        self._under = None
        self.update()
        self.hovered.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step through slices; with Ctrl, zoom."""
        notches = event.angleDelta().y() / NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = event.position()
            self.zoom(ZOOM**notches, self.picture.in_plane(at.x(), at.y()))
            return
        self._turned += notches
        whole = int(self._turned)
        self._turned -= whole
        if whole:
            self.stepped.emit(self.plane, float(whole))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole slice again; with a tool selected it is a second press."""
        if self.state.tool != "look":
            self.mousePressEvent(event)
            return
        self.reset()

    def _use(self, what: str, point: Array) -> None:
        """Move the cross-hair, or use the tool."""
        if self.state.tool == "look":
            self.crossed.emit(point)
        else:
            self.tool_used.emit(what, point)

    def _point(self, at: QPointF) -> Array:
        return self.picture.point(at.x(), at.y(), self.state.cross)

    def _handle_at(self, at: QPointF) -> tuple[str, str] | None:
        """Return the plan and end whose ring the mouse is on."""
        reach = NEAR_HANDLE * self.metrics.grid
        for plan in self.state.shown_plans:
            for end, point in (("entry", plan.entry), ("target", plan.target)):
                x, y = self.picture.pixels(point)
                if np.hypot(at.x() - x, at.y() - y) <= reach and near_slice(
                    point, self.plane, self.state.cross
                ):
                    return plan.name, end
        return None


def near_slice(point: Array, plane: Plane, cross: Array, within: float = 3.0) -> bool:
    """Return whether a point is near the slice through the cross-hair.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Model frame, mm.
    plane : Plane
        Of the slice.
    cross : ndarray, shape (3,)
        Model frame, mm.
    within : float
        Largest distance, mm.

    Returns
    -------
    bool
        Whether it is.
    """
    return bool(abs(point[plane.normal] - cross[plane.normal]) <= within)
