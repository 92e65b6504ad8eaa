"""Small drawings of what to do with the board."""

from collections.abc import Callable

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from calibration.live.capture_guide import Ask
from nav.core.frames import Array
from nav.view.ask_icons import STATES, draw_state
from nav.view.theme import ACCENT, BACK, FAINT, QUIET, TEXT, faded

COLUMNS, ROWS = 4, 3
FRONT = np.array([[-1.0, -0.75], [1.0, -0.75], [1.0, 0.75], [-1.0, 0.75]])
NEARER = 0.34  # by how much the near side is drawn larger, the far one smaller
SHORTER = 0.8


def draw_ask(painter: QPainter, box: QRectF, ask: Ask) -> None:
    """Draw the icon of a request in a square box.

    Parameters
    ----------
    painter : QPainter
        The painter.
    box : QRectF
        The box.
    ask : Ask
        The request.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if ask.kind in STATES:
        draw_state(painter, box, ask)
    else:
        DRAWN.get(ask.kind, _show)(painter, box, ask)
    painter.restore()


def tilted(way: tuple[int, int]) -> Array:
    """Compute the corners of a board with one side nearer.

    Parameters
    ----------
    way : tuple of 2 ints
        The side, right and down.

    Returns
    -------
    ndarray, shape (4, 2)
        Corners, from -1 to 1.
    """
    along = np.array(way, float) / max(np.linalg.norm(way), 1e-9)
    share = FRONT @ along
    flat = FRONT - (1 - SHORTER) * np.outer(share, along)
    corners = flat * (1 + NEARER * share)[:, None]
    return np.asarray(corners / max(1.0, float(np.abs(corners).max())), float)


def _board(painter: QPainter, box: QRectF, corners: Array, ink: QColor = TEXT) -> QPolygonF:
    """Draw a chequered board; corners (4, 2) from -1 to 1 in the box."""
    source = np.array([[0, 0], [COLUMNS, 0], [COLUMNS, ROWS], [0, ROWS]], np.float32)
    plane = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    outline = _polygon(box, corners)
    painter.setPen(QPen(ink, box.width() * 0.02))
    painter.setBrush(ink)
    painter.drawPolygon(outline)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACK)
    for c in range(COLUMNS):
        for r in range(ROWS):
            if (c + r) % 2 == 0:
                cell = np.array([[[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]]], np.float32)
                painter.drawPolygon(_polygon(box, cv2.perspectiveTransform(cell, plane)[0]))
    return outline


def _polygon(box: QRectF, points: Array) -> QPolygonF:
    middle, half = box.center(), box.width() / 2.3
    return QPolygonF(
        [QPointF(middle.x() + half * float(x), middle.y() + half * float(y)) for x, y in points]
    )


def _show(painter: QPainter, box: QRectF, ask: Ask) -> None:
    _board(painter, box, FRONT * 0.8)
    _frame(painter, box.adjusted(0, box.height() * 0.1, 0, -box.height() * 0.1))


def _frame(painter: QPainter, box: QRectF) -> None:
    """Draw the four corners of an image."""
    painter.setPen(QPen(ACCENT, box.width() * 0.045))
    arm = box.width() * 0.2
    inner = box.adjusted(*(box.width() * 0.03 * s for s in (1, 1, -1, -1)))
    for corner, x, y in (
        (inner.topLeft(), 1, 1), (inner.topRight(), -1, 1),
        (inner.bottomLeft(), 1, -1), (inner.bottomRight(), -1, -1),
    ):  # fmt: skip
        painter.drawLine(corner, corner + QPointF(arm * x, 0))
        painter.drawLine(corner, corner + QPointF(0, arm * y))


def _tilt(painter: QPainter, box: QRectF, ask: Ask) -> None:
    corners = tilted(ask.way)
    _board(painter, box, corners)
    way = np.array(ask.way, float)
    near = np.flatnonzero(FRONT @ way > 0.9 * (FRONT @ way).max() - 1e-9)
    outline = _polygon(box, corners[near])
    painter.setPen(QPen(ACCENT, box.width() * 0.08, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPolyline(outline)
    if len(near) == 1:
        painter.drawPoint(outline.at(0))


def _place(painter: QPainter, box: QRectF, ask: Ask) -> None:
    frame = QRectF(0, 0, box.width(), box.width() * 0.68)
    frame.moveCenter(box.center())
    painter.setPen(QPen(QUIET, box.width() * 0.03))
    painter.setBrush(faded(FAINT, 0.25))
    painter.drawRect(frame)
    half = np.array([frame.width(), frame.height()]) / 2
    at = np.array(ask.way) * half * 0.52
    small = QRectF(0, 0, box.width() * 0.46, box.width() * 0.46)
    small.moveCenter(frame.center() + QPointF(*at))
    _board(painter, small, FRONT, ACCENT)


def _nearer(painter: QPainter, box: QRectF, ask: Ask) -> None:
    _growing(painter, box, 0.42, 1.0)


def _farther(painter: QPainter, box: QRectF, ask: Ask) -> None:
    _growing(painter, box, 1.0, 0.45)


def _growing(painter: QPainter, box: QRectF, before: float, after: float) -> None:
    if after > before:
        _board(painter, box, FRONT * after)
    painter.setPen(QPen(ACCENT, box.width() * 0.04, Qt.PenStyle.DashLine))
    painter.setBrush(faded(ACCENT, 0.3))
    painter.drawPolygon(_polygon(box, FRONT * before))
    if after < before:
        _board(painter, box, FRONT * after)


def _still(painter: QPainter, box: QRectF, ask: Ask) -> None:
    _board(painter, box, FRONT, FAINT)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ACCENT)
    wide, high = box.width() * 0.13, box.width() * 0.5
    for side in (-1, 1):
        bar = QRectF(0, 0, wide, high)
        bar.moveCenter(box.center() + QPointF(side * wide, 0))
        painter.drawRect(bar)


def _both(painter: QPainter, box: QRectF, ask: Ask) -> None:
    for side in (-1, 1):
        frame = QRectF(0, 0, box.width() * 0.48, box.width() * 0.4)
        frame.moveCenter(box.center() + QPointF(side * box.width() * 0.26, 0))
        painter.setPen(QPen(ACCENT, box.width() * 0.03))
        painter.setBrush(faded(FAINT, 0.25))
        painter.drawRect(frame)
        inner = QRectF(0, 0, box.width() * 0.32, box.width() * 0.32)
        inner.moveCenter(frame.center())
        _board(painter, inner, FRONT)


Drawn = Callable[[QPainter, QRectF, Ask], None]
DRAWN: dict[str, Drawn] = {
    "show": _show, "tilt": _tilt, "place": _place, "nearer": _nearer, "farther": _farther,
    "still": _still, "both": _both,
}  # fmt: skip
